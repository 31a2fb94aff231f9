/**
 * The contract between capture formats and the rest: bytes in, records out, pulled.
 *
 * Pulled and not pushed, so that several files can be merged in time order without a buffer; `next()` fills one reused
 * object and allocates nothing. There is one await per chunk, none per record.
 */

import { Direction } from '../model/vantage.ts';

/** One captured frame. `bytes` and `view` are valid until the next `push()`. */
export class RawRecord {
  /** Epoch seconds, unsigned (records of 2106 and later are valid). */
  seconds = 0;
  /** 0 … 999,999,999 */
  nanos = 0;
  /** False when the format gives none (pcapng Simple Packet Block); then `seconds` and `nanos` repeat the record before. */
  hasTime = true;
  /** LINKTYPE_* of the interface, without FCS bits; above 16 bits one of snoop's own. */
  linkType = 0;
  /** Index into `CaptureReader.interfaces`. */
  interfaceId = 0;
  /** What epb_flags says; UNKNOWN where the format or its writer says nothing. */
  direction: Direction = Direction.UNKNOWN;
  capLen = 0;
  /** Length on the wire. */
  origLen = 0;
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** Offset of the frame in `bytes` and `view`. */
  at = 0;
  /** Offset of the record (or block) in the uncompressed stream. */
  fileOffset = 0;
}

export interface CaptureTime {
  readonly seconds: number;
  readonly nanos: number;
}

export interface CaptureInterface {
  readonly linkType: number;
  readonly snapLen: number;
  readonly name: string | null;
}

export interface CaptureName {
  readonly ip: string;
  /** Unchecked. */
  readonly name: string;
}

/** Where reading ended early, and why; everything before it was delivered. */
export interface Damage {
  /** Offset in the uncompressed stream. */
  readonly fileOffset: number;
  /** Records delivered before the damage. */
  readonly recordsBefore: number;
  /** One sentence that follows "packet N+1 …" or stands alone. */
  readonly what: string;
}

/** Behind a record: where reading can go on, with what the reader knows there of what lies before. */
export interface Place<Known = unknown> {
  /** In the stream. */
  readonly offset: number;
  /** Records before it. */
  readonly records: number;
  /** Of the last of them that has a time. */
  readonly seconds: number;
  readonly nanos: number;
  /** What else the format needs; the same object while it is the same. */
  readonly known: Known;
}

export interface CaptureReader {
  readonly format: string;
  readonly interfaces: readonly CaptureInterface[];
  /** Newest `isb_endtime`, or null. */
  readonly endTime: CaptureTime | null;
  /** What the file says that addresses are called (pcapng's name resolution blocks), as it says it; absent where a format has none. */
  readonly names?: readonly CaptureName[];
  /** Packets that the capturing program says it lost (epb_dropcount, isb_ifdrop + isb_osdrop), best known. */
  readonly reportedDrops: number;
  readonly damage: Damage | null;
  /** Oddities that do not end reading (stray bytes, a caplen above the snap length …), bounded. */
  readonly warnings: readonly string[];

  /** Hands over the next bytes of the stream. The reader may keep a view of `chunk` until the next push. */
  push(chunk: Uint8Array): void;
  /** Fills `record` and returns true, or returns false when it needs more bytes, is at the end, or met damage. */
  next(record: RawRecord): boolean;
  /**
   * Passes over the next records unseen, as far as they are here and nothing about them is odd: `most` of them at the most. Returns
   * how many. `record`: what `next` has filled last. Absent: the format's records cannot be told without looking at them.
   */
  pass?(most: number, record: RawRecord): number;
  /**
   * Writes where the frames of the next records seem to begin in the view of the record that `next` has filled, as far as they are here,
   * and returns how many: guesses, for who wants to fetch memory for them. Absent: the format's records cannot be told so.
   */
  ahead?(places: Int32Array): number;
  /** The place behind `record`, which `next` has just filled; null where nobody can go on from there. */
  place?(record: RawRecord): Place | null;
  /** Goes on from a place of the same file that lies ahead; the bytes pushed next are those from there on. */
  resume?(from: Place): void;
  /** In the stream, of the next octet to be read, and how many are here. */
  readonly offset?: number;
  readonly left?: number;
  /** No more bytes will come: what is left over is damage, once `next` has been asked for a record that was held back. */
  end(): void;
}
