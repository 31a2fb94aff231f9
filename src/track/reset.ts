/**
 * RST: whether the other end's socket dies of it (RFC 9293 §3.10.7, RFC 5961 §3.2, linux tcp_validate_incoming), what it
 * says of its sender, and its fingerprint for the rules.
 */
import { Mark, type RstFacts } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import { decodeTcpOptions } from '../decode/transport/tcp-options.ts';
import type { Context } from './context.ts';
import { Half, HalfFlag, SynOption, Trait } from './layout.ts';
import { Counter } from './time-series.ts';
import { Cause } from './transitions.ts';
import { offeredWindow } from './window.ts';

/** Bits of a RST mark's detail; TTL above. `rstFacts` reads them. */
export const RstBit = {
  HAS_ACK: 1 << 0,
  WINDOW_ZERO: 1 << 1,
  IP_ID_ZERO: 1 << 2,
  HAS_TIMESTAMP: 1 << 3,
  LACKS_TIMESTAMP: 1 << 4,
  TTL_DIFFERS: 1 << 5,
  SEQ_EXACT: 1 << 6,
  SEQ_IN_WINDOW: 1 << 7,
  ANSWERS_LAST: 1 << 8,
  ACCEPTED: 1 << 9,
  AFTER_OWN_FIN: 1 << 10,
  AFTER_PEER_FIN: 1 << 11,
  REFUSES_SYN: 1 << 12,
  PEER_SILENT: 1 << 13,
  STEPPED: 1 << 14,
  AFTER_SILENCE: 1 << 15,
  TTL_SHIFT: 16,
} as const;

/** Windows are at most 2^30 (RFC 7323); without the scale, 2^16 times 2^14. */
const MAX_WINDOW = 1 << 30;
/** A peer that has not answered for so long is gone: delayed ACKs take 0.5 s at most (RFC 1122 §4.2.3.2). */
const SILENCE = NANOS_PER_SECOND;

export function reset(x: Context, k: Packet): void {
  const { pair, me, peer } = x;
  x.tables.series.count(Counter.RST);
  x.set(Trait.HAS_RST);
  const peerState = x.state(1 - x.side);
  const mine = x.state(x.side);
  const hasAck = (k.flags & Flag.ACK) !== 0;
  const refuses = peerState === State.SYN_SENT && (mine === State.CLOSED || mine === State.LISTEN) && hasAck && acksSyn(x, k);

  // Behind a RST that was accepted, stray segments are answered with all kinds of sequence numbers.
  const known =
    x.flag(me, HalfFlag.NXT_KNOWN) && !(x.flag(me, HalfFlag.SENT_RST) && (peerState === State.CLOSED || peerState === State.TIME_WAIT));
  const fromNxt = (k.seq - pair[me + Half.NXT]!) | 0;
  const peerAck = pair[peer + Half.LAST_ACK]!;
  const answersLast = !hasAck && k.seq === peerAck && pair[peer + Half.PACKETS]! > 0;
  const exact = !known || fromNxt === 0;
  const inWindow = known && fromNxt !== 0 && fromNxt > -MAX_WINDOW && fromNxt < offeredWindow(x);
  const accepted = accepts(x, k, peerState, refuses);

  let detail = (k.ttl & 255) << RstBit.TTL_SHIFT;
  if (hasAck) detail |= RstBit.HAS_ACK;
  if (k.window === 0) detail |= RstBit.WINDOW_ZERO;
  if (k.ipVersion === 4 && k.ipId === 0) detail |= RstBit.IP_ID_ZERO;
  decodeTcpOptions(k);
  if (k.options.hasTimestamp) detail |= RstBit.HAS_TIMESTAMP;
  else if (k.options.complete && negotiatedTimestamps(x)) detail |= RstBit.LACKS_TIMESTAMP;
  const ttls = pair[me + Half.WINDOW_TTL]!;
  if (ttls >>> 24 !== 0 && (k.ttl < ((ttls >>> 16) & 255) || k.ttl > ttls >>> 24)) detail |= RstBit.TTL_DIFFERS;
  if (exact) detail |= RstBit.SEQ_EXACT;
  if (inWindow) detail |= RstBit.SEQ_IN_WINDOW;
  if (answersLast) detail |= RstBit.ANSWERS_LAST;
  if (accepted) detail |= RstBit.ACCEPTED;
  if (x.flag(me, HalfFlag.FIN_SENT)) detail |= RstBit.AFTER_OWN_FIN;
  if (x.flag(peer, HalfFlag.FIN_SENT)) detail |= RstBit.AFTER_PEER_FIN;
  if (refuses) detail |= RstBit.REFUSES_SYN;
  if (peerSilent(x)) detail |= RstBit.PEER_SILENT;
  if (afterSilence(x)) detail |= RstBit.AFTER_SILENCE;
  if (pair[me + Half.RST]! > 1 && ((k.seq - pair[me + Half.RST_SEQ]!) | 0) > 1 && fromNxt > 1) detail |= RstBit.STEPPED;
  x.mark(Mark.RST, detail);

  if (pair[me + Half.FIRST_RST] === 0) pair[me + Half.FIRST_RST] = x.frame;
  pair[me + Half.RST_SEQ] = k.seq;
  if (refuses) x.set(Trait.REFUSED);

  sender(x, k, mine, hasAck);
  if (accepted) x.step(1 - x.side, Cause.RECEIVES_RST);
}

/** This end spoke long after the other end's last segment, and waited in vain: probes, or data sent again and again. */
function peerSilent(x: Context): boolean {
  const mine = x.pairF[(x.me + Half.LAST_TIME) >> 1]!;
  const theirs = x.pairF[(x.peer + Half.LAST_TIME) >> 1]!;
  return theirs >= 0 && mine - theirs >= SILENCE && x.now - mine >= SILENCE / 2;
}

/** The other end spoke, and this end had not for long. */
function afterSilence(x: Context): boolean {
  const mine = x.pairF[(x.me + Half.LAST_TIME) >> 1]!;
  return mine >= 0 && x.now - mine >= SILENCE && x.pairF[(x.peer + Half.LAST_TIME) >> 1]! > mine;
}

const negotiatedTimestamps = (x: Context): boolean => (x.options(0) & x.options(1) & SynOption.TIMESTAMPS) !== 0;

/** Does it acknowledge the other end's SYN, and no more than was sent? */
const acksSyn = (x: Context, k: Packet): boolean =>
  ((k.ack - x.iss(1 - x.side)) | 0) > 0 && ((k.ack - x.pair[x.peer + Half.NXT]!) | 0) <= 0;

function accepts(x: Context, k: Packet, peerState: number, refuses: boolean): boolean {
  const { pair, me, peer } = x;
  switch (peerState) {
    case State.CLOSED:
    case State.LISTEN:
      return false;
    case State.SYN_SENT:
      return refuses; // 3.10.7.3 second: only with an ACK of our SYN
    case State.SYN_RCVD: {
      // linux tcp_check_req: anywhere in the window; a bare answer to the SYN-ACK carries its ACK number
      const ahead = (k.seq - pair[peer + Half.LAST_ACK]!) | 0;
      return ahead >= 0 && ahead <= offeredWindow(x);
    }
    default: {
      if (!x.flag(me, HalfFlag.NXT_KNOWN)) return true;
      // rcv_nxt of the other end lies between what it acknowledged and what passed here
      const beyond = (k.seq - pair[me + Half.NXT]!) | 0;
      if (beyond === 0) return true;
      if (peerState === State.TIME_WAIT) return false;
      if (x.flag(me, HalfFlag.FIN_SENT) && beyond === -1) return true; // linux: rcv_nxt - 1 straight after a FIN
      return beyond < 0 && x.flag(me, HalfFlag.UNA_KNOWN) && ((k.seq - pair[peer + Half.LAST_ACK]!) | 0) >= 0;
    }
  }
}

/** What its own RST says of the sender. */
function sender(x: Context, k: Packet, mine: number, hasAck: boolean): void {
  const { pair, me, peer } = x;
  x.setFlag(me, HalfFlag.SENT_RST);
  if (mine === State.SYN_SENT) {
    // Answers an ACK that is not for its SYN (TIME_WAIT at the other end): the SYN goes on (3.10.7.3 first).
    if (!hasAck && k.seq === pair[peer + Half.LAST_ACK] && ((k.seq - 1 - x.iss(x.side)) | 0) !== 0) {
      x.clearFlag(me, HalfFlag.SENT_RST);
      return;
    }
  } else if (mine === State.ESTABLISHED && !hasAck && !x.flag(me, HalfFlag.ACK_SEEN) && x.side === 0 && x.has(Trait.SAW_SYN_ACK)) {
    // A bare RST straight after the SYN-ACK: there was no socket any more that could become ESTABLISHED.
    x.withdraw(x.side);
  }
  // A RST of a live socket acknowledges all that it received: where the FIN is missing, the two crossed.
  const crossed =
    hasAck && x.flag(peer, HalfFlag.FIN_SENT) && !x.flag(peer, HalfFlag.FIN_ACKED) && ((k.ack - pair[peer + Half.FIN_ACK]!) | 0) < 0;
  if (crossed && x.state(x.side) === State.CLOSE_WAIT) x.withdraw(x.side);
  x.step(x.side, Cause.SENDS_RST);
}

/** An ACK that repeats what was acknowledged may be a copy that was under way when the RST passed, but not for long. */
function saysMore(x: Context, k: Packet): boolean {
  const { pair, pairF, me, peer } = x;
  if (k.payloadLength > 0 || (k.flags & Flag.FIN) !== 0) return true;
  if ((k.flags & Flag.ACK) !== 0 && ((k.ack - pair[peer + Half.UNA]!) | 0) > 0) return true;
  return x.now - pairF[(me + Half.LAST_TIME) >> 1]! > SILENCE;
}

/**
 * A segment from an end whose RST was seen before: a kernel that resets has no socket left to send from, so the RST was
 * not its own (or this segment was overtaken by it).
 */
export function sentAfterReset(x: Context, k: Packet): void {
  const { pair, me } = x;
  const resetAt = pair[me + Half.RST_SEQ]!;
  const nxt = pair[me + Half.NXT]!;
  // A forged RST may lie anywhere; what was sent before ours can only lie before our next octet.
  const progress = (k.seq + k.payloadLength - (((resetAt - nxt) | 0) > 0 ? nxt : resetAt)) | 0;
  if (progress < 0 || !saysMore(x, k)) return;
  x.mark(Mark.SENT_AFTER_RST, k.payloadLength);
  x.clearFlag(me, HalfFlag.SENT_RST);
  if (x.state(x.side) === State.CLOSED) {
    const ref = x.lastTransition(x.side);
    if (ref !== 0) x.withdraw(x.side);
  }
}

/** What a RST mark's detail says. */
export function rstFacts(d: number): RstFacts {
  const bit = (b: number): boolean => (d & b) !== 0;
  return {
    hasAck: bit(RstBit.HAS_ACK),
    windowZero: bit(RstBit.WINDOW_ZERO),
    ipIdZero: bit(RstBit.IP_ID_ZERO),
    hasTimestamp: bit(RstBit.HAS_TIMESTAMP),
    lacksNegotiatedTimestamp: bit(RstBit.LACKS_TIMESTAMP),
    ttlDiffers: bit(RstBit.TTL_DIFFERS),
    ttl: (d >>> RstBit.TTL_SHIFT) & 255,
    seqExact: bit(RstBit.SEQ_EXACT),
    seqInWindow: bit(RstBit.SEQ_IN_WINDOW),
    answersLastSegment: bit(RstBit.ANSWERS_LAST),
    accepted: bit(RstBit.ACCEPTED),
    afterOwnFin: bit(RstBit.AFTER_OWN_FIN),
    afterPeerFin: bit(RstBit.AFTER_PEER_FIN),
    refusesSyn: bit(RstBit.REFUSES_SYN),
    peerSilent: bit(RstBit.PEER_SILENT),
    stepped: bit(RstBit.STEPPED),
    afterSilence: bit(RstBit.AFTER_SILENCE),
  };
}
