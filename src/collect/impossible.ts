/** Source addresses that no packet on a network can have: a host's own, and those that name no single host. */
import type { ForgedGroup } from '../model/capture-view.ts';
import { type ConnId, connId } from '../model/units.ts';
import { Core, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';
import { IdList } from './id-list.ts';

/** First octets: "this network" (RFC 1122 §3.2.1.3), loopback, and from multicast up to the broadcast (RFC 1112, RFC 6890). */
const THIS_NETWORK = 0;
const LOOPBACK = 127;
const MULTICAST = 224;

export interface Impossible {
  readonly toItself: readonly ForgedGroup[];
  readonly martian: readonly ForgedGroup[];
}

/** SYNs with an impossible source by the service that they are for. One pass over the columns. */
export function impossibleSources(census: Census): Impossible {
  const { cores, addresses } = census.tracker.tables;
  const toItself = new Map<number, IdList>();
  const martian = new Map<number, IdList>();
  for (let id = 0; id < census.tracker.connections; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const word = core[c + Core.STATE]!;
    // Who got through, or got an answer, exists: a redirect on this host, or one socket connected to itself.
    if ((word & (Trait.SAW_SYN | Trait.SAW_SYN_ACK | Trait.COMPLETED)) !== Trait.SAW_SYN) continue;
    const v6 = (core[c + Core.META]! & 1) !== 0;
    const clientIsB = (word & Trait.CLIENT_IS_B) !== 0;
    const client = core[c + (clientIsB ? Core.ADDR_B : Core.ADDR_A)]!;
    const server = core[c + (clientIsB ? Core.ADDR_A : Core.ADDR_B)]!;
    const same = client === server;
    const spoke = core[c + Core.PAIR] !== 0; // more than SYNs: somebody heard the answers, captured or not
    const loopback = v6 ? addresses.text(server, true) === '::1' : server >>> 24 === LOOPBACK;
    if (same && !loopback && core[c + Core.PORTS]! >>> 16 === (core[c + Core.PORTS]! & 0xffff)) add(census, toItself, connId(id));
    else if (!loopback && !spoke && (v6 ? isMartian6(addresses.text(client, true)) : isMartian4(client >>> 24)))
      add(census, martian, connId(id));
  }
  return { toItself: groups(census, toItself), martian: groups(census, martian) };
}

const isMartian4 = (octet: number): boolean => octet === THIS_NETWORK || octet === LOOPBACK || octet >= MULTICAST;

/** `::`, `::1` and multicast (RFC 4291 §2.5.2, §2.5.3, §2.7). */
const isMartian6 = (text: string): boolean => text === '::' || text === '::1' || text.startsWith('ff');

function add(census: Census, services: Map<number, IdList>, id: ConnId): void {
  const service = census.serviceIndex(id);
  let list = services.get(service);
  if (list === undefined) services.set(service, (list = new IdList()));
  list.add(id);
}

const groups = (census: Census, services: Map<number, IdList>): ForgedGroup[] =>
  [...services].map(([service, { ids }]) => ({ service: census.services[service]!, ids }));
