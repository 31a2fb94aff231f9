/**
 * `npm run bench`: how fast the built program is, on captures made here. Every figure is that of a fresh process, as a user
 * starts it; the fastest of several rounds is printed beside the median, because machines are noisy. `npm run bench -- --json FILE`
 * writes the figures with a description of the machine, for comparing versions on one machine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, tmpdir, totalmem, type as osType } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { TOOL_VERSION } from '../../src/model/version.ts';
import type { Footprint } from '../../src/track/footprint.ts';
import { generate } from './generate.ts';
import type { Stage, StageTime } from './stage.ts';

const ROUNDS = 7;
/** What all rules together may cost, per cent of the time of tracking. */
const GOAL = 25;
const CLI = 'dist/cli.js';
const STAGE = 'node_modules/.cache/tcpdiag-bench/stage.mjs';
const LOADS = [
  { name: 'bench-1m', packets: 1_000_000, connections: 50_000, seed: 20_260, stages: ['read', 'decode', 'track'] },
  { name: 'bench-10k', packets: 10_000, connections: 500, seed: 20_261, stages: [] }, // about 1 MB
] as const;

/** In the child: one analysis, then what it cost. The last chunk is reported when its packets have been tracked; what follows are the rules. */
const ONCE = (file: string, options: AnalysisOptions): string => `
  const { analyze } = await import(${JSON.stringify(pathToFileURL('dist/index.js').href)});
  const started = performance.now();
  let tracked = started;
  const analysis = await analyze(${JSON.stringify(file)}, { ...${JSON.stringify(options)}, progress: () => (tracked = performance.now()) });
  const ended = performance.now();
  const { capture, rules } = analysis.report;
  console.log(JSON.stringify({ ms: ended - started, trackingMs: tracked - started, rulesMs: ended - tracked, peakMB: process.resourceUsage().maxRSS / 1000, packets: capture.packets, connections: capture.connections, rules: rules.length, footprint: analysis.footprint() }));
`;

interface Once {
  readonly ms: number;
  readonly trackingMs: number;
  readonly rulesMs: number;
  readonly peakMB: number;
  readonly packets: number;
  readonly connections: number;
  readonly rules: number;
  readonly footprint: Footprint;
}

/** One line of the results. */
interface Figure {
  readonly capture: string | null;
  readonly what: string;
  readonly unit: 'ms' | 'ns per packet' | 'MB' | 'octets';
  readonly best: number;
  readonly median: number;
}

function run(args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

function timed(args: readonly string[]): number {
  const started = performance.now();
  run(args);
  return performance.now() - started;
}

const analysed = (file: string, options: AnalysisOptions): Once =>
  JSON.parse(run(['--input-type=module', '-e', ONCE(file, options)])) as Once;

const staged = (stage: Stage, file: string): StageTime => JSON.parse(run([STAGE, stage, file])) as StageTime;

function rounds<T>(call: () => T, by: (t: T) => number): { best: T; median: number } {
  const results = Array.from({ length: ROUNDS }, call).sort((a, b) => by(a) - by(b));
  return { best: results[0]!, median: by(results[Math.floor(ROUNDS / 2)]!) };
}

const figures: Figure[] = [];

function note(capture: string | null, what: string, unit: Figure['unit'], { best, median }: { best: number; median: number }): string {
  figures.push({ capture, what, unit, best, median });
  return `${best.toFixed(0)} ${unit} (${median.toFixed(0)})`;
}

const itself = (n: number): number => n;
const row = (what: string, text: string): void => console.log(`  ${what.padEnd(26)}${text}`);
const folder = join(tmpdir(), 'tcpdiag-bench');
mkdirSync(folder, { recursive: true });
const machine = {
  processor: cpus()[0]?.model ?? 'unknown processor',
  cores: cpus().length,
  memoryGB: Math.round(totalmem() / 1e9),
  system: `${osType()} ${release()} ${arch()}`,
  node: process.version,
  tcpdiag: TOOL_VERSION,
};
console.log(`${machine.processor}, ${machine.cores} cores, Node ${machine.node}; best (median) of ${ROUNDS} fresh processes\n`);

for (const [what, args] of [
  ['node -e 0', ['-e', '0']],
  ['tcpdiag --version', [CLI, '--version']],
] as const)
  row(
    what,
    note(
      null,
      what,
      'ms',
      rounds(() => timed(args), itself),
    ),
  );

for (const load of LOADS) {
  const { name } = load;
  const file = join(folder, `${name}.pcap`);
  if (!existsSync(file)) generate(file, load);
  const whole = rounds(() => timed([CLI, 'report', file, '-f', 'text', '-o', join(folder, 'report.txt')]), itself);
  const baseline = rounds(
    () => staged('pcap-parser', file),
    (t) => t.firstMs,
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
  const { packets, connections, rules, peakMB, footprint } = inside.best;
  const { trackingMs, rulesMs } = silent.best;
  const rate = (t: number): string => `${(packets / t / 1000).toFixed(2)} M packets/s`;
  console.log(`\n${name}: ${packets} packets, ${connections} connections, ${rules} rules`);
  row('tcpdiag report -f text', `${note(name, 'the whole process', 'ms', whole)}   ${rate(whole.best)}`);
  row(
    'pcap-parser, counting',
    `${note(name, 'pcap-parser counts packets', 'ms', { best: baseline.best.firstMs, median: baseline.median })}   ${rate(baseline.best.firstMs)}`,
  );
  const alone = note(name, 'the analysis alone', 'ms', { best: inside.best.ms, median: inside.median });
  row('the analysis alone', `${alone}   ${rate(inside.best.ms)}   peak ${peakMB.toFixed(0)} MB`);
  figures.push({ capture: name, what: 'peak memory', unit: 'MB', best: peakMB, median: peakMB });
  note(name, 'groups and rules', 'ms', { best: rulesMs, median: rulesMs });
  console.log(
    `    tracking ${trackingMs.toFixed(0)} ms, groups and rules ${rulesMs.toFixed(0)} ms: ${((100 * rulesMs) / trackingMs).toFixed(0)} % of tracking (goal: at most ${GOAL} %)`,
  );
  for (const stage of load.stages) {
    const perPacket = (ms: number): number => (ms * 1e6) / packets;
    const first = rounds(
      () => staged(stage, file),
      (t) => t.warmMs,
    );
    const warm = { best: perPacket(first.best.warmMs), median: perPacket(first.median) };
    row(
      `${stage}, code warm`,
      `${note(name, stage, 'ns per packet', warm)}   ${perPacket(first.best.firstMs).toFixed(0)} in the first pass of the process`,
    );
  }
  const { octetsOfLone, octetsOfHalfOpen, octetsOfOthers, octetsOfEvent } = footprint;
  row('memory of a connection', `${octetsOfLone} octets of one SYN, ${octetsOfHalfOpen} of SYNs and SYN-ACKs, ${octetsOfOthers} of others`);
  for (const [what, octets] of Object.entries({ octetsOfLone, octetsOfHalfOpen, octetsOfOthers, octetsOfEvent }))
    figures.push({ capture: name, what, unit: 'octets', best: octets, median: octets });
}

const { json } = parseArgs({ options: { json: { type: 'string' } } }).values;
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, rounds: ROUNDS, figures }, null, 2)}\n`);
