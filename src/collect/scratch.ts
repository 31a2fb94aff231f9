import { uncounted } from '../track/pages.ts';

/**
 * Room for columns that nobody needs any more when the function that fills them returns. One after the other they lie in the same place: freed,
 * each would wait for a garbage collection, and of a flood each has megaoctets.
 */
export class Scratch {
  #buffer: ArrayBufferLike;

  /** @param length so many int32 will be asked for at once; more may be. Room takes no memory before it is written to. */
  constructor(length = 0) {
    this.#buffer = uncounted(4 * length);
  }

  /** With whatever was in it before. */
  ints(length: number): Int32Array {
    const octets = 4 * length;
    if (octets > this.#buffer.byteLength) this.#buffer = uncounted(2 * octets);
    return new Int32Array(this.#buffer, 0, length);
  }
}
