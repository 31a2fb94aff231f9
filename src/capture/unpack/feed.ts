/** Chunks that come when they come, for decoders that want to have so many octets side by side. */
import { ByteWindow } from '../window.ts';

export class Feed {
  /** What has come and was not taken: readable from `at` to `end`. */
  readonly window = new ByteWindow();
  readonly #chunks: AsyncIterator<Uint8Array>;
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** True when `count` octets lie in the window; false when the input ends before: then it holds all that is left. */
  async need(count: number): Promise<boolean> {
    while (!this.window.gather(count)) {
      if (this.#ended) return false;
      const chunk = await this.#chunks.next();
      if (chunk.done === true) this.#ended = true;
      else this.window.push(chunk.value);
    }
    return true;
  }

  /** Passes over octets; false when the input ends before. */
  async skip(count: number): Promise<boolean> {
    for (let left = count; left > 0;) {
      const step = Math.min(left, SKIP);
      if (!(await this.need(step))) return false;
      this.window.at += step;
      left -= step;
    }
    return true;
  }
}

/** Octets. */
const SKIP = 64 * 1024;
