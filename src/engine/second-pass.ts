/**
 * Reads the capture once more, up to a frame: how a ladder or a packet is shown without keeping every segment in memory.
 *
 * One pass at a time: a person who holds a key down must not start twenty of them side by side.
 */
import type { CaptureSink } from '../capture/index.ts';
import type { RawRecord } from '../capture/reader.ts';

/** Reads the capture from its beginning until the sink has had enough. */
export type ReadAgain = (sink: CaptureSink, signal: AbortSignal) => Promise<unknown>;

/** Called with every record, its frame number, and the index of the file that it is from; false ends the pass. */
export type Visit = (record: RawRecord, frame: number, file: number) => boolean;

export class SecondPass {
  readonly #read: ReadAgain;
  readonly #signal: AbortSignal;
  #last: Promise<unknown> = Promise.resolve();

  constructor(read: ReadAgain, signal: AbortSignal) {
    this.#read = read;
    this.#signal = signal;
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  /**
   * @param rest what is done between two chunks of the input; reading waits for it.
   * @param wanted the next frame that has to be visited, asked after each one; those before it may be left out
   */
  run(visit: Visit, { rest, wanted }: { readonly rest?: () => Promise<void>; readonly wanted?: () => number } = {}): Promise<void> {
    const pass = this.#last.then(async () => {
      this.#signal.throwIfAborted();
      let frame = 0;
      const sink: CaptureSink = { record: (record, file) => visit(record, ++frame, file) };
      if (rest !== undefined) sink.chunk = rest;
      if (wanted !== undefined) {
        sink.leaving = { unwanted: () => wanted() - frame - 1, passed: (records) => void (frame += records) };
      }
      await this.#read(sink, this.#signal);
      this.#signal.throwIfAborted();
    });
    this.#last = pass.catch(() => undefined);
    return pass;
  }
}
