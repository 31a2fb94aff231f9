/**
 * How many sockets of a host can have been in TIME_WAIT at once, at most: every connection with a FIN counts from its first segment to the last change of
 * state of its end. Read off the records, in their order; the log, which knows better, is asked only about hosts for which this is not little.
 */
import { Side, State } from '../model/state.ts';
import { Core, Half, HALF_STRIDE } from '../track/layout.ts';
import type { Census } from './census.ts';
import { SAW_FIN } from './time-wait.ts';

/** The capture's time in so many parts. */
const PARTS = 512;
/** Hosts that are counted; with more, nobody is ruled out. */
const MAX_HOSTS = 4_096;

/** Address and family of an end's host, as one number. */
export type HostKey = (id: number, side: Side) => number;

/** Hosts that may have had `minimum` sockets in TIME_WAIT at once; null: it is not known of any. */
export function crowdedHosts(census: Census, key: HostKey, minimum: number): ReadonlySet<number> | null {
  // A client that reaches the number by itself is not among the servers that are counted here.
  if (census.busiest().client >= minimum) return null;
  const hosts = new Map<number, number>();
  const ordinals = new Int32Array(census.services.length);
  census.firsts.forEach((first, service) => {
    const host = key(first, Side.SERVER);
    let ordinal = hosts.get(host);
    if (ordinal === undefined) hosts.set(host, (ordinal = hosts.size));
    ordinals[service] = ordinal;
  });
  if (hosts.size > MAX_HOSTS) return null;
  const changes = new Int32Array(hosts.size * (PARTS + 1));
  const { cores, pairs } = census.tracker.tables;
  const part = PARTS / Math.max(1, census.end);
  const count = (ordinal: number, from: number, until: number): void => {
    const first = ordinal * (PARTS + 1) + Math.min(PARTS - 1, Math.floor(from * part));
    const behind = ordinal * (PARTS + 1) + Math.min(PARTS - 1, Math.floor(until * part)) + 1;
    changes[first] = changes[first]! + 1;
    changes[behind] = changes[behind]! - 1;
  };
  for (let id = 0; id < census.tracker.connections; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const word = core[c + Core.STATE]!;
    if ((word & SAW_FIN) === 0) continue;
    const from = Math.max(0, cores.floatPage(id)[(c + Core.FIRST_TIME) >> 1]!);
    const ref = core[c + Core.PAIR]! - 1;
    const times = pairs.floatPage(ref);
    const since = (pairs.offset(ref) + Half.STATE_TIME) >> 1;
    const until = (state: number, time: number): number => (state === State.CLOSED ? Math.max(from, time) : census.end);
    count(ordinals[census.serviceIndex(id)]!, from, until((word >>> 4) & 15, times[since + (HALF_STRIDE >> 1)]!));
    const client = hosts.get(key(id, Side.CLIENT));
    if (client !== undefined) count(client, from, until(word & 15, times[since]!));
  }
  return new Set(
    [...hosts]
      .filter(([, ordinal]) => mostAtOnce(changes.subarray(ordinal * (PARTS + 1), (ordinal + 1) * (PARTS + 1))) >= minimum)
      .map(([host]) => host),
  );
}

function mostAtOnce(changes: Int32Array): number {
  let now = 0;
  let most = 0;
  for (const change of changes) {
    now += change;
    if (now > most) most = now;
  }
  return most;
}
