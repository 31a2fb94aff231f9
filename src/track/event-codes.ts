/** What an event is, in the 32 bits that the log keeps of it. */
import { Mark } from '../model/connection.ts';

/** Kinds: 0 transition, 1 withdrawn, from 2 marks in the order of `MARKS`. */
export const EventKind = { TRANSITION: 0, WITHDRAWN: 1, FIRST_MARK: 2 } as const;
export const MARKS: readonly Mark[] = Object.values(Mark);
export const markKind = (mark: Mark): number => EventKind.FIRST_MARK + MARKS.indexOf(mark);

/** Bits of a transition's code above kind (5 bits) and side (bit 5). */
const FROM_SHIFT = 6;
const TO_SHIFT = 10;
const CAUSE_SHIFT = 14;
const ASSUMED = 1 << 21;
/** The other end's transition by the same segment, behind it: its state before, and its cause + 1 (0: none). The state after follows from these. */
export const TWIN_FROM_SHIFT = 22;
export const TWIN_CAUSE_SHIFT = 26;
export const TWIN_BITS = -1 << TWIN_FROM_SHIFT;

/** In a reference to an event: the second transition of its entry. */
export const TWIN = 1 << 30;

export const eventKind = (code: number): number => code & 31;
export const eventSide = (code: number): number => (code >>> 5) & 1;
export const eventFrom = (code: number): number => (code >>> FROM_SHIFT) & 15;
export const eventTo = (code: number): number => (code >>> TO_SHIFT) & 15;
export const eventCause = (code: number): number => (code >>> CAUSE_SHIFT) & 63;
export const eventAssumed = (code: number): boolean => (code & ASSUMED) !== 0;

/** Bits that `find` compares: which end's transition it is, and one thing about it. */
const SIDE_OF_TRANSITION = 63;
export const ByCause = {
  mask: SIDE_OF_TRANSITION | (63 << CAUSE_SHIFT),
  of: (side: number, cause: number): number => (side << 5) | (cause << CAUSE_SHIFT),
};
export const ByFrom = {
  mask: SIDE_OF_TRANSITION | (15 << FROM_SHIFT),
  of: (side: number, from: number): number => (side << 5) | (from << FROM_SHIFT),
};
export const ByTo = {
  mask: SIDE_OF_TRANSITION | (15 << TO_SHIFT),
  of: (side: number, to: number): number => (side << 5) | (to << TO_SHIFT),
};
export const BySide = { mask: SIDE_OF_TRANSITION, of: (side: number): number => side << 5 };

export const transitionCode = (side: number, from: number, to: number, cause: number, assumed: boolean): number =>
  (side << 5) | (from << FROM_SHIFT) | (to << TO_SHIFT) | (cause << CAUSE_SHIFT) | (assumed ? ASSUMED : 0);
const DETAIL_SHIFT = 6;
/** A mark's detail shares the code: 26 bits, unsigned. */
export const MAX_DETAIL = (1 << (32 - DETAIL_SHIFT)) - 1;
export const markCode = (kind: number, side: number, detail: number): number => kind | (side << 5) | (detail << DETAIL_SHIFT);
export const markDetail = (code: number): number => code >>> DETAIL_SHIFT;
