/** The thread's own program: unpacks what it is given, a piece at a time, never further ahead than it is listened to. */
import { parentPort, workerData } from 'node:worker_threads';
import { type PackingName, PACKINGS, PackingError } from './packing.ts';
import type { FromUnpacker, ToUnpacker } from './thread.ts';

/** Octets handed over at a time, unless there is nothing to do but wait for input. */
const PIECE = 1024 * 1024;
/** Pieces that may wait on the other side. */
const AHEAD = 4;
/** Chunks asked for before they are needed. */
const WANTED = 2;

async function unpack(port: NonNullable<typeof parentPort>, name: PackingName): Promise<void> {
  const say = (message: FromUnpacker, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const chunks: (Uint8Array | null)[] = [];
  let waiting = 0;
  let sleepers: (() => void)[] = [];
  port.on('message', (message: ToUnpacker) => {
    if (message === 'used') waiting--;
    else chunks.push(message.chunk);
    const awake = sleepers;
    sleepers = [];
    for (const wake of awake) wake();
  });
  const news = (): Promise<void> => new Promise((resolve) => void sleepers.push(resolve));

  let piece = new Uint8Array(PIECE);
  let filled = 0;
  const send = async (): Promise<void> => {
    while (filled > 0 && waiting >= AHEAD) await news();
    if (filled === 0) return; // an unpacker that looks ahead for input was quicker
    waiting++;
    say({ piece: piece.subarray(0, filled) }, [piece.buffer]);
    piece = new Uint8Array(PIECE);
    filled = 0;
  };
  async function* input(): AsyncGenerator<Uint8Array, void> {
    for (let i = 0; i < WANTED; i++) say('want');
    for (;;) {
      if (chunks.length === 0) await send();
      while (chunks.length === 0) await news();
      const chunk = chunks.shift()!;
      if (chunk === null) return;
      yield chunk;
      say('want');
    }
  }

  try {
    const packing = PACKINGS.find((row) => row.name === name)!;
    const unpacking = (await packing.load())(input());
    let step = await unpacking.next();
    for (; step.done !== true; step = await unpacking.next()) {
      const bytes = step.value;
      for (let at = 0; at < bytes.length;) {
        const length = Math.min(bytes.length - at, PIECE - filled);
        piece.set(bytes.subarray(at, at + length), filled);
        filled += length;
        at += length;
        if (filled === PIECE) await send();
      }
    }
    await send();
    say({ packed: step.value });
  } catch (error) {
    if (!(error instanceof PackingError)) throw error;
    await send();
    say({ damage: error.message });
  } finally {
    port.close();
  }
}

if (parentPort) void unpack(parentPort, workerData as PackingName);
