/**
 * Tuples that were used again while one end still held the connection before in TIME_WAIT: by client and service, straight
 * from the columns. Only connections with a predecessor are looked at.
 */
import type { ReuseGroup } from '../model/capture-view.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, connId, NANOS_PER_SECOND } from '../model/units.ts';
import { eventCause, eventFrom, eventKind, EventKind, eventSide, eventTo } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, pairOf } from '../track/layout.ts';
import { issOf, previousOf } from '../track/sequel.ts';
import { Cause } from '../track/transitions.ts';
import type { Census } from './census.ts';

/**
 * How far Linux puts the ISN of a connection that takes the place of a TIME_WAIT behind what that had sent: beyond an unscaled
 * window (linux: tcp_twsk_unique for the client, tcp_timewait_state_process for the server: tw_snd_nxt + 65535 + 2).
 */
const ISN_STEP = 65_537;

interface Held {
  readonly side: Side;
  /** TIME_WAIT to its end by the new connection, nanoseconds. */
  readonly age: number;
}

interface Group extends ReuseGroup {
  heldByClient: number;
  heldByServer: number;
  isnProven: number;
  shortestSeconds: number;
  readonly reuses: ConnId[];
  readonly ids: ConnId[];
}

export function reuseGroups(census: Census): readonly ReuseGroup[] {
  const { cores } = census.tracker.tables;
  const groups = new Map<string, Group>();
  /** The first connections of their tuples that are in a group. */
  const begun = new Set<number>();
  for (const id of census.onUsedTuples) {
    const before = previousOf(census.tracker.tables, cores.page(id), cores.offset(id)) - 1;
    const held = heldInTimeWait(census, before, id);
    if (held === null) continue;
    const key = `${String(census.serviceIndex(id))} ${String(census.clientAddress(id))}`;
    let group = groups.get(key);
    if (group === undefined) {
      const { ip, port } = census.serviceOf(connId(id));
      group = {
        client: census.connection(connId(id)).client.ip,
        service: { ip, port },
        tuples: 0,
        heldByClient: 0,
        heldByServer: 0,
        isnProven: 0,
        shortestSeconds: Infinity,
        reuses: [],
        ids: [],
      };
      groups.set(key, group);
    }
    if (!begun.has(before)) group.ids.push(connId(before));
    begun.add(id);
    group.ids.push(connId(id));
    group.reuses.push(connId(id));
    if (held.side === Side.CLIENT) group.heldByClient++;
    else group.heldByServer++;
    if (isnFollows(census, before, id, held.side)) group.isnProven++;
    group.shortestSeconds = Math.min(group.shortestSeconds, held.age / NANOS_PER_SECOND);
  }
  return [...groups.values()].map((g) => ({ ...g, tuples: g.ids.length - g.reuses.length, ids: g.ids.sort((a, b) => a - b) }));
}

/** The end of `before` whose TIME_WAIT the connection `id` ended, by its SYN, by its SYN-ACK, or by the RST to the ACK that refused it. */
function heldInTimeWait(census: Census, before: number, id: number): Held | null {
  const { cores, events } = census.tracker.tables;
  const first = cores.page(id)[cores.offset(id) + Core.FIRST_FRAME]!;
  let since = 0;
  for (let ref = events.first(before); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) !== EventKind.TRANSITION) continue;
    if (eventTo(code) === State.TIME_WAIT) since = events.time(ref);
    if (eventFrom(code) !== State.TIME_WAIT) continue;
    const cause = eventCause(code);
    if (cause === Cause.TUPLE_REUSED || (cause === Cause.RECEIVES_RST && events.frame(ref) >= first))
      return { side: eventSide(code) as Side, age: events.time(ref) - since };
  }
  return null;
}

/** Did the end that had been in TIME_WAIT choose its ISN as Linux does then? */
function isnFollows(census: Census, before: number, id: number, side: Side): boolean {
  const { cores, pairs } = census.tracker.tables;
  const ref = pairOf(cores.page(before), cores.offset(before));
  if (ref === 0) return false;
  const sent = pairs.word(ref - 1, side * HALF_STRIDE + Half.NXT);
  return ((issOf(census.tracker.tables, cores.page(id), cores.offset(id), side) - sent) | 0) === ISN_STEP;
}
