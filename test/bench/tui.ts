/**
 * `npm run bench:tui [CAPTURE]`: how quick the screen is, in a real pseudo-terminal at 120x40: from the start to the first useful frame, from
 * a key to the frame that shows what it did, in the list of all connections, while the capture is still being read and afterwards; what
 * it writes per key, and what it costs when nobody does anything. Without CAPTURE a million connections are made.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Terminal } from '../tui/terminal.ts';
import { generate } from './generate.ts';

const CLI = 'dist/cli.js';
const SIZE = { columns: 120, rows: 40 };
const STARTS = 7;
/** What a person does in a list: a few rows, pages, and both ends. */
const KEYS = ['j', 'j', 'j', 'k', ' ', ' ', '\x1b[6~', 'j', '\x1b[5~', 'k', 'G', 'k', '\x1b[5~', 'g', 'j'] as const;
const MAX_KEYS = 300;
const IDLE_SECONDS = 5;
/** The largest capture that anybody measures with. */
const READING_MS = 600_000;
/** Of the kernel's clock for processes (`getconf CLK_TCK`, 100 on every Linux), per second. */
const TICKS = 100;

/** As docs/performance.md promises them, milliseconds, per cent, milliseconds. */
const GOALS = { reading: [80, 200], after: [50, 125], idlePercent: 5, start: 500 } as const;

interface Keys {
  /** Key to the frame that shows where it led, and to the one with all rows of that place; ascending, milliseconds. */
  readonly frames: readonly number[];
  readonly rows: readonly number[];
  /** What the terminal got for each key, octets. */
  readonly octets: readonly number[];
}

const open = (capture: string): Terminal => new Terminal(process.execPath, [CLI, capture], SIZE);
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
const ROW = /row ([\d,]+)\//;
const TOTAL = /row [\d,]+\/([\d,]+)/;
const rowOf = (screen: string): string | undefined => ROW.exec(screen)?.[1];

/** Presses keys one after the other, each when the one before is on the screen, for as long as `goOn` holds. */
async function press(t: Terminal, goOn: (screen: string) => boolean): Promise<Keys> {
  const frames: number[] = [];
  const rows: number[] = [];
  const octets: number[] = [];
  for (let n = 0; frames.length < MAX_KEYS && goOn(t.text()); n++) {
    const key = KEYS[n % KEYS.length]!;
    const before = rowOf(t.text());
    const written = t.output.length;
    const start = performance.now();
    t.type(key);
    await t.until((screen) => rowOf(screen) !== before);
    frames.push(performance.now() - start);
    await t.until((screen) => !screen.includes('▸ …'));
    rows.push(performance.now() - start);
    octets.push(Buffer.byteLength(t.output.slice(written)));
  }
  for (const list of [frames, rows, octets]) list.sort((a, b) => a - b);
  return { frames, rows, octets };
}

/** Of the process with all its threads, seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

async function coldStart(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const start = performance.now();
    const t = open('fixtures/incident.pcap');
    await t.until('▸ ✖ CRIT');
    times.push(performance.now() - start);
    t.type('q');
    await t.exit();
  }
  times.sort((a, b) => a - b);
  console.log(
    `cold start on incident.pcap to its findings: best ${times[0]!.toFixed(0)} ms, median ${at(times, 0.5).toFixed(0)} ms (goal ${String(GOALS.start)})`,
  );
  return times[0]!;
}

function tell(what: string, { frames, rows, octets }: Keys, [p50, p99]: readonly [number, number]): void {
  const ms = (times: readonly number[], share: number): string => at(times, share).toFixed(0);
  console.log(
    `${what}: ${String(frames.length)} keys, to the frame p50 ${ms(frames, 0.5)} ms (goal ${String(p50)}), p99 ${ms(frames, 0.99)} ms (goal ${String(p99)}), ` +
      `to its rows p50 ${ms(rows, 0.5)} ms, p99 ${ms(rows, 0.99)} ms, ` +
      `${String(at(octets, 0.5))} octets per key (p99 ${String(at(octets, 0.99))})`,
  );
}

function made(): string {
  const path = join(tmpdir(), 'tcpdiag-bench', 'bench-1m-connections.pcap');
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) generate(path, { packets: 4_000_000, connections: 1_000_000, seed: 20_262 });
  return path;
}

await coldStart();
const t = open(process.argv[2] ?? made());
await t.until((screen) => /reading .* [\d,]{6,} connections/.test(screen));
t.type('c');
await t.until(ROW);
tell('while it is read', await press(t, (screen) => screen.includes('reading')), GOALS.reading);
await t.until((screen) => !screen.includes('reading'), READING_MS);
tell(`after, in ${TOTAL.exec(t.text())?.[1] ?? '?'} connections`, await press(t, () => true), GOALS.after);
const from = cpuSeconds(t.pid);
await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1_000));
console.log(`idle: ${((100 * (cpuSeconds(t.pid) - from)) / IDLE_SECONDS).toFixed(1)} % of a CPU (goal ${String(GOALS.idlePercent)})`);
t.type('q');
await t.exit();
process.exit();
