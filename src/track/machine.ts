/**
 * Both endpoint machines of a connection, driven by one segment: which causes of transitions.ts it is for its sender and
 * for its receiver. Everything but the plain data and ACKs of an established connection comes through here.
 *
 * A segment is taken to arrive. Where what follows proves that it did not (the SYN comes again, the FIN comes again), the
 * transition is withdrawn in place.
 * Read first: RFC 9293 §3.10.7; docs/architecture.md "The vantage point".
 */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import { closedBy, finAcknowledged, finish, noteQuiet } from './closing.ts';
import type { Context } from './context.ts';
import { eventFrom } from './events.ts';
import { crossing } from './hindsight.ts';
import { Core, Half, HalfFlag, Pair, Trait } from './layout.ts';
import { fastOpenServer, isOldAnswer, syn, synAck, synAcked } from './opening.ts';
import { reset, sentAfterReset } from './reset.ts';
import { book, oddFlags } from './sequence.ts';
import { Cause } from './transitions.ts';

<<<<<<< HEAD
=======
/** A repeated FIN or SYN-ACK that crosses its answer on the way says nothing: wait this long at least, nanoseconds. */
const CROSSING_FLOOR = 5_000_000;
/** linux tcp_synack_retries: copies of a SYN-ACK after the first. */
const SYN_ACK_RETRIES = 5;
/** FIN retries shorter than this are the sender's RTO, not yet the tail of the orphan schedule, seconds. */
const ORPHAN_RETRY_FLOOR = 1;

const upper = (x: Context): number => (x.side === 0 ? 16 : 0);

>>>>>>> 4896f9a (A full accept queue ignores FINs as it does third ACKs, and takes the ACK of a later SYN-ACK)
export function segment(x: Context, k: Packet): void {
  const flags = k.flags;
  const control = flags & (Flag.SYN | Flag.FIN | Flag.RST);
  if ((control & (control - 1)) !== 0) oddFlags(x, flags);
  if ((flags & Flag.RST) !== 0) {
    x.bump(x.me + Half.RST);
    noteQuiet(x);
    reset(x, k);
    book(x, k, 0);
    closedBy(x);
    return;
  }
  if (x.flag(x.me, HalfFlag.SENT_RST)) sentAfterReset(x, k);
  if ((flags & Flag.SYN) !== 0) {
    if ((flags & Flag.ACK) !== 0) synAck(x, k);
    else if (!syn(x, k)) return;
    book(x, k, k.payloadLength + 1);
    return;
  }
  plain(x, k);
  if (isSelfConnected(x)) receivesOwn(x, k);
}

/** One socket connected to itself: connect() to a local port that the kernel has just chosen as the source port too. */
function isSelfConnected(x: Context): boolean {
  const ports = x.core[x.c + Core.PORTS]!;
  return x.core[x.c + Core.ADDR_A] === x.core[x.c + Core.ADDR_B] && ports >>> 16 === (ports & 0xffff);
}

/** What it sends is what it receives: its FIN meets itself like that of a simultaneous close. */
function receivesOwn(x: Context, k: Packet): void {
  if (!x.flag(x.me, HalfFlag.FIN_SENT)) return;
  if ((k.flags & Flag.FIN) !== 0) x.step(x.side, Cause.RECEIVES_FIN);
  else if ((k.flags & Flag.ACK) !== 0 && ((k.ack - x.pair[x.me + Half.FIN_ACK]!) | 0) >= 0) x.step(x.side, Cause.FIN_ACKED);
}

<<<<<<< HEAD
=======
/** Returns false for a stray SYN, whose sequence number is not of this connection. */
function syn(x: Context, k: Packet): boolean {
  x.bump(x.me + Half.SYN);
  if (x.pair[x.me + Half.FIRST_SYN] === 0) x.pair[x.me + Half.FIRST_SYN] = x.frame;
  x.tables.series.count(Counter.SYN);
  x.set((1 << Trait.COMPLETENESS_SHIFT) | Trait.SAW_SYN);
  const state = x.state(x.side);
  const other = x.state(1 - x.side);
  const opens = other < State.ESTABLISHED || other === State.TIME_WAIT || k.seq === x.core[x.c + Core.ISS + x.side];
  if ((state === State.CLOSED || state === State.LISTEN) && opens) {
    x.core[x.c + Core.ISS + x.side] = k.seq;
    x.core[x.c + Core.OPTIONS + x.side] = packSynOptions(k);
    if (x.step(x.side, Cause.SENDS_SYN)) x.history(LETTER.SYN | upper(x));
    return true;
  }
  if (k.seq !== x.core[x.c + Core.ISS + x.side]) {
    straySyn(x, k);
    return false;
  }
  x.mark(Mark.SYN_AGAIN, 0);
  // Its SYN again: the SYN-ACK that we saw did not reach it.
  if (state === State.ESTABLISHED && !x.flag(x.me, HalfFlag.SPOKE)) x.withdraw(x.side);
  if (x.state(x.side) === State.SYN_SENT) x.rearmRetry(x.side, retryAfter(x));
  return true;
}

/** A SYN that this connection cannot have sent: kept until a SYN-ACK proves that it opened a new one (RFC 5961 §4). */
function straySyn(x: Context, k: Packet): void {
  x.mark(Mark.STRAY_SYN, 0);
  if (x.pair[x.p + Pair.STRAY_FRAME] !== 0 && x.pair[x.p + Pair.STRAY_SEQ] === k.seq) {
    if ((x.pair[x.p + Pair.STRAY_COUNT]! & 0xffff) < 0xffff) x.bump(x.p + Pair.STRAY_COUNT);
    return;
  }
  x.set(Trait.STRAY_SYN);
  x.pair[x.p + Pair.STRAY_SEQ] = k.seq;
  x.pair[x.p + Pair.STRAY_FRAME] = x.frame;
  x.pair[x.p + Pair.STRAY_COUNT] = 1 | ((k.ipLength & 0xffff) << 16);
  x.pairF[(x.p + Pair.STRAY_TIME) >> 1] = x.now;
}

function synAck(x: Context, k: Packet): void {
  x.bump(x.me + Half.SYN_ACK);
  if (x.pair[x.me + Half.FIRST_SYN_ACK] === 0) x.pair[x.me + Half.FIRST_SYN_ACK] = x.frame;
  const other = 1 - x.side;
  const state = x.state(x.side);
  if (state === State.CLOSED || state === State.LISTEN || state === State.SYN_SENT) {
    x.reviveAssumed(x.side);
    firstSynAck(x, k);
    return;
  }
  if (k.seq !== x.core[x.c + Core.ISS + x.side]) return;
  x.mark(Mark.SYN_ACK_AGAIN, 0);
  if ((state === State.ESTABLISHED || state === State.CLOSE_WAIT) && !x.flag(x.me, HalfFlag.SPOKE) && sinceSynAcked(x) > crossing(x)) {
    // The third ACK was seen, yet the request socket still asks: the accept queue is full (or the ACK was lost behind us).
    x.markFor(x.side, Mark.HANDSHAKE_ACK_IGNORED, 0);
    x.set(Trait.ACK_IGNORED);
    x.clear(Trait.COMPLETED);
    x.clearFlag(x.me, HalfFlag.FIN_RECEIVED);
    if (state === State.CLOSE_WAIT) x.withdraw(x.side);
    if (x.state(x.side) === State.ESTABLISHED) x.withdraw(x.side);
  }
  if (x.state(x.side) === State.SYN_RCVD) x.rearmRetry(x.side, retryAfter(x));
  if (x.state(other) === State.SYN_SENT) x.step(other, Cause.RECEIVES_SYN_ACK);
}

function firstSynAck(x: Context, k: Packet): void {
  const other = 1 - x.side;
  const theirs = x.core[x.c + Core.ISS + other]!;
  const simultaneous = x.state(x.side) === State.SYN_SENT;
  const answered = x.state(other) === State.SYN_SENT || x.state(other) === State.SYN_RCVD;
  x.tables.series.count(Counter.SYN_ANSWERED);
  x.set((2 << Trait.COMPLETENESS_SHIFT) | Trait.SAW_SYN_ACK);
  x.core[x.c + Core.ISS + x.side] = k.seq;
  x.core[x.c + Core.OPTIONS + x.side] = packSynOptions(k);
  // Whatever numbers passed before were of an older connection (its TIME_WAIT may have answered our SYN first).
  x.pair[x.me + Half.NXT] = k.seq;
  x.setFlag(x.me, HalfFlag.NXT_KNOWN);
  x.clearFlag(x.peer, HalfFlag.UNA_KNOWN);
  if (x.core[x.c + Core.FIRST_SYNACK] === 0) x.core[x.c + Core.FIRST_SYNACK] = x.frame;
  x.history(LETTER.SYN_ACK | upper(x));
  x.step(x.side, Cause.SENDS_SYN_ACK);
  // Simultaneous open: the other end's SYN-ACK may have acknowledged our SYN before ours passed here.
  if (simultaneous && x.flag(x.me, HalfFlag.UNA_KNOWN) && ((x.pair[x.me + Half.UNA]! - k.seq) | 0) > 0) x.step(x.side, Cause.SYN_ACKED);
  if (!answered || !x.has(Trait.SAW_SYN)) return;
  if (((k.ack - theirs) | 0) <= 0) return; // does not acknowledge the SYN: an old answer
  if (simultaneous || x.state(other) === State.SYN_RCVD) x.step(other, Cause.SYN_ACKED);
  else x.step(other, Cause.RECEIVES_SYN_ACK);
}

>>>>>>> 4896f9a (A full accept queue ignores FINs as it does third ACKs, and takes the ACK of a later SYN-ACK)
/** Everything without SYN and RST. */
function plain(x: Context, k: Packet): void {
  const { pair, me, peer, side } = x;
  const other = 1 - side;
  const flags = k.flags;
  const fin = (flags & Flag.FIN) !== 0;
  const hasAck = (flags & Flag.ACK) !== 0;
  const length = k.payloadLength + (fin ? 1 : 0);

  if (x.state(side) === State.CLOSED || x.state(other) === State.CLOSED) wake(x, k);

  if (hasAck) {
    const acksSyn = x.has(Trait.SAW_SYN_ACK) ? ((k.ack - x.core[x.c + Core.ISS + other]!) | 0) > 0 : x.state(other) >= State.ESTABLISHED;
    if (x.state(side) === State.SYN_SENT && (acksSyn || !x.has(Trait.SAW_SYN_ACK)) && !isOldAnswer(x)) {
      x.step(side, x.has(Trait.SAW_SYN_ACK) ? Cause.RECEIVES_SYN_ACK : Cause.ACKS_SYN);
    }
    // Its SYN or SYN-ACK was not captured.
    if (x.state(side) === State.CLOSED && acksSyn && x.lastTransition(side) === 0 && pair[me + Half.RST] === 0)
      x.step(side, Cause.SEEN_MIDSTREAM);
    if (x.state(side) === State.SYN_RCVD && !fastOpenServer(x, k)) x.step(side, Cause.SPEAKS);
    if (x.state(other) === State.SYN_RCVD && ((k.ack - x.core[x.c + Core.ISS + other]!) | 0) > 0)
      synAcked(x, length === 0 && k.seq === ((x.core[x.c + Core.ISS + side]! + 1) | 0));
    x.setFlag(me, HalfFlag.ACK_SEEN | HalfFlag.SPOKE);
  }

  if (hasAck && x.flag(peer, HalfFlag.FIN_SENT)) finAcknowledged(x, k);
  if (!x.flag(me, HalfFlag.FIN_SENT) || !hasAck || length > 0 || fin) {
    // nothing: a pure ACK after our FIN is handled below
  } else if (x.state(side) === State.FIN_WAIT_2 && ((k.ack - pair[peer + Half.UNA]!) | 0) > 0) {
    x.setFlag(me, HalfFlag.READS_AFTER_FIN);
  }
  if (k.payloadLength > 0 && x.state(other) === State.CLOSED && x.flag(peer, HalfFlag.FIN_SENT | HalfFlag.SENT_RST)) {
    x.mark(Mark.DATA_AFTER_CLOSE, k.payloadLength);
  }

  const inOrder = !x.flag(me, HalfFlag.NXT_KNOWN) || (((k.seq - pair[me + Half.NXT]!) | 0) <= 0 && pair[me + Half.MISSED] === 0);
  if (fin) finish(x, k, length, inOrder);
  else challengeAck(x, k);
  book(x, k, length);
}

<<<<<<< HEAD
=======
/** Is the segment that reached this SYN_SENT end an answer of an older connection's TIME_WAIT? */
const isOldAnswer = (x: Context): boolean => !x.has(Trait.SAW_SYN_ACK) && x.pair[x.peer + Half.PACKETS]! > 0;

/** A Fast Open server may send before the third ACK, still in SYN_RCVD (RFC 7413 §4.2). */
function fastOpenServer(x: Context, k: Packet): boolean {
  const { pair, peer, me } = x;
  if (x.side !== 1 || pair[peer + Half.PACKETS]! > 1 || !x.has(Trait.SAW_SYN) || k.ack !== pair[me + Half.LAST_ACK]) return false;
  return k.ack !== ((x.core[x.c + Core.ISS]! + 1) | 0);
}

function synAcked(x: Context): void {
  const other = 1 - x.side;
  // Once a full accept queue has ignored the third ACK, only the other end's own words prove that it was taken.
  if (x.has(Trait.ACK_IGNORED)) return;
  if (x.step(other, Cause.SYN_ACKED) && x.pair[x.p + Pair.RTT_MICROS] === 0) {
    x.pair[x.p + Pair.RTT_MICROS] = Math.min(0x7fffffff, Math.max(1, Math.round(handshakeRtt(x) / 1000)));
  }
}

/**
 * The SYN-ACK of an end whose peer's third ACK was ignored does not come again: was the ACK of the last copy taken? A queue
 * that has room again takes it, and so does TCP_DEFER_ACCEPT once its time is over. Not when the peer has said more, which
 * nobody acknowledged, nor after the last copy that an end ever sends.
 */
export function lastAckWasTaken(x: Context): boolean {
  if (!x.paired || !x.has(Trait.ACK_IGNORED) || x.state(x.side) !== State.SYN_RCVD) return false;
  const { pair, pairF, me, peer } = x;
  const again = x.lastMark(x.side, Mark.SYN_ACK_AGAIN);
  if (again === 0 || pair[me + Half.SYN_ACK]! > SYN_ACK_RETRIES || x.flag(peer, HalfFlag.FIN_SENT | HalfFlag.SENT_RST)) return false;
  return pairF[(peer + Half.PAYLOAD) >> 1] === 0 && pairF[(peer + Half.LAST_TIME) >> 1]! > x.tables.events.time(again);
}

/** Last SYN to its SYN-ACK plus that SYN-ACK to now; nanoseconds. */
function handshakeRtt(x: Context): number {
  const single = x.pair[x.half(0) + Half.SYN] === 1 && x.pair[x.half(1) + Half.SYN_ACK] === 1;
  if (single) return x.now - x.coreF[(x.c + Core.FIRST_TIME) >> 1]!;
  const synAckAt = lastMarkOrTransition(x, 1 - x.side, Mark.SYN_ACK_AGAIN);
  const synAt = lastMarkOrTransition(x, x.side, Mark.SYN_AGAIN);
  return synAckAt < 0 ? 0 : x.now - synAckAt + (synAt < 0 || synAt > synAckAt ? 0 : synAckAt - synAt);
}

function lastMarkOrTransition(x: Context, side: number, mark: Mark): number {
  const { events } = x.tables;
  const again = x.lastMark(side, mark);
  if (again !== 0) return events.time(again);
  const first = x.lastTransition(side);
  return first === 0 ? -1 : events.time(first);
}

/** Has the sender of this segment acknowledged the other end's FIN? */
function finAcknowledged(x: Context, k: Packet): void {
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

function finish(x: Context, k: Packet, length: number, inOrder: boolean): void {
  const { pair, me, peer, side } = x;
  const other = 1 - side;
  x.bump(me + Half.FIN);
  if ((k.flags & Flag.ACK) !== 0) x.set(16 << Trait.COMPLETENESS_SHIFT);
  const covers = (k.seq + length) | 0;
  if (pair[me + Half.FIRST_FIN] === 0) pair[me + Half.FIRST_FIN] = x.frame;
  if (x.flag(me, HalfFlag.FIN_SENT) && covers === pair[me + Half.FIN_ACK]) {
    finAgain(x, k);
  } else {
    noteQuiet(x);
    const crossing = crossingFin(x, k);
    pair[me + Half.FIN_ACK] = covers;
    x.setFlag(me, HalfFlag.FIN_SENT);
    x.history(LETTER.FIN | upper(x));
    const killed = killedByReset(x);
    if (killed) x.withdraw(side);
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
  } else if (x.flag(peer, HalfFlag.FIN_RECEIVED) && x.state(other) === State.TIME_WAIT) {
    x.rearm(0, other); // a FIN that comes again restarts the 2 MSL (RFC 9293 §3.10.7.4 eighth)
  }
}

/** Has a RST ended the sender of this FIN? Then the FIN was under way when the RST passed here, and comes first in its life. */
function killedByReset(x: Context): boolean {
  if (x.state(x.side) !== State.CLOSED) return false;
  const ref = x.lastTransition(x.side);
  return ref !== 0 && eventCause(x.tables.events.code(ref)) === Cause.RECEIVES_RST;
}

/** A FIN that does not acknowledge the other end's was sent before that one arrived: both close at once (RFC 9293 figure 13). */
function crossingFin(x: Context, k: Packet): boolean {
  const { pair, me, peer, side } = x;
  if (!x.flag(peer, HalfFlag.FIN_SENT) || !x.flag(me, HalfFlag.FIN_RECEIVED)) return false;
  if (((k.ack - pair[peer + Half.FIN_ACK]!) | 0) >= 0 || x.state(side) !== State.CLOSE_WAIT) return false;
  x.withdraw(side);
  x.set(Trait.CLOSED_BY_CLIENT | Trait.CLOSED_BY_SERVER);
  return true;
}

function finAgain(x: Context, k: Packet): void {
  const { pair, me, peer, side } = x;
  const interval = (x.now - lastFinTime(x)) / NANOS_PER_SECOND;
  x.mark(Mark.FIN_AGAIN, 0);
  const state = x.state(side);
  const waits = state === State.FIN_WAIT_1 || state === State.CLOSING || state === State.LAST_ACK;
  if (!waits && x.flag(me, HalfFlag.FIN_ACKED) && sinceState(x, side) > crossing(x)) {
    // It repeats its FIN although we saw the ACK: the ACK was lost behind the capture point.
    x.clearFlag(me, HalfFlag.FIN_ACKED);
    const acked = state === State.FIN_WAIT_2 || state === State.TIME_WAIT || state === State.CLOSED;
    if (acked) x.withdraw(side);
    if (state === State.TIME_WAIT && x.state(side) === State.FIN_WAIT_2) x.withdraw(side);
    // Nor had the other end's FIN reached it, or it would acknowledge it here.
    if (x.flag(peer, HalfFlag.FIN_SENT) && ((k.ack - pair[peer + Half.FIN_ACK]!) | 0) < 0) x.clearFlag(me, HalfFlag.FIN_RECEIVED);
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

>>>>>>> 4896f9a (A full accept queue ignores FINs as it does third ACKs, and takes the ACK of a later SYN-ACK)
/** RFC 5961: an empty ACK that says nothing new, straight after a RST or SYN of the other end that was not acceptable. */
function challengeAck(x: Context, k: Packet): void {
  if (k.payloadLength > 0 || (k.flags & Flag.ACK) === 0) return;
  if (!x.has(Trait.STRAY_SYN | Trait.HAS_RST)) return;
  const { pair, peer, me } = x;
  const stray = x.has(Trait.STRAY_SYN) && x.now - x.pairF[(x.p + Pair.STRAY_TIME) >> 1]! < NANOS_PER_SECOND;
  if (!stray && pair[peer + Half.RST] === 0) return;
  if (k.seq === pair[me + Half.NXT] && k.ack === pair[me + Half.LAST_ACK]) x.mark(Mark.CHALLENGE_ACK, 0);
}

/** An end that we had taken for closed is spoken to, or speaks. */
function wake(x: Context, k: Packet): void {
  const { pair, me, peer, side } = x;
  const other = 1 - side;
  if (x.state(other) === State.CLOSED && !orphanEnded(x, other)) x.reviveAssumed(other);
  if (x.state(side) === State.CLOSED) {
    x.reviveAssumed(side);
    // A FIN that came meanwhile is received now, if this segment acknowledges it.
    if (x.state(side) === State.FIN_WAIT_2) x.clearFlag(me, HalfFlag.FIN_RECEIVED);
  }
  if (x.state(side) !== State.CLOSED) return;
  const ref = x.lastTransition(side);
  if (ref === 0) return;
  // It died of the other end's RST, yet goes on later than the RST can have been under way: the RST was not accepted.
  const forged = pair[peer + Half.RST]! > 0 && !x.flag(me, HalfFlag.FIN_SENT) && k.payloadLength + (k.flags & Flag.FIN) > 0;
  if (forged && x.now - x.tables.events.time(ref) > 2 * crossing(x) && ((k.seq - pair[me + Half.NXT]!) | 0) >= 0) x.withdraw(side);
}

/** Only its own words prove that an orphan lives: what is sent to one that is gone meets a RST. */
function orphanEnded(x: Context, side: number): boolean {
  const ref = x.lastTransition(side);
  return ref !== 0 && eventFrom(x.tables.events.code(ref)) === State.FIN_WAIT_2;
}
<<<<<<< HEAD
=======

/** The first FIN or RST that counted closes the connection. */
function closedBy(x: Context): void {
  if (!x.has(Trait.CLOSED_BY_CLIENT | Trait.CLOSED_BY_SERVER)) x.set(x.side === 0 ? Trait.CLOSED_BY_CLIENT : Trait.CLOSED_BY_SERVER);
}

/** Silence before the first sign of the end. */
function noteQuiet(x: Context): void {
  const { pairF, p } = x;
  if (pairF[(p + Pair.QUIET) >> 1]! >= 0) return;
  const last = Math.max(pairF[(x.me + Half.LAST_DATA_TIME) >> 1]!, pairF[(x.peer + Half.LAST_DATA_TIME) >> 1]!);
  if (last >= 0) pairF[(p + Pair.QUIET) >> 1] = Math.max(0, x.now - last);
}

/** Since the sender of this segment left SYN_RCVD, nanoseconds. */
function sinceSynAcked(x: Context): number {
  const { events } = x.tables;
  let left = x.now;
  for (let ref = x.core[x.c + Core.HEAD]!; ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) !== EventKind.TRANSITION || eventSide(code) !== x.side) continue;
    if (eventFrom(code) === State.SYN_RCVD) left = events.time(ref);
  }
  return x.now - left;
}

const sinceState = (x: Context, side: number): number => x.now - x.pairF[(x.half(side) + Half.STATE_TIME) >> 1]!;
/** How long a repeat may have been under way while its answer passed here, nanoseconds. */
const crossing = (x: Context): number => Math.max(CROSSING_FLOOR, x.pair[x.p + Pair.RTT_MICROS]! * 1000);

/** Seconds until the SYN or SYN-ACK after the one just logged, by doubling the last interval. */
export function retryAfter(x: Context): number {
  const { events } = x.tables;
  let before = -1;
  let last = -1;
  for (let ref = x.core[x.c + Core.HEAD]!; ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventSide(code) !== x.side || !startsRetry(code)) continue;
    before = last;
    last = events.time(ref);
  }
  return before < 0 ? 1 : Math.max(1, (2 * (last - before)) / NANOS_PER_SECOND);
}

/** When the FIN after the ones logged would have come, nanoseconds; Infinity when it was sent but once. */
export function nextFinAt(x: Context): number {
  const { events } = x.tables;
  let before = -1;
  let last = -1;
  for (let ref = x.core[x.c + Core.HEAD]!; ref !== 0; ref = events.next(ref)) {
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
const SYN_AGAIN = markKind(Mark.SYN_AGAIN);
const SYN_ACK_AGAIN = markKind(Mark.SYN_ACK_AGAIN);

function startsRetry(code: number): boolean {
  const kind = eventKind(code);
  if (kind === EventKind.TRANSITION) return eventTo(code) === State.SYN_SENT || eventTo(code) === State.SYN_RCVD;
  return kind === SYN_AGAIN || kind === SYN_ACK_AGAIN;
}
>>>>>>> 4896f9a (A full accept queue ignores FINs as it does third ACKs, and takes the ACK of a later SYN-ACK)
