/**
 * A copy of what came through standard input, a pipe with a name, or a stream of the caller's, so that a ladder or a packet can be read a second time.
 *
 * A temporary file that only its owner may read, and that is gone when the program is, also when it is killed: on Linux the name is
 * taken away at once and the file lives on behind its descriptor; elsewhere the name is removed when the thread ends.
 * Bounded: a longer stream is analysed as well, but cannot be gone back to. A full disk has the same effect.
 */
import type { createHash, Hash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CaptureFileFacts, type CaptureInput, type CaptureSink, readCaptures, readStreams, type Waypoints } from '../capture/index.ts';
import { openInput } from '../capture/input.ts';
import type { ChunkSource } from '../capture/source.ts';
import { TcpdiagError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';

/** Octets, of all streams together. What a person can wait for to be read again; /tmp is memory on many systems. */
const SPOOL_LIMIT = 1024 ** 3;

type Hashing = typeof createHash;
/** For those who want checksums: Node takes 3 ms to load it. */
export const hashing = async (): Promise<Hashing> => (await import('node:crypto')).createHash;

export class Spool {
  readonly #limit: number;
  #file: { readonly descriptor: number; readonly path: string; readonly remove: () => void } | null = null;
  #size = 0;
  #lost: string | null = null;
  readonly #hash: Hash | null;
  #sha256: string | null = null;

  /** @param hashing for the SHA-256, also of what is too long to be kept */
  constructor(limit = SPOOL_LIMIT, hashing: Hashing | null = null) {
    this.#limit = limit;
    this.#hash = hashing?.('sha256') ?? null;
  }

  /** In hexadecimal digits; null: nobody asked, or the stream was not read to its end. */
  get sha256(): string | null {
    return this.#sha256;
  }

  /** The stream has ended. */
  end(): void {
    this.#sha256 = this.#hash?.digest('hex') ?? null;
  }

  /** Why there is nothing to go back to, as a sentence; null while everything is here. */
  get lost(): string | null {
    return this.#lost;
  }

  /** Holds everything written so far; may be opened any number of times. null before the first byte and once it is lost. */
  get path(): string | null {
    return this.#file?.path ?? null;
  }

  /** Synchronous, so that a record that has been analysed can always be found again. Never throws. */
  write(chunk: Uint8Array): void {
    this.#hash?.update(chunk);
    if (this.#lost !== null) return;
    if (this.#size + chunk.length > this.#limit) {
      this.#give(`the stream is too long to go back to: only ${String(Math.floor(this.#limit / 1024 ** 2))} MiB of it are kept`);
      return;
    }
    try {
      this.#file ??= openHidden();
      for (let at = 0; at < chunk.length;) at += writeSync(this.#file.descriptor, chunk, at);
      this.#size += chunk.length;
    } catch (error) {
      this.#give(
        `the stream cannot be gone back to, because its copy could not be written: ${sanitise(error instanceof Error ? error.message : String(error))}`,
      );
    }
  }

  close(): void {
    this.#give('the session is closed');
  }

  #give(lost: string): void {
    this.#lost ??= lost;
    const file = this.#file;
    this.#file = null;
    if (!file) return;
    file.remove();
    closeSync(file.descriptor);
  }
}

function openHidden(): { descriptor: number; path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-')); // mode 0700
  const name = join(folder, 'stdin');
  const descriptor = openSync(name, 'wx+', 0o600);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  if (process.platform === 'linux') {
    remove();
    // proc_pid_fd(5): opening it gives the file itself, with an offset of its own.
    return { descriptor, path: `/proc/self/fd/${String(descriptor)}`, remove: () => undefined };
  }
  process.once('exit', remove);
  return {
    descriptor,
    path: name,
    remove: () => {
      process.removeListener('exit', remove);
      remove();
    },
  };
}

/** The copies of those inputs that can be read only once. */
export class Spools {
  readonly #byInput = new Map<CaptureInput, Spool>();
  readonly #hashing: Hashing | null;

  /** @param hashing for the SHA-256 of each stream */
  constructor(hashing: Hashing | null = null) {
    this.#hashing = hashing;
  }

  /** Begins a copy of each of these. */
  begin(inputs: readonly CaptureInput[]): void {
    for (const input of inputs) this.#byInput.set(input, new Spool(Math.floor(SPOOL_LIMIT / inputs.length), this.#hashing));
  }

  of(input: CaptureInput): Spool | null {
    return this.#byInput.get(input) ?? null;
  }

  /** The same inputs once more: a stream cannot be read twice, its copy can. @throws TcpdiagError where there is none */
  again(inputs: readonly CaptureInput[]): readonly CaptureInput[] {
    return inputs.map((input) => {
      const spool = this.of(input);
      if (spool === null && (typeof input === 'string' ? input !== '-' : Array.isArray(input))) return input;
      const copy = spool?.path ?? null;
      if (copy === null)
        throw new TcpdiagError(spool?.lost ?? `nothing has come through ${input === '-' ? 'standard input' : 'the stream'} yet`);
      return copy;
    });
  }

  close(): void {
    for (const spool of this.#byInput.values()) spool.close();
  }
}

/**
 * Standard input, and pipes with a name: opened again, they are empty or wait for somebody to write. A stream that was iterated is
 * over. What is wrong with a path is the reader's to say.
 */
function isReadOnce(input: CaptureInput): boolean {
  if (typeof input !== 'string') return !Array.isArray(input);
  if (input === '-') return true;
  try {
    return !statSync(input).isFile();
  } catch {
    return false;
  }
}

/** `readCaptures` that keeps a copy of what cannot be read a second time, and notes where a second reading can go on. */
export async function readAndKeep(
  inputs: readonly CaptureInput[],
  sink: CaptureSink,
  spools: Spools,
  signal: AbortSignal,
  noting: Waypoints,
): Promise<CaptureFileFacts[]> {
  const streams = inputs.filter(isReadOnce);
  if (streams.length === 0) return readCaptures(inputs, sink, { signal, noting });
  spools.begin(streams);
  const sources: ChunkSource[] = [];
  const close = (): Promise<unknown> => Promise.all(sources.map((source) => source.close()));
  const stop = (): void => void close();
  signal.addEventListener('abort', stop);
  try {
    for (const input of inputs) sources.push(await openInput(input));
    if (signal.aborted) stop();
    const copied = sources.map(({ path, chunks }, i) => {
      const spool = spools.of(inputs[i] ?? path);
      return { name: path, chunks: spool === null ? chunks : kept(chunks, spool) };
    });
    return await readStreams(copied, sink, { signal, noting });
  } finally {
    signal.removeEventListener('abort', stop);
    await close();
  }
}

async function* kept(chunks: AsyncIterable<Uint8Array>, spool: Spool): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    spool.write(chunk);
    yield chunk;
  }
  spool.end();
}
