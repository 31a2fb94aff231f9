/**
 * Captures as they are not: the packets of a good one moved, repeated, cut and lied about (record level), the fields of their headers and
 * of the container's replaced by values at the edges (field level), and bytes flipped, lost and added anywhere (byte level).
 */
import { Decoder } from '../../src/decode/index.ts';
import { Layer, Packet } from '../../src/decode/packet.ts';
import { join } from '../support/capture-bytes.ts';
import { pick, type Random } from '../support/random.ts';
import { contained, packed, type Frame, type Made } from './captures.ts';
import { speaking, words } from './spoken.ts';

/** Frames of a case at most; most are shorter, so that many are tried. */
const MOST_FRAMES = 4_000;

/** @param donors of other captures, whose frames may be mixed in. */
export function mutant(frames: readonly Frame[], donors: readonly (readonly Frame[])[], random: Random): Made {
  // An honest capture but for what is said in it: whose findings are those of the fixture, and quote it.
  if (random(3) === 0) return packed(contained(speaking(frames.slice(0, MOST_FRAMES), 1, random), random), random);
  let own = stretch(frames, random);
  for (let n = random(4); n > 0; n--) own = pick(random, RECORD_LEVEL)(own, random, donors);
  for (let n = random(4) === 0 ? 0 : random(1 + Math.min(60, own.length)); n > 0; n--) {
    const at = random(own.length);
    own[at] = { ...own[at]!, bytes: bentFrame(own[at]!, random) };
  }
  if (random(2) === 0) own = speaking(own, 1 + random(3), random);
  if (own.length === 0) own = [...frames.slice(0, 1)];
  const whole = contained(own, random);
  const bent = random(3) === 0 ? bentContainer(whole, random) : whole;
  return random(3) === 0 ? bentBytes(packed(bent, random), random) : packed(bent, random);
}

/** The file as it lies there, compressed or not, with all its blocks, and its bytes bent. */
export const bentFile = (name: string, bytes: Uint8Array, random: Random): Made =>
  bentBytes({ container: `file${/\.\w+$/.exec(name)?.[0] ?? ''}`, bytes, starts: [0] }, random);

/** A part of the capture, from its beginning more often than not: handshakes stand there. */
function stretch(frames: readonly Frame[], random: Random): Frame[] {
  const length = Math.min(frames.length, random(20) === 0 ? MOST_FRAMES : 1 + random(300));
  const from = random(2) === 0 ? 0 : random(Math.max(1, frames.length - length));
  return frames.slice(from, from + length);
}

type RecordLevel = (frames: Frame[], random: Random, donors: readonly (readonly Frame[])[]) => Frame[];

const RECORD_LEVEL: readonly RecordLevel[] = [
  // lost
  (frames, random) => frames.filter(() => random(10) > 0),
  (frames, random) => without(frames, random(frames.length + 1), random(50)),
  // seen twice
  (frames, random) => frames.flatMap((f) => (random(6) === 0 ? [f, f] : [f])),
  (frames) => frames.flatMap((f) => [f, f]),
  (frames, random) => [...frames, ...later(frames, random(1000))],
  // out of order
  (frames, random) => swapped(frames, random),
  (frames) => frames.toReversed(),
  // one direction only, or so it looks
  (frames, random) => frames.filter((f) => (f.bytes.at(-1)! + f.bytes.length) % 2 === random(2)),
  // the clock: a jump, one that runs backwards, one that stands, the year 2106, far apart
  (frames, random) => from(frames, random, (f) => ({ ...f, seconds: (f.seconds + pick(random, JUMPS)) >>> 0 })),
  (frames) => frames.map((f, i) => ({ ...f, seconds: Math.max(0, f.seconds - i) })),
  (frames) => frames.map((f) => ({ ...f, seconds: frames[0]!.seconds, nanos: 0 })),
  (frames) => frames.map((f, i) => ({ ...f, seconds: 0xffff_ff00 + (i % 255) })),
  (frames, random) => spread(frames, 1 + random(100_000)),
  // cut
  (frames, random) => frames.map((f) => ({ ...f, bytes: f.bytes.slice(0, 20 + random(80)) })),
  (frames, random) => frames.map((f) => (random(4) === 0 ? { ...f, bytes: f.bytes.slice(0, random(f.bytes.length + 1)) } : f)),
  (frames) => frames.map((f) => ({ ...f, bytes: f.bytes.slice(0, 68) })),
  // glued by an offload engine, or so the length says
  (frames, random) => frames.map((f) => (random(8) === 0 ? { ...f, origLen: f.origLen + random(70_000) } : f)),
  (frames, random) => frames.map((f) => (random(8) === 0 ? { ...f, origLen: random(60) } : f)),
  // another link type than the frames have
  (frames, random) => frames.map((f) => ({ ...f, linkType: pick(random, LINK_TYPES) })),
  // other traffic in between
  (frames, random, donors) => mixed(frames, pick(random, donors), random),
  (frames, random, donors) => [...frames, ...pick(random, donors).slice(0, 200)],
  // the same connections from other ports and hosts
  (frames, random) => frames.flatMap((f) => [f, { ...f, bytes: withByte(f.bytes, 26 + random(12), random(256)) }]),
];

const JUMPS = [1, 60, 7200, 86_400, 400 * 86_400, 0x7fff_ffff, -1, -60, -86_400];
const LINK_TYPES = [0, 1, 12, 50, 101, 105, 113, 127, 147, 228, 229, 239, 276, 65_535];

const without = (frames: readonly Frame[], at: number, count: number): Frame[] => [...frames.slice(0, at), ...frames.slice(at + count)];
const later = (frames: readonly Frame[], seconds: number): Frame[] => {
  const [first, last] = [frames[0]?.seconds ?? 0, frames.at(-1)?.seconds ?? 0];
  return frames.map((f) => ({ ...f, seconds: (f.seconds + last - first + seconds) >>> 0 }));
};
const spread = (frames: readonly Frame[], factor: number): Frame[] =>
  frames.map((f) => ({ ...f, seconds: Math.min(0xffff_ffff, frames[0]!.seconds + Math.abs(f.seconds - frames[0]!.seconds) * factor) }));

function from(frames: readonly Frame[], random: Random, change: (f: Frame) => Frame): Frame[] {
  const at = random(frames.length + 1);
  return frames.map((f, i) => (i < at ? f : change(f)));
}

function swapped(frames: readonly Frame[], random: Random): Frame[] {
  const out = [...frames];
  for (let n = random(1 + out.length); n > 0; n--) {
    const [a, b] = [random(out.length), random(out.length)];
    [out[a], out[b]] = [out[b]!, out[a]!];
  }
  return out;
}

function mixed(frames: readonly Frame[], others: readonly Frame[], random: Random): Frame[] {
  const share = 1 + random(4);
  let next = 0;
  return frames.flatMap((f) => {
    const other = others[next % others.length];
    if (other === undefined || random(share) > 0) return [f];
    next++;
    return [f, { ...other, seconds: f.seconds, nanos: f.nanos }];
  });
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  if (at >= bytes.length) return bytes;
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

/** What lengths, offsets, counters and sequence numbers are at the edges of their range. */
const EDGES = [
  0, 1, 2, 3, 4, 5, 7, 8, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/** Writes a value of one, two or four octets, or moves the one that is there by a little. */
function bendField(bytes: Uint8Array, at: number, size: 1 | 2 | 4, random: Random): void {
  if (at < 0 || at + size > bytes.length) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
  const value = pick(random, [
    () => pick(random, EDGES),
    () => read + random(9) - 4,
    () => random(0x1_0000) * 0x1_0000 + random(0x1_0000),
    () => read ^ (1 << random(size * 8)),
  ])();
  if (size === 1) view.setUint8(at, value);
  else if (size === 2) view.setUint16(at, value);
  else view.setUint32(at, value >>> 0);
}

type FieldAt = readonly [at: number, size: 1 | 2 | 4];
const IPV4: readonly FieldAt[] = [[0, 1], [1, 1], [2, 2], [4, 2], [6, 2], [8, 1], [9, 1], [12, 4], [16, 4]]; // prettier-ignore
const IPV6: readonly FieldAt[] = [[0, 4], [4, 2], [6, 1], [7, 1], [8, 4], [20, 4], [24, 4], [36, 4]]; // prettier-ignore
const TCP: readonly FieldAt[] = [[0, 2], [2, 2], [4, 4], [8, 4], [12, 1], [13, 1], [13, 1], [14, 2], [18, 2], [20, 1], [21, 1], [22, 2], [24, 4]]; // prettier-ignore
const UDP: readonly FieldAt[] = [[0, 2], [2, 2], [4, 2], [8, 2], [10, 2], [12, 2], [14, 2], [16, 2], [20, 1]]; // prettier-ignore
const ICMP: readonly FieldAt[] = [[0, 1], [1, 1], [4, 4], [8, 1], [10, 2], [16, 2]]; // prettier-ignore

const decoder = new Decoder();
const packet = new Packet();

/** One field of one of its headers changed, or its payload replaced by what an attacker would send. */
function bentFrame({ linkType, origLen, bytes }: Frame, random: Random): Uint8Array {
  const copy = bytes.slice();
  if (copy.length === 0) return copy;
  decoder.decode(packet, linkType, new DataView(copy.buffer), 0, copy.length, origLen);
  const { layer, ipVersion, ipAt, transportAt, payloadAt } = packet;
  const field = (base: number, fields: readonly FieldAt[]): void => {
    const [at, size] = pick(random, fields);
    bendField(copy, base + at, size, random);
  };
  if (layer >= Layer.IP && ipVersion > 0 && random(3) === 0) field(ipAt, ipVersion === 4 ? IPV4 : IPV6);
  else if (layer === Layer.TCP && random(4) > 0) field(transportAt, TCP);
  else if (layer === Layer.UDP && random(4) > 0) field(transportAt, UDP);
  else if (layer === Layer.ICMP && random(4) > 0) field(transportAt, ICMP);
  else if (layer >= Layer.TCP && payloadAt < copy.length) copy.set(words(random).subarray(0, copy.length - payloadAt), payloadAt);
  else bendField(copy, random(copy.length), pick(random, [1, 2, 4]), random);
  return copy;
}

/** Lengths and links of the container itself: its header and those of its records. */
function bentContainer({ container, bytes, starts }: Made, random: Random): Made {
  const copy = bytes.slice();
  for (let n = 1 + random(3); n > 0; n--) {
    const start = random(3) === 0 ? 0 : (starts[random(starts.length)] ?? 0);
    bendField(copy, start + 4 * random(9) + random(4) * random(2), pick(random, [1, 2, 4]), random);
  }
  return { container, bytes: copy, starts };
}

function bentBytes({ container, bytes, starts }: Made, random: Random): Made {
  let out: Uint8Array = bytes.slice();
  for (let n = 1 + random(6); n > 0 && out.length > 0; n--) {
    const at = random(out.length);
    switch (random(8)) {
      case 0:
        out = out.slice(0, at);
        break;
      case 1:
        out = join(out.subarray(0, at), out.subarray(at + 1 + random(64)));
        break;
      case 2:
        out = join(
          out.subarray(0, at),
          Uint8Array.from({ length: random(64) }, () => random(256)),
          out.subarray(at),
        );
        break;
      case 3:
        out = join(out.subarray(0, at), out.subarray(Math.max(0, at - random(5000))));
        break;
      case 4:
        out.fill(pick(random, [0, 0xff]), at, at + random(300));
        break;
      default:
        out[at]! ^= 1 << random(8);
    }
  }
  return { container, bytes: out, starts };
}
