/**
 * Counts of values, by a hash of each: never less than how often the value came, and mostly just that. One pass over a column says of nearly all
 * values that they are too rare to be looked at, without a map of them and without sorting.
 */

/** Slots, as powers of two: 512 octets to 16 MB. So many that chance alone leaves no value of ten millions with half a dozen others. */
const FEWEST = 8;
const MOST = 24;
/** Of more values the slots have an octet each. */
const WIDE = 20;
/** 2^32 / golden ratio (Knuth, The Art of Computer Programming 3, §6.4). */
const FACTOR = 0x9e3779b1;
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
  constructor(values: number) {
    const bits = Math.min(MOST, Math.max(FEWEST, 33 - Math.clz32(values)));
    this.#counts = bits <= WIDE ? new Uint16Array(1 << bits) : new Uint8Array(1 << bits);
    this.#full = bits <= WIDE ? 0xffff : 0xff;
    this.#shift = 32 - bits;
  }

  /** Returns how often it has come now, or what has the same hash; where that is not known any more, the most that a number holds. */
  add(value: number, times = 1): number {
    const slot = Math.imul(value, FACTOR) >>> this.#shift;
    const count = this.#counts[slot]! + times;
    this.#counts[slot] = Math.min(count, this.#full);
    if (count > this.most) this.most = count < this.#full ? count : Infinity;
    return count < this.#full ? count : MANY;
  }

  /** At least as often as `value` was added. */
  of(value: number): number {
    const count = this.#counts[Math.imul(value, FACTOR) >>> this.#shift]!;
    return count === this.#full ? Infinity : count;
  }
}
