/** `extract` as typed: what it asks for, what it says, where the packets go. What is in them: test/engine/extract.test.ts. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCaptures } from '../../src/capture/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { tcpdiag, type Seen } from '../support/fake-world.ts';

const fixture = fileURLToPath(new URL('../../fixtures/close_wait_leak.pcap', import.meta.url));
/** capinfos -c */
const PACKETS = 861;
const LEAK = 'close-wait-stuck/192.168.58.216@192.168.58.119:3306';

let folder: string;
let capture: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tcpdiag-extract-'));
  capture = join(folder, 'a.pcap');
  copyFileSync(fixture, capture);
});
afterEach(() => rmSync(folder, { recursive: true }));

const typed = (...argv: readonly string[]): Promise<Seen> => tcpdiag(['extract', ...argv], { analyse });
const packetsIn = async (path: string): Promise<number> => (await readCaptures([path], { record: () => true }))[0]!.packets;

describe('where to', () => {
  test.each(['out.pcap', 'out.pcapng', 'out.cap'])('%s: a file of that format', async (name) => {
    const out = join(folder, name);
    const { exitCode, err, out: printed } = await typed(capture, '--finding', LEAK, '-w', out);
    expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: '' });
    expect(err).toContain(`tcpdiag: wrote 713 packets of 39 connections to ${out}\n`);
    expect(await packetsIn(out)).toBe(713);
    expect((await readCaptures([out], { record: () => true }))[0]!.format).toBe(name.endsWith('ng') ? 'pcapng' : 'pcap');
  });

  test('standard output: pcapng, and not one word beside it', async () => {
    const { out } = await typed(capture, '--finding', '1', '-w', '-');
    const file = join(folder, 'piped');
    writeFileSync(file, Buffer.from(out, 'latin1'));
    expect(await packetsIn(file)).toBe(713);
  });

  test('never a terminal', async () => {
    const { exitCode, err } = await tcpdiag(['extract', capture, '--finding', '1', '-w', '-'], { analyse, stdoutTty: true });
    expect([exitCode, err]).toEqual([2, expect.stringContaining('a capture does not go to a terminal.')]);
  });

  test('never the capture itself', async () => {
    const before = readFileSync(capture);
    const { exitCode, err } = await typed(capture, '--finding', '1', '-w', capture);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('is the capture itself; choose another name')]);
    expect(readFileSync(capture)).toEqual(before);
  });

  test('an older file stays where nothing is chosen, and no half one', async () => {
    const out = join(folder, 'old.pcapng');
    writeFileSync(out, 'what was there');
    const { exitCode, err } = await typed(capture, '--where', 'server.port:9', '-w', out);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('nothing was written')]);
    expect(readFileSync(out, 'utf8')).toBe('what was there');
    expect(readdirSync(folder).sort()).toEqual(['a.pcap', 'old.pcapng']);
  });
});

test('a pcap file that ends before its capture did says how to analyse it', async () => {
  const { err } = await typed(capture, '--finding', LEAK, '-w', join(folder, 'x.pcap'));
  expect(err).toContain('--captured-until 2026-11-20T10:22:41.930');
});

test('how many packets are for comparison, and how they are left out, is said', async () => {
  copyFileSync(fileURLToPath(new URL('../../fixtures/incident.pcap', import.meta.url)), capture);
  const id = 'rst-abort/10.87.55.161:6379';
  const { err } = await typed(capture, '--finding', id, '-w', join(folder, 'x.pcapng'));
  expect(err).toMatch(/wrote 403 packets of 54 connections \(394 packets for comparison only\) to /);
  expect(err).toContain(`tcpdiag: note: --where finding:${id} takes the connections of the finding alone\n`);
});

test('compressed, and as one of two captures', async () => {
  const packed = join(folder, 'b.pcap.gz');
  writeFileSync(packed, gzipSync(readFileSync(fixture)));
  const one = join(folder, 'one.pcapng');
  expect((await typed(packed, '--connection', '3', '-w', one)).err).toMatch(/wrote \d+ packets of 1 connection to/);
  const both = join(folder, 'both.pcapng');
  const { err } = await typed(
    capture,
    fileURLToPath(new URL('../../fixtures/refused.pcapng', import.meta.url)),
    '--where',
    'outcome:refused',
    '-w',
    both,
  );
  expect(err).toMatch(/wrote \d+ packets of \d+ connections? to/);
});

describe('--anonymize', () => {
  const addresses = ['192.168.58.216', '192.168.58.119'].map((ip) => Buffer.from(ip.split('.').map(Number)));
  const key = '0123456789abcdef'.repeat(4);

  test('a finding, or without one the whole capture, without its addresses and without its name', async () => {
    for (const [what, packets] of [
      [['--finding', '1'], 713],
      [[], PACKETS],
    ] as const) {
      const out = join(folder, 'out.pcapng');
      expect((await typed(capture, ...what, '--anonymize', '-w', out)).exitCode).toBe(0);
      const bytes = readFileSync(out);
      for (const words of [...addresses, '192.168.58.216', 'a.pcap']) expect(bytes.includes(words)).toBe(false);
      expect(await packetsIn(out)).toBe(packets);
    }
  });

  test('with a key the same every time, from a file in either form or from the line; without one another every time', async () => {
    const [digits, octets] = [join(folder, 'key.hex'), join(folder, 'key')];
    writeFileSync(digits, `${key}\n`);
    writeFileSync(octets, Buffer.from(key, 'hex'));
    const file = async (...words: readonly string[]): Promise<string> => {
      await typed(capture, '--connection', '3', '-w', join(folder, 'k.pcap'), ...words);
      return readFileSync(join(folder, 'k.pcap')).toString('hex');
    };
    const once = await file('--anonymize-key', key);
    expect([await file('--anonymize-key', digits), await file('--anonymize', '--anonymize-key', octets)]).toEqual([once, once]);
    expect(await file('--anonymize')).not.toBe(await file('--anonymize'));
  });

  test('a report has neither addresses nor names, and is otherwise the same', async () => {
    const report = async (...words: readonly string[]): Promise<string> => (await tcpdiag(['report', capture, ...words], { analyse })).out;
    const text = await report('--anonymize-key', key);
    expect(text).not.toMatch(/192\.168\.58\.|a\.pcap/);
    expect(text).toMatch(/39 connections stuck in CLOSE_WAIT on 192\.168\.\d+\.\d+\n/);
    for (const format of ['json', 'ndjson', 'markdown'])
      expect(await report('--anonymize-key', key, '-f', format)).not.toMatch(/192\.168\.58\.|a\.pcap|"sha256":"/);
  });

  test.each([
    [['--anonymize-key', 'nosuch'], /cannot read the key from "nosuch": there is no such file\./],
    [['--anonymize-key', fixture], /is no key: it holds neither 64 hexadecimal digits nor 32 octets\./],
  ])('%j is refused', async (words, sentence) => {
    const { exitCode, err } = await typed(capture, ...words, '-w', 'x.pcap');
    expect([exitCode, err]).toEqual([2, expect.stringMatching(sentence)]);
  });

  test('and --checksum contradict each other', async () => {
    const { exitCode, err } = await tcpdiag(['report', capture, '--anonymize', '--checksum'], { analyse });
    expect([exitCode, err]).toEqual([2, expect.stringContaining('use one of them')]);
  });
});

test.each([
  [[], /extract needs a place to write to\./],
  [['-w', 'x.pcap'], /extract takes one of --finding ID, --connection ID and --where EXPR\./],
  [['-w', 'x.pcap', '--finding', '1', '--connection', '1'], /extract takes one of/],
  [['-w', 'x.txt', '--finding', '1'], /"x\.txt" does not say which format it should have\./],
  [['-w', 'x.pcap', '-f', 'erf', '--finding', '1'], /extract has no format "erf"; it has pcap, pcapng\./],
  [['-w', 'x.pcap', '--finding', '1', '--context', 'few'], /--context takes a number of frames, not "few"\./],
  [['-w', 'x.pcap', '--connection', '1', '--context', '2'], /--context counts from the proofs of a finding/],
  [['-w', 'x.pcap', '--connection', 'x'], /--connection takes an id/],
  [['-w', 'x.pcap', '--finding', 'no-such/thing'], /there is no finding "no-such\/thing"; the report has 1 to \d+: close-wait-stuck/],
])('%j is refused in one sentence', async (words, sentence) => {
  const { exitCode, err } = await typed(capture, ...words);
  expect([exitCode, err]).toEqual([2, expect.stringMatching(sentence)]);
});

const hasTshark = ((): boolean => {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!hasTshark)('tshark reads both formats, with the times and comments', async () => {
  for (const name of ['t.pcap', 't.pcapng']) {
    const out = join(folder, name);
    await typed(capture, '--finding', LEAK, '-w', out);
    expect(existsSync(out)).toBe(true);
    const shown = (file: string, filter: string): string[] =>
      execFileSync(
        'tshark',
        ['-r', file, '-Y', filter, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'tcp.srcport', '-e', 'frame.comment'],
        { stdio: ['ignore', 'pipe', 'ignore'] },
      )
        .toString()
        .trimEnd()
        .split('\n');
    const before = shown(capture, 'tcp.port == 54400').map((line) => line.split('\t').slice(0, 2));
    expect(shown(out, 'tcp.port == 54400').map((line) => line.split('\t').slice(0, 2))).toEqual(before);
    if (name.endsWith('ng')) expect(shown(out, 'frame.comment')[0]).toContain(`proves ${LEAK}: `);
  }
});
