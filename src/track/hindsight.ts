/** What the log of a connection says about how an end came to its state: for the parts of the machine that correct what was told before. */
import type { Context } from './context.ts';
import { eventCause, eventKind, EventKind, eventSide, eventTo } from './events.ts';
import { Pair } from './layout.ts';
import { Cause } from './transitions.ts';

/** A repeated FIN or SYN-ACK that crosses its answer on the way says nothing: wait this long at least, nanoseconds. */
const CROSSING_FLOOR = 5_000_000;

/** Why the sender is in its state; -1 before any. */
export function lastCause(x: Context): number {
  const ref = x.isCrowded() ? 0 : x.lastTransition(x.side);
  return ref === 0 ? -1 : eventCause(x.tables.events.code(ref));
}

/** When the sender last entered a state; -Infinity never. */
export function enteredAt(x: Context, state: number): number {
  const { events } = x.tables;
  let time = -Infinity;
  for (let ref = events.first(x.id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) === EventKind.TRANSITION && eventSide(code) === x.side && eventTo(code) === state) time = events.time(ref);
  }
  return time;
}

/** When the ACK of the sender's FIN passed; Infinity when that moved no state. */
export function finAckedTime(x: Context): number {
  const { events } = x.tables;
  let time = Infinity;
  for (let ref = events.first(x.id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    const acked = eventKind(code) === EventKind.TRANSITION && eventSide(code) === x.side && eventCause(code) === Cause.FIN_ACKED;
    if (acked) time = events.time(ref);
  }
  return time;
}

/** How long a repeat may have been under way while its answer passed here, nanoseconds. */
export const crossing = (x: Context): number => Math.max(CROSSING_FLOOR, x.pair[x.p + Pair.RTT_MICROS]! * 1000);
