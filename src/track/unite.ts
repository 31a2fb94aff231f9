/**
 * Puts together what the shards of one capture have tracked (shard.ts), so that the tables are those of a tracker that saw it all: the
 * connections in the order in which they were opened, with their ids, counters summed. What belongs to no connection every shard has.
 *
 * Records stay in the pages that they lie in, wherever these came from; only core records are copied, into their new order.
 */
import type { BeginningsState } from './beginnings.ts';
import type { CopyCounts } from './copies.ts';
import type { Followed } from './checksums.ts';
import type { EventPages } from './event-entries.ts';
import { firstTimeIn, type FirstTimeColumns } from './first-times.ts';
import { Core, CORE_STRIDE, Pair, pairOf, Rare, Sequel, sequelOf, Trouble, TROUBLE_HALF, Turn } from './layout.ts';
import { RecordPages } from './pages.ts';
import type { Hello } from './seen-names.ts';
import type { SeriesSums } from './time-series.ts';
import type { Tables } from './tables.ts';
import type { ArmedTimers } from './timers.ts';

export interface RecordList {
  readonly pages: readonly Int32Array[];
  readonly length: number;
}

export const RECORD_KINDS = ['cores', 'sequels', 'pairs', 'copied', 'troubles', 'holes', 'rares', 'delays'] as const;
type Kind = (typeof RECORD_KINDS)[number];

/** What one shard has and no other. Plain data over pages that can be shared with another thread, or written to a file. */
export interface ShardRecords {
  readonly records: Readonly<Record<Kind, RecordList>>;
  readonly firstTimes: FirstTimeColumns;
  readonly events: EventPages;
  readonly series: SeriesSums;
  /** By id: the frame with which a connection was opened that begins with an earlier one. */
  readonly openedLate: ReadonlyMap<number, number>;
  readonly hellos: readonly Hello[];
  readonly icmpReporters: ReadonlyMap<number, number>;
  readonly takenForOld: ReadonlySet<number>;
  readonly cutIds: ReadonlySet<number>;
  readonly copies: CopyCounts;
  /** Segments with a wrong checksum that belong to its connections, and what became of all that were followed. */
  readonly wrong: { readonly segments: readonly Followed[]; readonly taken: number; readonly repeated: number };
  readonly aliases: Int32Array;
  readonly timers: readonly ArmedTimers[];
  readonly beginnings: BeginningsState;
}

export function recordsOf(tables: Tables): ShardRecords {
  tables.packer.stop();
  const { recorded, copies } = tables;
  const records = Object.fromEntries(
    RECORD_KINDS.map((kind) => [kind, { pages: pagesOf(tables, kind).ints, length: pagesOf(tables, kind).length }]),
  );
  return {
    records: records as unknown as ShardRecords['records'],
    firstTimes: tables.firstTimes.columns,
    events: tables.events.pages,
    series: tables.series.sums,
    openedLate: tables.openedLate,
    hellos: tables.names.hellos,
    icmpReporters: tables.icmpReporters,
    takenForOld: tables.takenForOld,
    cutIds: recorded.cuts.ids,
    copies: copies.counts,
    wrong: recorded.checksums.own,
    aliases: tables.tags.aliases,
    timers: tables.timers.armed,
    beginnings: tables.beginnings.state,
  };
}

/**
 * Puts the shards of a capture into tables that hold nothing yet, or behind what these hold of captures before. No packet can be tracked any
 * more: connections are looked up, once the flow table has them, and ended by their timers. Returns the new ids of each shard's connections.
 */
export function unite(tables: Tables, shards: readonly ShardRecords[]): readonly Int32Array[] {
  const ids = shards.map(({ records }) => new Int32Array(records.cores.length));
  tables.packer.stop();
  const { cores, firstTimes, timers, budget } = tables;
  const bases = shards.map((shard) => appended(tables, shard));
  for (const { shard, id } of inOrder(shards)) {
    const to = cores.add();
    ids[shard]![id] = to;
    const { pages } = shards[shard]!.records.cores;
    const page = pages[id >>> cores.bits]!;
    const at = (id & cores.mask) * CORE_STRIDE;
    const target = cores.page(to);
    const there = cores.offset(to);
    for (let i = 0; i < CORE_STRIDE; i++) target[there + i] = page[at + i]!;
    firstTimes.now = firstTimeIn(shards[shard]!.firstTimes, id, cores.bits, page, at);
    target[there + Core.FIRST_TIME] = firstTimes.add(to);
    moved(tables, target, there, to, bases[shard]!, ids[shard]!);
    // Where the last record of a page is copied, the page is room for the next ones.
    if ((id & cores.mask) === cores.mask && page.byteLength === page.buffer.byteLength) budget.outgrown.give(page.buffer);
  }
  tables.names.become([...tables.names.hellos, ...shards.flatMap(({ hellos }) => hellos)]);
  shards.forEach((shard, i) => {
    tables.series.add(shard.series);
    tables.copies.counts.add(shard.copies);
    tables.tags.addAliases(shard.aliases, ids[i]!);
  });
  unitedIds(tables, shards, ids);
  const added = shards.flatMap((shard, i) => shard.timers.map((list) => ({ ...list, ref: list.ref.map((ref) => endOf(ref, ids[i]!)) })));
  timers.become([...timers.armed, ...added]);
  return ids;
}

/** The pages of one kind of record, of which none is packed. */
function pagesOf(tables: Tables, kind: Kind): RecordPages {
  const records = tables[kind];
  return records instanceof RecordPages ? records : records.live;
}

/** The end of a connection, by its new id. */
const endOf = (ref: number, ids: Int32Array): number => ids[ref >> 1]! * 2 + (ref & 1);

/** What must be added to the references of a shard's records. */
type Bases = Readonly<Record<Exclude<Kind, 'cores'> | 'events', number>>;

function appended(tables: Tables, { records, events }: ShardRecords): Bases {
  const base = (kind: Exclude<Kind, 'cores'>): number => pagesOf(tables, kind).append(records[kind].pages, records[kind].length);
  return {
    sequels: base('sequels'),
    pairs: base('pairs'),
    copied: base('copied'),
    troubles: base('troubles'),
    holes: base('holes'),
    rares: base('rares'),
    delays: base('delays'),
    events: tables.events.append(events),
  };
}

/** All connections, in the order in which they were opened. One frame opens one. One object for all. */
function* inOrder(all: readonly ShardRecords[]): Generator<{ shard: number; id: number }> {
  const place = { shard: 0, id: 0 };
  const next = all.map(() => 0);
  const frames = all.map((shard) => openedAt(shard, 0));
  for (;;) {
    place.shard = -1;
    let soonest = Infinity;
    for (let i = 0; i < frames.length; i++) {
      if (frames[i]! >= soonest) continue;
      soonest = frames[i]!;
      place.shard = i;
    }
    const { shard } = place;
    if (shard < 0) return;
    place.id = next[shard]!++;
    frames[shard] = openedAt(all[shard]!, next[shard]!);
    yield place;
  }
}

/** The frame with which a connection of a shard was opened; Infinity behind the last. */
function openedAt({ records, openedLate }: ShardRecords, id: number): number {
  const { pages, length } = records.cores;
  if (id >= length) return Infinity;
  const late = openedLate.size === 0 ? undefined : openedLate.get(id);
  const perPage = pages[0]!.length / CORE_STRIDE;
  return late ?? pages[Math.floor(id / perPage)]![(id % perPage) * CORE_STRIDE + Core.FIRST_FRAME]!;
}

/** Corrects all references of connection `id`, whose core record is at `c`; its records are in the pages of `tables` already. */
function moved(tables: Tables, core: Int32Array, c: number, id: number, bases: Bases, ids: Int32Array): void {
  if (sequelOf(core, c) === 0) return;
  const ref = sequelOf(core, c) - 1 + bases.sequels;
  core[c + Core.SEQUEL] = ref + 1;
  const sequel = tables.sequels.page(ref);
  const s = tables.sequels.offset(ref);
  if (sequel[s + Sequel.PREVIOUS] !== 0) sequel[s + Sequel.PREVIOUS] = ids[sequel[s + Sequel.PREVIOUS]! - 1]! + 1;
  const head = sequel[s + Sequel.HEAD]!;
  sequel[s + Sequel.HEAD] = head < 0 ? ~event(~head, bases.events) : event(head, bases.events);
  const tail = sequel[s + Sequel.TAIL]!;
  sequel[s + Sequel.TAIL] = tail < 0 ? ~id : event(tail, bases.events);
  if (pairOf(core, c) === 0) return;
  const pair = pairOf(core, c) - 1 + bases.pairs;
  core[c + Core.PAIR] = pair + 1;
  const words = tables.pairs.page(pair);
  const p = tables.pairs.offset(pair);
  shift(words, p + Turn.DELAYS, bases.delays);
  const rare = shift(words, p + Pair.RARE, bases.rares);
  if (rare > 0) shift(tables.rares.page(rare - 1), tables.rares.offset(rare - 1) + Rare.COPIES, bases.copied);
  const trouble = shift(words, p + Pair.TROUBLE, bases.troubles);
  if (trouble === 0) return;
  const both = tables.troubles.page(trouble - 1);
  const t = tables.troubles.offset(trouble - 1);
  for (const half of [t, t + TROUBLE_HALF]) shift(both, half + Trouble.HOLE_LIST, bases.holes);
}

/** A reference to the log, which is 0 for none. */
const event = (ref: number, base: number): number => (ref === 0 ? 0 : ref + base);

/** The same of an index + 1 in a word; returns what it has become. */
function shift(words: Int32Array, at: number, base: number): number {
  if (words[at] !== 0) words[at] = words[at]! + base;
  return words[at];
}

/** Lists of connections' ids, of all shards. */
function unitedIds({ icmpReporters, takenForOld, recorded }: Tables, all: readonly ShardRecords[], ids: readonly Int32Array[]): void {
  const { cuts, checksums } = recorded;
  const known = checksums.own;
  all.forEach((shard, i) => {
    for (const [id, reporter] of shard.icmpReporters) icmpReporters.set(ids[i]![id]!, reporter);
    for (const id of shard.takenForOld) takenForOld.add(ids[i]![id]!);
  });
  cuts.become([...cuts.ids, ...all.flatMap((shard, i) => Array.from(shard.cutIds, (id) => ids[i]![id]!))]);
  const more = all.map(({ wrong }, i) => ({ ...wrong, segments: wrong.segments.map((s) => ({ ...s, id: ids[i]![s.id]! })) }));
  checksums.become([known, ...more]);
}
