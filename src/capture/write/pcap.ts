/** Classic pcap, little-endian: one link type, no comments; in nanoseconds where an input may hold them. Format: draft-ietf-opsawg-pcap. */
import { UsageError } from '../../model/errors.ts';
import { NANOS_PER_MICRO } from '../../model/units.ts';
import { linkTypeName } from '../link-types.ts';
import type { RawRecord } from '../reader.ts';
import { writtenLinkType } from './link-type.ts';
import type { CaptureWriter, WrittenInput } from './index.ts';
import { Octets } from './octets.ts';

const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
/** Octets; libpcap's MAXIMUM_SNAPLEN, as tcpdump writes it. */
const SNAP_LENGTH = 262_144;
/** Inputs whose times are whole microseconds. */
const IN_MICROSECONDS = new Set(['pcap', 'pcap (modified)', 'pcap (IXIA software)', 'snoop']);

export class PcapWriter implements CaptureWriter {
  readonly #octets = new Octets();
  readonly #nanosPerUnit: number;
  readonly #snapLength: number;
  #linkType = -1;

  constructor(inputs: readonly WrittenInput[]) {
    this.#nanosPerUnit = inputs.every(({ format }) => IN_MICROSECONDS.has(format)) ? NANOS_PER_MICRO : 1;
    // 0 means that it is not known.
    const lengths = inputs.flatMap(({ interfaces }) => interfaces.map(({ snapLen }) => (snapLen === 0 ? SNAP_LENGTH : snapLen)));
    this.#snapLength = lengths.length === 0 ? SNAP_LENGTH : lengths.reduce((a, b) => Math.max(a, b));
  }

  packet(record: RawRecord): void {
    const out = this.#octets;
    if (this.#linkType < 0) this.#header(record.linkType);
    else if (record.linkType !== this.#linkType) {
      const both = `${linkTypeName(this.#linkType)} and ${linkTypeName(record.linkType)}`;
      throw new UsageError(`the packets have link types ${both}, and a pcap file holds one.`, {
        hint: 'pcapng holds any number: -w NAME.pcapng.',
      });
    }
    out.u32(record.seconds);
    out.u32(Math.floor(record.nanos / this.#nanosPerUnit));
    out.u32(record.capLen);
    out.u32(record.origLen);
    out.bytes(record.bytes, record.at, record.capLen);
  }

  end(): void {
    // A pcap file ends where its last record does.
  }

  take(): Uint8Array {
    return this.#octets.take();
  }

  #header(linkType: number): void {
    const out = this.#octets;
    this.#linkType = linkType;
    out.u32(this.#nanosPerUnit === 1 ? NANOSECONDS : MICROSECONDS);
    out.u16(2);
    out.u16(4);
    out.zeros(8); // time zone and accuracy, which are 0 everywhere
    out.u32(this.#snapLength);
    out.u32(writtenLinkType(linkType));
  }
}
