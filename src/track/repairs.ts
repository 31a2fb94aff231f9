/**
 * Why segments were sent again: what the receiver reported (duplicate ACKs, SACK, D-SACK), and which of the sender's
 * reactions a repeat was. Rare: nothing here runs for a connection without loss.
 *
 * Read first: RFC 6675 (recovery with SACK), RFC 8985 §7 (tail loss probe), RFC 6298 §5 (retransmission timer), RFC 2883 (D-SACK).
 */
import { decodeTcpOptions } from '../decode/transport/tcp-options.ts';
import type { Packet } from '../decode/packet.ts';
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Context } from './context.ts';
import { roundTrip } from './holes.ts';
import { Half, HalfFlag, Pair, SynOption, Trait, Trouble } from './layout.ts';

/** Trouble.LAST_KIND. */
const Kind = { NONE: 0, FAST: 1, TIMEOUT: 2, TAIL_PROBE: 3 } as const;
type Kind = (typeof Kind)[keyof typeof Kind];
/** Trouble.REPAIR: why the sender repeats what it has in flight. */
const Repair = { NONE: 0, REPORTED: 1, TIMED_OUT: 2 } as const;

/** Duplicates that count as a report of loss where there is no SACK (RFC 5681 §3.2). */
const DUP_ACK_THRESHOLD = 3;
/**
 * A repeat later than a round trip and this after the last ACK does not answer that ACK: 150 ms, between a quarter of a round trip
 * (RACK's reordering window, RFC 8985 §6.2) and the 200 ms that Linux's retransmission timer adds to the round trip (TCP_RTO_MIN).
 */
const REPORT_FADES = 150_000_000;
/** Linux's TCP_RTO_MIN, 200 ms; Windows and RFC 6298 wait longer. */
const MIN_RTO = 200_000_000;
/** Linux's TCP_RTO_MAX, 120 s, nanoseconds. */
const MAX_RTO = 120 * NANOS_PER_SECOND;
/** A timer that doubles is a retransmission timer; one that stays was the probe's, then the timer's (RFC 8985 §7.3). */
const DOUBLED = 1.6;
/** Payload that fits the smallest MTU of IPv6 (1,280, RFC 8200 §5) with options; what is larger may be too large for a path. */
const LARGE = 1_200;

/** NOP, NOP, Timestamps: what segments carry that negotiated them (RFC 7323 appendix A). */
const NOP_NOP_TIMESTAMPS = 0x0101080a;
const WITH_TIMESTAMPS = 32;

/** May the segment carry SACK? A header as long as that of a segment with timestamps alone is looked into. */
export function mayCarrySack(k: Packet): boolean {
  if (k.headerLength !== WITH_TIMESTAMPS) return k.headerLength > WITH_TIMESTAMPS;
  const options = k.transportAt + 20;
  return options + 4 <= k.end && k.view.getInt32(options) !== NOP_NOP_TIMESTAMPS;
}

/** Books the SACK blocks of a segment of `me`. Returns whether there are any. */
export function selectiveAck(x: Context, k: Packet): boolean {
  decodeTcpOptions(k);
  const { sack, sackBlocks, sackCut } = k.options;
  if (sackBlocks === 0 && !sackCut) return false;
  x.openTrouble();
  x.trouble[x.troubleMe + Trouble.SACKS] = x.trouble[x.troubleMe + Trouble.SACKS]! + 1;
  if (sackCut) {
    reported(x); // a D-SACK would be rarer
    return true;
  }
  const from = sack[0]!;
  const to = sack[1]!;
  const below = ((to - k.ack) | 0) <= 0;
  const inside = sackBlocks > 1 && ((from - sack[2]!) | 0) >= 0 && ((to - sack[3]!) | 0) <= 0;
  if (below || inside) {
    x.trouble[x.troubleMe + Trouble.DSACKS] = x.trouble[x.troubleMe + Trouble.DSACKS]! + 1;
    receivedTwice(x, from, to);
    if (sackBlocks > 1) reported(x);
  } else {
    reported(x);
  }
  return true;
}

/** A pure ACK of `me` that acknowledges what the one before did: a duplicate if the other end waits for more (RFC 5681 §2). */
export function repeatedAck(x: Context, k: Packet, hasSack: boolean): void {
  const { pair, me, peer } = x;
  if (((pair[peer + Half.NXT]! - k.ack) | 0) <= 0) return;
  if (k.window !== (pair[me + Half.WINDOW_TTL]! & 0xffff) && !hasSack) return; // a window update
  if (k.window === 0) return;
  x.openTrouble();
  const { trouble, troubleMe } = x;
  trouble[troubleMe + Trouble.DUP_ACKS] = trouble[troubleMe + Trouble.DUP_ACKS]! + 1;
  const run = trouble[troubleMe + Trouble.DUP_ACK] === k.ack ? trouble[troubleMe + Trouble.DUP_RUN]! + 1 : 1;
  trouble[troubleMe + Trouble.DUP_ACK] = k.ack;
  trouble[troubleMe + Trouble.DUP_RUN] = run;
  if (run >= DUP_ACK_THRESHOLD) reported(x);
  const lead = x.tables.refusedTimestamps.lead(x, k, true);
  if (lead === 0) return;
  x.takenForOld();
  x.mark(Mark.OLD_TIMESTAMP, lead);
}

/** The data of `peer` has holes, and it is told so. */
function reported(x: Context): void {
  const { pair, peer, trouble, troublePeer } = x;
  if (repairOf(x, peer, troublePeer) === Repair.TIMED_OUT) return;
  trouble[troublePeer + Trouble.REPAIR] = Repair.REPORTED;
  trouble[troublePeer + Trouble.RECOVER] = pair[peer + Half.NXT]!;
}

function repairOf(x: Context, half: number, troubleHalf: number): number {
  const { pair, trouble } = x;
  const repair = trouble[troubleHalf + Trouble.REPAIR]!;
  if (repair === Repair.NONE || ((pair[half + Half.UNA]! - trouble[troubleHalf + Trouble.RECOVER]!) | 0) < 0) return repair;
  trouble[troubleHalf + Trouble.REPAIR] = Repair.NONE;
  return Repair.NONE;
}

/** A D-SACK: one repeat of `peer` was for nothing. Without a repeat that it can mean, the network made the copy. */
function receivedTwice(x: Context, from: number, to: number): void {
  const { pair, peer, trouble, troublePeer } = x;
  if (trouble[troublePeer + Trouble.EXPECTED_DSACKS]! > 0) {
    trouble[troublePeer + Trouble.EXPECTED_DSACKS] = trouble[troublePeer + Trouble.EXPECTED_DSACKS]! - 1;
    return;
  }
  if (trouble[troublePeer + Trouble.SPURIOUS]! >= pair[peer + Half.RETRANSMISSIONS]!) return;
  trouble[troublePeer + Trouble.SPURIOUS] = trouble[troublePeer + Trouble.SPURIOUS]! + 1;
  const seq = trouble[troublePeer + Trouble.LAST_SEQ]!;
  const last = ((seq - from) | 0) >= 0 && ((to - seq) | 0) > 0 ? trouble[troublePeer + Trouble.LAST_KIND]! : Kind.NONE;
  const fast = trouble[troublePeer + Trouble.FAST]!;
  const probes = trouble[troublePeer + Trouble.TAIL_PROBES]!;
  if (probes > 0 && last === Kind.TAIL_PROBE) trouble[troublePeer + Trouble.TAIL_PROBES] = probes - 1;
  else if (fast > 0 && last !== Kind.TIMEOUT) trouble[troublePeer + Trouble.FAST] = fast - 1;
  if (last !== Kind.NONE) trouble[troublePeer + Trouble.LAST_KIND] = Kind.NONE;
}

/** The segment [k.seq, end) of `me` was sent before; `fills`: it was lost before it came here, and is sent again. */
export function resent(x: Context, k: Packet, end: number, fills: boolean): void {
  const { pair, me } = x;
  pair[me + Half.RETRANSMISSIONS] = pair[me + Half.RETRANSMISSIONS]! + 1;
  x.clearFlag(me, HalfFlag.TIMING); // Karn: its acknowledgment may answer either copy
  if ((k.flags & Flag.SYN) !== 0) return; // only ever after a timeout, and before there is a round trip to measure by
  x.openTrouble();
  x.tables.refusedTimestamps.suspect(x, k);
  const { trouble, troubleF, troubleMe } = x;
  const wait = x.now - sentBefore(x);
  const known = (pair[me + Half.FLAGS]! & HalfFlag.UNA_KNOWN) !== 0;
  const acked = known && ((end - pair[me + Half.UNA]!) | 0) <= 0;
  if (acked || isCopy(x, end, fills, wait)) {
    trouble[troubleMe + Trouble.SPURIOUS] = trouble[troubleMe + Trouble.SPURIOUS]! + 1;
    trouble[troubleMe + Trouble.EXPECTED_DSACKS] = trouble[troubleMe + Trouble.EXPECTED_DSACKS]! + 1;
    trouble[troubleMe + Trouble.LAST_KIND] = Kind.NONE;
    if (trouble[troubleMe + Trouble.LAST_UNA] !== pair[me + Half.UNA]) trouble[troubleMe + Trouble.VAIN_RUN] = 0;
  } else {
    const kind = kindOf(x, k, end, wait);
    if (fills) trouble[troubleMe + Trouble.FILLS] = trouble[troubleMe + Trouble.FILLS]! + 1;
    noteInVain(x);
    awaitNext(x, wait);
    if (kind === Kind.FAST) trouble[troubleMe + Trouble.FAST] = trouble[troubleMe + Trouble.FAST]! + 1;
    if (kind === Kind.TAIL_PROBE) trouble[troubleMe + Trouble.TAIL_PROBES] = trouble[troubleMe + Trouble.TAIL_PROBES]! + 1;
    trouble[troubleMe + Trouble.LAST_KIND] = kind;
  }
  if (trouble[troubleMe + Trouble.FIRST_FRAME] === 0) {
    trouble[troubleMe + Trouble.FIRST_FRAME] = x.frame;
    troubleF[(troubleMe + Trouble.FIRST_TIME) >> 1] = x.now;
  }
  trouble[troubleMe + Trouble.LAST_FRAME] = x.frame;
  trouble[troubleMe + Trouble.LAST_SEQ] = k.seq;
  trouble[troubleMe + Trouble.LAST_UNA] = pair[me + Half.UNA]!;
  troubleF[(troubleMe + Trouble.LAST_TIME) >> 1] = x.now;
  troubleF[(troubleMe + Trouble.LAST_WAIT) >> 1] = wait;
  if (k.payloadLength >= LARGE) noteLarge(x);
}

/** Sooner than any timer, a tail loss probe's two round trips included (RFC 8985 §7.2). Nanoseconds. */
const soonest = (x: Context): number => 1.5 * roundTrip(x);

/** The newest segment once more, before any timer and without a word of the other end: the network made it (or a mirror port). */
function isCopy(x: Context, end: number, fills: boolean, wait: number): boolean {
  const { pair, pairF, me, peer } = x;
  if (fills || end !== pair[me + Half.NXT] || wait >= soonest(x)) return false;
  if (repairOf(x, me, x.troubleMe) !== Repair.NONE || x.has(Trait.ICMP_ERROR)) return false;
  return pairF[(peer + Half.LAST_TIME) >> 1]! <= x.now - wait;
}

function kindOf(x: Context, k: Packet, end: number, wait: number): Kind {
  const { pair, pairF, me, peer, trouble, troubleF, troubleMe } = x;
  const una = pair[me + Half.UNA]!;
  const repair = repairOf(x, me, troubleMe);
  const sinceAck = x.now - pairF[(peer + Half.LAST_TIME) >> 1]!;
  const fades = roundTrip(x) + REPORT_FADES;
  if (repair === Repair.REPORTED && sinceAck < fades) return Kind.FAST;
  // "Too big" (linux tcp_simple_retransmit), or a SYN-ACK without the SYN's data (RFC 7413 §4.2), reports a loss as well.
  const told = x.has(Trait.ICMP_ERROR) || wait < soonest(x) || (pair[peer + Half.PACKETS] === 1 && sinceAck < wait);
  if (repair === Repair.NONE && wait < fades && told) return Kind.FAST;
  const again = trouble[troubleMe + Trouble.FIRST_FRAME] !== 0 && trouble[troubleMe + Trouble.LAST_UNA] === una;
  if (!again && repair === Repair.NONE && end === pair[me + Half.NXT] && hasSack(x, k.seq !== una)) return Kind.TAIL_PROBE;
  if (repair === Repair.TIMED_OUT && !again && sinceAck < fades) return Kind.TIMEOUT; // in the wake of one
  if (again && trouble[troubleMe + Trouble.LAST_KIND] === Kind.TAIL_PROBE && k.seq === trouble[troubleMe + Trouble.LAST_SEQ]) {
    const before = troubleF[(troubleMe + Trouble.LAST_WAIT) >> 1]!;
    if (before >= MIN_RTO && wait >= DOUBLED * before) {
      trouble[troubleMe + Trouble.TAIL_PROBES] = trouble[troubleMe + Trouble.TAIL_PROBES]! - 1;
      troubleF[(troubleMe + Trouble.LOST_TIME) >> 1] = troubleF[(troubleMe + Trouble.LOST_TIME) >> 1]! + before;
    }
  }
  trouble[troubleMe + Trouble.REPAIR] = Repair.TIMED_OUT;
  trouble[troubleMe + Trouble.RECOVER] = pair[me + Half.NXT]!;
  troubleF[(troubleMe + Trouble.LOST_TIME) >> 1] = troubleF[(troubleMe + Trouble.LOST_TIME) >> 1]! + wait;
  return Kind.TIMEOUT;
}

/** Both ends may use SACK, without which there is no tail loss probe. `fallback` where the handshake was not captured. */
function hasSack(x: Context, fallback: boolean): boolean {
  const a = x.options(0);
  const b = x.options(1);
  return (a & b & SynOption.SEEN) === 0 ? fallback : (a & b & SynOption.SACK) !== 0;
}

/** When this end last sent anything that takes sequence numbers. */
function sentBefore(x: Context): number {
  const data = x.pairF[(x.me + Half.LAST_DATA_TIME) >> 1]!;
  const again = x.trouble[x.troubleMe + Trouble.FIRST_FRAME] === 0 ? -1 : x.troubleF[(x.troubleMe + Trouble.LAST_TIME) >> 1]!;
  const state = x.flag(x.me, HalfFlag.FIN_SENT) ? x.pairF[(x.me + Half.STATE_TIME) >> 1]! : -1; // of the FIN
  return Math.min(x.now, Math.max(data, again, state));
}

function noteInVain(x: Context): void {
  const { trouble, troubleF, troubleMe } = x;
  if (trouble[troubleMe + Trouble.VAIN_RUN] === 0 || trouble[troubleMe + Trouble.LAST_UNA] !== x.pair[x.me + Half.UNA]) {
    trouble[troubleMe + Trouble.VAIN_RUN] = 0;
    trouble[troubleMe + Trouble.VAIN_FRAME] = x.frame;
    troubleF[(troubleMe + Trouble.VAIN_SINCE) >> 1] = x.now;
  }
  trouble[troubleMe + Trouble.VAIN_RUN] = trouble[troubleMe + Trouble.VAIN_RUN]! + 1;
}

/** Behind the kernel's limit for data in vain, the absence of the next repeat says that the socket is gone. */
function awaitNext(x: Context, wait: number): void {
  if (!x.flag(x.me, HalfFlag.UNA_KNOWN)) return; // only one direction is in the capture
  const next = Math.min(MAX_RTO, 2 * wait);
  if (x.now + next - x.troubleF[(x.troubleMe + Trouble.VAIN_SINCE) >> 1]! < x.dataLimit()) return;
  if (x.state(x.side) === State.ESTABLISHED || x.state(x.side) === State.CLOSE_WAIT) x.rearmRetry(x.side, next / NANOS_PER_SECOND);
}

/** When the repeat was due that did not come, and ended the socket; -1: what was sent again has been acknowledged. */
export function dataGivenUpAt(x: Context): number {
  if (!x.paired || x.pair[x.p + Pair.TROUBLE] === 0) return -1;
  x.openTrouble();
  const { trouble, troubleF, troubleMe } = x;
  if (trouble[troubleMe + Trouble.VAIN_RUN] === 0 || trouble[troubleMe + Trouble.LAST_UNA] !== x.pair[x.me + Half.UNA]) return -1;
  return troubleF[(troubleMe + Trouble.LAST_TIME) >> 1]! + Math.min(MAX_RTO, 2 * troubleF[(troubleMe + Trouble.LAST_WAIT) >> 1]!);
}

function noteLarge(x: Context): void {
  const { trouble, troubleMe } = x;
  const una = x.pair[x.me + Half.UNA]!;
  const run = trouble[troubleMe + Trouble.LAST_FULL_UNA] === una ? trouble[troubleMe + Trouble.FULL_RUN]! + 1 : 1;
  trouble[troubleMe + Trouble.LAST_FULL_UNA] = una;
  trouble[troubleMe + Trouble.FULL_RUN] = run;
  if (run > trouble[troubleMe + Trouble.LONGEST_FULL_RUN]!) trouble[troubleMe + Trouble.LONGEST_FULL_RUN] = run;
}
