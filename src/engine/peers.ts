/**
 * Who talks to whom: connections counted by client and service, by service, or by host, with the states of their sockets at the end.
 *
 * One walk over the connections per grouping, kept until the analysis has gone on. In a flood each forged source has one connection:
 * where there are many of those, they share one row per service, so that they do not hide who really talks.
 */
import { hostOf } from '../collect/hosts.ts';
import { endpointText } from '../model/address.ts';
import type { Outcome } from '../model/connection.ts';
import { Side, STATE_NAMES, State, type StateName } from '../model/state.ts';
import { Kept, type Standing } from './kept.ts';
import type { PeerGroup, PeerRow, PeerSort, Questions } from './protocol.ts';
import type { SocketSource } from './time-machine.ts';

/** Rows in one answer; a screen is a hundred lines high. */
const PAGE_LIMIT = 1_000;
/** Rows of a grouping; those with the most connections. */
const MAX_ROWS = 10_000;
/** From so many pairs on those with a single connection share a row per service. */
const FOLD_FROM = 200;
const PORTS = 65_536;

const TROUBLE: ReadonlySet<Outcome> = new Set<Outcome>(['refused', 'unanswered', 'abandoned', 'half-open', 'reset', 'leaked']);
const SOCKET_STATES = STATE_NAMES.filter((_, state) => state !== State.CLOSED && state !== State.LISTEN);

export class Peers {
  readonly #source: () => SocketSource;
  readonly #standing: () => Standing;
  readonly #grouped: Readonly<Record<PeerGroup, Kept<readonly PeerRow[]>>>;

  constructor(source: () => SocketSource, standing: () => Standing, now: () => number) {
    this.#source = source;
    this.#standing = standing;
    this.#grouped = { pairs: new Kept(now), services: new Kept(now), hosts: new Kept(now) };
  }

  page(ask: Questions['peers']['ask']): Questions['peers']['answer'] {
    const all = this.#grouped[ask.group].get('', this.#standing(), () => grouped(this.#source(), ask.group));
    const words = ask.match.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = all
      .filter((row) => words.every((word) => textOf(row).includes(word)))
      .sort(
        (a, b) => (ask.descending ? -1 : 1) * compare(a, b, ask.sort) || b.connections - a.connections || (nameOf(a) < nameOf(b) ? -1 : 1),
      );
    const offset = Math.max(0, Math.floor(ask.offset));
    return {
      total: rows.length,
      rows: rows.slice(offset, offset + Math.min(PAGE_LIMIT, Math.max(0, ask.limit))),
      states: SOCKET_STATES.filter((state) => all.some(({ states }) => (states[state] ?? 0) > 0)),
    };
  }
}

/** Counts of one row while they are made. */
interface Tally {
  /** Of the first connection: who it is about. */
  readonly id: number;
  readonly side: Side;
  clients: number;
  connections: number;
  trouble: number;
  packets: number;
  bytes: number;
  readonly states: Int32Array;
}

function grouped(source: SocketSource, group: PeerGroup): readonly PeerRow[] {
  const { views, connections, shown } = source;
  const tallies = new Map<number, Tally>();
  const key = keysOf(source, group);
  for (let id = 0; id < connections; id++) {
    if (shown?.(id) === false) continue;
    const c = views.connection(id);
    const trouble = TROUBLE.has(c.outcome);
    const sides = group === 'hosts' ? [Side.CLIENT, Side.SERVER] : [group === 'services' ? Side.SERVER : Side.CLIENT];
    for (const side of sides) {
      const { at, alone } = key(id, side);
      let tally = tallies.get(at);
      if (tally === undefined) {
        tally = { id, side, clients: 0, connections: 0, trouble: 0, packets: 0, bytes: 0, states: new Int32Array(STATE_NAMES.length) };
        tallies.set(at, tally);
      }
      if (alone) tally.clients++;
      // An end that talks to itself is one host.
      if (group !== 'hosts' || side === Side.CLIENT || c.client.ip !== c.server.ip) tally.connections++;
      if (trouble) tally.trouble++;
      tally.packets += c.client.packets + c.server.packets;
      tally.bytes += c.client.payloadBytes + c.server.payloadBytes;
      if (group === 'pairs' || side === Side.CLIENT) tally.states[c.client.state]!++;
      if (group === 'pairs' || side === Side.SERVER) tally.states[c.server.state]!++;
    }
  }
  return [...tallies.values()]
    .sort((a, b) => b.connections - a.connections || a.id - b.id)
    .slice(0, MAX_ROWS)
    .map((tally) => rowOf(source, group, tally));
}

/** In which row an end is counted, and whether it shares that row because it is the only connection of its client there. */
function keysOf(
  { views: { tables }, views, connections, shown }: SocketSource,
  group: PeerGroup,
): (id: number, side: Side) => { at: number; alone: boolean } {
  const serviceOf = (id: number): number => hostOf(tables, id, Side.SERVER) * PORTS + views.connection(id).server.port;
  if (group === 'hosts') return (id, side) => ({ at: hostOf(tables, id, side), alone: false });
  if (group === 'services') return (id) => ({ at: serviceOf(id), alone: false });
  /** Services and clients by their place of first appearance: both together fit a float64. */
  const services = new Map<number, number>();
  const clients = new Map<number, number>();
  const place = (places: Map<number, number>, of: number): number => {
    let at = places.get(of);
    if (at === undefined) places.set(of, (at = places.size));
    return at;
  };
  const stride = connections + 1;
  const pairOf = (id: number): number => place(services, serviceOf(id)) * stride + place(clients, hostOf(tables, id, Side.CLIENT));
  const counts = new Map<number, number>();
  for (let id = 0; id < connections; id++) {
    if (shown?.(id) === false) continue;
    const pair = pairOf(id);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  const folds = counts.size >= FOLD_FROM;
  return (id) => {
    const pair = pairOf(id);
    const alone = folds && counts.get(pair) === 1;
    // No client has the last place.
    return { at: alone ? place(services, serviceOf(id)) * stride + connections : pair, alone };
  };
}

function rowOf({ views, names }: SocketSource, group: PeerGroup, tally: Tally): PeerRow {
  const c = views.connection(tally.id);
  const hostIp = c.ends[tally.side].ip;
  const clientIp = group === 'services' || tally.clients > 1 ? null : group === 'hosts' ? hostIp : c.client.ip;
  const clientName = clientIp === null ? null : names.host(clientIp);
  const server = group === 'hosts' ? null : endpointText(c.server.ip, c.server.port);
  const serverName = server === null ? null : (names.service(c.server.ip, c.server.port) ?? names.host(c.server.ip));
  return {
    client: clientIp,
    ...(tally.clients > 1 ? { clients: tally.clients } : {}),
    server,
    ...(clientName === null ? {} : { clientName: clientName.name }),
    ...(serverName === null ? {} : { serverName: serverName.name }),
    connections: tally.connections,
    trouble: tally.trouble,
    packets: tally.packets,
    bytes: tally.bytes,
    states: statesOf(tally.states),
  };
}

function statesOf(counts: Int32Array): PeerRow['states'] {
  const states: Partial<Record<StateName, number>> = {};
  for (const state of SOCKET_STATES) {
    const count = counts[STATE_NAMES.indexOf(state)]!;
    if (count > 0) states[state] = count;
  }
  return states;
}

const nameOf = (row: PeerRow): string => `${row.client ?? ''} ${row.server ?? ''}`;
const textOf = (row: PeerRow): string =>
  `${nameOf(row)} ${row.clientName ?? ''} ${row.serverName ?? ''} ${Object.keys(row.states).join(' ')}`.toLowerCase();

function compare(a: PeerRow, b: PeerRow, sort: PeerSort): number {
  switch (sort) {
    case 'client':
    case 'server': {
      const [x, y] = [a[sort] ?? '', b[sort] ?? ''];
      return x < y ? -1 : x > y ? 1 : 0;
    }
    case 'connections':
    case 'trouble':
    case 'packets':
    case 'bytes':
      return a[sort] - b[sort];
    default:
      return (a.states[sort] ?? 0) - (b.states[sort] ?? 0);
  }
}
