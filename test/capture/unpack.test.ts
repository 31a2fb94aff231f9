/** Compressed captures: what the formats' own programs packed, whole, in a row, cut, damaged, and as bombs. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { bunzip2 } from '../../src/capture/unpack/bzip2.ts';
import { packingOf, UnpackedChunks } from '../../src/capture/unpack/index.ts';
import { unlz4 } from '../../src/capture/unpack/lz4.ts';
import { Xxh32, xxh32 } from '../../src/capture/unpack/xxhash.ts';
import { readStreams } from '../../src/capture/index.ts';
import { chunksOf, join, pcapFile } from '../support/capture-bytes.ts';
import { CAPTURE, CHECKED_XZ, FILTERED_XZ, PACKED, ZEROS } from '../support/packed.ts';
import { read, readAll } from './read.ts';

const packed: readonly (readonly [by: string, bytes: Uint8Array])[] = [
  ['gzip', new Uint8Array(gzipSync(CAPTURE))],
  ...Object.entries(PACKED),
];
const formatOf = (bytes: Uint8Array): string => packingOf(bytes)!.name;

async function* given(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) yield await Promise.resolve(chunk.slice());
}

/** Through the format that the bytes are in. */
async function unpacked(bytes: Uint8Array, chunk = 64 * 1024): Promise<{ bytes: Uint8Array; damage: string | null; largest: number }> {
  const unpacking = new UnpackedChunks(packingOf(bytes)!, given(chunksOf(bytes, chunk)), bytes.length);
  const parts: Uint8Array[] = [];
  for await (const piece of unpacking) parts.push(piece.slice());
  return { bytes: join(...parts), damage: unpacking.damage, largest: Math.max(0, ...parts.map((part) => part.length)) };
}

describe.each(packed)('%s', (_by, bytes) => {
  test.each([64 * 1024, 100, 1])('unpacks to what was packed, in chunks of %i', async (chunk) => {
    const whole = await unpacked(bytes, chunk);
    expect(whole.damage).toBe(null);
    expect(Buffer.from(whole.bytes).equals(CAPTURE)).toBe(true);
  });

  test('is known by content, and told', async () => {
    const { facts } = await read(bytes);
    expect(facts).toMatchObject({ format: 'pcap', compression: formatOf(bytes), packets: 2000, damage: null, warnings: [] });
  });

  test('streams in a row are one', async () => {
    const { bytes: all, damage } = await unpacked(join(bytes, bytes, bytes), 1000);
    expect(damage).toBe(null);
    expect(Buffer.from(all).equals(join(CAPTURE, CAPTURE, CAPTURE))).toBe(true);
  });

  test.each([
    ['octets that are none of it', Uint8Array.from({ length: 3000 }, (_, i) => (i * 167 + 13) & 0xff), 3000],
    ['three of them', Uint8Array.of(1, 2, 3), 3],
    // Padding is a part of xz (§2.2 of its specification), in fours, and of nothing else.
    ['zeros', new Uint8Array(4099), formatOf(bytes) === 'xz' ? 3 : 4099],
  ])('with %s behind it: everything is read, and they are told', async (_what, junk, octets) => {
    const whole = join(bytes, bytes, junk);
    for (const chunk of [64 * 1024, 1000, 1]) {
      const { bytes: all, damage } = await unpacked(whole, chunk);
      expect(damage).toBe(null);
      expect(Buffer.from(all).equals(join(CAPTURE, CAPTURE))).toBe(true);
    }
    const { facts } = await read(join(bytes, junk));
    expect(facts).toMatchObject({ packets: 2000, damage: null });
    expect(facts.warnings).toEqual([
      `${octets.toLocaleString('en')} bytes behind the end of the ${formatOf(bytes)} data are none of it, and were left out`,
    ]);
  });

  test('what came is handed on before more comes', async () => {
    let given = 0;
    const whole = join(bytes, bytes, bytes);
    const chunks = (async function* () {
      for (const chunk of chunksOf(whole, 100)) {
        given += chunk.length;
        yield await Promise.resolve(chunk.slice());
      }
    })();
    for await (const piece of new UnpackedChunks(packingOf(bytes)!, chunks, whole.length)) if (piece.length > 0) break;
    // bzip2 has no lengths: what a block may take at most is waited for.
    if (formatOf(bytes) !== 'bzip2') expect(given).toBeLessThan(whole.length);
  });

  test('cut anywhere: what was before is a prefix, and the cut is told', async () => {
    for (let length = 20; length < bytes.length; length += 7) {
      const { bytes: some, damage } = await unpacked(bytes.subarray(0, length), 50);
      expect(damage, `cut at ${length}`).toBe(`the ${formatOf(bytes)} data is cut short`);
      expect(Buffer.from(some).equals(CAPTURE.subarray(0, some.length)), `cut at ${length}`).toBe(true);
    }
  });

  test('any octet changed: an end, and never more than the file can hold', async () => {
    for (let at = 4; at < bytes.length; at++) {
      const broken = bytes.slice();
      broken[at]! ^= 1 << (at % 8);
      if (packingOf(broken) === null) continue;
      const { bytes: some, damage } = await unpacked(broken);
      if (Buffer.from(some).equals(CAPTURE)) continue; // a bit that nobody looks at, or a checksum behind the data
      expect(damage, `octet ${at}`).toContain(formatOf(bytes));
      expect(some.length, `octet ${at}`).toBeLessThan(2 ** 23);
    }
  });

  test('two side by side, as one capture', async () => {
    let packets = 0;
    const sources = ['a', 'b'].map((name) => ({ name, chunks: chunksOf(bytes, 100) }));
    await readStreams(sources, { record: () => ++packets > 0 });
    expect(packets).toBe(4000);
  });
});

describe('damage is told where the packets end', () => {
  test.each(packed)('%s, cut in the middle', async (_by, bytes) => {
    const { facts } = await readAll(chunksOf(bytes.subarray(0, Math.floor(bytes.length * 0.95)), 64));
    const told = [facts.damage?.what, ...facts.warnings].join('; ');
    expect(told).toContain(`the ${formatOf(bytes)} data is cut short`);
  });

  test.each(packed.filter(([by]) => by !== 'lz4 -B4 -BI'))('%s, with a wrong checksum behind the last packet', async (by, bytes) => {
    const broken = bytes.slice();
    // Before: the length in gzip's trailer; the block's padding in xz, whose checksum is before its index of 0x50 octets.
    broken[broken.length - (by === 'gzip' ? 5 : by.startsWith('xz') ? 60 : 2)]! ^= 1;
    const { facts } = await read(broken);
    expect([facts.damage?.what, ...facts.warnings].join('; ')).toContain(`the ${formatOf(bytes)} data is damaged`);
    expect(facts.packets).toBeGreaterThan(1000); // of the last block, not all decoders hand on what they cannot vouch for
  });

  test('a filter that is not read is named', async () => {
    await expect(read(FILTERED_XZ)).rejects.toThrow(
      'nothing could be unpacked, the xz data uses the x86 filter, which tcpdiag does not read; xz -dc FILE | tcpdiag - does',
    );
  });

  test('a check that is not read is named', async () => {
    await expect(read(CHECKED_XZ)).rejects.toThrow(
      'nothing could be unpacked, the xz data is checked by SHA-256, which tcpdiag does not read; xz -dc FILE | tcpdiag - does',
    );
  });

  test('a stream that needs one behind one that does not', async () => {
    const { facts } = await read(join(PACKED['xz --block-size=65536']!, CHECKED_XZ));
    expect([facts.damage?.what, ...facts.warnings].join('; ')).toContain('the xz data goes on with a filter or with SHA-256');
    expect(facts.packets).toBeGreaterThan(1000);
  });

  test('nothing but a header', async () => {
    await expect(read(gzipSync(CAPTURE).subarray(0, 12))).rejects.toThrow('nothing could be unpacked, the gzip data is cut short');
  });
});

describe('what is no capture once it is unpacked', () => {
  test('is told as such, whatever it claims to unpack to, after its first octets', async () => {
    let taken = 0;
    const bomb = ZEROS.xz!;
    const chunks = (async function* () {
      for (; taken < 10_000; taken++) yield await Promise.resolve(bomb);
    })();
    await expect(readStreams([{ name: 'bomb.xz', chunks }], { record: () => true })).rejects.toThrow(
      'what bomb.xz unpacks to with xz is not a capture in a known format: it begins with 00 00 00 00',
    );
    expect(taken).toBeLessThan(10);
  });

  test('compressed twice', async () => {
    await expect(read(gzipSync(PACKED['bzip2 -1']!))).rejects.toThrow(
      'what the stream unpacks to with gzip is compressed again, with bzip2',
    );
  });
});

describe('a bomb is passed through, not held', () => {
  const bombs: readonly (readonly [string, Uint8Array])[] = [
    ...Object.entries(ZEROS),
    ['gzip', gzipSync(new Uint8Array(2 ** 20), { level: 9 })],
    ['lz4', lz4Frame(0x40, [Uint8Array.of(0x1f, 0, 1, 0, ...new Uint8Array(200).fill(255), 0, 0)])],
  ];
  test.each(bombs)('%s: pieces of at most 4 MiB, as they are asked for', async (_name, bomb) => {
    let given = 0;
    const unpacking = new UnpackedChunks(
      packingOf(bomb)!,
      (async function* () {
        for (; given < 64; given++) yield await Promise.resolve(bomb);
      })(),
      0,
    );
    let total = 0;
    let ahead = 0;
    const each = (await unpacked(bomb)).bytes.length;
    for await (const piece of unpacking) {
      expect(piece.length).toBeLessThanOrEqual(4 * 2 ** 20);
      ahead = Math.max(ahead, given * each - total);
      total += piece.length;
    }
    expect(total).toBe(64 * each);
    // bzip2 wants 2.3 MB of input before it begins with a block: all of these.
    if (packingOf(bomb)!.name !== 'bzip2') expect(ahead).toBeLessThan(48 * 2 ** 20);
  });
});

/** doc/lz4_Frame_format.md: magic, flags, block size 64 KiB, header checksum; blocks behind their length; the end. */
function lz4Frame(flags: number, blocks: readonly Uint8Array[], tail: readonly Uint8Array[] = []): Uint8Array {
  const header = Uint8Array.of(flags, 0x40);
  const u32 = (n: number): Uint8Array => Uint8Array.of(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24);
  return join(
    Uint8Array.of(0x04, 0x22, 0x4d, 0x18),
    header,
    Uint8Array.of((xxh32(header) >>> 8) & 0xff),
    ...blocks.flatMap((block) => [u32(block.length), block]),
    u32(0),
    ...tail,
  );
}

const text = (string: string): Uint8Array => new TextEncoder().encode(string);
const all = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
  let whole = '';
  for await (const piece of pieces) whole += new TextDecoder('latin1').decode(piece);
  return whole;
};

describe('lz4, octet by octet', () => {
  /** A literal run, a match of 9 that overlaps itself, and the literals that end a block. */
  const block = join(Uint8Array.of(0x35), text('abc'), Uint8Array.of(3, 0, 0x10), text('!'));

  test('literals and an overlapping match', async () => {
    expect(await all(unlz4(given([lz4Frame(0x60, [block])])))).toBe('abcabcabcabc!');
  });

  test('a match into the block before', async () => {
    const next = join(Uint8Array.of(0x00, 13, 0, 0x10), text('?')); // no literals, four octets from 13 back
    expect(await all(unlz4(given([lz4Frame(0x40, [block, next])])))).toBe('abcabcabcabc!abca?');
  });

  test.each<[string, Uint8Array, string]>([
    ['a match before the beginning', lz4Frame(0x60, [Uint8Array.of(0x10, 97, 2, 0, 0x10, 33)]), 'a match reaches out of its block'],
    ['a match of no distance', lz4Frame(0x60, [Uint8Array.of(0x10, 97, 0, 0, 0x10, 33)]), 'a match reaches out of its block'],
    ['literals behind the end', lz4Frame(0x60, [Uint8Array.of(0x50, 97)]), 'a block runs past its end'],
    ['a match that is cut', lz4Frame(0x60, [Uint8Array.of(0x10, 97, 1)]), 'a block ends in the middle of a match'],
    ['a block longer than its frame allows', lz4Frame(0x60, [new Uint8Array(65_537)]), 'a block of 65537 bytes, of at most 65536'],
    ['version 2', lz4Frame(0xa0, [block]), 'its header is of no known version'],
    ['a wrong content checksum', lz4Frame(0x64, [block], [new Uint8Array(4)]), 'its checksum is wrong'],
  ])('%s', async (_what, bytes, message) => {
    await expect(all(unlz4(given([bytes])))).rejects.toThrow(message);
  });

  test('skippable frames before and between', async () => {
    const skip = join(Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0), text('notes'));
    expect(await all(unlz4(given([join(skip, lz4Frame(0x60, [block]), skip, lz4Frame(0x60, [block]))])))).toBe(
      'abcabcabcabc!abcabcabcabc!',
    );
  });

  // XXH32 of nothing, and of the specification's sanity buffer, has these values in xxHash's own tests (tests/sanity_test_vectors.h).
  test('XXH32', () => {
    expect(xxh32(new Uint8Array(0))).toBe(0x02cc5d05);
    const pieces = new Xxh32();
    for (const chunk of chunksOf(CAPTURE, 33)) pieces.update(chunk);
    expect(pieces.digest()).toBe(xxh32(CAPTURE));
  });
});

describe('bzip2', () => {
  test('of nothing is nothing', async () => {
    // bzip2 </dev/null
    const nothing = Uint8Array.of(0x42, 0x5a, 0x68, 0x39, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0, 0, 0, 0);
    expect(await all(bunzip2(given([nothing])))).toBe('');
    await expect(read(nothing)).rejects.toThrow('is empty');
  });
});

describe('gzip', () => {
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

  test('two members in a row are one stream', async () => {
    const cut = 12_345;
    const { facts } = await read(join(gzipSync(plain.slice(0, cut)), gzipSync(plain.slice(cut))));
    expect(facts).toMatchObject({ packets: 100, damage: null });
  });

  test('a header with all that one may have, in octets that come one by one', async () => {
    const flags = 0x1e; // RFC 1952 §2.3.1: checksum, extra field, name, comment
    const more = join(Uint8Array.of(3, 0, 1, 2, 3), text('a.pcap\0'), text('none\0'), Uint8Array.of(0, 0));
    const member = gzipSync(plain);
    member[3] = flags;
    const { facts } = await readAll(chunksOf(join(member.subarray(0, 10), more, member.subarray(10)), 1));
    expect(facts).toMatchObject({ packets: 100, damage: null, warnings: [] });
  });

  test.each([64 * 1024, 1])('cut in the middle: all whole packets before the cut, in chunks of %i', async (size) => {
    const cut = gzipSync(plain);
    const { records, facts } = await readAll(chunksOf(cut.subarray(0, cut.length / 2), size));
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
});
