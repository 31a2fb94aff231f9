/**
 * `npm run bench`: how fast the built program is, on captures made here. Every figure is that of a fresh process, as a user
 * starts it; the fastest of several rounds is printed beside the median, because machines are noisy.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { generate } from './generate.ts';

const ROUNDS = 7;
/** What all rules together may cost, per cent of the time of tracking. */
const GOAL = 25;
const CLI = 'dist/cli.js';
const LOADS = [
  { name: 'bench-1m', packets: 1_000_000, connections: 50_000, seed: 20_260 },
  { name: 'bench-10k', packets: 10_000, connections: 500, seed: 20_261 }, // about 1 MB
] as const;

/** In the child: one analysis, then what it cost. The last chunk is reported when its packets have been tracked; what follows are the rules. */
const ONCE = (file: string, options: AnalysisOptions): string => `
  const { analyse } = await import(${JSON.stringify(pathToFileURL('dist/index.js').href)});
  const started = performance.now();
  let tracked = started;
  const { report } = await analyse([${JSON.stringify(file)}], ${JSON.stringify(options)}, { progress: () => (tracked = performance.now()) });
  const ended = performance.now();
  console.log(JSON.stringify({ ms: ended - started, trackingMs: tracked - started, rulesMs: ended - tracked, peakMB: process.resourceUsage().maxRSS / 1000, packets: report.capture.packets, connections: report.capture.connections, rules: report.rules.length }));
`;

interface Once {
  readonly ms: number;
  readonly trackingMs: number;
  readonly rulesMs: number;
  readonly peakMB: number;
  readonly packets: number;
  readonly connections: number;
  readonly rules: number;
}

function timed(args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - started;
}

function analysed(file: string, options: AnalysisOptions): Once {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', ONCE(file, options)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Once;
}

function rounds<T>(call: () => T, by: (t: T) => number): { best: T; median: number } {
  const results = Array.from({ length: ROUNDS }, call).sort((a, b) => by(a) - by(b));
  return { best: results[0]!, median: by(results[Math.floor(ROUNDS / 2)]!) };
}

const ms = (n: number): string => `${n.toFixed(0)} ms`;
const folder = join(tmpdir(), 'tcpdiag-bench');
mkdirSync(folder, { recursive: true });
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}; best (median) of ${ROUNDS} fresh processes\n`,
);

const bare = rounds(
  () => timed(['-e', '0']),
  (t) => t,
);
const version = rounds(
  () => timed([CLI, '--version']),
  (t) => t,
);
console.log(`node -e 0             ${ms(bare.best)} (${ms(bare.median)})`);
console.log(`tcpdiag --version     ${ms(version.best)} (${ms(version.median)})`);

for (const load of LOADS) {
  const file = join(folder, `${load.name}.pcap`);
  if (!existsSync(file)) generate(file, load);
  const whole = rounds(
    () => timed([CLI, 'report', file, '-f', 'text', '-o', join(folder, 'report.txt')]),
    (t) => t,
  );
  const inside = rounds(
    () => analysed(file, {}),
    (o) => o.ms,
  );
  // Without the second look at the file, for what was said last.
  const silent = rounds(
    () => analysed(file, { payload: false }),
    (o) => o.ms,
  );
  const { packets, connections, rules, peakMB } = inside.best;
  const { trackingMs, rulesMs } = silent.best;
  const rate = (t: number): string => `${(packets / t / 1000).toFixed(2)} M packets/s`;
  console.log(`\n${load.name}: ${packets} packets, ${connections} connections, ${rules} rules`);
  console.log(`  tcpdiag report -f text   ${ms(whole.best)} (${ms(whole.median)})   ${rate(whole.best)}`);
  console.log(
    `  the analysis alone       ${ms(inside.best.ms)} (${ms(inside.median)})   ${rate(inside.best.ms)}   peak ${peakMB.toFixed(0)} MB`,
  );
  console.log(
    `    tracking ${ms(trackingMs)}, groups and rules ${ms(rulesMs)}: ${((100 * rulesMs) / trackingMs).toFixed(0)} % of tracking (goal: at most ${GOAL} %)`,
  );
}
