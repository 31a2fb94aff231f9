/**
 * The log of what happened to each connection: transitions and rare marks, a linked list per connection.
 * Marks and transitions are bounded per connection (context.ts).
 *
 * Most segments that change a state change both ends', so one entry of 16 octets holds both transitions of a segment; and the
 * SYN that opens a connection is in its core record, and needs none, nor does the moment at which the sender of a lone one gave
 * up. What is nothing but a SYN-ACK that nobody takes follows from the records as well (implied.ts). A regular life's ten transitions are six entries. Who reads the log does not see this: a reference names one event, wherever it is kept.
 *
 * The list of a connection whose pair record is packed (packer.ts) is packed as well, if it is not too long (event-runs.ts). Who reads it gets entries
 * that are given back after `RECENT` other such lists were read.
 */
import { NANOS_PER_MICRO } from '../model/units.ts';
import { State } from '../model/state.ts';
import { Budget } from './budget.ts';
import {
  ByCause,
  eventAssumed,
  eventCause,
  eventFrom,
  eventKind,
  EventKind,
  eventSide,
  transitionCode,
  TWIN,
  TWIN_BITS,
  TWIN_CAUSE_SHIFT,
  TWIN_FROM_SHIFT,
} from './event-codes.ts';
import { EventEntries, type EventPages } from './event-entries.ts';
import { EventRuns } from './event-runs.ts';
import { ANSWER, Implied, isImplied, isTaken, TAKEN } from './implied.ts';
import type { FirstTimes } from './first-times.ts';
import { Core, Sequel, sequelOf, Trait } from './layout.ts';
import type { RecordPages } from './pages.ts';
import { givenUpAt } from './sequel.ts';
import type { Sequels } from './sequels.ts';
import { Cause, CAUSES, NEXT as NEXT_STATE } from './transitions.ts';

export * from './event-codes.ts';

/**
 * A reference is 0 for no event, above that one to an entry (2^29 of them take 8 GiB); with the bit TWIN the second transition of the
 * entry; with another bit one that has no entry (implied.ts); below zero the SYN that opened connection ~reference, or the end of a lone one (GIVEN_UP).
 */
/** In ~reference: not the SYN of the connection, which is a lone one, but that its sender gave up. */
const GIVEN_UP = 1 << 30;

/** Sequel.TAIL where Sequel.HEAD refers to a run: no event has this reference. */
const PACKED = TWIN;
/** Packed lists whose entries are kept to be read. */
const RECENT = 64;

export class EventLog {
  readonly #cores: RecordPages;
  readonly #firstTimes: FirstTimes;
  readonly #sequels: Sequels;
  readonly #entries: EventEntries;
  /** When what is logged happened; to be set before. A field, because a float64 argument may be boxed. -0: a float64 from the start. */
  now = -0;

  readonly implied: Implied;
  /** Lists that are packed. */
  readonly runs: EventRuns;
  /** First entries of the last ones that were read, and the newest of these. */
  readonly #recent = new Int32Array(RECENT);
  #next = 0;
  #newest = 0;
  /** Every event has an entry from now on: others get the records. */
  #isSpelledOut = false;

  constructor(cores: RecordPages, firstTimes: FirstTimes, sequels: Sequels, budget = new Budget()) {
    this.#cores = cores;
    this.#firstTimes = firstTimes;
    this.#sequels = sequels;
    this.#entries = new EventEntries(this, budget);
    this.runs = new EventRuns(budget);
    this.implied = new Implied(cores, sequels);
  }

  /** Entries that were ever added, those given back included. */
  get length(): number {
    return this.#entries.length;
  }
  /** Entries in use. */
  get inUse(): number {
    return this.#entries.inUse;
  }
  get octetsInUse(): number {
    return this.#entries.octetsInUse + this.runs.octetsInUse;
  }

  /** Gives the entries of a connection back that has the sequel record `sequel` at `s`. */
  release(sequel: Int32Array, s: number): void {
    const tail = sequel[s + Sequel.TAIL]!;
    if (isImplied(tail)) return;
    const head = entryOf(sequel[s + Sequel.HEAD]!);
    if (tail === PACKED) this.#releaseRun(head);
    else this.#entries.release(head);
  }

  /** Adds an event to connection `id`, whose sequel record is `sequel` at `s`. `frame` 0: no segment. */
  log(id: number, sequel: Int32Array, s: number, frame: number, code: number): void {
    const tail = sequel[s + Sequel.TAIL]!;
    if (tail === 0 && code === OPENING && this.#isFirst(id, frame)) {
      this.opened(id, sequel, s);
      return;
    }
    if (tail < 0 || isImplied(tail)) {
      if (!this.#isSpelledOut && this.implied.takes(id, sequel, s, frame, code, this.now)) return;
      this.spellOut(id, sequel, s);
    }
    if (tail !== PACKED) {
      this.#add(sequel, s, frame, code);
      return;
    }
    this.unpack(id);
    this.#add(sequel, s, frame, code);
    this.pack(id);
  }

  /** Packs the list of connection `id`, which has a pair record. */
  pack(id: number): void {
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    const ref = sequelOf(core, c) - 1;
    const sequel = this.#sequels.page(ref);
    const s = this.#sequels.offset(ref);
    const tail = sequel[s + Sequel.TAIL]!;
    if (tail <= 0 || tail === PACKED) return;
    const { runs } = this;
    const head = entryOf(sequel[s + Sequel.HEAD]!);
    runs.time = this.#firstTimes.of(id);
    // Pages with exact times are not only of captures in nanoseconds: room of long ago is used again.
    const inNanos = this.#entries.isExact(head) && (this.time(head) - runs.time) % NANOS_PER_MICRO !== 0;
    runs.begin(core[c + Core.FIRST_FRAME]!, inNanos);
    for (let entry = head; entry !== 0; entry = this.#entries.next(entry)) {
      runs.frame = this.#entries.frame(entry);
      runs.code = this.#entries.code(entry);
      runs.time = this.time(entry);
      if (!runs.add()) return;
    }
    this.#entries.release(head);
    const run = runs.end();
    sequel[s + Sequel.HEAD] = sequel[s + Sequel.HEAD]! < 0 ? ~run : run;
    sequel[s + Sequel.TAIL] = PACKED;
  }

  /** The same way back. */
  unpack(id: number): void {
    const ref = sequelOf(this.#cores.page(id), this.#cores.offset(id)) - 1;
    const sequel = this.#sequels.page(ref);
    const s = this.#sequels.offset(ref);
    if (sequel[s + Sequel.TAIL] !== PACKED) return;
    const run = entryOf(sequel[s + Sequel.HEAD]!);
    const head = this.#entriesOf(id, run);
    let tail = head;
    for (let entry = head; entry !== 0; entry = this.#entries.next(entry)) tail = entry;
    this.#releaseRun(run);
    sequel[s + Sequel.HEAD] = sequel[s + Sequel.HEAD]! < 0 ? ~head : head;
    sequel[s + Sequel.TAIL] = hasTwin(this.#entries.code(tail)) ? tail | TWIN : tail;
  }

  /** Makes entries of a run, and returns the first of them. */
  #entriesOf(id: number, run: number): number {
    const { now, runs } = this;
    let head = 0;
    let tail = 0;
    runs.time = this.#firstTimes.of(id);
    runs.open(run, this.#cores.page(id)[this.#cores.offset(id) + Core.FIRST_FRAME]!);
    while (runs.next()) {
      this.now = runs.time;
      const entry = this.#entries.add(runs.frame, runs.code);
      if (tail === 0) head = entry;
      else this.#entries.setNext(tail, entry);
      tail = entry;
    }
    this.now = now;
    return head;
  }

  #releaseRun(run: number): void {
    this.runs.release(run);
    if (run === this.#newest) this.#newest = 0;
  }

  /** The entries of a run, to be read; the first of them. */
  #read(id: number, run: number): number {
    if (run === this.#newest) return this.#recent[this.#next]!;
    this.#next = (this.#next + 1) & (RECENT - 1);
    this.#entries.release(this.#recent[this.#next]!);
    this.#newest = run;
    return (this.#recent[this.#next] = this.#entriesOf(id, run));
  }

  #add(sequel: Int32Array, s: number, frame: number, code: number): void {
    const tail = sequel[s + Sequel.TAIL]!;
    if (tail > 0 && this.#join(tail, frame, code)) {
      sequel[s + Sequel.TAIL] = tail | TWIN;
      return;
    }
    const ref = this.#entries.add(frame, code);
    if (tail > 0) this.#entries.setNext(tail, ref);
    else sequel[s + Sequel.HEAD] = tail === 0 ? ref : ~ref;
    sequel[s + Sequel.TAIL] = ref;
  }

  /** Another segment of a connection becomes its last one, at the time of the field: what the records tell by the last one stays true. */
  hold(id: number, sequel: Int32Array, sequelF: Float64Array, s: number): void {
    if (!this.implied.hold(sequel, sequelF, s, this.now)) this.spellOut(id, sequel, s);
  }

  /** Gives what the records of a connection tell entries of its own. */
  spellOut(id: number, sequel: Int32Array, s: number): void {
    const told = sequel[s + Sequel.TAIL]!;
    if (!isImplied(told)) return;
    const { now } = this;
    const implied = this.implied;
    if (isTaken(told)) {
      this.now = implied.time(told);
      const own = this.#entries.add(sequel[s + Sequel.FIRST_SYNACK]!, ANSWER_TAKEN);
      sequel[s + Sequel.HEAD] = ~own;
      sequel[s + Sequel.TAIL] = own | TWIN;
      this.now = now;
      return;
    }
    let head = 0;
    let tail = 0;
    for (let ref = implied.first(id); ref !== 0; ref = implied.next(ref)) {
      this.now = implied.time(ref);
      const frame = implied.frame(ref);
      const code = implied.code(ref);
      if (tail !== 0 && this.#join(tail, frame, code)) {
        tail |= TWIN;
        continue;
      }
      const own = this.#entries.add(frame, code);
      if (tail === 0) head = own;
      else this.#entries.setNext(tail, own);
      tail = own;
    }
    sequel[s + Sequel.HEAD] = ~head;
    sequel[s + Sequel.TAIL] = tail;
    this.now = now;
  }

  /** The same of all connections, now and from now on. */
  spellAllOut(): void {
    if (this.#isSpelledOut) return;
    this.#isSpelledOut = true;
    for (let id = 0; id < this.#cores.length; id++) {
      const sequel = sequelOf(this.#cores.page(id), this.#cores.offset(id)) - 1;
      if (sequel >= 0) this.spellOut(id, this.#sequels.page(sequel), this.#sequels.offset(sequel));
    }
  }

  /** All entries, to be shared. No list is packed any more. */
  get pages(): EventPages {
    this.spellAllOut();
    return this.#entries.pages;
  }

  /** The entries of another shard, to be put behind these; returns what must be added to its references. */
  append(pages: EventPages): number {
    this.spellAllOut();
    return this.#entries.append(pages);
  }

  /** The SYN that opened connection `id` is the first event of it. */
  opened(id: number, sequel: Int32Array, s: number): void {
    sequel[s + Sequel.HEAD] = ~0;
    sequel[s + Sequel.TAIL] = ~id;
  }

  /** Of all pages. */
  get octets(): number {
    return this.#entries.octets + this.runs.octets;
  }

  /** The first event of a connection; 0 none. */
  first(id: number): number {
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    const sequel = sequelOf(core, c) - 1;
    if (sequel < 0) return (core[c + Core.STATE]! & Trait.SAW_SYN) === 0 ? 0 : ~id;
    if (isImplied(this.#tail(sequel))) return ~id;
    const head = this.#head(sequel);
    if (head < 0) return ~id;
    return this.#tail(sequel) === PACKED ? this.#read(id, head) : head;
  }
  next(ref: number): number {
    if (ref < 0) return this.#behindOpening(~ref);
    if (isImplied(ref)) return this.implied.next(ref);
    if ((ref & TWIN) === 0 && hasTwin(this.#entries.code(ref))) return ref | TWIN;
    return this.#entries.next(ref);
  }
  code(ref: number): number {
    if (ref < 0) return isGivenUp(ref) ? GIVES_UP : OPENING;
    if (isImplied(ref)) return this.implied.code(ref);
    const code = this.#entries.code(ref);
    return (ref & TWIN) === 0 ? code : twinOf(code);
  }
  frame(ref: number): number {
    if (ref < 0) return isGivenUp(ref) ? 0 : this.#cores.page(~ref)[this.#cores.offset(~ref) + Core.FIRST_FRAME]!;
    if (isImplied(ref)) return this.implied.frame(ref);
    return this.#entries.frame(ref);
  }
  time(ref: number): number {
    if (ref < 0) return this.#timeOfOpening(~ref);
    if (isImplied(ref)) return this.implied.time(ref);
    return this.#entries.time(ref);
  }

  /** The first event of a connection whose code has `value` in the bits of `mask`; 0 none. An entry is looked up once for both that it may hold. */
  find(id: number, mask: number, value: number): number {
    let ref = this.first(id);
    for (; ref < 0 || isImplied(ref); ref = this.next(ref)) if ((this.code(ref) & mask) === value) return ref;
    while (ref !== 0) {
      const code = this.#entries.code(ref);
      if ((code & mask) === value) return ref;
      if (hasTwin(code) && (twinOf(code) & mask) === value) return ref | TWIN;
      ref = this.#entries.next(ref);
    }
    return 0;
  }

  /** The same of the last. */
  findLast(id: number, mask: number, value: number): number {
    let found = 0;
    for (let ref = this.first(id); ref !== 0; ref = this.next(ref)) if ((this.code(ref) & mask) === value) found = ref;
    return found;
  }

  /** Does the entry hold a transition of that end by this cause? */
  holds(ref: number, side: number, cause: number): boolean {
    if (ref <= 0 || isImplied(ref)) return false;
    const code = this.#entries.code(ref);
    const wanted = ByCause.of(side, cause);
    return (code & ByCause.mask) === wanted || (hasTwin(code) && (twinOf(code) & ByCause.mask) === wanted);
  }

  /** Takes an event of a connection with a sequel back. What shared an entry, or had none, gets one of its own. */
  withdraw(sequel: Int32Array, s: number, ref: number): void {
    if (ref > 0 && (ref & TWIN) === 0) {
      this.#entries.setCode(ref, withdrawn(this.#entries.code(ref)));
      return;
    }
    this.now = this.time(ref);
    const next = this.next(ref);
    const own = this.#entries.add(this.frame(ref), withdrawn(this.code(ref)));
    this.#entries.setNext(own, next);
    if (ref < 0) sequel[s + Sequel.HEAD] = own;
    else {
      this.#entries.setCode(ref, this.#entries.code(ref) & ~TWIN_BITS);
      this.#entries.setNext(ref, own);
    }
    if (sequel[s + Sequel.TAIL] === ref) sequel[s + Sequel.TAIL] = own;
  }

  #tail(sequel: number): number {
    return this.#sequels.page(sequel)[this.#sequels.offset(sequel) + Sequel.TAIL]!;
  }

  #head(sequel: number): number {
    return this.#sequels.page(sequel)[this.#sequels.offset(sequel) + Sequel.HEAD]!;
  }

  /** @param opening id of the connection, and GIVEN_UP */
  #behindOpening(opening: number): number {
    if ((opening & GIVEN_UP) !== 0) return 0;
    const core = this.#cores.page(opening);
    const c = this.#cores.offset(opening);
    const sequel = sequelOf(core, c) - 1;
    if (sequel >= 0) {
      const tail = this.#tail(sequel);
      if (isImplied(tail)) return this.implied.first(opening);
      return tail === PACKED ? this.#read(opening, ~this.#head(sequel)) : ~this.#head(sequel);
    }
    return (core[c + Core.STATE]! & 15) === State.CLOSED ? ~(opening | GIVEN_UP) : 0;
  }

  #timeOfOpening(opening: number): number {
    const id = opening & ~GIVEN_UP;
    const first = this.#firstTimes.of(id);
    if ((opening & GIVEN_UP) === 0) return first;
    return givenUpAt(first, this.#cores.page(id)[this.#cores.offset(id) + Core.OPTIONS]!); // a lone SYN
  }

  /** Is it the first segment of the connection? */
  #isFirst(id: number, frame: number): boolean {
    return frame === this.#cores.page(id)[this.#cores.offset(id) + Core.FIRST_FRAME] && this.now === this.#firstTimes.of(id);
  }

  /** Makes the event the second transition of the entry `tail`, where that is the other end's by the same segment. */
  #join(tail: number, frame: number, code: number): boolean {
    if ((tail & TWIN) !== 0 || frame !== this.#entries.frame(tail) || !this.#entries.isNow(tail)) return false;
    const first = this.#entries.code(tail);
    if (!isTransition(first) || eventKind(code) !== EventKind.TRANSITION || eventAssumed(code) || eventSide(code) === eventSide(first))
      return false;
    this.#entries.setCode(tail, withTwin(first, code));
    return true;
  }
}

/** The transition by the SYN that opens a connection. */
const OPENING = transitionCode(0, State.CLOSED, State.SYN_SENT, Cause.SENDS_SYN, false);
/** And that by which the sender of a lone one gives up. */
export const GIVES_UP = transitionCode(0, State.SYN_SENT, State.CLOSED, Cause.GIVES_UP_SYN, true);

/** The first entry of the list that begins at `head`, a word of Sequel.HEAD; 0 none. */
const entryOf = (head: number): number => (head < 0 ? ~head : head) & ~TWIN;

const isGivenUp = (ref: number): boolean => (~ref & GIVEN_UP) !== 0;

/** Of a kind that may hold a second one. */
const isTransition = (code: number): boolean => eventKind(code) < EventKind.FIRST_MARK;
const hasTwin = (code: number): boolean => code >>> TWIN_CAUSE_SHIFT !== 0 && isTransition(code);
const withdrawn = (code: number): number => (code & ~31) | EventKind.WITHDRAWN;

/** Both transitions of one segment. */
const withTwin = (first: number, second: number): number =>
  first | (eventFrom(second) << TWIN_FROM_SHIFT) | ((eventCause(second) + 1) << TWIN_CAUSE_SHIFT);
/** Those of a SYN-ACK that the client takes, as nearly every connection has them. */
const ANSWER_TAKEN = withTwin(ANSWER, TAKEN);

function twinOf(code: number): number {
  const from = (code >>> TWIN_FROM_SHIFT) & 15;
  const cause = (code >>> TWIN_CAUSE_SHIFT) - 1;
  return transitionCode(1 - eventSide(code), from, NEXT_STATE[from * CAUSES + cause]!, cause, false);
}
