/**
 * Memory that the table of tuples outgrew, for the next pages of records: freed, it would wait for a garbage collection, which
 * this process has little reason for. Never more than the table itself, which doubles each time.
 */
export class Outgrown {
  /** The newest last, which is the largest; and how much of each is used, octets. */
  readonly #buffers: ArrayBufferLike[] = [];
  readonly #used: number[] = [];

  give(buffer: ArrayBufferLike): void {
    this.#buffers.push(buffer);
    this.#used.push(0);
  }

  /** So many octets, all zero: a piece of what is there, or null. */
  take(octets: number): Int32Array | null {
    for (let i = this.#buffers.length - 1; i >= 0; i--) {
      const buffer = this.#buffers[i]!;
      const from = this.#used[i]!;
      if (from + octets > buffer.byteLength) continue;
      this.#used[i] = from + octets;
      return new Int32Array(buffer, from, octets / 4).fill(0);
    }
    return null;
  }
}
