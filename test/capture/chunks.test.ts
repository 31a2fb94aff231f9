import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ErfReader } from '../../src/capture/erf.ts';
import { PcapReader } from '../../src/capture/pcap.ts';
import { PcapngReader } from '../../src/capture/pcapng.ts';
import { SnoopReader } from '../../src/capture/snoop.ts';
import { type CaptureReader, RawRecord } from '../../src/capture/reader.ts';
import { chunksOf, erfFile, join, MODIFIED, noise, pcapFile, pcapngFile, section, snoopFile } from '../support/capture-bytes.ts';
import { read, readAll } from './read.ts';

const le = section();
const be = section(true);
const records = [0, 1, 60, 1514, 15, 200].map((length, i) => ({ seconds: i, fraction: i, bytes: noise(length, i) }));
const erf = erfFile([
  { type: 27, seconds: 0, before: 0, bytes: noise(40) },
  ...records.map(({ bytes }, i) => ({ seconds: 1_700_000_000 + i, fraction: i, bytes, padding: -(bytes.length + 2) & 7 })),
  { type: 48, seconds: 0, before: 0, bytes: noise(300) },
  { type: 1, before: 0, bytes: noise(60), extensions: [noise(8), noise(8, 1)] },
]);
const files: [string, Uint8Array][] = [
  ['pcap', pcapFile({}, records)],
  ['pcap, modified, big-endian', pcapFile({ magic: MODIFIED, bigEndian: true }, records)],
  ['pcap, cut', pcapFile({}, records).slice(0, -3)],
  ['pcap, damaged', join(pcapFile({}, records), noise(100))],
  [
    'pcapng',
    pcapngFile([
      ...[le.header(), le.interface(), le.block(4, noise(300)), le.packet(0, 5n, noise(61)), le.simplePacket(noise(7))],
      ...[be.header(), be.interface(101, 0, [[9, Uint8Array.of(9)]]), be.packet(0, 7n, noise(200)), be.block(0x777, noise(40))],
      ...[be.obsoletePacket(0, 1, 8n, noise(3)), be.statistics(0, [[3, be.time(9n)]])],
    ]),
  ],
  ['pcapng, damaged', pcapngFile([le.header(), le.interface(), le.packet(0, 5n, noise(61)), le.u32(6, 34), noise(50)])],
  ['snoop', snoopFile(records)],
  ['snoop, cut in the padding', snoopFile([{ bytes: noise(61) }, { bytes: noise(61, 1) }]).slice(0, -2)],
  ['snoop, damaged', join(snoopFile(records), noise(100))],
  ['ERF', erf],
  ['ERF, cut', erf.slice(0, -3)],
  ['ERF, damaged', join(erf, new Uint8Array(40))],
  ['gzip', gzipSync(pcapFile({}, records))],
  ['gzip, cut', gzipSync(pcapFile({}, records)).subarray(0, -20)],
];

describe('how the bytes are cut into chunks changes nothing', () => {
  test.each(files)('%s', async (_name, bytes) => {
    // Reading ends with the chunk in which the damage is, so only `bytes` may differ.
    const readIn = async (chunks: Iterable<Uint8Array>) => {
      const { records: seen, facts } = await readAll(chunks);
      return { seen, facts: { ...facts, bytes: facts.damage === null ? facts.bytes : 0 } };
    };
    const whole = await readIn([bytes]);
    expect(await readIn(chunksOf(bytes, 1))).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 }), async (sizes) => {
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = i < 1000 ? sizes[i % sizes.length]! : bytes.length; // sizes of only zeros must end too
          chunks.push(bytes.slice(at, at + size));
          at += size;
        }
        expect(await readIn(chunks)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  test('frames larger than the chunks', async () => {
    const large = pcapFile(
      {},
      [65_549, 60, 262_144, 60].map((length, i) => ({ bytes: noise(length, i) })),
    );
    expect(await readAll(chunksOf(large, 64 * 1024))).toEqual(await read(large));
  });
});

describe('memory', () => {
  const readers: [string, () => CaptureReader, Uint8Array][] = [
    ['pcap', () => new PcapReader(), pcapFile({}, [{ bytes: noise(60) }, { bytes: noise(60, 1) }, { bytes: noise(60, 2) }])],
    [
      'pcapng',
      () => new PcapngReader(),
      pcapngFile([le.header(), le.interface(), le.packet(0, 1n, noise(60)), le.packet(0, 2n, noise(60, 1))]),
    ],
    ['snoop', () => new SnoopReader(), snoopFile([{ bytes: noise(60) }, { bytes: noise(60, 1) }, { bytes: noise(60, 2) }])],
    ['ERF', () => new ErfReader(), erfFile([{ bytes: noise(60) }, { bytes: noise(60, 1) }, { bytes: noise(60, 2) }])],
  ];

  test.each(readers)('%s: a frame inside the chunk is not copied', (_name, create, bytes) => {
    const reader = create();
    const record = new RawRecord();
    reader.push(bytes);
    expect(reader.next(record)).toBe(true);
    expect(record.bytes).toBe(bytes);
    const { view } = record;
    expect(reader.next(record)).toBe(true);
    expect(record.view).toBe(view);
  });

  test.each(readers)('%s: once it asks for more, the chunk may be overwritten', (_name, create, bytes) => {
    const reader = create();
    const record = new RawRecord();
    const first = bytes.slice(0, bytes.length - 30);
    const frames: Uint8Array[] = [];
    const take = (): void => {
      while (reader.next(record)) frames.push(record.bytes.slice(record.at, record.at + record.capLen));
    };
    reader.push(first);
    take();
    first.fill(0);
    reader.push(bytes.slice(bytes.length - 30));
    take();
    expect(frames).toEqual([noise(60), noise(60, 1), noise(60, 2)].slice(0, frames.length));
    expect(frames.length).toBeGreaterThan(1);
  });

  test('a block that is passed over is not kept, however long', () => {
    const reader = new PcapngReader();
    const record = new RawRecord();
    reader.push(pcapngFile([le.header(), le.interface(), le.u32(10, 100_000_012)]));
    const zeros = new Uint8Array(1_000_000);
    for (let i = 0; i < 100; i++) {
      expect(reader.next(record)).toBe(false);
      reader.push(zeros);
    }
    expect(reader.next(record)).toBe(false);
    reader.push(join(le.u32(100_000_012), le.packet(0, 1n, noise(60))));
    expect(reader.next(record)).toBe(true);
    expect(record.fileOffset).toBe(28 + 20 + 100_000_012);
  });
});

describe('bytes that are not what they say', () => {
  test('no mutation of a capture makes a reader throw, hang or go outside its bytes', async () => {
    const mutated = fc.tuple(
      fc.constantFrom(...files.map(([, bytes]) => bytes)),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
    );
    await fc.assert(
      fc.asyncProperty(mutated, async ([bytes, changes]) => {
        const copy = bytes.slice();
        for (const [at, value] of changes) copy[24 + (at % (copy.length - 24))] = value;
        const { records: seen, facts } = await read(copy).catch((error: unknown) => {
          // A damaged section or gzip header is not a capture any more, and is told so.
          expect(error).toMatchObject({ exitCode: 2 });
          return { records: [], facts: null };
        });
        expect(facts?.packets ?? 0).toBe(seen.length);
        for (const { nanos, seconds } of seen) {
          expect(Number.isInteger(nanos) && nanos >= 0 && nanos < 1e9).toBe(true);
          expect(seconds >= 0).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
