/** How long and how many at once: stays in states, and the peaks of their overlap. */
import type { CloseWaitStay, TimeWaitGroup, TimeWaitHost } from '../model/capture-view.ts';
import { type Side, State } from '../model/state.ts';
import { type ConnId, connId, type Nanos } from '../model/units.ts';
import { eventKind, EventKind, eventFrom, eventSide, eventTo } from '../track/events.ts';
import { Core } from '../track/layout.ts';
import type { Census } from './census.ts';

export function closeWaitsOf(census: Census, ids: readonly number[]): CloseWaitStay[] {
  const out: CloseWaitStay[] = [];
  for (const id of ids) {
    const view = census.connection(connId(id));
    for (const end of view.ends) {
      const stay = end.closeWait;
      if (stay) out.push({ id: connId(id), side: end.side, since: stay.since, until: stay.until });
    }
  }
  const length = (s: CloseWaitStay): number => (s.until ?? census.end) - s.since;
  return out.sort((a, b) => length(b) - length(a));
}

/** Starts and ends of stays in a state, over many connections; the peak of their overlap. */
class Overlap {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  add(start: number, end: number): void {
    this.#starts.push(start);
    this.#ends.push(end);
  }

  get length(): number {
    return this.#starts.length;
  }

  peak(): { peak: number; at: Nanos | null } {
    const starts = Float64Array.from(this.#starts).sort();
    const ends = Float64Array.from(this.#ends).sort();
    let peak = 0;
    let at: Nanos | null = null;
    let open = 0;
    for (let i = 0, k = 0; i < starts.length; i++) {
      while (k < ends.length && ends[k]! <= starts[i]!) {
        open--;
        k++;
      }
      open++;
      if (open > peak) {
        peak = open;
        at = starts[i]! as Nanos;
      }
    }
    return { peak, at };
  }
}

/** Calls `stay` for each stay of either end in `state`; `until` is the end of observation when it goes on. */
function forEachStay(census: Census, id: number, state: State, stay: (side: Side, since: number, until: number) => void): void {
  const { cores, events } = census.tracker.tables;
  const head = cores.page(id)[cores.offset(id) + Core.HEAD]!;
  let clientSince = -1;
  let serverSince = -1;
  for (let ref = head; ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) !== EventKind.TRANSITION) continue;
    const side = eventSide(code) as Side;
    if (eventTo(code) === state) {
      if (side === 0) clientSince = events.time(ref);
      else serverSince = events.time(ref);
    } else if (eventFrom(code) === state) {
      const since = side === 0 ? clientSince : serverSince;
      if (since >= 0) stay(side, since, events.time(ref));
      if (side === 0) clientSince = -1;
      else serverSince = -1;
    }
  }
  if (clientSince >= 0) stay(0, clientSince, census.end);
  if (serverSince >= 0) stay(1, serverSince, census.end);
}

/** Half-open entries of a listener: from the first SYN-ACK to the third ACK, the RST, or the kernel's giving up. */
export function peakHalfOpen(census: Census, ids: readonly ConnId[]): { peak: number; at: Nanos | null } {
  const overlap = new Overlap();
  for (const id of ids) forEachStay(census, id, State.SYN_RCVD, (side, since, until) => side === 1 && overlap.add(since, until));
  return overlap.peak();
}

export function timeWaitGroups(census: Census, minimum: number): TimeWaitGroup[] {
  const out: TimeWaitGroup[] = [];
  census.services.forEach((service) => {
    if (service.total < minimum) return;
    const groups = new Map<string, { host: string; side: Side; overlap: Overlap; ids: ConnId[] }>();
    const clients = new Map<number, string>();
    for (const id of service.all()) {
      forEachStay(census, id, State.TIME_WAIT, (side, since, until) => {
        const key = side === 1 ? 'server' : String(census.clientAddress(id));
        let group = groups.get(key);
        if (!group) {
          const host = side === 1 ? service.ip : (clients.get(census.clientAddress(id)) ?? census.connection(id).client.ip);
          group = { host, side, overlap: new Overlap(), ids: [] };
          groups.set(key, group);
        }
        group.overlap.add(since, until);
        if (group.ids.at(-1) !== id) group.ids.push(id);
      });
    }
    for (const { host, side, overlap, ids } of groups.values()) {
      if (overlap.length < minimum) continue;
      const { peak, at } = overlap.peak();
      out.push({
        host,
        side,
        service: { ip: service.ip, port: service.port },
        total: overlap.length,
        peak,
        peakAt: at ?? census.start,
        ids,
      });
    }
  });
  return out.sort((a, b) => b.peak - a.peak);
}

/** One walk over all connections, so only where there are enough of them to matter. */
export function timeWaitHosts(census: Census, minimum: number): TimeWaitHost[] {
  const count = census.tracker.connections;
  if (count < minimum) return [];
  const { cores } = census.tracker.tables;
  const hosts = new Map<number, { first: ConnId; side: Side; asClient: number; asServer: number; overlap: Overlap; ids: ConnId[] }>();
  for (let i = 0; i < count; i++) {
    const id = connId(i);
    const ipv6 = cores.page(id)[cores.offset(id) + Core.META]! & 1;
    forEachStay(census, id, State.TIME_WAIT, (side, since, until) => {
      // IPv6 addresses are ids, which may equal an IPv4 address.
      const key = (side === 0 ? census.clientAddress(id) : census.serverAddress(id)) * 2 + ipv6;
      let host = hosts.get(key);
      if (!host) {
        host = { first: id, side, asClient: 0, asServer: 0, overlap: new Overlap(), ids: [] };
        hosts.set(key, host);
      }
      if (side === 0) host.asClient++;
      else host.asServer++;
      host.overlap.add(since, until);
      if (host.ids.at(-1) !== id) host.ids.push(id);
    });
  }
  const out: TimeWaitHost[] = [];
  for (const { first, side, asClient, asServer, overlap, ids } of hosts.values()) {
    if (overlap.length < minimum) continue;
    const { peak, at } = overlap.peak();
    out.push({ host: census.connection(first).ends[side].ip, asClient, asServer, peak, peakAt: at ?? census.start, ids });
  }
  return out.sort((a, b) => b.peak - a.peak);
}
