/**
 * Sequence space of one direction, counted on the hot path: what is new, sent again, out of order, or missing.
 *
 * Only counts: what each segment was (fast retransmission, tail-loss probe, duplicate ACK …) is told where a person asks
 * for one connection, in engine/segment-notes.ts. Holes: the newest one is remembered, all are summed; a segment that
 * fits the remembered hole was overtaken or resent after a loss before the capture point.
 */
import { Flag } from '../model/flags.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { noteAgain, noteGap, notePlain, noteZeroWindow } from './history.ts';
import { Half, HalfFlag, Trait } from './layout.ts';
import { Counter } from './time-series.ts';

/** An acknowledgment further ahead than any window (RFC 7323: 2^30) is not of this connection. */
const MAX_AHEAD = 1 << 30;

const COMPLETE_ACK = 4 << Trait.COMPLETENESS_SHIFT;
const COMPLETE_DATA = 8 << Trait.COMPLETENESS_SHIFT;

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
  if ((flags & (Flag.SYN | Flag.FIN | Flag.RST)) === 0) {
    notePlain(x, k);
    if (k.window === 0) {
      pair[me + Half.ZERO_WINDOWS] = pair[me + Half.ZERO_WINDOWS]! + 1;
      noteZeroWindow(x, pair[me + Half.ZERO_WINDOWS]!);
    }
  }
  if (payload > 0) {
    if ((flags & (Flag.ACK | Flag.SYN)) !== 0 && !x.has(COMPLETE_DATA)) x.set(COMPLETE_DATA);
    notePayload(x, k, payload);
  } else if ((flags & (Flag.SYN | Flag.ACK)) === Flag.ACK) {
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
  if ((flags & Flag.ACK) !== 0) {
    pair[me + Half.LAST_ACK] = k.ack;
    if ((flags & Flag.RST) === 0) acknowledge(x, k);
  }
  if ((flags & Flag.RST) === 0) noteWindowAndTtl(pair, me, k);
  pairF[(me + Half.LAST_TIME) >> 1] = x.now;
  if (payload > 0 && x.flag(peer, HalfFlag.FIN_SENT)) {
    pair[me + Half.AFTER_PEER_FIN] = Math.min(0x7fffffff, pair[me + Half.AFTER_PEER_FIN]! + payload);
  }
}

/** Window of this segment, and the span of its sender's TTLs. */
function noteWindowAndTtl(pair: Int32Array, me: number, k: Packet): void {
  const word = pair[me + Half.WINDOW_TTL]!;
  const ttl = k.ttl & 255;
  const low = (word >>> 16) & 255;
  const high = word >>> 24;
  if (high === 0) pair[me + Half.WINDOW_TTL] = k.window | (ttl << 16) | (ttl << 24);
  else pair[me + Half.WINDOW_TTL] = k.window | ((ttl < low ? ttl : low) << 16) | ((ttl > high ? ttl : high) << 24);
}

function notePayload(x: Context, k: Packet, payload: number): void {
  const { pair, pairF, me } = x;
  const at = k.payloadAt;
  const first = at < k.end ? k.view.getUint8(at) : 0;
  const isFirst = pairF[(me + Half.LAST_DATA_TIME) >> 1]! < 0;
  if (isFirst && first === TLS_HANDSHAKE && at + 1 < k.end && k.view.getUint8(at + 1) === 3) x.setFlag(me, HalfFlag.TLS);
  pair[me + Half.LAST_PAYLOAD] = Math.min(payload, 0xffffff) | (first << 24);
  pair[me + Half.LAST_DATA_FRAME] = x.frame;
  pairF[(me + Half.LAST_DATA_TIME) >> 1] = x.now;
}

function advance(x: Context, k: Packet, payload: number, length: number): void {
  const { pair, me } = x;
  const nxt = pair[me + Half.NXT]!;
  const end = (k.seq + length) | 0;
  const ahead = (k.seq - nxt) | 0;
  if (ahead >= 0) {
    if (ahead > 0) {
      if (ahead > MAX_AHEAD) return;
      pair[me + Half.MISSED] = pair[me + Half.MISSED]! + ahead;
      pair[me + Half.HOLE_FROM] = nxt;
      pair[me + Half.HOLE_TO] = k.seq;
    }
    pair[me + Half.NXT] = end;
    return;
  }
  const fresh = (end - nxt) | 0;
  if (payload > 0 && fresh <= 0) noteAgain(x);
  // A keep-alive repeats the octet before NXT (RFC 9293 §3.8.4); a probe of a zero window is no retransmission either.
  if (payload <= 1 && ahead === -1 && (k.flags & (Flag.SYN | Flag.FIN)) === 0) return;
  const hole = pair[me + Half.MISSED]!;
  if (hole > 0 && ((k.seq - pair[me + Half.HOLE_FROM]!) | 0) >= 0 && ((end - pair[me + Half.HOLE_TO]!) | 0) <= 0) {
    pair[me + Half.MISSED] = Math.max(0, hole - length);
    if (k.seq === pair[me + Half.HOLE_FROM]) pair[me + Half.HOLE_FROM] = end;
    else if (end === pair[me + Half.HOLE_TO]) pair[me + Half.HOLE_TO] = k.seq;
    pair[me + Half.OUT_OF_ORDER] = pair[me + Half.OUT_OF_ORDER]! + 1;
  } else if (payload > 0 && (pair[x.peer + Half.WINDOW_TTL]! & 0xffff) === 0 && x.flag(x.peer, HalfFlag.UNA_KNOWN)) {
    // tcptrace: what is sent into a closed window is a probe
  } else {
    pair[me + Half.RETRANSMISSIONS] = pair[me + Half.RETRANSMISSIONS]! + 1;
    x.tables.series.count(Counter.RETRANSMISSIONS);
  }
  if (fresh > 0) pair[me + Half.NXT] = end;
}

/** The acknowledgment moves the other end's UNA; octets that it covers and nobody saw were missed by the capture. */
function acknowledge(x: Context, k: Packet): void {
  const { pair, peer } = x;
  const una = pair[peer + Half.UNA]!;
  if ((pair[peer + Half.FLAGS]! & HalfFlag.UNA_KNOWN) === 0) {
    pair[peer + Half.UNA] = k.ack;
    x.setFlag(peer, HalfFlag.UNA_KNOWN);
  } else if (((k.ack - una) | 0) > 0) {
    pair[peer + Half.UNA] = k.ack;
    const hole = pair[peer + Half.HOLE_FROM]!;
    if (hole !== pair[peer + Half.HOLE_TO]! && ((hole - una) | 0) >= 0 && ((k.ack - hole) | 0) > 0) noteGap(x);
  }
  if ((pair[peer + Half.FLAGS]! & HalfFlag.NXT_KNOWN) === 0) {
    pair[peer + Half.NXT] = k.ack;
    x.setFlag(peer, HalfFlag.NXT_KNOWN);
    return;
  }
  const unseen = (k.ack - pair[peer + Half.NXT]!) | 0;
  // A SYN_SENT end answered by another connection's ACK (TIME_WAIT of an old incarnation) has sent nothing that it could cover.
  if (unseen <= 0 || unseen > MAX_AHEAD || x.state(1 - x.side) < 4) return;
  pair[peer + Half.MISSED] = pair[peer + Half.MISSED]! + unseen;
  noteGap(x);
  pair[peer + Half.NXT] = k.ack;
}
