/**
 * The log of what happened to each connection: transitions and rare marks, a linked list per connection in record pages.
 * A regular life costs nine entries of 24 octets. Marks are bounded per connection; transitions are not, because a
 * connection cannot have many without segments that we would have to keep anyway.
 */
import { Mark } from '../model/connection.ts';
import { RecordPages } from './pages.ts';

/** Words of an event record. */
const FRAME = 0;
const CODE = 1;
const NEXT = 2;
const DETAIL = 3;
const TIME = 4;
const STRIDE = 6;
const PAGE_BITS = 13;

/** Kinds: 0 transition, 1 withdrawn, from 2 marks in the order of `MARKS`. */
export const EventKind = { TRANSITION: 0, WITHDRAWN: 1, FIRST_MARK: 2 } as const;
export const MARKS: readonly Mark[] = Object.values(Mark);
export const markKind = (mark: Mark): number => EventKind.FIRST_MARK + MARKS.indexOf(mark);

/** Bits of a transition's code above kind (4 bits) and side (bit 4). */
const FROM_SHIFT = 5;
const TO_SHIFT = 9;
const CAUSE_SHIFT = 13;
const ASSUMED = 1 << 20;

export const eventKind = (code: number): number => code & 15;
export const eventSide = (code: number): number => (code >>> 4) & 1;
export const eventFrom = (code: number): number => (code >>> FROM_SHIFT) & 15;
export const eventTo = (code: number): number => (code >>> TO_SHIFT) & 15;
export const eventCause = (code: number): number => (code >>> CAUSE_SHIFT) & 63;
export const eventAssumed = (code: number): boolean => (code & ASSUMED) !== 0;

export const transitionCode = (side: number, from: number, to: number, cause: number, assumed: boolean): number =>
  (side << 4) | (from << FROM_SHIFT) | (to << TO_SHIFT) | (cause << CAUSE_SHIFT) | (assumed ? ASSUMED : 0);
export const markCode = (kind: number, side: number): number => kind | (side << 4);

export class EventLog {
  readonly #pages = new RecordPages(STRIDE, PAGE_BITS);

  get length(): number {
    return this.#pages.length;
  }

  /** Adds an event behind `tail` (index + 1, 0 none) and returns its own index + 1. `frame` 0: no segment. */
  append(tail: number, time: number, frame: number, code: number, detail: number): number {
    const pages = this.#pages;
    const index = pages.add();
    const page = pages.page(index);
    const at = pages.offset(index);
    page[at + FRAME] = frame;
    page[at + CODE] = code;
    page[at + DETAIL] = detail;
    pages.floatPage(index)[(at + TIME) >> 1] = time;
    if (tail > 0) pages.page(tail - 1)[pages.offset(tail - 1) + NEXT] = index + 1;
    return index + 1;
  }

  frame(ref: number): number {
    return this.#word(ref, FRAME);
  }
  code(ref: number): number {
    return this.#word(ref, CODE);
  }
  detail(ref: number): number {
    return this.#word(ref, DETAIL);
  }
  next(ref: number): number {
    return this.#word(ref, NEXT);
  }
  time(ref: number): number {
    return this.#pages.floatPage(ref - 1)[(this.#pages.offset(ref - 1) + TIME) >> 1]!;
  }

  withdraw(ref: number): void {
    const at = this.#pages.offset(ref - 1) + CODE;
    const page = this.#pages.page(ref - 1);
    page[at] = (page[at]! & ~15) | EventKind.WITHDRAWN;
  }

  setDetail(ref: number, detail: number): void {
    this.#pages.page(ref - 1)[this.#pages.offset(ref - 1) + DETAIL] = detail;
  }

  #word(ref: number, word: number): number {
    return this.#pages.page(ref - 1)[this.#pages.offset(ref - 1) + word]!;
  }
}
