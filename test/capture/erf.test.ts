import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isErf, octetsToTellErf } from '../../src/capture/erf.ts';
import { octetsToTell } from '../../src/capture/format.ts';
import { erfFile, type ErfRecord, join, noise, pcapFile } from '../support/capture-bytes.ts';
import { read } from './read.ts';

const FRAME = noise(60);
const START = 1_700_000_000;

/** The first packet of tcptrace's input/eth.erf: a SYN of 66 octets on the wire with its FCS, 54 of them captured. */
const SYN = Uint8Array.from(
  Buffer.from(
    '00115318a258263b020000480000004200000' +
      '0e01e8e317100000c465cd108004500' +
      '0030347f4000ee063f08d823744082d84a047cc700503c60e7c9000000007002ffffc99c0000',
    'hex',
  ),
);

describe('records', () => {
  test('of a card: what tshark reads', async () => {
    const { records, facts } = await read(SYN);
    expect(records).toMatchObject([{ seconds: 992_368_802, nanos: 95_017_493, linkType: 1, origLen: 66 }]);
    expect(records[0]!.bytes).toEqual(SYN.slice(18));
    expect(facts).toMatchObject({ format: 'ERF', packets: 1, linkTypes: [1], damage: null, warnings: [] });
  });

  test('fractions of a second are rounded to nanoseconds, up into the next second', async () => {
    const fractions = [0, 1, 2, 3, 0x8000_0000, 0xffff_fffd, 0xffff_ffff];
    const { records } = await read(erfFile(fractions.map((fraction) => ({ seconds: START, fraction, bytes: FRAME }))));
    const exact = fractions.map((f) => (BigInt(f) * 1_000_000_000n + (1n << 31n)) >> 32n);
    expect(records.map((r) => BigInt(r.seconds - START) * 1_000_000_000n + BigInt(r.nanos))).toEqual(exact);
    expect(exact.at(-1)).toBe(1_000_000_000n);
  });

  test('padding behind the frame is none of it', async () => {
    const { records } = await read(erfFile([{ bytes: FRAME, padding: 2, wireLength: 60 }]));
    expect(records).toMatchObject([{ bytes: FRAME, origLen: 60 }]);
  });

  // Endace's guide, "ERF types". POS and multi-channel records hold HDLC frames; the four octets before the latter are the channel.
  test.each<[string, ErfRecord, number]>([
    ['POS', { type: 1, before: 0 }, 50],
    ['Ethernet', { type: 2, before: 2 }, 1],
    ['multi-channel HDLC', { type: 5, before: 4 }, 50],
    ['colored POS', { type: 10, before: 0 }, 50],
    ['colored Ethernet', { type: 11, before: 2 }, 1],
    ['DSM colored POS', { type: 15, before: 0 }, 50],
    ['DSM colored Ethernet', { type: 16, before: 2 }, 1],
    ['colored multi-channel POS', { type: 17, before: 4 }, 50],
    ['colored and hashed POS', { type: 19, before: 0 }, 50],
    ['colored and hashed Ethernet', { type: 20, before: 2 }, 1],
    ['IPv4', { type: 22, before: 0 }, 228],
    ['IPv6', { type: 23, before: 0 }, 229],
    ['Ethernet with an extension header', { type: 2, before: 2, extensions: [noise(8)] }, 1],
    ['POS with three extension headers', { type: 1, before: 0, extensions: [noise(8), noise(8, 1), noise(8, 2)] }, 50],
  ])('%s', async (_name, record, linkType) => {
    const { records } = await read(erfFile([{ ...record, bytes: FRAME }]));
    expect(records).toMatchObject([{ linkType, bytes: FRAME, origLen: 60 }]);
  });

  test('that hold no packet keep their place among the frames', async () => {
    const { records, facts } = await read(erfFile([{ bytes: FRAME }, { type: 27, before: 0, bytes: noise(40) }, { bytes: FRAME }]));
    expect(records.map((r) => [r.linkType, r.bytes.length])).toEqual([
      [1, 60],
      [197, 56],
      [1, 60],
    ]);
    expect(facts.linkTypes).toEqual([1, 197]);
  });

  test('of several kinds on one port are of an interface each', async () => {
    const { records, facts } = await read(
      erfFile([{ bytes: FRAME }, { type: 22, before: 0, bytes: FRAME }, { flags: 5, bytes: FRAME }, { bytes: FRAME }]),
    );
    expect(records.map((r) => [r.linkType, r.interfaceId])).toEqual([
      [1, 0],
      [228, 1],
      [1, 2],
      [1, 0],
    ]);
    expect(facts.interfaces.map((i) => i.linkType)).toEqual([1, 228, 1]);
  });

  test('that only fill up are no frames, as in Wireshark', async () => {
    const pad: ErfRecord = { type: 48, seconds: 0, before: 0, bytes: noise(1000) };
    const { records, facts } = await read(erfFile([{ bytes: FRAME }, pad, pad, { bytes: FRAME }, pad]));
    expect(records.map((r) => r.fileOffset)).toEqual([0, 78 + 2 * 1016]);
    expect(facts.damage).toBeNull();
  });

  test('losses are counted, colors are not', async () => {
    const { facts } = await read(
      erfFile([
        { bytes: FRAME, counter: 3 },
        { type: 16, bytes: FRAME, counter: 0xffff },
        { bytes: FRAME, counter: 4 },
      ]),
    );
    expect(facts.reportedDrops).toBe(7);
  });

  test('of two ports are of two interfaces', async () => {
    const { records, facts } = await read(erfFile([1, 0, 1, 0x41].map((port) => ({ bytes: FRAME, flags: 4 | port }))));
    expect(records.map((r) => r.interfaceId)).toEqual([0, 1, 0, 2]);
    expect(facts.interfaces).toHaveLength(3);
  });

  test('metadata that a program made up has no time', async () => {
    const { records, facts } = await read(erfFile([{ type: 27, seconds: 0, before: 0, bytes: noise(40) }, { bytes: FRAME }]));
    expect(records.map((r) => r.hasTime)).toEqual([false, true]);
    expect(facts).toMatchObject({ firstTime: { seconds: START, nanos: 0 }, warnings: [] });
  });

  test('extension headers past the end of the record leave no frame, with a warning', async () => {
    const endless = new Uint8Array(8).fill(0xff);
    const { records, facts } = await read(
      erfFile([
        { bytes: FRAME },
        { type: 1, before: 0, extensions: [endless, endless.map(() => 0x80)], recordLength: 24, wireLength: 60 },
      ]).slice(0, 78 + 24),
    );
    expect(records.map((r) => r.bytes.length)).toEqual([60, 0]);
    expect(facts.warnings).toEqual(['the extension headers of packet 2 run past its record']);
  });
});

describe('damage: what came before it is delivered', () => {
  const good = erfFile([{ bytes: FRAME }, { bytes: FRAME }]); // records at 0 and 78; the end at 156

  test.each<[string, Uint8Array, number, number, string]>([
    ['cut inside a record header', good.slice(0, 83), 1, 78, 'packet 2 is cut short: only 5 bytes of its record header'],
    ['cut inside a record', good.slice(0, 155), 1, 78, 'packet 2 is cut short: only 77 bytes of its record'],
    [
      'a record shorter than its header',
      join(good, good, erfFile([{ recordLength: 15 }])),
      4,
      312,
      'packet 5 claims a record of 15 bytes, less than its header',
    ],
    ['zeros', join(good, good, new Uint8Array(100)), 4, 312, 'packet 5 has the record type 0, which ERF does not have'],
    [
      'a type that there is not',
      join(good, good, erfFile([{ type: 99 }])),
      4,
      312,
      'packet 5 has the record type 99, which ERF does not have',
    ],
    [
      'cut inside filling',
      join(good, good, erfFile([{ type: 48, recordLength: 20 }])),
      4,
      330,
      'the file ends inside the padding after packet 4; 2 bytes of it missing',
    ],
  ])('%s', async (_name, bytes, packets, fileOffset, what) => {
    const { facts } = await read(bytes);
    expect(facts).toMatchObject({ packets, damage: { fileOffset, recordsBefore: packets, what } });
  });
});

describe('known without a magic number', () => {
  const accepts = (bytes: Uint8Array): boolean => isErf(bytes);
  const six: ErfRecord[] = [0, 1, 2, 3, 4, 5].map((i) => ({ seconds: START + i, bytes: FRAME }));
  const three = six.slice(0, 3);

  test('by a whole record, or by several', () => {
    expect(accepts(SYN)).toBe(true);
    expect(accepts(SYN.slice(0, -1))).toBe(false);
    expect(accepts(erfFile(three))).toBe(true);
    expect(accepts(erfFile(three).slice(0, -1))).toBe(true);
  });

  test.each<[string, ErfRecord[]]>([
    ['type 0', [{ type: 0, bytes: FRAME }]],
    ['a type for local use', [{ type: 32, bytes: FRAME }]],
    ['a type that there is not', [{ type: 49, bytes: FRAME }]],
    ['a reserved flag', [{ flags: 0x84, bytes: FRAME }]],
    ['a length below the header', [{ recordLength: 15, bytes: FRAME }]],
    ['a length below the header and what Ethernet needs', [{ recordLength: 17, bytes: FRAME }]],
    ['a length below the extension header', [{ type: 0x81, before: 0, recordLength: 23, bytes: FRAME }]],
    ['a packet without time', [{ seconds: 0, bytes: FRAME }]],
    ['a time before there were such cards', [{ seconds: 788_918_399, bytes: FRAME }]],
    ['a time that goes back', [...three, { seconds: START - 1, bytes: FRAME }]],
    ['a leap of more than a year', [{ bytes: FRAME }, { seconds: START + 366 * 86_400, bytes: FRAME }]],
  ])('not with %s', (_name, records) => expect(accepts(erfFile(records))).toBe(false));

  test('damage behind the first records is for the reader', () => {
    expect(accepts(join(erfFile(six), new Uint8Array(40)))).toBe(true);
  });

  test('no more is read than it takes', () => {
    const bytes = erfFile(six);
    expect(octetsToTellErf(bytes.slice(0, 28))).toBe(78 + 16);
    expect(octetsToTellErf(bytes.slice(0, 94))).toBe(2 * 78 + 16);
    expect(octetsToTellErf(bytes.slice(0, 3 * 78 + 16))).toBe(3 * 78 + 16);
    expect(octetsToTellErf(noise(28))).toBe(0);
    // What has a magic number is known by it, even where it looks like a record: gzip -9 writes its time, 2 and the system there.
    const packed = gzipSync(pcapFile({}, [{ bytes: FRAME }]), { level: 9 });
    packed.writeUInt32LE(START, 4);
    expect(octetsToTell(packed)).toBe(28);
  });

  test('not in a thousand files of noise', () => {
    let state = 1;
    const octet = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 16;
    for (let i = 0; i < 1000; i++) expect(accepts(Uint8Array.from({ length: 200 + i }, octet))).toBe(false);
  });
});
