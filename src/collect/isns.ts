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
import { HashedCounts } from './hashed-counts.ts';

/** Connections looked at of one host: as many say as much as a million. */
const MOST = 256;
/** Connections looked at; of a capture with more, the first. */
const MAX_CONNECTIONS = 1 << 18;

interface Draws {
  readonly ids: ConnId[];
  readonly isns: number[];
  readonly starts: Nanos[];
  /** Also of those beyond MOST. */
  count: number;
}

/**
 * Hosts of which at least `minimum` connections on different tuples were seen to open: as client, and as server. IPv4 first.
 *
 * On tuples that were used before the number follows from the one before (RFC 6528: the clock; linux: that of TIME_WAIT + 65,537).
 */
export function isnSeries(census: Census, minimum: number): readonly IsnSeries[] {
  const sides = [Side.CLIENT, Side.SERVER].filter(
    (side) => (side === Side.CLIENT ? census.clientCounts : census.serverCounts).most >= minimum,
  );
  if (sides.length === 0) return [];
  const ids = openedOnNewTuples(census);
  return sides.flatMap((side) => seriesOf(census, side, ids, minimum));
}

/** Connections whose both initial numbers were seen and which completed. */
function openedOnNewTuples(census: Census): Int32Array {
  const { tables } = census.tracker;
  const { cores } = tables;
  const needed = Trait.COMPLETED | Trait.SAW_SYN | Trait.SAW_SYN_ACK;
  const ids = new Int32Array(Math.min(census.tracker.connections, MAX_CONNECTIONS));
  let n = 0;
  for (let id = 0; id < ids.length; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    if ((core[c + Core.STATE]! & needed) === needed && previousOf(tables, core, c) === 0 && !census.legs.isFollower(id)) ids[n++] = id;
  }
  return ids.subarray(0, n);
}

function seriesOf(census: Census, side: Side, ids: Int32Array, minimum: number): IsnSeries[] {
  const { cores } = census.tracker.tables;
  const addressOf = (id: number): number => (side === Side.CLIENT ? census.clientAddress(id) : census.serverAddress(id));
  const drawn = new HashedCounts(ids.length);
  for (let i = 0; i < ids.length; i++) drawn.add(addressOf(ids[i]!));
  if (drawn.most < minimum) return [];
  const hosts: readonly [Map<number, Draws>, Map<number, Draws>] = [new Map<number, Draws>(), new Map<number, Draws>()];
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    const address = addressOf(id);
    if (drawn.of(address) >= minimum) draw(census, hosts[cores.page(id)[cores.offset(id) + Core.META]! & 1]!, address, id, side);
  }
  return hosts.flatMap((family) =>
    [...family.values()]
      .filter((draws) => draws.count >= minimum)
      .map(({ ids: drawnIds, isns, starts }) => ({
        host: census.hostOf(drawnIds[0]!, side),
        side,
        ids: drawnIds,
        isns,
        starts,
      })),
  );
}

function draw(census: Census, hosts: Map<number, Draws>, address: number, id: number, side: Side): void {
  const { cores, firstTimes } = census.tracker.tables;
  let draws = hosts.get(address);
  if (draws === undefined) hosts.set(address, (draws = { ids: [], isns: [], starts: [], count: 0 }));
  draws.count++;
  if (draws.ids.length >= MOST) return;
  draws.ids.push(connId(id));
  draws.isns.push(issOf(census.tracker.tables, cores.page(id), cores.offset(id), side) >>> 0);
  draws.starts.push(nanos(firstTimes.of(id)));
}
