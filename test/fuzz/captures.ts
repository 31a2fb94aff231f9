/** The packets of any capture, and any capture made from packets: what mutation at record level works on. */
import { gzipSync } from 'node:zlib';
import { readStream } from '../../src/capture/index.ts';
import { erfFile, join, MODIFIED, NANOSECONDS, pcapFile, section, snoopFile, type Option } from '../support/capture-bytes.ts';
import { HOSTILE } from '../support/hostile.ts';
import { pick, type Random } from '../support/random.ts';

export interface Frame {
  readonly seconds: number;
  readonly nanos: number;
  readonly linkType: number;
  readonly origLen: number;
  readonly bytes: Uint8Array;
}

export async function framesOf(capture: Uint8Array): Promise<Frame[]> {
  const frames: Frame[] = [];
  await readStream([capture], {
    record: ({ seconds, nanos, linkType, origLen, bytes, at, capLen }) => {
      frames.push({ seconds, nanos, linkType, origLen, bytes: bytes.slice(at, at + capLen) });
      return true;
    },
  });
  return frames;
}

/** A capture file, and where its headers and records begin: what mutation at field level aims at. */
export interface Made {
  readonly container: string;
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
}

const made = (container: string, parts: readonly Uint8Array[]): Made => {
  let at = 0;
  const starts = parts.map((part) => (at += part.length) - part.length);
  return { container, bytes: join(...parts), starts };
};

type Container = (frames: readonly Frame[], random: Random) => Made;

const classic =
  (name: string, shape: Parameters<typeof pcapFile>[0], nanosPerUnit: number): Container =>
  (frames) => {
    const full = { ...shape, linkType: frames[0]?.linkType ?? 1 };
    const header = pcapFile(full, []);
    const record = (f: Frame): Uint8Array =>
      pcapFile(full, [{ seconds: f.seconds, fraction: Math.floor(f.nanos / nanosPerUnit), bytes: f.bytes, origLen: f.origLen }]).subarray(
        header.length,
      );
    return made(name, [header, ...frames.map(record)]);
  };

const text = (value: string): Uint8Array => new TextEncoder().encode(value.slice(0, 2_000));

/** Names, comments and addresses as somebody would choose them who wants to be read; several sections and interfaces. */
const nextGeneration =
  (bigEndian: boolean): Container =>
  (frames, random) => {
    const s = section(bigEndian);
    const hostile = (code: number): Option[] => (random(2) === 0 ? [] : [[code, text(pick(random, Object.values(HOSTILE)))]]);
    const blocks = [s.header([1, 0], [...hostile(1), ...hostile(2), ...hostile(3), ...hostile(4)])];
    const interfaces = new Map<number, number>();
    for (const f of frames) {
      if (random(400) === 0) {
        blocks.push(s.header([1, 0], hostile(1)));
        interfaces.clear();
      }
      let id = interfaces.get(f.linkType);
      if (id === undefined) {
        id = interfaces.size;
        interfaces.set(f.linkType, id);
        blocks.push(s.interface(f.linkType, 262_144, [...hostile(1), ...hostile(2), ...hostile(3), [9, Uint8Array.of(9)], ...hostile(11)]));
      }
      if (random(50) === 0) blocks.push(nameResolution(bigEndian, f, pick(random, Object.values(HOSTILE))));
      const time = BigInt(f.seconds) * 1_000_000_000n + BigInt(f.nanos);
      blocks.push(s.packet(id, time, f.bytes, { origLen: f.origLen, list: random(20) === 0 ? hostile(1) : [] }));
      if (random(100) === 0) blocks.push(s.statistics(id, [[5, s.u64(BigInt(random(1000)))], ...hostile(1)]));
    }
    return made(bigEndian ? 'pcapng, big-endian' : 'pcapng', blocks);
  };

/** Block 4, with the addresses of an Ethernet frame's IPv4 packet: what they are called. */
function nameResolution(bigEndian: boolean, { bytes }: Frame, name: string): Uint8Array {
  const s = section(bigEndian);
  const value = join(bytes.length < 34 ? new Uint8Array(4) : bytes.subarray(26, 30), text(name), new Uint8Array(1));
  return s.block(4, s.u16(1, value.length), value, new Uint8Array(-value.length & 3), s.u16(0, 0));
}

const snoop: Container = (frames) => {
  const header = snoopFile([]);
  const record = (f: Frame): Uint8Array =>
    snoopFile([{ seconds: f.seconds, micros: Math.floor(f.nanos / 1000), bytes: f.bytes, origLen: f.origLen }]).subarray(header.length);
  return made('snoop', [header, ...frames.map(record)]);
};

const erf: Container = (frames) =>
  made(
    'ERF',
    frames.map((f) =>
      erfFile([{ seconds: f.seconds, fraction: Math.floor((f.nanos / 1e9) * 2 ** 32), bytes: f.bytes, wireLength: f.origLen & 0xffff }]),
    ),
  );

/** What holds frames of any link type, and what holds Ethernet alone (in the way we write it). */
const ANY: readonly Container[] = [
  classic('pcap', {}, 1000),
  classic('pcap, big-endian', { bigEndian: true }, 1000),
  classic('pcap, nanoseconds', { magic: NANOSECONDS }, 1),
  classic('pcap, modified', { magic: MODIFIED }, 1000),
  classic('pcap 2.3', { version: [2, 3] }, 1000),
  nextGeneration(false),
  nextGeneration(true),
];
const ETHERNET: readonly Container[] = [snoop, erf];

/** The frames in one container or another. */
export function contained(frames: readonly Frame[], random: Random): Made {
  const ethernet = frames.every((f) => f.linkType === 1 && f.bytes.length < 60_000);
  return pick(random, ethernet ? [...ANY, ...ETHERNET] : ANY)(frames, random);
}

/** Compressed, or as it is. */
export function packed({ container, bytes, starts }: Made, random: Random): Made {
  if (random(8) > 0) return { container, bytes, starts };
  return { container: `${container}, gzip`, bytes: new Uint8Array(gzipSync(bytes, { level: 1 })), starts: [0] };
}
