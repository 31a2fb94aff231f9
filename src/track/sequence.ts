/**
 * Sequence space of one direction, counted on the hot path: what is new, sent again, overtaken, or missing; round trips,
 * octets in flight, sizes. What only unhealthy connections have (holes.ts, repairs.ts, probes.ts) is behind a comparison
 * that healthy segments fail, in a record that is made when it is first needed.
 *
 * The same questions are answered once more for each segment, where a person asks for one connection: engine/segment-notes.ts.
 */
import { Flag } from '../model/flags.ts';
import { Side } from '../model/state.ts';
import type { Packet } from '../decode/packet.ts';
import { takeBackFin } from './closing.ts';
import type { Context } from './context.ts';
import { noteAgain, noteGap, notePlain, noteZeroWindow } from './history.ts';
import { addGap, closeNewestHole, coverHoles, Fill, fillHoles, openHole } from './holes.ts';
import { Half, HalfFlag, Pair, Rare, SynOption, Trait, Trouble } from './layout.ts';
import { facesClosedWindow, probe, probeAnswered, windowFull, windowProbe, windowTurned } from './probes.ts';
import { mayCarrySack, repeatedAck, resent, selectiveAck } from './repairs.ts';
import { Counter } from './time-series.ts';
import { isTurn, noteTurn } from './turns.ts';
import { isBeyondWindow } from './window.ts';

/** An acknowledgment further ahead than any window (RFC 7323: 2^30) is not of this connection. */
const MAX_AHEAD = 1 << 30;

/** Shorter silences are not looked at: 1 s. */
export const IDLE_FLOOR = 1_000_000_000;
/** A SYN is not in the capture. */
const SHIFT_UNKNOWN = 255;
/** SYN, ACK, and the first request (or SYN-ACK and the first two answers). */
const MEASURED_FIRST = 3;

export const COMPLETE_ACK = 4 << Trait.COMPLETENESS_SHIFT;
export const COMPLETE_DATA = 8 << Trait.COMPLETENESS_SHIFT;

/** TLS record of type handshake (22), version 3.x (RFC 8446 §5.1). */
const TLS_HANDSHAKE = 22;

/**
 * Books sequence number, acknowledgment and window of a segment. SYN and FIN are counted into the sequence space by the
 * caller through `length` (payload + 1 for each).
 */
export function book(x: Context, k: Packet, length: number): void {
  const { pair, pairF, me, peer } = x;
  const payload = k.payloadLength;
  const flags = k.flags;
  noteIdle(x);
  if ((flags & (Flag.SYN | Flag.FIN | Flag.RST)) === 0) {
    notePlain(x, k);
    if (k.window === 0) {
      pair[me + Half.ZERO_WINDOWS] = pair[me + Half.ZERO_WINDOWS]! + 1;
      noteZeroWindow(x, pair[me + Half.ZERO_WINDOWS]!);
    }
  }
  // What this segment says about the ones before it.
  if ((pair[me + Half.FLAGS]! & (HalfFlag.DOUBT | HalfFlag.FAR)) !== 0) settle(x, k);
  const answers = (pair[peer + Half.FLAGS]! & HalfFlag.PROBING) !== 0;
  if (answers) probeAnswered(x);
  const hasSack = (flags & (Flag.SYN | Flag.ACK)) === Flag.ACK && k.headerLength >= 32 && mayCarrySack(k) && selectiveAck(x, k);

  if (payload > 0) {
    if (isTurn(x, pair, pairF, me, peer)) noteTurn(x, k);
    if ((flags & (Flag.ACK | Flag.SYN)) !== 0 && !x.has(COMPLETE_DATA)) x.set(COMPLETE_DATA);
  } else if ((flags & (Flag.SYN | Flag.ACK)) === Flag.ACK) {
    if ((flags & (Flag.FIN | Flag.RST)) === 0) {
      if (k.seq !== pair[me + Half.NXT]) oldAck(x, k);
      else if (k.ack === pair[me + Half.LAST_ACK] && !answers) repeatedAck(x, k, hasSack);
    }
    if (!x.has(COMPLETE_ACK)) x.set(COMPLETE_ACK);
  }
  if (length > 0) {
    if ((pair[me + Half.FLAGS]! & HalfFlag.NXT_KNOWN) === 0) {
      pair[me + Half.NXT] = (k.seq + length) | 0;
      x.setFlag(me, HalfFlag.NXT_KNOWN);
    } else {
      advance(x, k, payload, length);
    }
  } else if ((pair[me + Half.FLAGS]! & HalfFlag.NXT_KNOWN) === 0 && (flags & Flag.RST) === 0) {
    pair[me + Half.NXT] = k.seq;
    x.setFlag(me, HalfFlag.NXT_KNOWN);
  }
  if (payload > 0) {
    measure(x, payload);
    notePayload(x, k, pair, pairF, me);
  }
  if ((flags & Flag.ACK) !== 0) {
    pair[me + Half.LAST_ACK] = k.ack;
    if ((flags & Flag.RST) === 0) acknowledge(x, k);
  }
  if ((flags & Flag.RST) === 0) {
    if ((k.window === 0) !== ((pair[me + Half.WINDOW_TTL]! & 0xffff) === 0) && (flags & Flag.SYN) === 0) windowTurned(x, k);
    noteWindowAndTtl(pair, me, k);
  }
  pairF[(me + Half.LAST_TIME) >> 1] = x.now;
  if (payload > 0 && x.flag(peer, HalfFlag.FIN_SENT)) {
    pair[me + Half.AFTER_PEER_FIN] = Math.min(0x7fffffff, pair[me + Half.AFTER_PEER_FIN]! + payload);
  }
}

/** The longest silence of the connection, from IDLE_FLOOR up. */
function noteIdle(x: Context): void {
  const { pairF, me, peer } = x;
  const mine = pairF[(me + Half.LAST_TIME) >> 1]!;
  const theirs = pairF[(peer + Half.LAST_TIME) >> 1]!;
  const last = mine > theirs ? mine : theirs;
  const idle = x.now - last;
  if (idle < IDLE_FLOOR || last < 0) return;
  x.openRare();
  const { rare, rareF, r } = x;
  if (idle <= rareF[(r + Rare.IDLE) >> 1]!) return;
  rareF[(r + Rare.IDLE) >> 1] = idle;
  rareF[(r + Rare.IDLE_END) >> 1] = x.now;
  rare[r + Rare.IDLE_FRAME] = x.frame;
}

/** A pure ACK that is not at the end of what its sender has sent: a probe, or an ACK that was overtaken. */
function oldAck(x: Context, k: Packet): void {
  const { pair, me } = x;
  if ((pair[me + Half.FLAGS]! & (HalfFlag.NXT_KNOWN | HalfFlag.FIN_SENT)) !== HalfFlag.NXT_KNOWN) return;
  const before = (k.seq + 1) | 0;
  if (before === pair[me + Half.NXT] || (before === pair[me + Half.UNA] && facesClosedWindow(x))) probe(x);
}

/**
 * Sizes, what is in flight, and whether it fills the other end's window. The words that hold the maxima and the shift are cold: they
 * are looked at only when a segment is larger than the one before, more is in flight than the greatest power of four so far, or the
 * window might be full.
 */
function measure(x: Context, payload: number): void {
  const { pair, me, peer } = x;
  noteSize(pair, me, payload);
  if ((pair[me + Half.FLAGS]! & HalfFlag.UNA_KNOWN) === 0) return;
  const inFlight = (pair[me + Half.NXT]! - pair[me + Half.UNA]!) | 0;
  noteInFlight(pair, me, payload, inFlight);
  const window = pair[peer + Half.WINDOW_TTL]! & 0xffff;
  if (!mayFillWindow(inFlight, window)) return;
  const shift = windowShift(x);
  if (shift !== SHIFT_UNKNOWN && inFlight === window << shift) windowFull(x);
  else if (payload === 1 && window === 0 && facesClosedWindow(x)) windowProbe(x);
}

export function noteSize(pair: Int32Array, me: number, payload: number): void {
  if (payload > (pair[me + Half.LAST_PAYLOAD]! & 0xffffff) && payload > pair[me + Half.LARGEST]!) pair[me + Half.LARGEST] = payload;
}

/** Is `inFlight` the window times a power of two, as it is when it fills a window of any shift? */
export function mayFillWindow(inFlight: number, window: number): boolean {
  return inFlight >= window && (window === 0 || window << (Math.clz32(window) - Math.clz32(inFlight)) === inFlight);
}

export function noteInFlight(pair: Int32Array, me: number, payload: number, inFlight: number): void {
  const flags = pair[me + Half.FLAGS]!;
  if (inFlight <= payload || inFlight >> (2 * (flags >>> HalfFlag.IN_FLIGHT_SHIFT)) <= 0) return;
  if (inFlight <= pair[me + Half.MAX_IN_FLIGHT]!) return;
  pair[me + Half.MAX_IN_FLIGHT] = inFlight;
  const log4 = (31 - Math.clz32(inFlight)) >> 1;
  const rest = flags & ((1 << HalfFlag.IN_FLIGHT_SHIFT) - 1);
  pair[me + Half.FLAGS] = rest | (log4 << HalfFlag.IN_FLIGHT_SHIFT);
}

/** The other end's window shift, from the options of both SYNs (RFC 7323 §2.2). */
function windowShift(x: Context): number {
  const mine = x.options(x.side);
  const theirs = x.options(1 - x.side);
  const scale = (word: number): number => (word >>> SynOption.SCALE_SHIFT) & 15;
  const seen = (mine & theirs & SynOption.SEEN) !== 0;
  const scaled = scale(mine) !== SynOption.NO_SCALE && scale(theirs) !== SynOption.NO_SCALE;
  return !seen ? SHIFT_UNKNOWN : scaled ? scale(theirs) : 0;
}

/** Window of this segment, and the span of its sender's TTLs. */
export function noteWindowAndTtl(pair: Int32Array, me: number, k: Packet): void {
  const word = pair[me + Half.WINDOW_TTL]!;
  const ttl = k.ttl & 255;
  const low = (word >>> 16) & 255;
  const high = word >>> 24;
  if (high === 0) pair[me + Half.WINDOW_TTL] = k.window | (ttl << 16) | (ttl << 24);
  else pair[me + Half.WINDOW_TTL] = k.window | ((ttl < low ? ttl : low) << 16) | ((ttl > high ? ttl : high) << 24);
}

/** `x` need not stand at the connection, unless these are the end's first words. */
export function notePayload(x: Context, k: Packet, pair: Int32Array, pairF: Float64Array, me: number): void {
  const payload = k.payloadLength;
  const at = k.payloadAt;
  const first = at < k.end ? k.view.getUint8(at) : 0;
  const isFirst = pairF[(me + Half.LAST_DATA_TIME) >> 1]! < 0;
  if (isFirst && first === TLS_HANDSHAKE && at + 1 < k.end && k.view.getUint8(at + 1) === 3) {
    x.setFlag(me, HalfFlag.TLS);
    if (x.side === Side.CLIENT) {
      pair[x.p + Pair.HELLO_FRAME] = x.frame;
      x.tables.names.hello(k, x.frame);
    }
  }
  pair[me + Half.LAST_PAYLOAD] = (payload < 0xffffff ? payload : 0xffffff) | (first << 24);
  pair[me + Half.LAST_DATA_FRAME] = x.frame;
  pairF[(me + Half.LAST_DATA_TIME) >> 1] = x.now;
}

function advance(x: Context, k: Packet, payload: number, length: number): void {
  const { pair, pairF, me } = x;
  const nxt = pair[me + Half.NXT]!;
  const end = (k.seq + length) | 0;
  const ahead = (k.seq - nxt) | 0;
  if (ahead >= 0) {
    pair[me + Half.NXT] = end;
    if (ahead > 0) {
      if (ahead > MAX_AHEAD) pair[me + Half.NXT] = nxt;
      else skipped(x, k, nxt);
    } else if (payload > 0) startMeasurement(x, pair, pairF, me);
    return;
  }
  if (payload > 0 && ((end - nxt) | 0) <= 0) noteAgain(x);
  repeated(x, k, payload, end);
  if (((end - nxt) | 0) > 0) pair[me + Half.NXT] = end;
}

/** Round trips are measured of the first segments of an end, and of its every eighth: the words for it are cold. One at a time. */
export function startMeasurement(x: Context, pair: Int32Array, pairF: Float64Array, me: number): void {
  const packets = pair[me + Half.PACKETS]!;
  if ((packets > MEASURED_FIRST && (packets & 7) !== 0) || (pair[me + Half.FLAGS]! & HalfFlag.TIMING) !== 0) return;
  pair[me + Half.FLAGS] = pair[me + Half.FLAGS]! | HalfFlag.TIMING;
  pair[me + Half.RTT_END] = pair[me + Half.NXT]!;
  pairF[(me + Half.RTT_TIME) >> 1] = x.now;
}

function skipped(x: Context, k: Packet, nxt: number): void {
  x.clearFlag(x.me, HalfFlag.TIMING);
  if (isBeyondWindow(x, k)) {
    x.setFlag(x.me, HalfFlag.FAR);
    x.openTrouble();
    x.trouble[x.troubleMe + Trouble.DOUBT_FROM] = nxt;
  }
  openHole(x, k, nxt);
}

/** Old sequence numbers: a probe, an overtaken segment, or one that was sent again. */
function repeated(x: Context, k: Packet, payload: number, end: number): void {
  const { pair, me } = x;
  const control = (k.flags & (Flag.SYN | Flag.FIN)) !== 0;
  if (payload <= 1 && !control && ((pair[me + Half.NXT]! - k.seq) | 0) === 1) {
    probe(x); // RFC 9293 §3.8.4
    return;
  }
  const fill = fillHoles(x, k, end);
  if (fill === Fill.OVERTAKEN) {
    x.trouble[x.troubleMe + Trouble.OUT_OF_ORDER] = x.trouble[x.troubleMe + Trouble.OUT_OF_ORDER]! + 1;
    return;
  }
  if (fill === Fill.NONE && payload > 0 && facesClosedWindow(x)) {
    windowProbe(x); // as tcptrace has it: no retransmission
    return;
  }
  resent(x, k, end, fill !== Fill.NONE);
  x.tables.series.count(Counter.RETRANSMISSIONS);
}

/** The acknowledgment moves the other end's UNA, ends the measurement of a round trip, and tells of what never passed here. */
function acknowledge(x: Context, k: Packet): void {
  const { pair, pairF, peer } = x;
  const flags = pair[peer + Half.FLAGS]!;
  if ((flags & HalfFlag.UNA_KNOWN) === 0) {
    pair[peer + Half.UNA] = k.ack;
    x.setFlag(peer, HalfFlag.UNA_KNOWN);
  } else if (((k.ack - pair[peer + Half.UNA]!) | 0) > 0) {
    pair[peer + Half.UNA] = k.ack;
  }
  if ((flags & HalfFlag.TIMING) !== 0 && ((k.ack - pair[peer + Half.RTT_END]!) | 0) >= 0) noteRoundTrip(x, pair, pairF, peer);
  if ((flags & HalfFlag.NXT_KNOWN) === 0) {
    pair[peer + Half.NXT] = k.ack;
    x.setFlag(peer, HalfFlag.NXT_KNOWN);
    return;
  }
  if ((flags & HalfFlag.HOLES) !== 0 && coverHoles(x, k.ack)) noteGap(x);
  const unseen = (k.ack - pair[peer + Half.NXT]!) | 0;
  // A SYN_SENT end answered by another connection's ACK (TIME_WAIT of an old incarnation) has sent nothing that it could cover.
  if (unseen <= 0 || unseen > MAX_AHEAD || x.state(1 - x.side) < 4) return;
  acknowledgedUnseen(x, k);
  noteGap(x);
}

/** The segment whose acknowledgment was waited for is acknowledged. */
export function noteRoundTrip(x: Context, pair: Int32Array, pairF: Float64Array, half: number): void {
  pair[half + Half.FLAGS] = pair[half + Half.FLAGS]! & ~HalfFlag.TIMING;
  const ns = x.now - pairF[(half + Half.RTT_TIME) >> 1]!;
  if (ns < 0) return; // the capture's clock stepped back
  const micros = Math.min(0x7fffffff, Math.max(1, Math.round(ns / 1000)));
  const n = pair[half + Half.RTT_COUNT]!;
  pair[half + Half.RTT_COUNT] = n + 1;
  pairF[(half + Half.RTT_SUM) >> 1] = pairF[(half + Half.RTT_SUM) >> 1]! + ns;
  if (n === 0 || micros < pair[half + Half.RTT_MIN]!) pair[half + Half.RTT_MIN] = micros;
  if (micros > pair[half + Half.RTT_MAX]!) pair[half + Half.RTT_MAX] = micros;
}

/**
 * More is acknowledged than the other end was seen to send. The capture may lack that; or the ACK is of an older connection, or
 * forged, or passed here before the data. What the other end sends next tells (`settleDoubt`); until then the ACK is believed.
 */
function acknowledgedUnseen(x: Context, k: Packet): void {
  const { pair, peer } = x;
  x.openTrouble();
  x.trouble[x.troubleMe + Trouble.UNSEEN_ACKS] = x.trouble[x.troubleMe + Trouble.UNSEEN_ACKS]! + 1;
  if (!x.flag(peer, HalfFlag.DOUBT)) x.trouble[x.troublePeer + Trouble.DOUBT_FROM] = pair[peer + Half.NXT]!;
  x.setFlag(peer, HalfFlag.DOUBT);
  x.clearFlag(peer, HalfFlag.TIMING);
  pair[peer + Half.NXT] = k.ack;
}

function settle(x: Context, k: Packet): void {
  if (x.flag(x.me, HalfFlag.FAR)) settleFar(x, k);
  else settleDoubt(x, k);
}

/**
 * After a segment beyond the window: the capture had missed what lies between, or the sender goes on where it had stopped. Then the
 * segment was not its own (forged, or of an older connection), and its receiver threw it away (RFC 9293 §3.10.7.4 first).
 */
function settleFar(x: Context, k: Packet): void {
  x.clearFlag(x.me, HalfFlag.FAR);
  x.openTrouble();
  const from = x.trouble[x.troubleMe + Trouble.DOUBT_FROM]!;
  if (k.seq !== from || (k.flags & Flag.RST) !== 0) return;
  x.pair[x.me + Half.NXT] = from;
  closeNewestHole(x, from);
  takeBackFin(x);
}

/** The first words of an end after an acknowledgment of more than it was seen to send. */
function settleDoubt(x: Context, k: Packet): void {
  const { pair, me } = x;
  x.openTrouble();
  const from = x.trouble[x.troubleMe + Trouble.DOUBT_FROM]!;
  const nxt = pair[me + Half.NXT]!;
  const behind = ((k.seq - nxt) | 0) < 0;
  const says = k.payloadLength > 0 || (k.flags & (Flag.SYN | Flag.FIN)) !== 0;
  if (behind && says && k.seq !== from && ((k.seq - from) | 0) < 0) return; // older data again: says nothing of what came after it
  x.clearFlag(me, HalfFlag.DOUBT);
  if (((nxt - from) | 0) <= 0) return; // a handshake began the numbers anew
  if ((k.flags & (Flag.RST | Flag.ACK)) === Flag.RST) return; // "no such connection": the ACK was not of this one
  if (behind && (!says || k.seq === from)) {
    // It goes on where we had seen it stop (a challenge ACK, or the data itself): the acknowledged octets were never sent before.
    pair[me + Half.NXT] = from;
    if (((pair[me + Half.UNA]! - from) | 0) > 0) pair[me + Half.UNA] = from;
    return;
  }
  addGap(x, x.troubleMe, from, nxt);
}
