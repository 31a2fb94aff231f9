/** `check --cross-read`: both readers in a process of their own, with limits of time and memory. */
import { fork } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CrossReadResult } from '../capture/cross-read.ts';
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

/** Beside the bundle that this code is in, or one folder up when it became a shared chunk. */
function bundledReader(): URL {
  const beside = new URL('./cross-reader.js', import.meta.url);
  return existsSync(beside) ? beside : new URL('../cross-reader.js', import.meta.url);
}

/** Settles always: what went wrong over there is a reason why the two could not be compared. */
export function crossReadApart(
  path: string,
  { signal, seconds = SECONDS, program = bundledReader() }: Limits = {},
): Promise<CrossReadResult> {
  if (!isRegular(path)) return Promise.resolve(notComparable('what comes through a pipe can be read only once'));
  return new Promise((resolve) => {
    let result: CrossReadResult | null = null;
    let late = false;
    // Its last words (a stack, an abort for want of memory) would stand in the middle of ours.
    const child = fork(fileURLToPath(program), [path], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [`--max-old-space-size=${String(HEAP_MIB)}`],
    });
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
