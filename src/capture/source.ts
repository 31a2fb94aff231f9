/**
 * Where the bytes come from: a file, or standard input. The only I/O of the capture stage.
 *
 * Files are read into two buffers by turns, the next read under way while the last is being parsed; a chunk is good until the
 * next one is asked for. A file that is still being written is read to the end it has when we get there.
 */
import { close, constants, fstat, open, read, readSync, stat, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { platform } from 'node:os';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { UnreadableError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';

const openFd = promisify(open);
const closeFd = promisify(close);
const readFd = promisify(read);
const statFd = promisify(fstat);
const statPath = promisify(stat);

/** Octets. Two of these, and what the tracker touches, fit a second-level cache: larger reads push it out (docs/performance.md). */
export const CHUNK = 256 * 1024;

export interface ChunkSource {
  /** As the user wrote it: sanitise before showing. */
  readonly path: string;
  /** Octets; null when it cannot be known. */
  readonly size: number | null;
  /** Octets handed out so far. */
  readonly bytesRead: number;
  /** Why reading ended before the input did, though something had been read; null: it did not. */
  readonly failure: string | null;
  /** Which file this is, whatever it is called; null: what comes is not what lies on a disk. */
  readonly identity: string | null;
  /**
   * Reads so many octets from this one of the file on, at most a chunk, at once; what was read before is gone, and chunks go on behind them.
   * null: they cannot be read. Absent: bytes come as they come.
   */
  leap?: ((offset: number, octets: number) => Uint8Array | null) | undefined;
  /** To be iterated once. A chunk is valid until the next is asked for. Throws UnreadableError. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Ends the chunks, also one that is being waited for, and frees everything. May be called twice. */
  close(): Promise<void>;
}

/** @param path a file, or `-` for standard input. @param chunkSize octets per read of a file. @throws UnreadableError */
export async function openSource(path: string, chunkSize = CHUNK): Promise<ChunkSource> {
  let fd = STDIN;
  try {
    if (path !== '-') fd = await openFd(path, await flagsFor(path));
    const stats = await statFd(fd);
    if (stats.isDirectory()) throw new UnreadableError(`${named(path)} is a directory`, { hint: 'Name the capture files in it.' });
    if (isatty(fd)) {
      throw new UnreadableError(`${named(path)} is a terminal`, { hint: 'Name a capture file, or pipe one in: tcpdump -w - | tcpdiag -' });
    }
    return isStream(stats) ? new StreamSource(path, fd) : new FileSource(path, fd, stats, chunkSize);
  } catch (error) {
    if (fd !== STDIN) await closeFd(fd);
    throw unreadable(path, error);
  }
}

const STDIN = 0;

/**
 * Opening a FIFO waits for its writer, in a thread that nothing can call back. Linux lets us wait in the event loop instead: what is
 * opened without waiting is at its end only when a writer has come and gone (fifo(7), poll(2)); elsewhere it would be at once.
 */
async function flagsFor(path: string): Promise<number> {
  const { O_RDONLY, O_NONBLOCK } = constants;
  return platform() === 'linux' && (await statPath(path)).isFIFO() ? O_RDONLY | O_NONBLOCK : O_RDONLY;
}

/** Pipes block: they are read through the event loop, where waiting can be ended. */
const isStream = (stats: Stats): boolean => stats.isFIFO() || stats.isSocket();

const NOTHING = new Uint8Array(0);

class FileSource implements ChunkSource {
  readonly path: string;
  readonly size: number | null;
  bytesRead = 0;
  failure: string | null = null;
  readonly identity: string | null;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly leap: ((offset: number, octets: number) => Uint8Array | null) | undefined;
  readonly #fd: number;
  readonly #chunkSize: number;
  /** Of the next read; null: wherever the descriptor stands. */
  #position: number | null = null;
  #leapt = false;
  /** The buffer that is being parsed, and that a leap fills anew; of many files each has its own, but only while it is read. */
  #landing = NOTHING;
  #closed = false;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(path: string, fd: number, stats: Stats, chunkSize: number) {
    const isFile = stats.isFile();
    this.path = path;
    this.size = isFile ? stats.size : null;
    this.identity = isFile ? `${String(stats.dev)}:${String(stats.ino)}` : null;
    if (isFile && fd !== STDIN) this.leap = (offset, octets) => this.#leap(offset, octets);
    this.#fd = fd;
    this.#chunkSize = chunkSize;
    this.chunks = this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array, void> {
    const buffers = [new Uint8Array(this.#chunkSize), new Uint8Array(this.#chunkSize)] as const;
    let turn = 0;
    let ahead: Promise<number> | null = null;
    for (;;) {
      let length: number;
      const leapt = this.#leapt;
      this.#leapt = false;
      try {
        if (leapt) await ahead?.catch(() => undefined);
        length = await (leapt || ahead === null ? this.#start(buffers[turn]!) : ahead);
      } catch (error) {
        // A disk that fails in the middle takes nothing with it of what was read before.
        if (this.bytesRead === 0) throw unreadable(this.path, error);
        this.failure = `the file could not be read further: ${reasonOf(error)}`;
        length = 0;
      }
      if (length === 0) break;
      const full = buffers[turn]!;
      this.#landing = full;
      turn ^= 1;
      this.bytesRead += length;
      if (this.#position !== null) this.#position += length;
      ahead = this.#start(buffers[turn]!);
      yield full.subarray(0, length);
    }
    this.#landing = NOTHING;
  }

  /** Small reads of what mostly lies in memory: waiting for a thread would take longer than they do. */
  #leap(offset: number, octets: number): Uint8Array | null {
    const landing = this.#landing;
    let length: number;
    try {
      length = this.#closed ? 0 : readSync(this.#fd, landing, 0, Math.min(octets, landing.length), offset);
    } catch {
      return null;
    }
    this.bytesRead += length;
    this.#position = offset + length;
    this.#leapt = true;
    return landing.subarray(0, length);
  }

  #start(buffer: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.resolve(0);
    const started = readFd(this.#fd, buffer, 0, buffer.length, this.#position).then(({ bytesRead }) => bytesRead);
    this.#reading = started.catch(() => undefined); // the failure is seen where the chunk is awaited
    return started;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#reading;
    if (this.#fd !== STDIN) await closeFd(this.#fd);
  }
}

class StreamSource implements ChunkSource {
  readonly path: string;
  readonly size = null;
  readonly failure = null;
  readonly identity = null;
  bytesRead = 0;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #socket: Socket;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.chunks = this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of this.#socket as AsyncIterable<Uint8Array>) {
        this.bytesRead += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (this.#socket.errored === null) return; // closed while it waited
      throw unreadable(this.path, error);
    }
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}

const named = (path: string): string => (path === '-' ? 'standard input' : sanitise(path));

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many files are open',
  EBADF: 'it is not open',
  ENXIO: 'it is a socket, or nobody is behind it',
  EIO: 'input/output error',
};

function unreadable(path: string, error: unknown): UnreadableError {
  if (error instanceof UnreadableError) return error;
  const verb = error instanceof Error && (error as NodeJS.ErrnoException).syscall === 'read' ? 'read' : 'open';
  return new UnreadableError(`cannot ${verb} ${named(path)}: ${reasonOf(error)}`, { cause: error });
}

function reasonOf(error: unknown): string {
  const { code = '', message = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return REASONS[code] ?? sanitise(message, 200);
}
