/**
 * What is left of connections that were folded because memory had run out (fold.ts): exact counts by service, and of all. No row,
 * no times of its own, no frame.
 */
import { OUTCOMES } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { State } from '../model/state.ts';
import { Attempt, Fate, readAttempt } from './attempt.ts';
import { FoldedTimes } from './folded-times.ts';
import { hash } from './hash.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait, tupleMeta } from './layout.ts';
import { Living } from './living.ts';
import { outcomeIndex } from './outcome.ts';
import { countsOf, lastTimeOf } from './sequel.ts';
import type { Tables } from './tables.ts';

/** Services with counts of their own; the connections of any others are counted in all alone. */
const MAX_SERVICES = 4_096;
/** Linux, Windows, BSD and macOS choose client ports from here up; only NATs and forgers go below. */
const EPHEMERAL_FLOOR = 32_768;
/** An attempt that was neither completed nor refused has its SYN alone of these. */
export const UNFINISHED = Trait.SAW_SYN | Trait.REFUSED | Trait.ICMP_ERROR;

/** How an open connection was counted when it was folded, so that it can be taken back: the index of its outcome, and these. */
const Fact = {
  OUTCOME: 0xf,
  SERVER_IS_B: 1 << 4,
  MIDSTREAM: 1 << 5,
  CLIENT_ONLY: 1 << 6,
  SERVER_ONLY: 1 << 7,
  UNFINISHED: 1 << 8,
  THERE: 1 << 9,
} as const;

/** Attempts that nobody followed up, as `DeadAttempts` of model/capture-view.ts counts them. */
export class AttemptCounts {
  count = 0;
  syns = 0;
  unanswered = 0;
  answeredOnce = 0;
  answeredAgain = 0;
  reset = 0;
  lowPorts = 0;
  withoutOptions = 0;

  /** @param times -1: it is none of them after all */
  tally(a: Attempt, times: 1 | -1): void {
    this.count += times;
    this.syns += times * a.syns;
    if (a.reset) this.reset += times;
    else if (a.synAcks === 0) this.unanswered += times;
    else if (a.synAcks === 1) this.answeredOnce += times;
    else this.answeredAgain += times;
    if (a.port < EPHEMERAL_FLOOR) this.lowPorts += times;
    if (a.bare) this.withoutOptions += times;
  }
}

/** Those that were folded. */
export class FoldedAttempts extends AttemptCounts {
  /** Of their SYNs, nanoseconds. */
  first = Infinity;
  last = -Infinity;
  readonly times = new FoldedTimes();

  add(a: Attempt): void {
    this.tally(a, 1);
    if (a.start < this.first) this.first = a.start;
    if (a.start > this.last) this.last = a.start;
    this.times.add(a.start);
  }

  /** One of them got a SYN-ACK: again, because the oldest are folded first, and a first answer takes milliseconds. */
  answerAgain(): void {
    if (this.answeredOnce === 0) return;
    this.answeredOnce--;
    this.answeredAgain++;
  }
}

/** The connections of one service that were folded. */
export class FoldedService {
  /** Server address and port within an encapsulation, as in a core record. */
  readonly address: number;
  readonly port: number;
  readonly meta: number;
  total = 0;
  completed = 0;
  unfinished = 0;
  syns = 0;
  synAcks = 0;
  clientSegments = 0;
  serverSegments = 0;
  /** Of the newest segment, nanoseconds. */
  end = -Infinity;
  /** By index in `OUTCOMES`. */
  readonly outcomes = new Array<number>(OUTCOMES.length).fill(0);
  /** Not closed when they were folded: more of them may come. */
  open = 0;
  /** Of these, those that nobody would know again; and connections begun without a SYN that may be one of them. */
  unknown = 0;
  perhapsResumed = 0;
  readonly attempts = new FoldedAttempts();
  /** When those whose handshake was completed began. */
  readonly completions = new FoldedTimes();
  /** Connections that the fold at hand has left as they are. */
  kept = 0;

  constructor(address: number, port: number, meta: number) {
    this.address = address;
    this.port = port;
    this.meta = meta;
  }
}

export class Folded {
  /** All of them, and those that were open still. */
  total = 0;
  open = 0;
  /** Attempts that came to nothing, half-open ones included. */
  attempts = 0;
  /** With packets of the client alone, of the server alone; seen in the middle first. */
  clientOnly = 0;
  serverOnly = 0;
  midstream = 0;
  /** Open ones that nobody would know again: attempts, and what `Living` had no room for. */
  unknown = 0;
  /** Went on, have a record again and are not counted here any more; those alone that had not begun without a SYN before. */
  resumed = 0;
  /** Begun without a SYN where an `unknown` one was open: at most so many are one that went on, and counted twice. */
  perhapsResumed = 0;
  readonly services: FoldedService[] = [];
  readonly #byKey = new Map<number, FoldedService[]>();
  readonly #attempt = new Attempt();
  readonly #tables: Tables;
  readonly #living: Living;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#living = new Living(tables.budget);
  }

  /**
   * A segment of no connection that has a record, from `address`:`port`. Is it what a folded one may still send or get that nobody
   * misses: its SYN-ACK again, or a RST? Then it is counted.
   */
  takes(flags: number, address: number, port: number, peer: number, peerPort: number, meta: number): boolean {
    if (this.open === 0 || (flags & (Flag.RST | Flag.SYN)) === 0 || (flags & (Flag.RST | Flag.ACK)) === 0) return false;
    const service = this.#known(address, port, meta) ?? ((flags & Flag.RST) === 0 ? undefined : this.#known(peer, peerPort, meta));
    if (service === undefined || service.open === 0) return false;
    if ((flags & Flag.RST) === 0) {
      service.synAcks++;
      service.attempts.answerAgain();
    }
    return true;
  }

  /** A connection begins with a segment of this (canonical) tuple: a folded one is over, or goes on and is not counted here any more. */
  begins(syn: boolean, a: number, b: number, ports: number, meta: number): void {
    const fact = this.#living.take(this.#hash(a, b, ports, meta));
    if (syn) return;
    const serverIsB = (fact & Fact.SERVER_IS_B) !== 0;
    const atB = this.#known(b, ports & 0xffff, meta);
    const atA = this.#known(a, ports >>> 16, meta);
    if (fact === 0) this.#perhapsResumed(atB ?? atA);
    else this.#goesOn(fact, serverIsB ? atB : atA);
  }

  #goesOn(fact: number, service: FoldedService | undefined): void {
    this.total--;
    this.open--;
    if ((fact & Fact.MIDSTREAM) !== 0) this.midstream--;
    else this.resumed++;
    if ((fact & Fact.CLIENT_ONLY) !== 0) this.clientOnly--;
    if ((fact & Fact.SERVER_ONLY) !== 0) this.serverOnly--;
    if (service === undefined) return;
    service.total--;
    service.open--;
    if ((fact & Fact.UNFINISHED) !== 0) service.unfinished--;
    const outcome = fact & Fact.OUTCOME;
    service.outcomes[outcome] = service.outcomes[outcome]! - 1;
  }

  #perhapsResumed(service: FoldedService | undefined): void {
    const { unknown, perhapsResumed } = service ?? this;
    if (perhapsResumed >= unknown || (service === undefined && this.services.length < MAX_SERVICES)) return;
    if (service !== undefined) service.perhapsResumed++;
    this.perhapsResumed++;
  }

  /** Ids of IPv6 addresses change hands when connections are folded; their octets do not. */
  #hash(a: number, b: number, ports: number, meta: number): number {
    if ((meta & 1) === 0) return hash(a, b, ports, meta);
    const { addresses } = this.#tables;
    const of = (id: number): number => hash(addresses.word(id, 0), addresses.word(id, 1), addresses.word(id, 2), addresses.word(id, 3));
    return hash(of(a), of(b), ports, meta);
  }

  /** The service of a connection that has a record; null: none of its connections was folded. */
  of(id: number): FoldedService | null {
    const { cores } = this.#tables;
    return this.#find(cores.page(id), cores.offset(id), false);
  }

  /** The same, for a connection that may be folded; null: there are too many services. */
  serviceOf(core: Int32Array, c: number): FoldedService | null {
    return this.#find(core, c, true);
  }

  #find(core: Int32Array, c: number, add: boolean): FoldedService | null {
    if (!add && this.total === 0) return null;
    const serverIsB = (core[c + Core.STATE]! & Trait.CLIENT_IS_B) === 0;
    const address = core[c + (serverIsB ? Core.ADDR_B : Core.ADDR_A)]!;
    const port = serverIsB ? core[c + Core.PORTS]! & 0xffff : core[c + Core.PORTS]! >>> 16;
    const meta = tupleMeta(core, c);
    const known = this.#known(address, port, meta);
    if (known !== undefined) return known;
    if (!add || this.services.length >= MAX_SERVICES) return null;
    const service = new FoldedService(address, port, meta);
    this.services.push(service);
    const bucket = this.#byKey.get(keyOf(address, port));
    if (bucket) bucket.push(service);
    else this.#byKey.set(keyOf(address, port), [service]);
    return service;
  }

  #known(address: number, port: number, meta: number): FoldedService | undefined {
    return this.#byKey.get(keyOf(address, port))?.find((s) => s.address === address && s.port === port && s.meta === meta);
  }

  /** Counts a connection, as it stands at `now`. */
  add(id: number, service: FoldedService | null, now: number): void {
    const tables = this.#tables;
    const core = tables.cores.page(id);
    const c = tables.cores.offset(id);
    const word = core[c + Core.STATE]!;
    this.total++;
    const isOpen = (word & 0xff) !== 0;
    if (isOpen) {
      this.open++;
      if (service !== null) service.open++;
      for (const state of [word & 15, (word >>> 4) & 15]) tables.series.transition(state, State.CLOSED); // it leaves the gauges
    }
    if ((word & Trait.MIDSTREAM) !== 0) this.midstream++;
    const ref = pairOf(core, c) - 1;
    const counts = ref < 0 ? countsOf(tables, core, c) : 0;
    let client = counts & 0xffff;
    let server = counts >>> 16;
    let syns = client;
    let synAcks = server;
    if (ref >= 0) {
      const pair = tables.pairs.page(ref);
      const half = tables.pairs.offset(ref);
      client = pair[half + Half.PACKETS]!;
      server = pair[half + HALF_STRIDE + Half.PACKETS]!;
      syns = pair[half + Half.SYN]!;
      synAcks = pair[half + HALF_STRIDE + Half.SYN_ACK]!;
    }
    if (server === 0) this.clientOnly++;
    else if (client === 0) this.serverOnly++;
    const fate = readAttempt(tables, id, this.#attempt);
    const outcome = outcomeIndex(tables, id, now);
    const unfinished = (word & UNFINISHED) === Trait.SAW_SYN && (word & Trait.COMPLETED) === 0;
    const isAttempt = fate === Fate.DEAD || fate === Fate.RETRIED;
    if (isAttempt) this.attempts++;
    if (isOpen) {
      const fact =
        Fact.THERE |
        outcome |
        ((word & Trait.CLIENT_IS_B) === 0 ? Fact.SERVER_IS_B : 0) |
        ((word & Trait.MIDSTREAM) !== 0 ? Fact.MIDSTREAM : 0) |
        (server === 0 ? Fact.CLIENT_ONLY : client === 0 ? Fact.SERVER_ONLY : 0) |
        (unfinished ? Fact.UNFINISHED : 0);
      const tuple = this.#hash(core[c + Core.ADDR_A]!, core[c + Core.ADDR_B]!, core[c + Core.PORTS]!, tupleMeta(core, c));
      if (isAttempt || !this.#living.add(tuple, fact)) {
        this.unknown++;
        if (service !== null) service.unknown++;
      }
    }
    if (service === null) return;
    service.total++;
    service.syns += syns;
    service.synAcks += synAcks;
    if (ref >= 0) {
      service.clientSegments += client;
      service.serverSegments += server;
    }
    if ((word & Trait.COMPLETED) !== 0) {
      service.completed++;
      service.completions.add(tables.firstTimes.of(id));
    } else if (unfinished) service.unfinished++;
    service.outcomes[outcome] = service.outcomes[outcome]! + 1;
    service.end = Math.max(service.end, lastTimeOf(tables, id));
    if (fate === Fate.DEAD) service.attempts.add(this.#attempt);
  }
}

/** A small integer: a float64 would be hashed slowly. */
const keyOf = (address: number, port: number): number => (address ^ Math.imul(port, 0x9e3779b1)) | 0;
