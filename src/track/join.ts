/**
 * Puts what was tracked of a capture behind what was tracked of those before it: its connections become the newest ones, and those that
 * only go on are worked into the ones that they are (continuation.ts). What nobody continues ends by its timers, as it would have in one
 * reading.
 *
 * Which are one? A tuple's first connection of the later capture whose numbers go on where its newest before had stopped. A SYN of other
 * numbers is another connection, and ends what its sender had left of the one before.
 */
import { Flag } from '../model/flags.ts';
import { Side, State } from '../model/state.ts';
import { type FirstSegment, firstSegments } from './beginnings.ts';
import { Context } from './context.ts';
import { goOn, isSyn } from './continuation.ts';
import { expire, letPass, settleAll } from './due.ts';
import { eventCause, eventFrom, EventKind, eventKind, eventTo } from './events.ts';
import { hash } from './hash.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, pairOf, Sequel, sequelOf, Trait, tupleMeta } from './layout.ts';
import { issOf, previousOf } from './sequel.ts';
import type { Tables } from './tables.ts';
import { Counter, TimeSeries } from './time-series.ts';
import { type ArmedTimers, Timers } from './timers.ts';
import { Cause } from './transitions.ts';
import { type ShardRecords, unite } from './unite.ts';

/** RFC 7323 §2.3: no window reaches further. */
const MAX_WINDOW = 2 ** 30;
/** The same where both ends had closed: what is late then is a FIN, its acknowledgment, a RST. */
const AFTER_CLOSE = 2 ** 16;

const COMPLETED_ONCE = Trait.COMPLETED | Trait.ACK_IGNORED;

/** What became of connections at a border between two captures. */
export interface Border {
  /** Connections of both. */
  readonly joined: number;
  /** Of the later one, begun before it, without an earlier half. */
  readonly headless: number;
}

/** A connection of the later capture on the tuple of an earlier one: the same, or the next. */
interface Meeting {
  readonly earlier: number;
  readonly later: number;
  readonly same: boolean;
}

/** @param end of the later capture's observation */
export function join(tables: Tables, later: readonly ShardRecords[], end: number): Border {
  const { cores, flows, timers } = tables;
  const before = cores.length;
  const ids = unite(tables, later);
  const begun = new Map<number, readonly FirstSegment[]>();
  later.forEach(({ beginnings }, shard) => {
    for (const [id, segments] of firstSegments(beginnings)) begun.set(ids[shard]![id]!, segments);
  });
  const { meetings, headless } = meet(tables, before, begun);
  const met = new Map(meetings.map(({ earlier, later: id }) => [earlier, id]));
  const kept: ArmedTimers[] = [];
  const theirs = new Map<number, ArmedTimers[]>();
  for (const list of timers.armed) {
    kept.push(only(list, (ref) => !met.has(ref >> 1)));
    list.ref.forEach((ref, i) => {
      if (!met.has(ref >> 1)) return;
      const one = { ...list, at: list.at.slice(i, i + 1), ref: list.ref.slice(i, i + 1), generation: list.generation.slice(i, i + 1) };
      theirs.set(ref >> 1, [...(theirs.get(ref >> 1) ?? []), one]);
    });
  }
  const crossing = new Crossing(tables);
  const followers = followersOf(tables, before);
  for (const meeting of meetings) {
    const { later: id, same } = meeting;
    kept.push(...crossing.cross(meeting, theirs.get(meeting.earlier) ?? [], begun.get(id) ?? [], same ? (followers.get(id) ?? -1) : -1));
  }

  const same = meetings.filter(({ same: one }) => one);
  const heads = Int32Array.from({ length: cores.length }, (_, id) => id);
  for (const { earlier, later: id } of same) heads[id] = earlier;
  const newIds = closeUp(tables, heads, before);
  flows.enter(before);
  const left = kept.map((list) => only(list, (ref) => heads[ref >> 1] === ref >> 1));
  timers.become(left.map((list) => ({ ...list, ref: list.ref.map((ref) => newIds[ref >> 1]! * 2 + (ref & 1)) })));
  const x = new Context(tables);
  timers.finish(end, (kind, ref) => expire(x, kind, ref));
  settleAll(x, end);
  return { joined: same.length, headless };
}

function only(list: ArmedTimers, wanted: (ref: number) => boolean): ArmedTimers {
  const is = Array.from(list.ref, wanted);
  const has = (_: number, i: number): boolean => is[i]!;
  return { ...list, at: list.at.filter(has), ref: list.ref.filter(has), generation: list.generation.filter(has) };
}

/** By connection behind the border: the next one of its tuple. */
function followersOf(tables: Tables, border: number): ReadonlyMap<number, number> {
  const { cores } = tables;
  const followers = new Map<number, number>();
  for (let id = border; id < cores.length; id++) {
    const previous = previousOf(tables, cores.page(id), cores.offset(id)) - 1;
    if (previous >= 0) followers.set(previous, id);
  }
  return followers;
}

/** The tuples of both captures. @param border the first connection of the later one */
function meet(
  tables: Tables,
  border: number,
  begun: ReadonlyMap<number, readonly FirstSegment[]>,
): { readonly meetings: readonly Meeting[]; readonly headless: number } {
  const { cores } = tables;
  const meetings: Meeting[] = [];
  let headless = 0;
  for (let id = border; id < cores.length; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    if (previousOf(tables, core, c) !== 0) continue;
    // One that was met in the middle may have seen a SYN since.
    const begins = (core[c + Core.STATE]! & (Trait.SAW_SYN | Trait.MIDSTREAM)) === Trait.SAW_SYN && !begun.has(id);
    const earlier = newestBefore(tables, core, c);
    const same = earlier >= 0 && (begins ? isSameSyn(tables, earlier, id) : goesOn(tables, earlier, id, begun.get(id) ?? []));
    if (same || (begins && earlier >= 0)) meetings.push({ earlier, later: id, same });
    if (same || begins) continue;
    headless++;
    if (earlier >= 0) follow(tables, id, earlier);
  }
  return { meetings, headless };
}

function newestBefore({ flows, tags }: Tables, core: Int32Array, c: number): number {
  const [a, b, ports, meta] = [core[c]!, core[c + Core.ADDR_B]!, core[c + Core.PORTS]!, tupleMeta(core, c)];
  const h = hash(a, b, ports, meta);
  const id = flows.find(h, a, b, ports, meta);
  const canonical = id >= 0 ? -1 : tags.canonical(h, a, b, ports, meta);
  return canonical < 0 ? id : flows.find(hash(a, b, ports, canonical), a, b, ports, canonical);
}

/** The SYN of the earlier connection, sent again. */
function isSameSyn(tables: Tables, earlier: number, later: number): boolean {
  const { cores, pairs } = tables;
  const [a, c, b, d] = [cores.page(earlier), cores.offset(earlier), cores.page(later), cores.offset(later)];
  const [before, word] = [a[c + Core.STATE]!, b[d + Core.STATE]!];
  if ((before & Trait.SAW_SYN) === 0 || ((before ^ word) & Trait.CLIENT_IS_B) !== 0) return false;
  if (issOf(tables, a, c, 0) !== issOf(tables, b, d, 0)) return false;
  const pair = pairOf(a, c) - 1;
  if (pair < 0 || !isOver(before)) return true;
  // After a full life, another connection with the same ISN.
  const p = pairs.offset(pair);
  return (pairs.page(pair)[p + Half.FLAGS]! & pairs.page(pair)[p + HALF_STRIDE + Half.FLAGS]! & HalfFlag.FIN_SENT) === 0;
}

/**
 * Do the numbers of the later connection go on where those of the earlier one stopped? Those of its first segments say; where these were
 * not kept, those of its ends.
 */
function goesOn(tables: Tables, earlier: number, later: number, segments: readonly FirstSegment[]): boolean {
  const { cores, pairs } = tables;
  const [core, c] = [cores.page(later), cores.offset(later)];
  const ref = pairOf(core, c) - 1;
  if (ref < 0) return false;
  const x = new Context(tables);
  x.load(earlier, Side.CLIENT);
  const turned = ((x.core[x.c + Core.STATE]! ^ core[c + Core.STATE]!) & Trait.CLIENT_IS_B) !== 0;
  const reach = isOver(x.core[x.c + Core.STATE]!) ? AFTER_CLOSE : MAX_WINDOW;
  const next = [0, 1].map((side) => numberOf(x, turned ? 1 - side : side)); // by the later one's sides
  const near = (number: number, side: number): boolean | null => {
    const nxt = next[side]!;
    return nxt === null ? null : Math.abs((number - nxt) | 0) <= reach;
  };
  const [pair, pairF, p] = [pairs.page(ref), pairs.floatPage(ref), pairs.offset(ref)];
  const fits: (boolean | null)[] = [];
  for (const segment of segments) {
    if (isSyn(segment)) continue;
    const { side, seq, ack, flags } = segment;
    const both = [near(seq, side), (flags & Flag.ACK) === 0 ? null : near(ack, 1 - side)];
    // What refuses has no numbers of its own.
    if ((flags & Flag.RST) === 0) fits.push(...both);
    else fits.push(both.includes(true) || (both.includes(false) ? false : null));
  }
  for (const side of segments.length > 0 ? [] : [0, 1]) {
    const half = p + side * HALF_STRIDE;
    if ((pair[half + Half.FLAGS]! & HalfFlag.NXT_KNOWN) === 0) continue;
    fits.push(near(pair[half + Half.NXT]! - (pairF[(half + Half.PAYLOAD) >> 1]! % 2 ** 32), side));
  }
  return fits.includes(true) && !fits.includes(false);
}

/** What an end of the connection at which `x` stands would send next; null: nobody knows. */
function numberOf(x: Context, side: number): number | null {
  if (!x.paired) return side === 0 || x.has(Trait.SAW_SYN_ACK) ? (x.iss(side) + 1) | 0 : null;
  return x.flag(x.half(side), HalfFlag.NXT_KNOWN) ? x.pair[x.half(side) + Half.NXT]! : null;
}

const isOver = (word: number): boolean => [word & 15, (word >>> 4) & 15].every((s) => s === State.CLOSED || s === State.TIME_WAIT);

/** Makes `earlier` the connection that had the tuple of `id` before. */
function follow(tables: Tables, id: number, earlier: number): void {
  const x = new Context(tables);
  x.load(id, Side.CLIENT);
  x.needSequel();
  x.sequel[x.s + Sequel.PREVIOUS] = earlier + 1;
}

/** Meetings are told one after the other, each with the timers of its connection alone, so that time goes on in each. */
class Crossing {
  readonly #tables: Tables;
  readonly #x: Context;

  constructor(tables: Tables) {
    this.#tables = tables;
    // Gauges and counters of the series are made otherwise.
    const own = { timers: { value: new Timers(tables.cores, tables.sequels) }, series: { value: new TimeSeries() } };
    this.#x = new Context(Object.create(tables, own) as Tables);
  }

  /**
   * Returns the timers of the connection that are armed afterwards.
   * @param follower the connection that takes the tuple from it in the later capture; -1 none
   */
  cross(
    { earlier, later, same }: Meeting,
    armed: readonly ArmedTimers[],
    segments: readonly FirstSegment[],
    follower: number,
  ): readonly ArmedTimers[] {
    const x = this.#x;
    const { timers } = x.tables;
    timers.become(armed);
    x.load(earlier, Side.CLIENT);
    const before = this.#traits(earlier);
    const behind = this.#traits(later);
    if (same) goOn(x, earlier, later, segments);
    else this.#replace(earlier, later);
    if (follower >= 0) this.#replace(earlier, follower);
    if (same) this.#recount(earlier, later, before, behind);
    return timers.armed.filter(({ ref }) => ref.length > 0);
  }

  /** Another connection takes the tuple. */
  #replace(earlier: number, later: number): void {
    const x = this.#x;
    const { firstTimes, events } = x.tables;
    follow(this.#tables, later, earlier);
    x.load(later, Side.CLIENT);
    const opened = firstTimes.of(later);
    const frame = x.core[x.c + Core.FIRST_FRAME]!;
    const answered = x.has(Trait.SAW_SYN_ACK);
    const clientIsB = x.has(Trait.CLIENT_IS_B);
    let answer = 0;
    for (let ref = events.first(later); ref !== 0 && answer === 0; ref = events.next(ref))
      if (eventKind(events.code(ref)) === EventKind.TRANSITION && eventCause(events.code(ref)) === Cause.SENDS_SYN_ACK) answer = ref;
    letPass(x, earlier, opened);
    x.load(earlier, Side.CLIENT);
    const opener = x.has(Trait.CLIENT_IS_B) === clientIsB ? Side.CLIENT : Side.SERVER;
    const mine = x.state(opener);
    // Inside a live connection it is a stray SYN until a SYN-ACK says otherwise.
    const live = mine >= State.ESTABLISHED && mine !== State.TIME_WAIT && mine !== State.LAST_ACK;
    if (live && !answered) return;
    x.stepAt(opener, Cause.TUPLE_REUSED, frame, opened, false);
    if (answer !== 0) x.stepAt(1 - opener, Cause.TUPLE_REUSED, events.frame(answer), events.time(answer), false);
  }

  #traits(id: number): number {
    const { cores } = this.#tables;
    return cores.page(id)[cores.offset(id) + Core.STATE]!;
  }

  /** Counters of what happens once to a connection: to the later capture a SYN-ACK that comes again is the first. */
  #recount(earlier: number, later: number, before: number, behind: number): void {
    const { firstTimes, events, series } = this.#tables;
    const began = firstTimes.of(later);
    const counted = (bits: number): number => [before, behind].filter((traits) => (traits & bits) !== 0).length;
    const after = this.#traits(earlier);
    if ((before & behind & Trait.SAW_SYN_ACK) !== 0) series.countAt(began, Counter.SYN_ANSWERED, -1);
    // A third ACK that was ignored was counted when it came.
    const completed = ((after & COMPLETED_ONCE) === 0 ? 0 : 1) - counted(COMPLETED_ONCE);
    let time = began;
    if (completed > 0)
      for (let ref = events.first(earlier); ref !== 0; ref = events.next(ref)) {
        const code = events.code(ref);
        if (eventKind(code) === EventKind.TRANSITION && eventTo(code) === State.ESTABLISHED) time = events.time(ref);
      }
    series.countAt(time, Counter.COMPLETED, completed);
    if (completed > 0 && (after & Trait.SAW_SYN) !== 0) series.connectedAt(time, time - firstTimes.of(earlier));
  }
}

/** Takes out the connections that have become part of another, `heads` by id, all of them behind the border, and returns the new ids. */
function closeUp(tables: Tables, heads: Int32Array, border: number): Int32Array {
  const { cores, firstTimes, sequels, tags, recorded, icmpReporters, takenForOld } = tables;
  const ids = heads.slice();
  let next = border;
  for (let id = border; id < ids.length; id++) {
    if (heads[id] !== id) {
      ids[id] = ids[heads[id]!]!;
      continue;
    }
    const ref = sequelOf(cores.page(id), cores.offset(id)) - 1;
    if (ref >= 0) {
      const sequel = sequels.page(ref);
      const s = sequels.offset(ref);
      if (sequel[s + Sequel.TAIL]! < 0) sequel[s + Sequel.TAIL] = ~next;
      if (sequel[s + Sequel.PREVIOUS] !== 0) sequel[s + Sequel.PREVIOUS] = ids[sequel[s + Sequel.PREVIOUS]! - 1]! + 1;
    }
    if (next !== id) {
      cores.move(id, next);
      firstTimes.move(id, next);
    }
    ids[id] = next++;
  }
  cores.truncate(next);
  tags.renumber(ids);
  recorded.renumber(ids);
  const reporters = [...icmpReporters];
  icmpReporters.clear();
  for (const [id, reporter] of reporters) if (!icmpReporters.has(ids[id]!)) icmpReporters.set(ids[id]!, reporter);
  const old = [...takenForOld];
  takenForOld.clear();
  for (const id of old) takenForOld.add(ids[id]!);
  return ids;
}

/** Makes the gauges of the time series anew: what was open at a border is missing in those of the later capture. */
export const recountGauges = (tables: Tables): void => tables.series.recount(transitionsOf(tables));

function* transitionsOf({ cores, events }: Tables): Generator<{ from: number; to: number; time: number }> {
  for (let id = 0; id < cores.length; id++) {
    for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
      const code = events.code(ref);
      if (eventKind(code) === EventKind.TRANSITION) yield { from: eventFrom(code), to: eventTo(code), time: events.time(ref) };
    }
  }
}
