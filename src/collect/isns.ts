/**
 * Initial sequence numbers of each host's connections, in order of time, straight from the columns: what a rule needs to tell a
 * counter or a constant from random numbers. Only connections that completed: the numbers of a flood or scan are its tool's.
 */
import type { IsnSeries } from '../model/syn-facts.ts';
import { Side } from '../model/state.ts';
import { type ConnId, connId, type Nanos, nanos } from '../model/units.ts';
import { Core, Trait } from '../track/layout.ts';
import { issOf, previousOf } from '../track/sequel.ts';
import type { Census } from './census.ts';

/** Connections looked at of one host: as many say as much as a million. */
const MOST = 256;
/** Connections looked at; of a capture with more, the first. */
const MAX_CONNECTIONS = 1 << 18;

interface Draws {
  readonly ids: ConnId[];
  readonly isns: number[];
  readonly starts: Nanos[];
}

/** Hosts of which at least `minimum` connections on different tuples were seen to open: as client, and as server. */
export function isnSeries(census: Census, minimum: number): readonly IsnSeries[] {
  const { client, host } = census.busiest();
  return [Side.CLIENT, Side.SERVER].flatMap((side) => {
    if ((side === Side.CLIENT ? client : host) < minimum) return [];
    const needed = Trait.COMPLETED | (side === Side.CLIENT ? Trait.SAW_SYN : Trait.SAW_SYN_ACK);
    const address = (id: number): number => (side === Side.CLIENT ? census.clientAddress(id) : census.serverAddress(id));
    return drawn(census, needed).flatMap((ids) => {
      const addresses = new Int32Array(ids.length);
      for (let i = 0; i < ids.length; i++) addresses[i] = address(ids[i]!);
      const busy = frequent(addresses, minimum);
      if (busy.size === 0) return [];
      const hosts = new Map<number, Draws>();
      for (const id of ids) if (busy.has(address(id))) draw(census, hosts, address(id), id, side);
      return [...hosts.values()].map((d) => ({ host: census.connection(d.ids[0]!).ends[side].ip, side, ...d }));
    });
  });
}

/**
 * Ids of the connections with these traits, IPv4 and IPv6, on tuples that were not used before: there the number follows from
 * the one before (RFC 6528: the clock; linux: that of TIME_WAIT + 65,537).
 */
function drawn(census: Census, needed: number): readonly [number[], number[]] {
  const { cores } = census.tracker.tables;
  const end = Math.min(census.tracker.connections, MAX_CONNECTIONS);
  const ids: [number[], number[]] = [[], []];
  for (let id = 0; id < end; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    if ((core[c + Core.STATE]! & needed) !== needed || previousOf(census.tracker.tables, core, c) !== 0 || census.legs.isFollower(id))
      continue;
    ids[core[c + Core.META]! & 1]!.push(id);
  }
  return ids;
}

/** The values that come at least `minimum` times. Sorted, equal ones stand together: a million clients cost no map. */
function frequent(values: Int32Array, minimum: number): ReadonlySet<number> {
  const sorted = values.sort();
  const out = new Set<number>();
  for (let i = minimum - 1; i < sorted.length; i++) if (sorted[i] === sorted[i - minimum + 1]) out.add(sorted[i]!);
  return out;
}

function draw(census: Census, hosts: Map<number, Draws>, address: number, id: number, side: Side): void {
  const { cores } = census.tracker.tables;
  let draws = hosts.get(address);
  if (draws === undefined) hosts.set(address, (draws = { ids: [], isns: [], starts: [] }));
  if (draws.ids.length >= MOST) return;
  draws.ids.push(connId(id));
  draws.isns.push(issOf(census.tracker.tables, cores.page(id), cores.offset(id), side) >>> 0);
  draws.starts.push(nanos(cores.floatPage(id)[(cores.offset(id) + Core.FIRST_TIME) >> 1]!));
}
