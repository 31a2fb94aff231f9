/** Who holds most of a service's connections: by address and by network. */
import type { Concentration } from '../model/capture-view.ts';
import { prefixText } from '../model/address.ts';
import type { Tables } from '../track/tables.ts';
import { Core } from '../track/layout.ts';
import type { Census } from './census.ts';
import { HashedCounts } from './hashed-counts.ts';
import { sortInts } from './sorting.ts';

/** Prefixes are counted over this many sources at most. */
const MAX_PREFIXED = 50_000;
/** Networks told apart in one service, and connections for each where all services share the slots. */
const MAX_NETWORKS = 1 << 10;
const NETWORKS_EACH = 8;
/** Of a hash of the sources that are counted to a number, for each. */
const SLOTS_EACH = 8;
/** An odd number by which services and the halves of an IPv6 prefix are mixed. */
const ODD = 0x85ebca6b;

export const isIpv6 = (tables: Tables, id: number): boolean => (tables.cores.page(id)[tables.cores.offset(id) + Core.META]! & 1) !== 0;

export function concentration(census: Census, ids: Int32Array): Concentration {
  const addresses = census.scratch.ints(ids.length);
  for (let i = 0; i < ids.length; i++) addresses[i] = census.clientAddress(ids[i]!);
  sortInts(addresses);
  return sourcesOf(census.tracker.tables, addresses, ids.length > 0 && isIpv6(census.tracker.tables, ids[0]!));
}

/** By service, how many of its connections one network can have at the most: counted by a hash of both, in the order of the records. */
export function largestNetworks(census: Census): Int32Array {
  const { tables, connections } = census.tracker;
  const most = new Int32Array(census.totals.length);
  const counts = new HashedCounts(connections / NETWORKS_EACH);
  for (let id = 0; id < connections; id++) {
    const service = census.serviceIndex(id);
    const count = counts.add(networkOf(tables, census.clientAddress(id), isIpv6(tables, id)) ^ Math.imul(service + 1, ODD));
    if (count > most[service]!) most[service] = count;
  }
  return most;
}

const networkOf = ({ addresses: book }: Tables, address: number, ipv6: boolean): number =>
  ipv6 ? book.word(address, 0) ^ Math.imul(book.word(address, 1), ODD) : address >> 8;

/** Are there certainly so many sources? A hash tells few of them for the same, and counting ends where there are enough. */
export function surelyHas(census: Census, ids: Int32Array, sources: number): boolean {
  const seen = new HashedCounts(SLOTS_EACH * sources);
  for (let i = 0, left = sources; left > 0; i++) {
    if (i === ids.length) return false;
    const address = census.clientAddress(ids[i]!);
    if (seen.of(address) === 0) left--;
    seen.add(address);
  }
  return true;
}

/**
 * Can one source or one of its networks hold so many of the connections? Counted by a hash of the network: of most services the answer is no, and
 * nothing need be sorted.
 */
export function mayHold(census: Census, ids: Int32Array, enough: number): boolean {
  const { tables } = census.tracker;
  const networks = new HashedCounts(Math.min(ids.length, MAX_NETWORKS));
  const ipv6 = ids.length > 0 && isIpv6(tables, ids[0]!);
  for (let i = 0; i < ids.length; i++) {
    networks.add(networkOf(tables, census.clientAddress(ids[i]!), ipv6));
    if (networks.most >= enough) return true;
  }
  return false;
}

interface Network {
  readonly address: number;
  count: number;
  sources: number;
}

/** From all source addresses, sorted: equal ones stand together, and so do those of one IPv4 network. */
export function sourcesOf({ addresses: book }: Tables, addresses: Int32Array, ipv6: boolean): Concentration {
  const networks = new Networks(book, ipv6);
  let sources = 0;
  let best = 0;
  let most = 0;
  let second = 0;
  for (let i = 0, next = 0; i < addresses.length; i = next) {
    const address = addresses[i]!;
    while (next < addresses.length && addresses[next] === address) next++;
    if (next - i > most) {
      second = most;
      best = address;
      most = next - i;
    } else if (next - i > second) second = next - i;
    if (sources++ < MAX_PREFIXED) networks.add(address, next - i);
  }
  const topSource = most > 0 ? { ip: book.text(best, ipv6), count: most } : null;
  return { sources, topSource, secondCount: second, topPrefix: networks.largest() };
}

/** Sources by /24 or /64. Texts are made for the largest alone. */
class Networks {
  readonly #book: Tables['addresses'];
  readonly #ipv6: boolean;
  #top: Network | null = null;
  /** IPv4: that of the last source. Sources come sorted, so it is complete when another begins. */
  #last: Network | null = null;
  /** IPv6. */
  readonly #all: Network[] = [];
  /** IPv6: the two halves of the prefix. */
  readonly #halves = new Map<number, Map<number, Network>>();

  constructor(book: Tables['addresses'], ipv6: boolean) {
    this.#book = book;
    this.#ipv6 = ipv6;
  }

  add(address: number, count: number): void {
    const network = this.#ipv6 ? this.#of6(address) : this.#of4(address);
    network.count += count;
    network.sources++;
  }

  /** The first of the largest. */
  largest(): Concentration['topPrefix'] {
    if (this.#last !== null) this.#compare(this.#last);
    for (const network of this.#all) this.#compare(network);
    const top = this.#top;
    if (top === null) return null;
    return { prefix: prefixText(this.#book.text(top.address, this.#ipv6)), count: top.count, sources: top.sources };
  }

  #of4(address: number): Network {
    const last = this.#last;
    if (last !== null) {
      if (last.address >> 8 === address >> 8) return last;
      this.#compare(last);
    }
    return (this.#last = { address, count: 0, sources: 0 });
  }

  #compare(network: Network): void {
    if (network.count > (this.#top?.count ?? 0)) this.#top = network;
  }

  #of6(id: number): Network {
    const high = this.#book.word(id, 0);
    const low = this.#book.word(id, 1);
    let known = this.#halves.get(high);
    if (known === undefined) this.#halves.set(high, (known = new Map<number, Network>()));
    let network = known.get(low);
    if (network === undefined) {
      network = { address: id, count: 0, sources: 0 };
      known.set(low, network);
      this.#all.push(network);
    }
    return network;
  }
}
