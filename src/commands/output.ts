/**
 * Where a result goes. Written in pieces of about 64 KiB, each awaited, so that a million rows never pile up in memory and the
 * first failed write ends the command. A file appears under its name only once it is complete.
 */
import { randomBytes } from 'node:crypto';
import { type BigIntStats, fstat } from 'node:fs';
import { access, constants, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { OutputError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { Interrupted, NobodyReads } from './failure.ts';
import type { World } from './world.ts';

/** UTF-16 units gathered before a write. */
const CHUNK = 64 * 1024;

/** Writes the pieces to `file`, or to standard output when there is none (or it is `-`). */
export async function writeResult(
  world: World,
  pieces: Iterable<string>,
  file: string | undefined,
  inputs: readonly string[] = [],
): Promise<void> {
  if (file === undefined || descriptorOf(file) === STDOUT) {
    const target = await statOf(STDOUT).catch(() => null);
    if (target !== null) await refuseInput(target, inputs, 'standard output');
    await pour(world, pieces, (text) => toStdout(world, text));
    return;
  }
  const target = await prepare(file, inputs);
  try {
    await pour(world, pieces, (text) => target.handle.writeFile(text));
    await target.handle.close();
    if (target.temporary !== null) await rename(target.temporary, target.final);
  } catch (error) {
    await target.handle.close().catch(() => undefined);
    if (target.temporary !== null) await rm(target.temporary, { force: true });
    throw isErrno(error) ? unwritable(file, error) : error;
  }
}

async function pour(world: World, pieces: Iterable<string>, write: (text: string) => Promise<void>): Promise<void> {
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

async function toStdout(world: World, text: string): Promise<void> {
  try {
    await world.stdout.write(text);
  } catch (error) {
    if (!isErrno(error)) throw error;
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
      throw new NobodyReads('standard output was closed', { cause: error });
    throw new OutputError(`cannot write the result to standard output: ${reason(error)}`, { cause: error });
  }
}

interface Target {
  readonly handle: FileHandle;
  /** null: written in place. */
  readonly temporary: string | null;
  readonly final: string;
}

async function prepare(file: string, inputs: readonly string[]): Promise<Target> {
  try {
    const existing = await stat(file, { bigint: true }).catch((error: unknown) => {
      if (isErrno(error) && error.code === 'ENOENT') return null;
      throw error;
    });
    if (existing?.isDirectory()) throw new OutputError(`cannot write to ${quoted(file)}: it is a directory`);
    if (existing !== null) await refuseInput(existing, inputs, quoted(file));
    // A device or a pipe is written in place: renaming over /dev/null would replace it.
    if (existing !== null && !existing.isFile()) return { handle: await open(file, 'w'), temporary: null, final: file };
    // What somebody opened for us goes on where they are, and keeps what they wrote.
    if (descriptorOf(file) !== null) return { handle: await open(file, 'a'), temporary: null, final: file };
    const final = existing === null ? file : await realpath(file); // a link keeps pointing where it did
    if (existing !== null) await access(final, constants.W_OK); // nobody who may not write to it may replace it
    const temporary = join(dirname(final), `.${basename(final).slice(0, 200)}.${randomBytes(6).toString('hex')}`);
    return { handle: await open(temporary, 'wx', existing === null ? 0o666 : Number(existing.mode) & 0o777), temporary, final };
  } catch (error) {
    throw isErrno(error) ? unwritable(file, error) : error;
  }
}

const fstatAsync = promisify(fstat);
const STDIN = 0;
const STDOUT = 1;

/** The file descriptor that this name stands for; null where it is a file's. */
function descriptorOf(file: string): number | null {
  if (file === '-' || file === '/dev/stdout') return STDOUT;
  const [, number] = /^(?:\/dev\/fd|\/proc\/(?:self|thread-self)\/fd)\/(\d+)$/.exec(file) ?? [];
  return number === undefined ? null : Number(number);
}

/** By whatever name: a link, another path to it, a second name of the same data, a shell's redirection. */
async function refuseInput(target: BigIntStats, inputs: readonly string[], name: string): Promise<void> {
  if (!target.isFile()) return;
  for (const input of inputs) {
    const facts = await (input === '-' ? statOf(STDIN) : stat(input, { bigint: true })).catch(() => null);
    if (facts !== null && facts.ino === target.ino && facts.dev === target.dev) {
      throw new OutputError(`${name} is the capture itself; choose another name for the result`);
    }
  }
}

const statOf = (descriptor: number): Promise<BigIntStats> => fstatAsync(descriptor, { bigint: true });

const unwritable = (file: string, error: NodeJS.ErrnoException): OutputError =>
  new OutputError(`cannot write to ${quoted(file)}: ${error.code === 'ENOENT' ? 'its folder does not exist' : reason(error)}`, {
    cause: error,
  });

const quoted = (name: string): string => `"${sanitise(name)}"`;

const isErrno = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of its path is not a folder',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'input/output error',
  EFBIG: 'a file may not be that large here',
  ENXIO: 'it is a socket, or nobody is behind it',
  ELOOP: 'too many symbolic links',
  EISDIR: 'it is a directory',
  ETXTBSY: 'it is a program that is running',
  EBUSY: 'it is in use',
};

/** Why the system refused, in words where we have them. */
export const reason = (error: NodeJS.ErrnoException): string => REASONS[error.code ?? ''] ?? error.code ?? error.message;
