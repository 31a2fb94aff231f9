/** Damage in the middle of a file: what is lost, what is found again, and when nothing is looked for at all. */
import { describe, expect, test } from 'vitest';
import { chunksOf, erfFile, join, MODIFIED, NANOSECONDS, noise, pcapFile, section, snoopFile } from '../support/capture-bytes.ts';
import { read, readAll } from './read.ts';

const HEADER = 24;
const records = Array.from({ length: 200 }, (_, i) => ({ seconds: 1_700_000_000 + i, bytes: noise(60 + (i % 40), i) }));
/** Where record `index` begins. */
const at = (index: number, header = 16): number =>
  HEADER + records.slice(0, index).reduce((sum, { bytes }) => sum + header + bytes.length, 0);
const secondsOf = (list: readonly { seconds: number }[]): number[] => list.map(({ seconds }) => seconds - 1_700_000_000);
const without = (from: number, to: number): number[] => records.flatMap((_, i) => (i >= from && i < to ? [] : [i]));

/** `bytes` with `by` written over them. */
function overwritten(bytes: Uint8Array, offset: number, by: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  changed.set(by, offset);
  return changed;
}

describe('pcap', () => {
  const file = pcapFile({}, records);

  test('a record header of random octets costs its record', async () => {
    const { records: seen, facts } = await read(overwritten(file, at(50), new Uint8Array(16).fill(0xff)));
    expect(secondsOf(seen)).toEqual(without(50, 51));
    expect(facts.damage).toBe(null);
    expect(facts.warnings).toEqual([
      `after packet 50, ${at(51) - at(50)} damaged bytes were skipped: packet 51 claims 4294967295 captured bytes; no frame is that long`,
    ]);
  });

  test.each([
    ['big-endian', pcapFile({ bigEndian: true }, records), 16],
    ['nanoseconds', pcapFile({ magic: NANOSECONDS }, records), 16],
    ['modified', pcapFile({ magic: MODIFIED }, records), 24],
    ['version 2.2', pcapFile({ version: [2, 2] }, records), 16],
  ])('%s as well', async (_name, bytes, header) => {
    const { records: seen } = await read(overwritten(bytes, at(50, header), new Uint8Array(16).fill(0xff)));
    expect(secondsOf(seen)).toEqual(without(50, 51));
  });

  test('a lost stretch: octets are missing, and what follows is not aligned to anything', async () => {
    const { records: seen, facts } = await read(join(file.slice(0, at(50) + 7), file.slice(at(70) + 33)));
    expect(secondsOf(seen).filter((s) => s < 50)).toEqual(without(50, 200));
    expect(secondsOf(seen).slice(-129)).toEqual(records.slice(71).map((_, i) => i + 71));
    expect(facts.warnings.join()).toContain('damaged bytes were skipped');
  });

  test('a length that lies by a few octets: what is read out of step has a time of its own, and is no guide', async () => {
    // What is read as the header of record 51 is the rest of the true one and the frame behind it.
    const frame = Uint8Array.from([...[0, 0, 0, 0x7f], ...new Uint8Array(8).fill(0xff), ...noise(60, 1)]);
    const lying = records.map((r, i) => (i === 50 ? { ...r, capLen: r.bytes.length + 7 } : i === 51 ? { ...r, bytes: frame } : r));
    const { records: seen, facts } = await read(pcapFile({}, lying));
    expect(secondsOf(seen).slice(-148)).toEqual(records.slice(52).map((_, i) => i + 52));
    expect(facts.damage).toBe(null);
  });

  describe('what is read out of step has a time out of all others, and is left out', () => {
    // Frames whose first octets are an address, as on Ethernet, or zeros, as on a loopback interface.
    const framed = (first: readonly number[]): typeof records =>
      Array.from({ length: 600 }, (_, i) => {
        const { bytes } = records[i % 200]!;
        return { seconds: 1_700_000_000 + i, bytes: Uint8Array.from([...first, ...bytes.subarray(first.length)]) };
      });
    const cases = [[2, 0x42, 0xac, 0x11, 0, 2], new Array<number>(12).fill(0)].flatMap((first) =>
      [-40, -12, -4, -1, 1, 2, 4, 8, 12, 16, 20, 33, 64].map((by) => [by, first] as const),
    );
    test.each(cases)('a length that lies by %i, frames that begin with %o', async (by, first) => {
      const lying = framed(first).map((r, i) => (i === 50 ? { ...r, capLen: r.bytes.length + by, origLen: r.bytes.length } : r));
      const bytes = pcapFile({}, lying);
      const { records: seen, facts } = await read(bytes);
      expect(facts.damage).toBe(null);
      expect(secondsOf(seen).filter((s) => s < 0 || s >= 600)).toEqual([]);
      expect(secondsOf(seen)).toEqual(expect.arrayContaining(without(50, 53)));
      expect((await readAll(chunksOf(bytes, 7))).records.map((r) => r.seconds)).toEqual(seen.map((r) => r.seconds));
    });
  });

  test.each<[string, { origLen?: number }, number]>([
    ['', {}, 100],
    [', and its writer has odd lengths', { origLen: 14 }, 100],
    [', and its last record comes a year later', {}, 199],
  ])('where a clock jumps by years%s, nothing is left out', async (_what, odd, from) => {
    const jumped = records.map((r, i) => ({
      ...r,
      ...odd,
      seconds: i >= from ? r.seconds + 86_400 * 400 : r.seconds - (i % 3) * 86_400 * 900,
    }));
    const { records: seen, facts } = await read(pcapFile({}, jumped));
    expect(seen.map(({ seconds }) => seconds)).toEqual(jumped.map(({ seconds }) => seconds));
    expect(facts.damage).toBe(null);
    expect(facts.warnings.join()).not.toContain('skipped');
  });

  test('a page of zeros, as a crash leaves it', async () => {
    const { records: seen, facts } = await read(overwritten(file, at(50), new Uint8Array(4096)));
    const next = records.findIndex((_, i) => at(i) >= at(50) + 4096);
    expect(secondsOf(seen)).toEqual(without(50, next));
    expect(facts.warnings).toEqual([
      `after packet 50, 4,${at(next) - at(50) - 4000} damaged bytes were skipped: there are only zeros where packet 51 should be`,
    ]);
  });

  test('zeros up to the end are no packets', async () => {
    const { records: seen, facts } = await read(join(file, new Uint8Array(1 << 20)));
    expect(seen.length).toBe(200);
    expect(facts.damage).toEqual({
      fileOffset: file.length,
      recordsBefore: 200,
      what: 'there are only zeros where packet 201 should be',
    });
  });

  test('the last records are too few to be believed', async () => {
    const { records: seen, facts } = await read(overwritten(file, at(175), new Uint8Array(16).fill(0xff)));
    expect(seen.length).toBe(175);
    expect(facts.damage).toMatchObject({ fileOffset: at(175), recordsBefore: 175 });
    expect(facts.warnings).toEqual([]);
  });

  test('records of another time are not taken for ours: a capture transferred inside this one', async () => {
    const other = pcapFile(
      {},
      records.map((r) => ({ ...r, seconds: r.seconds - 1_000_000 })),
    ).slice(HEADER);
    const broken = join(file.slice(0, at(50)), new Uint8Array(16).fill(0xff), other, file.slice(at(51)));
    const { records: seen } = await read(broken);
    expect(secondsOf(seen)).toEqual(without(50, 51));
  });

  test('more than 16 MiB of noise are not looked through', async () => {
    const { records: seen, facts } = await read(join(file, new Uint8Array(17 << 20).fill(0xff), file.slice(HEADER)));
    expect(seen.length).toBe(200);
    expect(facts.damage?.what).toContain('no frame is that long');
  });

  test('several places are told in one sentence', async () => {
    const twice = overwritten(overwritten(file, at(50), new Uint8Array(16).fill(0xff)), at(100), new Uint8Array(16).fill(0xff));
    const { records: seen, facts } = await read(twice);
    expect(seen.length).toBe(198);
    expect(facts.warnings).toEqual([expect.stringMatching(/^after packet 50, .*\(and 1 more such places?, \d+ bytes in all\)$/)]);
  });

  test.each([1, 7, 1000])('in chunks of %i it is the same', async (size) => {
    for (const bytes of [overwritten(file, at(50), new Uint8Array(16).fill(0xff)), overwritten(file, at(50), new Uint8Array(4096))]) {
      expect(await readAll(chunksOf(bytes, size))).toEqual({ ...(await read(bytes)), facts: expect.anything() as unknown });
    }
  });

  test('files that were joined are read as one', async () => {
    const { records: seen, facts } = await read(
      join(file, pcapFile({ bigEndian: true, magic: NANOSECONDS, linkType: 101 }, records.slice(0, 3)), file),
    );
    expect(seen.length).toBe(403);
    expect(seen.slice(199, 202).map(({ linkType, interfaceId }) => [linkType, interfaceId])).toEqual([
      [1, 0],
      [101, 1],
      [101, 1],
    ]);
    expect(facts.damage).toBe(null);
    expect(facts.warnings[0]).toBe(
      `another file was joined to this one at offset ${file.length}, after packet 200; it was read as well (and 1 more like it)`,
    );
  });

  test('a thousand empty files joined, and more', async () => {
    const { facts } = await read(join(file, ...Array.from({ length: 1500 }, () => pcapFile({}, []))));
    expect(facts.packets).toBeGreaterThanOrEqual(200);
  });
});

describe('pcapng', () => {
  const s = section();
  const start = join(s.header(), s.interface());
  const blocks = records.map(({ seconds, bytes }) => s.packet(0, BigInt(seconds) * 1_000_000n, bytes));
  const offset = (index: number): number => start.length + blocks.slice(0, index).reduce((sum, { length }) => sum + length, 0);
  const file = join(start, ...blocks);

  test.each([
    ['of no length', 4, Uint8Array.of(0, 0, 0, 0), 'block length 0 is too short for a block of type 0x6'],
    ['of 4 GiB', 4, new Uint8Array(4).fill(0xfc), 'is longer than any block'],
    ['with another length at its end', 32, noise(200, 7), 'ends with a different length'],
  ])('a block %s costs no more than it covers', async (_name, inside, by, what) => {
    const { records: seen, facts } = await read(overwritten(file, offset(50) + inside, by));
    expect(secondsOf(seen).filter((second) => second < 50 || second > 53)).toEqual(without(50, 54));
    expect(facts.damage).toBe(null);
    expect(facts.warnings[0]).toMatch(/^after packet 50, \d+ damaged bytes were skipped: /);
    expect(facts.warnings[0]).toContain(what);
  });

  test('a new section is found, in the other byte order too', async () => {
    const other = section(true);
    const rest = join(
      other.header(),
      other.interface(101),
      ...records.map((r) => other.packet(0, BigInt(r.seconds) * 1_000_000n, r.bytes)),
    );
    const { records: seen } = await read(join(start, ...blocks.slice(0, 10), noise(1001), rest));
    expect(seen.length).toBe(210);
    expect(seen.at(-1)).toMatchObject({ linkType: 101, seconds: 1_700_000_199 });
  });

  test('too few blocks behind it: reading ends, at the bad one', async () => {
    const { records: seen, facts } = await read(overwritten(file, offset(180) + 4, new Uint8Array(4)));
    expect(seen.length).toBe(180);
    expect(facts.damage).toMatchObject({ fileOffset: offset(180), recordsBefore: 180 });
  });
});

describe.each([
  [
    'snoop',
    snoopFile(records),
    16,
    (n: number) => 24 + Math.ceil(n / 4) * 4,
    'packet 51 claims 4294967295 captured bytes; no frame is that long',
  ],
  ['ERF', erfFile(records), 0, (n: number) => 18 + n, 'packet 51 has the record type 127, which ERF does not have'],
])('%s', (_name, file, header, lengthOf, what) => {
  const place = (index: number): number => header + records.slice(0, index).reduce((sum, { bytes }) => sum + lengthOf(bytes.length), 0);
  const broken = overwritten(file, place(50), new Uint8Array(16).fill(0xff));

  test('a record header of ones costs its record', async () => {
    const { records: seen, facts } = await read(broken);
    expect(secondsOf(seen)).toEqual(without(50, 51));
    expect(facts.damage).toBe(null);
    expect(facts.warnings).toEqual([`after packet 50, ${place(51) - place(50)} damaged bytes were skipped: ${what}`]);
  });

  test('a lost stretch: what follows is found, and nothing is invented', async () => {
    const { records: seen, facts } = await read(join(file.slice(0, place(50)), noise(333, 5), file.slice(place(70) + 33)));
    expect(secondsOf(seen).filter((s) => s < 50)).toEqual(without(50, 200));
    expect(secondsOf(seen).slice(-129)).toEqual(records.slice(71).map((_, i) => i + 71));
    expect(facts.damage).toBe(null);
    expect(facts.warnings.join()).toContain('damaged bytes were skipped');
  });

  test('the last records are too few to be believed', async () => {
    const { records: seen, facts } = await read(overwritten(file, place(175), new Uint8Array(16).fill(0xff)));
    expect(seen.length).toBe(175);
    expect(facts.damage).toMatchObject({ fileOffset: place(175), recordsBefore: 175 });
  });

  test('more than 16 MiB of noise are not looked through', async () => {
    const { records: seen, facts } = await read(join(file, new Uint8Array(17 << 20).fill(0xff), file.slice(header)));
    expect(seen.length).toBe(200);
    expect(facts.damage).toMatchObject({ fileOffset: file.length });
  });

  test.each([1, 7, 1000])('in chunks of %i it is the same', async (size) => {
    expect(await readAll(chunksOf(broken, size))).toEqual({ ...(await read(broken)), facts: expect.anything() as unknown });
  });
});

describe('pcap of other programs', () => {
  const frame = noise(60);
  const u32 = (n: number): Uint8Array => Uint8Array.of(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24);
  const ixia = (magic: number): Uint8Array => {
    const file = pcapFile({ magic }, [{ seconds: 5, fraction: 7, bytes: frame }]);
    return join(file.slice(0, HEADER), u32(76), file.slice(HEADER));
  };

  test.each([
    ['IXIA software', ixia(0x1c0001ab), 'pcap (IXIA software)', 7_000, 1],
    ['IXIA hardware', ixia(0x1c0001ac), 'pcap (IXIA hardware)', 7, 1],
    // AIX: nanoseconds, the lengths as before version 2.3, and ifTypes.
    ['AIX, Ethernet', pcapFile({ version: [2, 2], linkType: 6 }, [{ seconds: 5, fraction: 7, bytes: frame }]), 'pcap (AIX)', 7, 1],
    ['AIX, token ring', pcapFile({ version: [2, 2], linkType: 9 }, [{ seconds: 5, fraction: 7, bytes: frame }]), 'pcap (AIX)', 7, 6],
    ['2.2 of everybody else', pcapFile({ version: [2, 2], linkType: 1 }, [{ seconds: 5, fraction: 7, bytes: frame }]), 'pcap', 7_000, 1],
    ['DG/UX', pcapFile({ version: [543, 0] }, [{ seconds: 5, fraction: 7, bytes: frame, capLen: 90, origLen: 60 }]), 'pcap', 7_000, 1],
  ])('%s', async (_name, bytes, format, nanos, linkType) => {
    const { records: seen, facts } = await read(bytes);
    expect(facts).toMatchObject({ format, packets: 1, damage: null });
    expect(seen[0]).toMatchObject({ seconds: 5, nanos, linkType });
    expect(seen[0]!.bytes).toEqual(frame);
  });
});
