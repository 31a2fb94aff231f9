/**
 * Connection attempts at one service that came to nothing, sorted into those that a kernel makes (the same SYN again on
 * its schedule, from a client that also gets through) and those that nobody follows up. Counts and tallies straight from
 * the columns, because a flood has a million of them; the judgement is a rule's.
 */
import type { DeadAttempts, PeakOfAttempts, SynTally } from '../model/capture-view.ts';
import { type ConnId, connId, type ConnIds, type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { Attempt, Fate, readAttempt } from '../track/attempt.ts';
import { AttemptCounts, FoldedAttempts, type FoldedService } from '../track/folded.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import { lastTimeOf } from '../track/sequel.ts';
import type { Tables } from '../track/tables.ts';
import type { Census } from './census.ts';
import { IdCursor, IdList } from './id-bits.ts';
import { NarrowColumn } from './narrow-column.ts';
import { concentration, isIpv6 } from './sources.ts';
import { Starts } from './starts.ts';

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
export function deadAttempts(census: Census, ids: ConnIds, service: FoldedService | null): DeadAttempts {
  const folded = service?.attempts ?? new FoldedAttempts();
  const { tables } = census.tracker;
  const row = new Attempt();
  const counts = new AttemptCounts();
  const tallies = { ttls: new Tally(), lengths: new Tally() };
  const fates = new Fates(census, ids, row, counts, tallies);
  const { dead } = fates;
  const isReal = realClients(census, ids, fates);
  const attack = dead === 0 ? [] : attackOf(census, ids, fates, isReal, counts);
  const sources = concentration(census, attack);
  const starts = new Starts(tables.firstTimes, attack);
  const count = attack.length + folded.count;
  const both = (key: 'syns' | 'unanswered' | 'answeredOnce' | 'answeredAgain' | 'reset' | 'lowPorts' | 'withoutOptions'): number =>
    counts[key] + folded[key];
  const first = count === 0 ? null : nanos(Math.min(starts.first, folded.first));
  const last = count === 0 ? null : nanos(Math.max(starts.last, folded.last));
  let others: Others | undefined;
  const isAlone = attack.length === dead && fates.through === 0;
  const rest = (): Others => (others ??= isAlone ? { ...NOBODY, ...tallies } : othersOf(tables, ids, fates, isReal, first, last));
  const peaks = new Map<string, PeakOfAttempts>();
  const peak = (span: number, until: Nanos): PeakOfAttempts => {
    const found = peakWithin(starts, rest().completedTimes, span, until);
    return service === null ? found : withFolded(found, service, rest().completedTimes, span, until);
  };
  return {
    count,
    ids: attack,
    syns: both('syns'),
    unanswered: both('unanswered'),
    answeredOnce: both('answeredOnce'),
    answeredAgain: both('answeredAgain'),
    reset: both('reset'),
    lowPorts: both('lowPorts'),
    withoutOptions: both('withoutOptions'),
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
      const key = `${String(seconds)} ${String(until)}`; // whoever keeps out of a flood asks the same
      let known = peaks.get(key);
      if (known === undefined) peaks.set(key, (known = peak(seconds * NANOS_PER_SECOND, until)));
      return known;
    },
    realFrom: (test) => realFrom(tables, ids, row, isReal, test),
  };
}

/** What became of each attempt, by its place in the list. */
class Fates {
  readonly #fates: NarrowColumn;
  dead = 0;
  /** Those that got through, or whose client tries again. */
  through = 0;

  /** Also counts and tallies those that are dead, whoever sent them. */
  constructor({ tracker, scratch }: Census, ids: ConnIds, row: Attempt, counts: AttemptCounts, { ttls, lengths }: Tallies) {
    const { tables } = tracker;
    const { cores } = tables;
    this.#fates = new NarrowColumn(ids.length, scratch, 1);
    const all = new IdCursor(ids);
    for (let i = 0; i < ids.length; i++) {
      const id = all.next();
      const word = cores.page(id)[cores.offset(id) + Core.STATE]!;
      const through = word & (Trait.SAW_SYN | Trait.COMPLETED);
      const fate = through === (Trait.SAW_SYN | Trait.COMPLETED) ? Fate.COMPLETED : readAttempt(tables, id, row);
      this.#fates.set(i, fate);
      if (isThrough(fate)) this.through++;
      if (fate !== Fate.DEAD) continue;
      this.dead++;
      counts.tally(row, 1);
      ttls.add(row.ttl, true);
      lengths.add(row.ipLength, true);
    }
  }

  of(i: number): Fate {
    return this.#fates.get(i) as Fate;
  }
}

const isThrough = (fate: Fate): boolean => fate === Fate.COMPLETED || fate === Fate.RETRIED;

/** The dead ones without those of real clients, which are taken back from the counts: all of a flood are, and `ids` are they. */
function attackOf(
  census: Census,
  ids: ConnIds,
  fates: Fates,
  isReal: ((address: number) => boolean) | null,
  counts: AttemptCounts,
): ConnIds {
  if (fates.dead === ids.length) return ids;
  const { tables } = census.tracker;
  const row = new Attempt();
  const attack = new IdList(tables.cores.length);
  const all = new IdCursor(ids);
  for (let i = 0; i < ids.length; i++) {
    const id = all.next();
    if (fates.of(i) !== Fate.DEAD) continue;
    if (isReal?.(census.clientAddress(id)) !== true) {
      attack.add(id);
      continue;
    }
    readAttempt(tables, id, row);
    counts.tally(row, -1);
  }
  return attack.ids;
}

/** Is a client real? One that gets through now and then. Asked only about those with dead attempts; null: none is. */
function realClients(census: Census, ids: ConnIds, fates: Fates): ((address: number) => boolean) | null {
  const { dead, through } = fates;
  if (dead === 0 || through === 0) return null;
  const clients = new Map<number, { dead: number; completed: number }>();
  // The fewer of both make the entries: a forged source has none, and a million of them cost nothing here.
  const few = dead < through ? (fate: Fate): boolean => fate === Fate.DEAD : isThrough;
  const some = new IdCursor(ids);
  for (let i = 0; i < ids.length; i++) {
    const id = some.next();
    if (few(fates.of(i))) clients.set(census.clientAddress(id), { dead: 0, completed: 0 });
  }
  const all = new IdCursor(ids);
  for (let i = 0; i < ids.length; i++) {
    const id = all.next();
    const fate = fates.of(i);
    if (fate === Fate.OTHER) continue;
    const client = clients.get(census.clientAddress(id));
    if (client === undefined) continue;
    if (fate === Fate.DEAD) client.dead++;
    else client.completed++;
  }
  return (address) => {
    const client = clients.get(address);
    return client !== undefined && client.completed > 0 && client.completed >= client.dead * REAL_SHARE;
  };
}

interface Tallies {
  readonly ttls: Tally;
  readonly lengths: Tally;
}

/** Real clients' connections. */
interface Others extends Tallies {
  readonly real: number;
  readonly starved: readonly ConnId[];
  readonly delayed: readonly ConnId[];
  readonly duringCompleted: number;
  readonly completed: readonly ConnId[];
  /** Sorted. */
  readonly completedTimes: Float64Array;
}

const NOBODY = { real: 0, starved: [], delayed: [], duringCompleted: 0, completed: [], completedTimes: new Float64Array(0) };

function othersOf(
  tables: Tables,
  ids: ConnIds,
  fates: Fates,
  isReal: ((address: number) => boolean) | null,
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
  const all = new IdCursor(ids);
  for (let i = 0; i < ids.length; i++) {
    const id = connId(all.next());
    const fate = fates.of(i);
    if (fate === Fate.OTHER) continue;
    readAttempt(tables, id, row);
    const forged = fate === Fate.DEAD && isReal?.(row.address) !== true;
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
    const start = tables.firstTimes.of(id);
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
function peakWithin(starts: Starts, completed: Float64Array, span: number, until: Nanos): PeakOfAttempts {
  const { count, from } = starts.peakWithin(span, until);
  if (count === 0) return { count: 0, at: null, completed: 0 };
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
  ids: ConnIds,
  row: Attempt,
  isReal: ((address: number) => boolean) | null,
  test: (ip: string) => boolean,
): number {
  let n = 0;
  ids.forEach((id) => {
    const fate = readAttempt(tables, id, row);
    if (fate === Fate.OTHER || (fate === Fate.DEAD && isReal?.(row.address) !== true)) return;
    if (test(tables.addresses.text(row.address, isIpv6(tables, id)))) n++;
  });
  return n;
}

/** Connections that were up before the first attempt of the attack and still had packets after it. */
function bystanders(tables: Tables, completed: readonly ConnId[], row: Attempt, first: Nanos | null): DeadAttempts['bystanders'] {
  const out = { connections: 0, retransmissions: 0, resets: 0 };
  if (first === null) return out;
  for (const id of completed) {
    readAttempt(tables, id, row);
    if (row.start >= first || lastTimeOf(tables, id) <= first) continue;
    const core = tables.cores.page(id);
    const c = tables.cores.offset(id);
    const ref = pairOf(core, c);
    const pair = tables.pairs.page(ref - 1);
    const p = tables.pairs.offset(ref - 1);
    out.connections++;
    out.retransmissions += pair[p + Half.RETRANSMISSIONS]! + pair[p + HALF_STRIDE + Half.RETRANSMISSIONS]!;
    if ((core[c + Core.STATE]! & Trait.HAS_RST) !== 0) out.resets++;
  }
  return out;
}
