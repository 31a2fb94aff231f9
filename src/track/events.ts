/**
 * The log of what happened to each connection: transitions and rare marks, a linked list per connection in record pages.
 * A regular life costs nine entries of 20 octets. Marks and transitions are bounded per connection (context.ts).
 */
import { Mark } from '../model/connection.ts';

/** Words of an event; its time stands in a column of its own, because a float64 beside three words would cost padding. */
const FRAME = 0;
const CODE = 1;
const NEXT = 2;
const STRIDE = 3;
const PAGE_BITS = 14;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

/** Kinds: 0 transition, 1 withdrawn, from 2 marks in the order of `MARKS`. */
export const EventKind = { TRANSITION: 0, WITHDRAWN: 1, FIRST_MARK: 2 } as const;
export const MARKS: readonly Mark[] = Object.values(Mark);
export const markKind = (mark: Mark): number => EventKind.FIRST_MARK + MARKS.indexOf(mark);

/** Bits of a transition's code above kind (5 bits) and side (bit 5). */
const FROM_SHIFT = 6;
const TO_SHIFT = 10;
const CAUSE_SHIFT = 14;
const ASSUMED = 1 << 21;

export const eventKind = (code: number): number => code & 31;
export const eventSide = (code: number): number => (code >>> 5) & 1;
export const eventFrom = (code: number): number => (code >>> FROM_SHIFT) & 15;
export const eventTo = (code: number): number => (code >>> TO_SHIFT) & 15;
export const eventCause = (code: number): number => (code >>> CAUSE_SHIFT) & 63;
export const eventAssumed = (code: number): boolean => (code & ASSUMED) !== 0;

export const transitionCode = (side: number, from: number, to: number, cause: number, assumed: boolean): number =>
  (side << 5) | (from << FROM_SHIFT) | (to << TO_SHIFT) | (cause << CAUSE_SHIFT) | (assumed ? ASSUMED : 0);
const DETAIL_SHIFT = 6;
/** A mark's detail shares the code: 26 bits, unsigned. */
export const MAX_DETAIL = (1 << (32 - DETAIL_SHIFT)) - 1;
export const markCode = (kind: number, side: number, detail: number): number => kind | (side << 5) | (detail << DETAIL_SHIFT);
export const markDetail = (code: number): number => code >>> DETAIL_SHIFT;

export class EventLog {
  readonly #words: Int32Array[] = [];
  readonly #times: Float64Array[] = [];
  length = 0;

  /** Adds an event behind `tail` (index + 1, 0 none) and returns its own index + 1. `frame` 0: no segment. */
  append(tail: number, time: number, frame: number, code: number): number {
    const index = this.length++;
    const n = index >>> PAGE_BITS;
    if (n === this.#words.length) {
      this.#words.push(new Int32Array(STRIDE << PAGE_BITS));
      this.#times.push(new Float64Array(1 << PAGE_BITS));
    }
    const page = this.#words[n]!;
    const i = index & PAGE_MASK;
    page[i * STRIDE + FRAME] = frame;
    page[i * STRIDE + CODE] = code;
    this.#times[n]![i] = time;
    if (tail > 0) this.#words[(tail - 1) >>> PAGE_BITS]![((tail - 1) & PAGE_MASK) * STRIDE + NEXT] = index + 1;
    return index + 1;
  }

  frame(ref: number): number {
    return this.#word(ref, FRAME);
  }
  code(ref: number): number {
    return this.#word(ref, CODE);
  }
  next(ref: number): number {
    return this.#word(ref, NEXT);
  }
  time(ref: number): number {
    return this.#times[(ref - 1) >>> PAGE_BITS]![(ref - 1) & PAGE_MASK]!;
  }

  withdraw(ref: number): void {
    const page = this.#words[(ref - 1) >>> PAGE_BITS]!;
    const at = ((ref - 1) & PAGE_MASK) * STRIDE + CODE;
    page[at] = (page[at]! & ~31) | EventKind.WITHDRAWN;
  }

  #word(ref: number, word: number): number {
    return this.#words[(ref - 1) >>> PAGE_BITS]![((ref - 1) & PAGE_MASK) * STRIDE + word]!;
  }
}
