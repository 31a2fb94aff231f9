/**
 * The events of a handshake that nobody completes, which its records tell without an entry of the log: its SYN, its SYN-ACK, that
 * SYN-ACK once more, and that the server gave up. A flood is made of them.
 *
 * So it is while Sequel.TAIL is a reference to one of them. Then Sequel.HEAD is the time from the SYN-ACK to Sequel.LAST_TIME (nanoseconds, unsigned);
 * the first SYN-ACK is in Sequel.FIRST_SYNACK; and where it came again, that was the connection's last segment. Whatever else happens is
 * logged, and these before it (`EventLog.spellOut`). Sequel.LAST_TIME and Core.LAST_FRAME change only behind `Implied.hold`.
 */
import { Mark } from '../model/connection.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { markCode, markKind, transitionCode, TWIN } from './event-codes.ts';
import { Core, pairOf, profileAt, profileCode, Sequel, sequelOf } from './layout.ts';
import type { RecordPages } from './pages.ts';
import type { Sequels } from './sequels.ts';
import { retryAfterInterval, retryDelay } from './timers.ts';
import { Cause } from './transitions.ts';

/** A reference with this bit, above zero, is one of these: its kind, and the connection's id, which has 27 bits; those beyond are logged. */
const IMPLIED = 1 << 29;
const KIND_SHIFT = 27;
const MAX_ID = (1 << KIND_SHIFT) - 1;
/** Kinds, in the order in which they happen; GIVEN_UP: behind ANSWER, GIVEN_UP_LATER: behind AGAIN. ANSWER has a twin: the client takes it. */
const Kind = { ANSWER: 0, AGAIN: 1, GIVEN_UP: 2, GIVEN_UP_LATER: 3 } as const;

/** The server answers, and the client takes it. */
export const ANSWER = transitionCode(1, State.CLOSED, State.SYN_RCVD, Cause.SENDS_SYN_ACK, false);
export const TAKEN = transitionCode(0, State.SYN_SENT, State.ESTABLISHED, Cause.RECEIVES_SYN_ACK, false);
const AGAIN = markCode(markKind(Mark.SYN_ACK_AGAIN), 1, 0);
const GIVES_UP = transitionCode(1, State.SYN_RCVD, State.CLOSED, Cause.GIVES_UP_SYN_ACK, true);

export const isImplied = (ref: number): boolean => ref > 0 && (ref & IMPLIED) !== 0;

/** Is it nothing but a SYN-ACK that the client has taken? */
export const isTaken = (ref: number): boolean => isImplied(ref) && kindOf(ref) === Kind.ANSWER && (ref & TWIN) !== 0;

const kindOf = (ref: number): number => (ref >>> KIND_SHIFT) & 3;
const refOf = (kind: number, id: number): number => IMPLIED | (kind << KIND_SHIFT) | id;
/** Of the connection whose event it is. */
const idOf = (ref: number): number => ref & MAX_ID;
/** The same event of a connection that got another id. */
export const movedRef = (ref: number, id: number): number => (ref & ~MAX_ID) | id;

/** From the first SYN-ACK to the one that came again, nanoseconds; -1: the records tell of none. */
export function repeatedAfter(sequel: Int32Array, s: number): number {
  const tail = sequel[s + Sequel.TAIL]!;
  return isImplied(tail) && kindOf(tail) === Kind.AGAIN ? sequel[s + Sequel.HEAD]! >>> 0 : -1;
}

export class Implied {
  readonly #cores: RecordPages;
  readonly #sequels: Sequels;
  since = -0;
  /** Infinity: it still is. */
  until = -0;

  constructor(cores: RecordPages, sequels: Sequels) {
    this.#cores = cores;
    this.#sequels = sequels;
  }

  /** Takes an event at `now` in, where the records tell it then. Returns false for any other. `sequel` at `s` is the record of connection `id`. */
  takes(id: number, sequel: Int32Array, s: number, frame: number, code: number, now: number): boolean {
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    const tail = sequel[s + Sequel.TAIL]!;
    const last = this.#lastTime(core, c);
    if (tail < 0) {
      const first = code === ANSWER && frame === sequel[s + Sequel.FIRST_SYNACK] && now === last;
      if (!first || id > MAX_ID || pairOf(core, c) !== 0) return false;
      sequel[s + Sequel.HEAD] = 0;
      sequel[s + Sequel.TAIL] = refOf(Kind.ANSWER, id);
      return true;
    }
    const since = sequel[s + Sequel.HEAD]! >>> 0;
    let next: number;
    if (tail === refOf(Kind.ANSWER, id)) {
      if (code !== TAKEN || frame !== sequel[s + Sequel.FIRST_SYNACK] || now !== last - since) return false;
      next = tail | TWIN;
    } else if (code === AGAIN && kindOf(tail) === Kind.ANSWER && frame === core[c + Core.LAST_FRAME] && now === last) {
      next = refOf(Kind.AGAIN, id);
    } else if (code === GIVES_UP && kindOf(tail) <= Kind.AGAIN) {
      const later = kindOf(tail) === Kind.AGAIN;
      if (frame !== 0 || now !== givenUpAt(sequel, s, last, later)) return false;
      next = refOf(later ? Kind.GIVEN_UP_LATER : Kind.GIVEN_UP, id);
    } else return false;
    sequel[s + Sequel.TAIL] = next;
    return true;
  }

  /** Keeps what is told by the time of the last segment true when another comes at `now`. Returns false where it cannot be: it must be spelled out before. */
  hold(sequel: Int32Array, sequelF: Float64Array, s: number, now: number): boolean {
    if (kindOf(sequel[s + Sequel.TAIL]!) !== Kind.ANSWER) return false;
    const last = sequelF[(s + Sequel.LAST_TIME) >> 1]!;
    const newest = now > last ? now : last;
    const answered = last - (sequel[s + Sequel.HEAD]! >>> 0);
    const since = (newest - answered) >>> 0;
    if (newest - since !== answered) return false;
    sequel[s + Sequel.HEAD] = since;
    return true;
  }

  /** The first of a connection. */
  first(id: number): number {
    return refOf(Kind.ANSWER, id);
  }

  next(ref: number): number {
    const id = idOf(ref);
    const core = this.#cores.page(id);
    const sequel = sequelOf(core, this.#cores.offset(id)) - 1;
    const tail = this.#sequels.page(sequel)[this.#sequels.offset(sequel) + Sequel.TAIL]!;
    if (ref === tail) return 0;
    switch (kindOf(ref)) {
      case Kind.ANSWER:
        if ((ref & TWIN) === 0) return ref | TWIN;
        return kindOf(tail) === Kind.GIVEN_UP ? tail : refOf(Kind.AGAIN, id);
      default:
        return tail;
    }
  }

  code(ref: number): number {
    switch (kindOf(ref)) {
      case Kind.ANSWER:
        return (ref & TWIN) === 0 ? ANSWER : TAKEN;
      case Kind.AGAIN:
        return AGAIN;
      default:
        return GIVES_UP;
    }
  }

  frame(ref: number): number {
    const id = idOf(ref);
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    const sequel = sequelOf(core, c) - 1;
    switch (kindOf(ref)) {
      case Kind.ANSWER:
        return this.#sequels.page(sequel)[this.#sequels.offset(sequel) + Sequel.FIRST_SYNACK]!;
      case Kind.AGAIN:
        return core[c + Core.LAST_FRAME]!;
      default:
        return 0;
    }
  }

  time(ref: number): number {
    const id = idOf(ref);
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    const last = this.#lastTime(core, c);
    const ofSequel = sequelOf(core, c) - 1;
    const sequel = this.#sequels.page(ofSequel);
    const s = this.#sequels.offset(ofSequel);
    switch (kindOf(ref)) {
      case Kind.ANSWER:
        return last - (sequel[s + Sequel.HEAD]! >>> 0);
      case Kind.AGAIN:
        return last;
      default:
        return givenUpAt(sequel, s, last, kindOf(ref) === Kind.GIVEN_UP_LATER);
    }
  }

  /** Sets `since` and `until` to when a server was in SYN_RCVD, where these events are all that there is; returns whether they are. */
  held(core: Int32Array, c: number): boolean {
    const ofSequel = sequelOf(core, c) - 1;
    if (ofSequel < 0) return false;
    const sequel = this.#sequels.page(ofSequel);
    const s = this.#sequels.offset(ofSequel);
    const tail = sequel[s + Sequel.TAIL]!;
    if (!isImplied(tail)) return false;
    const last = this.#lastTime(core, c);
    const kind = kindOf(tail);
    this.since = last - (sequel[s + Sequel.HEAD]! >>> 0);
    this.until = kind < Kind.GIVEN_UP ? Infinity : givenUpAt(sequel, s, last, kind === Kind.GIVEN_UP_LATER);
    return true;
  }

  #lastTime(core: Int32Array, c: number): number {
    const sequel = sequelOf(core, c) - 1;
    return this.#sequels.floatPage(sequel)[(this.#sequels.offset(sequel) + Sequel.LAST_TIME) >> 1]!;
  }
}

/** When the SYN-ACK that did not come was due: the second, or the one behind it, which follows after twice the time. */
function givenUpAt(sequel: Int32Array, s: number, last: number, later: boolean): number {
  const { initialRto } = profileAt(profileCode(sequel[s + Sequel.OPTIONS + 1]!));
  const since = sequel[s + Sequel.HEAD]! >>> 0;
  if (!later) return last - since + initialRto * NANOS_PER_SECOND;
  return last + retryDelay(initialRto, retryAfterInterval(since)) * NANOS_PER_SECOND;
}
