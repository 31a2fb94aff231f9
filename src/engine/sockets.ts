/** The sockets that existed at one moment, as `ss -tan` would have listed them on each host. */
import { distinctHosts, hostOf } from '../collect/hosts.ts';
import type { Legs } from '../collect/legs.ts';
import { endpointText } from '../model/address.ts';
import type { Clock } from '../model/clock.ts';
import type { ConnectionView } from '../model/connection.ts';
import { type Names, NO_NAMES } from '../model/names.ts';
import type { SocketRow } from '../model/report.ts';
import { Side, State, stateName } from '../model/state.ts';
import type { ConnId, Nanos } from '../model/units.ts';
import type { Views } from '../track/views.ts';

/** Host by host in order of address, on each in order of connection. Rows are built one at a time. */
export function* socketsAt(
  views: Views,
  connections: number,
  when: Nanos,
  clock: Clock,
  legs: Pick<Legs, 'of'> | undefined,
  shows: Shows = null,
  names: Names = NO_NAMES,
): Generator<SocketRow> {
  for (const socket of hostByHost(views, heldAt(views, range(connections), when, shows), connections)) {
    const row = socketRow(views, socket, when, { clock, legs, names });
    if (row) yield row;
  }
}

function* range(end: number): Generator<number> {
  for (let i = 0; i < end; i++) yield i;
}

/** Which connections are reported; null: all. */
type Shows = ((id: number) => boolean) | null;

/**
 * Sockets as 2 × id + side, in order of connection.
 * @param ids every connection that has a socket at that moment, in order; others do no harm
 */
export function heldAt(views: Views, ids: Iterable<number>, when: Nanos, shows: Shows): number[] {
  const live: number[] = [];
  for (const id of ids) if (views.connection(id).start <= when) live.push(id);
  const replaced = replacedSockets(views, live, when);
  const held: number[] = [];
  for (const id of live) {
    if (shows?.(id) === false) continue;
    const c = views.connection(id);
    for (const side of [Side.CLIENT, Side.SERVER]) {
      const socket = 2 * id + side;
      if (!replaced.has(socket) && stateAt(c, side, when)) held.push(socket);
    }
  }
  return held;
}

/** Sorted as numbers of host and socket in one: a million rows in a few hundred milliseconds. */
export function hostByHost({ tables }: Views, sockets: readonly number[], connections: number): Float64Array {
  const hosts = Float64Array.from(sockets, (socket) => hostOf(tables, socket >> 1, socket & 1 ? Side.SERVER : Side.CLIENT));
  const ranks = new Map<number, number>();
  for (const { host } of distinctHosts(hosts.slice())) ranks.set(host, ranks.size);
  const stride = 2 * connections; // ranks and sockets each below 2^26: exact
  return hosts
    .map((host, i) => (ranks.get(host) ?? 0) * stride + (sockets[i] ?? 0))
    .sort()
    .map((key) => key % stride);
}

/** A tuple that was used again has one socket per host, the youngest connection's: those of the older ones. */
function replacedSockets(views: Views, live: readonly number[], when: Nanos): ReadonlySet<number> {
  const replaced = new Set<number>();
  for (const id of live) {
    const c = views.connection(id);
    if (c.previous === null) continue;
    for (const side of [Side.CLIENT, Side.SERVER]) {
      if (stateAt(c, side, when) === null) continue;
      const { name } = side === Side.CLIENT ? c.client : c.server;
      for (let older: ConnId | null = c.previous; older !== null;) {
        const o: ConnectionView = views.connection(older);
        const socket = 2 * older + (o.client.name === name ? Side.CLIENT : Side.SERVER);
        if (replaced.has(socket)) break; // and with it all that are older still
        replaced.add(socket);
        older = o.previous;
      }
    }
  }
  return replaced;
}

/** The state of one end at a moment, and since when; null when it has no socket then. */
export function stateAt(c: ConnectionView, side: Side, at: Nanos): { state: State; since: Nanos } | null {
  let state: State = State.CLOSED;
  let since = c.start;
  for (const t of c.transitions) {
    if (t.side !== side) continue;
    if (t.time > at) break;
    state = t.to;
    since = t.time;
  }
  return state === State.CLOSED || state === State.LISTEN ? null : { state, since };
}

/** What a row says beside the state. */
export interface RowContext {
  readonly clock: Clock;
  readonly legs: Pick<Legs, 'of'> | undefined;
  readonly names: Names;
}

/** @param socket 2 × id + side */
export function socketRow(views: Views, socket: number, at: Nanos, { clock, legs, names }: RowContext): SocketRow | null {
  const c = views.connection(socket >> 1);
  const side = socket & 1 ? Side.SERVER : Side.CLIENT;
  const held = stateAt(c, side, at);
  if (!held) return null;
  const [mine, other] = side === Side.CLIENT ? [c.client, c.server] : [c.server, c.client];
  const leg = legs?.of(c.id) ?? null;
  const localName = names.host(mine.ip);
  const remoteName = names.host(other.ip);
  return {
    type: 'socket',
    at: clock.text(at),
    host: mine.ip,
    local: endpointText(mine.ip, mine.port),
    remote: endpointText(other.ip, other.port),
    state: stateName(held.state),
    since: clock.text(held.since),
    basis: c.basis,
    connection: c.id,
    ...(leg === null ? {} : { leg: leg.leg }),
    ...(leg?.sameAs == null ? {} : { sameAs: leg.sameAs }),
    ...(localName === null ? {} : { localName: localName.name }),
    ...(remoteName === null ? {} : { remoteName: remoteName.name }),
  };
}
