/**
 * `npm run fuzz -- [--minutes N] [--cases N] [--seed S]`: mutants of every fixture on every road through the program.
 *
 * The cases run in a process of their own, watched by this one: that ends it when it hangs, and begins a new one behind the case where
 * it hung or died. Case number S is made from S alone: `npm run fuzz -- --seed S --cases 1` repeats it. The capture of a
 * case that failed is kept.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Cases } from './cases.ts';

/** CPU seconds that no capture of this size may take. */
const MOST_SECONDS = 5;
/** Seconds on the wall after which a case that says nothing hangs, also on a machine that has much else to do. */
const HANGS_AFTER = 60;
/** Octets. What may be held after the cases are done and collected, above what was held after the first ones: a leak is more. */
const MOST_GROWTH = 64 << 20;
/** Octets. What the process may ever take: the largest fixtures need about half of it. */
const MOST_RESIDENT = 1 << 30;
const COLLECT_EVERY = 200;
/** Cases after which all code is compiled and every fixture was read. */
const WARM = 1_000;

interface Told {
  readonly seed: number;
  /** absent: it begins. */
  readonly done?: {
    readonly complaints: readonly string[];
    readonly read: boolean;
    readonly packets: number;
    readonly outputs: number;
    readonly heard: boolean;
  };
  readonly label?: string;
  readonly held?: number;
}

const FIXTURES = 'fixtures';
const self = fileURLToPath(import.meta.url);

if (process.send === undefined) await watch();
else await work();

async function watch(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string' }, cases: { type: 'string' }, seed: { type: 'string' } },
  });
  const number = (word: string | undefined, standard: number): number => {
    const value = word === undefined ? standard : Number(word);
    if (!(value >= 0)) throw new Error(`"${String(word)}" is no number`);
    return value;
  };
  const minutes = number(values.minutes, values.cases === undefined ? 1 : Infinity);
  const most = number(values.cases, Infinity);
  // Others every time, unless asked for: what was tried already finds nothing new.
  const first = Math.floor(number(values.seed, Date.now() % 2 ** 31));
  const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-fuzz-'));
  const kept = join(tmpdir(), 'tcpdiag-fuzz-failures');
  const until = performance.now() + minutes * 60_000;
  const sum = { cases: 0, read: 0, packets: 0, outputs: 0, heard: 0, failures: 0, peak: 0 };
  const fail = (seed: number, what: string): void => {
    sum.failures++;
    mkdirSync(kept, { recursive: true });
    const copy = join(kept, `${String(seed)}.capture`);
    copyFileSync(join(folder, 'case'), copy);
    console.log(`case ${String(seed)}: ${what}\n  ${copy}`);
  };

  console.log(`seed ${String(first)}, ${String(new Cases(FIXTURES).fixtures)} fixtures`);
  let next = first;
  while (next < first + most && performance.now() < until) {
    const child = fork(self, [join(folder, 'case'), String(next), String(Math.min(most - (next - first), 2 ** 31))], {
      execArgv: ['--expose-gc', '--max-old-space-size=1024'],
    });
    let current = next;
    const ended = await listen(child, until, (told) => {
      current = told.seed;
      if (told.done === undefined) return;
      next = told.seed + 1;
      sum.cases++;
      sum.read += Number(told.done.read);
      sum.packets += told.done.packets;
      sum.outputs += told.done.outputs;
      sum.heard += Number(told.done.heard);
      sum.peak = Math.max(sum.peak, told.held ?? 0);
      if (told.done.complaints.length > 0) fail(told.seed, `${told.label ?? ''}\n  ${told.done.complaints.slice(0, 5).join('\n  ')}`);
      if (sum.cases % 1_000 === 0) console.log(`  ${counts(sum)}`);
    });
    if (ended === 'hung') fail(current, `no sign of life for ${String(HANGS_AFTER)} s`);
    else if (ended === 'died') fail(current, 'ended the process');
    next = Math.max(next, current + 1);
  }
  rmSync(folder, { recursive: true });
  console.log(`seeds ${String(first)} to ${String(next - 1)}: ${counts(sum)}, largest process ${(sum.peak / 2 ** 20).toFixed(0)} MiB`);
  process.exitCode = sum.failures > 0 ? 1 : 0;
}

function counts(sum: { cases: number; read: number; packets: number; outputs: number; heard: number; failures: number }): string {
  return `${String(sum.cases)} cases (${String(sum.read)} read), ${String(sum.packets)} packets, ${String(sum.outputs)} outputs, ${String(sum.heard)} cases with hostile text in the document, ${String(sum.failures)} failures`;
}

function listen(child: ChildProcess, until: number, hear: (told: Told) => void): Promise<'over' | 'died' | 'hung'> {
  return new Promise((resolve) => {
    let ends: 'over' | 'died' | 'hung' = 'died';
    const stop = (why: 'over' | 'hung'): void => {
      ends = why;
      child.kill('SIGKILL');
    };
    let watchdog = setTimeout(() => stop('hung'), HANGS_AFTER * 1_000);
    child.on('message', (told: Told) => {
      if (ends !== 'died') return;
      clearTimeout(watchdog);
      hear(told);
      if (told.done !== undefined && performance.now() >= until) stop('over');
      else watchdog = setTimeout(() => stop('hung'), HANGS_AFTER * 1_000);
    });
    child.on('exit', (code) => {
      clearTimeout(watchdog);
      resolve(code === 0 ? 'over' : ends);
    });
  });
}

/** In the child. */
async function work(): Promise<void> {
  const [file = '', from = '0', count = '1'] = process.argv.slice(2);
  const cases = new Cases(FIXTURES);
  process.on('disconnect', () => process.exit());
  let settled: number | null = null;
  for (let n = 0; n < Number(count); n++) {
    const seed = Number(from) + n;
    process.send?.({ seed } satisfies Told);
    const before = process.cpuUsage();
    const { complaints, container, fixture, read, packets, outputs, heard, bytes } = await cases.run(seed, file);
    const { user } = process.cpuUsage(before);
    const wrong = [...complaints];
    if (user / 1e6 > MOST_SECONDS) wrong.push(`took ${(user / 1e6).toFixed(1)} s`);
    const resident = process.memoryUsage.rss();
    if (resident > MOST_RESIDENT) wrong.push(`the process takes ${(resident / 2 ** 20).toFixed(0)} MiB`);
    if (n >= WARM && n % COLLECT_EVERY === 0) {
      globalThis.gc?.();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      settled ??= heapUsed + arrayBuffers;
      const growth = heapUsed + arrayBuffers - settled;
      if (growth > MOST_GROWTH) wrong.push(`${(growth / 2 ** 20).toFixed(0)} MiB more are held than ${String(n)} cases ago`);
    }
    const label = `${fixture} as ${container}, ${String(bytes)} bytes`;
    process.send?.({ seed, done: { complaints: wrong, read, packets, outputs, heard }, label, held: resident } satisfies Told);
  }
  process.disconnect();
}
