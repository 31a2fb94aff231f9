/** A pass that asks for some records only sees those, numbered as the first pass numbered them, whatever the file went through. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import { SecondPass } from '../../src/engine/second-pass.ts';
import { chunksOf, join, MODIFIED, noise, pcapFile } from '../support/capture-bytes.ts';

const EVERY = 7;
const records = Array.from({ length: 200 }, (_, i) => ({ seconds: 1_700_000_000 + i, bytes: noise(60 + (i % 40), i) }));
const plain = pcapFile({}, records);
const damaged = plain.slice();
damaged.fill(0xff, 5_000, 5_016);

/** The length of record 51 lies by some octets: what is read behind it is out of step, and the first pass leaves it out. */
const lying = (by: number): Uint8Array =>
  pcapFile(
    {},
    records.map((r, i) => (i === 50 ? { ...r, capLen: r.bytes.length + by, origLen: r.bytes.length } : r)),
  );

const folder = new URL('../../fixtures/', import.meta.url);
const fixtures = readdirSync(folder)
  .filter((name) => /\.(pcap|pcapng)(\.gz)?$/.test(name))
  .map((name): [string, Uint8Array] => [name, new Uint8Array(readFileSync(new URL(name, folder)))]);

/** Frames visited, and how many of them were not asked for. */
async function visited(chunks: () => Iterable<Uint8Array>, every: number): Promise<{ seen: string[]; besides: number }> {
  const seen: string[] = [];
  let besides = 0;
  let next = every;
  const pass = new SecondPass((sink) => readStream(chunks(), sink), new AbortController().signal);
  await pass.run(
    (record, frame) => {
      if (frame < next) {
        besides++;
        return true;
      }
      const { seconds, nanos, linkType, origLen, fileOffset, bytes, at, capLen } = record;
      seen.push([frame, seconds, nanos, linkType, origLen, fileOffset, bytes.slice(at, at + capLen)].join());
      next += every;
      return true;
    },
    { wanted: () => next },
  );
  return { seen, besides };
}

test.each([
  ['plain', plain],
  ['modified headers', pcapFile({ magic: MODIFIED }, records)],
  ['two files joined', join(plain, pcapFile({ bigEndian: true }, records))],
  ['damaged in the middle', damaged],
  ['cut short', plain.slice(0, -30)],
  ...[-40, -12, -4, 1, 4, 8, 16].map((by): [string, Uint8Array] => [`a length that lies by ${by}`, lying(by)]),
  [
    'a clock that was set',
    pcapFile(
      {},
      records.map((r, i) => (i < 90 ? r : { ...r, seconds: r.seconds - 900_000_000 })),
    ),
  ],
  ...fixtures,
])('%s', async (_name, bytes) => {
  const all = await visited(() => [bytes], 1);
  const wanted = all.seen.filter((_, i) => (i + 1) % EVERY === 0);
  expect((await visited(() => [bytes], EVERY)).seen).toEqual(wanted);
  expect((await visited(() => chunksOf(bytes, 1_000), EVERY)).seen).toEqual(wanted);
});

test('of a file in one piece, nearly nothing else is looked at', async () => {
  const { seen, besides } = await visited(() => [plain], EVERY);
  expect(seen.length).toBe(Math.floor(records.length / EVERY));
  expect(besides).toBeLessThan(records.length / EVERY);
});
