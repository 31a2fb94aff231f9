/** Whoever reads a file again and wants a few of its frames leaps to them, and gets what he would have got on foot, with the same numbers. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { readCaptures, Waypoints } from '../../src/capture/index.ts';
import { SecondPass } from '../../src/engine/second-pass.ts';
import { join, MODIFIED, NANOSECONDS, noise, pcapFile, type PcapRecord, pcapngFile, section } from '../support/capture-bytes.ts';

const folder = mkdtempSync(path(tmpdir(), 'tcpdiag-waypoints-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, bytes: Uint8Array): string => {
  const file = path(folder, name);
  writeFileSync(file, bytes);
  return file;
};

const START = 1_700_000_000;
/** 1.4 MB: several reads of a file, and more than a hundred places. */
const COUNT = 4_000;
/** Frames that are a few places apart, follow each other, or lie far away. */
const WANTED = [2, 3, 300, 333, 334, 1_024, 1_025, 2_500, 3_999, 4_000];

const records = Array.from({ length: COUNT }, (_, i): PcapRecord => ({
  seconds: START + Math.floor(i / 10),
  fraction: i % 10,
  bytes: noise(300 + (i % 90), i),
}));
const but = (changes: Readonly<Record<number, PcapRecord>>): PcapRecord[] => records.map((r, i) => ({ ...r, ...changes[i] }));

/** Reads the files once and then again for `wanted`; what is seen of these, and how many other frames had to be looked at. */
async function again(
  files: readonly string[],
  wanted: readonly number[],
  between = (): void => undefined,
): Promise<{ onFoot: string[]; leaping: string[]; besides: number }> {
  const noted = new Waypoints();
  const onFoot: string[] = [];
  let frame = 0;
  const text = (number: number, { seconds, nanos, hasTime, linkType, interfaceId, origLen, fileOffset, bytes, at, capLen }: Seen): string =>
    [number, seconds, nanos, hasTime, linkType, interfaceId, origLen, fileOffset, bytes.slice(at, at + capLen)].join();
  await readCaptures(
    files,
    { record: (r, file) => (wanted.includes(++frame) && onFoot.push(`${String(file)}: ${text(frame, r)}`), true) },
    { noting: noted },
  );
  between();
  const leaping: string[] = [];
  let besides = 0;
  let next = 0;
  const pass = new SecondPass((sink, signal) => readCaptures(files, sink, { signal, noted }), new AbortController().signal);
  await pass.run(
    (r, number, file) => {
      if (number !== wanted[next]) besides++;
      else {
        leaping.push(`${String(file)}: ${text(number, r)}`);
        next++;
      }
      return next < wanted.length;
    },
    { wanted: () => wanted[next] ?? 0 },
  );
  return { onFoot, leaping, besides };
}
type Seen = Parameters<Parameters<typeof readCaptures>[1]['record']>[0];

const little = section();
const big = section(true);
/** In nanoseconds, and 1,000 s later than its clock says. */
const NANOS = [
  [9, Uint8Array.of(9)],
  [14, Uint8Array.of(0, 0, 0, 0, 0, 0, 3, 0xe8)],
] as const;

/** Two sections of other byte orders, interfaces that are described between packets, one of them with another clock, packets without a time. */
const sections = pcapngFile([
  little.header(),
  little.interface(1, 65_535),
  ...records
    .slice(0, 1_500)
    .flatMap(({ bytes }, i) => [
      ...(i === 700 ? [little.interface(101, 0), little.interface(113, 4_096)] : []),
      ...(i % 50 === 20 ? [little.simplePacket(bytes!)] : []),
      little.packet(i > 700 ? i % 3 : 0, BigInt(START + i) * 1_000_000n, bytes!),
    ]),
  big.header(),
  big.interface(113, 0),
  big.interface(1, 0, [...NANOS]),
  ...records.slice(1_500).map(({ bytes }, i) => big.packet(i % 2, BigInt(START + i) * (i % 2 === 0 ? 1_000_000n : 1_000_000_000n), bytes!)),
]);

/** One in the middle of those whose clock is another one, and a little before a frame that is wanted. */
const contradicted = records.map((r, i): PcapRecord => {
  if (i < 1_700) return r;
  return i === 2_497 ? { ...r, origLen: 10 } : { ...r, seconds: r.seconds! - 900_000_000 };
});

const damaged = pcapFile({}, records);
damaged.fill(0xff, 500_000, 500_900);

test.each([
  ['pcap', pcapFile({}, records), 90],
  ['pcap, big-endian, nanoseconds', pcapFile({ bigEndian: true, magic: NANOSECONDS }, records), 90],
  ['pcap with longer headers', pcapFile({ magic: MODIFIED }, records), 90],
  ['pcap whose clock was set', pcapFile({}, but({ 1_700: { seconds: START - 900_000_000 } })), 90],
  ['pcap whose clock was set, and a record of the time before that contradicts itself', pcapFile({}, contradicted), 90],
  ['pcap with fractions above a second', pcapFile({}, but({ 40: { fraction: 3_000_000 }, 2_000: { fraction: 2_000_000 } })), 90],
  ['pcap with a length that lies', pcapFile({}, but({ 1_600: { capLen: 300, origLen: 300 } })), COUNT],
  ['pcap damaged in the middle', damaged, COUNT],
  ['pcap cut short', pcapFile({}, records).slice(0, -20), 90],
  ['two pcap files joined', join(pcapFile({}, records.slice(0, 2_000)), pcapFile({ bigEndian: true }, records.slice(2_000))), COUNT],
  ['pcapng with two sections', sections, COUNT],
  ['compressed', gzipSync(pcapFile({}, records)), COUNT],
])('%s', async (name, bytes, most) => {
  const { onFoot, leaping, besides } = await again([write(`${name}.cap`, bytes)], WANTED);
  expect(leaping).toEqual(onFoot);
  expect(besides).toBeLessThan(most);
});

test('of a large pcapng little more is looked at than what is wanted: 32 packets lie between two places', async () => {
  const wanted = [100, 2_000, 3_000];
  const { onFoot, leaping, besides } = await again([write('large.pcapng', sections)], wanted);
  expect(leaping).toEqual(onFoot);
  // The first read of the file is walked over: 256 KiB, some 700 packets.
  expect(besides).toBeLessThan(700 + wanted.length * 33);
});

test('files that follow each other, and files that interleave', async () => {
  const half = (from: number, to: number): string => write(`${String(from)}-${String(to)}.pcap`, pcapFile({}, records.slice(from, to)));
  const odd = write(
    'odd.pcap',
    pcapFile(
      {},
      records.filter((_, i) => i % 2 === 1),
    ),
  );
  const even = write(
    'even.pcapng',
    pcapngFile([
      little.header(),
      little.interface(),
      ...records.flatMap(({ seconds, fraction, bytes }, i) =>
        i % 2 === 1 ? [] : [little.packet(0, BigInt(seconds!) * 1_000_000n + BigInt(fraction!), bytes!)],
      ),
    ]),
  );
  for (const files of [
    [half(0, 1_500), half(1_500, 1_600), half(1_600, 4_000)],
    [even, odd],
    [odd, even, write('again.pcap', pcapFile({}, records.slice(900, 3_000)))],
  ]) {
    const { onFoot, leaping, besides } = await again(files, WANTED);
    expect(leaping).toEqual(onFoot);
    expect(onFoot).toHaveLength(WANTED.length);
    expect(besides).toBeLessThan(COUNT);
  }
});

test('a file that has grown, one that was cut, another one of the same name, and another one in the same place', async () => {
  const grown = write('grown.pcap', pcapFile({}, records));
  const more = await again([grown], WANTED, () => appendFileSync(grown, pcapFile({}, records).slice(24)));
  expect(more.leaping).toEqual(more.onFoot);

  const cut = write('cut.pcap', pcapFile({}, records));
  const less = await again([cut], WANTED, () => writeFileSync(cut, pcapFile({}, records.slice(0, 1_200))));
  expect(less.leaping).toEqual(less.onFoot.slice(0, 7));

  const longer = records.map((r) => ({ ...r, seconds: r.seconds! + 1_000, bytes: join(r.bytes!, noise(100)) }));
  const other = write('other.pcap', pcapFile({}, records));
  const replaced = await again([other], WANTED, () => renameSync(write('new.pcap', pcapFile({}, longer)), other));
  const anew = write('anew.pcap', pcapFile({}, records));
  const overwritten = await again([anew], WANTED, () => writeFileSync(anew, pcapFile({}, longer)));
  for (const { leaping } of [replaced, overwritten]) {
    expect(leaping.map((seen) => seen.split(',')[0])).toEqual(WANTED.map((frame) => `0: ${String(frame)}`));
    expect(leaping.map((seen) => Number(seen.split(',')[7]))).toEqual(
      WANTED.map((frame) => 24 + longer.slice(0, frame - 1).reduce((sum, { bytes }) => sum + 16 + bytes.length, 0)),
    );
  }
});

test('the table is bounded: where it is full, every other place goes, and places are twice as far apart', () => {
  const waypoints = new Waypoints();
  const file = { identity: null, format: 'pcap', begins: { seconds: START, nanos: 0 }, delivered: 0 };
  const [places] = waypoints.begin([file]);
  if (places === undefined) throw new Error('no table');
  const known = ['first', 'second'];
  let noted = 0;
  for (let records = 1; records <= 10_000_000; records++)
    if (records === places.due) {
      places.add({ offset: 100 * records, records, seconds: START, nanos: records, known: known[records > 6_000_000 ? 1 : 0] });
      noted++;
    }
  // 65,536 places, 32 records apart, are 2,097,152 records: three times the table was full.
  expect(noted).toBeGreaterThan(65_536 + 2 * 32_768);
  expect(noted).toBeLessThanOrEqual(65_536 + 3 * 32_768);
  for (const records of [5_000_000, 6_000_256, 10_000_000]) {
    const place = places.place(places.before(records));
    expect(records - place.records).toBeLessThan(256);
    expect(place).toEqual({
      offset: 100 * place.records,
      records: place.records,
      seconds: START,
      nanos: place.records,
      known: known[records > 6_000_000 ? 1 : 0],
    });
  }
  expect(places.before(31)).toBe(-1);
  expect(waypoints.of(0, file)).toBe(places);
  expect(waypoints.of(0, { ...file, format: 'pcapng' })).toBeNull();
  expect(waypoints.of(0, { ...file, begins: { seconds: START, nanos: 1 } })).toBeNull();
});
