/**
 * Clients that knock at many doors: their attempts say what is open, not what is broken. Rules about refused and
 * unanswered connections leave them out; `port-scan` tells of them.
 */
import type { ScanGroup } from '../model/capture-view.ts';
import { prefixText } from '../model/address.ts';
import { type ConnId, connId } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import { countsOf } from '../track/sequel.ts';
import type { Census } from './census.ts';
import { sortInts } from './sorting.ts';

/** Zeek's scan policy: this many ports of one host, or hosts on one port, that did not work. */
export const SCANNED_PORTS = 15;
export const SCANNED_HOSTS = 25;
/** Who is refused so often at one door and asks again wants the service: a scanner has its answer. */
const PERSISTENT = 3;
/** Hosts of one scan that are named, and whose networks are counted. */
const MAX_HOSTS = 1_000;

/** What a door (address and port of a service) said to one client, best answer last. */
const Answer = { FILTERED: 0, CLOSED: 1, OPEN: 2, COMPLETED: 3, USED: 4 } as const;
type Answer = (typeof Answer)[keyof typeof Answer];

interface Door {
  readonly address: number;
  readonly port: number;
  answer: Answer;
  /** Its SYN was repeated though nobody answered. */
  retried: boolean;
  readonly knocks: ConnId[];
}

const isFailed = (door: Door): boolean => door.answer < Answer.COMPLETED;
/** Is it a door that a scanner would have left alone after the first answer? */
const isWanted = (door: Door): boolean => door.answer === Answer.CLOSED && door.knocks.length >= PERSISTENT;

export class Scans {
  readonly #census: Census;
  /** Doors of each scanner that belong to the scan, by the index of their service. */
  readonly #doors = new Map<number, ReadonlySet<number>>();
  readonly groups: readonly ScanGroup[];

  constructor(census: Census, minPorts: number, minHosts: number) {
    this.#census = census;
    const groups: ScanGroup[] = [];
    for (const [client, ids] of suspects(census, Math.min(minPorts, minHosts))) {
      const services = new Map<number, Door>();
      for (const id of ids) knock(census, services, id);
      const doors = scanned([...services.values()], minPorts, minHosts);
      if (doors.length === 0) continue;
      const chosen = new Set(doors);
      this.#doors.set(client, new Set([...services].filter(([, door]) => chosen.has(door)).map(([service]) => service)));
      groups.push(groupOf(census, [...services.values()], doors));
    }
    this.groups = groups;
  }

  has(id: ConnId): boolean {
    return this.#doors.size > 0 && this.#doors.get(this.#census.clientAddress(id))?.has(this.#census.serviceIndex(id)) === true;
  }
}

/**
 * Clients with at least `minimum` attempts that did not complete, and all their connections. From a sorted column: a flood's
 * million sources cost no map.
 */
function suspects(census: Census, minimum: number): Map<number, ConnId[]> {
  const { connections, tables } = census.tracker;
  const clients = new Map<number, ConnId[]>();
  if (census.clientCounts.most < minimum) return clients;
  const failed = census.scratch.ints(connections);
  let n = 0;
  for (let id = 0; id < connections; id++) {
    const word = tables.cores.page(id)[tables.cores.offset(id) + Core.STATE]!;
    if ((word & (Trait.SAW_SYN | Trait.COMPLETED)) !== Trait.SAW_SYN) continue;
    const address = census.clientAddress(id);
    if (census.clientCounts.of(address) >= minimum) failed[n++] = address;
  }
  const sorted = sortInts(failed.subarray(0, n));
  for (let i = minimum - 1; i < n; i++) if (sorted[i] === sorted[i - minimum + 1]) clients.set(sorted[i]!, []);
  if (clients.size === 0) return clients;
  for (let id = 0; id < connections; id++) clients.get(census.clientAddress(id))?.push(connId(id));
  return clients;
}

/** Adds a connection to the doors of its client. */
function knock(census: Census, doors: Map<number, Door>, id: ConnId): void {
  const { cores, pairs } = census.tracker.tables;
  const core = cores.page(id);
  const c = cores.offset(id);
  const word = core[c + Core.STATE]!;
  // An answer to nobody's question is no knock, and SYN with FIN or RST is another rule's.
  if ((word & (Trait.SAW_SYN | Trait.ODD_FLAGS)) !== Trait.SAW_SYN) return;
  const service = census.serviceIndex(id);
  let door = doors.get(service);
  if (!door) {
    const ports = core[c + Core.PORTS]!;
    const port = (word & Trait.CLIENT_IS_B) === 0 ? ports & 0xffff : ports >>> 16;
    door = { address: census.serverAddress(id), port, answer: Answer.FILTERED, retried: false, knocks: [] };
    doors.set(service, door);
  }
  door.knocks.push(id);
  const ref = pairOf(core, c);
  let payload = 0;
  let syns = ref === 0 ? countsOf(census.tracker.tables, core, c) & 0xffff : 0;
  if (ref !== 0) {
    const client = pairs.offset(ref - 1);
    const octets = pairs.floatPage(ref - 1);
    payload = octets[(client + Half.PAYLOAD) >> 1]!;
    if (payload > 0) payload *= octets[(client + HALF_STRIDE + Half.PAYLOAD) >> 1]!;
    syns = pairs.page(ref - 1)[client + Half.SYN]!;
  }
  const answer = answerOf(word, payload > 0);
  if (answer === Answer.FILTERED && syns > 1) door.retried = true;
  if (answer > door.answer) door.answer = answer;
}

function answerOf(word: number, used: boolean): Answer {
  if ((word & Trait.COMPLETED) !== 0) return used ? Answer.USED : Answer.COMPLETED;
  if ((word & Trait.REFUSED) !== 0) return Answer.CLOSED;
  return (word & Trait.SAW_SYN_ACK) !== 0 ? Answer.OPEN : Answer.FILTERED;
}

/** The doors of hosts with many failed ports, and of ports with many failed hosts. */
function scanned(doors: readonly Door[], minPorts: number, minHosts: number): readonly Door[] {
  const chosen = new Set<Door>();
  const add = (key: (door: Door) => number, minimum: number): void => {
    for (const group of groupedBy(doors, key)) {
      const failed = group.filter(isFailed);
      const used = group.filter((door) => door.answer === Answer.USED).length;
      if (failed.length < minimum || failed.length < used || failed.filter(isWanted).length > failed.length / 2) continue;
      for (const door of group) if (door.answer !== Answer.USED) chosen.add(door);
    }
  };
  add((door) => door.address, minPorts);
  add((door) => door.port, minHosts);
  return doors.filter((door) => chosen.has(door));
}

function groupedBy(doors: readonly Door[], key: (door: Door) => number): Iterable<readonly Door[]> {
  const groups = new Map<number, Door[]>();
  for (const door of doors) {
    const group = groups.get(key(door));
    if (group) group.push(door);
    else groups.set(key(door), [door]);
  }
  return groups.values();
}

function groupOf(census: Census, all: readonly Door[], doors: readonly Door[]): ScanGroup {
  const addresses = new Set(doors.map((door) => door.address));
  const hosts = firstOfEach(doors, addresses.size).map((door) => census.serviceOf(door.knocks[0]!).ip);
  const ids = (answer: (door: Door) => boolean): ConnId[] => doors.filter(answer).map((door) => door.knocks[0]!);
  return {
    scanner: census.connection(doors[0]!.knocks[0]!).client.ip,
    hosts: addresses.size,
    someHosts: hosts,
    networks: new Set(hosts.map(prefixText)).size,
    ports: [...new Set(doors.map((door) => door.port))].sort((a, b) => a - b),
    doors: doors.length,
    open: ids((door) => door.answer >= Answer.OPEN),
    closed: ids((door) => door.answer === Answer.CLOSED),
    filtered: ids((door) => door.answer === Answer.FILTERED),
    filteredRetried: doors.filter((door) => door.answer === Answer.FILTERED && door.retried).length,
    usedDoors: all.filter((door) => door.answer === Answer.USED && addresses.has(door.address)).length,
    ids: doors.flatMap((door) => door.knocks).sort((a, b) => a - b),
  };
}

/** One door of each host, of the first `MAX_HOSTS` hosts. */
function firstOfEach(doors: readonly Door[], hosts: number): readonly Door[] {
  const seen = new Set<number>();
  const out: Door[] = [];
  for (const door of doors) {
    if (out.length === Math.min(hosts, MAX_HOSTS)) break;
    if (seen.has(door.address)) continue;
    seen.add(door.address);
    out.push(door);
  }
  return out;
}
