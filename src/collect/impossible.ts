/** Source addresses that no packet on a network can have: a host's own, and those that name no single host. */
import type { ForgedGroup } from '../model/capture-view.ts';
import type { ConnId } from '../model/units.ts';
import { Core, pairOf, Trait } from '../track/layout.ts';
import type { Tables } from '../track/tables.ts';
import type { Census } from './census.ts';
import { IdList } from './id-bits.ts';

/** First octets: "this network" (RFC 1122 §3.2.1.3), loopback, and from multicast up to the broadcast (RFC 1112, RFC 6890). */
const THIS_NETWORK = 0;
const LOOPBACK = 127;
const MULTICAST = 224;

export interface Impossible {
  readonly toItself: readonly ForgedGroup[];
  readonly martian: readonly ForgedGroup[];
}

/** SYNs with an impossible source by the service that they are for. Fills the lists while the census walks over all connections. */
export class ImpossibleTally {
  readonly #tables: Tables;
  readonly #connections: number;
  readonly #toItself = new Map<number, IdList>();
  readonly #martian = new Map<number, IdList>();
  #groups: Impossible | undefined;

  constructor(tables: Tables, connections: number) {
    this.#tables = tables;
    this.#connections = connections;
  }

  /** @param core the page with the connection's core record, at `c`. @param service the index of its service. */
  note(id: ConnId, core: Int32Array, c: number, service: number): void {
    const word = core[c + Core.STATE]!;
    // Who got through, or got an answer, exists: a redirect on this host, or one socket connected to itself.
    if ((word & (Trait.SAW_SYN | Trait.SAW_SYN_ACK | Trait.COMPLETED)) !== Trait.SAW_SYN) return;
    const v6 = (core[c + Core.META]! & 1) !== 0;
    const clientIsB = (word & Trait.CLIENT_IS_B) !== 0;
    const client = core[c + (clientIsB ? Core.ADDR_B : Core.ADDR_A)]!;
    const server = core[c + (clientIsB ? Core.ADDR_A : Core.ADDR_B)]!;
    const same = client === server;
    const spoke = pairOf(core, c) !== 0; // more than SYNs: somebody heard the answers, captured or not
    const { addresses } = this.#tables;
    const loopback = v6 ? addresses.text(server, true) === '::1' : server >>> 24 === LOOPBACK;
    if (same && !loopback && core[c + Core.PORTS]! >>> 16 === (core[c + Core.PORTS]! & 0xffff)) this.#add(this.#toItself, service, id);
    else if (!loopback && !spoke && (v6 ? isMartian6(addresses.text(client, true)) : isMartian4(client >>> 24)))
      this.#add(this.#martian, service, id);
  }

  list({ services }: Census): Impossible {
    const groups = (lists: Map<number, IdList>): ForgedGroup[] =>
      [...lists].map(([service, { ids }]) => ({ service: services[service]!, ids }));
    return (this.#groups ??= { toItself: groups(this.#toItself), martian: groups(this.#martian) });
  }

  #add(services: Map<number, IdList>, service: number, id: ConnId): void {
    let list = services.get(service);
    if (list === undefined) services.set(service, (list = new IdList(this.#connections)));
    list.add(id);
  }
}

const isMartian4 = (octet: number): boolean => octet === THIS_NETWORK || octet === LOOPBACK || octet >= MULTICAST;

/** `::`, `::1` and multicast (RFC 4291 §2.5.2, §2.5.3, §2.7). */
const isMartian6 = (text: string): boolean => text === '::' || text === '::1' || text.startsWith('ff');
