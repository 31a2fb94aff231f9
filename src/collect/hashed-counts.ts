/**
 * Counts of values, by two hashes of each: never less than how often the value came, and mostly just that. One pass over a column says of nearly all
 * values that they are too rare to be looked at, without a map of them and without sorting.
 *
 * A value counts in the lower of its two slots, and the higher one stays as it is ("conservative update", Estan and Varghese, 2002): where there
 * are twice as many values as slots, chance alone leaves none with more than half a dozen.
 */

import { Scratch } from './scratch.ts';

/** Slots, as powers of two: 512 octets to 4 MB. */
const FEWEST = 8;
const MOST = 22;
/** Of more values the slots have an octet each. */
const WIDE = 20;
/** 2^32 / golden ratio (Knuth, The Art of Computer Programming 3, §6.4), and another odd number. */
const FACTOR = 0x9e3779b1;
const OTHER_FACTOR = 0x85ebca6b;
/** What `add` returns where it does not know: 2^31 - 1. */
const MANY = 0x7fff_ffff;

export class HashedCounts {
  readonly #counts: Uint16Array | Uint8Array;
  readonly #shift: number;
  /** A count that reaches this may be any from here on. */
  readonly #full: number;
  /** The largest of them; Infinity: it may be any. */
  most = 0;

  /** @param values so many different ones, at most. */
  constructor(values: number, scratch = new Scratch()) {
    const bits = Math.min(MOST, Math.max(FEWEST, 33 - Math.clz32(values)));
    const { buffer, byteOffset } = scratch.column((1 << bits) / (bits <= WIDE ? 2 : 4));
    this.#counts = bits <= WIDE ? new Uint16Array(buffer, byteOffset, 1 << bits) : new Uint8Array(buffer, byteOffset, 1 << bits);
    this.#full = bits <= WIDE ? 0xffff : 0xff;
    this.#shift = 32 - bits;
  }

  /** Returns how often it has come now, or what has the same hash; where that is not known any more, the most that a number holds. */
  add(value: number, times = 1): number {
    const counts = this.#counts;
    const slot = Math.imul(value, FACTOR) >>> this.#shift;
    const other = Math.imul(value ^ (value >>> 15), OTHER_FACTOR) >>> this.#shift;
    const here = counts[slot]!;
    const there = counts[other]!;
    const count = (here < there ? here : there) + times;
    const stored = count < this.#full ? count : this.#full;
    if (here < stored) counts[slot] = stored;
    if (there < stored) counts[other] = stored;
    if (count > this.most) this.most = count < this.#full ? count : Infinity;
    return count < this.#full ? count : MANY;
  }

  /** At least as often as `value` was added. */
  of(value: number): number {
    const here = this.#counts[Math.imul(value, FACTOR) >>> this.#shift]!;
    const there = this.#counts[Math.imul(value ^ (value >>> 15), OTHER_FACTOR) >>> this.#shift]!;
    const count = here < there ? here : there;
    return count === this.#full ? Infinity : count;
  }
}
