/**
 * Counts of values, by a hash of each: never less than how often the value came, and mostly just that. One pass over a column says of nearly all
 * values that they are too rare to be looked at, without a map of them and without sorting.
 */

/** Slots, as powers of two: 1 kB to 4 MB. */
const FEWEST = 8;
const MOST = 20;
/** 2^32 / golden ratio (Knuth, The Art of Computer Programming 3, §6.4). */
const FACTOR = 0x9e3779b1;

export class HashedCounts {
  readonly #counts: Int32Array;
  readonly #shift: number;
  /** The largest of them. */
  most = 0;

  /** @param values so many different ones, at most. */
  constructor(values: number) {
    const bits = Math.min(MOST, Math.max(FEWEST, 32 - Math.clz32(values)));
    this.#counts = new Int32Array(1 << bits);
    this.#shift = 32 - bits;
  }

  add(value: number, times = 1): void {
    const slot = Math.imul(value, FACTOR) >>> this.#shift;
    const count = this.#counts[slot]! + times;
    this.#counts[slot] = count;
    if (count > this.most) this.most = count;
  }

  /** At least as often as `value` was added. */
  of(value: number): number {
    return this.#counts[Math.imul(value, FACTOR) >>> this.#shift]!;
  }
}

export function countsOfColumn(values: Int32Array): HashedCounts {
  const counts = new HashedCounts(values.length);
  for (let i = 0; i < values.length; i++) counts.add(values[i]!);
  return counts;
}
