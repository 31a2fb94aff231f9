import { describe, expect, test } from 'vitest';
import { join, noise, type Option, pcapngFile, section } from '../support/capture-bytes.ts';
import { ipv4Bytes, ipv6Bytes } from '../support/frames.ts';
import { read, readAll } from './read.ts';

const FRAME = noise(61); // not a multiple of 4: blocks pad
/** 2023-11-14T22:13:20 in microseconds. */
const T = 1_700_000_000_000_000n;
const le = section();
const be = section(true);

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const tsresol = (octet: number): Option => [9, Uint8Array.of(octet)];

describe('blocks', () => {
  test.each([
    ['little-endian', le],
    ['big-endian', be],
  ])('a %s section with enhanced packets', async (_name, s) => {
    const { records, facts } = await read(
      pcapngFile([s.header(), s.interface(), s.packet(0, T, FRAME, { origLen: 1514 }), s.packet(0, T + 7n, FRAME)]),
    );
    expect(records.map((r) => [r.seconds, r.nanos, r.origLen, r.bytes])).toEqual([
      [1_700_000_000, 0, 1514, FRAME],
      [1_700_000_000, 7_000, 61, FRAME],
    ]);
    expect(facts).toMatchObject({ format: 'pcapng', packets: 2, linkTypes: [1], damage: null, warnings: [] });
  });

  test.each([
    ['little', le],
    ['big', section(true)],
  ])('names of addresses, %s-endian', async (_order, s) => {
    const { facts } = await read(
      pcapngFile([
        s.header(),
        s.interface(),
        s.names([
          [ipv4Bytes('10.0.0.9'), 'db.example', 'orders'],
          [ipv6Bytes('2001:db8::9'), 'db6.example'],
        ]),
        s.packet(0, T, FRAME),
      ]),
    );
    expect(facts).toMatchObject({ packets: 1, damage: null, warnings: [] });
    expect(facts.names).toEqual([
      { ip: '10.0.0.9', name: 'db.example' },
      { ip: '10.0.0.9', name: 'orders' },
      { ip: '2001:db8::9', name: 'db6.example' },
    ]);
  });

  test('unknown blocks, broken name resolution and custom blocks are passed over', async () => {
    const skipped = [4, 10, 0x00000bad, 0x40000bad, 0x7777].map((type) => le.block(type, noise(40)));
    const { facts } = await read(
      pcapngFile([le.header(), ...skipped, le.interface(), le.packet(0, T, FRAME), ...skipped, le.packet(0, T, FRAME)]),
    );
    expect(facts).toMatchObject({ packets: 2, damage: null, warnings: [] });
  });

  test('a simple packet has no time and repeats the one before; its length is cut by the snap length', async () => {
    const { records, facts } = await read(
      pcapngFile([le.header(), le.interface(1, 61), le.packet(0, T, FRAME), le.simplePacket(FRAME, 1514), le.simplePacket(noise(20))]),
    );
    expect(records.map((r) => [r.hasTime, r.seconds, r.origLen, r.bytes.length])).toEqual([
      [true, 1_700_000_000, 61, 61],
      [false, 1_700_000_000, 1514, 61],
      [false, 1_700_000_000, 20, 20],
    ]);
    expect(facts.warnings).toEqual([expect.stringContaining('packet 2 has no timestamp')]);
  });

  test('the obsolete packet block, with its drop counter', async () => {
    const { records, facts } = await read(
      pcapngFile([le.header(), le.interface(), le.obsoletePacket(0, 3, T, FRAME), le.obsoletePacket(0, 0xffff, T, FRAME)]), // 0xffff: not known
    );
    expect(records).toMatchObject([{ seconds: 1_700_000_000, bytes: FRAME }, { bytes: FRAME }]);
    expect(facts.reportedDrops).toBe(3);
  });

  test('an interface may be described after packets of another', async () => {
    const { records } = await read(
      pcapngFile([le.header(), le.interface(1), le.packet(0, T, FRAME), le.interface(101), le.packet(1, T, FRAME)]),
    );
    expect(records.map((r) => [r.interfaceId, r.linkType])).toEqual([
      [0, 1],
      [1, 101],
    ]);
  });

  test('a section starts its interfaces again, in its own byte order; the list of all goes on', async () => {
    const { records, facts } = await read(
      pcapngFile([
        ...[le.header(), le.interface(1, 100, [[2, text('eth0')]]), le.interface(113), le.packet(1, T, FRAME)],
        ...[be.header(), be.interface(101, 200, [[2, text('tun\u001b[2J\0')]]), be.packet(0, T, FRAME)],
      ]),
    );
    expect(records.map((r) => [r.interfaceId, r.linkType])).toEqual([
      [1, 113],
      [2, 101],
    ]);
    expect(facts.interfaces).toEqual([
      { linkType: 1, snapLen: 100, name: 'eth0' },
      { linkType: 113, snapLen: 262_144, name: null },
      { linkType: 101, snapLen: 200, name: 'tun\\x1b[2J' },
    ]);
    expect(facts.linkTypes).toEqual([113, 101]);
  });
});

describe('times in the units of the interface', () => {
  // Expected values from the definition: seconds = count / units, counted in BigInt.
  const cases: [string, number, bigint, number, number][] = [
    ['10^0', 0, 1_700_000_000n, 1_700_000_000, 0],
    ['10^-3', 3, 1_700_000_000_999n, 1_700_000_000, 999_000_000],
    ['10^-6', 6, 1_700_000_000_999_999n, 1_700_000_000, 999_999_000],
    ['10^-9', 9, 1_700_000_000_999_999_999n, 1_700_000_000, 999_999_999],
    ['10^-9 on a whole second', 9, 1_700_000_001_000_000_000n, 1_700_000_001, 0],
    ['10^-9 in 2106', 9, 4_294_967_296_000_000_001n, 4_294_967_296, 1],
    ['10^-12', 12, 1_700_000_000_123_456_789n, 1_700_000, 123_456],
    ['2^-1', 0x81, 3_400_000_001n, 1_700_000_000, 500_000_000],
    ['2^-20', 0x94, (1_700_000_000n << 20n) + 147_456n, 1_700_000_000, 140_625_000],
    ['2^-23', 0x97, (1_700_000_000n << 23n) + 8_388_607n, 1_700_000_000, 999_999_880],
    ['2^-32, as NTP counts', 0xa0, (1_700_000_000n << 32n) + 0x8000_0000n, 1_700_000_000, 500_000_000],
    ['10^0 beyond every calendar', 0, 0xffff_ffff_ffff_ffffn, 2 ** 64, 0],
  ];
  test.each(cases)('%s', async (_name, octet, count, seconds, nanos) => {
    const { records } = await read(pcapngFile([le.header(), le.interface(1, 0, [tsresol(octet)]), le.packet(0, count, FRAME)]));
    expect(records).toMatchObject([{ seconds, nanos }]);
  });

  test('if_tsoffset is added, whichever its sign; a time before the epoch is the epoch', async () => {
    const offset = (seconds: bigint): Uint8Array => le.interface(1, 0, [[14, le.u64(seconds)]]);
    const { records } = await read(
      pcapngFile([
        ...[le.header(), offset(1_600_000_000n), offset(-10n), offset(-4_000_000_000n)],
        ...[le.packet(0, 5_000_000n, FRAME), le.packet(1, T, FRAME), le.packet(2, T, FRAME)],
      ]),
    );
    expect(records.map((r) => r.seconds)).toEqual([1_600_000_005, 1_699_999_990, 0]);
  });

  test('the newest isb_endtime is when the capture ended', async () => {
    const end = (id: number, time: bigint): Uint8Array => le.statistics(id, [[3, le.time(time)]]);
    const { facts } = await read(
      pcapngFile([
        ...[le.header(), le.interface(), le.interface(1, 0, [tsresol(9)]), le.packet(0, T, FRAME)],
        ...[end(1, (T + 60_000_001n) * 1000n), end(0, T + 60_000_000n)],
      ]),
    );
    expect(facts.endTime).toEqual({ seconds: 1_700_000_060, nanos: 1_000 });
  });
});

describe('losses that the capturing program reports', () => {
  const drops = (count: bigint): Option => [4, le.u64(count)];

  test('epb_dropcount adds up', async () => {
    const { facts } = await read(
      pcapngFile([
        le.header(),
        le.interface(),
        le.packet(0, T, FRAME, { list: [drops(2n)] }),
        le.packet(0, T, FRAME, { list: [drops(3n)] }),
      ]),
    );
    expect(facts.reportedDrops).toBe(5);
  });

  test('statistics are totals: the last counts, and tells of the same loss as the packets', async () => {
    const stats = (dropped: bigint, os: bigint): Uint8Array => le.statistics(0, [[5, le.u64(dropped)], [7, le.u64(os)]]); // prettier-ignore
    const { facts } = await read(
      pcapngFile([le.header(), le.interface(), le.packet(0, T, FRAME, { list: [drops(2n)] }), stats(3n, 0n), stats(7n, 4n)]),
    );
    expect(facts.reportedDrops).toBe(11);
  });
});

describe('options are decoration', () => {
  test('one that runs past its block is ignored, with a warning, and the packet is read', async () => {
    const bad = le.u16(9, 60_000);
    const idb = le.block(1, le.u16(1, 0), le.u32(0), bad);
    const { facts } = await read(pcapngFile([le.header(), idb, le.packet(0, T, FRAME)]));
    expect(facts).toMatchObject({ packets: 1, damage: null, warnings: [expect.stringContaining('offset 28')] });
  });

  test('they may end with the block instead of an end marker', async () => {
    const idb = le.block(1, le.u16(101, 0), le.u32(0), le.u16(9, 1), Uint8Array.of(9, 0, 0, 0));
    const { records, facts } = await read(pcapngFile([le.header(), idb, le.packet(0, 1_500_000_000n, FRAME)]));
    expect(records).toMatchObject([{ seconds: 1, nanos: 500_000_000 }]);
    expect(facts.warnings).toEqual([]);
  });
});

describe('a block whose contents make no sense while its length does is left out alone', () => {
  const [before, after] = [pcapngFile([le.header(), le.interface(), le.packet(0, T, FRAME)]), le.packet(0, T, noise(61))];

  test.each([
    ['an interface nobody described', le.packet(3, T, FRAME), 'packet 2 belongs to interface 3, which the section has not described'],
    [
      'captured length beyond the block',
      le.block(6, le.u32(0, 0, 0, 500, 500), noise(60)),
      'packet 2 claims 500 captured bytes; its block has room for 60',
    ],
  ])('%s', async (_name, block, what) => {
    const { records, facts } = await read(join(before, block, after));
    expect(records.map((r) => r.bytes)).toEqual([FRAME, noise(61)]);
    expect(facts.damage).toBeNull();
    expect(facts.warnings).toEqual([`after packet 1, ${block.length} damaged bytes were skipped: ${what}`]);
  });

  test('a section that describes no interface at all', async () => {
    const [packet, simple] = [le.packet(0, T, FRAME), le.simplePacket(FRAME)];
    const { facts } = await read(join(le.header(), packet, packet, simple));
    expect(facts).toMatchObject({ packets: 0, damage: null });
    expect(facts.warnings).toEqual([
      `after packet 0, ${packet.length} damaged bytes were skipped: packet 1 belongs to interface 0, which the section has not described` +
        ` (and 2 more such places, ${2 * packet.length + simple.length} bytes in all)`,
    ]);
  });
});

describe('blocks that say nothing about packets', () => {
  const PASSED: readonly (readonly [string, number])[] = [
    ['decryption secrets', 0x0a],
    ['custom', 0x0bad],
    ['custom, not to be copied', 0x4000_0bad],
    ['the systemd journal', 9],
    ['of local use', 0x8000_0001],
  ];
  const start = join(le.header(), le.interface(), le.packet(0, T, FRAME));

  test.each(PASSED)('%s: passed over, whatever is in it', async (_name, type) => {
    // What looks like a block inside is none.
    for (const inside of [
      new Uint8Array(0),
      noise(4),
      noise(400),
      join(le.u32(0x544c_534b, 0xffff_ffff), noise(32)),
      le.packet(0, T, noise(8)),
    ]) {
      const { records, facts } = await read(join(start, le.block(type, inside), le.packet(0, T, noise(61))));
      expect(records.map((r) => r.bytes)).toEqual([FRAME, noise(61)]);
      expect(facts).toMatchObject({ damage: null, warnings: [], names: [] });
    }
  });

  test.each(PASSED)('%s of 100 MiB: is not held', async (_name, type) => {
    const length = 12 + (100 << 20);
    const chunk = new Uint8Array(1 << 20).fill(0x0a);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    function* chunks(): Generator<Uint8Array> {
      yield join(start, le.u32(type, length));
      for (let i = 0; i < 100; i++) {
        yield chunk;
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      yield join(le.u32(length), le.packet(0, T, noise(61)));
    }
    const { records, facts } = await readAll(chunks());
    expect(records.length).toBe(2);
    expect(facts.damage).toBeNull();
    expect(most).toBeLessThan(8 << 20);
  });

  test.each(PASSED)('%s that says to be larger than any: damage', async (_name, type) => {
    const { facts } = await read(join(start, le.u32(type, 0x7fff_fff0), noise(80)));
    expect(facts).toMatchObject({ packets: 1, damage: { fileOffset: start.length } });
  });
});

describe('names that a capture gives to addresses', () => {
  const ADDRESS = Uint8Array.of(10, 0, 0, 9);
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const record = (type: number, value: Uint8Array, length = value.length): Uint8Array =>
    join(le.u16(type, length), value, new Uint8Array(-value.length & 3));
  const namesIn = async (...parts: Uint8Array[]): Promise<string[]> => {
    const { facts } = await read(join(le.header(), le.interface(), le.block(4, ...parts), le.packet(0, T, FRAME)));
    expect(facts).toMatchObject({ packets: 1, damage: null });
    return facts.names.map(({ ip, name }) => `${ip} ${name}`);
  };

  test.each<[string, Uint8Array, string[]]>([
    ['two of one address', record(1, join(ADDRESS, utf8('a\0b\0'))), ['10.0.0.9 a', '10.0.0.9 b']],
    ['of IPv6', record(2, join(new Uint8Array(15), Uint8Array.of(1), utf8('a\0'))), ['::1 a']],
    ['without its end', record(1, join(ADDRESS, utf8('abc'))), ['10.0.0.9 abc']],
    ['empty', record(1, join(ADDRESS, utf8('\0\0\0'))), []],
    ['an address alone', record(1, ADDRESS), []],
    ['half an address', record(1, ADDRESS.slice(0, 2)), []],
    ['of another kind', record(3, join(ADDRESS, utf8('a\0'))), []],
    ['that runs past its block', record(1, join(ADDRESS, utf8('a\0')), 60_000), []],
    ['of the longest that there are', record(1, join(ADDRESS, utf8(`${'x'.repeat(255)}\0`))), [`10.0.0.9 ${'x'.repeat(255)}`]],
    ['longer than any', record(1, join(ADDRESS, utf8(`${'x'.repeat(256)}\0b\0`))), ['10.0.0.9 b']],
    ['that is no UTF-8', record(1, join(ADDRESS, Uint8Array.of(0xff, 0x41, 0))), ['10.0.0.9 \ufffdA']],
    ['with an end mark before it', join(le.u16(0, 0), record(1, join(ADDRESS, utf8('a\0')))), []],
  ])('%s', async (_what, bytes, names) => expect(await namesIn(bytes)).toEqual(names));

  test('4,096 are kept', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => record(1, join(ADDRESS, utf8(`n${i}\0`))));
    expect((await namesIn(...many)).length).toBe(4_096);
  });

  test('a block of more than 1 MiB is passed over', async () => {
    const many = Array.from({ length: 20 }, () => record(1, join(ADDRESS, new Uint8Array(60_000).fill(0x78))));
    expect(await namesIn(...many, record(1, join(ADDRESS, utf8('a\0'))))).toEqual([]);
  });
});

describe('damage: what came before it is delivered, and its place is told', () => {
  const before = pcapngFile([le.header(), le.interface(), le.packet(0, T, FRAME)]);
  const after = le.packet(0, T, FRAME);
  const withLength = (type: number, length: number): Uint8Array => join(le.u32(type, length), noise(80));

  test.each([
    ['block length 0', withLength(6, 0), 'block length 0 is too short'],
    ['block length of an unknown block', withLength(0x7777, 8), 'block length 8 is too short'],
    ['block length not a multiple of 4', withLength(6, 34), 'block length 34 is not a multiple of 4'],
    ['huge block length', withLength(6, 0xfffffff0), 'block length 4294967280 is longer than any block'],
    ['lengths at both ends that differ', join(le.packet(0, T, FRAME).slice(0, -4), le.u32(44)), 'ends with a different length, 44'],
    ['a section without byte order', join(le.u32(0x0a0d0d0a, 28), noise(20)), 'byte-order mark'],
    ['a section of version 2', le.header([2, 0]), 'version 2.0'],
  ])('%s', async (_name, block, what) => {
    const { facts } = await read(join(before, block, after));
    expect(facts).toMatchObject({ packets: 1, damage: { fileOffset: before.length, recordsBefore: 1 } });
    expect(facts.damage?.what).toContain(what);
  });

  test('cut inside a packet', async () => {
    const { facts } = await read(join(before, after).slice(0, -1));
    expect(facts.damage).toMatchObject({ fileOffset: before.length, recordsBefore: 1 });
    expect(facts.damage?.what).toContain('packet 2 is cut short');
  });

  test('cut inside a block that is passed over', async () => {
    const { facts } = await read(join(before, le.block(10, noise(1000))).slice(0, -7));
    expect(facts.damage).toMatchObject({ recordsBefore: 1, what: 'the file ends inside a block; 7 bytes of it missing' });
  });
});
