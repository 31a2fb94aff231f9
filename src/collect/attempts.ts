/**
 * Connection attempts at one service that came to nothing, sorted into those that a kernel makes (the same SYN again on
 * its schedule, from a client that also gets through) and those that nobody follows up. Counts and tallies straight from
 * the columns, because a flood has a million of them; the judgement is a rule's.
 */
import type { DeadAttempts, PeakOfAttempts, SynTally } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import { type ConnId, connId, type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { eventKind, EventKind, eventTo, markDetail, markKind } from '../track/events.ts';
import { State } from '../model/state.ts';
import { Core, Half, HALF_STRIDE, SynOption, Trait } from '../track/layout.ts';
import type { Tables } from '../track/tables.ts';
import { countsOf, lastTimeOf, lengthsOf, ttlsOf } from '../track/sequel.ts';
import { RstBit } from '../track/reset.ts';
import type { Census } from './census.ts';
import { isIpv6, sourcesOf } from './sources.ts';

/** No kernel repeats a SYN sooner than this (initial RTO 1 s, RFC 6298 §2.1; half of it for odd stacks). */
const EARLIEST_RETRY = 0.5 * NANOS_PER_SECOND;
/** A SYN-ACK that took longer may be refused by a client that had given up: a connect timeout, not a forged source. */
const PATIENCE = 0.3 * NANOS_PER_SECOND;
/** A client that completes one handshake in so many attempts is still part of the attack. */
const REAL_SHARE = 1 / 20;
/** Linux, Windows, BSD and macOS choose client ports from here up; only NATs and forgers go below. */
const EPHEMERAL_FLOOR = 32_768;
const SYN_AGAIN = markKind(Mark.SYN_AGAIN);
const RST = markKind(Mark.RST);

/** How an attempt went, from its columns. */
const Fate = { OTHER: 0, COMPLETED: 1, DEAD: 2, RETRIED: 3 } as const;
type Fate = (typeof Fate)[keyof typeof Fate];

class Row {
  syns = 0;
  synAcks = 0;
  reset = false;
  address = 0;
  ttl = 0;
  ipLength = 0;
  port = 0;
  bare = false;
  start = 0;
  end = 0;
}

/** How often each TTL or length occurs, apart for attack and real clients; there are few different ones. */
class Tally {
  readonly #counts = new Map<number, { attack: number; real: number }>();

  add(value: number, attack: boolean): void {
    let counts = this.#counts.get(value);
    if (counts === undefined) this.#counts.set(value, (counts = { attack: 0, real: 0 }));
    if (attack) counts.attack++;
    else counts.real++;
  }

  list(): SynTally[] {
    return Array.from(this.#counts, ([value, counts]) => ({ value, ...counts })).sort((x, y) => y.attack - x.attack || x.value - y.value);
  }
}

/** The attempts themselves at once; what became of real clients meanwhile when somebody asks, which is rare. */
export function deadAttempts(census: Census, ids: Int32Array): DeadAttempts {
  const { tables } = census.tracker;
  const row = new Row();
  const fates = fatesOf(census, ids, row);
  const dead = fates.reduce((sum, fate) => sum + (fate === Fate.DEAD ? 1 : 0), 0);
  const isReal = realClients(census, ids, fates, dead);
  // As long as it can become, and cut to its length below: growing would need a copy of a million.
  const attack = new Array<ConnId>(dead);
  let found = 0;
  const times = new Float64Array(dead);
  const addresses = new Int32Array(dead);
  const counts = { syns: 0, unanswered: 0, answeredOnce: 0, answeredAgain: 0, reset: 0, lowPorts: 0, withoutOptions: 0 };
  for (let i = 0; found < dead && i < ids.length; i++) {
    if (fates[i] !== Fate.DEAD) continue;
    const id = connId(ids[i]!);
    if (isReal(census.clientAddress(id))) continue;
    read(tables, id, row);
    times[found] = row.start;
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
  attack.length = found;
  const sorted = times.subarray(0, found).sort();
  const first = found === 0 ? null : nanos(sorted[0]!);
  const last = found === 0 ? null : nanos(sorted.at(-1)!);
  let others: Others | undefined;
  const rest = (): Others => (others ??= othersOf(tables, ids, fates, isReal, first, last));
  return {
    ids: attack,
    ...counts,
    ...sourcesOf(tables, addresses.subarray(0, found).sort(), found > 0 && isIpv6(tables, attack[0]!)),
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
    peakWithin: (seconds, until) => peakWithin(sorted, rest().completedTimes, seconds * NANOS_PER_SECOND, until),
    realFrom: (test) => realFrom(tables, ids, row, isReal, test),
  };
}

function fatesOf(census: Census, ids: Int32Array, row: Row): Uint8Array {
  const { tables } = census.tracker;
  const { cores } = tables;
  const fates = new Uint8Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    const word = cores.page(id)[cores.offset(id) + Core.STATE]!;
    const through = word & (Trait.SAW_SYN | Trait.COMPLETED);
    fates[i] = through === (Trait.SAW_SYN | Trait.COMPLETED) ? Fate.COMPLETED : read(tables, id, row);
  }
  return fates;
}

/** Is a client real? One that gets through now and then. Asked only about those with dead attempts. */
function realClients(census: Census, ids: Int32Array, fates: Uint8Array, dead: number): (address: number) => boolean {
  if (dead === 0) return () => false;
  const clients = new Map<number, { dead: number; completed: number }>();
  const isThrough = (fate: number): boolean => fate === Fate.COMPLETED || fate === Fate.RETRIED;
  let through = 0;
  for (const fate of fates) if (isThrough(fate)) through++;
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
  const row = new Row();
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
    read(tables, id, row);
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

/** Fills the row with an attempt's facts. */
function read(tables: Tables, id: number, row: Row): Fate {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const word = core[c + Core.STATE]!;
  if ((word & Trait.SAW_SYN) === 0) return Fate.OTHER;
  const clientIsB = (word & Trait.CLIENT_IS_B) !== 0;
  const coreF = tables.cores.floatPage(id);
  row.address = core[c + (clientIsB ? Core.ADDR_B : Core.ADDR_A)]!;
  row.port = clientIsB ? core[c + Core.PORTS]! & 0xffff : core[c + Core.PORTS]! >>> 16;
  row.ttl = ttlsOf(tables, core, c) & 255;
  row.ipLength = lengthsOf(tables, core, c) & 0xffff;
  const options = core[c + Core.OPTIONS]!;
  row.bare = (options & (SynOption.SEEN | SynOption.HAS_MSS)) === SynOption.SEEN;
  row.start = coreF[(c + Core.FIRST_TIME) >> 1]!;
  row.end = lastTimeOf(tables, id);
  row.reset = false;
  const ref = core[c + Core.PAIR]!;
  let clientPackets: number;
  let serverPackets: number;
  if (ref === 0) {
    const counts = countsOf(tables, core, c);
    row.syns = clientPackets = counts & 0xffff;
    row.synAcks = serverPackets = counts >>> 16;
  } else {
    const pair = tables.pairs.page(ref - 1);
    const client = tables.pairs.offset(ref - 1);
    const server = client + HALF_STRIDE;
    row.syns = pair[client + Half.SYN]!;
    row.synAcks = pair[server + Half.SYN_ACK]!;
    row.reset = pair[client + Half.RST]! > 0;
    clientPackets = pair[client + Half.PACKETS]! - pair[client + Half.RST]!;
    serverPackets = pair[server + Half.PACKETS]!;
  }
  if ((word & Trait.COMPLETED) !== 0) return Fate.COMPLETED;
  if ((word & (Trait.REFUSED | Trait.ICMP_ERROR)) !== 0 || clientPackets !== row.syns || serverPackets !== row.synAcks) return Fate.OTHER;
  if (row.reset) {
    // Aborting a connection of its own, a kernel acknowledges; the bare form answers a SYN-ACK that nobody asked for.
    if (firstMark(tables, id, RST, (code) => (markDetail(code) & RstBit.HAS_ACK) === 0) === null) return Fate.OTHER;
    if (slowAnswer(tables, id, row.start)) return Fate.RETRIED;
  }
  return row.syns > 1 && (firstMark(tables, id, SYN_AGAIN) ?? 0) - row.start >= EARLIEST_RETRY ? Fate.RETRIED : Fate.DEAD;
}

function slowAnswer(tables: Tables, id: number, start: number): boolean {
  const { events } = tables;
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) === EventKind.TRANSITION && eventTo(code) === State.SYN_RCVD) return events.time(ref) - start >= PATIENCE;
  }
  return false;
}

/** Time of the first mark of a kind that passes the test. */
function firstMark(tables: Tables, id: number, kind: number, test: (code: number) => boolean = () => true): number | null {
  const { events } = tables;
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) === kind) return test(code) ? events.time(ref) : null;
  }
  return null;
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

function realFrom(tables: Tables, ids: Int32Array, row: Row, isReal: (address: number) => boolean, test: (ip: string) => boolean): number {
  let n = 0;
  for (const id of ids) {
    const fate = read(tables, id, row);
    if (fate === Fate.OTHER || (fate === Fate.DEAD && !isReal(row.address))) continue;
    if (test(tables.addresses.text(row.address, isIpv6(tables, id)))) n++;
  }
  return n;
}

/** Connections that were up before the first attempt of the attack and still had packets after it. */
function bystanders(tables: Tables, completed: readonly ConnId[], row: Row, first: Nanos | null): DeadAttempts['bystanders'] {
  const out = { connections: 0, retransmissions: 0, resets: 0 };
  if (first === null) return out;
  for (const id of completed) {
    read(tables, id, row);
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
