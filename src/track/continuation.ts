/**
 * One connection of two captures that follow each other, each of which tracked its part: the later record is worked into the earlier one.
 *
 * Mostly little of it is left behind the border, and all of that was kept (beginnings.ts): the machine takes these segments on top of what
 * it knew, and the result is that of one reading. Of a longer one, who it is, how it began and on what ground stays the earlier one's;
 * counts are summed (joined-records.ts), what was last is the later one's, and its transitions are told once more (retold.ts). Of such
 * nobody saw what was under way at the border: a round trip, a hole, whether its first segments had been sent before.
 */
import { Packet } from '../decode/packet.ts';
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { Side } from '../model/state.ts';
import { becomeSegment, type FirstSegment } from './beginnings.ts';
import type { Context } from './context.ts';
import { letPass } from './due.ts';
import { grow } from './embryo.ts';
import { EventKind, eventKind, markDetail, markKind, MARKS } from './events.ts';
import { joinCopies, joinLast, joinPair, joinRare, joinSequel, joinTrouble, joinTurns, type Records } from './joined-records.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Pair, Rare, Trait, Trouble, TROUBLE_HALF, Turn, TurnFlag } from './layout.ts';
import { type LaterEnd, type Moment, Retold } from './retold.ts';
import { lastTimeOf } from './sequel.ts';
import { IDLE_FLOOR } from './sequence.ts';
import { tupleHash } from './shard.ts';
import type { Tables } from './tables.ts';
import { take } from './take.ts';
import { swapCopied, swapEnds, swapTroubles } from './word-sums.ts';

/** Marks that no segment of the connection leaves, or not by its numbers. */
const BESIDE_SEGMENTS: ReadonlySet<number> = new Set([Mark.ICMP_ERROR, Mark.PATH_MTU, Mark.FRAGMENTED].map(markKind));
const CLOSED_BY_BOTH = Trait.CLOSED_BY_CLIENT | Trait.CLOSED_BY_SERVER;

/** Works connection `later` into `earlier`. `x` is of tables with timers of its own, in which those of `earlier` are. */
export function goOn(x: Context, earlier: number, later: number, segments: readonly FirstSegment[]): void {
  const to = opened(x, later);
  const from = { ...to };
  const here = opened(x, earlier);
  const turned = ((here.core[here.c + Core.STATE]! ^ from.core[from.c + Core.STATE]!) & Trait.CLIENT_IS_B) !== 0;
  const moments = momentsOf(x.tables, from, segments, turned);
  if (turned) turn(x.tables, from);
  // A SYN that turned out to open another connection was one of its segments until then.
  const own = segments.length === packetsOf(from) ? moments : moments.filter(({ segment }) => segment === null || !isSyn(segment));
  if (own.filter(({ segment }) => segment !== null).length === packetsOf(from)) {
    retellAll(x, here, from, own);
    return;
  }
  const first = x.tables.firstTimes.of(later);
  idle(x, here, from, first);
  const speaker = here.pair[here.p + Turn.FLAGS]! & TurnFlag.SPEAKER;
  const said = turned ? undefined : segments.find(({ payload }) => payload > 0);

  for (const side of [Side.CLIENT, Side.SERVER]) unmiss(x, here, from, side, moments);
  const closed = here.core[here.c + Core.STATE]! & CLOSED_BY_BOTH;
  const told = retold(x, here, from, moments);
  if (closed === 0 && (from.core[from.c + Core.STATE]! & CLOSED_BY_BOTH) === CLOSED_BY_BOTH)
    here.core[here.c + Core.STATE] = here.core[here.c + Core.STATE]! | CLOSED_BY_BOTH;
  x.load(earlier, Side.CLIENT);
  if (said !== undefined) joinTurns(x, here, from, speaker, said);
  joinPair(here, from, told.closing);
  for (const side of [0, 1]) {
    const half = here.p + side * HALF_STRIDE;
    here.pair[half + Half.RETRANSMISSIONS] = here.pair[half + Half.RETRANSMISSIONS]! + told.again[side]!;
  }
  joinSequel(x, here, from);
  joinLast(x, here, from);
  joinTrouble(
    x,
    here,
    from,
    moments.flatMap(({ segment, side }) => (segment === null ? [] : [{ ...segment, side }])),
  );
  joinRare(x, here, from);
}

/** Both have pair records from here on. */
function opened(x: Context, id: number): Records {
  x.load(id, Side.CLIENT);
  x.now = lastTimeOf(x.tables, id);
  if (!x.paired) {
    const last = x.now;
    x.needSequel();
    grow(x);
    // Its newest event may be that a timer was due.
    for (const half of [x.half(0), x.half(1)])
      x.pairF[(half + Half.LAST_TIME) >> 1] = Math.min(last, x.pairF[(half + Half.LAST_TIME) >> 1]!);
  }
  const { core, c, pair, pairF, p } = x;
  return { id, core, c, pair, pairF, p };
}

function momentsOf(tables: Tables, { id }: Records, segments: readonly FirstSegment[], turned: boolean): readonly Moment[] {
  const { events } = tables;
  const sideOf = (side: number): Side => (turned ? 1 - side : side) as Side;
  const moments: Moment[] = segments.map((segment) => ({ ...segment, side: sideOf(segment.side), code: 0, segment }));
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    moments.push({ time: events.time(ref), frame: events.frame(ref), side: sideOf((code >>> 5) & 1), code, segment: null });
  }
  // A segment is heard before it is told what came of it; what is stable stays in the order of the log.
  const order = (m: Moment): number => m.frame * 2 + (m.segment === null ? 1 : 0);
  return moments.filter(({ frame }) => frame > 0).sort((a, b) => order(a) - order(b));
}

function retold(x: Context, here: Records, from: Records, moments: readonly Moment[]): Retold {
  const word = from.core[from.c + Core.STATE]!;
  here.core[here.c + Core.STATE] = here.core[here.c + Core.STATE]! | (word & (Trait.SAW_SYN | Trait.SAW_SYN_ACK));
  x.load(from.id, Side.CLIENT);
  const ends = [0, 1].map((side): LaterEnd => ({
    finAck: from.pair[from.p + side * HALF_STRIDE + Half.FIN_ACK]!,
    iss: x.iss(side),
    options: x.options(side),
  }));
  x.load(here.id, Side.CLIENT);
  const told = new Retold(x, ends);
  for (const moment of moments) {
    letPass(x, here.id, moment.time);
    x.load(here.id, moment.side);
    told.tell(moment);
  }
  const acks = [0, 1].map((side) => {
    const half = from.p + side * HALF_STRIDE;
    return (from.pair[half + Half.FLAGS]! & HalfFlag.ACK_SEEN) === 0 ? null : from.pair[half + Half.LAST_ACK]!;
  });
  const time = lastTimeOf(x.tables, from.id);
  letPass(x, here.id, time);
  x.load(here.id, Side.CLIENT);
  told.conclude(acks, from.core[from.c + Core.LAST_FRAME]!, time);
  return told;
}

/** Without ACK: none of a connection that was not seen to begin. */
export const isSyn = ({ flags }: FirstSegment): boolean => (flags & (Flag.SYN | Flag.ACK)) === Flag.SYN;

const packetsOf = ({ pair, p }: Records): number => pair[p + Half.PACKETS]! + pair[p + HALF_STRIDE + Half.PACKETS]!;

/** All segments that there were are known: the machine takes them, and what they carried is in the later record. */
function retellAll(x: Context, here: Records, from: Records, moments: readonly Moment[]): void {
  const k = new Packet();
  const ipv6 = (here.core[here.c + Core.META]! & 1) !== 0;
  x.load(from.id, Side.SERVER);
  const options = x.options(1);
  const flags = here.pair[here.p + Turn.FLAGS]!;
  const hadData = [0, 1].map((side) => here.pairF[(here.p + side * HALF_STRIDE + Half.LAST_DATA_TIME) >> 1]! >= 0);
  const begins = here.pair[here.p + Turn.REQUESTS] === 0;
  x.tuple = tupleHash(here.core[here.c]!, here.core[here.c + Core.ADDR_B]!, here.core[here.c + Core.PORTS]!);
  for (const { segment, side, frame, time, code } of moments) {
    letPass(x, here.id, time);
    x.load(here.id, side);
    x.frame = frame;
    x.now = time;
    if (segment === null) {
      if (!BESIDE_SEGMENTS.has(eventKind(code))) continue;
      x.core[x.c + Core.LAST_FRAME] = frame;
      x.mark(MARKS[eventKind(code) - EventKind.FIRST_MARK]!, markDetail(code));
      continue;
    }
    becomeSegment(k, segment, ipv6);
    x.touch();
    take(x, k);
    if (x.options(1) !== 0 && options !== 0) x.setOptions(1, options);
  }
  here.core[here.c + Core.STATE] = here.core[here.c + Core.STATE]! | (from.core[from.c + Core.STATE]! & Trait.ICMP_ERROR);
  const turns = TurnFlag.HTTP | TurnFlag.HEADER_ENDED;
  const kinds = (begins ? 0 : flags & TurnFlag.HTTP) | (flags & TurnFlag.HEADER_ENDED);
  const carried = from.pair[from.p + Turn.FLAGS]! & (begins ? turns : TurnFlag.HEADER_ENDED);
  here.pair[here.p + Turn.FLAGS] = (here.pair[here.p + Turn.FLAGS]! & ~turns) | kinds | carried;
  for (const side of [0, 1]) {
    const [at, there] = [here.p + side * HALF_STRIDE, from.p + side * HALF_STRIDE];
    if (from.pairF[(there + Half.LAST_DATA_TIME) >> 1]! < 0) continue;
    here.pair[at + Half.LAST_PAYLOAD] = from.pair[there + Half.LAST_PAYLOAD]!;
    if (!hadData[side]!) here.pair[at + Half.FLAGS] = here.pair[at + Half.FLAGS]! | (from.pair[there + Half.FLAGS]! & HalfFlag.TLS);
  }
  if (!hadData[0]) here.pair[here.p + Pair.HELLO_FRAME] = from.pair[from.p + Pair.HELLO_FRAME]!;
  joinSequel(x, here, from);
  if (joinCopies(x, here, from)) joinLast(x, here, from);
}

/** The later capture took the server for the client. */
function turn(tables: Tables, { pair, p }: Records): void {
  swapEnds(pair, p);
  const { troubles, rares, copied } = tables;
  const trouble = pair[p + Pair.TROUBLE]! - 1;
  if (trouble >= 0) swapTroubles(troubles.page(trouble), troubles.offset(trouble));
  const rare = pair[p + Pair.RARE]! - 1;
  const copies = rare < 0 ? -1 : rares.page(rare)[rares.offset(rare) + Rare.COPIES]! - 1;
  if (copies >= 0) swapCopied(copied.page(copies), copied.offset(copies));
}

/**
 * Octets that the later capture missed because it did not know what the earlier one had seen, and such that neither saw. The first number of
 * an end there is that of its own first segment, or what the other end had acknowledged before.
 */
function unmiss(x: Context, here: Records, from: Records, side: Side, moments: readonly Moment[]): void {
  const first = moments.find(({ segment }) => segment !== null && (segment.flags & (Flag.SYN | Flag.RST)) === 0 && numbered(segment));
  x.load(here.id, side);
  if (first?.segment === undefined || first.segment === null || !x.flag(x.me, HalfFlag.NXT_KNOWN)) return;
  const number = first.side === side ? first.segment.seq : first.segment.ack;
  const skipped = (number - x.pair[x.me + Half.NXT]!) | 0;
  if (skipped > 0) {
    x.openTrouble();
    x.trouble[x.troubleMe + Trouble.GAP] = x.trouble[x.troubleMe + Trouble.GAP]! + skipped;
    return;
  }
  let seen = -skipped;
  const half = from.p + side * HALF_STRIDE;
  const missed = Math.min(seen, from.pair[half + Half.MISSED]!);
  from.pair[half + Half.MISSED] = from.pair[half + Half.MISSED]! - missed;
  seen -= missed;
  const ref = from.pair[from.p + Pair.TROUBLE]! - 1;
  if (ref < 0) return;
  const { troubles } = x.tables;
  const gap = troubles.offset(ref) + side * TROUBLE_HALF + Trouble.GAP;
  troubles.page(ref)[gap] = Math.max(0, troubles.page(ref)[gap]! - seen);
}

const numbered = ({ flags }: FirstSegment): boolean => (flags & Flag.ACK) !== 0;

/** The silence across the border. */
function idle(x: Context, here: Records, from: Records, first: number): void {
  const silence = first - lastTimeOf(x.tables, here.id);
  if (silence < IDLE_FLOOR) return;
  x.openRare();
  const { rare, rareF, r } = x;
  if (silence <= rareF[(r + Rare.IDLE) >> 1]!) return;
  rareF[(r + Rare.IDLE) >> 1] = silence;
  rareF[(r + Rare.IDLE_END) >> 1] = first;
  rare[r + Rare.IDLE_FRAME] = from.core[from.c + Core.FIRST_FRAME]!;
}
