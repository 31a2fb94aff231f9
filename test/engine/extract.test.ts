/** Packets taken out of a capture: the right ones, octet for octet and to the nanosecond, and enough of them to find the same again. */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import type { CaptureFormat } from '../../src/capture/write/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import { extract, type Extracted, type ExtractOptions } from '../../src/engine/extract.ts';
import { SecondPass } from '../../src/engine/second-pass.ts';
import { crossReadBytes } from '../../src/capture/cross-read.ts';
import { UsageError } from '../../src/model/errors.ts';
import { Direction } from '../../src/model/vantage.ts';
import { concat, ethernet, icmp, ipv4, ipv4Fragments, sll, tcp, text, udp } from '../support/frames.ts';
import { join, NANOSECONDS, pcapFile, section } from '../support/capture-bytes.ts';
import { diagnoseBytes } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;

interface Taken extends Extracted {
  readonly file: Uint8Array;
}

/** What is taken out of a capture in memory. */
async function take(
  capture: Uint8Array,
  options: Omit<ExtractOptions, 'format'> & { format?: CaptureFormat },
  where?: string,
): Promise<Taken> {
  const analyzer = new Analyzer(where === undefined ? {} : { where });
  analyzer.finish([await readStream([capture], { record: (record) => analyzer.record(record, 0) }, { name: 'folder/a.pcap' })]);
  const pass = new SecondPass((sink, signal) => readStream([capture], sink, { signal }), new AbortController().signal);
  const pieces: Uint8Array[] = [];
  const extracted = await extract(analyzer, pass, { format: 'pcapng', ...options }, (bytes) => {
    pieces.push(bytes);
    return Promise.resolve();
  });
  return { ...extracted, file: concat(...pieces) };
}

interface Read {
  readonly time: string;
  readonly linkType: number;
  readonly interfaceId: number;
  readonly direction: number;
  readonly origLen: number;
  readonly bytes: string;
}

async function read(file: Uint8Array): Promise<readonly Read[]> {
  const records: Read[] = [];
  await readStream([file], {
    record: ({ seconds, nanos, linkType, interfaceId, direction, origLen, bytes, at, capLen }) =>
      records.push({
        time: `${String(seconds)}.${String(nanos).padStart(9, '0')}`,
        linkType,
        interfaceId,
        direction,
        origLen,
        bytes: Buffer.from(bytes.subarray(at, at + capLen)).toString('hex'),
      }) > 0,
  });
  return records;
}

/** Connection 0, a refused connection 1 in between, and a DNS query between strangers. */
const FRAMES = [
  ...scriptFrames(`
    +0    > S  0:0(0)
    +.010 < S. 0:0(0) ack 1
    +.010 > .  1:1(0) ack 1
    +2    > F. 1:1(0) ack 1`),
  ...scriptFrames('+1 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1', { clientPort: 40001, serverPort: 81 }),
  { seconds: 1795163581, nanos: 500_000_123, bytes: ethernet(ipv4({ src: '10.9.9.9' }, udp({ dstPort: 53 }))) },
].sort((a, b) => a.seconds - b.seconds || a.nanos - b.nanos);
const CAPTURE = pcapFile(
  { magic: NANOSECONDS },
  FRAMES.map(({ seconds, nanos, bytes }) => ({ seconds, fraction: nanos, bytes, origLen: bytes.length + 7 })),
);
const ALL = await read(CAPTURE);

describe('a connection', () => {
  test.each(['pcap', 'pcapng'] as const)('in %s: its packets, as they were', async (format) => {
    const { file, ...facts } = await take(CAPTURE, { wanted: { connection: 0 }, format });
    expect(await read(file)).toEqual([0, 1, 2, 6].map((i) => ALL[i]));
    expect(facts).toMatchObject({ packets: 4, connections: 1, bytes: file.length });
  });

  test('that there is none of', async () => {
    await expect(take(CAPTURE, { wanted: { connection: 2 } })).rejects.toThrow('there is no connection 2: the capture has 0 to 1');
  });

  test('comes with the ICMP errors about it, and not with those about others', async () => {
    const syn = (srcPort: number): Uint8Array =>
      ipv4({ src: '10.0.0.1', dst: '10.0.0.2' }, tcp({ srcPort, dstPort: 80, flags: 2, seq: 9 }));
    const about = (port: number): Uint8Array => ethernet(ipv4({ src: '10.0.0.254', dst: '10.0.0.1' }, icmp(3, 1, syn(port).slice(0, 28))));
    const frames = [ethernet(syn(5000)), ethernet(syn(5001)), about(5001), about(5000)];
    const { file } = await take(
      pcapFile(
        {},
        frames.map((bytes) => ({ bytes })),
      ),
      { wanted: { connection: 0 } },
    );
    expect((await read(file)).map(({ bytes }) => bytes)).toEqual([frames[0]!, frames[3]!].map((b) => Buffer.from(b).toString('hex')));
  });

  test('comes with all fragments of its segments, and not with those of others', async () => {
    const segment = (srcPort: number): ReturnType<typeof tcp> => tcp({ srcPort, dstPort: 80, flags: 0x18, payload: text('x'.repeat(60)) });
    const pieces = (srcPort: number, id: number): Uint8Array[] => ipv4Fragments({ id }, segment(srcPort), [24, 48]).map((p) => ethernet(p));
    const [a, b] = [pieces(5000, 1), pieces(5001, 2)];
    const frames = [a[2]!, b[0]!, b[1]!, a[0]!, b[2]!, a[1]!];
    const { file } = await take(
      pcapFile(
        {},
        frames.map((bytes) => ({ bytes })),
      ),
      { wanted: { connection: 1 } },
    );
    expect((await read(file)).map(({ bytes }) => bytes)).toEqual([a[2]!, a[0]!, a[1]!].map((x) => Buffer.from(x).toString('hex')));
  });
});

describe('a filter', () => {
  test('takes what --where selects', async () => {
    expect(await read((await take(CAPTURE, { wanted: 'selected' }, 'server.port:81')).file)).toEqual([ALL[3], ALL[4]]);
  });

  test('that selects nothing writes nothing', async () => {
    await expect(take(CAPTURE, { wanted: 'selected' }, 'server.port:82')).rejects.toThrow(
      new UsageError('no packet of the capture belongs to the connections that were selected; nothing was written.'),
    );
  });
});

describe('a finding', () => {
  const id = 'connection-refused/10.0.0.9:81';
  const wanted = async (): Promise<string> =>
    (await diagnoseBytes(CAPTURE)).findings.find((f) => f.rule === 'connection-refused')?.id ?? id;

  test('by its id or its number in the report', async () => {
    const { findings } = await diagnoseBytes(CAPTURE);
    const finding = await wanted();
    const number = String(findings.findIndex((f) => f.id === finding) + 1);
    const both = [await take(CAPTURE, { wanted: { finding } }), await take(CAPTURE, { wanted: { finding: number } })];
    expect(both[0]!.file).toEqual(both[1]!.file);
    expect(await read(both[0]!.file)).toEqual([ALL[3], ALL[4]]);
  });

  test('with the frames around its proofs', async () => {
    expect(await read((await take(CAPTURE, { wanted: { finding: await wanted() }, context: 1 })).file)).toEqual(ALL.slice(2, 6));
  });

  test('names its proofs in the comments of pcapng, with the frames that they were', async () => {
    const finding = await wanted();
    const { file } = await take(CAPTURE, { wanted: { finding } });
    const words = Buffer.from(file).toString('latin1');
    expect(words).toContain(`${finding}, extracted by tcpdiag from a.pcap`);
    expect(words).toContain(`frame 4 proves ${finding}: `);
  });

  test('that there is none of: the nearest is named', async () => {
    await expect(take(CAPTURE, { wanted: { finding: (await wanted()).slice(0, -1) } })).rejects.toThrow(
      /^there is no finding ".*"; did you mean "/,
    );
    await expect(take(CAPTURE, { wanted: { finding: '99' } })).rejects.toThrow(/^there is no finding "99"; the report has 1 to \d: /);
  });
});

describe('whom a rule compares with', () => {
  const whole = (at: number, clientPort: number): ReturnType<typeof scriptFrames> =>
    scriptFrames(
      `
    +${String(at)} > S  0:0(0)
    +.010 < S. 0:0(0) ack 1
    +.010 > .  1:1(0) ack 1
    +.010 > F. 1:1(0) ack 1
    +.010 < F. 1:1(0) ack 2
    +.010 > .  2:2(0) ack 2`,
      { clientPort },
    );
  const aborted = scriptFrames(`
    +100  > S  0:0(0)
    +.010 < S. 0:0(0) ack 1
    +.010 > .  1:1(0) ack 1
    +.010 > P. 1:11(10) ack 1
    +.010 < .  1:1(0) ack 11
    +.010 < R. 1:1(0) ack 11`);
  const near = [...whole(95.5, 40_002), ...aborted, ...whole(104.5, 40_003)];
  const frames = [...whole(1, 40_001), ...near, ...whole(107, 40_004)];
  const capture = pcapFile(
    {},
    frames.map(({ seconds, nanos, bytes }) => ({ seconds, fraction: nanos / 1_000, bytes })),
  );

  test('comes along where it was there at the time, whole, and is counted', async () => {
    const { findings } = await diagnoseBytes(capture);
    const finding = findings.find(({ rule }) => rule === 'rst-abort')!.id;
    const { file, packets, connections, neighbours } = await take(capture, { wanted: { finding } });
    expect((await read(file)).map(({ bytes }) => bytes)).toEqual(near.map(({ bytes }) => Buffer.from(bytes).toString('hex')));
    expect({ packets, connections, neighbours }).toEqual({ packets: 18, connections: 3, neighbours: 12 });
    expect(Buffer.from(file).toString('latin1')).toMatch(/ && tcp\.port==\d+\) and whom its rule compared it with, extracted by tcpdiag/);
  });

  test('is in no selection of the finding’s connections', async () => {
    const { packets, neighbours } = await take(capture, { wanted: 'selected' }, 'finding:rst-abort');
    expect({ packets, neighbours }).toEqual({ packets: 6, neighbours: 0 });
  });
});

describe('what the file says', () => {
  test('pcapng: interfaces with their names and link types, directions, and when the capture ended', async () => {
    const s = section();
    const syn = FRAMES[0]!.bytes;
    const cooked = sll(syn.slice(14));
    const capture = join(
      s.header(),
      s.interface(1, 262_144, [[2, text('eth0')]]),
      s.interface(113, 96, [[2, text('any')]]),
      s.packet(1, 5n, cooked, { list: [[2, Uint8Array.of(2, 0, 0, 0)]] }),
    );
    const { file } = await take(capture, { wanted: { connection: 0 } });
    const facts = await readStream([file], { record: () => true });
    expect(facts.interfaces).toEqual([{ linkType: 113, snapLen: 96, name: 'any' }]);
    expect(await read(file)).toMatchObject([{ linkType: 113, direction: Direction.OUTBOUND }]);
  });

  test('pcap holds one link type: another is refused', async () => {
    const s = section();
    const [syn, answer] = [FRAMES[0]!.bytes, FRAMES[1]!.bytes];
    const capture = join(s.header(), s.interface(1), s.interface(113), s.packet(0, 5n, syn), s.packet(1, 6n, sll(answer.slice(14))));
    await expect(take(capture, { wanted: { connection: 0 }, format: 'pcap' })).rejects.toThrow(
      /link types ETHERNET and LINUX_SLL, and a pcap file holds one/,
    );
    expect(await read((await take(capture, { wanted: { connection: 0 } })).file)).toHaveLength(2);
  });

  test('pcap from microseconds stays one of microseconds, which an independent reader reads', async () => {
    const capture = pcapFile(
      {},
      FRAMES.map(({ seconds, bytes }) => ({ seconds, fraction: 7, bytes })),
    );
    const { file } = await take(capture, { wanted: { connection: 0 }, format: 'pcap' });
    expect(await crossReadBytes(file, 'x.pcap')).toEqual({ verdict: 'agrees', packets: 4, whole: true });
  });

  test('that a capture went on is in pcapng only, and told', async () => {
    const capture = await read((await take(CAPTURE, { wanted: { connection: 1 } })).file);
    expect(capture).toHaveLength(2);
    const [ng, classic] = [
      await take(CAPTURE, { wanted: { connection: 1 } }),
      await take(CAPTURE, { wanted: { connection: 1 }, format: 'pcap' }),
    ];
    expect([ng.endLost, classic.endLost]).toEqual([false, true]);
    expect((await readStream([ng.file], { record: () => true })).endTime).toEqual({ seconds: FRAMES[6]!.seconds, nanos: FRAMES[6]!.nanos });
  });
});

/** Rules about the capture itself, which count all of its packets: an extract has their proofs. */
const OF_ALL_PACKETS = new Set(['duplicate-capture', 'tiny-snaplen']);

describe('every finding of a fixture is found again in its own packets', () => {
  const captures = readdirSync(FIXTURES).filter((name) => name.includes('.pcap'));

  test.each(captures)('%s', { timeout: 60_000 }, async (name) => {
    const analysis = await analyse([FIXTURES + name], {}, { said: false });
    for (const finding of analysis.report.findings) {
      const pieces: Uint8Array[] = [];
      await analysis.extract({ wanted: { finding: finding.id }, format: 'pcapng' }, (bytes) => {
        pieces.push(bytes);
        return Promise.resolve();
      });
      const again = (await diagnoseBytes(concat(...pieces))).findings.find(({ id }) => id === finding.id);
      if (OF_ALL_PACKETS.has(finding.rule)) continue;
      const { severity, count, atFault } = finding;
      expect({ id: again?.id, severity: again?.severity, count: again?.count, atFault: again?.atFault }).toEqual({
        id: finding.id,
        severity,
        count,
        atFault,
      });
    }
  });
});
