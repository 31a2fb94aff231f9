/**
 * Classic pcap: both byte orders, microseconds, nanoseconds, the "modified" format with longer record headers, IXIA's, AIX's, and files
 * that were joined.
 *
 * Lax where the meaning is clear (versions 2.0 to 2.3, fractions above a second, lengths that contradict each other), strict where
 * guessing would invent packets: nothing marks the next record, so a length that no frame has ends reading unless `search.ts` finds
 * where records follow each other again.
 * Format: draft-ietf-opsawg-pcap; older variants: libpcap sf-pcap.c, Wireshark wiretap/libpcap.c.
 */
import { durationText } from '../model/wording.ts';
import type { Place, RawRecord } from './reader.ts';
import { isNear, RecordReader } from './record-reader.ts';
import type { LengthAt } from './search.ts';

const PCAP_FILE_HEADER = 24; // octets
/** IXIA's file headers end with the length of all records, which a capture that is still running does not know. */
const IXIA_FILE_HEADER = 28;
const RECORD_HEADER = 16;
/** Kuznetzov's kernel patch appended interface index, protocol and packet type (Wireshark: pcaprec_modified_hdr). */
const MODIFIED_RECORD_HEADER = 24;

/** Octets. Largest frame that libpcap writes for network link types (MAXIMUM_SNAPLEN in libpcap pcap-int.h). */
const MAX_FRAME = 262_144;
/** Octets. A header that declares a larger snap length (USB, D-Bus) is believed up to here, so the carry stays bounded. */
const MAX_DECLARED_FRAME = 16 * 1024 * 1024;

/** One record in so many. */
const RARE = 16;

/** Files that may have been joined. */
const MAX_JOINED = 1_000;

/** The upper bits hold the FCS length and NetBSD's address-family class (draft-ietf-opsawg-pcap, "LinkType"). */
const LINK_TYPE_MASK = 0xffff;

interface Variant {
  readonly name: string;
  readonly fileHeader: number;
  readonly recordHeader: number;
  readonly nanosPerUnit: number;
}

const MICROSECONDS: Variant = { name: 'pcap', fileHeader: PCAP_FILE_HEADER, recordHeader: RECORD_HEADER, nanosPerUnit: 1_000 };
const NANOSECONDS: Variant = { ...MICROSECONDS, name: 'pcap (nanoseconds)', nanosPerUnit: 1 };
/** By magic number as a file in its own byte order shows it. */
const VARIANTS: Readonly<Record<number, Variant>> = {
  0xa1b2c3d4: MICROSECONDS,
  0xa1b23c4d: NANOSECONDS,
  0xa1b2cd34: { ...MICROSECONDS, name: 'pcap (modified)', recordHeader: MODIFIED_RECORD_HEADER },
  0x1c0001ab: { ...MICROSECONDS, name: 'pcap (IXIA software)', fileHeader: IXIA_FILE_HEADER },
  0x1c0001ac: { ...NANOSECONDS, name: 'pcap (IXIA hardware)', fileHeader: IXIA_FILE_HEADER },
};
const AIX: Variant = { ...NANOSECONDS, name: 'pcap (AIX)' };
/** Version 2.2 with one of these is AIX's, which wrote RFC 1573 ifTypes: Ethernet, token ring, FDDI, loopback. */
const AIX_LINK_TYPES: Readonly<Record<number, number>> = { 6: 1, 9: 6, 15: 10, 24: 0 };
/** DG/UX's tcpdump wrote version 543.0, and the lengths as before 2.3. */
const DG_UX_VERSION = 543;

function variantOf(view: DataView, at: number): { readonly variant: Variant; readonly little: boolean } | null {
  for (const little of [true, false]) {
    const variant = VARIANTS[view.getUint32(at, little)];
    if (variant) return { variant, little };
  }
  return null;
}

/** Why a file that begins with a pcap magic number cannot be read; null when it can. */
export function refusePcap(head: Uint8Array): string | null {
  if (head.length < PCAP_FILE_HEADER) return `the file ends inside the pcap header, after ${head.length} of ${PCAP_FILE_HEADER} bytes`;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const little = variantOf(view, 0)?.little ?? true;
  const major = view.getUint16(4, little);
  return major === 2 || major === DG_UX_VERSION
    ? null
    : `pcap version ${major}.${view.getUint16(6, little)} is not supported, only version 2`;
}

/** What a record behind a place is judged by. */
interface Known {
  readonly odd: number;
}

export class PcapReader extends RecordReader {
  readonly reportedDrops = 0;

  #variant: Variant = MICROSECONDS;
  #little = true;
  #headerLength = RECORD_HEADER;
  #nanosPerUnit = 1_000;
  #unitsPerSecond = 1_000_000;
  #maxFrame = MAX_FRAME;
  #snapLen = 0xffffffff;
  #linkType = 0;
  #interface = -1;
  /** Before version 2.3 the two lengths stood the other way round; 2.3 itself exists both ways (libpcap sf-pcap.c). */
  #capLenAt = 8;
  #origLenAt = 12;
  #maybeSwapped = false;
  /** Records whose lengths or fraction cannot be: none or all, but for what is read out of step. */
  #odd = 0;
  #known: Known = { odd: 0 };

  get format(): string {
    return this.#variant.name;
  }

  next(record: RawRecord): boolean {
    if (!this.reading && !this.ready()) return false;
    const { window } = this;
    const header = this.#headerLength;
    if (window.end - window.at < header && !window.gather(header)) return false;
    const little = this.#little;
    let { view, at } = window;
    let capLen = view.getUint32(at + this.#capLenAt, little);
    let origLen = view.getUint32(at + this.#origLenAt, little);
    if (this.#maybeSwapped && capLen > origLen) [capLen, origLen] = [origLen, capLen];
    if (capLen > this.#maxFrame)
      return this.#lost(record, `packet ${this.records + 1} claims ${capLen} captured bytes; no frame is that long`);
    if (capLen === 0 && origLen === 0) {
      const odd = this.#oddEmpty(record);
      if (odd !== null) return odd;
      ({ view, at } = window);
    }
    if (window.end - at < header + capLen) {
      if (!window.gather(header + capLen)) return false;
      ({ view, at } = window);
    }
    let seconds = view.getUint32(at, little);
    let fraction = view.getUint32(at + 4, little);
    const carried = fraction < this.#unitsPerSecond ? 0 : Math.floor(fraction / this.#unitsPerSecond);
    seconds += carried;
    if (!isNear(record.seconds, seconds)) {
      const odd = this.#outOfTime(record, seconds, capLen, origLen);
      if (odd !== null) return odd;
      ({ at } = window);
    }
    if (carried > 0) {
      fraction -= carried * this.#unitsPerSecond;
      this.#odd++;
      this.warnFraction();
    }
    if (capLen > origLen || capLen > this.#snapLen) origLen = this.#oddLength(capLen, origLen);
    record.seconds = seconds;
    record.nanos = fraction * this.#nanosPerUnit;
    record.hasTime = true;
    this.fill(record, header, this.#linkType, this.#interface, capLen, origLen);
    window.at = at + header + capLen;
    return true;
  }

  /** Passes over records of which nothing can be said but that they are there: what is odd goes through `next`, which may leave it out. */
  pass(most: number, record: RawRecord): number {
    if (!this.reading || this.#maybeSwapped) return 0;
    const { window } = this;
    const { view, end } = window;
    const header = this.#headerLength;
    const little = this.#little;
    const longest = Math.min(this.#maxFrame, this.#snapLen);
    const lengthAt = this.#capLenAt;
    let { at } = window;
    let before = this.secondsBefore(record);
    let passed = 0;
    while (passed < most && end - at >= header) {
      const capLen = view.getUint32(at + lengthAt, little);
      if (capLen === 0 || capLen > longest || end - at < header + capLen) break;
      const seconds = view.getUint32(at, little);
      if (!isNear(before, seconds) || view.getUint32(at + this.#origLenAt, little) < capLen) break;
      if (view.getUint32(at + 4, little) >= this.#unitsPerSecond) break;
      before = seconds;
      at += header + capLen;
      passed++;
    }
    if (passed === 0) return 0;
    window.at = at;
    this.records += passed;
    this.passedRecords = this.records;
    this.passedSeconds = before;
    return passed;
  }

  ahead(places: Int32Array): number {
    const { view, end } = this.window;
    const header = this.#headerLength;
    let { at } = this.window;
    let n = 0;
    while (n < places.length && end - at >= header) {
      const capLen = view.getUint32(at + this.#capLenAt, this.#little);
      if (capLen > end - at - header) break;
      places[n++] = at + header;
      at += header + capLen;
    }
    return n;
  }

  /** None behind the header of a file that was joined: whoever goes on from there has not read it. */
  place({ seconds, nanos }: RawRecord): Place<Known> | null {
    if (this.interfaces.length > 1) return null;
    if (this.#known.odd !== this.#odd) this.#known = { odd: this.#odd };
    return { offset: this.window.offset, records: this.records, seconds, nanos, known: this.#known };
  }

  override resume(from: Place<Known>): void {
    super.resume(from);
    this.#odd = from.known.odd;
  }

  protected unfinished(): string | null {
    return this.reading ? this.cutShort(this.#headerLength) : 'the file ends inside the pcap header';
  }

  protected readFileHeader(): boolean {
    const { window } = this;
    if (!window.gather(PCAP_FILE_HEADER)) return false;
    const found = variantOf(window.view, window.at);
    if (!found) return this.fail('not a pcap file header');
    if (!window.gather(found.variant.fileHeader)) return false;
    const { little } = found;
    const { view, at } = window;
    const major = view.getUint16(at + 4, little);
    const minor = view.getUint16(at + 6, little);
    const snapLen = view.getUint32(at + 16, little);
    const network = view.getUint32(at + 20, little);
    const aix = found.variant === MICROSECONDS && major === 2 && minor === 2 ? AIX_LINK_TYPES[network] : undefined;
    const variant = aix === undefined ? found.variant : AIX;
    this.#variant = variant;
    this.#little = little;
    this.#headerLength = variant.recordHeader;
    this.#nanosPerUnit = variant.nanosPerUnit;
    this.#unitsPerSecond = 1e9 / variant.nanosPerUnit;
    const old = major === DG_UX_VERSION || minor < 3;
    [this.#capLenAt, this.#origLenAt] = old ? [12, 8] : [8, 12];
    this.#maybeSwapped = major === 2 && minor === 3;
    this.#snapLen = snapLen > 0 ? snapLen : 0xffffffff; // 0 means "not known", never "nothing"
    this.#maxFrame = snapLen > MAX_FRAME && snapLen <= MAX_DECLARED_FRAME ? snapLen : MAX_FRAME;
    this.#linkType = aix ?? network & LINK_TYPE_MASK;
    this.#interface = this.interfaces.push({ linkType: this.#linkType, snapLen, name: null }) - 1;
    window.at += variant.fileHeader;
    this.reading = true;
    return true;
  }

  /**
   * Two things that pass for a record of no octets: zeros where records should be, as a file system leaves them after a crash, and the
   * header of another file that was joined to this one. null: it is a record. Otherwise what `next` has to return.
   */
  #oddEmpty(record: RawRecord): boolean | null {
    const { window } = this;
    const { view, at } = window;
    if (view.getUint32(at) === 0 && view.getUint32(at + 4) === 0) {
      return this.#lost(record, `there are only zeros where packet ${this.records + 1} should be`);
    }
    if (variantOf(view, at) === null) return null;
    if (!window.gather(PCAP_FILE_HEADER)) return false;
    const refused = refusePcap(window.bytes.subarray(window.at, window.at + PCAP_FILE_HEADER));
    if (refused !== null || this.interfaces.length === MAX_JOINED) return null;
    const { offset } = window;
    if (!this.readFileHeader()) return false;
    this.odd.add(
      'joined',
      () => `another file was joined to this one at offset ${offset}, after packet ${this.records}; it was read as well`,
    );
    return this.next(record);
  }

  /**
   * A record far in time from the one before: was it read out of step, because a length before it lies? Clocks do jump, so that takes
   * more: what follows is no record, or it contradicts itself, as few in the file do. null: it is a record. Otherwise
   * what `next` has to return.
   */
  #outOfTime(record: RawRecord, seconds: number, capLen: number, origLen: number): boolean | null {
    const before = this.secondsBefore(record);
    if (before === 0 || isNear(before, seconds)) return null;
    const octets = this.#headerLength + capLen;
    const isHere = this.lookAhead(octets + this.#headerLength);
    if (isHere !== true) return isHere;
    const { window } = this;
    const { view, at } = window;
    const little = this.#little;
    const isFollowed = view.getUint32(at + octets + this.#capLenAt, little) <= this.#maxFrame;
    const isOdd =
      capLen === 0 ||
      capLen > origLen ||
      capLen > this.#snapLen ||
      origLen > this.#maxFrame ||
      view.getUint32(at + 4, little) >= this.#unitsPerSecond;
    if (isFollowed && !(isOdd && this.#odd * RARE < this.records)) return null;
    const what = `packet ${this.records + 1} was read out of step: its time is ${durationText(Math.abs(seconds - before))} from that of the packet before`;
    if (!isFollowed || !isNear(before, view.getUint32(at + octets, little))) return this.#lost(record, what);
    this.leaveOut(what, octets);
    window.at = at + octets;
    return this.next(record);
  }

  #oddLength(capLen: number, origLen: number): number {
    this.#odd++;
    if (capLen > origLen) this.warnCaptured(capLen, origLen);
    if (capLen > this.#snapLen) {
      this.odd.add(
        'snaplen',
        () => `packet ${this.records + 1} has ${capLen} captured bytes, above the file's snap length of ${this.#snapLen}`,
      );
    }
    return Math.max(capLen, origLen);
  }

  #lost(record: RawRecord, what: string): boolean {
    this.lose(record, what);
    return this.next(record);
  }

  protected readonly lengthAt: LengthAt = (window, at, first) => {
    const header = this.#headerLength;
    if (at + header > window.end) return -header;
    const little = this.#little;
    const { view } = window;
    const seconds = view.getUint32(at, little);
    const capLen = view.getUint32(at + this.#capLenAt, little);
    const origLen = view.getUint32(at + this.#origLenAt, little);
    if (capLen === 0 || capLen > origLen || origLen > MAX_FRAME || capLen > this.#snapLen) return 0;
    if (view.getUint32(at + 4, little) >= this.#unitsPerSecond) return 0;
    return this.followsInTime(seconds, first) ? header + capLen : 0;
  };
}
