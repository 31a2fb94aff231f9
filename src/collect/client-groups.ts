/** Connections from one client address to one service. */
import type { ClientGroup } from '../model/capture-view.ts';
import { type ConnId, connId } from '../model/units.ts';
import type { Census } from './census.ts';
import { HashedCounts } from './hashed-counts.ts';

/** Any odd number. */
const MIX = 0x85ebca6b;

/** A client's address and a service as one number, which others may share. */
const pairOf = (address: number, service: number): number => address ^ Math.imul(service + 1, MIX);

export class ClientGroups {
  readonly #census: Census;
  /** Connections by client and service. */
  #counts: HashedCounts | undefined;

  constructor(census: Census) {
    this.#census = census;
  }

  /** Of at least `minimum` connections, service by service. */
  list(minimum: number): ClientGroup[] {
    const census = this.#census;
    if (census.clientCounts.most < minimum) return []; // as of a flood, whose sources come once
    const counts = (this.#counts ??= this.#count());
    if (counts.most < minimum) return [];
    // In the order of the records, and not service by service, which is a cache miss for each.
    const byService: (Map<number, ConnId[]> | undefined)[] = [];
    for (let id = 0; id < census.tracker.connections; id++) {
      const address = census.clientAddress(id);
      const service = census.serviceIndex(id);
      if (counts.of(pairOf(address, service)) < minimum || census.totals[service]! < minimum || census.legs.isFollower(id)) continue;
      const byClient = (byService[service] ??= new Map<number, ConnId[]>());
      const list = byClient.get(address);
      if (list) list.push(connId(id));
      else byClient.set(address, [connId(id)]);
    }
    const groups: ClientGroup[] = [];
    census.services.forEach((service, i) => {
      for (const ids of byService[i]?.values() ?? []) {
        if (ids.length < minimum) continue;
        groups.push({ client: census.connection(ids[0]!).client.ip, service: { ip: service.ip, port: service.port }, ids });
      }
    });
    return groups;
  }

  #count(): HashedCounts {
    const { scratch, tracker } = this.#census;
    const { connections } = tracker;
    const counts = new HashedCounts(connections, scratch);
    for (let id = 0; id < connections; id++) counts.add(pairOf(this.#census.clientAddress(id), this.#census.serviceIndex(id)));
    return counts;
  }
}
