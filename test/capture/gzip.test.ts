import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { GunzippedChunks } from '../../src/capture/decompress.ts';
import { chunksOf, join, pcapFile } from '../support/capture-bytes.ts';
import { read, readAll } from './read.ts';

/** Incompressible, so that a cut in the middle of the file is a cut in the middle of the records. */
function random(length: number, seed: number): Uint8Array {
  let x = seed + 1;
  return Uint8Array.from({ length }, () => {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0; // ISO C's example of rand()
    return x >>> 16;
  });
}

const plain = pcapFile(
  {},
  Array.from({ length: 100 }, (_, i) => ({ seconds: i, bytes: random(1000, i) })),
);

describe('gzip, by magic and not by name', () => {
  test('reads as the plain file does', async () => {
    const { records, facts } = await read(gzipSync(plain));
    expect(records).toEqual((await read(plain)).records);
    expect(facts).toMatchObject({ format: 'pcap', compression: 'gzip', packets: 100, damage: null, warnings: [] });
  });

  test('two members in a row are one stream', async () => {
    const cut = 12_345;
    const { facts } = await read(join(gzipSync(plain.slice(0, cut)), gzipSync(plain.slice(cut))));
    expect(facts).toMatchObject({ packets: 100, damage: null });
  });

  test('what follows the last member and is not gzip is ignored', async () => {
    const { facts } = await readAll(chunksOf(join(gzipSync(plain), new Uint8Array(100_000)), 4096));
    expect(facts).toMatchObject({ packets: 100, damage: null });
  });

  test.each([64 * 1024, 1])('cut in the middle: all whole packets before the cut, in chunks of %i', async (size) => {
    const packed = gzipSync(plain);
    const { records, facts } = await readAll(chunksOf(packed.subarray(0, packed.length / 2), size));
    expect(records.length).toBeGreaterThan(45);
    expect(records).toEqual((await read(plain)).records.slice(0, records.length));
    expect(facts.damage?.what).toContain(`packet ${records.length + 1} is cut short`);
    expect(facts.warnings).toEqual(['the gzip data is cut short']);
  });

  test('cut after the last packet, inside the checksum: all packets, and the cut is told', async () => {
    const { facts } = await read(gzipSync(plain).subarray(0, -3));
    expect(facts).toMatchObject({
      packets: 100,
      damage: { fileOffset: plain.length, recordsBefore: 100, what: 'the gzip data is cut short' },
    });
  });

  test('damaged in the middle: what the data before held is analysed', async () => {
    const broken = gzipSync(plain);
    broken[2] = 7; // no such compression method (RFC 1952 §2.3.1)
    const { records, facts } = await read(join(gzipSync(plain), broken));
    expect(records.length).toBeGreaterThan(60);
    expect(records).toEqual((await read(plain)).records.slice(0, records.length));
    expect([facts.damage?.what, ...facts.warnings].join(' ')).toContain('the gzip data is damaged');
  });

  test('nothing but a gzip header is an error with the name', async () => {
    await expect(read(gzipSync(plain).subarray(0, 12))).rejects.toThrow('nothing could be unpacked, the gzip data is cut short');
  });

  test('a bomb is passed through, not held: output comes long before all input is taken', async () => {
    const packed = gzipSync(new Uint8Array(128 * 1024 * 1024), { level: 9 }); // about 128 KiB
    let taken = 0;
    const unpacked = new GunzippedChunks(
      (async function* () {
        await Promise.resolve();
        for (const chunk of chunksOf(packed, 8 * 1024)) {
          taken += chunk.length;
          yield chunk;
        }
      })(),
    );
    let given = 0;
    for await (const chunk of unpacked) {
      expect(chunk.length).toBeLessThanOrEqual(1024 * 1024);
      given += chunk.length;
      expect(taken * 1032 - given).toBeLessThan(40 * 1024 * 1024); // 1032: deflate's limit
    }
    expect(given).toBe(128 * 1024 * 1024);
    expect(unpacked.damage).toBe(null);
  });
});
