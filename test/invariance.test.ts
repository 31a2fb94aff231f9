/**
 * What must not change the answer: how the bytes arrive, where sequence numbers start, which day it is, and the thread that
 * does the work.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readStream } from '../src/capture/index.ts';
import { analyse } from '../src/engine/analyse.ts';
import { Analyzer } from '../src/engine/analyzer.ts';
import { remoteSession } from '../src/engine/remote.ts';
import type { ConnectionRow, Report } from '../src/model/report.ts';
import { chunksOf } from './support/capture-bytes.ts';

const path = (name: string): string => new URL(`../fixtures/${name}`, import.meta.url).pathname;
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(path(name)));

interface Answer {
  readonly report: Report;
  readonly connections: readonly ConnectionRow[];
}

async function answer(chunks: Iterable<Uint8Array>): Promise<Answer> {
  const analyzer = new Analyzer({});
  const facts = await readStream(chunks, { record: (record) => analyzer.record(record, 0) });
  const report = analyzer.finish([facts]);
  return { report, connections: [...analyzer.rows()] };
}

describe.each<[string, Uint8Array]>([
  ...['fin_wait2_orphan_timeout.pcap', 'icmp_reject.pcap', 'refused.pcapng', 'time_wait_syn_challenge.pcapng'].map(
    (name): [string, Uint8Array] => [name, bytesOf(name)],
  ),
  ['broken_pipe.pcap, gzipped', gzipSync(bytesOf('broken_pipe.pcap'))],
])('%s', (_name, bytes) => {
  test('gives the same answer whole, in chunks of 64 KiB, and byte by byte', async () => {
    const whole = await answer([bytes]);
    expect(whole.report.capture.packets).toBeGreaterThan(0);
    expect(await answer(chunksOf(bytes, 64 * 1024))).toEqual(whole);
    expect(await answer(chunksOf(bytes, 1))).toEqual(whole);
  });
});

test.each(['incident.pcap', 'healthy_pcapng.pcapng', 'ephemeral_reuse.pcap.gz'])(
  '%s gives the same answer in chunks of any size',
  async (name) => {
    const bytes = bytesOf(name);
    const whole = await answer([bytes]);
    for (const size of [64 * 1024, 4093, 1021]) expect(await answer(chunksOf(bytes, size))).toEqual(whole);
  },
);

describe.each([
  'incident.pcap',
  'process_killed.pcap',
  'broken_pipe.pcap',
  'rst_challenge_ack.pcap',
  'simultaneous_open.pcap',
  'capture_with_gaps.pcap',
])('%s', (name) => {
  test.each([0x7fff_f000, 0xffff_ff00, 1])('gives the same answer when every sequence number is %i higher', async (shift) => {
    const bytes = bytesOf(name);
    expect(await answer([withSequences(bytes, shift)])).toEqual(await answer([bytes]));
  });

  test('gives the same answer on another day', async () => {
    const bytes = bytesOf(name);
    const days = 4000;
    const earlier = JSON.stringify(await answer([bytes]));
    const later = JSON.stringify(await answer([withTimes(bytes, days * 86_400)]));
    expect(JSON.parse(datesBack(later, days))).toEqual(JSON.parse(earlier));
  });
});

describe('through standard input', () => {
  const folder = mkdtempSync(join(tmpdir(), 'invariance-stdin-'));
  const program = join(folder, 'stdin.mjs');

  beforeAll(async () => {
    const contents = `import { analyse } from './analyse.ts'; process.stdout.write(JSON.stringify((await analyse(['-'])).report));`;
    await build({
      stdin: { contents, resolveDir: new URL('../src/engine', import.meta.url).pathname, loader: 'ts' },
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'warning',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['close_wait_leak.pcap', 'half_open_reboot.pcap'])('%s gives the same report, with what was said last', async (name) => {
    const { stdout } = spawnSync(process.execPath, [program], { input: bytesOf(name), env: { ...process.env, TMPDIR: folder } });
    const { report } = await analyse([path(name)]);
    expect(report.findings.some((f) => f.lastSaid !== undefined)).toBe(true);
    const { findings, rules } = JSON.parse(stdout.toString()) as Report;
    expect({ findings, rules }).toEqual({ findings: report.findings, rules: report.rules });
    expect(readdirSync(folder)).toEqual(['stdin.mjs']);
  });
});

describe('in a worker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'invariance-'));
  const program = join(folder, 'worker.mjs');

  beforeAll(async () => {
    await build({
      entryPoints: [new URL('../src/engine/worker.ts', import.meta.url).pathname],
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'warning',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['incident.pcap', 'refused.pcapng', 'tls_close_rst.pcap.gz', 'close_wait_leak.pcap'])(
    '%s gives the same report as in this thread',
    async (name) => {
      const session = remoteSession([path(name)], {}, pathToFileURL(program));
      try {
        expect(await session.done).toEqual((await analyse([path(name)])).report);
      } finally {
        await session.close();
      }
    },
  );
});

/** Every record of a little-endian classic pcap, as a view of a copy of its bytes. */
function eachRecord(bytes: Uint8Array, change: (view: DataView, at: number, frame: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let at = 24; at + 16 <= copy.length;) {
    const length = view.getUint32(at + 8, true);
    change(view, at, new DataView(copy.buffer, at + 16, length));
    at += 16 + length;
  }
  return copy;
}

const withTimes = (bytes: Uint8Array, seconds: number): Uint8Array =>
  eachRecord(bytes, (view, at) => view.setUint32(at, view.getUint32(at, true) + seconds, true));

/** Moves sequence numbers, acknowledgments and SACK edges of every TCP segment over Ethernet, and its checksum with them (RFC 1624). */
const withSequences = (bytes: Uint8Array, shift: number): Uint8Array =>
  eachRecord(bytes, (_view, _at, frame) => {
    const tcp = tcpAt(frame);
    if (tcp < 0) return;
    const move = (at: number): void => {
      if (at + 4 > frame.byteLength) return;
      const before = frame.getUint32(at);
      const after = (before + shift) >>> 0;
      frame.setUint32(at, after);
      const sum = [~frame.getUint16(tcp + 16), ~(before >>> 16), ~before, after >>> 16, after].reduce((a, b) => a + (b & 0xffff), 0);
      const folded = (sum & 0xffff) + (sum >>> 16);
      frame.setUint16(tcp + 16, ~((folded & 0xffff) + (folded >>> 16)));
    };
    move(tcp + 4);
    if ((frame.getUint8(tcp + 13) & 0x10) !== 0) move(tcp + 8);
    const end = Math.min(frame.byteLength, tcp + (frame.getUint8(tcp + 12) >>> 4) * 4);
    for (let at = tcp + 20; at < end;) {
      const kind = frame.getUint8(at);
      const length = kind <= 1 || at + 1 >= end ? 1 : Math.max(2, frame.getUint8(at + 1));
      if (kind === 5) for (let edge = at + 2; edge < at + length; edge += 4) move(edge);
      at += length;
    }
  });

/** Where the TCP header begins; -1 for anything else. */
function tcpAt(frame: DataView): number {
  const type = frame.getUint16(12);
  if (type === 0x0800 && frame.getUint8(23) === 6) return 14 + (frame.getUint8(14) & 15) * 4;
  if (type === 0x86dd && frame.getUint8(20) === 6) return 54;
  return -1;
}

const datesBack = (text: string, days: number): string =>
  text.replace(/(?<!\d)\d{4}-\d\d-\d\d(?!\d)/g, (date) =>
    new Date(Date.parse(`${date}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10),
  );
