/**
 * Connections counted by who talks to whom. The first walk over the columns says in which row each end is counted; only the rows with
 * the most connections are counted in full, by the second. In a flood each forged source has one connection: where there are many of
 * those, they share one row per service, so that they do not hide who really talks.
 */
import { type Outcome, OUTCOMES } from '../model/connection.ts';
import { Side, STATE_NAMES } from '../model/state.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import { hash } from '../track/hash.ts';
import { outcomeIndex } from '../track/outcome.ts';
import { countsOf } from '../track/sequel.ts';
import type { Views } from '../track/views.ts';
import { hostOf } from './hosts.ts';
import { sortInts } from './sorting.ts';

/** By client and service, by service, or by host. */
export type Grouping = 'pairs' | 'services' | 'hosts';

/** Rows of a grouping; those with the most connections. */
const MAX_ROWS = 10_000;
/** From so many pairs on those with a single connection share a row per service. */
const FOLD_FROM = 200;
const PORTS = 65_536;
/** In place of a host or a service: all of them. No host and no service has this number. */
const ALL = -1;

const TROUBLE: ReadonlySet<Outcome> = new Set<Outcome>(['refused', 'unanswered', 'abandoned', 'half-open', 'reset', 'leaked']);
const IS_TROUBLE = OUTCOMES.map((outcome) => TROUBLE.has(outcome));

export interface PeerTally {
  /** Its first connection, and the end of it that the row is about. */
  readonly id: number;
  readonly side: Side;
  /** How many clients share the row, because each has no other connection; 0: it is not shared. */
  readonly clients: number;
  readonly connections: number;
  trouble: number;
  packets: number;
  bytes: number;
  /** By State: sockets of both ends (pairs), of the server (services), of the host (hosts). */
  readonly states: Int32Array;
}

/** Rows with the most connections first. @param shown those to count; null: all */
export function countPeers(views: Views, connections: number, group: Grouping, shown: ((id: number) => boolean) | null): PeerTally[] {
  const { rows, rowOf } = placed(views, connections, group, shown);
  if (group === 'pairs') shareRows(rows);
  const chosen = mostConnections(rows);
  const tallies = Array.from(chosen, (row): PeerTally => ({
    id: rows.first[row]! >>> 1,
    side: rows.first[row]! & 1 ? Side.SERVER : Side.CLIENT,
    clients: rows.shared[row]!,
    connections: rows.count[row]!,
    trouble: 0,
    packets: 0,
    bytes: 0,
    states: new Int32Array(STATE_NAMES.length),
  }));
  const tallyOf = new Int32Array(rows.length).fill(-1);
  chosen.forEach((row, i) => (tallyOf[row] = i));
  const find = (row: number): PeerTally | undefined => tallies[tallyOf[rows.standIn[row]!]!];
  for (let id = 0; id < connections; id++) {
    const row = rowOf[group === 'hosts' ? 2 * id : id]!;
    if (row < 0) continue;
    const mine = find(row);
    const other = group === 'hosts' ? find(rowOf[2 * id + 1]!) : mine;
    if (mine === undefined && other === undefined) continue;
    const word = views.tables.cores.page(id)[views.tables.cores.offset(id) + Core.STATE]!;
    if (mine) addConnection(views, id, mine);
    // An end that talks to itself is one host.
    if (other && other !== mine) addConnection(views, id, other);
    if (mine && group !== 'services') mine.states[word & 15]!++;
    if (other) other.states[(word >>> 4) & 15]!++;
  }
  return tallies;
}

function addConnection({ tables, end }: Views, id: number, tally: PeerTally): void {
  if (IS_TROUBLE[outcomeIndex(tables, id, end)] === true) tally.trouble++;
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const ref = pairOf(core, c);
  if (ref === 0) {
    const counts = countsOf(tables, core, c);
    tally.packets += (counts & 0xffff) + (counts >>> 16);
    return;
  }
  const h = tables.pairs.offset(ref - 1);
  const pair = tables.pairs.page(ref - 1);
  tally.packets += pair[h + Half.PACKETS]! + pair[h + HALF_STRIDE + Half.PACKETS]!;
  const octets = tables.pairs.floatPage(ref - 1);
  tally.bytes += octets[(h + Half.PAYLOAD) >> 1]! + octets[(h + HALF_STRIDE + Half.PAYLOAD) >> 1]!;
}

/** In which row each end is counted, by id (hosts: by 2 × id + side); -1: in none. */
function placed(
  { tables }: Views,
  connections: number,
  group: Grouping,
  shown: ((id: number) => boolean) | null,
): { rows: Rows; rowOf: Int32Array } {
  const rows = new Rows();
  const rowOf = new Int32Array(group === 'hosts' ? 2 * connections : connections).fill(-1);
  for (let id = 0; id < connections; id++) {
    if (shown?.(id) === false) continue;
    const server = hostOf(tables, id, Side.SERVER);
    if (group === 'hosts') {
      const client = hostOf(tables, id, Side.CLIENT);
      rowOf[2 * id] = rows.add(client, ALL, 2 * id);
      rowOf[2 * id + 1] = client === server ? rowOf[2 * id]! : rows.add(server, ALL, 2 * id + 1);
    } else if (group === 'services') rowOf[id] = rows.add(ALL, server * PORTS + serverPort(tables, id), 2 * id + 1);
    else rowOf[id] = rows.add(hostOf(tables, id, Side.CLIENT), server * PORTS + serverPort(tables, id), 2 * id);
  }
  return { rows, rowOf };
}

function serverPort({ cores }: Views['tables'], id: number): number {
  const core = cores.page(id);
  const c = cores.offset(id);
  const ports = core[c + Core.PORTS]!;
  return (core[c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0 ? ports >>> 16 : ports & 0xffff;
}

/** Pairs with a single connection go into one row per service, where there are many pairs. */
function shareRows(rows: Rows): void {
  const pairs = rows.length;
  if (pairs < FOLD_FROM) return;
  for (let row = 0; row < pairs; row++) {
    if (rows.count[row] !== 1) continue;
    const shared = rows.add(ALL, rows.service[row]!, rows.first[row]!);
    rows.standIn[row] = shared;
    rows.count[row] = 0;
    rows.shared[shared] = rows.shared[shared]! + 1;
  }
  // One alone shares its row with nobody.
  for (let row = pairs; row < rows.length; row++) if (rows.shared[row] === 1) rows.shared[row] = 0;
}

/** Rows with most connections first; of equals those that were first. */
function mostConnections({ count, first, length }: Rows): number[] {
  const ascending = sortInts(count.slice(0, length));
  const least = Math.max(1, ascending[length - MAX_ROWS] ?? 1);
  const more: number[] = [];
  const equal: number[] = [];
  for (let row = 0; row < length; row++) {
    if (count[row]! > least) more.push(row);
    else if (count[row] === least) equal.push(row);
  }
  return [...more, ...equal.slice(0, MAX_ROWS - more.length)].sort((a, b) => count[b]! - count[a]! || first[a]! - first[b]!);
}

const INITIAL_ROWS = 1 << 10;

/** Rows by host and service, found by open addressing: a flood has a million of them. */
class Rows {
  length = 0;
  host = new Float64Array(INITIAL_ROWS);
  service = new Float64Array(INITIAL_ROWS);
  /** Connections. */
  count = new Int32Array(INITIAL_ROWS);
  /** 2 × id + side of the first end. */
  first = new Int32Array(INITIAL_ROWS);
  /** Rows of single connections that this one stands in for. */
  shared = new Int32Array(INITIAL_ROWS);
  /** The row that stands in for this one: itself, or a shared one. */
  standIn = new Int32Array(INITIAL_ROWS);
  /** Row + 1; 0: free. Twice as many as rows, at least. */
  #slots = new Int32Array(2 * INITIAL_ROWS);

  /** One more connection in this row. @returns the row */
  add(host: number, service: number, end: number): number {
    const slot = this.#slotOf(host, service);
    const known = this.#slots[slot]! - 1;
    if (known >= 0) {
      this.count[known] = this.count[known]! + 1;
      return known;
    }
    const row = this.length++;
    if (row === this.host.length) this.#grow();
    this.host[row] = host;
    this.service[row] = service;
    this.count[row] = 1;
    this.first[row] = end;
    this.standIn[row] = row;
    this.#slots[this.#slotOf(host, service)] = row + 1;
    return row;
  }

  #slotOf(host: number, service: number): number {
    const mask = this.#slots.length - 1;
    const { host: hosts, service: services } = this;
    for (let slot = hash(host | 0, host / 2 ** 32, service | 0, service / 2 ** 32) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0 || (hosts[row] === host && services[row] === service)) return slot;
    }
  }

  #grow(): void {
    const length = 2 * this.host.length;
    this.host = grown(this.host, new Float64Array(length));
    this.service = grown(this.service, new Float64Array(length));
    this.count = grown(this.count, new Int32Array(length));
    this.first = grown(this.first, new Int32Array(length));
    this.shared = grown(this.shared, new Int32Array(length));
    this.standIn = grown(this.standIn, new Int32Array(length));
    this.#slots = new Int32Array(2 * length);
    for (let row = 0; row < this.length - 1; row++) this.#slots[this.#slotOf(this.host[row]!, this.service[row]!)] = row + 1;
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
