/** Connections by how they ended, straight from the columns: the few that rules about closing have to look at. */
import type { ClientGroup, Endings, SharedEnd } from '../model/capture-view.ts';
import { type ConnId, connId, type Nanos } from '../model/units.ts';
import { Side } from '../model/state.ts';
import { eventCause, eventKind, EventKind, eventSide } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Trait } from '../track/layout.ts';
import { Cause } from '../track/transitions.ts';
import type { Census } from './census.ts';

/** Shared ends of one service that are looked into: a capture holds few restarts. */
const MOST_SHARED = 16;

/** One pass over all connections. */
export function endingsOf(census: Census): Endings {
  const { cores, pairs } = census.tracker.tables;
  const out = {
    unreturnedFin: [] as ConnId[],
    repeatedFin: [] as ConnId[],
    dataAfterFin: [] as ConnId[],
    closedTogether: [] as ConnId[],
    openedTogether: [] as ConnId[],
  };
  for (let id = 0; id < census.tracker.connections; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const ref = core[c + Core.PAIR]!;
    if (ref === 0 || census.legs.isFollower(id)) continue;
    const word = core[c + Core.STATE]!;
    const pair = pairs.page(ref - 1);
    const client = pairs.offset(ref - 1);
    const server = client + HALF_STRIDE;
    if (pair[client + Half.SYN]! > 0 && pair[server + Half.SYN]! > 0) out.openedTogether.push(connId(id));
    const theirs = pair[client + Half.FLAGS]!;
    const ours = pair[server + Half.FLAGS]!;
    if (((theirs | ours) & HalfFlag.FIN_SENT) === 0) continue;
    if (returned(theirs, ours) || returned(ours, theirs)) out.unreturnedFin.push(connId(id));
    if (inVain(pair, client) || inVain(pair, server)) out.repeatedFin.push(connId(id));
    if (pair[client + Half.AFTER_PEER_FIN]! > 0 || pair[server + Half.AFTER_PEER_FIN]! > 0) out.dataAfterFin.push(connId(id));
    if ((word & BOTH_CLOSED) === BOTH_CLOSED) out.closedTogether.push(connId(id));
  }
  return out;
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
    const ref = core[c + Core.PAIR]!;
    if (ref === 0 || (core[c + Core.STATE]! & (Trait.SAW_SYN | Trait.SAW_SYN_ACK)) !== (Trait.SAW_SYN | Trait.SAW_SYN_ACK)) continue;
    const client = pairs.offset(ref - 1);
    if (pairs.page(ref - 1)[client + Half.RST] === 0) continue;
    const octets = pairs.floatPage(ref - 1);
    if (octets[(client + Half.PAYLOAD) >> 1]! + octets[(client + HALF_STRIDE + Half.PAYLOAD) >> 1]! > 0) continue;
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

/** First FIN or RST of one end that ended its established connection before the other end did; the columns hold no time of it. */
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
  for (const service of census.services) {
    if (service.total < minimum) continue;
    const closes: readonly [Close[], Close[]] = [[], []];
    for (const id of service.all()) {
      const side = closedFirst(census, id);
      if (side === null) continue;
      const at = closeTime(census, id, side);
      if (at !== null) closes[side].push({ id, at });
    }
    for (const side of [Side.CLIENT, Side.SERVER]) {
      const bursts = burstsOf(closes[side], minimum, within).flatMap((burst) => byHost(census, side, burst, minimum));
      for (const burst of bursts.toSorted((a, b) => b.length - a.length).slice(0, MOST_SHARED)) {
        const from = burst[0]!.at as Nanos;
        const until = burst.at(-1)!.at as Nanos;
        const ids = burst.map((close) => close.id).sort((a, b) => a - b);
        out.push({ service, side, from, until, ids, survivors: survivors(census, service.all(), side, burst, until) });
      }
    }
  }
  return out;
}

/** The end whose FIN or RST was the first in an established connection; null when there was none, or both closed at once. */
function closedFirst(census: Census, id: ConnId): Side | null {
  const { cores } = census.tracker.tables;
  const core = cores.page(id);
  const c = cores.offset(id);
  const word = core[c + Core.STATE]!;
  if (core[c + Core.PAIR] === 0 || (word & (Trait.COMPLETED | Trait.MIDSTREAM)) === 0) return null;
  const closer = word & BOTH_CLOSED;
  return closer === Trait.CLOSED_BY_CLIENT ? Side.CLIENT : closer === Trait.CLOSED_BY_SERVER ? Side.SERVER : null;
}

function closeTime(census: Census, id: ConnId, side: Side): number | null {
  const { cores, events } = census.tracker.tables;
  for (let ref = cores.page(id)[cores.offset(id) + Core.HEAD]!; ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) !== EventKind.TRANSITION || eventSide(code) !== side) continue;
    const cause = eventCause(code);
    if (cause === Cause.SENDS_FIN || cause === Cause.SENDS_RST) return events.time(ref);
  }
  return null;
}

/** Runs of closes that last no longer than `within` and are followed by none for as long. */
function burstsOf(closes: readonly Close[], minimum: number, within: number): Close[][] {
  if (closes.length < minimum) return [];
  const sorted = closes.toSorted((a, b) => a.at - b.at);
  const bursts: Close[][] = [];
  for (let last = 0, first = 0; last < sorted.length; last++) {
    while (sorted[last]!.at - sorted[first]!.at > within) first++;
    const next = sorted[last + 1];
    if (next && next.at - sorted[last]!.at <= within) continue;
    if (last - first + 1 >= minimum) bursts.push(sorted.slice(first, last + 1));
  }
  return bursts;
}

/** A service is one host; its clients are many. */
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

/** Connections of the same host that were up at `until` and on which it spoke afterwards, other than by RST. */
function survivors(census: Census, ids: readonly ConnId[], side: Side, burst: readonly Close[], until: number): number {
  const { cores, pairs } = census.tracker.tables;
  const ended = new Set<number>(burst.map((close) => close.id));
  const host = census.clientAddress(burst[0]!.id);
  let count = 0;
  for (const id of ids) {
    if (ended.has(id) || (side === Side.CLIENT && census.clientAddress(id) !== host)) continue;
    const c = cores.offset(id);
    const core = cores.page(id);
    if (cores.floatPage(id)[(c + Core.FIRST_TIME) >> 1]! >= until) break; // ids are in order of time
    const ref = core[c + Core.PAIR]!;
    if (ref === 0 || (core[c + Core.STATE]! & (Trait.COMPLETED | Trait.MIDSTREAM)) === 0) continue;
    const half = pairs.offset(ref - 1) + side * HALF_STRIDE;
    const times = pairs.floatPage(ref - 1);
    // What the kernel still sends for a closed socket (the last ACKs, a FIN again, a RST) is no life.
    const closed = (pairs.page(ref - 1)[half + Half.FLAGS]! & (HalfFlag.FIN_SENT | HalfFlag.SENT_RST)) !== 0;
    if (times[(half + (closed ? Half.LAST_DATA_TIME : Half.LAST_TIME)) >> 1]! > until) count++;
  }
  return count;
}
