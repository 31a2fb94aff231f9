/**
 * Where a result goes. Written in pieces of about 64 KiB, each awaited, so that a million rows never pile up in memory and the
 * first failed write ends the command. A file appears under its name only once it is complete.
 */
import { isErrno, isStdout, NewFile, reason, refuseStdout } from '../engine/new-file.ts';
import { OutputError } from '../model/errors.ts';
import type { Pieces } from '../report/index.ts';
import { Interrupted, NobodyReads } from './failure.ts';
import type { World } from './world.ts';

/** UTF-16 units gathered before a write. */
const CHUNK = 64 * 1024;

/** Writes the pieces to `file`, or to standard output when there is none (or it is `-`). */
export async function writeResult(world: World, pieces: Pieces, file: string | undefined, inputs: readonly string[] = []): Promise<void> {
  if (file === undefined || isStdout(file)) {
    await refuseStdout(inputs);
    await pour(world, pieces, (text) => toStdout(world, text));
    return;
  }
  const target = await NewFile.open(file, inputs);
  try {
    await pour(world, pieces, (text) => target.write(text));
    await target.complete();
  } finally {
    await target.discard();
  }
}

async function pour(world: World, pieces: Pieces, write: (data: string | Uint8Array) => Promise<void>): Promise<void> {
  if (Symbol.asyncIterator in pieces) {
    for await (const octets of pieces) {
      await write(octets);
      throwIfInterrupted(world);
    }
    return;
  }
  let pending = '';
  for (const piece of pieces) {
    pending += piece;
    if (pending.length < CHUNK) continue;
    await write(pending);
    pending = '';
    throwIfInterrupted(world);
  }
  if (pending !== '') await write(pending);
}

export function throwIfInterrupted({ interrupted }: Pick<World, 'interrupted'>): void {
  if (interrupted.aborted) throw new Interrupted(Number(interrupted.reason));
}

export async function toStdout(world: World, text: string | Uint8Array): Promise<void> {
  try {
    await world.stdout.write(text);
  } catch (error) {
    if (!isErrno(error)) throw error;
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
      throw new NobodyReads('standard output was closed', { cause: error });
    throw new OutputError(`cannot write the result to standard output: ${reason(error)}`, { cause: error });
  }
}
