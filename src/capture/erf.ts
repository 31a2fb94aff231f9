/**
 * ERF, Endace's Extensible Record Format: records one after the other, each with its own type, and nothing before them.
 *
 * There is no magic number, so a file is ERF when its first records are all of them plausible and follow each other in time.
 * A packet gets the link type of what is in its record; a record of anything else (metadata, ATM cells, counters) is delivered
 * whole as LINKTYPE_ERF, so that frames are numbered as in Wireshark. Padding is no frame there either.
 * Format: Endace "ERF Types Reference Guide"; Wireshark wiretap/erf.c, libpcap pcap-dag.c.
 */
import { plural } from '../model/wording.ts';
import type { RawRecord } from './reader.ts';
import { RecordReader } from './record-reader.ts';
import type { LengthAt } from './search.ts';

/** Timestamp (8, little-endian), type, flags, record length, loss counter or color, wire length. */
const HEADER = 16; // octets
const EXTENSION = 8;
/** Of the type: an extension header follows; of an extension header's first octet: another one does. */
const MORE = 0x80;
const TYPE_MASK = 0x7f;
/** Of the flags: the bit that must be zero; the others that matter are those of the port. */
const FLAG_RESERVED = 0x80;
const PORTS = 8;
/** Bits 0 and 1 of the flags, and bit 6 on newer cards. */
const portOf = (flags: number): number => (flags & 3) | ((flags >>> 4) & 4);

const PAD = 48;
const META = 27;
const LINKTYPE_ERF = 197;
const LINKTYPE_IPV4 = 228;
const LINKTYPE_IPV6 = 229;

interface Kind {
  readonly linkType: number;
  /** Octets between the header and the frame: offset and pad for Ethernet, channel for multi-channel cards. */
  readonly before: number;
  /** The header's loss counter is one; a color otherwise. */
  readonly counts: boolean;
}

const kind = (linkType: number, before: number, counts = true): Kind => ({ linkType, before, counts });
const ETHERNET = 1;
/** PPP or Cisco's protocol in HDLC framing. */
const HDLC = 50;
/** What is not in here is no packet, or none that has a link type. */
const KINDS: Readonly<Record<number, Kind>> = {
  1: kind(HDLC, 0),
  2: kind(ETHERNET, 2),
  5: kind(HDLC, 4),
  10: kind(HDLC, 0, false),
  11: kind(ETHERNET, 2, false),
  15: kind(HDLC, 0, false),
  16: kind(ETHERNET, 2, false),
  17: kind(HDLC, 4, false),
  19: kind(HDLC, 0, false),
  20: kind(ETHERNET, 2, false),
  22: kind(LINKTYPE_IPV4, 0),
  23: kind(LINKTYPE_IPV6, 0),
};
const OTHER = kind(LINKTYPE_ERF, 0, false);
const KIND_BY_TYPE: readonly Kind[] = Array.from({ length: TYPE_MASK + 1 }, (_, type) => KINDS[type] ?? OTHER);

/** Types 32 to 47 are for local use and reach no file; 0 was another format. */
const isKnown = (type: number): boolean => (type > 0 && type < 32) || type === PAD;

/** Records that must be plausible, where the file has so many. */
const PROOF = 4;
/** Epoch seconds, 1995-01-01: Endace's cards are younger. */
const FIRST_SECOND = 788_918_400;
/** Seconds. Ports of a card are not merged in strict order; and no trace is silent for a year. */
const MAX_STEP_BACK = 1;
const MAX_STEP = 365 * 86_400;

/**
 * How many octets from the start of a file it takes to know it for ERF, as far as `head` shows; 0 when it is not.
 * Damage behind the first records is not looked at: that is for the reader to tell.
 */
export function octetsToTellErf(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  let at = 0;
  let last = 0;
  for (let i = 0; i < PROOF; i++) {
    if (at + HEADER > head.length) return at + HEADER;
    const seconds = view.getUint32(at + 4, true);
    if (!isPlausible(view, at) || !isPlausibleTime(view, at, seconds, last)) return 0;
    if (seconds !== 0) last = seconds;
    at += view.getUint16(at + 10);
  }
  return head.length;
}

function isPlausible(view: DataView, at: number): boolean {
  const type = view.getUint8(at + 8) & TYPE_MASK;
  const extensions = (view.getUint8(at + 8) & MORE) === 0 ? 0 : EXTENSION;
  const least = HEADER + extensions + KIND_BY_TYPE[type]!.before;
  return isKnown(type) && (view.getUint8(at + 9) & FLAG_RESERVED) === 0 && view.getUint16(at + 10) >= least;
}

/** Padding has no time, and metadata that a program made up may have none. */
function mayLackTime(view: DataView, at: number): boolean {
  const type = view.getUint8(at + 8) & TYPE_MASK;
  return type === PAD || type === META;
}

/** `last`: of the record before, 0 without one. */
function isPlausibleTime(view: DataView, at: number, seconds: number, last: number): boolean {
  if (seconds === 0) return mayLackTime(view, at);
  const step = last === 0 ? 0 : seconds - last;
  return seconds >= FIRST_SECOND && step >= -MAX_STEP_BACK && step <= MAX_STEP;
}

/** Is this the start of an ERF file, or the whole of one? A file that ends early must hold its first record whole. */
export function isErf(head: Uint8Array): boolean {
  const wanted = octetsToTellErf(head);
  return wanted > 0 && head.length >= HEADER && (head.length >= wanted || head.length >= recordLength(head));
}

const recordLength = (head: Uint8Array): number => (head[10]! << 8) | head[11]!;

export class ErfReader extends RecordReader {
  readonly format = 'ERF';
  reportedDrops = 0;

  /** Position in `interfaces` of a port of the card, for each link type that its records have. */
  readonly #ports = new Int32Array((LINKTYPE_IPV6 + 1) * PORTS).fill(-1);
  #lastSeconds = 0;
  #lastNanos = 0;

  next(record: RawRecord): boolean {
    const { window } = this;
    for (;;) {
      if (!this.reading && !this.ready()) return false;
      if (window.owed > 0) return false; // padding that has not come yet
      if (window.end - window.at < HEADER && !window.gather(HEADER)) return false;
      const type = window.view.getUint8(window.at + 8) & TYPE_MASK;
      const length = window.view.getUint16(window.at + 10);
      if (!isKnown(type)) {
        this.lose(record, `packet ${this.records + 1} has the record type ${type}, which ERF does not have`);
      } else if (length < HEADER) {
        this.lose(record, `packet ${this.records + 1} claims a record of ${length} bytes, less than its header`);
      } else if (type === PAD) {
        if (!window.skip(length)) return false;
      } else {
        if (window.end - window.at < length && !window.gather(length)) return false;
        this.#deliver(record, KIND_BY_TYPE[type]!, length);
        window.at += length;
        return true;
      }
    }
  }

  protected unfinished(): string | null {
    const { left, owed } = this.window;
    if (owed > 0) return `the file ends inside the padding after packet ${this.records}; ${plural(owed, 'byte')} of it missing`;
    if (left < HEADER) return this.cutShort(HEADER);
    return `packet ${this.records + 1} is cut short: only ${plural(left, 'byte')} of its record`;
  }

  /** There is none. */
  protected readFileHeader(): boolean {
    this.reading = true;
    return true;
  }

  protected readonly lengthAt: LengthAt = (window, at, first) => {
    if (at + HEADER > window.end) return -HEADER;
    const { view } = window;
    if (!isPlausible(view, at)) return 0;
    const seconds = view.getUint32(at + 4, true);
    // What has no time fills up: it may stand between records, and proves nothing at their beginning.
    if (seconds === 0 ? first || !mayLackTime(view, at) : !this.followsInTime(seconds, first)) return 0;
    return view.getUint16(at + 10);
  };

  /** The whole record is in the window. */
  #deliver(record: RawRecord, { linkType, before, counts }: Kind, length: number): void {
    const { view, at } = this.window;
    this.#readTime(record, view.getUint32(at + 4, true), view.getUint32(at, true));
    if (counts) this.reportedDrops += view.getUint16(at + 12);
    const port = this.#interfaceOf(portOf(view.getUint8(at + 9)), linkType);
    if (linkType === LINKTYPE_ERF) {
      this.fill(record, 0, linkType, port, length, length);
      return;
    }
    const start = Math.min(this.#extensionsEnd(length) + before, length);
    const wireLength = view.getUint16(at + 14);
    // Records are padded to a multiple of eight octets, so the wire length says where the frame ends.
    this.fill(record, start, linkType, port, Math.min(wireLength, length - start), wireLength);
  }

  /** Octets of the header with its extensions. */
  #extensionsEnd(length: number): number {
    const { view, at } = this.window;
    let end = HEADER;
    let more = (view.getUint8(at + 8) & MORE) !== 0;
    while (more) {
      if (end + EXTENSION > length) {
        this.odd.add('extensions', () => `the extension headers of packet ${this.records + 1} run past its record`);
        return length;
      }
      more = (view.getUint8(at + end) & MORE) !== 0;
      end += EXTENSION;
    }
    return end;
  }

  /** 32 bits of seconds, 32 bits of fraction. Rounded to nanoseconds; the product needs 53 bits, so it is exact. */
  #readTime(record: RawRecord, seconds: number, fraction: number): void {
    record.hasTime = seconds !== 0;
    if (record.hasTime) {
      const nanos = Math.round((fraction * 1e9) / 0x1_0000_0000);
      this.#lastSeconds = nanos === 1e9 ? seconds + 1 : seconds;
      this.#lastNanos = nanos === 1e9 ? 0 : nanos;
    }
    record.seconds = this.#lastSeconds;
    record.nanos = this.#lastNanos;
  }

  #interfaceOf(port: number, linkType: number): number {
    const at = linkType * PORTS + port;
    if (this.#ports[at]! < 0) this.#ports[at] = this.interfaces.push({ linkType, snapLen: 0, name: null }) - 1;
    return this.#ports[at]!;
  }
}
