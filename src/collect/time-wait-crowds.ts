/**
 * How many sockets of a host can have been in TIME_WAIT at once, at most: every connection with a FIN counts from its first segment to the last change of
 * state of its end. Read off the records, in their order; the log, which knows better, is asked only about hosts for which this is not little.
 */
import { State } from '../model/state.ts';
import { Core, Half, HALF_STRIDE, pairOf } from '../track/layout.ts';
import type { Census } from './census.ts';
import { HashedCounts } from './hashed-counts.ts';
import { SAW_FIN } from './time-wait.ts';

/** The capture's time in so many parts. */
const PARTS = 512;
/** Hosts that are counted; with more, nobody is ruled out. */
const MAX_HOSTS = 4_096;
/** Slots of the hashed set of them, for each. */
const SLOTS_EACH = 32;

/** Addresses of hosts that may have had `minimum` sockets in TIME_WAIT at once; null: it may be any. An IPv6 id may equal an IPv4 address, which then count together. */
export function crowdedHosts(census: Census, minimum: number): ReadonlySet<number> | null {
  // A client that reaches the number by itself is not among the servers that are counted here.
  if (census.clientCounts.most >= minimum) return null;
  if ((census.traits & SAW_FIN) === 0) return new Set();
  const hosts = new Map<number, number>();
  const ordinals = new Int32Array(census.services.length);
  census.firsts.forEach((first, service) => {
    const host = census.serverAddress(first);
    let ordinal = hosts.get(host);
    if (ordinal === undefined) hosts.set(host, (ordinal = hosts.size));
    ordinals[service] = ordinal;
  });
  if (hosts.size > MAX_HOSTS) return null;
  // Of nearly all clients this says that they are no servers.
  const servers = new HashedCounts(hosts.size * SLOTS_EACH);
  for (const host of hosts.keys()) servers.add(host);
  const most = new Peaks(hosts.size, census.end);
  const { cores, firstTimes, pairs } = census.tracker.tables;
  for (let id = 0; id < census.tracker.connections; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const word = core[c + Core.STATE]!;
    if ((word & SAW_FIN) === 0) continue;
    const from = firstTimes.of(id);
    const ref = pairOf(core, c) - 1;
    const isOver = ((word >>> 4) & 15) === State.CLOSED;
    most.add(ordinals[census.serviceIndex(id)]!, from, isOver ? pairs.double(ref, HALF_STRIDE + Half.STATE_TIME) : census.end);
    const address = census.clientAddress(id);
    const client = servers.of(address) === 0 ? undefined : hosts.get(address);
    if (client !== undefined) most.add(client, from, (word & 15) === State.CLOSED ? pairs.double(ref, Half.STATE_TIME) : census.end);
  }
  return new Set([...hosts].filter(([, ordinal]) => most.of(ordinal) >= minimum).map(([host]) => host));
}

/** Of each host, how many stays overlap; by parts of the capture, so that it may be too many and is never too few. */
class Peaks {
  /** Stays that begin in each part, less those that ended in the one before. */
  readonly #changes: Int32Array;
  readonly #part: number;

  constructor(hosts: number, end: number) {
    this.#changes = new Int32Array(hosts * (PARTS + 1));
    this.#part = PARTS / Math.max(1, end);
  }

  add(host: number, from: number, until: number): void {
    const first = Math.min(PARTS - 1, Math.max(0, Math.floor(from * this.#part)));
    const last = Math.min(PARTS - 1, Math.max(first, Math.floor(until * this.#part)));
    const at = host * (PARTS + 1);
    this.#changes[at + first] = this.#changes[at + first]! + 1;
    this.#changes[at + last + 1] = this.#changes[at + last + 1]! - 1;
  }

  of(host: number): number {
    let now = 0;
    let most = 0;
    for (const change of this.#changes.subarray(host * (PARTS + 1), (host + 1) * (PARTS + 1))) {
      now += change;
      if (now > most) most = now;
    }
    return most;
  }
}
