/**
 * A capture that is no file: its octets, from whoever has them. Like a file it can be given up while the next chunk is being waited for.
 */
import { UnreadableError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { type ChunkSource, openSource } from './source.ts';

/** A path (`-`: standard input), octets that come piece by piece, or all of them. */
export type CaptureInput = string | AsyncIterable<Uint8Array> | readonly Uint8Array[];

/** What stands for a path where there is none. */
export const STREAM_NAME = 'stream';

/** @throws UnreadableError */
export async function openInput(input: CaptureInput, chunkSize?: number): Promise<ChunkSource> {
  return typeof input === 'string' ? openSource(input, chunkSize) : new IterableSource(STREAM_NAME, input);
}

export class IterableSource implements ChunkSource {
  readonly path: string;
  readonly size: number | null;
  readonly failure = null;
  readonly identity = null;
  bytesRead = 0;
  readonly chunks: AsyncIterable<Uint8Array>;
  #closed = false;
  /** Answers whoever waits for a chunk that there is none. */
  #giveUp: () => void = () => undefined;

  constructor(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.path = path;
    this.size = Array.isArray(chunks) ? (chunks as readonly Uint8Array[]).reduce((sum, { length }) => sum + length, 0) : null;
    this.chunks = this.#read(Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]());
  }

  async *#read(from: AsyncIterator<unknown> | Iterator<unknown>): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const chunk = await this.#next(from);
        if (chunk === null) return;
        this.bytesRead += chunk.length;
        yield chunk;
      }
    } finally {
      // Not awaited: a generator that waits for its next chunk ends only when that has come.
      void Promise.resolve(from.return?.()).catch(() => undefined);
    }
  }

  async #next(from: AsyncIterator<unknown> | Iterator<unknown>): Promise<Uint8Array | null> {
    if (this.#closed) return null;
    let step: IteratorResult<unknown> | null;
    try {
      step = await new Promise((resolve, reject) => {
        this.#giveUp = () => resolve(null);
        Promise.resolve(from.next()).then(resolve, reject);
      });
    } catch (error) {
      if (error instanceof UnreadableError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new UnreadableError(`cannot read ${sanitise(this.path)}: ${sanitise(why, 200)}`, { cause: error });
    }
    if (step === null || step.done === true) return null;
    if (step.value instanceof Uint8Array) return step.value;
    throw new UnreadableError(`${sanitise(this.path)} gives ${typeof step.value === 'string' ? 'text' : 'something'} that is not octets`, {
      hint: 'Chunks are Uint8Array (a Buffer is one); a stream with an encoding gives text.',
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#giveUp();
    return Promise.resolve();
  }
}
