import { describe, expect, test } from 'vitest';
import { join, MODIFIED, NANOSECONDS, noise, pcapFile, type PcapShape } from '../support/capture-bytes.ts';
import { read } from './read.ts';

const FRAME = noise(60);
const three = (fraction: number) => [0, 1, 2].map((i) => ({ seconds: 1_700_000_000 + i, fraction, bytes: noise(60 + i, i) }));

describe('every variant of classic pcap', () => {
  const variants: [string, PcapShape, string, number][] = [
    ['microseconds, little-endian', {}, 'pcap', 5_000],
    ['microseconds, big-endian', { bigEndian: true }, 'pcap', 5_000],
    ['nanoseconds, little-endian', { magic: NANOSECONDS }, 'pcap (nanoseconds)', 5],
    ['nanoseconds, big-endian', { magic: NANOSECONDS, bigEndian: true }, 'pcap (nanoseconds)', 5],
    ['modified, little-endian', { magic: MODIFIED }, 'pcap (modified)', 5_000],
    ['modified, big-endian', { magic: MODIFIED, bigEndian: true }, 'pcap (modified)', 5_000],
  ];
  test.each(variants)('%s', async (_name, shape, format, nanos) => {
    const { records, facts } = await read(pcapFile(shape, three(5)));
    expect(records.map((r) => [r.seconds, r.nanos, r.bytes])).toEqual([0, 1, 2].map((i) => [1_700_000_000 + i, nanos, noise(60 + i, i)]));
    expect(facts).toMatchObject({ format, packets: 3, linkTypes: [1], damage: null, warnings: [], complete: true });
  });

  test('the two lengths stand the other way round before version 2.3', async () => {
    const { records } = await read(pcapFile({ version: [2, 2] }, [{ bytes: FRAME, capLen: 1514, origLen: 60 }]));
    expect(records).toMatchObject([{ origLen: 1514, bytes: FRAME }]);
  });

  test('version 2.3 has them either way: captured is the smaller', async () => {
    const { records } = await read(
      pcapFile({ version: [2, 3] }, [
        { bytes: FRAME, capLen: 1514, origLen: 60 },
        { bytes: FRAME, origLen: 1514 },
      ]),
    );
    expect(records).toMatchObject([
      { origLen: 1514, bytes: FRAME },
      { origLen: 1514, bytes: FRAME },
    ]);
  });

  test('FCS length and class bits are no part of the link type', async () => {
    const { facts } = await read(pcapFile({ linkType: 0x54000001 }, []));
    expect(facts).toMatchObject({ linkTypes: [1], interfaces: [{ linkType: 1 }], packets: 0, damage: null });
  });
});

describe('times', () => {
  test('seconds are unsigned: 2106-02-07', async () => {
    const { records } = await read(pcapFile({}, [{ seconds: 0xffffffff, bytes: FRAME }]));
    expect(records).toMatchObject([{ seconds: 4_294_967_295 }]);
  });

  test('a fraction above one second goes into the seconds, with a warning', async () => {
    const { records, facts } = await read(pcapFile({}, [{ seconds: 10, fraction: 2_500_000, bytes: FRAME }]));
    expect(records).toMatchObject([{ seconds: 12, nanos: 500_000_000 }]);
    expect(facts.warnings).toEqual([expect.stringContaining('packet 1')]);
  });

  test('a clock that steps back is told once, with its worst step, and changes no order', async () => {
    const at = (seconds: number) => ({ seconds, bytes: FRAME });
    const { records, facts } = await read(pcapFile({}, [at(100), at(99), at(101), at(90), at(110)]));
    expect(records.map((r) => r.seconds)).toEqual([100, 99, 101, 90, 110]);
    expect(facts.warnings).toEqual(['time goes backwards 2 times, first at packet 2, by up to 11 s']);
    expect([facts.firstTime, facts.lastTime]).toEqual([
      { seconds: 100, nanos: 0 },
      { seconds: 110, nanos: 0 },
    ]);
  });
});

describe('lengths', () => {
  test('an empty record counts as a packet', async () => {
    const { records } = await read(pcapFile({}, [{ bytes: FRAME }, { seconds: 1 }, { bytes: FRAME }]));
    expect(records.map((r) => r.bytes.length)).toEqual([60, 0, 60]);
  });

  test('more captured than there was on the wire: the captured bytes are believed', async () => {
    const { records, facts } = await read(pcapFile({}, [{ bytes: FRAME, origLen: 40 }]));
    expect(records).toMatchObject([{ bytes: FRAME, origLen: 60 }]);
    expect(facts.warnings).toEqual([expect.stringContaining('60 captured bytes of 40')]);
  });

  test('a frame above the snap length is read, with a warning', async () => {
    const { records, facts } = await read(pcapFile({ snapLen: 40 }, [{ bytes: FRAME }, { bytes: FRAME }]));
    expect(records).toHaveLength(2);
    expect(facts.warnings).toEqual([expect.stringMatching(/snap length of 40 \(and 1 more like it\)$/)]);
  });

  test('a snap length of 0 is no limit', async () => {
    expect((await read(pcapFile({ snapLen: 0 }, [{ bytes: FRAME }]))).facts.warnings).toEqual([]);
  });

  test('256 KiB, the largest frame that libpcap writes, is a frame', async () => {
    const { records } = await read(pcapFile({}, [{ bytes: noise(262_144) }, { bytes: FRAME }]));
    expect(records.map((r) => r.bytes.length)).toEqual([262_144, 60]);
  });

  test('a longer one only where the header declares it', async () => {
    const file = (snapLen: number) => pcapFile({ snapLen }, [{ bytes: noise(262_145) }]);
    expect((await read(file(300_000))).records).toHaveLength(1);
    expect((await read(file(262_144))).facts.damage?.what).toContain('262145');
  });
});

describe('damage: what came before it is delivered', () => {
  const good = pcapFile({}, three(0)); // records at 24, 24+76, 24+76+77; the end at 255

  test('cut inside a frame', async () => {
    const { records, facts } = await read(good.slice(0, 254));
    expect(records).toHaveLength(2);
    expect(facts.damage).toEqual({ fileOffset: 177, recordsBefore: 2, what: 'packet 3 is cut short: only 61 bytes of its frame' });
  });

  test('cut inside a record header', async () => {
    const { facts } = await read(join(good, noise(5)));
    expect(facts).toMatchObject({ packets: 3, damage: { fileOffset: 255, recordsBefore: 3 } });
    expect(facts.damage?.what).toContain('packet 4 is cut short: only 5 bytes of its record header');
  });

  test('a length that no frame has ends reading there and nothing is allocated for it', async () => {
    const { facts } = await read(join(good, pcapFile({}, [{ capLen: 0xfffffff0, origLen: 60, bytes: FRAME }]).slice(24), noise(1000)));
    expect(facts).toMatchObject({ packets: 3, damage: { fileOffset: 255, recordsBefore: 3 } });
    expect(facts.damage?.what).toContain('packet 4 claims 4294967280 captured bytes');
  });
});
