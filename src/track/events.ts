/**
 * The log of what happened to each connection: transitions and rare marks, a linked list per connection in record pages.
 * Marks and transitions are bounded per connection (context.ts).
 *
 * Most segments that change a state change both ends', so one entry of 16 octets holds both transitions of a segment; and the
 * SYN that opens a connection is in its core record, and needs none, nor does the moment at which the sender of a lone one gave
 * up. What is nothing but a SYN-ACK that nobody takes follows from the records as well (implied.ts). A regular life's ten transitions are six entries. Who reads the log does not see this: a reference names one event, wherever it is kept.
 */
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
import { Implied, isImplied } from './implied.ts';
import type { FirstTimes } from './first-times.ts';
import { Core, Sequel, sequelOf, Trait } from './layout.ts';
import { newPage, type RecordPages, uncounted } from './pages.ts';
import { givenUpAt } from './sequel.ts';
import { Cause, CAUSES, NEXT as NEXT_STATE } from './transitions.ts';

export * from './event-codes.ts';

/** Words of an event. */
const FRAME = 0;
const CODE = 1;
const NEXT = 2;
/**
 * When: microseconds from the time of the first event of its page. A page with a time that this cannot say (of nanoseconds, of a clock
 * that jumped by more than half an hour) keeps all of its times as float64 in a column of its own.
 */
const TICKS = 3;
const STRIDE = 4;
const TICK = 1_000;
const PAGE_BITS = 14;
const PAGE_MASK = (1 << PAGE_BITS) - 1;
export const EVENT_OCTETS = STRIDE * 4;

/**
 * A reference is 0 for no event, above that an index in the log + 1 (2^29 entries take 8 GiB); with the bit TWIN the second transition of the
 * entry; with another bit one that has no entry (implied.ts); below zero the SYN that opened connection ~reference, or the end of a lone one (GIVEN_UP).
 */
/** In ~reference: not the SYN of the connection, which is a lone one, but that its sender gave up. */
const GIVEN_UP = 1 << 30;

/** What a log consists of: its entries by page, and by page their base time and times that are no ticks. */
export interface EventPages {
  readonly words: readonly Int32Array[];
  readonly bases: readonly number[];
  readonly exact: readonly (Float64Array | null)[];
  readonly length: number;
}

export class EventLog {
  readonly #words: Int32Array[] = [];
  /** By page: the time of its first event, and its times where they are no ticks. What is not written costs no memory. */
  readonly #bases = new Float64Array(uncounted(8 << (30 - PAGE_BITS)));
  readonly #exact: (Float64Array | null)[] = [];
  readonly #cores: RecordPages;
  readonly #firstTimes: FirstTimes;
  readonly #sequels: RecordPages;
  /** Entries that were ever added, those given back included. */
  length = 0;
  readonly #budget: Budget;
  /** index + 1 of the entry that was given back last, whose NEXT has the one before it; 0 none. And how many there are. */
  #spare = 0;
  #spares = 0;
  /** When what is logged happened; to be set before. A field, because a float64 argument may be boxed. -0: a float64 from the start. */
  now = -0;

  readonly implied: Implied;
  /** Every event has an entry from now on: others get the records. */
  #isSpelledOut = false;

  constructor(cores: RecordPages, firstTimes: FirstTimes, sequels: RecordPages, budget = new Budget()) {
    this.#cores = cores;
    this.#firstTimes = firstTimes;
    this.#sequels = sequels;
    this.#budget = budget;
    this.implied = new Implied(cores, sequels);
  }

  /** Entries in use. */
  get inUse(): number {
    return this.length - this.#spares;
  }
  get octetsInUse(): number {
    return this.inUse * EVENT_OCTETS;
  }

  /** Gives the entries of a connection back that has the sequel record `sequel` at `s`. */
  release(sequel: Int32Array, s: number): void {
    if (isImplied(sequel[s + Sequel.TAIL]!)) return;
    const head = entryOf(sequel[s + Sequel.HEAD]!);
    if (head === 0) return;
    let last = head;
    for (let ref = head; ref !== 0; ref = this.#word(ref, NEXT)) {
      last = ref;
      this.#spares++;
    }
    this.#setWord(last, NEXT, this.#spare);
    this.#spare = head;
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
    this.#add(sequel, s, frame, code);
  }

  #add(sequel: Int32Array, s: number, frame: number, code: number): void {
    const tail = sequel[s + Sequel.TAIL]!;
    if (tail > 0 && this.#join(tail, frame, code)) {
      sequel[s + Sequel.TAIL] = tail | TWIN;
      return;
    }
    const ref = this.#append(frame, code);
    if (tail > 0) this.#setWord(tail, NEXT, ref);
    else sequel[s + Sequel.HEAD] = tail === 0 ? ref : ~ref;
    sequel[s + Sequel.TAIL] = ref;
  }

  /** Another segment of a connection becomes its last one, at the time of the field: what the records tell by the last one stays true. */
  hold(id: number, sequel: Int32Array, sequelF: Float64Array, s: number): void {
    if (!this.implied.hold(sequel, sequelF, s, this.now)) this.spellOut(id, sequel, s);
  }

  /** Gives what the records of a connection tell entries of its own. */
  spellOut(id: number, sequel: Int32Array, s: number): void {
    if (!isImplied(sequel[s + Sequel.TAIL]!)) return;
    const { now } = this;
    const implied = this.implied;
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
      const own = this.#append(frame, code);
      if (tail === 0) head = own;
      else this.#setWord(tail, NEXT, own);
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

  /** All pages, to be shared. */
  get pages(): EventPages {
    this.spellAllOut();
    const pages = this.#words.length;
    return { words: this.#words, bases: Array.from(this.#bases.subarray(0, pages)), exact: this.#exact, length: this.length };
  }

  /** The pages of another shard, to be put behind these; returns what must be added to its references. */
  append({ words, bases, exact, length }: EventPages): number {
    this.spellAllOut();
    const pages = this.#words.length;
    const base = pages << PAGE_BITS;
    this.#spares += base - this.length;
    words.forEach((page, n) => {
      for (let at = NEXT; at < page.length; at += STRIDE) if (page[at] !== 0) page[at] = page[at]! + base;
      this.#words.push(page);
      this.#exact.push(exact[n]!);
      this.#bases[pages + n] = bases[n]!;
    });
    this.length = base + length;
    return base;
  }

  /** The SYN that opened connection `id` is the first event of it. */
  opened(id: number, sequel: Int32Array, s: number): void {
    sequel[s + Sequel.HEAD] = ~0;
    sequel[s + Sequel.TAIL] = ~id;
  }

  /** Of all pages. */
  get octets(): number {
    const exact = this.#exact.reduce((sum, times) => sum + (times === null ? 0 : times.byteLength), 0);
    return this.#words.length * (EVENT_OCTETS << PAGE_BITS) + exact;
  }

  /** The first event of a connection; 0 none. */
  first(id: number): number {
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    const sequel = sequelOf(core, c) - 1;
    if (sequel < 0) return (core[c + Core.STATE]! & Trait.SAW_SYN) === 0 ? 0 : ~id;
    if (isImplied(this.#tail(sequel))) return ~id;
    const head = this.#head(sequel);
    return head < 0 ? ~id : head;
  }
  next(ref: number): number {
    if (ref < 0) return this.#behindOpening(~ref);
    if (isImplied(ref)) return this.implied.next(ref);
    if ((ref & TWIN) === 0 && hasTwin(this.#word(ref, CODE))) return ref | TWIN;
    return this.#word(ref, NEXT);
  }
  code(ref: number): number {
    if (ref < 0) return isGivenUp(ref) ? GIVES_UP : OPENING;
    if (isImplied(ref)) return this.implied.code(ref);
    const code = this.#word(ref, CODE);
    return (ref & TWIN) === 0 ? code : twinOf(code);
  }
  frame(ref: number): number {
    if (ref < 0) return isGivenUp(ref) ? 0 : this.#cores.page(~ref)[this.#cores.offset(~ref) + Core.FIRST_FRAME]!;
    if (isImplied(ref)) return this.implied.frame(ref);
    return this.#word(ref, FRAME);
  }
  time(ref: number): number {
    if (ref < 0) return this.#timeOfOpening(~ref);
    if (isImplied(ref)) return this.implied.time(ref);
    const index = (ref & ~TWIN) - 1;
    const n = index >>> PAGE_BITS;
    const i = index & PAGE_MASK;
    const exact = this.#exact[n]!;
    return exact === null ? this.#bases[n]! + this.#words[n]![i * STRIDE + TICKS]! * TICK : exact[i]!;
  }

  /** The first event of a connection whose code has `value` in the bits of `mask`; 0 none. An entry is looked up once for both that it may hold. */
  find(id: number, mask: number, value: number): number {
    let ref = this.first(id);
    for (; ref < 0 || isImplied(ref); ref = this.next(ref)) if ((this.code(ref) & mask) === value) return ref;
    while (ref !== 0) {
      const words = this.#words[(ref - 1) >>> PAGE_BITS]!;
      const at = ((ref - 1) & PAGE_MASK) * STRIDE;
      const code = words[at + CODE]!;
      if ((code & mask) === value) return ref;
      if (hasTwin(code) && (twinOf(code) & mask) === value) return ref | TWIN;
      ref = words[at + NEXT]!;
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
    const code = this.#word(ref, CODE);
    const wanted = ByCause.of(side, cause);
    return (code & ByCause.mask) === wanted || (hasTwin(code) && (twinOf(code) & ByCause.mask) === wanted);
  }

  /** Takes an event of a connection with a sequel back. What shared an entry, or had none, gets one of its own. */
  withdraw(sequel: Int32Array, s: number, ref: number): void {
    if (ref > 0 && (ref & TWIN) === 0) {
      this.#setWord(ref, CODE, withdrawn(this.#word(ref, CODE)));
      return;
    }
    this.now = this.time(ref);
    const next = this.next(ref);
    const own = this.#append(this.frame(ref), withdrawn(this.code(ref)));
    this.#setWord(own, NEXT, next);
    if (ref < 0) sequel[s + Sequel.HEAD] = own;
    else {
      this.#setWord(ref, CODE, this.#word(ref, CODE) & ~TWIN_BITS);
      this.#setWord(ref, NEXT, own);
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
    if (sequel >= 0) return isImplied(this.#tail(sequel)) ? this.implied.first(opening) : ~this.#head(sequel);
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
    if ((tail & TWIN) !== 0 || frame !== this.#word(tail, FRAME) || !this.#isNow(tail)) return false;
    const first = this.#word(tail, CODE);
    if (!isTransition(first) || eventKind(code) !== EventKind.TRANSITION || eventAssumed(code) || eventSide(code) === eventSide(first))
      return false;
    this.#setWord(tail, CODE, first | (eventFrom(code) << TWIN_FROM_SHIFT) | ((eventCause(code) + 1) << TWIN_CAUSE_SHIFT));
    return true;
  }

  /** Of an entry of the log. A time that is returned would be boxed. */
  #isNow(ref: number): boolean {
    const n = (ref - 1) >>> PAGE_BITS;
    const i = (ref - 1) & PAGE_MASK;
    const exact = this.#exact[n]!;
    return this.now === (exact === null ? this.#bases[n]! + this.#words[n]![i * STRIDE + TICKS]! * TICK : exact[i]!);
  }

  #append(frame: number, code: number): number {
    const index = this.#spare === 0 ? this.length++ : this.#again();
    const n = index >>> PAGE_BITS;
    if (n === this.#words.length) {
      this.#words.push(newPage(EVENT_OCTETS << PAGE_BITS, this.#budget));
      this.#exact.push(null);
      this.#bases[n] = this.now;
    }
    const page = this.#words[n]!;
    const i = index & PAGE_MASK;
    page[i * STRIDE + FRAME] = frame;
    page[i * STRIDE + CODE] = code;
    page[i * STRIDE + NEXT] = 0;
    const ticks = ((this.now - this.#bases[n]!) / TICK) | 0;
    page[i * STRIDE + TICKS] = ticks;
    if (this.#exact[n] !== null || this.#bases[n]! + ticks * TICK !== this.now) this.#setExact(n, i);
    return index + 1;
  }

  /** The time of an event that its ticks cannot say, or of one that is in a page with such. */
  #setExact(n: number, i: number): void {
    let exact = this.#exact[n]!;
    if (exact === null) {
      exact = this.#exact[n] = new Float64Array(uncounted(8 << PAGE_BITS));
      this.#budget.take(8 << PAGE_BITS);
      const page = this.#words[n]!;
      // All of them: room that was given back is used again in any order.
      for (let other = 0; other <= PAGE_MASK; other++) exact[other] = this.#bases[n]! + page[other * STRIDE + TICKS]! * TICK;
    }
    exact[i] = this.now;
  }

  #again(): number {
    const ref = this.#spare;
    this.#spare = this.#word(ref, NEXT);
    this.#spares--;
    return ref - 1;
  }

  #word(ref: number, word: number): number {
    const index = (ref & ~TWIN) - 1;
    return this.#words[index >>> PAGE_BITS]![(index & PAGE_MASK) * STRIDE + word]!;
  }
  #setWord(ref: number, word: number, value: number): void {
    const index = (ref & ~TWIN) - 1;
    this.#words[index >>> PAGE_BITS]![(index & PAGE_MASK) * STRIDE + word] = value;
  }
}

/** A log whose frames and times begin later by as much. In place, but for the bases. */
export function movedEvents({ words, bases, exact, length }: EventPages, frames: number, nanos: number): EventPages {
  for (const page of words) for (let at = FRAME; at < page.length; at += STRIDE) if (page[at] !== 0) page[at] = page[at]! + frames;
  for (const times of exact) if (times !== null) for (let i = 0; i < times.length; i++) times[i] = times[i]! + nanos;
  return { words, bases: bases.map((base) => base + nanos), exact, length };
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

function twinOf(code: number): number {
  const from = (code >>> TWIN_FROM_SHIFT) & 15;
  const cause = (code >>> TWIN_CAUSE_SHIFT) - 1;
  return transitionCode(1 - eventSide(code), from, NEXT_STATE[from * CAUSES + cause]!, cause, false);
}
