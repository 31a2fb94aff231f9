/**
 * A partial result: what one process has tracked of a capture, with the shards that it is of, so that others can be put beside it and the
 * rules run over all of them. Whole captures are one shard of one.
 */
import { TcpdiagError, UsageError } from '../model/errors.ts';
import { TOOL_VERSION } from '../model/version.ts';
import type { Shard } from '../track/shard.ts';
import type { Tracker } from '../track/tracker.ts';
import { recordsOf, type ShardRecords } from '../track/unite.ts';
import { sanitise } from '../model/sanitise.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { durationText } from '../model/wording.ts';
import { nanosBetween, type SharedState } from './shared-state.ts';

/** Frames lie in columns of signed 32-bit integers. */
const MAX_FRAMES = 2 ** 31 - 1;
/** Seconds by which a capture may begin before the one before it has ended: capturing programs rotate between two buffers. */
const MOST_OVERLAP = 1;

export interface PartialShard extends Shard {
  readonly records: ShardRecords;
}

/** What is there of one capture: files that were read together. */
export interface PartialCapture {
  readonly shared: SharedState;
  readonly shards: readonly PartialShard[];
}

export interface PartialResult {
  /** Of tcpdiag: what it keeps of a connection changes with versions. */
  readonly version: string;
  /** In order of time. They are joined when rules are to run, and not before: so it does not matter who was put together with whom first. */
  readonly captures: readonly PartialCapture[];
}

/** A partial result and the file that it is from. */
export interface Named {
  readonly path: string;
  readonly partial: PartialResult;
}

/** @throws TcpdiagError where connections were folded: their counts belong to no shard */
export function partialOf(shared: SharedState, shard: Shard, { tables, folded }: Tracker): PartialResult {
  if (folded.total > 0)
    throw new TcpdiagError('memory had run out and connections were folded into counts, which is no part of a whole.', {
      hint: 'More shards need less memory each; --max-memory allows more.',
    });
  return { version: TOOL_VERSION, captures: [{ shared, shards: [{ ...shard, records: recordsOf(tables) }] }] };
}

/** What is there of a capture, and the files that it is from. */
interface Found extends PartialCapture {
  readonly path: string;
}

/**
 * Partial results as one, in whatever order and however often they were put together before: shards of one capture, and captures that follow
 * each other in time.
 * @throws UsageError where captures overlap, or a shard is there twice
 */
export function together(parts: readonly Named[]): PartialResult {
  if (parts.length === 0) throw new TcpdiagError('there is no partial result to put together.');
  for (const { path, partial } of parts) {
    if (partial.version === TOOL_VERSION) continue;
    throw new UsageError(`"${sanitise(path)}" was written by tcpdiag ${sanitise(partial.version)}, and this is ${TOOL_VERSION}.`, {
      hint: 'What a partial result holds changes with versions: write and merge with the same one.',
    });
  }
  const groups: Found[][] = [];
  for (const { path, partial } of parts) {
    for (const capture of partial.captures) {
      const group = groups.find(([first]) => isSameCapture(first!.shared, capture.shared));
      if (group === undefined) groups.push([{ ...capture, path }]);
      else group.push({ ...capture, path });
    }
  }
  const captures = groups.map(wholeOf).sort((a, b) => (beginning(a) < beginning(b) ? -1 : 1));
  captures.forEach((capture, i) => {
    if (i > 0) refuseOverlap(captures[i - 1]!, capture);
  });
  const frames = captures.reduce((sum, { shared }) => sum + shared.reading.frames, 0);
  if (frames > MAX_FRAMES)
    throw new UsageError(`the captures have ${frames} packets together, and no more than ${MAX_FRAMES} have a number.`);
  return { version: TOOL_VERSION, captures };
}

/** All shards that there are of a capture. */
function wholeOf(group: readonly Found[]): Found {
  const [first] = group;
  const count = first!.shards[0]!.count;
  const owners = new Map<number, string>();
  for (const { path, shared, shards } of group) {
    if (shards[0]!.count !== count)
      throw new UsageError(
        `"${sanitise(first!.path)}" and "${sanitise(path)}" cannot be merged: one is of ${count} shards, the other of ${shards[0]!.count}.`,
      );
    if (!isReadAlike(first!.shared, shared))
      throw new UsageError(
        `"${sanitise(first!.path)}" and "${sanitise(path)}" cannot be merged: they were not read with the same options.`,
        {
          hint: '--captured-until and --profile must be the same for all shards of a capture.',
        },
      );
    for (const { index } of shards) {
      const before = owners.get(index);
      if (before !== undefined)
        throw new UsageError(`"${sanitise(before)}" and "${sanitise(path)}" both hold shard ${index + 1}/${count}: each is needed once.`);
      owners.set(index, path);
    }
  }
  const payload = group.every(({ shared }) => shared.reading.payload);
  const shared = { ...first!.shared, reading: { ...first!.shared.reading, payload } };
  return { ...first!, shared, shards: group.flatMap(({ shards }) => shards).sort((a, b) => a.index - b.index) };
}

/** Seconds; captures without a packet come last. */
const beginning = ({ shared: { reading } }: PartialCapture): number =>
  reading.frames === 0 ? Infinity : reading.clock.seconds + (reading.clock.nanos + reading.first) / NANOS_PER_SECOND;

/** Which packet came first could not be told: files that were rotated share a moment at most. */
function refuseOverlap(before: Found, after: Found): void {
  const seconds = overlap(before, after);
  if (seconds <= MOST_OVERLAP) return;
  throw new UsageError(
    `"${sanitise(before.path)}" and "${sanitise(after.path)}" are of different captures that overlap by ${durationText(seconds)}: only captures that follow each other can be joined.`,
    { hint: 'Give these captures to one command, which reads them in order of time; --shard I/N divides them among processes.' },
  );
}

/** Seconds by which a capture begins before the one before it has ended; below 0: between them. */
export function overlap({ shared: { reading: x } }: PartialCapture, { shared: { reading: y } }: PartialCapture): number {
  return x.frames === 0 || y.frames === 0 ? -Infinity : (x.last - y.first - nanosBetween(x.clock, y.clock)) / NANOS_PER_SECOND;
}

/** The shards of a capture that are not there, counted from 1 as `--shard` does. */
export function missingShards({ shards }: PartialCapture): readonly number[] {
  const have = new Set(shards.map(({ index }) => index));
  return Array.from({ length: shards[0]?.count ?? 0 }, (_, i) => i)
    .filter((i) => !have.has(i))
    .map((i) => i + 1);
}

/** Were both made of the same packets? */
function isSameCapture(a: SharedState, b: SharedState): boolean {
  const [x, y] = [a.reading, b.reading];
  const sizes = (facts: typeof x.facts): string => facts.map(({ bytes, packets }) => `${bytes}/${packets}`).join();
  if (sizes(x.facts) !== sizes(y.facts) || x.frames !== y.frames) return false;
  if (x.clock.seconds !== y.clock.seconds || x.clock.nanos !== y.clock.nanos) return false;
  return Buffer.compare(a.addresses, b.addresses) === 0;
}

/** Does the capture end at the same time in both, and were hosts taken for the same kernels? Else what follows would depend on who comes first. */
const isReadAlike = ({ reading: x }: SharedState, { reading: y }: SharedState): boolean =>
  x.last === y.last && x.ended === y.ended && x.profile === y.profile;
