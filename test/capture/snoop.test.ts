import { describe, expect, test } from 'vitest';
import { linkTypeName } from '../../src/capture/index.ts';
import { join, noise, snoopFile } from '../support/capture-bytes.ts';
import { read } from './read.ts';

const FRAME = noise(60);

describe('records', () => {
  test('of every length are found again behind their padding', async () => {
    const lengths = [60, 61, 62, 63, 0, 1514];
    const { records, facts } = await read(
      snoopFile(lengths.map((length, i) => ({ seconds: 774_737_000 + i, micros: 999_999, bytes: noise(length, i) }))),
    );
    expect(records.map((r) => [r.seconds, r.nanos, r.bytes])).toEqual(
      lengths.map((length, i) => [774_737_000 + i, 999_999_000, noise(length, i)]),
    );
    expect(facts).toMatchObject({ format: 'snoop', packets: 6, linkTypes: [1], damage: null, warnings: [], complete: true });
  });

  test('a trailer behind the frame is passed over', async () => {
    const { records, facts } = await read(
      snoopFile([
        { bytes: FRAME, padding: 16 },
        { bytes: FRAME, padding: 20 },
      ]),
    );
    expect(records.map((r) => r.bytes)).toEqual([FRAME, FRAME]);
    expect(facts.damage).toBeNull();
  });

  test('cut by a snap length', async () => {
    expect((await read(snoopFile([{ bytes: FRAME, origLen: 1514 }]))).records).toMatchObject([{ origLen: 1514, bytes: FRAME }]);
  });

  test('the newest count of drops is that of the file', async () => {
    expect((await read(snoopFile([{ drops: 0 }, { drops: 7 }, { drops: 9 }]))).facts.reportedDrops).toBe(9);
  });

  test('without records', async () => {
    expect((await read(snoopFile([]))).facts).toMatchObject({ packets: 0, linkTypes: [1], damage: null });
  });
});

test('data link types are LINKTYPE numbers', async () => {
  // RFC 1761 §4; IANA "snoop Data Link Types"; the ipnet type is Solaris' own (Wireshark wiretap/snoop.c).
  const linkTypes = [
    [0, 1],
    [2, 6],
    [4, 1],
    [8, 10],
    [16, 122],
    [18, 123],
    [0x8000_0005, 226],
  ] as const;
  for (const [dataLink, linkType] of linkTypes) {
    expect((await read(snoopFile([{ bytes: FRAME }], { dataLink }))).facts.linkTypes).toEqual([linkType]);
  }
});

test.each([1, 5, 9, 0xffff_ffff])('link type %i of its registry alone is counted and called by its number', async (dataLink) => {
  const { records, facts } = await read(snoopFile([{ bytes: FRAME }, { bytes: FRAME }], { dataLink }));
  expect(records.map((r) => r.bytes)).toEqual([FRAME, FRAME]);
  expect(facts.linkTypes.map(linkTypeName)).toEqual([`SNOOP_${dataLink}`]);
});

describe('contradictions with a clear meaning', () => {
  test('a fraction above one second goes into the seconds, with a warning', async () => {
    const { records, facts } = await read(snoopFile([{ seconds: 10, micros: 2_500_000, bytes: FRAME }]));
    expect(records).toMatchObject([{ seconds: 12, nanos: 500_000_000 }]);
    expect(facts.warnings).toEqual([expect.stringContaining('packet 1')]);
  });

  test('more captured than there was on the wire: the captured bytes are believed', async () => {
    const { records, facts } = await read(snoopFile([{ bytes: FRAME, origLen: 40 }]));
    expect(records).toMatchObject([{ bytes: FRAME, origLen: 60 }]);
    expect(facts.warnings).toEqual([expect.stringContaining('60 captured bytes of 40')]);
  });
});

describe('damage: what came before it is delivered', () => {
  const good = snoopFile([{ bytes: FRAME }, { bytes: noise(61) }]); // records at 16 and 100; the end at 188

  test.each<[string, Uint8Array, number, number, string]>([
    ['cut inside a record header', good.slice(0, 105), 1, 100, 'packet 2 is cut short: only 5 bytes of its record header'],
    ['cut inside a frame', good.slice(0, 184), 1, 100, 'packet 2 is cut short: only 60 bytes of its frame'],
    ['cut inside the padding', good.slice(0, 187), 2, 187, 'the file ends inside the padding of packet 2; 1 byte of it missing'],
    [
      'a record shorter than its frame',
      join(good, snoopFile([{ bytes: FRAME, recordLength: 83 }]).slice(16)),
      2,
      188,
      'packet 3 claims 60 captured bytes in a record of 83',
    ],
    [
      'a record much longer than its frame',
      join(good, snoopFile([{ bytes: FRAME, recordLength: 0xffff_fff0 }]).slice(16)),
      2,
      188,
      'packet 3 claims 60 captured bytes in a record of 4294967280',
    ],
    [
      'a length that no frame has',
      join(good, snoopFile([{ bytes: FRAME, capLen: 0xffff_fff0 }]).slice(16)),
      2,
      188,
      'packet 3 claims 4294967280 captured bytes; no frame is that long',
    ],
  ])('%s', async (_name, bytes, packets, fileOffset, what) => {
    const { facts } = await read(bytes);
    expect(facts).toMatchObject({ packets, damage: { fileOffset, recordsBefore: packets, what } });
  });
});
