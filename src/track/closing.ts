/** FIN and its acknowledgment: which of both ends' transitions they cause, and what a FIN that comes again takes back (RFC 9293 §3.6, §3.10.7.4). */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { eventCause, eventKind, EventKind, eventSide, markKind } from './events.ts';
import { crossing, enteredAt, finAckedTime, lastCause } from './hindsight.ts';
import { Half, HalfFlag, Pair, Sequel, SynOption, Trait } from './layout.ts';
import { closedAfter } from './sequel.ts';
import { TimerKind } from './timers.ts';
import { Cause } from './transitions.ts';

/** No FIN is repeated sooner than linux TCP_RTO_MIN (200 ms) and a round trip after the first; a handshake with lost copies seems slower than the path. */
const FIN_CROSSING_CEILING = 150_000_000;
/** Nanoseconds. */
const RESTART_FLOOR = 1_000_000;
/** FIN retries shorter than this are the sender's RTO, not yet the tail of the orphan schedule, seconds. */
const ORPHAN_RETRY_FLOOR = 1;

/** Has the sender of this segment acknowledged the other end's FIN? */
export function finAcknowledged(x: Context, k: Packet): void {
  const { pair, peer, me, side } = x;
  const other = 1 - side;
  if (((k.ack - pair[peer + Half.FIN_ACK]!) | 0) < 0) return;
  if (!x.flag(peer, HalfFlag.FIN_ACKED)) {
    x.setFlag(peer, HalfFlag.FIN_ACKED);
    x.step(other, Cause.FIN_ACKED);
  }
  if (!x.flag(me, HalfFlag.FIN_RECEIVED)) {
    x.setFlag(me, HalfFlag.FIN_RECEIVED);
    x.step(side, Cause.RECEIVES_FIN);
  }
}

/** What a socket connected to itself sends is what it receives: its FIN meets itself like that of a simultaneous close. */
export function receivesOwn(x: Context, k: Packet): void {
  if (!x.flag(x.me, HalfFlag.FIN_SENT)) return;
  if ((k.flags & Flag.FIN) !== 0) x.step(x.side, Cause.RECEIVES_FIN);
  else if ((k.flags & Flag.ACK) !== 0 && ((k.ack - x.pair[x.me + Half.FIN_ACK]!) | 0) >= 0) x.step(x.side, Cause.FIN_ACKED);
}

export function finish(x: Context, k: Packet, length: number, inOrder: boolean): void {
  const { pair, me, peer, side } = x;
  const other = 1 - side;
  x.bump(me + Half.FIN);
  const covers = (k.seq + length) | 0;
  if (pair[me + Half.FIRST_FIN] === 0) pair[me + Half.FIRST_FIN] = x.frame;
  if ((k.flags & Flag.ACK) === 0) return; // dropped (RFC 9293 §3.10.7.4 fifth)
  x.set(16 << Trait.COMPLETENESS_SHIFT);
  if (isOld(x, covers)) return;
  if (x.flag(me, HalfFlag.FIN_SENT) && covers === pair[me + Half.FIN_ACK]) {
    finAgain(x, k);
  } else {
    noteQuiet(x);
    const crossing = crossingFin(x, k);
    pair[me + Half.FIN_ACK] = covers;
    x.setFlag(me, HalfFlag.FIN_SENT);
    const killed = killedByReset(x);
    if (killed || closedInSynRcvd(x)) x.withdraw(side);
    x.step(side, Cause.SENDS_FIN);
    if (crossing) x.step(side, Cause.RECEIVES_FIN);
    if (killed) x.step(side, Cause.RECEIVES_RST);
    closedBy(x);
  }
  // Where the third ACK was ignored, so is everything after it.
  const ignored = x.state(other) === State.SYN_RCVD && x.has(Trait.ACK_IGNORED);
  if (!x.flag(peer, HalfFlag.FIN_RECEIVED) && inOrder && !ignored) {
    x.setFlag(peer, HalfFlag.FIN_RECEIVED);
    x.step(other, Cause.RECEIVES_FIN);
  }
}

/**
 * What comes to a TIME_WAIT restarts the 2 MSL: a FIN again (RFC 9293 §3.10.7.4 eighth), in kernels any ACK (linux
 * tcp_timewait_state_process, xnu tcp_input). Segments closer together restart it once, or a flood would fill the queue.
 */
export function restartTimeWait(x: Context): void {
  const fin = x.flag(x.me, HalfFlag.FIN_SENT);
  if (fin && x.now - x.pairF[(x.me + Half.LAST_TIME) >> 1]! >= RESTART_FLOOR) x.rearm(TimerKind.TIME_WAIT, 1 - x.side);
}

/** A FIN among octets that its receiver has acknowledged as data: a late copy of an older connection's, or forged. Nobody takes it. */
function isOld(x: Context, covers: number): boolean {
  if (x.flag(x.me, HalfFlag.FIN_SENT | HalfFlag.DOUBT)) return false;
  return x.flag(x.me, HalfFlag.UNA_KNOWN) && ((covers - x.pair[x.me + Half.UNA]!) | 0) < 0;
}

/** The sender's FIN lay beyond the window, and it goes on before that: the FIN was not its own. */
export function takeBackFin(x: Context): void {
  if (!x.flag(x.me, HalfFlag.FIN_SENT) || lastCause(x) !== Cause.SENDS_FIN) return;
  x.clearFlag(x.me, HalfFlag.FIN_SENT);
  x.withdraw(x.side);
  x.clear(x.side === 0 ? Trait.CLOSED_BY_CLIENT : Trait.CLOSED_BY_SERVER);
  x.pairF[(x.p + Pair.QUIET) >> 1] = -1;
}

/** Has a RST ended the sender of this FIN? Then the FIN was under way when the RST passed here, and comes first in its life. */
function killedByReset(x: Context): boolean {
  if (x.state(x.side) !== State.CLOSED) return false;
  const ref = x.lastTransition(x.side);
  return ref !== 0 && eventCause(x.tables.events.code(ref)) === Cause.RECEIVES_RST;
}

/**
 * A Fast Open server may answer and close before the third ACK arrives (RFC 7413 §4.2): its FIN passed here sooner after that ACK
 * than the path to it and back takes.
 */
function closedInSynRcvd(x: Context): boolean {
  if (x.side !== 1 || x.state(1) !== State.ESTABLISHED || (x.options(0) & SynOption.FAST_OPEN) === 0) return false;
  if (x.pair[x.peer + Half.SYN] !== 1 || x.pair[x.me + Half.SYN_ACK] !== 1 || lastCause(x) !== Cause.SYN_ACKED) return false;
  const serverSideRtt = enteredAt(x, State.SYN_RCVD) - x.tables.firstTimes.of(x.id);
  return x.now - enteredAt(x, State.ESTABLISHED) < serverSideRtt;
}

/** A FIN that does not acknowledge the other end's was sent before that one arrived: both close at once (RFC 9293 figure 13). */
export function crossingFin(x: Context, k: Packet): boolean {
  const { pair, me, peer, side } = x;
  if (!x.flag(peer, HalfFlag.FIN_SENT) || !x.flag(me, HalfFlag.FIN_RECEIVED)) return false;
  if (((k.ack - pair[peer + Half.FIN_ACK]!) | 0) >= 0 || x.state(side) !== State.CLOSE_WAIT) return false;
  x.withdraw(side);
  x.set(Trait.CLOSED_BY_CLIENT | Trait.CLOSED_BY_SERVER);
  return true;
}

/** Its FIN once more. */
export function finAgain(x: Context, k: Packet): void {
  const { pair, me, peer, side } = x;
  const { events } = x.tables;
  const interval = (x.now - lastFinTime(x)) / NANOS_PER_SECOND;
  x.mark(Mark.FIN_AGAIN, 0);
  const state = x.state(side);
  const waits = state === State.FIN_WAIT_1 || state === State.CLOSING || state === State.LAST_ACK;
  if (!waits && x.flag(me, HalfFlag.FIN_ACKED) && x.now - finAckedTime(x) > finCrossing(x)) {
    // It repeats its FIN although we saw the ACK: the ACK was lost behind the capture point, and all that came with it or after.
    x.clearFlag(me, HalfFlag.FIN_ACKED);
    const hasTheirs = x.flag(me, HalfFlag.FIN_RECEIVED) && ((k.ack - pair[peer + Half.FIN_ACK]!) | 0) >= 0;
    let received = 0;
    for (let cause = lastCause(x); cause === Cause.TIME_WAIT_OVER || cause === Cause.RECEIVES_FIN; cause = lastCause(x)) {
      if (cause === Cause.RECEIVES_FIN) received = x.lastTransition(side);
      x.withdraw(side);
    }
    if (lastCause(x) === Cause.FIN_ACKED) x.withdraw(side);
    // What it acknowledges did arrive.
    if (received !== 0 && hasTheirs) x.stepAt(side, Cause.RECEIVES_FIN, events.frame(received), events.time(received), false);
    else if (received !== 0) x.clearFlag(me, HalfFlag.FIN_RECEIVED);
  }
  const now = x.state(side);
  if (now !== State.FIN_WAIT_1 && now !== State.CLOSING && now !== State.LAST_ACK) return;
  if (interval >= ORPHAN_RETRY_FLOOR) x.rearmRetry(side, 2 * interval);
}

function lastFinTime(x: Context): number {
  const { events } = x.tables;
  const again = x.lastMark(x.side, Mark.FIN_AGAIN);
  if (again !== 0) return events.time(again);
  const first = x.lastTransition(x.side);
  return first === 0 ? x.now : events.time(first);
}

/** The first FIN or RST that counted closes the connection. Nearly always it is what was logged last, and then its time is kept. */
export function closedBy(x: Context): void {
  if (x.has(Trait.CLOSED_BY_CLIENT | Trait.CLOSED_BY_SERVER)) return;
  x.set(x.side === 0 ? Trait.CLOSED_BY_CLIENT : Trait.CLOSED_BY_SERVER);
  const tail = x.sequel[x.s + Sequel.TAIL]!;
  const { events } = x.tables;
  if (x.paired && (events.holds(tail, x.side, Cause.SENDS_FIN) || events.holds(tail, x.side, Cause.SENDS_RST)))
    x.sequel[x.s + Sequel.CLOSED_AFTER] = closedAfter(x.now - x.tables.firstTimes.of(x.id));
}

/** Silence before the first sign of the end. */
export function noteQuiet(x: Context): void {
  const { pairF, p } = x;
  if (pairF[(p + Pair.QUIET) >> 1]! >= 0) return;
  const last = Math.max(pairF[(x.me + Half.LAST_DATA_TIME) >> 1]!, pairF[(x.peer + Half.LAST_DATA_TIME) >> 1]!);
  if (last >= 0) pairF[(p + Pair.QUIET) >> 1] = Math.max(0, x.now - last);
}

const finCrossing = (x: Context): number => Math.min(FIN_CROSSING_CEILING, crossing(x));

/** When the FIN after the ones logged would have come, nanoseconds; Infinity when it was sent but once. */
export function nextFinAt(x: Context): number {
  const { events } = x.tables;
  let before = -1;
  let last = -1;
  for (let ref = events.first(x.id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventSide(code) !== x.side) continue;
    const kind = eventKind(code);
    if (kind !== FIN_AGAIN && (kind !== EventKind.TRANSITION || eventCause(code) !== Cause.SENDS_FIN)) continue;
    before = last;
    last = events.time(ref);
  }
  return before < 0 ? Infinity : last + 2 * (last - before);
}

const FIN_AGAIN = markKind(Mark.FIN_AGAIN);
