/** What readers say of the records that come next is true of every capture that nothing is wrong with, as far as it is here. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AHEAD, readStream } from '../../src/capture/index.ts';
import { noise, pcapFile } from '../support/capture-bytes.ts';

const folder = new URL('../../fixtures/', import.meta.url);
const fixtures = readdirSync(folder)
  .filter((name) => /\.(pcap|pcapng)$/.test(name))
  .map((name): [string, Uint8Array] => [name, new Uint8Array(readFileSync(new URL(name, folder)))]);

/** Where frames begin, in the stream; and of each prediction, behind how many records, what it said. */
async function read(bytes: Uint8Array): Promise<{ begins: number[]; told: { behind: number; places: number[] }[] }> {
  const begins: number[] = [];
  const told: { behind: number; places: number[] }[] = [];
  const places = new Int32Array(AHEAD);
  await readStream([bytes], {
    record: ({ at }) => begins.push(at) > 0,
    ahead: (reader) => void told.push({ behind: begins.length, places: [...places.subarray(0, reader.ahead?.(places))] }),
  });
  return { begins, told };
}

test.each(fixtures)('%s', async (_, bytes) => {
  const { begins, told } = await read(bytes);
  expect(told).toHaveLength(Math.floor(begins.length / AHEAD));
  for (const { behind, places } of told) expect(places).toEqual(begins.slice(behind, behind + places.length));
  // All of pcap; of pcapng, blocks that are no packets lie between.
  const foretold = told.reduce((n, { places }) => n + places.length, 0);
  expect(foretold).toBeGreaterThanOrEqual(Math.max(0, begins.length - 2 * AHEAD) / 2);
});

test('a length that points beyond what is here ends it', async () => {
  const records = Array.from({ length: 20 }, (_, i) => ({
    seconds: 1_700_000_000,
    bytes: noise(60, i),
    ...(i === 18 ? { capLen: 0x7fffffff } : {}),
  }));
  const { begins, told } = await read(pcapFile({}, records));
  expect(told[0]).toEqual({ behind: 16, places: begins.slice(16, 18) });
});
