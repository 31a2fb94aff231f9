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
import type { SharedState } from './shared-state.ts';

export interface PartialShard extends Shard {
  readonly records: ShardRecords;
}

export interface PartialResult {
  /** Of tcpdiag: what it keeps of a connection changes with versions. */
  readonly version: string;
  readonly shared: SharedState;
  readonly shards: readonly PartialShard[];
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
  return { version: TOOL_VERSION, shared, shards: [{ ...shard, records: recordsOf(tables) }] };
}

/**
 * Partial results of one capture as one, in whatever order and however often they were put together before.
 * @throws UsageError where they are of different captures, or the same twice
 */
export function together(parts: readonly Named[]): PartialResult {
  const [first, ...others] = parts;
  if (first === undefined) throw new TcpdiagError('there is no partial result to put together.');
  for (const { path, partial } of parts) {
    if (partial.version === TOOL_VERSION) continue;
    throw new UsageError(`"${sanitise(path)}" was written by tcpdiag ${sanitise(partial.version)}, and this is ${TOOL_VERSION}.`, {
      hint: 'What a partial result holds changes with versions: write and merge with the same one.',
    });
  }
  for (const other of others) {
    const why = difference(first.partial, other.partial);
    if (why !== null) throw new UsageError(`"${sanitise(first.path)}" and "${sanitise(other.path)}" cannot be merged: ${why}.`);
  }
  const owners = new Map<number, string>();
  for (const { path, partial } of parts) {
    for (const { index, count } of partial.shards) {
      const before = owners.get(index);
      if (before !== undefined)
        throw new UsageError(`"${sanitise(before)}" and "${sanitise(path)}" both hold shard ${index + 1}/${count}: each is needed once.`);
      owners.set(index, path);
    }
  }
  return { ...first.partial, shards: parts.flatMap(({ partial }) => partial.shards).sort((a, b) => a.index - b.index) };
}

/** The shards of all that are not there, counted from 1 as `--shard` does. */
export function missingShards({ shards }: PartialResult): readonly number[] {
  const have = new Set(shards.map(({ index }) => index));
  return Array.from({ length: shards[0]?.count ?? 0 }, (_, i) => i)
    .filter((i) => !have.has(i))
    .map((i) => i + 1);
}

/** Why two partial results are not of one capture; null: they are. */
function difference(a: PartialResult, b: PartialResult): string | null {
  if (a.shards[0]?.count !== b.shards[0]?.count)
    return `one is of ${a.shards[0]?.count ?? 0} shards, the other of ${b.shards[0]?.count ?? 0}`;
  const [x, y] = [a.shared.reading, b.shared.reading];
  const sizes = (facts: typeof x.facts): string => facts.map(({ bytes, packets }) => `${bytes}/${packets}`).join();
  if (sizes(x.facts) !== sizes(y.facts) || x.frames !== y.frames || x.clock.seconds !== y.clock.seconds || x.clock.nanos !== y.clock.nanos)
    return 'they are of different captures, or read differently far';
  return Buffer.compare(a.shared.addresses, b.shared.addresses) === 0 ? null : 'they are of different captures';
}
