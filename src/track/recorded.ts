/**
 * What sampled segments say about how the capture was made: cut options, checksums, the clock. One object for the three,
 * so that the tracker has one thing to show a segment to.
 */
import type { Packet } from '../decode/packet.ts';
import type { AddressBook } from './address-book.ts';
import { CaptureClock } from './capture-clock.ts';
import { Checksums } from './checksums.ts';
import type { Context } from './context.ts';
import { SegmentCuts } from './cuts.ts';

/** Checksums of segments with payload: of these first frames, then of one in so many. A full segment costs as much as tracking it. */
const SUM_FIRST = 4_096;
const SUM_EVERY = 256;

export class Recorded {
  readonly cuts = new SegmentCuts();
  readonly checksums: Checksums;
  readonly clock: CaptureClock;

  constructor(addresses: AddressBook) {
    this.checksums = new Checksums(addresses);
    this.clock = new CaptureClock(addresses);
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. */
  renumber(ids: Int32Array): void {
    this.cuts.renumber(ids);
    this.checksums.renumber(ids);
    this.clock.renumber(ids);
  }

  /** A sampled segment of the connection at which `x` stands. */
  look(x: Context, k: Packet): void {
    this.cuts.note(k, x.id);
    this.clock.note(x, k);
    if (k.payloadLength === 0 || x.frame <= SUM_FIRST || x.frame % SUM_EVERY === 0) this.checksums.verify(x, k);
  }
}
