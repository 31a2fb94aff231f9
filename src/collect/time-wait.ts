/**
 * Stays in TIME_WAIT, gathered by one walk over the event log and then grouped as often as rules ask: per host and
 * service, and per host. Parallel columns, because a busy capture has hundreds of thousands.
 */
import type { TimeWaitGroup, TimeWaitHost } from '../model/capture-view.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, connId, type Nanos } from '../model/units.ts';
import { eventFrom, eventKind, EventKind, eventSide, eventTo } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';
import { peakOf } from './stays.ts';
import { crowdedHosts } from './time-wait-crowds.ts';

/** Completeness bit of a FIN: without one nothing waits. */
export const SAW_FIN = 16 << Trait.COMPLETENESS_SHIFT;

/** No key of a group. */
const UNWANTED = -1;

/** The stays of one host, filled in the order of the connections. */
class Group {
  readonly side: Side;
  readonly first: ConnId;
  readonly since: Float64Array;
  readonly until: Float64Array;
  readonly ids: ConnId[] = [];
  stays = 0;
  /** Stays of the end that is the server. */
  asServer = 0;

  constructor(side: Side, first: ConnId, most: number) {
    this.side = side;
    this.first = first;
    this.since = new Float64Array(most);
    this.until = new Float64Array(most);
  }

  add(id: ConnId, side: Side, since: number, until: number): void {
    this.since[this.stays] = since;
    this.until[this.stays++] = until;
    if (side === Side.SERVER) this.asServer++;
    if (this.ids.at(-1) !== id) this.ids.push(id);
  }
}

/** A group with what stands at once in it. */
interface Crowd extends Pick<Group, 'side' | 'first' | 'stays' | 'asServer' | 'ids'> {
  readonly peak: number;
  readonly peakAt: Nanos;
}

export class TimeWaitStays {
  readonly #census: Census;
  #ids: number[] = [];
  #sides: number[] = [];
  #since: number[] = [];
  #until: number[] = [];
  /** The stays of hosts that may have had so many at once were read. */
  #readFrom = Infinity;
  #crowded: ReadonlySet<number> | null = null;

  constructor(census: Census) {
    this.#census = census;
  }

  /** Address and family of an end's host. */
  readonly #host = (id: number, side: Side): number => {
    const { cores } = this.#census.tracker.tables;
    const ipv6 = cores.page(id)[cores.offset(id) + Core.META]! & 1;
    return ((side === Side.SERVER ? this.#census.serverAddress(id) : this.#census.clientAddress(id)) >>> 0) * 2 + ipv6;
  };

  /** The stays of hosts that may have had `minimum` at once. Walks the log once, when somebody asks for what is in it. */
  #read(minimum: number): void {
    if (minimum >= this.#readFrom) return;
    this.#readFrom = minimum;
    this.#crowded = crowdedHosts(this.#census, minimum);
    [this.#ids, this.#sides, this.#since, this.#until] = [[], [], [], []];
    if (this.#crowded?.size === 0) return;
    const { cores, pairs } = this.#census.tracker.tables;
    const { end } = this.#census;
    const n = this.#census.tracker.connections;
    for (let id = 0; id < n; id++) {
      const core = cores.page(id);
      const c = cores.offset(id);
      const word = core[c + Core.STATE]!;
      if ((word & SAW_FIN) === 0 || this.#census.legs.isFollower(id)) continue;
      const client = (word & 15) === State.TIME_WAIT;
      const server = ((word >>> 4) & 15) === State.TIME_WAIT;
      if (!client && !server) {
        this.#walk(id);
        continue;
      }
      // Still there: the pair record says since when. (Both ends of a connection enter it at the same time, or one does.)
      const ref = pairOf(core, c) - 1;
      if (client) this.#add(id, Side.CLIENT, pairs.double(ref, Half.STATE_TIME), end);
      if (server) this.#add(id, Side.SERVER, pairs.double(ref, HALF_STRIDE + Half.STATE_TIME), end);
    }
  }

  #walk(id: number): void {
    const { events } = this.#census.tracker.tables;
    let client = -1;
    let server = -1;
    for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
      const code = events.code(ref);
      if (eventKind(code) !== EventKind.TRANSITION) continue;
      const side = eventSide(code) as Side;
      if (eventTo(code) === State.TIME_WAIT) {
        if (side === Side.CLIENT) client = events.time(ref);
        else server = events.time(ref);
      } else if (eventFrom(code) === State.TIME_WAIT) {
        const since = side === Side.CLIENT ? client : server;
        if (since >= 0) this.#add(id, side, since, events.time(ref));
        if (side === Side.CLIENT) client = -1;
        else server = -1;
      }
    }
    if (client >= 0) this.#add(id, Side.CLIENT, client, this.#census.end);
    if (server >= 0) this.#add(id, Side.SERVER, server, this.#census.end);
  }

  #add(id: number, side: Side, since: number, until: number): void {
    if (this.#crowded?.has(side === Side.SERVER ? this.#census.serverAddress(id) : this.#census.clientAddress(id)) === false) return;
    this.#ids.push(id);
    this.#sides.push(side);
    this.#since.push(since);
    this.#until.push(until);
  }

  groups(minimum: number): TimeWaitGroup[] {
    const census = this.#census;
    if (census.clientCounts.most < minimum) return [];
    // Services that can have a group at all, counted through: their number and an address make an exact key.
    const ordinals = new Int32Array(census.services.length).fill(-1);
    let next = 0;
    census.services.forEach((service, i) => {
      if (service.total >= minimum) ordinals[i] = next++;
    });
    const ordinal = (id: number): number => ordinals[census.serviceIndex(id)]!;
    // The addresses of a service are of one family, so IPv4 addresses and IPv6 ids do not meet.
    const key = (id: number, side: number): number => {
      const pair = (ordinal(id) + 1) * 2 ** 32 + (census.clientAddress(id) >>> 0);
      return side === Side.SERVER ? -pair : pair;
    };
    return this.#grouped(minimum, key, (id) => ordinal(id) >= 0).map(({ side, first, stays, ids, peak, peakAt }) => {
      const { client, server } = census.connection(first);
      const service = { ip: server.ip, port: server.port };
      return { host: side === Side.SERVER ? server.ip : client.ip, side, service, total: stays, peak, peakAt, ids };
    });
  }

  hosts(minimum: number): TimeWaitHost[] {
    const census = this.#census;
    if (Math.max(census.clientCounts.most, census.serverCounts.most) < minimum) return [];
    return this.#grouped(minimum, this.#host, () => true).map(({ side, first, stays, asServer, ids, peak, peakAt }) => {
      const host = census.connection(first).ends[side].ip;
      return { host, asClient: stays - asServer, asServer, peak, peakAt, ids };
    });
  }

  /** Groups with at least `minimum` at once; those of which `wanted` says no are not looked at. */
  #grouped(minimum: number, key: (id: number, side: Side) => number, wanted: (id: number, side: Side) => boolean): Crowd[] {
    this.#read(minimum);
    const ids = this.#ids;
    if (ids.length < minimum) return [];
    // Counted first: of the many groups that are too small nothing is kept.
    const keys = new Float64Array(ids.length);
    const counts = new Map<number, number>();
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const side = this.#sides[i]! as Side;
      const k = wanted(id, side) ? key(id, side) : UNWANTED;
      keys[i] = k;
      if (k !== UNWANTED) counts.set(k, (counts.get(k) ?? 0) + 1);
    }
    const groups = new Map<number, Group>();
    for (let i = 0; i < ids.length; i++) {
      const k = keys[i]!;
      const count = counts.get(k) ?? 0;
      if (count < minimum) continue;
      const id = connId(ids[i]!);
      const side = this.#sides[i]! as Side;
      let group = groups.get(k);
      if (!group) groups.set(k, (group = new Group(side, id, count)));
      group.add(id, side, this.#since[i]!, this.#until[i]!);
    }
    return [...groups.values()]
      .sort((a, b) => b.stays - a.stays)
      .flatMap(({ side, first, since, until, ids, stays, asServer }) => {
        const { peak, at } = peakOf(since, until);
        return peak < minimum ? [] : [{ side, first, stays, asServer, ids, peak, peakAt: at ?? this.#census.start }];
      });
  }
}
