/**
 * Unpacking on a thread of its own, beside the analysis: this thread's side. `unpacker.ts` is the other.
 *
 * Both directions are asked for: a chunk goes to the thread when it wants one, and it stops when so many pieces wait here.
 * So neither side can flood the other, whatever a file unpacks to.
 */
import { Worker } from 'node:worker_threads';
import { type PackingName, PackingError } from './packing.ts';

/** To the thread: the next chunk, null after the last; or that one piece was used up. */
export type ToUnpacker = { readonly chunk: Uint8Array<ArrayBuffer> | null } | 'used';
/** From the thread: unpacked octets, the end and how many packed ones there were, the sentence of a PackingError, or that it wants a chunk. */
export type FromUnpacker = { readonly piece: Uint8Array<ArrayBuffer> } | { readonly packed: number } | { readonly damage: string } | 'want';

export async function* inThread(program: URL, name: PackingName, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, number> {
  const worker = new Worker(program, { workerData: name });
  const source = chunks[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let over = false;
  let packed = 0;
  let failure: { readonly error: unknown } | null = null;
  let wake: () => void = () => undefined;
  const end = (error?: unknown): void => {
    over = true;
    if (error !== undefined) failure ??= { error };
    wake();
  };
  const say = (message: ToUnpacker, transfer: readonly ArrayBuffer[] = []): void => worker.postMessage(message, transfer);

  // One at a time: a chunk is good until the next is asked for.
  let feeding: Promise<void> = Promise.resolve();
  const feed = async (): Promise<void> => {
    if (over) return;
    const next = await source.next();
    const chunk = next.done === true ? null : new Uint8Array(next.value);
    say({ chunk }, chunk ? [chunk.buffer] : []);
  };

  worker.on('message', (message: FromUnpacker) => {
    if (message === 'want') feeding = feeding.then(feed).catch(end);
    else if ('damage' in message) end(new PackingError(message.damage));
    else if ('packed' in message) {
      packed = message.packed;
      end();
    } else {
      pieces.push(message.piece);
      wake();
    }
  });
  worker.once('error', (error) => end(new PackingError(`the ${name} data could not be unpacked (${error.message})`)));
  worker.once('exit', () => end());
  try {
    for (;;) {
      const piece = pieces.shift();
      if (piece !== undefined) {
        yield piece;
        say('used');
      } else if (over) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
    return packed;
  } finally {
    over = true;
    await worker.terminate();
  }
}
