/** A world of strings: what a user would have seen on both streams, and what the commands asked of the engine. */
import { fileURLToPath } from 'node:url';
import { run } from '../../src/commands/index.ts';
import type { World } from '../../src/commands/world.ts';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { fakeAnalysis, fakeRules } from './fake-analysis.ts';

export interface Asked {
  readonly paths: readonly string[];
  readonly options: AnalysisOptions;
}

export interface Seen {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  /** Sizes of the writes to standard output. */
  readonly writes: readonly number[];
  readonly asked: readonly Asked[];
}

export interface Surroundings extends Partial<Omit<World, 'stdout' | 'stderr'>> {
  readonly stdoutTty?: boolean;
  readonly stderrTty?: boolean;
  readonly columns?: number;
  /** The error of every write to standard output. */
  readonly stdoutError?: string;
}

/** Runs the command line in these surroundings; nothing of the real streams, clock or environment is touched. */
export async function tcpdiag(argv: readonly string[], surroundings: Surroundings = {}): Promise<Seen> {
  const { stdoutTty = false, stderrTty = false, columns, stdoutError, ...parts } = surroundings;
  let out = '';
  let err = '';
  const writes: number[] = [];
  const asked: Asked[] = [];
  const world: World = {
    stdout: {
      write: (text) => {
        if (stdoutError !== undefined) return Promise.reject(Object.assign(new Error(stdoutError), { code: stdoutError }));
        out += typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
        writes.push(text.length);
        return Promise.resolve();
      },
      isTTY: stdoutTty,
      columns,
    },
    stderr: {
      write: (text) => {
        err += String(text);
        return Promise.resolve();
      },
      isTTY: stderrTty,
      columns,
    },
    stdin: { isTTY: true },
    env: {},
    folder: fileURLToPath(new URL('.', import.meta.url)),
    version: '9.9.9',
    now: () => 0,
    memory: () => Infinity,
    peakMemory: () => 200_000_000,
    interrupted: new AbortController().signal,
    onFirstInterrupt: () => () => undefined,
    session: () => Promise.reject(new Error('no session in this world')),
    rules: () => Promise.resolve(fakeRules),
    crossRead: () => Promise.resolve({ verdict: 'agrees', packets: 849, whole: true }),
    openTui: () => Promise.resolve(null),
    ...parts,
    analyse: async (paths, options, hooks) => {
      asked.push({ paths, options });
      return parts.analyse === undefined ? fakeAnalysis() : parts.analyse(paths, options, hooks);
    },
  };
  const exitCode = await run(argv, world);
  return { exitCode, out, err, writes, asked };
}
