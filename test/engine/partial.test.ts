/**
 * A capture that several processes share is the capture: whatever the number of shards, and in whatever order and groups they are put
 * together, the result is that of one process that saw it all.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CaptureFileFacts, readStream } from '../../src/capture/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import { type PartialResult, together } from '../../src/engine/partial.ts';
import { UnknownFormatError, UnreadableError, UsageError } from '../../src/model/errors.ts';
import { Flag } from '../../src/model/flags.ts';
import { nanos } from '../../src/model/units.ts';
import { shardOf, tupleHash } from '../../src/track/shard.ts';
import { pcapFile } from '../support/capture-bytes.ts';
import { ethernet, ipv4, tcp } from '../support/frames.ts';

const fixture = (name: string): string => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-partial-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PCAP_HEADER = 24;
const CAPTURES = readdirSync(fixture('.')).filter((name) => /\.pcap(ng)?(\.gz)?$/.test(name));

async function tracked(bytes: Uint8Array, options: AnalysisOptions): Promise<{ analyzer: Analyzer; facts: CaptureFileFacts }> {
  const analyzer = new Analyzer(options);
  const facts = await readStream([bytes], { record: (record) => analyzer.record(record, 0) });
  return { analyzer, facts };
}

/** Everything that is told of a capture, tracked in `count` parts; 0: in one that is judged at once. */
async function told(bytes: Uint8Array, count: number): Promise<unknown> {
  if (count === 0) {
    const { analyzer, facts } = await tracked(bytes, {});
    return { report: analyzer.finish([facts]), rows: [...analyzer.rows()], sockets: [...analyzer.sockets()] };
  }
  const parts: PartialResult[] = [];
  for (let index = 0; index < count; index++) {
    const { analyzer, facts } = await tracked(bytes, { shard: { index, count }, only: [] });
    analyzer.finish([facts]);
    parts.push(structuredClone(analyzer.partial));
  }
  const analyzer = new Analyzer({});
  const report = analyzer.restore(together(parts.map((partial) => ({ path: 'part', partial }))));
  return { report, rows: [...analyzer.rows()], sockets: [...analyzer.sockets()] };
}

test('there are captures', () => expect(CAPTURES.length).toBeGreaterThan(80));

test.each(CAPTURES)('%s in three parts is the whole', async (name) => {
  const bytes = new Uint8Array(readFileSync(fixture(name)));
  expect(await told(bytes, 3)).toEqual(await told(bytes, 0));
});

test.each([1, 2, 4, 16])('incident.pcap in %i parts is the whole', async (count) => {
  const bytes = new Uint8Array(readFileSync(fixture('incident.pcap')));
  expect(await told(bytes, count)).toEqual(await told(bytes, 0));
});

async function part(capture: string, shard: string | null, name: string): Promise<string> {
  const [index = 0, count = 1] = shard?.split('/').map(Number) ?? [];
  const options = shard === null ? {} : { shard: { index: index - 1, count } };
  return written((await analyse([fixture(capture)], options, { partial: true })).partial(), name);
}

async function written(pieces: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const path = join(folder, `${name}.partial`);
  const octets: Uint8Array[] = [];
  for await (const piece of pieces) octets.push(piece);
  writeFileSync(path, Buffer.concat(octets));
  return path;
}

const answerOf = async (...paths: string[]): Promise<unknown> => {
  const analysis = await analyse(paths);
  const ladder = await analysis.ladder(0);
  return { report: analysis.report, rows: [...analysis.connections()], sockets: [...analysis.sockets()], ladder };
};

describe.each(['incident.pcap', 'refused.pcapng', 'forwarding_any.pcap', 'icmp_reject.pcap'])('%s through files', (name) => {
  test('one file of everything is the capture', async () => {
    expect(await answerOf(await part(name, null, `${name}.whole`))).toEqual(await answerOf(fixture(name)));
  });

  test('in any order and grouping: (3, 1), (4, 2) is 1, 2, 3, 4', async () => {
    const [one, two, three, four] = (await Promise.all([1, 2, 3, 4].map((i) => part(name, `${i}/4`, `${name}.${i}`)))) as [
      string,
      string,
      string,
      string,
    ];
    const merged = async (paths: string[], to: string): Promise<string> =>
      written((await analyse(paths, {}, { partial: true })).partial(), `${name}.${to}`);
    const [odd, even] = [await merged([three, one], 'odd'), await merged([four, two], 'even')];
    const whole = await answerOf(fixture(name));
    expect(await answerOf(odd, even)).toEqual(whole);
    expect(await answerOf(one, two, three, four)).toEqual(whole);
    expect(await answerOf(await merged([even, odd], 'again'))).toEqual(whole);
  });
});

describe('what does not belong together is refused', () => {
  test('the same shard twice', async () => {
    const one = await part('incident.pcap', '1/2', 'twice');
    await expect(analyse([one, one])).rejects.toThrow(/both hold shard 1\/2/);
  });

  test('a shard that is missing, unless more is to come', async () => {
    const one = await part('incident.pcap', '2/3', 'lonely');
    await expect(analyse([one])).rejects.toThrow(/of 3 shards 2 are missing: 1\/3, 3\/3/);
  });

  test('shards of two captures, or of two ways to divide one', async () => {
    const [one, other, third] = [
      await part('incident.pcap', '1/2', 'a'),
      await part('refused.pcapng', '2/2', 'b'),
      await part('incident.pcap', '2/3', 'c'),
    ];
    await expect(analyse([one, other])).rejects.toThrow(/of 2 shards one is missing/);
    await expect(analyse([one, third])).rejects.toThrow(/one is of 2 shards, the other of 3/);
    await expect(analyse([one, fixture('refused.pcapng')])).rejects.toThrow(/is no partial result/);
  });

  test('shards that were read with different options', async () => {
    const plain = await part('refused.pcapng', '1/2', 'plain');
    const others: readonly AnalysisOptions[] = [{ profile: 'windows' }, { capturedUntil: { kind: 'offset', nanos: nanos(600e9) } }];
    for (const [i, options] of others.entries()) {
      const other = await analyse([fixture('refused.pcapng')], { ...options, shard: { index: 1, count: 2 } }, { partial: true });
      const path = await written(other.partial(), `other-${i}`);
      await expect(analyse([plain, path])).rejects.toThrow(/not read with the same options/);
      await expect(analyse([path, plain])).rejects.toThrow(/not read with the same options/);
    }
  });

  test('what must be said when the capture is read', async () => {
    const whole = await part('refused.pcapng', null, 'read');
    await expect(analyse([whole], { count: 3 })).rejects.toThrow(UsageError);
    await expect(analyse([whole], {}, { anonymize: new Uint8Array(32) })).rejects.toThrow(UsageError);
  });

  test('files that are cut, damaged, or longer than they say', async () => {
    const octets = readFileSync(await part('refused.pcapng', null, 'sound'));
    const damaged = Buffer.from(octets);
    damaged[octets.length >> 1]! ^= 0xff;
    for (const [name, bytes] of Object.entries({
      cut: octets.subarray(0, -9),
      damaged,
      longer: Buffer.concat([octets, octets.subarray(16)]),
    })) {
      writeFileSync(join(folder, `${name}.partial`), bytes);
      await expect(analyse([join(folder, `${name}.partial`)])).rejects.toThrow(UnreadableError);
    }
  });

  test('what was folded because memory had run out', async () => {
    const syn = (n: number): Uint8Array =>
      ethernet(
        ipv4(
          { src: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, dst: '192.0.2.1' },
          tcp({ srcPort: 40_000, dstPort: 443, flags: Flag.SYN }),
        ),
      );
    // Several pieces of a file: one call cannot take so many arguments.
    const pieces = Array.from({ length: 10 }, (_, piece) => {
      const records = Array.from({ length: 17_000 }, (__, n) => ({ seconds: piece, bytes: syn(piece * 17_000 + n) }));
      return pcapFile({}, records).subarray(piece === 0 ? 0 : PCAP_HEADER);
    });
    const { analyzer, facts } = await tracked(Buffer.concat(pieces), { maxMemory: 1 });
    analyzer.finish([facts]);
    expect(() => analyzer.partial).toThrow(/folded/);
  }, 60_000);
});

test('one that comes disguised as a capture is none', async () => {
  const path = join(folder, 'capture.pcap');
  writeFileSync(path, readFileSync(await part('refused.pcapng', null, 'disguised')));
  await expect(analyse([path])).rejects.toThrow(UnknownFormatError);
});

test('what cannot be read again is said, and the rest stands', async () => {
  const copy = join(folder, 'moved.pcap');
  writeFileSync(copy, readFileSync(fixture('incident.pcap')));
  const path = await written((await analyse([copy], {}, { partial: true })).partial(), 'moved');
  const whole = (await analyse([copy])).report;
  rmSync(copy);
  const { report } = await analyse([path]);
  expect(report.findings.map(({ id }) => id)).toEqual(whole.findings.map(({ id }) => id));
  expect(report.capture.caveats.map(({ code }) => code)).toContain('not-read-again');
});

test('both directions of a tuple are of one shard, and shards are about equal', () => {
  const sizes = [0, 0, 0, 0, 0];
  for (let port = 1_024; port < 11_024; port++) sizes[shardOf(tupleHash(0x0a000001, 0x0a000002, (port << 16) | 443), 5)]!++;
  for (const size of sizes) expect(Math.abs(size - 2_000)).toBeLessThan(300);
});
