/**
 * pcapng, little-endian: one section, an interface for each that a packet came from, comments, and when the capture ended.
 * Times are in nanoseconds, which is what a record holds. Format: draft-ietf-opsawg-pcapng.
 */
import { sanitise } from '../../model/sanitise.ts';
import { Direction } from '../../model/vantage.ts';
import { IfOption, PacketOption, padded, StatsOption } from '../pcapng-options.ts';
import type { RawRecord } from '../reader.ts';
import { writtenLinkType } from './link-type.ts';
import type { CaptureWriter, EpochTime, WrittenInput } from './index.ts';
import { Octets } from './octets.ts';

const Block = { SECTION: 0x0a0d0d0a, INTERFACE: 1, STATISTICS: 5, ENHANCED_PACKET: 6 } as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const END_OF_OPTIONS = 0;
const COMMENT = 1;
const USER_APPLICATION = 4;
/** if_tsresol: 10^-9 s. */
const NANOSECONDS = 9;
/** Characters of a comment: what a person reads. */
const MAX_COMMENT = 4_000;

interface Interface {
  readonly id: number;
  readonly drops: number;
}

export class PcapngWriter implements CaptureWriter {
  readonly #octets = new Octets();
  readonly #inputs: readonly WrittenInput[];
  /** By input, then by the interface's index there. */
  readonly #interfaces = new Map<number, Map<number, Interface>>();
  #count = 0;
  #start = 0;

  constructor(inputs: readonly WrittenInput[], program: string, comment: string) {
    this.#inputs = inputs;
    const out = this.#octets;
    this.#begin(Block.SECTION);
    out.u32(BYTE_ORDER_MAGIC);
    out.u16(1);
    out.u16(0);
    out.u32(0xffffffff); // the section's length, which is not known before its end
    out.u32(0xffffffff);
    this.#text(COMMENT, comment);
    this.#text(USER_APPLICATION, program);
    this.#endOfOptions();
    this.#finish();
  }

  packet(record: RawRecord, file: number, comment: string | null): void {
    const { id } = this.#interfaces.get(file)?.get(record.interfaceId) ?? this.#describe(record, file);
    const out = this.#octets;
    this.#begin(Block.ENHANCED_PACKET);
    out.u32(id);
    this.#time(record);
    out.u32(record.capLen);
    out.u32(record.origLen);
    out.bytes(record.bytes, record.at, record.capLen);
    out.zeros(padded(record.capLen) - record.capLen);
    if (comment !== null) this.#text(COMMENT, comment);
    if (record.direction !== Direction.UNKNOWN) {
      this.#option(PacketOption.FLAGS, 4);
      out.u32(record.direction); // bits 0 and 1: 01 inbound, 10 outbound
    }
    if (comment !== null || record.direction !== Direction.UNKNOWN) this.#endOfOptions();
    this.#finish();
  }

  end(end: EpochTime): void {
    const out = this.#octets;
    for (const interfaces of this.#interfaces.values())
      for (const { id, drops } of interfaces.values()) {
        this.#begin(Block.STATISTICS);
        out.u32(id);
        this.#time(end);
        this.#option(StatsOption.ENDTIME, 8);
        this.#time(end);
        if (drops > 0) {
          this.#option(StatsOption.IFDROP, 8);
          out.u32(drops % 2 ** 32);
          out.u32(Math.floor(drops / 2 ** 32));
        }
        this.#endOfOptions();
        this.#finish();
      }
  }

  take(): Uint8Array {
    return this.#octets.take();
  }

  #describe({ linkType, interfaceId }: RawRecord, file: number): Interface {
    const input = this.#inputs[file];
    const known = input?.interfaces[interfaceId];
    const of = this.#interfaces.get(file) ?? new Map<number, Interface>();
    // What an input lost is told once, with the first of its interfaces.
    const described = { id: this.#count++, drops: of.size === 0 ? (input?.reportedDrops ?? 0) : 0 };
    this.#interfaces.set(file, of.set(interfaceId, described));
    const out = this.#octets;
    this.#begin(Block.INTERFACE);
    out.u16(writtenLinkType(linkType));
    out.u16(0);
    out.u32(known?.snapLen ?? 0);
    if (known?.name != null) this.#text(IfOption.NAME, known.name);
    this.#option(IfOption.TSRESOL, 1);
    out.u8(NANOSECONDS);
    out.zeros(3);
    this.#endOfOptions();
    this.#finish();
    return described;
  }

  #begin(type: number): void {
    this.#start = this.#octets.length;
    this.#octets.u32(type);
    this.#octets.u32(0);
  }

  #finish(): void {
    const length = this.#octets.length + 4 - this.#start;
    this.#octets.setU32(this.#start + 4, length);
    this.#octets.u32(length);
  }

  /** The upper half first, each half little-endian. */
  #time({ seconds, nanos }: EpochTime): void {
    const count = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
    this.#octets.u32(Number(count >> 32n));
    this.#octets.u32(Number(count & 0xffffffffn));
  }

  #option(code: number, length: number): void {
    this.#octets.u16(code);
    this.#octets.u16(length);
  }

  #text(code: number, text: string): void {
    const bytes = new TextEncoder().encode(sanitise(text, MAX_COMMENT));
    this.#option(code, bytes.length);
    this.#octets.bytes(bytes, 0, bytes.length);
    this.#octets.zeros(padded(bytes.length) - bytes.length);
  }

  #endOfOptions(): void {
    this.#option(END_OF_OPTIONS, 0);
  }
}
