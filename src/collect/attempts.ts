/**
 * Connection attempts at one service that came to nothing, sorted into those that a kernel makes (the same SYN again on
 * its schedule, from a client that also gets through) and those that nobody follows up. Counts and tallies straight from
 * the columns, because a flood has a million of them; the judgement is a rule's.
 */
import type { DeadAttempts, PeakOfAttempts, SynTally } from '../model/capture-view.ts';
import { type ConnId, connId, connIds, type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { Attempt, Fate, readAttempt } from '../track/attempt.ts';
import { EPHEMERAL_FLOOR, FoldedAttempts, type FoldedService } from '../track/folded.ts';
import { Core, Half, HALF_STRIDE, Trait } from '../track/layout.ts';
import type { Tables } from '../track/tables.ts';
import type { Census } from './census.ts';
import { sortInts, sortTimes } from './sorting.ts';
import { isIpv6, sourcesOf } from './sources.ts';

/** A client that completes one handshake in so many attempts is still part of the attack. */
const REAL_SHARE = 1 / 20;

/** How often each TTL or length occurs, apart for attack and real clients; there are few different ones, and one after the other is mostly the same. */
class Tally {
  readonly #counts = new Map<number, { value: number; attack: number; real: number }>();
  #last = { value: -1, attack: 0, real: 0 };

  add(value: number, attack: boolean): void {
    if (this.#last.value !== value) this.#last = this.#of(value);
    if (attack) this.#last.attack++;
    else this.#last.real++;
  }

  #of(value: number): { value: number; attack: number; real: number } {
    let counts = this.#counts.get(value);
    if (counts === undefined) this.#counts.set(value, (counts = { value, attack: 0, real: 0 }));
    return counts;
  }

  list(): SynTally[] {
    return [...this.#counts.values()].sort((x, y) => y.attack - x.attack || x.value - y.value);
  }
}

/**
 * The attempts themselves at once; what became of real clients meanwhile when somebody asks, which is rare.
 *
 * @param service what of it was folded: attempts that are counts alone
 */
export function deadAttempts(census: Census, ids: Int32Array, service: FoldedService | null): DeadAttempts {
  const folded = service?.attempts ?? new FoldedAttempts();
  const { tables } = census.tracker;
  const row = new Attempt();
  const fates = fatesOf(census, ids, row);
  let dead = 0;
  for (let i = 0; i < fates.length; i++) if (fates[i] === Fate.DEAD) dead++;
  const isReal = realClients(census, ids, fates, dead);
  const attack = new Int32Array(dead);
  let found = 0;
  // Of a flood each column has megaoctets: addresses, and room to sort them, lie where the times will.
  const times = new Float64Array(dead);
  const addresses = new Int32Array(times.buffer, 0, dead);
  const { syns, unanswered, answeredOnce, answeredAgain, reset, lowPorts, withoutOptions } = folded;
  const counts = { syns, unanswered, answeredOnce, answeredAgain, reset, lowPorts, withoutOptions };
  for (let i = 0; found < dead && i < ids.length; i++) {
    if (fates[i] !== Fate.DEAD) continue;
    const id = ids[i]!;
    if (isReal(census.clientAddress(id))) continue;
    readAttempt(tables, id, row);
    addresses[found] = row.address;
    attack[found++] = id;
    counts.syns += row.syns;
    if (row.reset) counts.reset++;
    else if (row.synAcks === 0) counts.unanswered++;
    else if (row.synAcks === 1) counts.answeredOnce++;
    else counts.answeredAgain++;
    if (row.port < EPHEMERAL_FLOOR) counts.lowPorts++;
    if (row.bare) counts.withoutOptions++;
  }
  const sources = sourcesOf(
    tables,
    sortInts(addresses.subarray(0, found), new Int32Array(times.buffer, 4 * dead, found)),
    found > 0 && isIpv6(tables, attack[0]!),
  );
  for (let i = 0; i < found; i++) times[i] = tables.cores.floatPage(attack[i]!)[(tables.cores.offset(attack[i]!) + Core.FIRST_TIME) >> 1]!;
  const sorted = sortTimes(times.subarray(0, found));
  const first = found + folded.count === 0 ? null : nanos(Math.min(sorted[0] ?? Infinity, folded.first));
  const last = found + folded.count === 0 ? null : nanos(Math.max(sorted.at(-1) ?? -Infinity, folded.last));
  let others: Others | undefined;
  const rest = (): Others => (others ??= othersOf(tables, ids, fates, isReal, first, last));
  return {
    count: found + folded.count,
    ids: connIds(attack.subarray(0, found)),
    ...counts,
    ...sources,
    first,
    last,
    get real() {
      return rest().real;
    },
    get starved() {
      return rest().starved;
    },
    get delayed() {
      return rest().delayed;
    },
    get duringCompleted() {
      return rest().duringCompleted;
    },
    get ttls() {
      return rest().ttls.list();
    },
    get lengths() {
      return rest().lengths.list();
    },
    get bystanders() {
      return bystanders(tables, rest().completed, row, first);
    },
    peakWithin: (seconds, until) => {
      const peak = peakWithin(sorted, rest().completedTimes, seconds * NANOS_PER_SECOND, until);
      return service === null ? peak : withFolded(peak, service, rest().completedTimes, seconds * NANOS_PER_SECOND, until);
    },
    realFrom: (test) => realFrom(tables, ids, row, isReal, test),
  };
}

function fatesOf(census: Census, ids: Int32Array, row: Attempt): Uint8Array {
  const { tables } = census.tracker;
  const { cores } = tables;
  const fates = new Uint8Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    const word = cores.page(id)[cores.offset(id) + Core.STATE]!;
    const through = word & (Trait.SAW_SYN | Trait.COMPLETED);
    fates[i] = through === (Trait.SAW_SYN | Trait.COMPLETED) ? Fate.COMPLETED : readAttempt(tables, id, row);
  }
  return fates;
}

/** Is a client real? One that gets through now and then. Asked only about those with dead attempts. */
function realClients(census: Census, ids: Int32Array, fates: Uint8Array, dead: number): (address: number) => boolean {
  if (dead === 0) return () => false;
  const clients = new Map<number, { dead: number; completed: number }>();
  const isThrough = (fate: number): boolean => fate === Fate.COMPLETED || fate === Fate.RETRIED;
  let through = 0;
  for (let i = 0; i < fates.length; i++) if (isThrough(fates[i]!)) through++;
  // The fewer of both make the entries: a forged source has none, and a million of them cost nothing here.
  const few = dead < through ? (fate: number): boolean => fate === Fate.DEAD : isThrough;
  for (let i = 0; i < ids.length; i++) if (few(fates[i]!)) clients.set(census.clientAddress(ids[i]!), { dead: 0, completed: 0 });
  for (let i = 0; clients.size > 0 && i < ids.length; i++) {
    const fate = fates[i]!;
    if (fate === Fate.OTHER) continue;
    const client = clients.get(census.clientAddress(ids[i]!));
    if (client === undefined) continue;
    if (fate === Fate.DEAD) client.dead++;
    else client.completed++;
  }
  return (address) => {
    const client = clients.get(address);
    return client !== undefined && client.completed > 0 && client.completed >= client.dead * REAL_SHARE;
  };
}

/** Real clients' connections. */
interface Others {
  readonly real: number;
  readonly starved: readonly ConnId[];
  readonly delayed: readonly ConnId[];
  readonly duringCompleted: number;
  readonly completed: readonly ConnId[];
  /** Sorted. */
  readonly completedTimes: Float64Array;
  readonly ttls: Tally;
  readonly lengths: Tally;
}

function othersOf(
  tables: Tables,
  ids: Int32Array,
  fates: Uint8Array,
  isReal: (address: number) => boolean,
  first: Nanos | null,
  last: Nanos | null,
): Others {
  const row = new Attempt();
  const starved: ConnId[] = [];
  const delayed: ConnId[] = [];
  const completed: ConnId[] = [];
  const completedTimes: number[] = [];
  const ttls = new Tally();
  const lengths = new Tally();
  let real = 0;
  for (let i = 0; i < ids.length; i++) {
    const fate = fates[i]!;
    if (fate === Fate.OTHER) continue;
    const id = connId(ids[i]!);
    readAttempt(tables, id, row);
    const forged = fate === Fate.DEAD && !isReal(row.address);
    ttls.add(row.ttl, forged);
    lengths.add(row.ipLength, forged);
    if (forged) continue;
    real++;
    if (fate === Fate.COMPLETED) {
      completed.push(id);
      completedTimes.push(row.start);
      if (row.syns > 1) delayed.push(id);
    } else if (fate === Fate.RETRIED) starved.push(id);
  }
  const during = (id: ConnId): boolean => {
    if (first === null || last === null) return false;
    const start = tables.cores.floatPage(id)[(tables.cores.offset(id) + Core.FIRST_TIME) >> 1]!;
    return start >= first - NANOS_PER_SECOND && start <= last + NANOS_PER_SECOND;
  };
  return {
    real,
    starved: starved.filter(during),
    delayed: delayed.filter(during),
    duringCompleted: completed.filter(during).length,
    completed,
    completedTimes: Float64Array.from(completedTimes).sort(),
    ttls,
    lengths,
  };
}

/** The most starts within a span, begun before `until`; and how many handshakes of the same span completed. */
function peakWithin(times: Float64Array, completed: Float64Array, span: number, until: Nanos): PeakOfAttempts {
  let count = 0;
  let begin = 0;
  for (let i = 0, k = 0; i < times.length && times[i]! <= until; i++) {
    while (times[k]! < times[i]! - span) k++;
    if (i - k + 1 > count) {
      count = i - k + 1;
      begin = k;
    }
  }
  if (count === 0) return { count: 0, at: null, completed: 0 };
  const from = times[begin]!;
  return { count, at: nanos(from), completed: completed.filter((t) => t >= from && t <= from + span).length };
}

/** The same with what was folded; both apart, so it is a lower bound. */
function withFolded(peak: PeakOfAttempts, folded: FoldedService, completed: Float64Array, span: number, until: Nanos): PeakOfAttempts {
  const { count, from } = folded.attempts.times.peakWithin(span, until);
  if (count <= peak.count) return peak;
  const rows = completed.filter((t) => t >= from && t <= from + span).length;
  return { count, at: nanos(from), completed: rows + folded.completions.between(from, from + span) };
}

function realFrom(
  tables: Tables,
  ids: Int32Array,
  row: Attempt,
  isReal: (address: number) => boolean,
  test: (ip: string) => boolean,
): number {
  let n = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    const fate = readAttempt(tables, id, row);
    if (fate === Fate.OTHER || (fate === Fate.DEAD && !isReal(row.address))) continue;
    if (test(tables.addresses.text(row.address, isIpv6(tables, id)))) n++;
  }
  return n;
}

/** Connections that were up before the first attempt of the attack and still had packets after it. */
function bystanders(tables: Tables, completed: readonly ConnId[], row: Attempt, first: Nanos | null): DeadAttempts['bystanders'] {
  const out = { connections: 0, retransmissions: 0, resets: 0 };
  if (first === null) return out;
  for (const id of completed) {
    readAttempt(tables, id, row);
    if (row.start >= first || row.end <= first) continue;
    const core = tables.cores.page(id);
    const c = tables.cores.offset(id);
    const ref = core[c + Core.PAIR]!;
    const pair = tables.pairs.page(ref - 1);
    const p = tables.pairs.offset(ref - 1);
    out.connections++;
    out.retransmissions += pair[p + Half.RETRANSMISSIONS]! + pair[p + HALF_STRIDE + Half.RETRANSMISSIONS]!;
    if ((core[c + Core.STATE]! & Trait.HAS_RST) !== 0) out.resets++;
  }
  return out;
}
