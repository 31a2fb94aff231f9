/** `check --cross-read`: both readers in a process of their own, with limits of time and memory. */
import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CrossReadResult } from '../capture/cross-read.ts';
import { isExecutable, programNamed } from '../capture/programs.ts';
import { plural } from '../report/narrate.ts';

/** What is compared at most takes a second or two. */
const SECONDS = 60;
/** Of V8's heap. The octets of the capture lie outside of it, and are bounded by what is compared at most. */
const HEAP_MIB = 256;

export interface Limits {
  readonly signal?: AbortSignal;
  readonly seconds?: number;
  /** The built `cross-reader.ts`. */
  readonly program?: URL;
}

/** How the single executable knows that it was started as the reader. */
export const CHILD = { variable: 'TCPDIAG_PROGRAM', value: 'cross-reader' } as const;

/** Settles always: what went wrong over there is a reason why the two could not be compared. */
export function crossReadApart(path: string, { signal, seconds = SECONDS, program }: Limits = {}): Promise<CrossReadResult> {
  if (!isRegular(path)) return Promise.resolve(notComparable('what comes through a pipe can be read only once'));
  return new Promise((resolve) => {
    let result: CrossReadResult | null = null;
    let late = false;
    // Its last words (a stack, an abort for want of memory) would stand in the middle of ours.
    const child = start(path, program);
    const stop = (): void => void child.kill('SIGKILL');
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, seconds * 1_000);
    signal?.addEventListener('abort', stop);
    child.on('message', (message) => (result = message as CrossReadResult));
    child.on('error', stop);
    child.on('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      const why = late
        ? `it did not come to an end within ${plural(seconds, 'second')}`
        : `it broke off without an answer (within ${String(HEAP_MIB)} MiB of heap)`;
      resolve(result ?? notComparable(`pcap-parser was given the capture in a process of its own, and ${why}`));
    });
  });
}

const isRegular = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
const notComparable = (because: string): CrossReadResult => ({ verdict: 'not-comparable', because });

function start(path: string, program = isExecutable() ? null : programNamed('cross-reader')): ChildProcess {
  const limit = `--max-old-space-size=${String(HEAP_MIB)}`;
  const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', 'ipc'];
  if (program !== null) return fork(fileURLToPath(program), [path], { stdio, execArgv: [limit] });
  // The executable takes V8's options from the environment only.
  const env = { ...process.env, [CHILD.variable]: CHILD.value, NODE_OPTIONS: limit };
  return fork(process.execPath, [path], { stdio, env, execArgv: [] });
}
