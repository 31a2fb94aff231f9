/**
 * Requests and answers: where the direction of the payload changes, who had waited for whom. Called for the few segments
 * that may begin a turn or follow a pause; a transfer costs one comparison per segment.
 */
import { LONG_ANSWER_SECONDS } from '../model/turns.ts';
import { Flag } from '../model/flags.ts';
import { Side } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { Delay, Half, HalfFlag, Pair, SynOption, Turn, TurnFlag } from './layout.ts';

const MILLI = NANOS_PER_SECOND / 1_000;
/** Shorter gaps between two segments of one end are the path's, the scheduler's or a window's. Below Linux's shortest delayed ACK (40 ms). */
const PAUSE = 25 * MILLI;
const LONG_ANSWER = LONG_ANSWER_SECONDS * NANOS_PER_SECOND;
/** A server that goes on by itself after so long says something new. */
const UNASKED_PAUSE = NANOS_PER_SECOND;
/** A piece of a request that is no more than this, after a pause of at least that: nobody writes so by accident. */
const DRIP_OCTETS = 64;
const DRIP_PAUSE = 200 * MILLI;
/** Delayed ACKs: linux TCP_ATO_MIN 40 ms (timers may fire early by a jiffy); RFC 1122 §4.2.3.2: less than 500 ms. */
const SHORTEST_ACK_DELAY = 30 * MILLI;
const LONGEST_ACK_DELAY = 500 * MILLI;
/** Up to here it is Linux's delayed ACK; 200 ms is that of others. */
const SHORT_STALL = 120 * MILLI;
/** From the ACK to the piece that waited for it, beside the path: a kernel's time to send. */
const RELEASE = 2 * MILLI;
/** RFC 9293 §3.7.1: what may be sent where the SYN named no MSS. */
const DEFAULT_MSS = 536;
/** IP and TCP options that make the largest segment smaller than the MSS. */
const OPTION_ROOM = 40;

/** Answers by time: below 1/512 s, then by powers of two up to 8 s and above. */
export const ANSWER_BUCKETS = 14;
/** The bucket of answers after 1 s up to 2 s. */
const ONE_SECOND = 10;
/** The end of the first bucket. */
const SHORTEST_ANSWER = NANOS_PER_SECOND / 2 ** (ONE_SECOND - 1);
const FULL = 0xffff;

/** The longest time of a bucket, seconds. */
export const bucketEnd = (bucket: number): number => 2 ** (bucket - ONE_SECOND + 1);

const SPEAKER = [1, 2] as const;

/** Payload: is it another end's turn, the first word, or the word after a pause? (No float64 is handed over: it would be boxed.) */
export function isTurn(x: Context, pair: Int32Array, pairF: Float64Array, me: number, peer: number): boolean {
  return pair[peer + Half.LAST_DATA_FRAME]! >= pair[me + Half.LAST_DATA_FRAME]! || x.now - pairF[(me + Half.LAST_DATA_TIME) >> 1]! >= PAUSE;
}

/** A segment with payload, before it is booked. */
export function noteTurn(x: Context, k: Packet): void {
  const { pair, pairF, me, peer, side } = x;
  if ((k.flags & Flag.RST) !== 0) return;
  const known = (pair[me + Half.FLAGS]! & HalfFlag.NXT_KNOWN) !== 0;
  if (known && ((k.seq + k.payloadLength - pair[me + Half.NXT]!) | 0) <= 0) return; // sent again
  const turn = pair;
  const t = x.p;
  const flags = turn[t + Turn.FLAGS]!;
  const speaker = flags & TurnFlag.SPEAKER;
  if (speaker === SPEAKER[side]) {
    goesOn(x, k, turn, t);
    return;
  }
  turn[t + Turn.FLAGS] = (flags & ~TurnFlag.SPEAKER) | SPEAKER[side];
  turn[t + Turn.BEGAN + side] = x.frame;
  if (side === Side.CLIENT) {
    if (turn[t + Turn.REQUESTS] === 0) turn[t + Turn.FLAGS] = turn[t + Turn.FLAGS]! | requestKind(k);
    turn[t + Turn.REQUESTS] = turn[t + Turn.REQUESTS]! + 1;
    const wait = x.now - pairF[(peer + Half.LAST_DATA_TIME) >> 1]!;
    const sum = (t + Turn.CLIENT_TIME) >> 1;
    const turnF = x.pairF;
    if (speaker !== 0 && wait > 0) turnF[sum] = turnF[sum]! + wait;
  } else if (speaker === 0) {
    turn[t + Turn.FLAGS] = turn[t + Turn.FLAGS]! | TurnFlag.UNASKED;
  } else {
    noteAnswer(x, turn, x.pairF, t);
  }
}

/** The server begins to answer. `x` stands at it. */
export function noteAnswer(x: Context, turn: Int32Array, turnF: Float64Array, t: number): void {
  const wait = Math.max(0, x.now - x.pairF[(x.peer + Half.LAST_DATA_TIME) >> 1]!);
  turn[t + Turn.ANSWERS] = turn[t + Turn.ANSWERS]! + 1;
  turnF[(t + Turn.SERVER_TIME) >> 1] = turnF[(t + Turn.SERVER_TIME) >> 1]! + wait;
  const bucket = Math.min(ANSWER_BUCKETS - 1, 32 - Math.clz32(Math.min(0x7fffffff, wait / SHORTEST_ANSWER)));
  const word = t + Turn.BUCKETS + (bucket >> 1);
  const shift = (bucket & 1) << 4;
  if (((turn[word]! >>> shift) & FULL) !== FULL) turn[word] = turn[word]! + (1 << shift);
  const micros = Math.min(0x7fffffff, wait / 1_000) | 0;
  const longest = micros > turn[t + Turn.LONGEST]!;
  if (longest) turn[t + Turn.LONGEST] = micros;
  if (wait >= LONG_ANSWER) noteLongAnswer(x, turn, t, longest);
}

function noteLongAnswer(x: Context, turn: Int32Array, t: number, longest: boolean): void {
  const { pair, pairF, peer, me } = x;
  const ref = delaysOf(x, turn, t);
  const delay = x.tables.delays.page(ref);
  const delayF = x.tables.delays.floatPage(ref);
  const d = x.tables.delays.offset(ref);
  if (delay[d + Delay.LONG] === 0) delayF[(d + Delay.LONG_FIRST) >> 1] = pairF[(peer + Half.LAST_DATA_TIME) >> 1]!;
  delayF[(d + Delay.LONG_LAST) >> 1] = x.now;
  delay[d + Delay.LONG] = delay[d + Delay.LONG]! + 1;
  const acked = pair[peer + Half.UNA] === pair[peer + Half.NXT] && pairF[(me + Half.LAST_TIME) >> 1]! < x.now - LONG_ANSWER / 2;
  if (acked) delay[d + Delay.LONG_ACKED] = delay[d + Delay.LONG_ACKED]! + 1;
  if (!longest) return;
  delayF[(d + Delay.LONGEST_TIME) >> 1] = x.now;
  delay[d + Delay.REQUEST_FRAME] = pair[peer + Half.LAST_DATA_FRAME]!;
  delayF[(d + Delay.REQUEST_TIME) >> 1] = pairF[(peer + Half.LAST_DATA_TIME) >> 1]!;
  delay[d + Delay.ANSWER_FRAME] = x.frame;
}

/** The same end speaks on after a pause. */
function goesOn(x: Context, k: Packet, turn: Int32Array, t: number): void {
  const pause = x.now - x.pairF[(x.me + Half.LAST_DATA_TIME) >> 1]!;
  if (pause < PAUSE) return;
  if (x.side === Side.SERVER) {
    if (pause >= UNASKED_PAUSE) turn[t + Turn.FLAGS] = turn[t + Turn.FLAGS]! | TurnFlag.UNASKED;
  } else {
    if (endsHeader(k)) turn[t + Turn.FLAGS] = turn[t + Turn.FLAGS]! | TurnFlag.HEADER_ENDED;
    if (pause >= DRIP_PAUSE && k.payloadLength <= DRIP_OCTETS) noteDrip(x, k, turn, t);
  }
  if (pause <= LONGEST_ACK_DELAY && isStall(x, k, pause)) noteStall(x, turn, t, pause);
}

function noteDrip(x: Context, k: Packet, turn: Int32Array, t: number): void {
  const ref = delaysOf(x, turn, t);
  const delay = x.tables.delays.page(ref);
  const delayF = x.tables.delays.floatPage(ref);
  const d = x.tables.delays.offset(ref);
  if (delay[d + Delay.DRIPS] === 0) {
    delay[d + Delay.DRIP_FRAME] = x.frame;
    delayF[(d + Delay.DRIP_FIRST) >> 1] = x.now;
  }
  delay[d + Delay.DRIPS] = delay[d + Delay.DRIPS]! + 1;
  delay[d + Delay.DRIP_OCTETS] = delay[d + Delay.DRIP_OCTETS]! + k.payloadLength;
  delayF[(d + Delay.DRIP_LAST) >> 1] = x.now;
}

/**
 * RFC 896 and a delayed ACK: two segments smaller than the MSS, the second sent as soon as the ACK of the first had come, and that
 * ACK later than the path explains. Where the capture was taken does not matter: pause = delay + round trip at either end.
 */
function isStall(x: Context, k: Packet, pause: number): boolean {
  const { pair, pairF, p, me, peer, side } = x;
  if (pair[me + Half.UNA] !== pair[me + Half.NXT] || k.seq !== pair[me + Half.NXT]) return false;
  const options = x.options(1 - side);
  const full = ((options & SynOption.HAS_MSS) === 0 ? DEFAULT_MSS : options & 0xffff) - OPTION_ROOM;
  if (k.payloadLength >= full || (pair[me + Half.LAST_PAYLOAD]! & 0xffffff) >= full) return false;
  const rtt = pair[p + Pair.RTT_MICROS]! * 1_000;
  const acked = pairF[(peer + Half.LAST_TIME) >> 1]!;
  const released = x.now - acked;
  return released >= 0 && released <= rtt * 1.25 + RELEASE && pause - rtt >= SHORTEST_ACK_DELAY;
}

function noteStall(x: Context, turn: Int32Array, t: number, pause: number): void {
  const ref = delaysOf(x, turn, t);
  const delay = x.tables.delays.page(ref);
  const delayF = x.tables.delays.floatPage(ref);
  const d = x.tables.delays.offset(ref);
  if (delay[d + Delay.REST_FRAME] === 0) {
    delay[d + Delay.PIECE_FRAME] = x.pair[x.me + Half.LAST_DATA_FRAME]!;
    delay[d + Delay.REST_FRAME] = x.frame;
    delayF[(d + Delay.PIECE_TIME) >> 1] = x.pairF[(x.me + Half.LAST_DATA_TIME) >> 1]!;
    delayF[(d + Delay.STALL_FIRST) >> 1] = x.now;
  }
  const count = d + (pause < SHORT_STALL ? Delay.STALLS_SHORT : Delay.STALLS_LONG);
  delay[count] = delay[count]! + 1;
  if (x.side === Side.CLIENT) delay[d + Delay.STALLS_OF_CLIENT] = delay[d + Delay.STALLS_OF_CLIENT]! + 1;
  delayF[(d + Delay.STALL_TIME) >> 1] = delayF[(d + Delay.STALL_TIME) >> 1]! + pause;
  delayF[(d + Delay.STALL_LAST) >> 1] = x.now;
}

/** Index of the delays record, which the first call for a connection adds. */
function delaysOf(x: Context, turn: Int32Array, t: number): number {
  if (turn[t + Turn.DELAYS] === 0) turn[t + Turn.DELAYS] = x.tables.delays.add() + 1;
  return turn[t + Turn.DELAYS]! - 1;
}

/** First four octets of the methods of RFC 9110 §9 and RFC 5789. */
const word = (text: string): number => Array.from(text).reduce((value, letter) => (value << 8) | letter.charCodeAt(0), 0);
const GET = word('GET ');
const POST = word('POST');
const OTHER_METHODS: readonly number[] = ['HEAD', 'PUT ', 'DELE', 'OPTI', 'PATC', 'CONN', 'TRAC'].map(word);
const SLASH = 0x2f;
/** An absolute request target, as for a proxy: `http://…` */
const LETTER_H = 0x68;
/** Methods begin with these or with letters between them. */
const LETTER_C = 0x43;
const LETTER_T = 0x54;

/** TurnFlag bits of what a client says first. Redis and memcached have a GET too, but no path. */
function requestKind(k: Packet): number {
  if (capturedEnd(k) - k.payloadAt < 5) return 0;
  const method = k.view.getInt32(k.payloadAt);
  const first = method >>> 24;
  if (first < LETTER_C || first > LETTER_T) return 0;
  if (method === GET) {
    const target = k.view.getUint8(k.payloadAt + 4);
    if (target !== SLASH && target !== LETTER_H) return 0;
  } else if (method !== POST && !OTHER_METHODS.includes(method)) return 0;
  return TurnFlag.HTTP | (endsHeader(k) ? TurnFlag.HEADER_ENDED : 0);
}

const capturedEnd = (k: Packet): number => Math.min(k.payloadAt + k.payloadLength, k.end);

/** CR LF CR LF */
const BLANK_LINE = 0x0d0a0d0a;

/** Does it end with the blank line behind an HTTP header? A segment that was cut short may have. */
function endsHeader(k: Packet): boolean {
  if (k.payloadAt + k.payloadLength > k.end) return true;
  return k.payloadLength >= 4 && k.view.getInt32(k.payloadAt + k.payloadLength - 4) === BLANK_LINE;
}
