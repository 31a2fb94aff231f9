/** The entries of the log (events.ts), of every connection, in pages: lists, each linked from its first entry on. */
import { NANOS_PER_MICRO } from '../model/units.ts';
import type { Budget } from './budget.ts';
import { TWIN } from './event-codes.ts';
import { newPage, uncounted } from './pages.ts';

/** Words of an entry. */
const FRAME = 0;
const CODE = 1;
const NEXT = 2;
/**
 * When: microseconds from the time of the first event of its page. A page with a time that this cannot say (of nanoseconds, of a clock
 * that jumped by more than half an hour) keeps all of its times as float64 in a column of its own.
 */
const TICKS = 3;
const STRIDE = 4;
const TICK = NANOS_PER_MICRO;
const PAGE_BITS = 14;
const PAGE_MASK = (1 << PAGE_BITS) - 1;
export const EVENT_OCTETS = STRIDE * 4;

/** All entries by page, and by page their base time and times that are no ticks. */
export interface EventPages {
  readonly words: readonly Int32Array[];
  readonly bases: readonly number[];
  readonly exact: readonly (Float64Array | null)[];
  readonly length: number;
}

/** Whose field says when what is added happened. */
interface Clock {
  readonly now: number;
}

/** A reference to an entry is its index + 1; 0 none. With the bit TWIN it is the same entry. */
export class EventEntries {
  readonly #words: Int32Array[] = [];
  /** By page: the time of its first event, and its times where they are no ticks. What is not written costs no memory. */
  readonly #bases = new Float64Array(uncounted(8 << (30 - PAGE_BITS)));
  readonly #exact: (Float64Array | null)[] = [];
  /** Entries that were ever added, those given back included. */
  length = 0;
  readonly #clock: Clock;
  readonly #budget: Budget;
  /** The entry that was given back last, whose NEXT has the one before it. And how many there are. */
  #spare = 0;
  #spares = 0;

  constructor(clock: Clock, budget: Budget) {
    this.#clock = clock;
    this.#budget = budget;
  }

  /** Entries in use. */
  get inUse(): number {
    return this.length - this.#spares;
  }

  get octetsInUse(): number {
    return this.inUse * EVENT_OCTETS;
  }

  /** Of all pages. */
  get octets(): number {
    const exact = this.#exact.reduce((sum, times) => sum + (times === null ? 0 : times.byteLength), 0);
    return this.#words.length * (EVENT_OCTETS << PAGE_BITS) + exact;
  }

  /** All pages, to be shared. */
  get pages(): EventPages {
    const pages = this.#words.length;
    return { words: this.#words, bases: Array.from(this.#bases.subarray(0, pages)), exact: this.#exact, length: this.length };
  }

  /** The pages of another shard, to be put behind these; returns what must be added to its references. */
  append({ words, bases, exact, length }: EventPages): number {
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

  /** A new entry, of what happened at the time of the clock, the last of its list. */
  add(frame: number, code: number): number {
    const index = this.#spare === 0 ? this.length++ : this.#again();
    const n = index >>> PAGE_BITS;
    const { now } = this.#clock;
    if (n === this.#words.length) {
      this.#words.push(newPage(EVENT_OCTETS << PAGE_BITS, this.#budget));
      this.#exact.push(null);
      this.#bases[n] = now;
    }
    const page = this.#words[n]!;
    const i = index & PAGE_MASK;
    page[i * STRIDE + FRAME] = frame;
    page[i * STRIDE + CODE] = code;
    page[i * STRIDE + NEXT] = 0;
    const ticks = ((now - this.#bases[n]!) / TICK) | 0;
    page[i * STRIDE + TICKS] = ticks;
    if (this.#exact[n] !== null || this.#bases[n]! + ticks * TICK !== now) this.#setExact(n, i);
    return index + 1;
  }

  /** Gives the entries of a list back. */
  release(head: number): void {
    if (head === 0) return;
    let last = head;
    for (let ref = head; ref !== 0; ref = this.next(ref)) {
      last = ref;
      this.#spares++;
    }
    this.setNext(last, this.#spare);
    this.#spare = head;
  }

  frame(ref: number): number {
    return this.#word(ref, FRAME);
  }
  code(ref: number): number {
    return this.#word(ref, CODE);
  }
  setCode(ref: number, code: number): void {
    this.#setWord(ref, CODE, code);
  }
  /** The entry behind it; 0 none. */
  next(ref: number): number {
    return this.#word(ref, NEXT);
  }
  setNext(ref: number, next: number): void {
    this.#setWord(ref, NEXT, next);
  }

  time(ref: number): number {
    const index = (ref & ~TWIN) - 1;
    const n = index >>> PAGE_BITS;
    const i = index & PAGE_MASK;
    const exact = this.#exact[n]!;
    return exact === null ? this.#bases[n]! + this.#words[n]![i * STRIDE + TICKS]! * TICK : exact[i]!;
  }

  /** Is its time that of the clock? A time that is returned would be boxed. */
  isNow(ref: number): boolean {
    const n = (ref - 1) >>> PAGE_BITS;
    const i = (ref - 1) & PAGE_MASK;
    const exact = this.#exact[n]!;
    return this.#clock.now === (exact === null ? this.#bases[n]! + this.#words[n]![i * STRIDE + TICKS]! * TICK : exact[i]!);
  }

  /** Are there times in its page that microseconds do not say? */
  isExact(ref: number): boolean {
    return this.#exact[(ref - 1) >>> PAGE_BITS] !== null;
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
    exact[i] = this.#clock.now;
  }

  #again(): number {
    const ref = this.#spare;
    this.#spare = this.next(ref);
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

/** Entries whose frames and times begin later by as much. In place, but for the bases. */
export function movedEvents({ words, bases, exact, length }: EventPages, frames: number, nanos: number): EventPages {
  for (const page of words) for (let at = FRAME; at < page.length; at += STRIDE) if (page[at] !== 0) page[at] = page[at]! + frames;
  for (const times of exact) if (times !== null) for (let i = 0; i < times.length; i++) times[i] = times[i]! + nanos;
  return { words, bases: bases.map((base) => base + nanos), exact, length };
}
