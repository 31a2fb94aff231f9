/**
 * One input while it is being read: its bytes, the reader of its format, and the record that is next in line.
 * Also keeps what the whole file was like, for `CaptureFileFacts`.
 */
import { UnknownFormatError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { countText, durationText } from '../model/wording.ts';
import { detectFormat, HEAD_LENGTH, octetsToTell } from './format.ts';
import { type CaptureInterface, type CaptureName, type CaptureReader, type CaptureTime, type Damage, RawRecord } from './reader.ts';
import type { ChunkSource } from './source.ts';
import { type PackingName, packingOf, UnpackedChunks } from './unpack/index.ts';
import type { FilePlaces, Passed } from './waypoints.ts';

/** What one input was like, once it has been read. */
export interface CaptureFileFacts {
  /** As the user wrote it: sanitise before showing. */
  readonly path: string;
  readonly format: string;
  readonly compression: PackingName | null;
  /** Octets of the file as it lies there; of a stream, those read (after damage nothing more is). */
  readonly bytes: number;
  /** Records delivered. */
  readonly packets: number;
  /** LINKTYPE numbers of the delivered records in order of appearance; of the file's header when it has none. */
  readonly linkTypes: readonly number[];
  readonly interfaces: readonly CaptureInterface[];
  readonly damage: Damage | null;
  readonly warnings: readonly string[];
  readonly endTime: CaptureTime | null;
  readonly reportedDrops: number;
  readonly names: readonly CaptureName[];
  /** Of the first and the last record delivered; null without one that has a time. */
  readonly firstTime: CaptureTime | null;
  readonly lastTime: CaptureTime | null;
  /** False when the sink or the signal ended reading before the input did. */
  readonly complete: boolean;
}

/** Octets that are sooner walked over than read around. */
const WORTH_A_LEAP = 16 * 1024;
/** Leaps in a row, which nothing can stop, until bytes are waited for. */
const LEAPS = 1_024;

/** What happens between chunks. */
export interface Flow {
  /** A chunk is done with; reading goes on when the promise has settled. */
  parsed(): void | Promise<void>;
  stopped(): boolean;
}

export class Cursor implements Passed {
  /** Position among the inputs. */
  readonly index: number;
  readonly source: ChunkSource;
  readonly reader: CaptureReader;
  /** The next record to deliver, where it `isReady`. */
  readonly record = new RawRecord();
  isReady = false;

  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #unpacking: UnpackedChunks | null;
  #unpackedBytes = 0;
  #complete = false;
  #packets = 0;
  readonly #linkTypes = new Set<number>();
  #lastLinkType = -1;
  #first: CaptureTime | null = null;
  #seconds = 0;
  #nanos = 0;
  #reversals = 0;
  #firstReversal = 0;
  #largestReversal = 0;
  #begins: CaptureTime | null = null;
  #noting: FilePlaces | null = null;
  #noted: ((records: number) => void) | null = null;
  /** Records after which a place is noted. */
  #due = -1;
  /** Since bytes were waited for. */
  #leaps = 0;

  private constructor(
    index: number,
    source: ChunkSource,
    chunks: AsyncIterator<Uint8Array>,
    unpacking: UnpackedChunks | null,
    reader: CaptureReader,
  ) {
    this.index = index;
    this.source = source;
    this.reader = reader;
    this.#chunks = chunks;
    this.#unpacking = unpacking;
  }

  /** Reads as far as it takes to know the format. @throws UnknownFormatError, UnreadableError */
  static async open(index: number, source: ChunkSource): Promise<Cursor> {
    let { head, chunks } = await peek(source.chunks);
    const packing = packingOf(head);
    const packed = chunks;
    const unpacking = packing && new UnpackedChunks(packing, { [Symbol.asyncIterator]: () => packed }, source.size);
    if (unpacking) ({ head, chunks } = await peek(unpacking));
    try {
      if (unpacking?.damage && head.length < HEAD_LENGTH) {
        throw new UnknownFormatError(`${sanitise(source.path)}: nothing could be unpacked, ${unpacking.damage}`);
      }
      return new Cursor(index, source, chunks, unpacking, detectFormat(head, source.path, packing?.name).create());
    } catch (error) {
      await chunks.return?.(); // what unpacks may be a thread
      throw error;
    }
  }

  get identity(): string | null {
    return this.#unpacking === null ? this.source.identity : null;
  }

  get format(): string {
    return this.#unpacking === null ? this.reader.format : '';
  }

  get begins(): CaptureTime | null {
    return this.#begins;
  }

  /** Records delivered or passed over. */
  get delivered(): number {
    return this.#packets;
  }

  /** Takes note of places in it from now on. @param noted told of each, and of how many records lie between it and the one before */
  note(places: FilePlaces, noted: ((records: number) => void) | null): void {
    if (this.#unpacking !== null || this.reader.place === undefined) return;
    this.#noting = places;
    this.#noted = noted;
    this.#due = places.due;
  }

  /** Goes on to where so many records have been delivered; whatever is between is delivered to nobody. */
  async advance(delivered: number, places: FilePlaces | null, flow: Flow): Promise<void> {
    const { reader } = this;
    if (this.#packets < delivered && places !== null && this.#leap(places, delivered)) this.isReady = reader.next(this.record);
    while (this.isReady || (await this.refill(flow))) {
      if (this.#packets >= delivered) return;
      this.#packets++;
      this.isReady = reader.next(this.record);
    }
  }

  /** Leaves out so many of the next records at the most; returns how many. @param places where it may go on */
  leave(most: number, places: FilePlaces | null): number {
    const before = this.#packets;
    if (places !== null && this.#leaps < LEAPS) this.#leap(places, before + most);
    const left = before + most - this.#packets;
    if (left > 0) this.#packets += this.reader.pass?.(left, this.record) ?? 0;
    return this.#packets - before;
  }

  /** On to the last place before which there are no more than so many records, where that is further than what is here. */
  #leap(places: FilePlaces, records: number): boolean {
    const { reader, source } = this;
    const { offset, left } = reader;
    if (offset === undefined || left === undefined) return false;
    const index = places.before(records);
    if (index < 0) return false;
    const at = places.offset(index);
    if (at - offset < Math.min(left, WORTH_A_LEAP)) return false;
    const place = places.place(index);
    if (place.records <= this.#packets) return false;
    const chunk = source.leap?.(at, places.offset(index + 1) - at) ?? null;
    if (chunk === null) return false;
    this.#leaps++;
    reader.resume?.(place);
    reader.push(chunk);
    // Whether the next record is out of time is told by the one before it.
    this.record.seconds = place.seconds;
    this.record.nanos = place.nanos;
    this.#packets = place.records;
    return true;
  }

  /** Reads on until there is a record; false at the end, at damage, or when stopped. */
  async refill(flow: Flow): Promise<boolean> {
    this.isReady = await this.#refill(flow);
    if (this.isReady) this.#begins ??= { seconds: this.record.seconds, nanos: this.record.nanos };
    return this.isReady;
  }

  async #refill(flow: Flow): Promise<boolean> {
    const { reader, record } = this;
    if (this.#complete) return false;
    this.#leaps = 0;
    while (reader.damage === null) {
      if (this.#unpackedBytes > 0) await flow.parsed();
      const chunk = flow.stopped() ? null : await this.#chunks.next();
      if (chunk === null || flow.stopped()) return false; // what is left of a record is not damage then
      if (chunk.done === true) {
        reader.end();
        if (reader.next(record)) return true;
        break;
      }
      this.#unpackedBytes += chunk.value.length;
      reader.push(chunk.value);
      if (reader.next(record)) return true;
    }
    this.#complete = true;
    return false;
  }

  /** Takes note of the record that is about to be delivered. */
  count(): void {
    const { record } = this;
    const { seconds, nanos } = record;
    this.#packets++;
    if (record.linkType !== this.#lastLinkType) {
      this.#lastLinkType = record.linkType;
      this.#linkTypes.add(record.linkType);
    }
    if (seconds < this.#seconds || (seconds === this.#seconds && nanos < this.#nanos)) this.#countReversal();
    else if (this.#first === null && record.hasTime) this.#first = { seconds, nanos };
    this.#seconds = seconds;
    this.#nanos = nanos;
    if (this.#packets === this.#due) this.#note();
  }

  async close(): Promise<void> {
    await this.source.close();
    await this.#chunks.return?.();
  }

  /** @param stopped the sink had enough */
  facts(stopped: boolean): CaptureFileFacts {
    const { reader, source } = this;
    const linkTypes = this.#linkTypes.size > 0 ? this.#linkTypes : new Set(reader.interfaces.map((i) => i.linkType));
    // What is wrong with the octets that the reader was given: it may have noticed that they ended, and does not know why.
    const [why, ...more] = (this.#complete ? [source.failure, this.#unpacking?.damage] : []).filter((text) => typeof text === 'string');
    const cut: Damage | null = why === undefined ? null : { fileOffset: this.#unpackedBytes, recordsBefore: this.#packets, what: why };
    const unsaid = reader.damage === null || why === undefined ? more : [why, ...more];
    const behind = this.#unpacking?.behind ?? null;
    return {
      path: source.path,
      format: reader.format,
      compression: this.#unpacking?.packing.name ?? null,
      bytes: Math.max(source.bytesRead, source.size ?? 0),
      packets: this.#packets,
      linkTypes: [...linkTypes],
      interfaces: reader.interfaces,
      damage: reader.damage ?? cut,
      warnings: [...reader.warnings, ...this.#reversalWarning(), ...unsaid, ...(behind === null ? [] : [behind])],
      endTime: reader.endTime,
      reportedDrops: reader.reportedDrops,
      names: reader.names ?? [],
      firstTime: this.#first,
      lastTime: this.#first && { seconds: this.#seconds, nanos: this.#nanos },
      complete: this.#complete && !stopped,
    };
  }

  #note(): void {
    const place = this.reader.place?.(this.record) ?? null;
    if (place === null || this.#noting === null) return;
    const records = this.#noting.add(place);
    this.#due = this.#noting.due;
    this.#noted?.(records);
  }

  #countReversal(): void {
    const { record } = this;
    const step = this.#seconds - record.seconds + (this.#nanos - record.nanos) / NANOS_PER_SECOND;
    if (this.#reversals === 0) this.#firstReversal = this.#packets;
    this.#reversals++;
    if (step > this.#largestReversal) this.#largestReversal = step;
  }

  #reversalWarning(): readonly string[] {
    if (this.#reversals === 0) return [];
    const by = durationText(this.#largestReversal);
    if (this.#reversals === 1) return [`time goes backwards at packet ${this.#firstReversal}, by ${by}`];
    return [`time goes backwards ${countText(this.#reversals)} times, first at packet ${this.#firstReversal}, by up to ${by}`];
  }
}

/** The stream's first octets, as many as it takes to tell its format, and the stream with them still in it. */
async function peek(stream: AsyncIterable<Uint8Array>): Promise<{ head: Uint8Array; chunks: AsyncIterator<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  let ended = false;
  while (!ended && head.length < octetsToTell(head)) {
    const kept = head.slice(); // a chunk is good until the next is asked for
    const chunk = await iterator.next();
    if (chunk.done === true) {
      ended = true;
      head = kept;
    } else head = kept.length === 0 ? chunk.value : joined(kept, chunk.value);
  }
  let given = head.length === 0;
  return {
    head,
    chunks: {
      next: () => {
        if (given) return iterator.next();
        given = true;
        return Promise.resolve({ done: false, value: head });
      },
      return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    },
  };
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
