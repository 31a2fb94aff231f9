/**
 * Initial sequence numbers of each host's connections, in order of time, straight from the columns: what a rule needs to tell a
 * counter or a constant from random numbers. Only connections that completed: the numbers of a flood or scan are its tool's.
 */
import type { IsnSeries } from '../model/syn-facts.ts';
import { Side } from '../model/state.ts';
import { type ConnId, connId, type Nanos, nanos } from '../model/units.ts';
import { Core, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';

/** Connections looked at of one host: as many say as much as a million. */
const MOST = 256;
/** Hosts and connections looked at; of a capture with more, the first. */
const MAX_HOSTS = 65_536;
const MAX_CONNECTIONS = 1 << 18;

interface Draws {
  readonly ids: ConnId[];
  readonly isns: number[];
  readonly starts: Nanos[];
}

/** Hosts of which at least `minimum` connections on different tuples were seen to open: as client, and as server. */
export function isnSeries(census: Census, minimum: number): readonly IsnSeries[] {
  return [Side.CLIENT, Side.SERVER].flatMap((side) => {
    const hosts = [new Map<number, Draws>(), new Map<number, Draws>()];
    collect(census, side, hosts);
    return hosts.flatMap((family) =>
      [...family.values()]
        .filter((d) => d.ids.length >= minimum)
        .map((d) => ({ host: census.connection(d.ids[0]!).ends[side].ip, side, ...d })),
    );
  });
}

function collect(census: Census, side: Side, hosts: readonly Map<number, Draws>[]): void {
  const { cores } = census.tracker.tables;
  const needed = Trait.COMPLETED | (side === Side.CLIENT ? Trait.SAW_SYN : Trait.SAW_SYN_ACK);
  const end = Math.min(census.tracker.connections, MAX_CONNECTIONS);
  for (let id = 0; id < end; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    // A tuple used before has an ISN that follows from the one before (RFC 6528: the clock; linux: TIME_WAIT's number + 65,537).
    if ((core[c + Core.STATE]! & needed) !== needed || core[c + Core.PREVIOUS] !== 0 || census.legs.isFollower(id)) continue;
    const family = hosts[core[c + Core.META]! & 1]!;
    const address = side === Side.CLIENT ? census.clientAddress(id) : census.serverAddress(id);
    let draws = family.get(address);
    if (draws === undefined) {
      if (family.size >= MAX_HOSTS) continue;
      family.set(address, (draws = { ids: [], isns: [], starts: [] }));
    }
    if (draws.ids.length >= MOST) continue;
    draws.ids.push(connId(id));
    draws.isns.push(core[c + Core.ISS + side]! >>> 0);
    draws.starts.push(nanos(cores.floatPage(id)[(c + Core.FIRST_TIME) >> 1]!));
  }
}
