/**
 * Who talks to whom: connections counted by client and service, by service, or by host, with the states of their sockets at the end.
 * Counted once per grouping, and kept until the analysis has gone on.
 */
import { countPeers, type PeerTally } from '../collect/peers.ts';
import { endpointText } from '../model/address.ts';
import { STATE_NAMES, State, type StateName } from '../model/state.ts';
import { Kept, type Standing } from './kept.ts';
import type { PeerGroup, PeerRow, PeerSort, Questions } from './protocol.ts';
import type { SocketSource } from './time-machine.ts';

/** Rows in one answer; a screen is a hundred lines high. */
const PAGE_LIMIT = 1_000;

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

function grouped(source: SocketSource, group: PeerGroup): readonly PeerRow[] {
  return countPeers(source.views, source.connections, group, source.shown).map((tally) => rowOf(source, group, tally));
}

function rowOf({ views, names }: SocketSource, group: PeerGroup, tally: PeerTally): PeerRow {
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
