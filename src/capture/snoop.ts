/**
 * snoop, what Solaris and illumos write: big-endian, microseconds, each record with its own length and a count of packets lost.
 *
 * As lax and as strict as `pcap.ts`: contradictions with a clear meaning are warnings, a length that no record has is damage.
 * Format: RFC 1761; link types beyond it: IANA "snoop Data Link Types" and Wireshark wiretap/snoop.c.
 */
import { plural } from '../model/wording.ts';
import { SNOOP_LINK_TYPES } from './link-types.ts';
import type { RawRecord } from './reader.ts';
import { RecordReader } from './record-reader.ts';
import type { LengthAt } from './search.ts';

const FILE_HEADER = 16; // octets
/** Original length, included length, record length, cumulative drops, seconds, microseconds. */
const RECORD_HEADER = 24;
const VERSION = 2;

/** Octets. As for pcap: the largest frame that any program writes. */
const MAX_FRAME = 262_144;
/** Octets. Padding to 32 bits takes three at most, and other programs keep trailers of a few dozen there; more is a damaged length. */
const MAX_PADDING = 1_024;
const MICROS_PER_SECOND = 1_000_000;

/** Data link type to LINKTYPE_*: what the two registries agree on. Others are counted by their own number. */
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
  return version === VERSION ? null : `snoop version ${version} is not supported, only version ${VERSION}`;
}

const linkTypeOf = (dataLink: number): number => LINK_TYPES[dataLink] ?? SNOOP_LINK_TYPES + dataLink;

export class SnoopReader extends RecordReader {
  readonly format = 'snoop';
  /** The newest of the cumulative counts. */
  reportedDrops = 0;
  #linkType = 0;

  next(record: RawRecord): boolean {
    for (;;) {
      if (!this.reading && !this.ready()) return false;
      const { window } = this;
      if (window.owed > 0) return false; // padding that has not come yet
      if (window.end - window.at < RECORD_HEADER && !window.gather(RECORD_HEADER)) return false;
      let { view, at } = window;
      let origLen = view.getUint32(at);
      const capLen = view.getUint32(at + 4);
      const length = view.getUint32(at + 8);
      const padding = length - RECORD_HEADER - capLen;
      if (capLen > MAX_FRAME) {
        this.lose(record, `packet ${this.records + 1} claims ${capLen} captured bytes; no frame is that long`);
        continue;
      }
      if (padding < 0 || padding > MAX_PADDING) {
        this.lose(record, `packet ${this.records + 1} claims ${capLen} captured bytes in a record of ${length}`);
        continue;
      }
      if (window.end - at < RECORD_HEADER + capLen) {
        if (!window.gather(RECORD_HEADER + capLen)) return false;
        ({ view, at } = window);
      }
      let seconds = view.getUint32(at + 16);
      let micros = view.getUint32(at + 20);
      if (micros >= MICROS_PER_SECOND) {
        seconds += Math.floor(micros / MICROS_PER_SECOND);
        micros %= MICROS_PER_SECOND;
        this.warnFraction();
      }
      if (capLen > origLen) {
        this.warnCaptured(capLen, origLen);
        origLen = capLen;
      }
      this.reportedDrops = view.getUint32(at + 12);
      record.seconds = seconds;
      record.nanos = micros * 1_000;
      record.hasTime = true;
      this.fill(record, RECORD_HEADER, this.#linkType, 0, capLen, origLen);
      window.at = at + RECORD_HEADER + capLen;
      if (padding > 0) window.skip(padding);
      return true;
    }
  }

  protected unfinished(): string | null {
    const { owed } = this.window;
    if (!this.reading) return 'the file ends inside the snoop header';
    if (owed > 0) return `the file ends inside the padding of packet ${this.records}; ${plural(owed, 'byte')} of it missing`;
    return this.cutShort(RECORD_HEADER);
  }

  protected readFileHeader(): boolean {
    if (!this.window.gather(FILE_HEADER)) return false;
    const { view, at } = this.window;
    this.#linkType = linkTypeOf(view.getUint32(at + 12));
    this.interfaces.push({ linkType: this.#linkType, snapLen: 0, name: null });
    this.window.at += FILE_HEADER;
    this.reading = true;
    return true;
  }

  protected readonly lengthAt: LengthAt = (window, at, first) => {
    if (at + RECORD_HEADER > window.end) return -RECORD_HEADER;
    const { view } = window;
    const origLen = view.getUint32(at);
    const capLen = view.getUint32(at + 4);
    const length = view.getUint32(at + 8);
    const padding = length - RECORD_HEADER - capLen;
    if (capLen === 0 || capLen > origLen || origLen > MAX_FRAME || padding < 0 || padding > MAX_PADDING) return 0;
    if (view.getUint32(at + 20) >= MICROS_PER_SECOND) return 0;
    return this.followsInTime(view.getUint32(at + 16), first) ? length : 0;
  };
}
