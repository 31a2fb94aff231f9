/**
 * How many sockets each host had in each state, at moments of equal distance: one walk over the connections, whatever the number of
 * moments. Every stay in a state adds one where it begins and takes one away where it ends; the sums are made at the end.
 *
 * At every moment it counts exactly the sockets that engine/sockets.ts lists (test/engine/state-counts.test.ts).
 */
import type { ConnectionView } from '../model/connection.ts';
import { Side, State } from '../model/state.ts';
import { type Nanos, nanos } from '../model/units.ts';
import type { Views } from '../track/views.ts';
import { distinctHosts, hostOf, hostText } from './hosts.ts';

/** Hosts counted apart; nobody reads a graph of more lines. At most 36 octets each per moment. */
export const MAX_HOSTS = 100;

/** Moments `first`, `first + every`, …; `count` of them. */
export class Moments {
  readonly first: Nanos;
  readonly every: Nanos;
  readonly count: number;

  constructor(first: Nanos, last: Nanos, every: Nanos) {
    this.first = first;
    this.every = every;
    this.count = Math.floor((last - first) / every) + 1;
  }

  at(index: number): Nanos {
    return nanos(this.first + index * this.every);
  }

  /** Index of the first moment that is not before `time`; `count` when all are. */
  from(time: number): number {
    let index = Math.max(0, Math.ceil((time - this.first) / this.every));
    // The quotient may have been rounded over an integer; the product is what a moment is.
    if (this.at(index) < time) index++;
    else if (index > 0 && this.at(index - 1) >= time) index--;
    return Math.min(this.count, index);
  }
}

/** One host, or together those that are not counted apart. */
export interface HostCounts {
  /** null: the others. */
  readonly host: string | null;
  readonly hosts: number;
  /** Index = State; sockets at each moment. Not there: never one. */
  readonly sockets: readonly (Int32Array | undefined)[];
}

/** What to count; all sockets when both are absent. */
export interface Wanted {
  /** This host alone. */
  readonly host?: string | undefined;
  /** These connections alone. */
  readonly connections?: ((id: number) => boolean) | undefined;
}

/** Hosts in order of address, the others last. */
export function countStates(views: Views, connections: number, moments: Moments, wanted: Wanted): readonly HostCounts[] {
  const { apart, others } = choose(views, connections, wanted);
  const columns = [...apart.keys(), ...(others === 0 ? [] : [null])].map((host, i) => ({
    host: host === null ? null : hostText(views.tables, host),
    hosts: i < apart.size ? 1 : others,
    sockets: new Array<Int32Array | undefined>(State.TIME_WAIT + 1).fill(undefined),
  }));
  const changes = (id: number, side: Side): (Int32Array | undefined)[] | undefined =>
    columns[apart.get(hostOf(views.tables, id, side)) ?? apart.size]?.sockets;

  /** By 2 × id + side: when that socket had already made place for a younger one of the tuple. */
  const replaced = new Map<number, Cover>();
  for (let id = connections - 1; id >= 0; id--) {
    const c = views.connection(id);
    const older = c.previous === null ? null : views.connection(c.previous);
    for (const side of [Side.CLIENT, Side.SERVER]) {
      const cover = replaced.get(2 * id + side);
      replaced.delete(2 * id + side);
      const stays = staysOf(c, side, moments);
      const sockets = wanted.connections?.(id) === false ? undefined : changes(id, side);
      for (const { state, first, end } of stays) {
        if (sockets === undefined) break;
        const count = (sockets[state] ??= new Int32Array(moments.count + 1));
        for (const piece of cover?.leaves(first, end) ?? [{ first, end }]) {
          count[piece.first] = count[piece.first]! + 1;
          count[piece.end] = count[piece.end]! - 1;
        }
      }
      if (older === null || (stays.length === 0 && cover === undefined)) continue;
      const { name } = side === Side.CLIENT ? c.client : c.server;
      const socket = 2 * older.id + (older.client.name === name ? Side.CLIENT : Side.SERVER);
      const handedDown = replaced.get(socket) ?? cover ?? new Cover();
      if (handedDown !== cover) cover?.ranges.forEach(({ first, end }) => handedDown.add(first, end)); // an end that talks to itself
      for (const { first, end } of stays) handedDown.add(first, end);
      replaced.set(socket, handedDown);
    }
  }
  for (const { sockets } of columns) for (const count of sockets) sum(count);
  return columns;
}

function sum(count: Int32Array | undefined): void {
  if (count === undefined) return;
  for (let i = 1; i < count.length; i++) count[i] = count[i]! + count[i - 1]!;
}

interface Host {
  readonly host: number;
  /** Ends of connections over the whole capture. */
  readonly count: number;
}

/**
 * The hosts with the most sockets over the whole capture, each with its place in order of address, and how many others there are.
 * As many sockets as the first that finds no room is too few: what tells the forged sources of a flood apart is chance.
 */
function choose({ tables }: Views, connections: number, wanted: Wanted): { apart: ReadonlyMap<number, number>; others: number } {
  const ends = new Float64Array(2 * connections);
  let count = 0;
  for (let id = 0; id < connections; id++) {
    if (wanted.connections?.(id) === false) continue;
    ends[count++] = hostOf(tables, id, Side.CLIENT);
    ends[count++] = hostOf(tables, id, Side.SERVER);
  }
  let largest: Host[] = [];
  let total = 0;
  for (const one of distinctHosts(ends.subarray(0, count))) {
    if (wanted.host !== undefined && hostText(tables, one.host) !== wanted.host) continue;
    total++;
    largest.push(one);
    if (largest.length >= 2 * MAX_HOSTS) largest = bySockets(largest).slice(0, MAX_HOSTS + 1);
  }
  largest = bySockets(largest);
  const tooFew = largest[MAX_HOSTS]?.count ?? 0;
  const hosts = largest
    .filter(({ count }) => count > tooFew)
    .map(({ host }) => host)
    .sort((a, b) => a - b);
  return { apart: new Map(hosts.map((host, place) => [host, place])), others: total - hosts.length };
}

const bySockets = (hosts: readonly Host[]): Host[] => hosts.toSorted((a, b) => b.count - a.count);

interface Range {
  readonly first: number;
  /** The first moment behind it. */
  readonly end: number;
}

/** The stays of one end in states with a socket that hold at least one moment. */
function staysOf(c: ConnectionView, side: Side, moments: Moments): (Range & { readonly state: State })[] {
  const stays: (Range & { readonly state: State })[] = [];
  let state: State = State.CLOSED;
  let first = 0;
  const until = (end: number): void => {
    if (state !== State.CLOSED && state !== State.LISTEN && end > first) stays.push({ state, first, end });
  };
  let time: number = c.start;
  for (const t of c.transitions) {
    if (t.side !== side) continue;
    time = Math.max(time, t.time); // where the capture's clock stepped back, the order of events holds
    const at = moments.from(time);
    until(at);
    state = t.to;
    first = at;
  }
  until(moments.count);
  return stays;
}

/** A set of moments, as ranges that do not touch, the latest first: connections are walked from the youngest, so most are added at the end. */
class Cover {
  readonly ranges: Range[] = [];

  add(first: number, end: number): void {
    const { ranges } = this;
    let behind = ranges.length;
    while (behind > 0 && ranges[behind - 1]!.end < first) behind--;
    let from = behind;
    while (from > 0 && ranges[from - 1]!.first <= end) from--;
    const latest = from < behind ? ranges[from]!.end : end;
    const earliest = from < behind ? ranges[behind - 1]!.first : first;
    ranges.splice(from, behind - from, { first: Math.min(first, earliest), end: Math.max(end, latest) });
  }

  /** What of these moments is not covered. */
  *leaves(first: number, end: number): Generator<Range> {
    let at = first;
    for (let i = this.ranges.length - 1; i >= 0; i--) {
      const range = this.ranges[i]!;
      if (range.first >= end) break;
      if (range.first > at) yield { first: at, end: range.first };
      at = Math.max(at, range.end);
    }
    if (at < end) yield { first: at, end };
  }
}
