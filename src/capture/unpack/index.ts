/** A compressed stream as the one that it was made from; heavy work on a thread of its own. */
import { type Packing, PackingError } from './packing.ts';
import { programNamed } from '../programs.ts';
import { inThread } from './thread.ts';

export { type PackingName, packingOf } from './packing.ts';

/** Octets. Below, a thread takes longer to start than the file to unpack. */
const WORTH_A_THREAD = 1024 * 1024;

export class UnpackedChunks implements AsyncIterable<Uint8Array> {
  readonly packing: Packing;
  /** Why unpacking ended early; null while it goes well. */
  damage: string | null = null;
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
      yield* await this.#unpacked();
    } catch (error) {
      if (!(error instanceof PackingError)) throw error;
      this.damage = error.message;
    }
  }

  async #unpacked(): Promise<AsyncIterable<Uint8Array>> {
    const { packing } = this;
    const program = packing.threaded && (this.#size === null || this.#size > WORTH_A_THREAD) ? programNamed('unpacker') : null;
    return program === null ? (await packing.load())(this.#chunks) : inThread(program, packing.name, this.#chunks);
  }
}
