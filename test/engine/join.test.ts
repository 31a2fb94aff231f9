/**
 * Captures that follow each other, each tracked by a process of its own, are joined: a capture cut anywhere is told as in one reading.
 *
 * What may differ: the file of a frame and its number there, of which one reading has one; and in the time series where a count lies, because
 * the buckets of a later piece begin with it. `UNSEEN` has what nobody can know at a border.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import { type PartialResult, together } from '../../src/engine/partial.ts';
import { Flag } from '../../src/model/flags.ts';
import { pcapFile } from '../support/capture-bytes.ts';
import { ethernet, ipv4, tcp } from '../support/frames.ts';

const fixture = (name: string): string => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-join-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PCAP_HEADER = 24;
const RECORD_HEADER = 16;
const LITTLE_ENDIAN = [0xd4c3b2a1, 0x4d3cb2a1];
const BIG_ENDIAN = [0xa1b2c3d4, 0xa1b23c4d];
const magicOf = (bytes: Buffer): number => bytes.readUInt32BE(0);
const CAPTURES = readdirSync(fixture('.')).filter(
  (name) => name.endsWith('.pcap') && [...LITTLE_ENDIAN, ...BIG_ENDIAN].includes(magicOf(readFileSync(fixture(name)))),
);

/** What differs where one of the borders lies badly. */
const UNSEEN: Readonly<Record<string, string>> = {
  'capture_with_gaps.pcap': "Zeek's letter for octets that are missing right at the border",
  'icmp_reject.pcap': 'an ICMP error about a connection of which nothing else comes behind the border',
  'ip4_fragments.pcap': 'a datagram whose fragments lie on both sides',
  'paws_rejects.pcap': 'timestamps that were suspected to be refused right before the border',
  'pmtu_discovery.pcap': 'a connection with more behind the border than what is kept of it, part of which was under way',
  'port_reuse_server_tw.pcap': 'late segments of a connection whose tuple was opened again right before the border',
  'process_killed.pcap': 'a pause between two segments that lie on both sides',
  'rst_challenge_ack.pcap': 'a SYN inside a live connection comes first behind the border and is taken for the beginning of one',
  'simultaneous_open.pcap': 'two SYNs that cross, one on each side',
  'syn_odd.pcap': 'the same, with data',
};

/** Records of a classic pcap file. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const little = LITTLE_ENDIAN.includes(magicOf(bytes));
  const starts: number[] = [];
  let at = PCAP_HEADER;
  while (at + RECORD_HEADER <= bytes.length) {
    starts.push(at);
    at += RECORD_HEADER + (little ? bytes.readUInt32LE(at + 8) : bytes.readUInt32BE(at + 8));
  }
  starts.push(bytes.length);
  const ends = [0, ...places.map((place) => Math.round(place * (starts.length - 1))), starts.length - 1];
  const header = bytes.subarray(0, PCAP_HEADER);
  return ends.slice(1).map((end, i) => Buffer.concat([header, bytes.subarray(starts[ends[i]!], starts[end])]));
}

async function tracked(bytes: Uint8Array, path = 'capture'): Promise<Analyzer> {
  const analyzer = new Analyzer({});
  const facts = await readStream([bytes], { record: (record) => analyzer.record(record, 0) });
  analyzer.finish([{ ...facts, path }]);
  return analyzer;
}

async function joined(pieces: readonly Uint8Array[]): Promise<Analyzer> {
  const parts: { path: string; partial: PartialResult }[] = [];
  for (const [i, piece] of pieces.entries()) parts.push({ path: `piece ${i}`, partial: (await tracked(piece, `piece ${i}`)).partial });
  const analyzer = new Analyzer({});
  analyzer.restore(together(parts));
  return analyzer;
}

const without = (value: unknown, keys: ReadonlySet<string>): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) => (keys.has(key) ? undefined : inner)));
const withoutFiles = (value: unknown): unknown => without(value, new Set(['file', 'fileFrame']));
const sum = (counts: readonly number[]): number => counts.reduce((n, count) => n + count, 0);

function told(analyzer: Analyzer): unknown {
  const { capture, series, findings } = analyzer.snapshot();
  const { packets, tcpPackets, connections, start, end, vantage } = capture;
  return withoutFiles({
    capture: { packets, tcpPackets, connections, start, end, vantage },
    series: { syn: sum(series.syn), synAnswered: sum(series.synAnswered), completed: sum(series.completed), rst: sum(series.rst) },
    findings: findings.map(({ id, severity, connections: n }) => ({ id, severity, n })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    rows: Array.from(analyzer.rows(), (row) => ({ ...row, findings: [...row.findings].sort() })),
    sockets: [...analyzer.sockets()],
  });
}

describe.each([[[0.3]], [[0.5]], [[0.7]], [[0.2, 0.6]], [[0.1, 0.4, 0.9]]])('cut at %j', (places) => {
  test.each(CAPTURES.filter((name) => !(name in UNSEEN)))('%s', async (name) => {
    const bytes = readFileSync(fixture(name));
    expect(told(await joined(cut(bytes, places)))).toEqual(told(await tracked(bytes)));
  });

  test.each(Object.keys(UNSEEN))('%s: packets and what is not at the border', async (name) => {
    const bytes = readFileSync(fixture(name));
    const [whole, pieces] = [await tracked(bytes), await joined(cut(bytes, places))];
    expect(pieces.snapshot().capture.packets).toBe(whole.snapshot().capture.packets);
    expect(Math.abs(pieces.connections - whole.connections)).toBeLessThanOrEqual(places.length);
  });
});

/** A segment of a host that no fixture has, an hour before any. */
const stranger = (seconds: number): Buffer =>
  Buffer.from(
    pcapFile({}, [
      { seconds, bytes: ethernet(ipv4({ src: '198.51.100.7', dst: '198.51.100.8' }, tcp({ srcPort: 1, dstPort: 2, flags: Flag.RST }))) },
    ]),
  );

/** Delays are measured on a sample of the connections, which is another where there is one more. */
const OF_SAMPLES = new Set(['delaySeconds', 'localTime']);

test.each(CAPTURES)('%s behind another capture: all of its frames and moments have moved', async (name) => {
  const bytes = readFileSync(fixture(name));
  const alone = await tracked(bytes);
  const { seconds } = alone.observedUntil;
  const behind = await joined([stranger(seconds - 7_200), bytes]);
  const moved = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(withoutFiles(value), (key, inner: unknown) => {
        if (OF_SAMPLES.has(key)) return undefined;
        if (key === 'connection' || key === 'id' || key === 'sameAs') return typeof inner === 'number' ? inner + 1 : inner;
        return key.toLowerCase().endsWith('frame') && typeof inner === 'number' && inner > 0 ? inner + 1 : inner;
      }),
    );
  const rows = Array.from(behind.rows()).slice(1);
  expect(rows.map((row) => without(withoutFiles({ ...row, findings: [] }), OF_SAMPLES))).toEqual(
    Array.from(alone.rows(), (row) => moved({ ...row, findings: [] })),
  );
});

/** A connection: handshake, requests of 100 octets answered by 1,000, both FINs. Ten packets per second. */
function conversation(requests: number): Buffer {
  const [client, server] = [
    { src: '10.0.0.1', dst: '10.0.0.2' },
    { src: '10.0.0.2', dst: '10.0.0.1' },
  ];
  const packets: Uint8Array[] = [];
  let [seq, ack] = [4_294_967_000, 77];
  const ofClient = (flags: number, length = 0): void => {
    packets.push(ethernet(ipv4(client, tcp({ srcPort: 40_000, dstPort: 8_080, seq, ack, flags, payload: new Uint8Array(length) }))));
    seq = (seq + length + (flags & (Flag.SYN | Flag.FIN) ? 1 : 0)) >>> 0;
  };
  const ofServer = (flags: number, length = 0): void => {
    packets.push(
      ethernet(ipv4(server, tcp({ srcPort: 8_080, dstPort: 40_000, seq: ack, ack: seq, flags, payload: new Uint8Array(length) }))),
    );
    ack = (ack + length + (flags & (Flag.SYN | Flag.FIN) ? 1 : 0)) >>> 0;
  };
  ofClient(Flag.SYN);
  ofServer(Flag.SYN | Flag.ACK);
  ofClient(Flag.ACK);
  for (let n = 0; n < requests; n++) {
    ofClient(Flag.ACK, 100);
    ofServer(Flag.ACK, 1_000);
  }
  ofClient(Flag.FIN | Flag.ACK);
  ofServer(Flag.FIN | Flag.ACK);
  ofClient(Flag.ACK);
  return Buffer.from(
    pcapFile(
      {},
      packets.map((bytes, n) => ({ seconds: 1_000 + Math.floor(n / 10), fraction: (n % 10) * 100_000, bytes })),
    ),
  );
}

test.each([[[0.5]], [[0.101]], [[0.25, 0.5, 0.75]], [[0.2505]]])(
  'more behind a border than is kept of a connection: cut at %j',
  async (places) => {
    const bytes = conversation(200);
    const rowsOf = (analyzer: Analyzer): unknown => withoutFiles([...analyzer.rows()]);
    expect(rowsOf(await joined(cut(bytes, places)))).toEqual(rowsOf(await tracked(bytes)));
  },
);

async function written(pieces: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const octets: Uint8Array[] = [];
  for await (const piece of pieces) octets.push(piece);
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(octets));
  return path;
}

/** Partial results of the pieces of a capture, in files. */
async function parts(name: string, places: readonly number[]): Promise<string[]> {
  const paths: string[] = [];
  for (const [i, piece] of cut(readFileSync(fixture(name)), places).entries()) {
    const capture = join(folder, `${name}.${i}.pcap`);
    writeFileSync(capture, piece);
    paths.push(await written((await analyse([capture], {}, { partial: true })).partial(), `${name}.${i}.partial`));
  }
  return paths;
}

test('in any order and grouping: (1, 3), 2 is 1, (2, 3) is 1, 2, 3', async () => {
  const [one, two, three] = (await parts('incident.pcap', [0.3, 0.6])) as [string, string, string];
  const merged = async (paths: string[], name: string): Promise<string> =>
    written((await analyse(paths, {}, { partial: true })).partial(), name);
  const answerOf = async (...paths: string[]): Promise<unknown> => {
    const analysis = await analyse(paths);
    return {
      report: analysis.report,
      rows: [...analysis.connections()],
      sockets: [...analysis.sockets()],
      ladder: await analysis.ladder(0),
    };
  };
  const joinedAtOnce = await answerOf(three, one, two);
  expect(await answerOf(await merged([one, three], 'odd.partial'), two)).toEqual(joinedAtOnce);
  expect(await answerOf(one, await merged([three, two], 'behind.partial'))).toEqual(joinedAtOnce);
});

test('captures divided in different ways', async () => {
  const [one, two] = (await parts('incident.pcap', [0.5])) as [string, string];
  const capture = join(folder, 'incident.pcap.1.pcap');
  const shards: string[] = [];
  for (const index of [0, 1]) {
    const analysis = await analyse([capture], { shard: { index, count: 2 } }, { partial: true });
    shards.push(await written(analysis.partial(), `shard ${index}.partial`));
  }
  const idsOf = async (paths: string[]): Promise<unknown> => (await analyse(paths)).report.findings.map(({ id }) => id);
  expect(await idsOf([shards[1]!, one, shards[0]!])).toEqual(await idsOf([one, two]));
  await expect(analyse([one, shards[1]!])).rejects.toThrow(/of 2 shards one is missing: 1\/2/);
});

describe('what is said of a border', () => {
  const segment = (seconds: number, seq: number, flags: number): { seconds: number; bytes: Uint8Array } => ({
    seconds,
    bytes: ethernet(ipv4({ src: '10.0.0.1', dst: '10.0.0.2' }, tcp({ srcPort: 40_000, dstPort: 443, seq, ack: 1, flags }))),
  });
  const caveatOf = (analyzer: Analyzer): string =>
    analyzer.snapshot().capture.caveats.find(({ code }) => code === 'joined-captures')?.text ?? '';

  test('nothing where there is none', async () => {
    expect(caveatOf(await joined([readFileSync(fixture('half_close.pcap'))]))).toBe('');
  });

  test('how many connections went on, and what lies between the captures', async () => {
    const pieces = [pcapFile({}, [segment(100, 5_000, Flag.ACK)]), pcapFile({}, [segment(400, 5_000, Flag.ACK)])];
    expect(caveatOf(await joined(pieces))).toMatch(
      /^2 captures that follow each other were tracked apart and joined: 1 connection went on across a border; between two captures lies up to 5 min/,
    );
  });

  test('other numbers on the same addresses and ports are no continuation', async () => {
    const analyzer = await joined([pcapFile({}, [segment(100, 5_000, Flag.ACK)]), pcapFile({}, [segment(101, 2_500_000_000, Flag.ACK)])]);
    expect(analyzer.connections).toBe(2);
    expect(caveatOf(analyzer)).toMatch(/0 connections went on.*1 that was open was not seen again; 1 begins in the middle/);
  });

  test('captures that overlap are refused', async () => {
    const [long, inside] = [
      pcapFile({}, [segment(100, 1, Flag.ACK), segment(200, 1, Flag.ACK)]),
      pcapFile({}, [segment(150, 1, Flag.ACK)]),
    ];
    await expect(joined([inside, long])).rejects.toThrow(/overlap by 50 s: only captures that follow each other can be joined/);
  });

  test('a capture without a packet joins as a file', async () => {
    const analyzer = await joined([pcapFile({}, []), pcapFile({}, [segment(100, 1, Flag.ACK)])]);
    const { files, packets } = analyzer.snapshot().capture;
    expect([files.map((file) => file.packets), packets]).toEqual([[1, 0], 1]);
  });
});
