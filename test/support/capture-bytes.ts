/**
 * Capture files byte by byte, for tests: classic pcap in every variant, pcapng block by block, snoop and ERF record by record.
 * Written from the format drafts and not from our readers, so that the two can disagree.
 */

export interface PcapShape {
  readonly bigEndian?: boolean;
  /** As a big-endian file shows it: a1b2c3d4 microseconds, a1b23c4d nanoseconds, a1b2cd34 modified. */
  readonly magic?: number;
  readonly version?: readonly [major: number, minor: number];
  readonly snapLen?: number;
  readonly linkType?: number;
}

export interface PcapRecord {
  readonly seconds?: number;
  /** In the file's own unit. */
  readonly fraction?: number;
  readonly bytes?: Uint8Array;
  /** Where a header should lie about the bytes. */
  readonly capLen?: number;
  readonly origLen?: number;
}

export const MODIFIED = 0xa1b2cd34;
export const NANOSECONDS = 0xa1b23c4d;

export function pcapFile(shape: PcapShape, records: readonly PcapRecord[]): Uint8Array {
  const { bigEndian = false, magic = 0xa1b2c3d4, version = [2, 4], snapLen = 262_144, linkType = 1 } = shape;
  const w = words(bigEndian);
  const header = join(w.u32(magic), w.u16(version[0], version[1]), w.u32(0, 0, snapLen, linkType));
  const extra = magic === MODIFIED ? new Uint8Array(8).fill(0xee) : new Uint8Array(0);
  return join(
    header,
    ...records.map(({ seconds = 0, fraction = 0, bytes = new Uint8Array(0), capLen = bytes.length, origLen = bytes.length }) =>
      join(w.u32(seconds, fraction, capLen, origLen), extra, bytes),
    ),
  );
}

export const pcapngFile = (blocks: readonly Uint8Array[]): Uint8Array => join(...blocks);

export type Option = readonly [code: number, value: Uint8Array];

/** The blocks of a section in one byte order. */
export function section(bigEndian = false) {
  const w = words(bigEndian);
  const options = (list: readonly Option[]): Uint8Array =>
    list.length === 0
      ? new Uint8Array(0)
      : join(...list.map(([code, value]) => join(w.u16(code, value.length), padded(value))), w.u16(0, 0));
  const block = (type: number, ...parts: Uint8Array[]): Uint8Array => {
    const body = join(...parts);
    return join(w.u32(type, body.length + 12), body, w.u32(body.length + 12));
  };
  return {
    ...w,
    block,
    header: (version: readonly [number, number] = [1, 0], list: readonly Option[] = []): Uint8Array =>
      block(0x0a0d0d0a, w.u32(0x1a2b3c4d), w.u16(...version), w.u32(0xffffffff, 0xffffffff), options(list)),
    interface: (linkType = 1, snapLen = 262_144, list: readonly Option[] = []): Uint8Array =>
      block(1, w.u16(linkType, 0), w.u32(snapLen), options(list)),
    packet: (id: number, time: bigint, bytes: Uint8Array, { origLen = bytes.length, list = [] as readonly Option[] } = {}): Uint8Array =>
      block(6, w.u32(id, high(time), low(time), bytes.length, origLen), padded(bytes), options(list)),
    simplePacket: (bytes: Uint8Array, origLen = bytes.length): Uint8Array => block(3, w.u32(origLen), padded(bytes)),
    obsoletePacket: (id: number, drops: number, time: bigint, bytes: Uint8Array): Uint8Array =>
      block(2, w.u16(id, drops), w.u32(high(time), low(time), bytes.length, bytes.length), padded(bytes)),
    statistics: (id: number, list: readonly Option[]): Uint8Array => block(5, w.u32(id, 0, 0), options(list)),
    /** A name resolution block: addresses of 4 or 16 octets. */
    names: (records: readonly (readonly [address: Uint8Array, ...names: string[]])[]): Uint8Array =>
      block(
        4,
        options(
          records.map(([address, ...names]): Option => {
            const text = Buffer.from(names.map((name) => `${name}\0`).join(''));
            return [address.length === 4 ? 1 : 2, join(address, text)];
          }),
        ),
      ),
    /** A 64-bit time as blocks and isb_endtime write it: high word first in either byte order. */
    time: (time: bigint): Uint8Array => w.u32(high(time), low(time)),
    u64: (value: bigint): Uint8Array => {
      const view = new DataView(new ArrayBuffer(8));
      view.setBigUint64(0, BigInt.asUintN(64, value), !bigEndian);
      return new Uint8Array(view.buffer);
    },
  };
}

export interface SnoopRecord {
  readonly seconds?: number;
  readonly micros?: number;
  readonly bytes?: Uint8Array;
  readonly drops?: number;
  /** Octets behind the frame; up to a multiple of four unless told. */
  readonly padding?: number;
  /** Where a header should lie about the bytes. */
  readonly capLen?: number;
  readonly origLen?: number;
  readonly recordLength?: number;
}

/** RFC 1761. */
export function snoopFile(records: readonly SnoopRecord[], { version = 2, dataLink = 4 } = {}): Uint8Array {
  const w = words(true);
  return join(
    new TextEncoder().encode('snoop\0\0\0'),
    w.u32(version, dataLink),
    ...records.map(({ seconds = 0, micros = 0, bytes = new Uint8Array(0), drops = 0, ...lie }) => {
      const padding = lie.padding ?? -bytes.length & 3;
      const { capLen = bytes.length, origLen = bytes.length, recordLength = 24 + bytes.length + padding } = lie;
      return join(w.u32(origLen, capLen, recordLength, drops, seconds, micros), bytes, new Uint8Array(padding).fill(0xee));
    }),
  );
}

export interface ErfRecord {
  readonly seconds?: number;
  /** Of a second, in units of 2^-32. */
  readonly fraction?: number;
  readonly type?: number;
  readonly flags?: number;
  /** Loss counter or color. */
  readonly counter?: number;
  /** Eight octets each; the bit that says whether another follows is set here. */
  readonly extensions?: readonly Uint8Array[];
  /** Between the headers and the frame: two octets for Ethernet. */
  readonly before?: number;
  readonly bytes?: Uint8Array;
  readonly padding?: number;
  /** Where a header should lie about the bytes. */
  readonly recordLength?: number;
  readonly wireLength?: number;
}

/** Endace's "ERF Types Reference Guide": little-endian time, the rest big-endian. */
export function erfFile(records: readonly ErfRecord[]): Uint8Array {
  return join(...records.map(erfRecord));
}

function erfRecord(record: ErfRecord): Uint8Array {
  const { seconds = 1_700_000_000, fraction = 0, type = 2, flags = 4, counter = 0, extensions = [], before = 2 } = record;
  const { bytes = new Uint8Array(0), padding = 0 } = record;
  const chain = extensions.map((octets, i) => {
    const copy = octets.slice();
    copy[0]! |= i < extensions.length - 1 ? 0x80 : 0;
    return copy;
  });
  const body = join(...chain, new Uint8Array(before), bytes, new Uint8Array(padding).fill(0xee));
  return join(
    words(false).u32(fraction, seconds),
    Uint8Array.of(type | (extensions.length > 0 ? 0x80 : 0), flags),
    words(true).u16(record.recordLength ?? 16 + body.length, counter, record.wireLength ?? bytes.length),
    body,
  );
}

export const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

/** `length` bytes that differ from those of another `seed`. */
export const noise = (length: number, seed = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + 7) & 0xff);

/** The same bytes in chunks of `size`. */
export function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

const high = (time: bigint): number => Number(time >> 32n);
const low = (time: bigint): number => Number(time & 0xffff_ffffn);
const padded = (bytes: Uint8Array): Uint8Array => join(bytes, new Uint8Array(-bytes.length & 3));

function words(bigEndian: boolean) {
  const write = (size: 2 | 4, values: readonly number[]): Uint8Array => {
    const view = new DataView(new ArrayBuffer(values.length * size));
    values.forEach((v, i) => (size === 2 ? view.setUint16(i * 2, v, !bigEndian) : view.setUint32(i * 4, v, !bigEndian)));
    return new Uint8Array(view.buffer);
  };
  return { u16: (...values: number[]) => write(2, values), u32: (...values: number[]) => write(4, values) };
}
