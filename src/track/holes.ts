/**
 * Holes in the sequence space of one end, and what became of each: filled by a segment that was overtaken or sent again
 * (the path's doing), or acknowledged without ever passing here (a gap in the capture).
 *
 * Bounded: the oldest of more than MAX_HOLES is forgotten, so that what is called a gap always is one.
 */
import { decodeTcpOptions } from '../decode/transport/tcp-options.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { Half, HalfFlag, Hole, HOLE_STRIDE, MAX_HOLES, Pair, Trouble } from './layout.ts';

const ACKED = 1;
const HAS_TIMESTAMP = 2;
/** A hole filled this soon was reordering where no round trip of the connection is known: 3 ms, Wireshark's figure. */
const REORDERING = 3_000_000;

/** The sender of the packet at hand left out [from, its seq). */
export function openHole(x: Context, k: Packet, from: number): void {
  const { pair, me } = x;
  x.openTrouble();
  const at = newHole(x, x.troubleMe, from, k.seq);
  add(pair, me + Half.MISSED, (k.seq - from) | 0);
  x.setFlag(me, HalfFlag.HOLES);
  decodeTcpOptions(k);
  if (!k.options.hasTimestamp) return;
  x.holes[at + Hole.TIMESTAMP] = k.options.tsVal;
  x.holes[at + Hole.FLAGS] = HAS_TIMESTAMP;
}

/** Octets that an end must have sent, because they were acknowledged, and that did not pass here. */
export function addGap(x: Context, troubleHalf: number, from: number, to: number): void {
  const at = newHole(x, troubleHalf, from, to);
  x.holes[at + Hole.FLAGS] = ACKED;
  add(x.trouble, troubleHalf + Trouble.GAP, (to - from) | 0);
}

/** Saturating: a capture at line rate may lose more than an int32 counts. */
function add(page: Int32Array, word: number, octets: number): void {
  page[word] = Math.min(0x7fffffff, page[word]! + octets);
}

/** Offset of a hole record, at the end of the list. */
function newHole(x: Context, troubleHalf: number, from: number, to: number): number {
  const { trouble } = x;
  x.openHoles(troubleHalf);
  if (trouble[troubleHalf + Trouble.HOLES] === MAX_HOLES) removeHole(x, troubleHalf, 0);
  const { holes } = x;
  const n = trouble[troubleHalf + Trouble.HOLES]!;
  const at = x.firstHole + n * HOLE_STRIDE;
  trouble[troubleHalf + Trouble.HOLES] = n + 1;
  holes[at + Hole.FROM] = from;
  holes[at + Hole.TO] = to;
  holes[at + Hole.TIMESTAMP] = 0;
  holes[at + Hole.FLAGS] = 0;
  x.holesF[(at + Hole.TIME) >> 1] = x.now;
  return at;
}

function removeHole(x: Context, troubleHalf: number, index: number): void {
  const { trouble, holes, firstHole: first } = x;
  const n = trouble[troubleHalf + Trouble.HOLES]!;
  holes.copyWithin(first + index * HOLE_STRIDE, first + (index + 1) * HOLE_STRIDE, first + n * HOLE_STRIDE);
  trouble[troubleHalf + Trouble.HOLES] = n - 1;
}

/** The newest hole, which began at `from`, is none: what lay behind it was not of this connection. */
export function closeNewestHole(x: Context, from: number): void {
  x.openTrouble();
  const { trouble, troubleMe, pair, me } = x;
  const last = trouble[troubleMe + Trouble.HOLES]! - 1;
  if (last < 0) return;
  x.openHoles(troubleMe);
  const { holes } = x;
  const at = x.firstHole + last * HOLE_STRIDE;
  if (holes[at + Hole.FROM] !== from || (holes[at + Hole.FLAGS]! & ACKED) !== 0) return;
  pair[me + Half.MISSED] = Math.max(0, pair[me + Half.MISSED]! - ((holes[at + Hole.TO]! - from) | 0));
  trouble[troubleMe + Trouble.HOLES] = last;
  if (pair[me + Half.MISSED] === 0) x.clearFlag(me, HalfFlag.HOLES);
}

/** The other end has acknowledged up to `ack`: it has what we miss before that. For the end whose half is `peer`. Returns whether there was any. */
export function coverHoles(x: Context, ack: number): boolean {
  const { pair, peer } = x;
  x.openTrouble();
  x.openHoles(x.troublePeer);
  const { holes, firstHole } = x;
  const count = x.trouble[x.troublePeer + Trouble.HOLES]!;
  let open = 0;
  let gaps = 0;
  for (let i = 0; i < count; i++) {
    const at = firstHole + i * HOLE_STRIDE;
    if ((holes[at + Hole.FLAGS]! & ACKED) !== 0) continue;
    const from = holes[at + Hole.FROM]!;
    const to = holes[at + Hole.TO]!;
    const whole = ((ack - to) | 0) >= 0;
    const covered = whole ? (to - from) | 0 : Math.max(0, (ack - from) | 0);
    gaps += covered;
    add(x.trouble, x.troublePeer + Trouble.GAP, covered);
    pair[peer + Half.MISSED] = Math.max(0, pair[peer + Half.MISSED]! - covered);
    if (whole) {
      holes[at + Hole.FLAGS] = holes[at + Hole.FLAGS]! | ACKED;
    } else {
      if (covered > 0) holes[at + Hole.FROM] = ack;
      open++;
    }
  }
  if (open > 0) return gaps > 0;
  x.clearFlag(peer, HalfFlag.HOLES);
  pair[peer + Half.MISSED] = 0; // what forgotten holes had left
  return gaps > 0;
}

/** What a segment of old sequence numbers is to the holes. */
export const Fill = { NONE: 0, OVERTAKEN: 1, RESENT: 2 } as const;
export type Fill = (typeof Fill)[keyof typeof Fill];

/** Fills the holes that the segment [k.seq, end) lies in, and tells an overtaken segment from one that was sent again. */
export function fillHoles(x: Context, k: Packet, end: number): Fill {
  const { pair, me } = x;
  if (pair[x.p + Pair.TROUBLE] === 0) return Fill.NONE;
  x.openTrouble();
  const count = x.trouble[x.troubleMe + Trouble.HOLES]!;
  if (count === 0) return Fill.NONE;
  x.openHoles(x.troubleMe);
  const { holes, firstHole } = x;
  let fill: Fill = Fill.NONE;
  for (let i = count - 1; i >= 0; i--) {
    const at = firstHole + i * HOLE_STRIDE;
    const from = holes[at + Hole.FROM]!;
    const to = holes[at + Hole.TO]!;
    const begin = ((k.seq - from) | 0) > 0 ? k.seq : from;
    const stop = ((end - to) | 0) < 0 ? end : to;
    const octets = (stop - begin) | 0;
    if (octets <= 0) continue;
    const acked = (holes[at + Hole.FLAGS]! & ACKED) !== 0;
    const words = acked ? x.trouble : pair;
    const word = acked ? x.troubleMe + Trouble.GAP : me + Half.MISSED;
    words[word] = Math.max(0, words[word]! - octets);
    fill = wasOvertaken(x, k, at) ? Fill.OVERTAKEN : Fill.RESENT;
    if (fill === Fill.OVERTAKEN) noteReordering(x, k, at);
    shrink(x, i, begin, stop);
  }
  if (fill !== Fill.NONE && pair[me + Half.MISSED] === 0) x.clearFlag(me, HalfFlag.HOLES);
  return fill;
}

/** Takes [begin, stop) out of a hole; what is left on both sides becomes two. */
function shrink(x: Context, index: number, begin: number, stop: number): void {
  const { trouble, troubleMe, holes, holesF } = x;
  const at = x.firstHole + index * HOLE_STRIDE;
  const from = holes[at + Hole.FROM]!;
  const to = holes[at + Hole.TO]!;
  if (begin === from && stop === to) {
    removeHole(x, troubleMe, index);
    return;
  }
  if (begin === from) holes[at + Hole.FROM] = stop;
  else holes[at + Hole.TO] = begin;
  if (begin === from || stop === to || trouble[troubleMe + Trouble.HOLES] === MAX_HOLES) return;
  const rest = newHole(x, troubleMe, stop, to);
  holes[rest + Hole.TIMESTAMP] = holes[at + Hole.TIMESTAMP]!;
  holes[rest + Hole.FLAGS] = holes[at + Hole.FLAGS]!;
  holesF[(rest + Hole.TIME) >> 1] = holesF[(at + Hole.TIME) >> 1]!;
}

/**
 * Was the segment sent before the one behind the hole? Timestamps tell where they differ (RFC 7323: TSval never goes back).
 * Else the time: the receiver's word of the hole and the answer to it need a round trip, so what fills it sooner was under way.
 */
function wasOvertaken(x: Context, k: Packet, at: number): boolean {
  if ((x.holes[at + Hole.FLAGS]! & HAS_TIMESTAMP) !== 0) {
    decodeTcpOptions(k);
    const later = (k.options.tsVal - x.holes[at + Hole.TIMESTAMP]!) | 0;
    if (k.options.hasTimestamp && later !== 0) return later < 0;
  }
  return x.now - x.holesF[(at + Hole.TIME) >> 1]! < (roundTrip(x) || REORDERING);
}

function noteReordering(x: Context, k: Packet, at: number): void {
  const { trouble, troubleF, troubleMe } = x;
  const distance = (x.pair[x.me + Half.NXT]! - k.seq) | 0;
  if (distance > trouble[troubleMe + Trouble.MAX_DISTANCE]!) trouble[troubleMe + Trouble.MAX_DISTANCE] = distance;
  const delay = x.now - x.holesF[(at + Hole.TIME) >> 1]!;
  if (delay <= troubleF[(troubleMe + Trouble.MAX_DELAY) >> 1]!) return;
  troubleF[(troubleMe + Trouble.MAX_DELAY) >> 1] = delay;
  trouble[troubleMe + Trouble.MAX_DELAY_FRAME] = x.frame;
  troubleF[(troubleMe + Trouble.MAX_DELAY_TIME) >> 1] = x.now;
}

/** The connection's round trip, nanoseconds: the handshake's, else the shortest of this sender's data; 0 unknown. */
export const roundTrip = (x: Context): number => (x.pair[x.p + Pair.RTT_MICROS]! || x.pair[x.me + Half.RTT_MIN]!) * 1000;
