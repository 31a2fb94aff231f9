/**
 * snoop, what Solaris and illumos write: big-endian, microseconds, each record with its own length and a count of packets lost.
 *
 * As lax and as strict as `pcap.ts`: contradictions with a clear meaning are warnings, a length that no record has ends reading.
 * Format: RFC 1761; link types beyond it: IANA "snoop Data Link Types" and Wireshark wiretap/snoop.c.
 */
import { Direction } from '../model/vantage.ts';
import { plural } from '../model/wording.ts';
import type { CaptureInterface, CaptureReader, Damage, RawRecord } from './reader.ts';
import { Warnings } from './warnings.ts';
import { ByteWindow } from './window.ts';

const FILE_HEADER = 16; // octets
/** Original length, included length, record length, cumulative drops, seconds, microseconds. */
const RECORD_HEADER = 24;
const VERSION = 2;

/** Octets. As for pcap: the largest frame that any program writes. */
const MAX_FRAME = 262_144;
/** Octets. Padding to 32 bits takes three at most, and other programs keep trailers of a few dozen there; more is a damaged length. */
const MAX_PADDING = 1_024;
const MICROS_PER_SECOND = 1_000_000;

/** Data link type to LINKTYPE_*: what the two registries agree on. */
const LINK_TYPES: Readonly<Record<number, number>> = {
  0: 1, // IEEE 802.3
  2: 6, // IEEE 802.5 token ring
  4: 1, // Ethernet
  8: 10, // FDDI
  16: 122, // Fibre Channel
  18: 123, // Classical IP over ATM, with SunATM's header
  0x8000_0005: 226, // ipnet: Solaris' loopback and zones
};

/** Why a file that begins like snoop cannot be read; null when it can. */
export function refuseSnoop(head: Uint8Array): string | null {
  if (head.length < FILE_HEADER) return `the file ends inside the snoop header, after ${head.length} of ${FILE_HEADER} bytes`;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const version = view.getUint32(8);
  if (version !== VERSION) return `snoop version ${version} is not supported, only version ${VERSION}`;
  const dataLink = view.getUint32(12);
  return dataLink in LINK_TYPES ? null : `snoop data link type ${dataLink} carries no IP that tcpdiag can read`;
}

export class SnoopReader implements CaptureReader {
  readonly format = 'snoop';
  readonly interfaces: CaptureInterface[] = [];
  readonly endTime = null;
  /** The newest of the cumulative counts. */
  reportedDrops = 0;
  damage: Damage | null = null;

  readonly #warnings = new Warnings();
  readonly #window = new ByteWindow();
  #reading = false;
  #linkType = 0;
  #records = 0;

  get warnings(): readonly string[] {
    return this.#warnings.list;
  }

  push(chunk: Uint8Array): void {
    if (this.damage === null) this.#window.push(chunk);
  }

  next(record: RawRecord): boolean {
    if (!this.#reading && !this.#readFileHeader()) return false;
    const window = this.#window;
    if (window.owed > 0) return false; // padding that has not come yet
    if (window.end - window.at < RECORD_HEADER && !window.gather(RECORD_HEADER)) return false;
    let { view, at } = window;
    let origLen = view.getUint32(at);
    const capLen = view.getUint32(at + 4);
    const padding = view.getUint32(at + 8) - RECORD_HEADER - capLen;
    if (capLen > MAX_FRAME) return this.#fail(`packet ${this.#records + 1} claims ${capLen} captured bytes; no frame is that long`);
    if (padding < 0 || padding > MAX_PADDING) return this.#failLength(capLen, padding);
    if (window.end - at < RECORD_HEADER + capLen) {
      if (!window.gather(RECORD_HEADER + capLen)) return false;
      ({ view, at } = window);
    }
    let seconds = view.getUint32(at + 16);
    let micros = view.getUint32(at + 20);
    if (micros >= MICROS_PER_SECOND) {
      seconds += Math.floor(micros / MICROS_PER_SECOND);
      micros %= MICROS_PER_SECOND;
      this.#warnings.add(
        'fraction',
        () => `packet ${this.#records + 1} has a fraction of a second above one; it was carried into the seconds`,
      );
    }
    if (capLen > origLen) origLen = this.#oddLength(capLen, origLen);
    this.reportedDrops = view.getUint32(at + 12);
    record.seconds = seconds;
    record.nanos = micros * 1_000;
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
    record.at = at + RECORD_HEADER;
    record.fileOffset = window.base + at;
    window.at = at + RECORD_HEADER + capLen;
    this.#records++;
    if (padding > 0) window.skip(padding);
    return true;
  }

  end(): void {
    if (this.damage !== null) return;
    const { left, owed } = this.#window;
    const number = this.#records + 1;
    if (!this.#reading) this.#fail('the file ends inside the snoop header');
    else if (owed > 0) this.#fail(`the file ends inside the padding of packet ${this.#records}; ${plural(owed, 'byte')} of it missing`);
    else if (left === 0) return;
    else if (left < RECORD_HEADER) this.#fail(`packet ${number} is cut short: only ${plural(left, 'byte')} of its record header`);
    else this.#fail(`packet ${number} is cut short: only ${plural(left - RECORD_HEADER, 'byte')} of its frame`);
  }

  #readFileHeader(): boolean {
    if (this.damage !== null || !this.#window.gather(FILE_HEADER)) return false;
    const { view, at } = this.#window;
    const linkType = LINK_TYPES[view.getUint32(at + 12)];
    if (linkType === undefined) return this.#fail('not a snoop file header');
    this.#linkType = linkType;
    this.interfaces.push({ linkType, snapLen: 0, name: null });
    this.#window.at += FILE_HEADER;
    this.#reading = true;
    return true;
  }

  #oddLength(capLen: number, origLen: number): number {
    this.#warnings.add(
      'caplen',
      () => `packet ${this.#records + 1} has ${capLen} captured bytes of ${origLen} on the wire; the captured length was believed`,
    );
    return capLen;
  }

  #failLength(capLen: number, padding: number): false {
    const length = RECORD_HEADER + capLen + padding;
    return this.#fail(`packet ${this.#records + 1} claims ${capLen} captured bytes in a record of ${length}`);
  }

  #fail(what: string): false {
    this.damage = { fileOffset: this.#window.offset, recordsBefore: this.#records, what };
    this.#reading = false;
    return false;
  }
}
