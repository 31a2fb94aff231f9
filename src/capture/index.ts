/**
 * Captures in, records out: several inputs become one, in time order.
 *
 * One await per chunk, none per record. Each input keeps its own order even where its clock steps back; of records of the same
 * time, the input named first goes first. Damage ends its input, not the analysis; what is no capture at all is an exception.
 */
import { type CaptureFileFacts, Cursor, type Flow } from './cursor.ts';
import type { CaptureReader, RawRecord } from './reader.ts';
import { type CaptureInput, IterableSource, openInput } from './input.ts';
import { CHUNK, type ChunkSource } from './source.ts';
import { sum, type Waypoints } from './waypoints.ts';

export type { CaptureFileFacts } from './cursor.ts';
export type { CaptureInput } from './input.ts';
export type { CaptureTime } from './reader.ts';
export { linkTypeName } from './link-types.ts';
export { Waypoints } from './waypoints.ts';

export interface CaptureSink {
  /** One record, valid during the call, of input number `file`. False: enough, stop reading. */
  record(record: RawRecord, file: number): boolean;
  /** Once in AHEAD records, after one of them: whoever needs memory for the next ones, which `reader.ahead` tells, may fetch it for all at once. */
  ahead?(reader: CaptureReader, record: RawRecord): void;
  /** Where not every record has to be seen. */
  leaving?: {
    /** How many records from here on need not be seen; asked after a record. */
    readonly unwanted: () => number;
    /** So many of them will not be. */
    readonly passed: (records: number) => void;
  };
  /** After each chunk that was parsed; octets over all inputs. Reading goes on when the promise has settled. */
  chunk?(bytesRead: number, bytesTotal: number | null): void | Promise<void>;
}

export interface ReadOptions {
  /** Ends reading as if the input ended there; `complete` is false then. */
  readonly signal?: AbortSignal | undefined;
  /** Takes note of places on the way. */
  readonly noting?: Waypoints | undefined;
  /** What was noted when the same inputs were read before; for a sink that leaves out records. */
  readonly noted?: Waypoints | undefined;
}

/** Records between two calls of `CaptureSink.ahead`. */
export const AHEAD = 16;

/** Octets that the buffers of many files may take in all, and the least for each. */
const ALL_CHUNKS = 16 * CHUNK;
const LEAST_CHUNK = 64 * 1024;

/** @throws UnreadableError, UnknownFormatError */
export async function readCaptures(
  inputs: readonly CaptureInput[],
  sink: CaptureSink,
  options: ReadOptions = {},
): Promise<CaptureFileFacts[]> {
  const chunkSize = Math.max(LEAST_CHUNK, Math.min(CHUNK, Math.floor(ALL_CHUNKS / inputs.length)));
  const sources: ChunkSource[] = [];
  try {
    for (const input of inputs) sources.push(await openInput(input, chunkSize));
    return await readSources(sources, sink, options);
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

/** The same for bytes that are in memory or come from elsewhere; `name` stands for the path in messages. */
export function readStream(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  sink: CaptureSink,
  options: ReadOptions & { readonly name?: string } = {},
): Promise<CaptureFileFacts> {
  return readStreams([{ chunks, name: options.name ?? 'the stream' }], sink, options).then(([facts]) => facts!);
}

/** Several streams as one capture. */
export function readStreams(
  streams: readonly { readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>; readonly name: string }[],
  sink: CaptureSink,
  options: ReadOptions = {},
): Promise<CaptureFileFacts[]> {
  return readSources(
    streams.map(({ chunks, name }) => new IterableSource(name, chunks)),
    sink,
    options,
  );
}

async function readSources(sources: readonly ChunkSource[], sink: CaptureSink, options: ReadOptions): Promise<CaptureFileFacts[]> {
  const { signal } = options;
  const cursors: Cursor[] = [];
  const stop = (): void => void Promise.all(sources.map((source) => source.close()));
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  try {
    for (const [index, source] of sources.entries()) cursors.push(await Cursor.open(index, source));
    const stopped = await merge(cursors, sink, options);
    return cursors.map((cursor) => cursor.facts(stopped));
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(cursors.map((cursor) => cursor.close()));
  }
}

/** True when the sink had enough. */
async function merge(cursors: readonly Cursor[], sink: CaptureSink, { signal, noting, noted }: ReadOptions): Promise<boolean> {
  const total = cursors.reduce<number | null>((sum, { source }) => (sum === null || source.size === null ? null : sum + source.size), 0);
  const flow: Flow = {
    parsed: () =>
      sink.chunk?.(
        cursors.reduce((sum, { source }) => sum + source.bytesRead, 0),
        total,
      ),
    stopped: () => signal?.aborted === true,
  };
  for (const cursor of cursors) await cursor.refill(flow);
  const told = cursors.length === 1 ? null : (records: number): void => noting?.passed(cursors, records);
  noting?.begin(cursors).forEach((places, i) => cursors[i]!.note(places, told));
  let live = cursors.filter(({ isReady }) => isReady);
  while (live.length > 0) {
    const [first, second] = earliestTwo(live);
    const why = deliver(first, second, sink, noted);
    if (why === 'stopped') return true;
    if (why === 'overtaken') continue;
    if (noted !== undefined && cursors.length > 1 && (await leap(cursors, noted, sink, flow)))
      live = cursors.filter(({ isReady }) => isReady);
    else if (!(await first.refill(flow))) live.splice(live.indexOf(first), 1);
  }
  return false;
}

/** Of several inputs, on to the last stage that is known before the next record that is wanted; false where that is not ahead. */
async function leap(cursors: readonly Cursor[], noted: Waypoints, sink: CaptureSink, flow: Flow): Promise<boolean> {
  const frames = sum(cursors.map(({ delivered }) => delivered));
  const unwanted = sink.leaving?.unwanted() ?? 0;
  const stage = unwanted > 0 ? noted.stageBefore(frames + unwanted) : null;
  if (stage === null || sum(stage) <= frames) return false;
  for (const [i, cursor] of cursors.entries()) await cursor.advance(stage[i]!, noted.of(i, cursor), flow);
  sink.leaving?.passed(sum(cursors.map(({ delivered }) => delivered)) - frames);
  return true;
}

/** Delivers records of `first` for as long as none of the others' is due: of files that follow each other, a whole chunk. */
function deliver(first: Cursor, second: Cursor | null, sink: CaptureSink, noted: Waypoints | undefined): 'stopped' | 'dry' | 'overtaken' {
  const { reader, record, index } = first;
  const leaving = second === null ? sink.leaving : undefined;
  const places = noted?.of(index, first) ?? null;
  let left = AHEAD;
  do {
    first.count();
    if (!sink.record(record, index)) return 'stopped';
    if (--left === 0) {
      sink.ahead?.(reader, record);
      left = AHEAD;
    }
    if (leaving !== undefined) {
      const unwanted = leaving.unwanted();
      if (unwanted > 0) leaving.passed(first.leave(unwanted, places));
    }
    if (!reader.next(record)) {
      first.isReady = false;
      return 'dry';
    }
  } while (second === null || isBefore(first, second));
  return 'overtaken';
}

function isBefore(a: Cursor, b: Cursor): boolean {
  const [x, y] = [a.record, b.record];
  if (x.seconds !== y.seconds) return x.seconds < y.seconds;
  if (x.nanos !== y.nanos) return x.nanos < y.nanos;
  return a.index < b.index;
}

function earliestTwo(live: readonly Cursor[]): [Cursor, Cursor | null] {
  let first = live[0]!;
  let second: Cursor | null = null;
  for (let i = 1; i < live.length; i++) {
    const cursor = live[i]!;
    if (isBefore(cursor, first)) {
      second = first;
      first = cursor;
    } else if (second === null || isBefore(cursor, second)) second = cursor;
  }
  return [first, second];
}
