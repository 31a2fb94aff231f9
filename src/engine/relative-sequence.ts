/**
 * Sequence and acknowledgment numbers as people read them: from each sender's ISN, or from the first number seen of it, and beyond
 * 2^32 when the stream is that long.
 */
import { Flag } from '../model/flags.ts';
import { seqDiff } from '../model/seq.ts';
import { SIDE_NAMES, type Side } from '../model/state.ts';

interface Base {
  known: boolean;
  /** The highest number seen, absolute (int32) and relative. Others are counted from it: a stream moves less than 2^31 between two segments. */
  absolute: number;
  relative: number;
}

export class RelativeSequence {
  readonly #bases: readonly Base[] = SIDE_NAMES.map(() => ({ known: false, absolute: 0, relative: 0 }));

  seq(side: Side, seq: number, flags: number): number {
    const base = this.#bases[side]!;
    // Another ISN before anything else was sent: the attempt before it is over. Later SYNs are strays.
    const opens = (flags & Flag.SYN) !== 0 && base.relative <= 1;
    if (opens && seqDiff(seq, base.absolute) !== -base.relative) base.known = false;
    // The number of a RST may be made up (RFC 9293 §3.10.7.1): it is measured, and measures nothing.
    if ((flags & Flag.RST) !== 0 && !base.known) return 0;
    return this.#of(base, seq, (flags & Flag.RST) === 0);
  }

  /** @param side whose octets are acknowledged. */
  ack(side: Side, ack: number): number {
    return this.#of(this.#bases[side]!, ack, true);
  }

  #of(base: Base, absolute: number, moves: boolean): number {
    if (!base.known) {
      base.known = true;
      base.absolute = absolute;
      base.relative = 0;
      return 0;
    }
    const distance = seqDiff(absolute, base.absolute);
    const relative = base.relative + distance;
    if (distance > 0 && moves) {
      base.absolute = absolute;
      base.relative = relative;
    }
    return relative;
  }
}
