import { uncounted } from '../track/pages.ts';

/**
 * Room for columns that nobody needs any more when the function that fills them returns. One after the other they lie in the same place: freed,
 * each would wait for a garbage collection, and of a flood each has megaoctets.
 */
export class Scratch {
  #buffer: ArrayBufferLike = new ArrayBuffer(0);

  /** With whatever was in it before. */
  ints(length: number): Int32Array {
    return new Int32Array(this.#room(4 * length), 0, length);
  }

  /** Two columns of as many times. */
  times(length: number): readonly [Float64Array, Float64Array] {
    const room = this.#room(16 * length);
    return [new Float64Array(room, 0, length), new Float64Array(room, 8 * length, length)];
  }

  /** What is asked for beyond what was there is reserved twice, and takes no memory before it is written to. */
  #room(octets: number): ArrayBufferLike {
    if (octets > this.#buffer.byteLength) this.#buffer = uncounted(2 * octets);
    return this.#buffer;
  }
}
