import type { Scratch } from './scratch.ts';

/** Small numbers that are not negative, each in as few bits as the largest needs: 2, 4, 8, 16 or 32. Of a flood an octet each is ten megaoctets. */
export class NarrowColumn {
  readonly #length: number;
  readonly #scratch: Scratch;
  #words: Int32Array;
  /** Powers of two: bits of a value, and values in a word. */
  #width: number;
  #each: number;
  /** A value and a place inside a word at the most. */
  #most: number;
  #place: number;

  /** @param width 1 for values below 4; of larger ones it grows */
  constructor(length: number, scratch: Scratch, width: 1 | 2 | 3 | 4 | 5 = 2) {
    this.#scratch = scratch;
    this.#length = length;
    this.#width = width;
    this.#each = 5 - width;
    this.#most = 2 ** (1 << width) - 1;
    this.#place = (1 << this.#each) - 1;
    this.#words = scratch.column((length >>> this.#each) + 1);
  }

  get(at: number): number {
    return (this.#words[at >>> this.#each]! >>> ((at & this.#place) << this.#width)) & this.#most;
  }

  set(at: number, value: number): void {
    if (value > this.#most) this.#widen(value);
    const word = at >>> this.#each;
    const shift = (at & this.#place) << this.#width;
    this.#words[word] = (this.#words[word]! & ~(this.#most << shift)) | (value << shift);
  }

  #widen(value: number): void {
    let width = this.#width + 1;
    while (value > 2 ** (1 << width) - 1) width++;
    const wider = new NarrowColumn(this.#length, this.#scratch, width as 1 | 2 | 3 | 4 | 5);
    for (let at = 0; at < this.#length; at++) wider.set(at, this.get(at));
    this.#words = wider.#words;
    this.#width = wider.#width;
    this.#each = wider.#each;
    this.#most = wider.#most;
    this.#place = wider.#place;
  }
}
