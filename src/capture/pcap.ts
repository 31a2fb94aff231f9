/**
 * Classic pcap: both byte orders, microseconds, nanoseconds, and the "modified" format with longer record headers.
 *
 * Lax where the meaning is clear (versions 2.0 to 2.3, fractions above a second, lengths that contradict each other), strict where
 * guessing would invent packets: a length that no frame has ends reading, because nothing marks the next record.
 * Format: draft-ietf-opsawg-pcap; older variants: libpcap sf-pcap.c, Wireshark wiretap/libpcap.c.
 */
import { Direction } from '../model/vantage.ts';
import { plural } from '../model/wording.ts';
import type { CaptureInterface, CaptureReader, Damage, RawRecord } from './reader.ts';
import { Warnings } from './warnings.ts';
import { ByteWindow } from './window.ts';

const PCAP_FILE_HEADER = 24; // octets
const RECORD_HEADER = 16;
/** Kuznetzov's kernel patch appended interface index, protocol and packet type (Wireshark: pcaprec_modified_hdr). */
const MODIFIED_RECORD_HEADER = 24;

/** Octets. Largest frame that libpcap writes for network link types (MAXIMUM_SNAPLEN in libpcap pcap-int.h). */
const MAX_FRAME = 262_144;
/** Octets. A header that declares a larger snap length (USB, D-Bus) is believed up to here, so the carry stays bounded. */
const MAX_DECLARED_FRAME = 16 * 1024 * 1024;

/** The upper bits hold the FCS length and NetBSD's address-family class (draft-ietf-opsawg-pcap, "LinkType"). */
const LINK_TYPE_MASK = 0xffff;

interface Variant {
  readonly name: string;
  readonly recordHeader: number;
  readonly nanosPerUnit: number;
}

const MICROSECONDS: Variant = { name: 'pcap', recordHeader: RECORD_HEADER, nanosPerUnit: 1_000 };
/** By magic number as a file in its own byte order shows it. */
const VARIANTS: Readonly<Record<number, Variant>> = {
  0xa1b2c3d4: MICROSECONDS,
  0xa1b23c4d: { name: 'pcap (nanoseconds)', recordHeader: RECORD_HEADER, nanosPerUnit: 1 },
  0xa1b2cd34: { name: 'pcap (modified)', recordHeader: MODIFIED_RECORD_HEADER, nanosPerUnit: 1_000 },
};

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
  return major === 2 ? null : `pcap version ${major}.${view.getUint16(6, little)} is not supported, only version 2`;
}

export class PcapReader implements CaptureReader {
  readonly interfaces: CaptureInterface[] = [];
  readonly endTime = null;
  readonly reportedDrops = 0;
  damage: Damage | null = null;

  readonly #warnings = new Warnings();
  readonly #window = new ByteWindow();
  #variant: Variant = MICROSECONDS;
  /** The file header is behind us and no damage before us. */
  #reading = false;
  #little = true;
  #headerLength = RECORD_HEADER;
  #nanosPerUnit = 1_000;
  #unitsPerSecond = 1_000_000;
  #maxFrame = MAX_FRAME;
  #snapLen = 0xffffffff;
  #linkType = 0;
  /** Before version 2.3 the two lengths stood the other way round; 2.3 itself exists both ways (libpcap sf-pcap.c). */
  #capLenAt = 8;
  #origLenAt = 12;
  #maybeSwapped = false;
  #records = 0;

  get format(): string {
    return this.#variant.name;
  }

  get warnings(): readonly string[] {
    return this.#warnings.list;
  }

  push(chunk: Uint8Array): void {
    if (this.damage === null) this.#window.push(chunk);
  }

  next(record: RawRecord): boolean {
    if (!this.#reading && !this.#readFileHeader()) return false;
    const window = this.#window;
    const header = this.#headerLength;
    if (window.end - window.at < header && !window.gather(header)) return false;
    const little = this.#little;
    let { view, at } = window;
    let capLen = view.getUint32(at + this.#capLenAt, little);
    let origLen = view.getUint32(at + this.#origLenAt, little);
    if (this.#maybeSwapped && capLen > origLen) [capLen, origLen] = [origLen, capLen];
    if (capLen > this.#maxFrame) return this.#fail(`packet ${this.#records + 1} claims ${capLen} captured bytes; no frame is that long`);
    if (window.end - at < header + capLen) {
      if (!window.gather(header + capLen)) return false;
      ({ view, at } = window);
    }
    let seconds = view.getUint32(at, little);
    let fraction = view.getUint32(at + 4, little);
    if (fraction >= this.#unitsPerSecond) {
      const carried = Math.floor(fraction / this.#unitsPerSecond);
      fraction -= carried * this.#unitsPerSecond;
      seconds += carried;
      this.#warnings.add(
        'fraction',
        () => `packet ${this.#records + 1} has a fraction of a second above one; it was carried into the seconds`,
      );
    }
    if (capLen > origLen || capLen > this.#snapLen) origLen = this.#oddLength(capLen, origLen);
    record.seconds = seconds;
    record.nanos = fraction * this.#nanosPerUnit;
    record.hasTime = true;
    record.linkType = this.#linkType;
    record.interfaceId = 0;
    record.direction = Direction.UNKNOWN;
    record.capLen = capLen;
    record.origLen = origLen;
    if (record.view !== view) {
      record.view = view;
      record.bytes = window.bytes;
    }
    record.at = at + header;
    record.fileOffset = window.base + at;
    window.at = at + header + capLen;
    this.#records++;
    return true;
  }

  end(): void {
    if (this.damage !== null) return;
    const { left } = this.#window;
    const number = this.#records + 1;
    if (!this.#reading) this.#fail('the file ends inside the pcap header');
    else if (left === 0) return;
    else if (left < this.#headerLength) {
      this.#fail(`packet ${number} is cut short: only ${plural(left, 'byte')} of its record header`);
    } else this.#fail(`packet ${number} is cut short: only ${plural(left - this.#headerLength, 'byte')} of its frame`);
  }

  #readFileHeader(): boolean {
    if (this.damage !== null || !this.#window.gather(PCAP_FILE_HEADER)) return false;
    const { view, at } = this.#window;
    const found = variantOf(view, at);
    if (!found) return this.#fail('not a pcap file header');
    const { variant, little } = found;
    this.#variant = variant;
    this.#little = little;
    this.#headerLength = variant.recordHeader;
    this.#nanosPerUnit = variant.nanosPerUnit;
    this.#unitsPerSecond = 1e9 / variant.nanosPerUnit;
    const minor = view.getUint16(at + 6, little);
    if (minor < 3) [this.#capLenAt, this.#origLenAt] = [12, 8];
    this.#maybeSwapped = minor === 3;
    const snapLen = view.getUint32(at + 16, little);
    if (snapLen > 0) this.#snapLen = snapLen; // 0 means "not known", never "nothing"
    if (snapLen > MAX_FRAME && snapLen <= MAX_DECLARED_FRAME) this.#maxFrame = snapLen;
    this.#linkType = view.getUint32(at + 20, little) & LINK_TYPE_MASK;
    this.interfaces.push({ linkType: this.#linkType, snapLen, name: null });
    this.#window.at += PCAP_FILE_HEADER;
    this.#reading = true;
    return true;
  }

  /** The captured bytes are there, so their number is believed; the wire cannot have carried fewer. */
  #oddLength(capLen: number, origLen: number): number {
    const number = this.#records + 1;
    if (capLen > origLen) {
      this.#warnings.add(
        'caplen',
        () => `packet ${number} has ${capLen} captured bytes of ${origLen} on the wire; the captured length was believed`,
      );
    }
    if (capLen > this.#snapLen) {
      this.#warnings.add(
        'snaplen',
        () => `packet ${number} has ${capLen} captured bytes, above the file's snap length of ${this.#snapLen}`,
      );
    }
    return Math.max(capLen, origLen);
  }

  #fail(what: string): false {
    this.damage = { fileOffset: this.#window.offset, recordsBefore: this.#records, what };
    this.#reading = false;
    return false;
  }
}
