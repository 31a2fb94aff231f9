/** SYN and SYN-ACK: which of both ends' transitions they cause, and what their repetition takes back (RFC 9293 §3.5, §3.10.7.2 to .4). */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { Side, State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { Layer, type Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { eventKind, EventKind, eventSide, eventTo, markKind } from './events.ts';
import { crossing, enteredAt, lastCause } from './hindsight.ts';
import { repeatedAfter } from './implied.ts';
import { Core, Half, HalfFlag, Pair, Rare, Sequel, SynOption, Trait } from './layout.ts';
import { packSynOptions } from './syn-options.ts';
import { Counter } from './time-series.ts';
import { retryAfterInterval } from './timers.ts';
import { Cause } from './transitions.ts';

/** linux tcp_synack_retries: copies of a SYN-ACK after the first. */
const SYN_ACK_RETRIES = 5;
/** No kernel repeats a SYN or SYN-ACK sooner after the one before (RFC 6298 §2.1: 1 s); what comes sooner was doubled on the way, nanoseconds. */
const RETRY_FLOOR = 0.5 * NANOS_PER_SECOND;

/** Returns false for a stray SYN, whose sequence number is not of this connection. */
export function syn(x: Context, k: Packet): boolean {
  x.bump(x.me + Half.SYN);
  if (x.pair[x.me + Half.FIRST_SYN] === 0) x.pair[x.me + Half.FIRST_SYN] = x.frame;
  x.tables.series.count(Counter.SYN);
  x.set((1 << Trait.COMPLETENESS_SHIFT) | Trait.SAW_SYN);
  const state = x.state(x.side);
  const other = x.state(1 - x.side);
  const again = k.seq === x.iss(x.side);
  const opens = other < State.ESTABLISHED || other === State.TIME_WAIT || again;
  // A copy of the SYN behind its sender's own RST was delayed on the way.
  const stale = again && x.flag(x.me, HalfFlag.SENT_RST);
  if ((state === State.CLOSED || state === State.LISTEN) && opens && !stale) {
    x.setIss(x.side, k.seq);
    x.setOptions(x.side, packSynOptions(k, x.options(x.side)));
    if (x.side === 0) x.noteSynTimestamp(k);
    x.step(x.side, Cause.SENDS_SYN);
    return true;
  }
  if (k.seq !== x.iss(x.side)) {
    straySyn(x, k);
    return false;
  }
  const retried = x.now - sentAt(x, State.SYN_SENT, Mark.SYN_AGAIN) >= RETRY_FLOOR;
  x.mark(Mark.SYN_AGAIN, 0);
  // Its SYN again: the SYN-ACK that we saw did not reach it.
  if (state === State.ESTABLISHED && retried && !x.flag(x.me, HalfFlag.SPOKE)) x.withdraw(x.side);
  if (x.state(x.side) === State.SYN_SENT) x.rearmRetry(x.side, retryAfter(x));
  return true;
}

/** A SYN that this connection cannot have sent: kept until a SYN-ACK proves that it opened a new one (RFC 5961 §4). */
function straySyn(x: Context, k: Packet): void {
  x.mark(Mark.STRAY_SYN, 0);
  x.openRare();
  const { rare, rareF, r } = x;
  if (rare[r + Rare.STRAY_FRAME] !== 0 && rare[r + Rare.STRAY_SEQ] === k.seq) {
    if ((rare[r + Rare.STRAY_COUNT]! & 0xffff) < 0xffff) rare[r + Rare.STRAY_COUNT] = rare[r + Rare.STRAY_COUNT]! + 1;
    return;
  }
  x.set(Trait.STRAY_SYN);
  rare[r + Rare.STRAY_SEQ] = k.seq;
  rare[r + Rare.STRAY_FRAME] = x.frame;
  rare[r + Rare.STRAY_COUNT] = 1 | ((k.ipLength & 0xffff) << 16);
  rareF[(r + Rare.STRAY_TIME) >> 1] = x.now;
}

export function synAck(x: Context, k: Packet): void {
  x.bump(x.me + Half.SYN_ACK);
  if (x.pair[x.me + Half.FIRST_SYN_ACK] === 0) x.pair[x.me + Half.FIRST_SYN_ACK] = x.frame;
  const other = 1 - x.side;
  // Still the same request: the RST was lost behind the capture point.
  if (x.state(x.side) === State.CLOSED && lastCause(x) === Cause.RECEIVES_RST && k.seq === x.iss(x.side)) x.withdraw(x.side);
  // Later than its retry was due, but still the same request.
  if (x.state(x.side) === State.CLOSED) x.reviveAssumed(x.side);
  const state = x.state(x.side);
  if (state === State.CLOSED || state === State.LISTEN || state === State.SYN_SENT) {
    firstSynAck(x, k);
    return;
  }
  if (k.seq !== x.iss(x.side)) return;
  const retried = x.now - sentAt(x, State.SYN_RCVD, Mark.SYN_ACK_AGAIN) >= RETRY_FLOOR;
  x.mark(Mark.SYN_ACK_AGAIN, 0);
  const opened = state === State.ESTABLISHED || state === State.CLOSE_WAIT;
  if (opened && !x.flag(x.me, HalfFlag.SPOKE) && retried && x.now - enteredAt(x, State.ESTABLISHED) > crossing(x)) {
    // The third ACK was seen, yet the request socket still asks: the accept queue is full (or the ACK was lost behind us).
    x.markFor(x.side, Mark.HANDSHAKE_ACK_IGNORED, 0);
    x.set(Trait.ACK_IGNORED);
    x.clear(Trait.COMPLETED);
    if (state === State.CLOSE_WAIT) {
      x.clearFlag(x.me, HalfFlag.FIN_RECEIVED);
      x.withdraw(x.side);
    }
    x.withdraw(x.side);
  }
  if (x.state(x.side) === State.SYN_RCVD) x.rearmRetry(x.side, retryAfter(x));
  if (x.state(other) === State.SYN_SENT) x.step(other, Cause.RECEIVES_SYN_ACK);
}

/** When this end's newest SYN or SYN-ACK passed: the first put it into `state`, the others left a mark. */
function sentAt(x: Context, state: number, again: Mark): number {
  const ref = x.lastMark(x.side, again);
  return ref === 0 ? enteredAt(x, state) : x.tables.events.time(ref);
}

function firstSynAck(x: Context, k: Packet): void {
  const other = 1 - x.side;
  const theirs = x.iss(other);
  const simultaneous = x.state(x.side) === State.SYN_SENT;
  const answered = x.state(other) === State.SYN_SENT || x.state(other) === State.SYN_RCVD;
  x.tables.series.count(Counter.SYN_ANSWERED);
  x.set((2 << Trait.COMPLETENESS_SHIFT) | Trait.SAW_SYN_ACK);
  x.setIss(x.side, k.seq);
  const tookData = ((k.ack - theirs) | 0) > 1 && (x.options(other) & SynOption.DATA) !== 0;
  x.setOptions(x.side, (packSynOptions(k, x.options(x.side)) & ~SynOption.DATA) | (tookData ? SynOption.DATA : 0));
  // Whatever numbers passed before were of an older connection (its TIME_WAIT may have answered our SYN first).
  x.pair[x.me + Half.NXT] = k.seq;
  x.setFlag(x.me, HalfFlag.NXT_KNOWN);
  x.clearFlag(x.peer, HalfFlag.UNA_KNOWN);
  if (x.sequel[x.s + Sequel.FIRST_SYNACK] === 0) x.sequel[x.s + Sequel.FIRST_SYNACK] = x.frame;
  x.step(x.side, Cause.SENDS_SYN_ACK);
  // Simultaneous open: the other end's SYN-ACK may have acknowledged our SYN before ours passed here.
  if (simultaneous && x.flag(x.me, HalfFlag.UNA_KNOWN) && ((x.pair[x.me + Half.UNA]! - k.seq) | 0) > 0) x.step(x.side, Cause.SYN_ACKED);
  if (!answered || !x.has(Trait.SAW_SYN)) return;
  if (((k.ack - theirs) | 0) <= 0) return; // does not acknowledge the SYN: an old answer
  // Nor does what acknowledges more than was sent (3.10.7.3 first): a protector's test, answered by RST.
  if (x.flag(x.peer, HalfFlag.NXT_KNOWN) && ((k.ack - x.pair[x.peer + Half.NXT]!) | 0) > 0) return;
  if (simultaneous || x.state(other) === State.SYN_RCVD) x.step(other, Cause.SYN_ACKED);
  else x.step(other, Cause.RECEIVES_SYN_ACK);
}

/** Is the segment that reached this SYN_SENT end an answer of an older connection's TIME_WAIT? */
export const isOldAnswer = (x: Context): boolean => !x.has(Trait.SAW_SYN_ACK) && x.pair[x.peer + Half.PACKETS]! > 0;

/** An empty ACK for a SYN, of something else: an older connection is left at its sender (RFC 9293 §3.5.1 figure 9, RFC 5961 §4.2). */
export function oldAnswer(x: Context, k: Packet): void {
  if (k.payloadLength > 0 || (k.flags & Flag.FIN) !== 0 || k.ack === ((x.iss(1 - x.side) + 1) | 0)) return;
  x.takenForOld();
  x.mark(Mark.OLD_ANSWER, x.tables.refusedTimestamps.lead(x, k, false));
}

/** A Fast Open server may send before the third ACK, still in SYN_RCVD (RFC 7413 §4.2). */
export function fastOpenServer(x: Context, k: Packet): boolean {
  const { pair, peer, me } = x;
  if (x.side !== 1 || pair[peer + Half.PACKETS]! > 1 || !x.has(Trait.SAW_SYN) || k.ack !== pair[me + Half.LAST_ACK]) return false;
  return k.ack !== ((x.iss(0) + 1) | 0);
}

/** A request socket answers another SYN outside its window by an ACK, and goes on waiting for its own third ACK (linux tcp_check_req). */
export const refusesStraySyn = (x: Context, k: Packet): boolean =>
  x.has(Trait.STRAY_SYN) && k.payloadLength === 0 && (k.flags & Flag.FIN) === 0 && k.ack === x.pair[x.me + Half.LAST_ACK];

/** @param prompt by the third ACK itself: data or a FIN may come any time later */
export function synAcked(x: Context, prompt: boolean): void {
  const other = 1 - x.side;
  // Once a full accept queue has ignored the third ACK, only the other end's own words prove that it was taken.
  if (x.has(Trait.ACK_IGNORED)) return;
  if (x.step(other, Cause.SYN_ACKED) && prompt && x.pair[x.p + Pair.RTT_MICROS] === 0) {
    x.pair[x.p + Pair.RTT_MICROS] = Math.min(0x7fffffff, Math.max(1, Math.round(handshakeRtt(x) / 1000)));
  }
}

/**
 * The SYN-ACK of an end whose peer's third ACK was ignored does not come again: the ACK of the last copy was taken. A queue
 * that has room again takes it, and so does TCP_DEFER_ACCEPT once its time is over. Not when the peer has said more, which
 * nobody acknowledged, nor after the last copy that an end ever sends. Returns whether it is so; then it is logged.
 */
export function lastAckWasTaken(x: Context): boolean {
  if (!x.paired || !x.has(Trait.ACK_IGNORED) || x.state(x.side) !== State.SYN_RCVD) return false;
  const { pair, pairF, me, peer } = x;
  const again = x.lastMark(x.side, Mark.SYN_ACK_AGAIN);
  if (again === 0 || pair[me + Half.SYN_ACK]! > SYN_ACK_RETRIES || x.flag(peer, HalfFlag.FIN_SENT | HalfFlag.SENT_RST)) return false;
  const time = pairF[(peer + Half.LAST_TIME) >> 1]!;
  if (pairF[(peer + Half.PAYLOAD) >> 1] !== 0 || time <= x.tables.events.time(again)) return false;
  return x.stepAt(x.side, Cause.SYN_ACKED, x.core[x.c + Core.LAST_FRAME]!, time, true);
}

/** Last SYN to the first SYN-ACK after it, plus last SYN-ACK to now: no wait for a retry is part of the path. Nanoseconds; 0 unknown. */
function handshakeRtt(x: Context): number {
  const single = x.pair[x.half(0) + Half.SYN] === 1 && x.pair[x.half(1) + Half.SYN_ACK] === 1;
  if (single) return x.now - x.tables.firstTimes.of(x.id);
  const { events } = x.tables;
  let syn = -1;
  let answer = -1;
  let synAck = -1;
  for (let ref = events.first(x.id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (!startsRetry(code)) continue;
    if (eventSide(code) === x.side) {
      syn = events.time(ref);
      answer = -1;
    } else {
      synAck = events.time(ref);
      if (answer < 0) answer = synAck;
    }
  }
  return synAck < 0 ? 0 : x.now - synAck + (syn < 0 || answer < 0 ? 0 : answer - syn);
}

/** Seconds until the SYN or SYN-ACK after the one just logged, by doubling the last interval. */
export function retryAfter(x: Context): number {
  const interval = x.side === Side.SERVER && x.hasSequel ? repeatedAfter(x.sequel, x.s) : -1;
  if (interval >= 0) return retryAfterInterval(interval);
  const { events } = x.tables;
  let before = -1;
  let last = -1;
  for (let ref = events.first(x.id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventSide(code) !== x.side || !startsRetry(code)) continue;
    before = last;
    last = events.time(ref);
  }
  return before < 0 ? 1 : retryAfterInterval(last - before);
}

const SYN_AGAIN = markKind(Mark.SYN_AGAIN);

const SYN_ACK_AGAIN = markKind(Mark.SYN_ACK_AGAIN);

function startsRetry(code: number): boolean {
  const kind = eventKind(code);
  if (kind === EventKind.TRANSITION) return eventTo(code) === State.SYN_SENT || eventTo(code) === State.SYN_RCVD;
  return kind === SYN_AGAIN || kind === SYN_ACK_AGAIN;
}

/** Does an ICMP error about its SYN or SYN-ACK end what an end in `state` had begun? */
export function endsOpening(k: Packet, state: number): boolean {
  if (k.layer !== Layer.ICMP) return false;
  return state === State.SYN_SENT ? endsConnect(k) : state === State.SYN_RCVD && endsRequest(k);
}

/** linux tcp_v4_err, tcp_v6_err: unreachable, time exceeded and parameter problem, but not "fragmentation needed" or "packet too big". */
function endsConnect(k: Packet): boolean {
  if (k.ipVersion === 4) return (k.icmpType === 3 && k.icmpCode !== 4) || k.icmpType === 11 || k.icmpType === 12;
  return k.icmpType === 1 || k.icmpType === 3 || k.icmpType === 4;
}

/** linux tcp_req_err drops a request for less: net and host unreachable only; in IPv6 what icmpv6_err_convert calls fatal. */
function endsRequest(k: Packet): boolean {
  if (k.ipVersion === 4) return (k.icmpType === 3 && k.icmpCode <= 1) || k.icmpType === 11 || k.icmpType === 12;
  return (k.icmpType === 1 && (k.icmpCode === 1 || k.icmpCode >= 4)) || k.icmpType === 4;
}
