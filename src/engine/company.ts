/**
 * Other threads that read the same capture and track a shard of its connections each, where cores are idle and the capture is long enough
 * to be worth their start. What comes of it is what one thread alone would have told: shard.ts.
 *
 * Records lie in memory that threads share, so nothing is copied when the shards are put together. Every thread reads and decodes all
 * packets; that costs less than tracking the others'.
 */
import { openSync, closeSync, readSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type CaptureInput, packingOf } from '../capture/index.ts';
import { programNamed } from '../capture/programs.ts';
import { trackerShare } from '../track/budget.ts';
import { PARTS, type Shard } from '../track/shard.ts';
import type { ShardRecords } from '../track/unite.ts';
import type { AnalysisOptions } from './analysis.ts';
import type { ShardReply, ShardRequest, ShardTask } from './shard-thread.ts';

/** Octets of a capture below which a second thread costs more than it saves: it has to warm up as the first does. */
const WORTH_IT = 160 * 1024 ** 2;
/** Octets that tell a compressed file. */
const HEAD = 16;

/** What a test says of the machine. */
interface Machine {
  readonly cores?: number;
  readonly worthIt?: number;
  /** The built `worker.ts`. */
  readonly program?: URL | null;
}

interface Member {
  readonly worker: Worker;
  /** Packets after which it waits for all others, once asked to. */
  readonly at: Promise<number>;
  /** null: it failed, or had to fold. */
  readonly done: Promise<{ readonly frames: number; readonly records: ShardRecords } | null>;
}

export class Company {
  /** The shard of this thread, and its share of memory. */
  readonly options: AnalysisOptions;
  /** Reading ends before the packet behind this one. */
  until = Infinity;
  readonly #members: readonly Member[];
  readonly #enough: AbortSignal | undefined;
  #halted = false;

  private constructor(inputs: readonly string[], options: AnalysisOptions, count: number, program: URL, enough: AbortSignal | undefined) {
    const { maxMemory } = options;
    const share = maxMemory === undefined ? {} : { maxMemory: maxMemory / count };
    const of = (index: number): { shard: Shard; maxMemory?: number } => ({ ...share, shard: { index, count } });
    this.options = of(0);
    this.#enough = enough;
    const { to, count: packets, profile, capturedUntil } = options;
    const reading = Object.fromEntries(
      Object.entries({ to, count: packets, profile, capturedUntil }).filter(([, value]) => value !== undefined),
    );
    this.#members = Array.from({ length: count - 1 }, (_, i) =>
      memberOf(
        new Worker(program, { workerData: { shardOf: inputs, options: { ...reading, ...of(i + 1) } } satisfies ShardTask, stdin: false }),
      ),
    );
  }

  /** null: this thread does better alone. */
  static of(inputs: readonly CaptureInput[], options: AnalysisOptions, enough?: AbortSignal, machine: Machine = {}): Company | null {
    const { cores = availableParallelism(), worthIt = WORTH_IT, program = programNamed('worker') } = machine;
    const count = cores >= PARTS ? PARTS : cores >= 2 ? 2 : 1;
    const paths = inputs.filter((input) => typeof input === 'string');
    if (count < 2 || paths.length < inputs.length || options.shard !== undefined || program === null) return null;
    const octets = plainOctets(paths);
    // A connection takes no more than its packets, or little. Where memory may run out, one thread must know all that it folds.
    const room = count * trackerShare((options.maxMemory ?? Infinity) / count);
    if (octets < worthIt || octets > room) return null;
    return new Company(paths, options, count, program, enough);
  }

  /**
   * Between two chunks: if reading is to end, agrees with the others after which packet. All wait for all, so that nobody is beyond it.
   * @param frames packets read so far
   */
  meet(frames: number): Promise<void> | undefined {
    if (this.#enough?.aborted !== true || this.#halted) return undefined;
    this.#halted = true;
    return this.#agree(frames);
  }

  async #agree(frames: number): Promise<void> {
    this.#tell({ halt: true });
    const positions = await Promise.all(this.#members.map(({ at, done }) => Promise.race([at, done.then((end) => end?.frames ?? 0)])));
    this.until = Math.max(frames, ...positions);
    this.#tell({ until: this.until });
  }

  /** What the others have; null: it is not of the same packets, or they could not. @param frames packets that this thread has read */
  async results(frames: number): Promise<readonly ShardRecords[] | null> {
    const all: ShardRecords[] = [];
    for (const { done } of this.#members) {
      const end = await done;
      if (end?.frames !== frames) return null;
      all.push(end.records);
    }
    return all;
  }

  close(): void {
    for (const { worker } of this.#members) void worker.terminate();
  }

  #tell(request: ShardRequest): void {
    for (const { worker } of this.#members) worker.postMessage(request);
  }
}

function memberOf(worker: Worker): Member {
  let arrived: (frames: number) => void = () => undefined;
  const at = new Promise<number>((resolve) => (arrived = resolve));
  const done = new Promise<Awaited<Member['done']>>((resolve) => {
    worker.on('message', (reply: ShardReply) => {
      if ('at' in reply) arrived(reply.at);
      else resolve(reply.records === null ? null : { frames: reply.frames, records: reply.records });
    });
    worker.once('error', () => resolve(null));
    worker.once('exit', () => resolve(null));
  });
  return { worker, at, done };
}

/** Of regular files that are no packed ones, in all; 0 where any is something else. */
function plainOctets(paths: readonly string[]): number {
  let octets = 0;
  for (const path of paths) {
    const size = path === '-' ? null : fileSize(path);
    if (size === null || packingOf(headOf(path)) !== null) return 0;
    octets += size;
  }
  return octets;
}

/** null: it is no regular file, or cannot be found. */
function fileSize(path: string): number | null {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : null;
  } catch {
    return null; // whoever reads it says why it cannot be read
  }
}

function headOf(path: string): Uint8Array {
  const head = new Uint8Array(HEAD);
  try {
    const file = openSync(path, 'r');
    try {
      return head.subarray(0, readSync(file, head, 0, HEAD, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return head; // whoever reads it says why it cannot be read
  }
}
