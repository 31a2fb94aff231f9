/** Who holds most of a service's connections: by address and by network. */
import type { Concentration } from '../model/capture-view.ts';
import { prefixText } from '../model/address.ts';
import type { ConnIds } from '../model/units.ts';
import type { Tables } from '../track/tables.ts';
import { Core, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';
import { HashedCounts } from './hashed-counts.ts';
import { IdCursor } from './id-bits.ts';
import type { Scratch } from './scratch.ts';
import { sortInts } from './sorting.ts';

/** Prefixes are counted over this many sources at most. */
const MAX_PREFIXED = 50_000;
/** Connections of a service from which on not all addresses are sorted. */
const MANY = 1 << 16;
/** Values of the highest 12 bits of an address. */
const LOW_SHIFT = 20;
const LOW_DIGITS = 1 << (32 - LOW_SHIFT);
/** Networks told apart in one service, and connections for each where all services share the slots. */
const MAX_NETWORKS = 1 << 10;
const NETWORKS_EACH = 8;
/** Slots for blocks of addresses by service: 256 kB. */
const BLOCK_SLOTS = 1 << 16;
/** Of a hash of the sources that are counted to a number, for each. */
const SLOTS_EACH = 8;
/** An odd number by which services and the halves of an IPv6 prefix are mixed. */
const ODD = 0x85ebca6b;

export const isIpv6 = (tables: Tables, id: number): boolean => (tables.cores.page(id)[tables.cores.offset(id) + Core.META]! & 1) !== 0;

/** From where connections of one service came. */
export function concentration(census: Census, ids: ConnIds): Concentration {
  const { tables } = census.tracker;
  const addresses = sortInts(ids.length < MANY ? addressesOf(census, ids) : addressesToSort(census, ids));
  const { sources, ...most } = sourcesOf(tables, addresses, ids.length > 0 && isIpv6(tables, ids.at(0)!));
  return { sources: sources + ids.length - addresses.length, ...most };
}

function addressesOf(census: Census, ids: ConnIds): Int32Array {
  const addresses = census.scratch.ints(ids.length);
  const all = new IdCursor(ids);
  for (let i = 0; i < addresses.length; i++) addresses[i] = census.clientAddress(all.next());
  return addresses;
}

/** Without those that certainly come once: of a flood nearly all. But with the lowest, whose networks are told apart. */
function addressesToSort(census: Census, ids: ConnIds): Int32Array {
  const { clientCounts } = census;
  const addresses = census.scratch.ints(ids.length);
  const once = new Int32Array(LOW_DIGITS);
  let n = 0;
  const all = new IdCursor(ids);
  for (let id = all.next(); id >= 0; id = all.next()) {
    const address = census.clientAddress(id);
    if (clientCounts.mayHaveMore(address)) addresses[n++] = address;
    else once[lowDigit(address)]!++;
  }
  let last = 0;
  for (let low = 0; last < LOW_DIGITS && low < MAX_PREFIXED; last++) low += once[last]!;
  const again = new IdCursor(ids);
  for (let id = again.next(); id >= 0; id = again.next()) {
    const address = census.clientAddress(id);
    if (lowDigit(address) < last && !clientCounts.mayHaveMore(address)) addresses[n++] = address;
  }
  return addresses.subarray(0, n);
}

/** The highest bits of an address, in the order in which addresses are sorted. */
const lowDigit = (address: number): number => (address ^ (1 << 31)) >>> LOW_SHIFT;

/**
 * By service, how many of its connections can have come from one /8 at the most: noted while the census walks over all connections. Of a flood from
 * everywhere it says that no network has a share of them.
 */
export class BlockCounts {
  readonly most: number[] = [];
  readonly #tables: Tables;
  readonly #counts: Int32Array;

  constructor(tables: Tables, scratch: Scratch) {
    this.#tables = tables;
    this.#counts = scratch.column(BLOCK_SLOTS);
  }

  /** @param core the page with the connection's core record, at `c`. @param service the index of its service. */
  note(core: Int32Array, c: number, service: number): void {
    const address = core[c + ((core[c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0 ? Core.ADDR_B : Core.ADDR_A)]!;
    const ipv6 = (core[c + Core.META]! & 1) !== 0;
    const block = (ipv6 ? this.#tables.addresses.word(address, 0) : address) >>> 24;
    const count = ++this.#counts[(Math.imul(service, ODD) + block) & (BLOCK_SLOTS - 1)]!;
    if (service === this.most.length) this.most.push(0);
    if (count > this.most[service]!) this.most[service] = count;
  }
}

/** The same of networks of a /24 or /64, by a hash of service and network, in the order of the records. */
export function largestNetworks(census: Census): Int32Array {
  const { tables, connections } = census.tracker;
  const most = new Int32Array(census.totals.length);
  const counts = new HashedCounts(connections / NETWORKS_EACH, census.scratch);
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
export function surelyHas(census: Census, ids: ConnIds, sources: number): boolean {
  const seen = new HashedCounts(SLOTS_EACH * sources);
  const all = new IdCursor(ids);
  for (let left = sources; left > 0;) {
    const id = all.next();
    if (id < 0) return false;
    const address = census.clientAddress(id);
    if (seen.of(address) === 0) left--;
    seen.add(address);
  }
  return true;
}

/**
 * Can one source or one of its networks hold so many of the connections? Counted by a hash of the network: of most services the answer is no, and
 * nothing need be sorted.
 */
export function mayHold(census: Census, ids: ConnIds, enough: number): boolean {
  const { tables } = census.tracker;
  const networks = new HashedCounts(Math.min(ids.length, MAX_NETWORKS));
  const ipv6 = ids.length > 0 && isIpv6(tables, ids.at(0)!);
  const all = new IdCursor(ids);
  for (let id = all.next(); id >= 0; id = all.next()) {
    networks.add(networkOf(tables, census.clientAddress(id), ipv6));
    if (networks.most >= enough) return true;
  }
  return false;
}

interface Network {
  readonly address: number;
  count: number;
  sources: number;
}

/** From source addresses, sorted: equal ones stand together, and so do those of one IPv4 network. */
function sourcesOf({ addresses: book }: Tables, addresses: Int32Array, ipv6: boolean): Concentration {
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
