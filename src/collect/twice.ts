/**
 * Which values of a long column come again? One walk over it marks bits, another one asks: of ten million values that differ it is said of one in
 * nine in vain, and of none that comes again it is not said. What is left is few enough to be sorted.
 */

import type { Scratch } from './scratch.ts';

/** Bits for each value, and words at most: 8 MiB, which the processor's caches hold. */
const BITS_EACH = 16;
const MOST_WORDS = 1 << 21;
const FEWEST_WORDS = 64;
/** Bits that say that a value came again are a quarter as many, and by another hash: few values set one. */
const AGAIN_SHIFT = 2;
/** 2^32 / golden ratio (Knuth, The Art of Computer Programming 3, §6.4), which spreads steps of a counter evenly; and another odd number. */
const FACTOR = 0x9e3779b1;
const OTHER_FACTOR = 0x85ebca6b;

export class Twice {
  readonly #once: Int32Array;
  readonly #again: Int32Array;
  /** To the bits of a hash that are the place of one of ours. */
  readonly #shift: number;
  /** So many times the bit of a value was set before: by an equal one, or by chance. */
  again = 0;

  /** @param room `Twice.words(values)` words, with whatever is in them, that nobody else needs while values are added. */
  constructor(room: Int32Array, scratch: Scratch) {
    this.#once = room.fill(0);
    this.#again = scratch.column(room.length >>> AGAIN_SHIFT);
    this.#shift = Math.clz32(room.length * 32 - 1);
  }

  /** Room for so many values: a power of two. */
  static words(values: number): number {
    let words = FEWEST_WORDS;
    while (words * 32 < values * BITS_EACH && words < MOST_WORDS) words *= 2;
    return words;
  }

  /** Returns whether it may have been added before; of a value that was, it does. */
  add(value: number): boolean {
    const bit = Math.imul(value, FACTOR) >>> this.#shift;
    const words = this.#once;
    const word = words[bit >>> 5]!;
    if ((word & (1 << bit)) === 0) {
      words[bit >>> 5] = word | (1 << bit);
      return false;
    }
    this.#addAgain(value);
    return true;
  }

  /** May `value` have been added more than once? */
  may(value: number): boolean {
    const bit = Math.imul(value ^ (value >>> 16), OTHER_FACTOR) >>> (this.#shift + AGAIN_SHIFT);
    return (this.#again[bit >>> 5]! & (1 << bit)) !== 0;
  }

  #addAgain(value: number): void {
    const bit = Math.imul(value ^ (value >>> 16), OTHER_FACTOR) >>> (this.#shift + AGAIN_SHIFT);
    this.#again[bit >>> 5] = this.#again[bit >>> 5]! | (1 << bit);
    this.again++;
  }
}
