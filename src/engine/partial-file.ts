/**
 * Partial results in files: a magic line, then gzip (whose checksum finds damage) around a head and the pages of records as they lie in
 * memory. Written and read piece by piece. Meant for the same version of tcpdiag, which trusts it as its own memory: unlike a capture, a
 * partial result is not to be taken from strangers.
 */
import { createReadStream } from 'node:fs';
import { endianness } from 'node:os';
import { Readable } from 'node:stream';
import { deserialize, serialize } from 'node:v8';
import { createGunzip, createGzip } from 'node:zlib';
import { TcpdiagError, UnreadableError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { uncounted } from '../track/pages.ts';
import type { EventPages } from '../track/event-entries.ts';
import { RECORD_KINDS, type RecordList, type ShardRecords } from '../track/unite.ts';
import { MAGIC } from './partial-name.ts';
import type { Named, PartialCapture, PartialResult, PartialShard } from './partial.ts';

/** zlib's fastest: records are mostly zeros. */
const LEVEL = 1;
/** Octets of the head at most: names, lists of ids, hosts. What is longer is damage. */
const LONGEST_HEAD = 2 ** 28;
const LENGTH_OCTETS = 8;

/** Sizes of what lies behind the head, in its order. Words are of 4 octets. */
interface ListSize {
  readonly length: number;
  readonly pages: readonly number[];
}
interface ShardHead {
  readonly index: number;
  readonly count: number;
  readonly lists: readonly ListSize[];
  readonly events: {
    readonly length: number;
    readonly bases: readonly number[];
    readonly words: readonly number[];
    readonly exact: readonly boolean[];
  };
  readonly firstTimes: { readonly moments: Float64Array; readonly exact: readonly number[] };
  readonly others: Omit<ShardRecords, 'records' | 'firstTimes' | 'events'>;
}
interface CaptureHead extends Omit<PartialCapture, 'shards'> {
  readonly shards: readonly ShardHead[];
}
interface Head extends Omit<PartialResult, 'captures'> {
  readonly endianness: string;
  readonly captures: readonly CaptureHead[];
}

/** The octets of a file with it. */
export async function* partialFile(partial: PartialResult): AsyncGenerator<Uint8Array> {
  yield MAGIC;
  for await (const piece of Readable.from(pieces(partial)).pipe(createGzip({ level: LEVEL }))) yield piece as Buffer;
}

function headOf({ index, count, records: { records, firstTimes, events, ...others } }: PartialShard): ShardHead {
  const { length, bases, words, exact } = events;
  return {
    index,
    count,
    lists: RECORD_KINDS.map((kind) => ({ length: records[kind].length, pages: records[kind].pages.map((page) => page.length) })),
    firstTimes: { moments: firstTimes.moments, exact: firstTimes.exact.map((times) => times?.length ?? 0) },
    events: { length, bases, words: words.map((page) => page.length), exact: exact.map((times) => times !== null) },
    others,
  };
}

function* pieces({ version, captures }: PartialResult): Generator<Uint8Array> {
  const heads = captures.map(({ shared, shards }) => ({ shared, shards: shards.map(headOf) }));
  const head: Head = { version, endianness: endianness(), captures: heads };
  const octets = serialize(head);
  const length = Buffer.alloc(LENGTH_OCTETS);
  length.writeDoubleLE(octets.length);
  yield length;
  yield octets;
  for (const { records } of captures.flatMap(({ shards }) => shards)) {
    for (const kind of RECORD_KINDS) for (const page of records.records[kind].pages) yield octetsOf(page);
    for (const times of records.firstTimes.exact) if (times !== null) yield octetsOf(times);
    for (const page of records.events.words) yield octetsOf(page);
    for (const times of records.events.exact) if (times !== null) yield octetsOf(times);
  }
}

/** Memory that threads share is not written to a stream: a copy. */
const octetsOf = ({ buffer, byteOffset, byteLength }: Int32Array | Float64Array): Buffer =>
  Buffer.from(new Uint8Array(buffer, byteOffset, byteLength));

/** @throws UnreadableError */
export async function readPartial(path: string): Promise<Named> {
  const damaged = (cause?: unknown): UnreadableError =>
    new UnreadableError(`"${sanitise(path)}" is a partial result that is cut or damaged: write it again.`, { cause });
  const input = new Octets(createReadStream(path, { start: MAGIC.length }).pipe(createGunzip()));
  try {
    const length = (await input.take(LENGTH_OCTETS)).readDoubleLE();
    if (!(length > 0 && length <= LONGEST_HEAD)) throw damaged();
    const { endianness: order, version, captures: heads } = deserialize(await input.take(length)) as Head;
    if (order !== endianness()) throw new TcpdiagError(`"${sanitise(path)}" was written on a machine with another byte order.`);
    const captures: PartialCapture[] = [];
    for (const { shared, shards } of heads) {
      const read: PartialShard[] = [];
      for (const head of shards) read.push(await readShard(input, head));
      captures.push({ shared, shards: read });
    }
    await input.end();
    return { path, partial: { version, captures } };
  } catch (error) {
    throw error instanceof TcpdiagError ? error : damaged(error);
  }
}

async function readShard(input: Octets, { index, count, lists, firstTimes, events, others }: ShardHead): Promise<PartialShard> {
  const records: Record<string, RecordList> = {};
  for (const [i, { length: n, pages }] of lists.entries()) records[RECORD_KINDS[i]!] = { length: n, pages: await input.pages(pages) };
  const exact: (Float64Array | null)[] = [];
  for (const length of firstTimes.exact) exact.push(length === 0 ? null : await input.times(length));
  const eventPages = await readEvents(input, events);
  return {
    index,
    count,
    records: { ...others, records: records as ShardRecords['records'], firstTimes: { ...firstTimes, exact }, events: eventPages },
  };
}

async function readEvents(input: Octets, { length, bases, words, exact }: ShardHead['events']): Promise<EventPages> {
  const pages = await input.pages(words);
  const times: (Float64Array | null)[] = [];
  for (const [i, has] of exact.entries()) times.push(has ? await input.times(words[i]! / 4) : null);
  return { length, bases, words: pages, exact: times };
}

/** A stream of octets, taken in pieces of a wanted size. */
class Octets {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(stream: Readable) {
    this.#chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    const octets = Buffer.alloc(length);
    await this.#fill(octets);
    return octets;
  }

  async pages(words: readonly number[]): Promise<Int32Array[]> {
    const pages: Int32Array[] = [];
    for (const length of words) {
      const page = new Int32Array(uncounted(length * 4));
      await this.#fill(new Uint8Array(page.buffer));
      pages.push(page);
    }
    return pages;
  }

  async times(length: number): Promise<Float64Array> {
    const times = new Float64Array(uncounted(length * 8));
    await this.#fill(new Uint8Array(times.buffer));
    return times;
  }

  /** Nothing may come any more; the checksum is verified here. */
  async end(): Promise<void> {
    if (this.#chunk.length > 0 || (await this.#chunks.next()).done !== true) throw new RangeError('more octets than announced');
  }

  async #fill(target: Uint8Array): Promise<void> {
    let at = 0;
    while (at < target.length) {
      if (this.#chunk.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) throw new RangeError('fewer octets than announced');
        this.#chunk = next.value;
      }
      const piece = this.#chunk.subarray(0, target.length - at);
      target.set(piece, at);
      at += piece.length;
      this.#chunk = this.#chunk.subarray(piece.length);
    }
  }
}
