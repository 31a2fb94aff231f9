/**
 * pcapng: sections in either byte order, interfaces with their own link type and clock, all packet blocks; what says nothing
 * about packets, interfaces, time, loss or the names of hosts (secrets, custom blocks) is passed over unread.
 *
 * Lax about options, which are decoration; strict about block lengths, which are all that marks where the next block begins.
 * A bad length is damage, as it is for tshark and libpcap, unless `search.ts` finds where blocks follow each other again.
 * Format: draft-ietf-opsawg-pcapng; the obsolete Packet Block: its appendix A.
 */
import { ipv4Text, ipv6Text } from '../model/address.ts';
import { sanitise } from '../model/sanitise.ts';
import { Direction } from '../model/vantage.ts';
import { plural } from '../model/wording.ts';
import { IfOption, int64, NameRecord, PacketOption, padded, readOptions, StatsOption, uint64 } from './pcapng-options.ts';
import { DEFAULT_RESOLUTION, TimeUnit } from './pcapng-time.ts';
import type { CaptureInterface, CaptureName, Place, RawRecord } from './reader.ts';
import { RecordReader } from './record-reader.ts';
import type { LengthAt } from './search.ts';

const Block = { SECTION: 0x0a0d0d0a, INTERFACE: 1, PACKET: 2, SIMPLE_PACKET: 3, NAMES: 4, STATISTICS: 5, ENHANCED_PACKET: 6 } as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Octets: type, length, and the length again at the end. */
const BLOCK_FRAME = 12;
/** Octets up to the packet's bytes, and the length after them. */
const SIMPLE_HEADER = 12;
const PACKET_HEADER = 28;
const TRAILER = 4;
/** Octets of the shortest valid section header. */
const MIN_SECTION = 28;

/** Shortest valid block of a type that we read; 0: one that we pass over. */
function minLength(type: number): number {
  switch (type) {
    case Block.ENHANCED_PACKET:
    case Block.PACKET:
      return 32;
    case Block.SIMPLE_PACKET:
      return 16;
    case Block.INTERFACE:
      return 20;
    case Block.STATISTICS:
      return 24;
    case Block.SECTION:
      return MIN_SECTION;
    default:
      return 0;
  }
}

/** Octets of a block that we hold as a whole; far above any frame with its options, and what bounds our memory. */
const MAX_BLOCK = 16 * 1024 * 1024;
/** Octets of a block that we pass over (decryption secrets); Wireshark's own limit is of this size. */
const MAX_SKIPPED_BLOCK = 128 * 1024 * 1024;
/** Names, the systemd journal, decryption secrets, custom blocks: common enough between packets. */
const PASSED_OVER: readonly number[] = [4, 9, 10, 0x0000_0bad, 0x4000_0bad];
/** Octets of a block that is taken for one behind damage: a frame of the largest snap length, and options. */
const MAX_CHAINED_BLOCK = 512 * 1024;
/** Descriptions over all sections; a 16-bit id was once all the format had. */
const MAX_INTERFACES = 65_536;
/** Octets of a name resolution block that is read; a larger one is passed over. */
const MAX_NAMES_BLOCK = 1024 * 1024;
/** Names kept of a file. */
const MAX_NAMES = 4_096;
/** Octets: RFC 1035 §2.3.4 allows no longer names, so that what is longer is none, and would only be held. */
const LONGEST_NAME = 255;
/** Characters kept of if_name. */
const MAX_NAME = 100;

interface Interface {
  /** In `interfaces`, over all sections. */
  readonly index: number;
  readonly linkType: number;
  readonly snapLen: number;
  readonly time: TimeUnit;
  /** Sum of epb_dropcount, and the newest isb_ifdrop + isb_osdrop: two tellings of the same loss. */
  packetDrops: number;
  statsDrops: number;
}

/** What a block behind a place is read by. The lists only grow: how much of them there was then is beside them. */
interface Known {
  readonly little: boolean;
  readonly section: readonly Interface[];
  readonly ofSection: number;
  readonly all: readonly Interface[];
  readonly interfaces: readonly CaptureInterface[];
  readonly ofAll: number;
}

/** Why a file that begins like a section header cannot be read; null when it can. */
export function refusePcapng(head: Uint8Array): string | null {
  if (head.length < MIN_SECTION) return `the file ends inside the pcapng section header, after ${head.length} bytes`;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const little = view.getUint32(8, true) === BYTE_ORDER_MAGIC;
  if (!little && view.getUint32(8, false) !== BYTE_ORDER_MAGIC) return 'it begins like pcapng, but its byte-order mark is damaged';
  return refuseVersion(view, 12, little);
}

/** 1.0; some writers of it said 1.2 (draft-ietf-opsawg-pcapng, "Section Header Block"). */
function refuseVersion(view: DataView, at: number, little: boolean): string | null {
  const major = view.getUint16(at, little);
  const minor = view.getUint16(at + 2, little);
  return major === 1 && (minor === 0 || minor === 2) ? null : `pcapng version ${major}.${minor} is not supported, only version 1.0`;
}

export class PcapngReader extends RecordReader {
  readonly format = 'pcapng';
  readonly names: CaptureName[] = [];

  /** Of the section being read; ids in its blocks index it. */
  #section: Interface[] = [];
  readonly #all: Interface[] = [];
  #known: Known | null = null;
  #little = true;
  #sawSection = false;
  /** Byte order in the chain of blocks that is being looked at. */
  #chainLittle = true;
  #lastSeconds = 0;
  #lastNanos = 0;
  #direction: Direction = Direction.UNKNOWN;

  get reportedDrops(): number {
    return this.#all.reduce((sum, i) => sum + Math.max(i.packetDrops, i.statsDrops), 0);
  }

  next(record: RawRecord): boolean {
    const { window } = this;
    for (;;) {
      if (!this.reading && !this.ready()) return false;
      if (window.owed > 0) return false; // of a block that is passed over
      if (window.end - window.at < BLOCK_FRAME && !window.gather(BLOCK_FRAME)) return false;
      const type = window.view.getUint32(window.at, this.#little);
      if (type === Block.SECTION && !this.#readByteOrder()) return false;
      const length = window.view.getUint32(window.at + 4, this.#little);
      // Decoration, like options: one that is too large to be held is passed over.
      const least = type === Block.NAMES && length <= MAX_NAMES_BLOCK ? BLOCK_FRAME : minLength(type);
      if (length % 4 !== 0 || length < Math.max(least, BLOCK_FRAME) || length > (least > 0 ? MAX_BLOCK : MAX_SKIPPED_BLOCK)) {
        this.#lost(record, badLength(type, length, least));
        continue;
      }
      if (least === 0) {
        if (!window.skip(length)) return false;
        continue;
      }
      if (window.end - window.at < length && !window.gather(length)) return false;
      const { at, view } = window;
      if (view.getUint32(at + length - TRAILER, this.#little) !== length) {
        this.#lost(
          record,
          `a block of ${length} bytes ends with a different length, ${view.getUint32(at + length - TRAILER, this.#little)}`,
        );
        continue;
      }
      const isPacket = this.#readBlock(type, length, record);
      if (this.damage !== null) return false;
      window.at = at + length;
      if (isPacket) return true;
    }
  }

  ahead(places: Int32Array): number {
    const { view, end } = this.window;
    let { at } = this.window;
    let n = 0;
    while (n < places.length && end - at >= minLength(Block.ENHANCED_PACKET)) {
      const length = view.getUint32(at + 4, this.#little);
      if (view.getUint32(at, this.#little) !== Block.ENHANCED_PACKET || length === 0 || length > end - at) break;
      places[n++] = at + PACKET_HEADER;
      at += length;
    }
    return n;
  }

  place(): Place<Known> {
    let known = this.#known;
    if (known?.section !== this.#section || known.ofSection !== this.#section.length)
      known = this.#known = {
        little: this.#little,
        section: this.#section,
        ofSection: this.#section.length,
        all: this.#all,
        interfaces: this.interfaces,
        ofAll: this.#all.length,
      };
    return { offset: this.window.offset, records: this.records, seconds: this.#lastSeconds, nanos: this.#lastNanos, known };
  }

  override resume(from: Place<Known>): void {
    super.resume(from);
    const { little, section, ofSection, all, interfaces, ofAll } = from.known;
    this.#little = little;
    this.#sawSection = true;
    this.#lastSeconds = from.seconds;
    this.#lastNanos = from.nanos;
    // Drops are counted into what is described: each reading needs its own. Those of sections that are over are not read any more.
    this.#section = section.slice(0, ofSection).map((described) => ({ ...described }));
    for (let i = this.#all.length; i < ofAll; i++) {
      this.#all.push(all[i]!);
      this.interfaces.push(interfaces[i]!);
    }
  }

  protected unfinished(): string | null {
    const { left, owed, view, at } = this.window;
    if (owed > 0) return `the file ends inside a block; ${plural(owed, 'byte')} of it missing`;
    if (!this.#sawSection) return 'the file ends inside the section header';
    if (left < 8) return left === 0 ? null : `only ${plural(left, 'byte')} of a block after packet ${this.records}`;
    const type = view.getUint32(at, this.#little);
    const isPacket = type === Block.ENHANCED_PACKET || type === Block.SIMPLE_PACKET || type === Block.PACKET;
    const what = isPacket ? `packet ${this.records + 1}` : `the block after packet ${this.records}`;
    return `${what} is cut short: only ${plural(left, 'byte')} of its block`;
  }

  /** A block like others. */
  protected readFileHeader(): boolean {
    this.reading = true;
    return true;
  }

  /** A section header looks the same in both byte orders until its third word. */
  #readByteOrder(): boolean {
    const { view, at } = this.window;
    if (view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) this.#little = true;
    else if (view.getUint32(at + 8, false) === BYTE_ORDER_MAGIC) this.#little = false;
    else return this.fail('a section header without its byte-order mark');
    return true;
  }

  /** True when the block was a packet. */
  #readBlock(type: number, length: number, record: RawRecord): boolean {
    const little = this.#little;
    const { view, at } = this.window;
    switch (type) {
      case Block.ENHANCED_PACKET:
        return this.#readPacket(view.getUint32(at + 8, little), 0, length, record);
      case Block.PACKET: {
        const drops = view.getUint16(at + 10, little);
        return this.#readPacket(view.getUint16(at + 8, little), drops === 0xffff ? 0 : drops, length, record); // 0xffff: not known
      }
      case Block.SIMPLE_PACKET:
        return this.#readSimplePacket(length, record);
      case Block.INTERFACE:
        return this.#readInterface(length);
      case Block.STATISTICS:
        return this.#readStatistics(length);
      case Block.NAMES:
        return this.#readNames(length);
      default:
        return this.#readSection();
    }
  }

  /** Enhanced and obsolete packets differ in their third word only. */
  #readPacket(id: number, drops: number, length: number, record: RawRecord): boolean {
    const window = this.window;
    const { view, at } = window;
    const little = this.#little;
    const from = this.#section[id];
    if (from === undefined) return this.#noInterface(id, length);
    const capLen = view.getUint32(at + 20, little);
    const origLen = view.getUint32(at + 24, little);
    const room = length - PACKET_HEADER - TRAILER;
    if (capLen > room) {
      this.leaveOut(`packet ${this.records + 1} claims ${capLen} captured bytes; its block has room for ${room}`, length);
      return false;
    }
    from.time.split(view.getUint32(at + 12, little), view.getUint32(at + 16, little));
    this.#lastSeconds = from.time.seconds;
    this.#lastNanos = from.time.nanos;
    record.hasTime = true;
    from.packetDrops += drops;
    const optionsAt = PACKET_HEADER + padded(capLen);
    this.#direction = Direction.UNKNOWN;
    if (optionsAt < length - TRAILER) this.#readPacketOptions(from, at + optionsAt, at + length - TRAILER);
    this.#deliver(record, from, PACKET_HEADER, capLen, origLen);
    record.direction = this.#direction;
    return true;
  }

  /** Where its block ends is certain, so that it alone is lost. */
  #noInterface(id: number, length: number): false {
    this.leaveOut(`packet ${this.records + 1} belongs to interface ${id}, which the section has not described`, length);
    return false;
  }

  /** Always of interface 0; captured length is what interface 0's snap length left of the original. */
  #readSimplePacket(length: number, record: RawRecord): boolean {
    const { view, at } = this.window;
    const from = this.#section[0];
    if (from === undefined) return this.#noInterface(0, length);
    const origLen = view.getUint32(at + 8, this.#little);
    const room = length - SIMPLE_HEADER - TRAILER;
    const capLen = Math.min(origLen, room, from.snapLen === 0 ? room : from.snapLen);
    record.hasTime = false;
    this.odd.add('no time', () => `packet ${this.records + 1} has no timestamp (Simple Packet Block)`);
    this.#deliver(record, from, SIMPLE_HEADER, capLen, origLen);
    return true;
  }

  #deliver(record: RawRecord, from: Interface, header: number, capLen: number, origLen: number): void {
    if (capLen > origLen) this.warnCaptured(capLen, origLen);
    record.seconds = this.#lastSeconds;
    record.nanos = this.#lastNanos;
    this.fill(record, header, from.linkType, from.index, capLen, Math.max(capLen, origLen));
  }

  #readPacketOptions(from: Interface, at: number, end: number): void {
    const { view } = this.window;
    const good = readOptions(view, at, end, this.#little, (code, valueAt, length) => {
      if (code === PacketOption.DROPCOUNT && length === 8) from.packetDrops += uint64(view, valueAt, this.#little);
      else if (code === PacketOption.FLAGS && length === 4) this.#direction = directionOf(view.getUint32(valueAt, this.#little));
    });
    if (!good) this.#warnOptions();
  }

  #readSection(): false {
    const { view, at } = this.window;
    const refused = refuseVersion(view, at + 12, this.#little);
    if (refused !== null) return this.fail(refused);
    this.#section = []; // ids count from 0 again in every section
    this.#sawSection = true;
    return false;
  }

  #readInterface(length: number): false {
    const { view, at } = this.window;
    const little = this.#little;
    if (this.#all.length >= MAX_INTERFACES) return this.fail(`more than ${MAX_INTERFACES} interfaces are described`);
    let resolution = DEFAULT_RESOLUTION;
    let offset = 0;
    let name: string | null = null;
    const good = readOptions(view, at + 16, at + length - TRAILER, little, (code, valueAt, size) => {
      if (code === IfOption.TSRESOL && size === 1) resolution = view.getUint8(valueAt);
      else if (code === IfOption.TSOFFSET && size === 8) offset = int64(view, valueAt, little);
      else if (code === IfOption.NAME) name = this.#text(valueAt, size);
    });
    if (!good) this.#warnOptions();
    const linkType = view.getUint16(at + 8, little);
    const snapLen = view.getUint32(at + 12, little);
    const described = { index: this.#all.length, linkType, snapLen, time: new TimeUnit(resolution, offset), packetDrops: 0, statsDrops: 0 };
    this.interfaces.push({ linkType, snapLen, name });
    this.#section.push(described);
    this.#all.push(described);
    return false;
  }

  #readStatistics(length: number): false {
    const { view, at } = this.window;
    const little = this.#little;
    const of = this.#section[view.getUint32(at + 8, little)];
    if (of === undefined) return false; // statistics of an interface that has no packets either
    let drops = 0;
    const good = readOptions(view, at + 20, at + length - TRAILER, little, (code, valueAt, size) => {
      if (size !== 8) return;
      if (code === StatsOption.IFDROP || code === StatsOption.OSDROP) drops += uint64(view, valueAt, little);
      else if (code === StatsOption.ENDTIME) this.#noteEnd(of.time, view.getUint32(valueAt, little), view.getUint32(valueAt + 4, little));
    });
    if (!good) this.#warnOptions();
    of.statsDrops = drops;
    return false;
  }

  /** Records laid out like options: an address, then its names, each ended by a zero octet. */
  #readNames(length: number): false {
    const { view, at, bytes } = this.window;
    // What runs past the block's end names nothing, and nothing else hangs on it.
    readOptions(view, at + 8, at + length - TRAILER, this.#little, (type, valueAt, size) => {
      const octets = type === NameRecord.IPV4 ? 4 : type === NameRecord.IPV6 ? 16 : 0;
      if (octets === 0 || size <= octets) return;
      const ip = octets === 4 ? ipv4Text(view.getInt32(valueAt)) : ipv6Text(bytes, valueAt);
      const text = bytes.subarray(valueAt + octets, valueAt + size);
      for (let from = 0; from < text.length && this.names.length < MAX_NAMES;) {
        const zero = text.indexOf(0, from);
        const to = zero < 0 ? text.length : zero;
        const name = text.subarray(from, to);
        if (name.length > 0 && name.length <= LONGEST_NAME) this.names.push({ ip, name: new TextDecoder().decode(name) });
        from = to + 1;
      }
    });
    return false;
  }

  #noteEnd(time: TimeUnit, high: number, low: number): void {
    time.split(high, low);
    const { seconds, nanos } = time;
    const known = this.endTime;
    if (known === null || seconds > known.seconds || (seconds === known.seconds && nanos > known.nanos)) this.endTime = { seconds, nanos };
  }

  #text(at: number, length: number): string {
    const bytes = this.window.bytes.subarray(at, at + Math.min(length, MAX_NAME * 4));
    return sanitise(new TextDecoder().decode(bytes).replace(/\0+$/, ''), MAX_NAME);
  }

  #warnOptions(): void {
    const { offset } = this.window;
    this.odd.add('options', () => `the options of the block at offset ${offset} run past its end; they were ignored from there`);
  }

  /** Nothing but its length says where the next block begins: it is looked for, once there is a section that it can belong to. */
  #lost(record: RawRecord, what: string): void {
    if (this.#sawSection) this.lose(record, what);
    else this.fail(what);
  }

  protected readonly lengthAt: LengthAt = (window, at, first) => {
    if (at + BLOCK_FRAME > window.end) return -BLOCK_FRAME;
    const { view } = window;
    if (first) this.#chainLittle = this.#little;
    const isSection = view.getUint32(at) === Block.SECTION;
    if (isSection) {
      if (view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) this.#chainLittle = true;
      else if (view.getUint32(at + 8, false) === BYTE_ORDER_MAGIC) this.#chainLittle = false;
      else return 0;
    }
    const little = this.#chainLittle;
    const least = minLength(view.getUint32(at, little));
    const length = view.getUint32(at + 4, little);
    if (
      (least === 0 && !PASSED_OVER.includes(view.getUint32(at, little))) ||
      length % 4 !== 0 ||
      length < Math.max(least, BLOCK_FRAME) ||
      length > MAX_CHAINED_BLOCK
    )
      return 0;
    if (at + length > window.end) return -length;
    return view.getUint32(at + length - TRAILER, little) === length ? length : 0;
  };
}

function badLength(type: number, length: number, least: number): string {
  if (length % 4 !== 0) return `block length ${length} is not a multiple of 4`;
  const kind = `type 0x${type.toString(16)}`;
  if (length < Math.max(least, BLOCK_FRAME)) return `block length ${length} is too short for a block of ${kind}`;
  return `block length ${length} is longer than any block of ${kind} can be`;
}

/** Bits 0 and 1 of epb_flags and pack_flags: 01 inbound, 10 outbound. */
function directionOf(flags: number): Direction {
  const bits = flags & 3;
  return bits === Direction.INBOUND || bits === Direction.OUTBOUND ? bits : Direction.UNKNOWN;
}
