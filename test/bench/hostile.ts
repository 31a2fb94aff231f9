/**
 * `npm run bench:hostile`: captures that are made to take memory or time, written into the built program while it reads them. Printed are
 * the seconds, on the wall and of CPU, the largest size of the process, and what it says. `--full` has the sizes of docs/threat-model.md; without
 * it they are a tenth.
 */
import { spawn } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pcapFile, section } from '../support/capture-bytes.ts';
import { dnsAnswer, dnsQuery } from '../support/dns.ts';
import { ethernet, ipv4, tcp, udp } from '../support/frames.ts';

const CLI = 'dist/cli.js';
const SCALE = process.argv.includes('--full') ? 1 : 0.1;
const many = (n: number): number => Math.round(n * SCALE);
const RECORDS_PER_CHUNK = 8_192;

const HEADER = pcapFile({}, []);
/** Where the headers of our Ethernet frames begin. */
const [IP, TRANSPORT] = [14, 34];

/** Octets of a chunk of records, each made from its number. A record's frame is patched in place: nothing else keeps up. */
function* records(
  count: number,
  frame: Uint8Array,
  patch: (frame: DataView, n: number) => void,
  perSecond = 100_000,
): Generator<Uint8Array> {
  yield HEADER;
  const size = 16 + frame.length;
  const onWire = IP + new DataView(frame.buffer, frame.byteOffset).getUint16(IP + 2);
  for (let first = 0; first < count; first += RECORDS_PER_CHUNK) {
    const here = Math.min(RECORDS_PER_CHUNK, count - first);
    const chunk = new Uint8Array(here * size);
    for (let i = 0; i < here; i++) {
      const n = first + i;
      const view = new DataView(chunk.buffer, i * size, size);
      view.setUint32(0, 1_700_000_000 + Math.floor(n / perSecond), true);
      view.setUint32(4, Math.floor(((n % perSecond) * 1e6) / perSecond), true);
      view.setUint32(8, frame.length, true);
      view.setUint32(12, onWire, true);
      chunk.set(frame, i * size + 16);
      patch(new DataView(chunk.buffer, i * size + 16, frame.length), n);
    }
    yield chunk;
  }
}

/** Data of 100 octets of which none were captured, one way and back by turns. */
const SEGMENT = ethernet(ipv4({ totalLength: 140 }, tcp({ flags: 0x18, window: 0xffff }))).subarray(0, TRANSPORT + 20);

function turn(frame: DataView, n: number): void {
  const back = n % 2 === 1;
  frame.setUint32(IP + 12, back ? 0x0a000002 : 0x0a000001);
  frame.setUint32(IP + 16, back ? 0x0a000001 : 0x0a000002);
  frame.setUint16(TRANSPORT, back ? 80 : 40_000);
  frame.setUint16(TRANSPORT + 2, back ? 40_000 : 80);
  frame.setUint32(TRANSPORT + 4, ((n >> 1) * 100) >>> 0);
  frame.setUint32(TRANSPORT + 8, (((n + 1) >> 1) * 100) >>> 0);
}

/** The same sender, somewhere else in the sequence space each time. */
function astray(frame: DataView, n: number): void {
  turn(frame, 0);
  frame.setUint32(TRANSPORT + 4, Math.imul(n, 0x9e3779b1) >>> 0);
}

/** Sixteen million hosts by turns, and their ports: as many tuples as there are numbers. */
function stranger(frame: DataView, n: number): void {
  frame.setUint32(IP + 12, 0x0b000000 + (n & 0xffffff));
  frame.setUint16(TRANSPORT, 1_024 + (n >>> 24));
}

const EMPTY = ethernet(ipv4({}, tcp({ flags: 0x10, window: 500 })));

/** A handshake, and then an abort in the name of each end that neither has sent: five segments of a connection. */
function torn(frame: DataView, n: number): void {
  const step = n % 5;
  const back = step === 1 || step === 3;
  const client = 0x0b000000 + Math.floor(n / 5);
  frame.setUint32(IP + 12, back ? 0x0a000002 : client);
  frame.setUint32(IP + 16, back ? client : 0x0a000002);
  frame.setUint16(TRANSPORT, back ? 80 : 40_000);
  frame.setUint16(TRANSPORT + 2, back ? 40_000 : 80);
  frame.setUint32(TRANSPORT + 4, [100, 900, 101, 901, 101][step]!);
  frame.setUint32(TRANSPORT + 8, [0, 101, 901, 101, 901][step]!);
  frame.setUint8(TRANSPORT + 13, [0x02, 0x12, 0x10, 0x14, 0x14][step]!);
  frame.setUint16(TRANSPORT + 14, step < 3 ? 500 : 0);
  frame.setUint16(IP + 4, step < 3 ? 1 + (n & 0x7fff) : 0);
}

/** A part of datagram number `id`, at `offset` octets, with more to come. */
function part(frame: DataView, id: number, offset: number): void {
  frame.setUint16(IP + 4, id);
  frame.setUint16(IP + 6, 0x2000 | (offset >>> 3));
  frame.setUint32(IP + 12, 0x0a000000 + (id >>> 16));
}

/** Another name, id and port of the client in each message; another address in each answer. */
function renamed(port: number): (frame: DataView, n: number) => void {
  return (frame, n) => {
    const digits = String(n).padStart(10, '0');
    for (let i = 0; i < digits.length; i++) frame.setUint8(TRANSPORT + 8 + 12 + 1 + i, digits.charCodeAt(i));
    frame.setUint16(TRANSPORT + 8, n & 0xffff);
    frame.setUint16(port, 1_024 + (n % 60_000));
    if (port !== TRANSPORT) frame.setUint32(frame.byteLength - 4, 0x0b000000 + n);
  };
}

const NAME = '0000000000.example';
const QUESTION = dnsQuery({ at: 0, name: NAME }).bytes;
const ANSWER = dnsAnswer({ at: 0, name: NAME, addresses: ['11.0.0.0'] }).bytes;

function* interfaces(count: number): Generator<Uint8Array> {
  const s = section();
  yield s.header();
  const block = s.interface(1, 0, [[2, new TextEncoder().encode('x'.repeat(80))]]);
  for (let i = 0; i < count; i += 1_000) yield Buffer.concat(Array.from({ length: 1_000 }, () => block));
}

function* zeros(octets: number, head: Uint8Array): Generator<Uint8Array> {
  yield head;
  const block = new Uint8Array(1 << 20);
  for (let n = 0; n < octets; n += block.length) yield block;
}

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-hostile-'));

/** A file that says it is this large and holds its first octets. */
function sparse(octets: number, head: Uint8Array): string {
  const path = join(folder, 'sparse.pcap');
  const fd = openSync(path, 'w');
  writeSync(fd, head);
  ftruncateSync(fd, octets);
  closeSync(fd);
  return path;
}

interface Scenario {
  readonly name: string;
  /** What comes through standard input, or the path of a file. */
  readonly input: () => Iterable<Uint8Array> | Readable | string;
  readonly options?: readonly string[];
}

const SCENARIOS: readonly Scenario[] = [
  { name: `one connection, ${many(100e6)} segments`, input: () => records(many(100e6), SEGMENT, turn) },
  { name: `one connection, ${many(10e6)} segments anywhere in the sequence space`, input: () => records(many(10e6), SEGMENT, astray) },
  {
    name: `${many(5e6)} ACKs, each of a connection of its own, --max-memory 256M`,
    input: () => records(many(5e6), EMPTY, stranger),
    options: ['--max-memory', '256M'],
  },
  { name: `${many(1e6)} connections that are reset in the name of both ends`, input: () => records(many(5e6), EMPTY, torn) },
  {
    name: `${many(1e6)} fragments, two of each datagram of three`,
    input: () =>
      records(many(1e6), ethernet(ipv4({}, udp({ payload: new Uint8Array(1_472) }))), (frame, n) => part(frame, n >>> 1, (n & 1) * 2_960)),
  },
  {
    name: `${many(1e6)} fragments of eight octets`,
    input: () => records(many(1e6), ethernet(ipv4({}, udp())), (frame, n) => part(frame, Math.floor(n / 8_000), 8 * (1 + (n % 8_000)))),
  },
  { name: `${many(1e6)} interfaces`, input: () => interfaces(many(1e6)) },
  {
    name: `${many(3e6)} DNS questions for as many names`,
    input: () => records(many(3e6), QUESTION, renamed(TRANSPORT)),
  },
  {
    name: `${many(3e6)} DNS answers with as many names and addresses`,
    input: () => records(many(3e6), ANSWER, renamed(TRANSPORT + 2)),
  },
  {
    name: 'a sparse file of 64 GiB that is one record',
    input: () => sparse(64 * 2 ** 30, pcapFile({}, [{ capLen: 0xffff_fff0, origLen: 0xffff_fff0 }])),
  },
  { name: `${many(1e9)} octets of zeros, gzipped`, input: () => endless(zeros(many(1e9), new Uint8Array(0))).pipe(createGzip()) },
  {
    name: `${many(1e9)} octets of zeros behind a pcap header, gzipped`,
    input: () => endless(zeros(many(1e9), HEADER)).pipe(createGzip()),
  },
  ...['zstd', 'lz4', 'xz -1', 'bzip2'].map((program) => ({
    name: `${many(1e9)} octets of zeros behind a pcap header, through ${program}`,
    input: () => piped(program, zeros(many(1e9), HEADER)),
  })),
];

/** Whoever reads it may have seen enough before its end. */
const endless = (input: Iterable<Uint8Array>): Readable => Readable.from(input).on('error', () => undefined);

/** What a program of this system packs. */
function piped(program: string, input: Iterable<Uint8Array>): Readable {
  const [command = '', ...words] = program.split(' ');
  const child = spawn(command, [...words, '-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined);
  endless(input).pipe(child.stdin);
  return child.stdout;
}

async function run({ name: what, input, options = [] }: Scenario): Promise<void> {
  const given = input();
  const path = typeof given === 'string' ? given : '-';
  const started = performance.now();
  const child = spawn(process.execPath, [CLI, 'report', path, '-f', 'text', ...options], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [out, err, peak, cpu] = ['', '', 0, 0];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => undefined); // it may have seen enough
  const watch = setInterval(() => {
    peak = Math.max(peak, residentOf(child.pid ?? 0));
    cpu = Math.max(cpu, cpuOf(child.pid ?? 0));
  }, 100);
  const over = new Promise<number | null>((resolve) => child.on('close', resolve));
  if (typeof given === 'string') child.stdin.end();
  else (given instanceof Readable ? given : endless(given)).pipe(child.stdin);
  const status = await over;
  if (given instanceof Readable) given.destroy(); // what packs it would wait for ever
  clearInterval(watch);
  const seconds = (performance.now() - started) / 1_000;
  const said = (err + out).split('\n').find((line) => /^tcpdiag: |^Note|packets/.test(line)) ?? '';
  console.log(
    `${what}\n  ${seconds.toFixed(1)} s (${cpu.toFixed(1)} s of CPU), ${(peak / 1e6).toFixed(0)} MB, exit ${String(status)}: ${said.slice(0, 200)}`,
  );
}

/** Seconds of all its threads, as clocks of 10 ms count them (proc_pid_stat(5): utime, stime); 0 where the system does not say. */
function cpuOf(pid: number): number {
  try {
    const [, rest = ''] = /\) (.*)/.exec(readFileSync(`/proc/${String(pid)}/stat`, 'utf8')) ?? [];
    const fields = rest.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/** VmHWM: the most that the process has held. Octets; 0 where the system does not say. */
function residentOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
for (const scenario of SCENARIOS) if (wanted.length === 0 || wanted.some((word) => scenario.name.includes(word))) await run(scenario);
rmSync(folder, { recursive: true });
