/**
 * A file that appears under its name only once it is complete: results, and captures that were taken out of another. Never one of the
 * captures that are being read, by whatever name.
 */
import { type BigIntStats, fstat } from 'node:fs';
import { access, constants, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { OutputError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';

/** Somewhere to write to. */
interface Target {
  readonly handle: FileHandle;
  /** null: written in place. */
  readonly temporary: string | null;
  readonly final: string;
}

export class NewFile {
  readonly #file: string;
  readonly #target: Target;
  #open = true;

  /** @param inputs the captures. @throws OutputError */
  static async open(file: string, inputs: readonly string[]): Promise<NewFile> {
    return new NewFile(file, await prepare(file, inputs));
  }

  private constructor(file: string, target: Target) {
    this.#file = file;
    this.#target = target;
  }

  /** @throws OutputError */
  async write(data: string | Uint8Array): Promise<void> {
    await this.#tried(this.#target.handle.writeFile(data));
  }

  /** It is all there. @throws OutputError */
  async complete(): Promise<void> {
    const { handle, temporary, final } = this.#target;
    await this.#tried(handle.close());
    if (temporary !== null) await this.#tried(rename(temporary, final));
    this.#open = false;
  }

  /** Leaves nothing behind, unless it is complete. */
  async discard(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#target.handle.close().catch(() => undefined);
    if (this.#target.temporary !== null) await rm(this.#target.temporary, { force: true });
  }

  async #tried(done: Promise<unknown>): Promise<void> {
    await done.catch((error: unknown) => {
      throw isErrno(error) ? unwritable(this.#file, error) : error;
    });
  }
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
    const { randomBytes } = await import('node:crypto');
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

/** Does this name stand for standard output? */
export const isStdout = (file: string): boolean => descriptorOf(file) === STDOUT;

/** Standard output may be redirected to the capture. @throws OutputError */
export async function refuseStdout(inputs: readonly string[]): Promise<void> {
  const target = await statOf(STDOUT).catch(() => null);
  if (target !== null) await refuseInput(target, inputs, 'standard output');
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

export const isErrno = (error: unknown): error is NodeJS.ErrnoException =>
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
  EPIPE: 'nobody reads it any more',
  ENXIO: 'it is a socket, or nobody is behind it',
  ELOOP: 'too many symbolic links',
  EISDIR: 'it is a directory',
  ETXTBSY: 'it is a program that is running',
  EBUSY: 'it is in use',
};

/** Why the system refused, in words where we have them. */
export const reason = (error: NodeJS.ErrnoException): string => REASONS[error.code ?? ''] ?? error.code ?? error.message;
