/**
 * What sampled segments say about how the capture was made: cut options, checksums, the clock. One object for the three,
 * so that the tracker has one thing to show a segment to.
 */
import type { Packet } from '../decode/packet.ts';
import type { AddressBook } from './address-book.ts';
import { CaptureClock, type Sender } from './capture-clock.ts';
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
  }

  /** A sampled segment. `x` stands at its connection; null: another shard has that. */
  look(k: Packet, frame: number, now: number, from: Sender, x: Context | null): void {
    this.cuts.note(k, x === null ? -1 : x.id);
    this.clock.note(k, frame, now, from);
    if (k.payloadLength === 0 || frame <= SUM_FIRST || frame % SUM_EVERY === 0) this.checksums.verify(k, frame, now, x);
  }
}
