/** Connections by how they ended, straight from the columns: the few that rules about closing have to look at. */
import type { ClientGroup, Endings, SharedEnd } from '../model/capture-view.ts';
import { type ConnId, connId, type ConnIds, type Nanos } from '../model/units.ts';
import { Side } from '../model/state.ts';
import { eventCause, eventKind, EventKind, eventSide } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, pairOf, Trait } from '../track/layout.ts';
import { closedAt } from '../track/sequel.ts';
import { Cause } from '../track/transitions.ts';
import type { Census } from './census.ts';
import { firstWhere } from './moments.ts';
import { sortTimes } from './sorting.ts';

/** Shared ends of one service that are looked into: a capture holds few restarts. */
const MOST_SHARED = 16;

/** Fills the lists while the census walks over all connections. */
export class EndingTally {
  readonly lists = {
    unreturnedFin: [] as ConnId[],
    repeatedFin: [] as ConnId[],
    dataAfterFin: [] as ConnId[],
    closedTogether: [] as ConnId[],
    openedTogether: [] as ConnId[],
  } satisfies Endings;

  /** @param word Core.STATE. @param pair the page with the connection's pair record, at `client`. */
  note(id: ConnId, word: number, pair: Int32Array, client: number): void {
    const server = client + HALF_STRIDE;
    if (pair[client + Half.SYN]! > 0 && pair[server + Half.SYN]! > 0) this.lists.openedTogether.push(id);
    const theirs = pair[client + Half.FLAGS]!;
    const ours = pair[server + Half.FLAGS]!;
    if (((theirs | ours) & HalfFlag.FIN_SENT) === 0) return;
    if (returned(theirs, ours) || returned(ours, theirs)) this.lists.unreturnedFin.push(id);
    if (inVain(pair, client) || inVain(pair, server)) this.lists.repeatedFin.push(id);
    if (pair[client + Half.AFTER_PEER_FIN]! > 0 || pair[server + Half.AFTER_PEER_FIN]! > 0) this.lists.dataAfterFin.push(id);
    if ((word & BOTH_CLOSED) === BOTH_CLOSED) this.lists.closedTogether.push(id);
  }
}

const BOTH_CLOSED = Trait.CLOSED_BY_CLIENT | Trait.CLOSED_BY_SERVER;

/** Acknowledged by an end that has sent no FIN of its own. */
const returned = (flags: number, other: number): boolean =>
  (flags & (HalfFlag.FIN_SENT | HalfFlag.FIN_ACKED)) === (HalfFlag.FIN_SENT | HalfFlag.FIN_ACKED) && (other & HalfFlag.FIN_SENT) === 0;

/** Sent again, and not acknowledged. */
const inVain = (pair: Int32Array, half: number): boolean =>
  pair[half + Half.FIN]! > 1 && (pair[half + Half.FLAGS]! & (HalfFlag.FIN_SENT | HalfFlag.FIN_ACKED)) === HalfFlag.FIN_SENT;

/** Clients that end at least `minimum` connections to one service by RST without an octet of payload from either end. */
export function silentResets(census: Census, minimum: number): ClientGroup[] {
  const { cores, pairs } = census.tracker.tables;
  const groups = new Map<string, ConnId[]>();
  for (const id of census.withRst()) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const ref = pairOf(core, c);
    if (ref === 0 || (core[c + Core.STATE]! & (Trait.SAW_SYN | Trait.SAW_SYN_ACK)) !== (Trait.SAW_SYN | Trait.SAW_SYN_ACK)) continue;
    if (pairs.word(ref - 1, Half.RST) === 0) continue;
    if (pairs.double(ref - 1, Half.PAYLOAD) + pairs.double(ref - 1, HALF_STRIDE + Half.PAYLOAD) > 0) continue;
    const key = `${String(census.serviceIndex(id))} ${String(census.clientAddress(id))}`;
    const list = groups.get(key);
    if (list) list.push(id);
    else groups.set(key, [id]);
  }
  return [...groups.values()]
    .filter((ids) => ids.length >= minimum)
    .map((ids) => {
      const { ip, port } = census.serviceOf(ids[0]!);
      return { client: census.connection(ids[0]!).client.ip, service: { ip, port }, ids };
    });
}

/** First FIN or RST of the end that closed first. */
interface Close {
  readonly id: ConnId;
  readonly at: number;
}

/**
 * Moments at which one host ended at least `minimum` established connections of one service `within` nanoseconds, and
 * none for as long afterwards. The largest of each service and side.
 */
export function sharedEnds(census: Census, minimum: number, within: number): SharedEnd[] {
  const out: SharedEnd[] = [];
  // A service is one host; its clients are many, and mostly none of them holds so many connections.
  const sides = census.clientCounts.most < minimum ? [Side.SERVER] : [Side.CLIENT, Side.SERVER];
  if ((census.traits & (Trait.COMPLETED | Trait.MIDSTREAM)) === 0) return out;
  for (const closes of closesOf(census, sides, minimum)) {
    const service = census.services[closes.service]!;
    const members = census.membersOf(closes.service);
    for (const side of sides) {
      const bursts = burstsOf(closes, side, minimum, within).flatMap((burst) => byHost(census, side, burst, minimum));
      for (const burst of bursts.toSorted((a, b) => b.length - a.length).slice(0, MOST_SHARED)) {
        const from = burst[0]!.at as Nanos;
        const until = burst.at(-1)!.at as Nanos;
        const ids = burst.map((close) => close.id).sort((a, b) => a - b);
        out.push({ service, side, from, until, ids, survivors: (most) => survivors(census, members, side, burst, until, most) });
      }
    }
  }
  return out;
}

/** Who closed connections of a service first, and when, in the order of their ids. Good until the next one is asked for. */
interface Closes {
  readonly service: number;
  readonly times: Float64Array;
  /** connection id * 2 + side */
  readonly ends: Int32Array;
  /** Room for as many times. */
  readonly sorted: Float64Array;
}

/** Of the services with at least `minimum` of them, one after the other; as many in one walk as there is room for. */
function* closesOf(census: Census, sides: readonly Side[], minimum: number): Generator<Closes> {
  const counts = census.totals.map(() => 0);
  for (let id = 0; id < census.connections; id++) {
    const s = census.serviceIndex(id);
    if (closedFirst(census, id, sides) !== -1) counts[s] = counts[s]! + 1;
  }
  const left = [...counts.keys()].filter((s) => counts[s]! >= minimum);
  while (left.length > 0) {
    let most = 0;
    let sum = 0;
    let services = 0;
    for (const s of left) {
      const larger = Math.max(most, counts[s]!);
      if (services > 0 && 3 * (sum + counts[s]!) + 2 * larger > census.connections) break;
      most = larger;
      sum += counts[s]!;
      services++;
    }
    yield* closesOfSome(census, sides, left.splice(0, services), counts, sum, most);
  }
}

/** Of these services, which have `sum` closes, and each no more than `most`. */
function* closesOfSome(
  census: Census,
  sides: readonly Side[],
  services: readonly number[],
  counts: readonly number[],
  sum: number,
  most: number,
): Generator<Closes> {
  const { buffer, byteOffset } = census.scratch.ints(3 * sum + 2 * most);
  const times = new Float64Array(buffer, byteOffset, sum);
  const sorted = new Float64Array(buffer, byteOffset + 8 * sum, most);
  const ends = new Int32Array(buffer, byteOffset + 8 * (sum + most), sum);
  /** By service: where its next one goes, from 1 on; 0: not one of these. */
  const next = new Int32Array(counts.length);
  let behind = 1;
  for (const s of services) {
    next[s] = behind;
    behind += counts[s]!;
  }
  const firsts = next.slice();
  for (let id = 0; id < census.connections; id++) {
    const s = census.serviceIndex(id);
    const i = next[s]! - 1;
    if (i < 0) continue;
    const side = closedFirst(census, id, sides);
    if (side === -1 || !putCloseTime(census, id, side, times, i)) continue;
    ends[i] = id * 2 + side;
    next[s] = i + 2;
  }
  for (const service of services) {
    const [from, to] = [firsts[service]! - 1, next[service]! - 1];
    yield { service, times: times.subarray(from, to), ends: ends.subarray(from, to), sorted };
  }
}

/** The end whose FIN or RST was the first in an established connection; -1 when there was none, both closed at once, or it is none of `sides`. */
function closedFirst(census: Census, id: number, sides: readonly Side[]): Side | -1 {
  const { cores } = census.tracker.tables;
  const core = cores.page(id);
  const c = cores.offset(id);
  const word = core[c + Core.STATE]!;
  if (pairOf(core, c) === 0 || (word & (Trait.COMPLETED | Trait.MIDSTREAM)) === 0 || census.legs.isFollower(id)) return -1;
  const closer = word & BOTH_CLOSED;
  if (closer !== Trait.CLOSED_BY_CLIENT && closer !== Trait.CLOSED_BY_SERVER) return -1;
  const side = closer === Trait.CLOSED_BY_CLIENT ? Side.CLIENT : Side.SERVER;
  return sides.includes(side) ? side : -1;
}

/** Its time; false: nobody knows it. A float64 that a function returns is an object. */
function putCloseTime(census: Census, id: number, side: Side, times: Float64Array, i: number): boolean {
  const { tables } = census.tracker;
  const { events } = tables;
  times[i] = closedAt(tables, id);
  if (times[i] > 0) return true;
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) !== EventKind.TRANSITION || eventSide(code) !== side) continue;
    const cause = eventCause(code);
    if (cause !== Cause.SENDS_FIN && cause !== Cause.SENDS_RST) continue;
    times[i] = events.time(ref);
    return true;
  }
  return false;
}

interface Burst {
  readonly from: number;
  readonly until: number;
  readonly closes: Close[];
}

/** Runs of closes that last no longer than `within` and are followed by none for as long. Found by the times alone: mostly there is none. */
function burstsOf({ times, ends, sorted: room }: Closes, side: Side, minimum: number, within: number): Close[][] {
  let count = 0;
  for (let i = 0; i < times.length; i++) if ((ends[i]! & 1) === side) room[count++] = times[i]!;
  if (count < minimum) return [];
  const sorted = room.subarray(0, count);
  sortTimes(sorted);
  const bursts: Burst[] = [];
  for (let last = 0; last < count; last++) {
    if (last + 1 < count && sorted[last + 1]! - sorted[last]! <= within) continue;
    const first = firstWithin(sorted, last, within);
    if (last - first + 1 >= minimum) bursts.push({ from: sorted[first]!, until: sorted[last]!, closes: [] });
  }
  if (bursts.length === 0) return [];
  // Mostly there is one, the last closes of the capture: nearly all others came before it.
  const earliest = bursts[0]!.from;
  for (let i = 0; i < times.length; i++) {
    if ((ends[i]! & 1) !== side || times[i]! < earliest) continue;
    const burst = burstAt(bursts, times[i]!);
    if (burst !== null) burst.closes.push({ id: connId(ends[i]! >> 1), at: times[i]! });
  }
  return bursts.map((burst) => burst.closes.sort((a, b) => a.at - b.at));
}

function burstAt(bursts: readonly Burst[], at: number): Burst | null {
  const burst = bursts[firstWhere(bursts.length, (n) => bursts[n]!.until >= at)];
  return burst !== undefined && burst.from <= at ? burst : null;
}

/** The first that is no more than `within` before the last one. */
const firstWithin = (times: Float64Array, last: number, within: number): number =>
  firstWhere(last, (n) => times[last]! - times[n]! <= within);

/** The bursts of each client by itself. */
function byHost(census: Census, side: Side, burst: Close[], minimum: number): Close[][] {
  if (side === Side.SERVER) return [burst];
  const clients = new Map<number, Close[]>();
  for (const close of burst) {
    const address = census.clientAddress(close.id);
    const list = clients.get(address);
    if (list) list.push(close);
    else clients.set(address, [close]);
  }
  return [...clients.values()].filter((list) => list.length >= minimum);
}

/**
 * Connections of the same host that were up at `until` and on which it spoke afterwards, other than by RST. Backwards, because where
 * there are many they began shortly before.
 */
function survivors(census: Census, ids: ConnIds, side: Side, burst: readonly Close[], until: number, most: number): number {
  const { cores, firstTimes, pairs } = census.tracker.tables;
  const start = (id: number): number => firstTimes.of(id);
  const ended = new Set<number>(burst.map((close) => close.id));
  const host = census.clientAddress(burst[0]!.id);
  let count = 0;
  for (let i = firstWhere(ids.length, (n) => start(ids.at(n)!) >= until) - 1; i >= 0 && count <= most; i--) {
    const id = ids.at(i)!;
    const core = cores.page(id);
    const c = cores.offset(id);
    const ref = pairOf(core, c);
    if (ref === 0 || (core[c + Core.STATE]! & (Trait.COMPLETED | Trait.MIDSTREAM)) === 0) continue;
    const half = side * HALF_STRIDE;
    // What the kernel still sends for a closed socket (the last ACKs, a FIN again, a RST) is no life.
    const closed = (pairs.word(ref - 1, half + Half.FLAGS) & (HalfFlag.FIN_SENT | HalfFlag.SENT_RST)) !== 0;
    if (pairs.double(ref - 1, half + (closed ? Half.LAST_DATA_TIME : Half.LAST_TIME)) <= until) continue;
    if (!ended.has(id) && (side === Side.SERVER || census.clientAddress(id) === host)) count++;
  }
  return count;
}
