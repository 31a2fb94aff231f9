/** A compressed stream as the one that it was made from; heavy work on a thread of its own. */
import { plural } from '../../model/wording.ts';
import { type Packing, PackingError } from './packing.ts';
import { programNamed } from '../programs.ts';

export { type PackingName, packingOf } from './packing.ts';

/** Octets. Below, a thread takes longer to start than the file to unpack. */
const WORTH_A_THREAD = 1024 * 1024;

export class UnpackedChunks implements AsyncIterable<Uint8Array> {
  readonly packing: Packing;
  /** Why unpacking ended early; null while it goes well. */
  damage: string | null = null;
  /** What follows the packed data and is none of them; null: nothing does. */
  behind: string | null = null;
  #given = 0;
  readonly #chunks: AsyncIterable<Uint8Array>;
  readonly #size: number | null;

  /** @param size octets of the packed stream; null when it cannot be known */
  constructor(packing: Packing, chunks: AsyncIterable<Uint8Array>, size: number | null) {
    this.packing = packing;
    this.#chunks = chunks;
    this.#size = size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      const packed = yield* await this.#unpacked();
      const behind = Math.max(this.#given, this.#size ?? 0) - packed;
      // Of a stream nobody knows how much more would have come.
      const count = `${this.#size === null ? 'at least ' : ''}${plural(behind, 'byte')}`;
      if (behind > 0) this.behind = `${count} behind the end of the ${this.packing.name} data are none of it, and were left out`;
    } catch (error) {
      if (!(error instanceof PackingError)) throw error;
      this.damage = error.message;
    }
  }

  async #unpacked(): Promise<AsyncGenerator<Uint8Array, number>> {
    const { packing } = this;
    const chunks = this.#counted();
    const program = packing.threaded && (this.#size === null || this.#size > WORTH_A_THREAD) ? programNamed('unpacker') : null;
    if (program === null) return (await packing.load())(chunks);
    return (await import('./thread.ts')).inThread(program, packing.name, chunks);
  }

  async *#counted(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of this.#chunks) {
      this.#given += chunk.length;
      yield chunk;
    }
  }
}
