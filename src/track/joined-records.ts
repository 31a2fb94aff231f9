/**
 * The words of two records of one connection as one: what the earlier capture knew of it and what the later one saw (continuation.ts).
 * Sums, firsts and lasts are tables of word-sums.ts; here is what depends on more than one word.
 */
import { Side } from '../model/state.ts';
import type { FirstSegment } from './beginnings.ts';
import type { Context } from './context.ts';
import { addHistory, historyText, joinedZeekState, ZeekState, zeekState } from './history.ts';
import {
  Copied,
  Core,
  Delay,
  Half,
  HALF_STRIDE,
  HalfFlag,
  Pair,
  Rare,
  Sequel,
  sequelOf,
  Trait,
  Trouble,
  TROUBLE_HALF,
  Turn,
  TurnFlag,
} from './layout.ts';
import type { Tables } from './tables.ts';
import { ANSWER_BUCKETS, noteAnswer } from './turns.ts';
import { addWords, COPIED_SUMS, DELAY_SUMS, floatsOf, HALF_SUMS, KEEP_ALIVE_SUMS, REPEAT_SUMS, TROUBLE_SUMS } from './word-sums.ts';

/** Bits of Half.FLAGS that stay, and those that say how an end stands at the moment. */
const EVER =
  HalfFlag.FIN_SENT |
  HalfFlag.FIN_ACKED |
  HalfFlag.FIN_RECEIVED |
  HalfFlag.ACK_SEEN |
  HalfFlag.SENT_RST |
  HalfFlag.READS_AFTER_FIN |
  HalfFlag.SPOKE |
  HalfFlag.NXT_KNOWN |
  HalfFlag.UNA_KNOWN |
  (0x7f << HalfFlag.HISTORY_SHIFT);
const NOW = HalfFlag.FAR | HalfFlag.TIMING | HalfFlag.DOUBT | HalfFlag.PROBING;
const ZEEK_BITS = 0x3f << HalfFlag.ZEEK_SHIFT;
/** What either capture may have seen of a connection. */
const SEEN =
  Trait.SAW_SYN |
  Trait.SAW_SYN_ACK |
  Trait.HAS_RST |
  Trait.REFUSED |
  Trait.LONG_CLOSE_WAIT |
  Trait.ICMP_ERROR |
  Trait.ACK_IGNORED |
  Trait.ODD_FLAGS |
  Trait.EVENTS_CUT |
  Trait.STRAY_SYN |
  (0x1f << Trait.COMPLETENESS_SHIFT);
/** Letters of Zeek's history that are written once for an end. */
const ONCE = 'shadfrw';

/** The records of a connection. */
export interface Records {
  readonly id: number;
  readonly core: Int32Array;
  readonly c: number;
  readonly pair: Int32Array;
  readonly pairF: Float64Array;
  readonly p: number;
}

/** Words of one end. @param closing when the first FIN or RST came in the later capture; -1 none did */
export function joinPair(here: Records, from: Records, closing: number): void {
  const { pair, pairF, p } = here;
  const silent = Math.max(pairF[(p + Half.LAST_DATA_TIME) >> 1]!, pairF[(p + HALF_STRIDE + Half.LAST_DATA_TIME) >> 1]!);
  const hadData = [0, 1].map((side) => pairF[(p + side * HALF_STRIDE + Half.LAST_DATA_TIME) >> 1]! >= 0);
  const ended = [0, 1].map((side) => (pair[p + (1 - side) * HALF_STRIDE + Half.FIRST_FIN]! !== 0 ? 1 : 0));
  for (const side of [0, 1]) joinHalf(here, from, side, hadData[side]!, ended[side] === 1);
  const quiet = (p + Pair.QUIET) >> 1;
  const later = from.pairF[(from.p + Pair.QUIET) >> 1]!;
  if (pairF[quiet]! < 0) pairF[quiet] = later >= 0 || closing < 0 || silent < 0 ? later : Math.max(0, closing - silent);
  if (pair[p + Pair.RTT_MICROS] === 0) pair[p + Pair.RTT_MICROS] = from.pair[from.p + Pair.RTT_MICROS]!;
  if (pair[p + Pair.HELLO_FRAME] === 0 && !hadData[0]) pair[p + Pair.HELLO_FRAME] = from.pair[from.p + Pair.HELLO_FRAME]!;
  const known = historyText(pair, p);
  const flipped = ((here.core[here.c + Core.STATE]! ^ from.core[from.c + Core.STATE]!) & Trait.CLIENT_IS_B) !== 0;
  const letters = Array.from(historyText(from.pair, from.p), (letter) => (flipped ? otherCase(letter) : letter));
  addHistory(
    pair,
    p,
    letters.filter((letter) => letter !== '^' && !(ONCE.includes(letter.toLowerCase()) && known.includes(letter))).join(''),
  );
  if (zeekState(from.pair[from.p + HALF_STRIDE + Half.FLAGS]!) === ZeekState.ESTABLISHED) answered(pair, p);
  const word = from.core[from.c + Core.STATE]!;
  here.core[here.c + Core.STATE] = here.core[here.c + Core.STATE]! | (word & SEEN);
}

/** To Zeek, a client whose SYN was answered is ESTABLISHED. */
function answered(pair: Int32Array, p: number): void {
  const flags = pair[p + Half.FLAGS]!;
  if (zeekState(flags) === ZeekState.SYN_SENT)
    pair[p + Half.FLAGS] = (flags & ~ZEEK_BITS) | joinedZeekState(flags, ZeekState.ESTABLISHED << HalfFlag.ZEEK_SHIFT);
}

const otherCase = (letter: string): string => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase());

function joinHalf(here: Records, from: Records, side: number, hadData: boolean, afterPeerFin: boolean): void {
  const { pair, pairF } = here;
  const at = here.p + side * HALF_STRIDE;
  const there = from.p + side * HALF_STRIDE;
  const later = (word: number): number => from.pair[there + word]!;
  const laterTime = (word: number): number => from.pairF[(there + word) >> 1]!;
  const payload = Math.min(0x7fffffff, afterPeerFin ? laterTime(Half.PAYLOAD) : later(Half.AFTER_PEER_FIN));
  pair[at + Half.AFTER_PEER_FIN] = Math.min(0x7fffffff, pair[at + Half.AFTER_PEER_FIN]! + payload);
  const count = pair[at + Half.RTT_COUNT]!;
  const least = later(Half.RTT_COUNT) === 0 ? pair[at + Half.RTT_MIN]! : later(Half.RTT_MIN);
  pair[at + Half.RTT_MIN] = count === 0 ? least : Math.min(pair[at + Half.RTT_MIN]!, least);
  const [flags, now] = [pair[at + Half.FLAGS]!, later(Half.FLAGS)];
  addWords(pair, at, from.pair, there, HALF_SUMS);
  const tls = hadData ? flags & HalfFlag.TLS : now & HalfFlag.TLS;
  const holes = pair[at + Half.MISSED] === 0 ? 0 : HalfFlag.HOLES;
  const inFlight = Math.max(flags >>> HalfFlag.IN_FLIGHT_SHIFT, now >>> HalfFlag.IN_FLIGHT_SHIFT) << HalfFlag.IN_FLIGHT_SHIFT;
  pair[at + Half.FLAGS] = ((flags | now) & EVER) | (now & NOW) | tls | holes | joinedZeekState(flags & ZEEK_BITS, now) | inFlight;
  if ((now & HalfFlag.NXT_KNOWN) !== 0) pair[at + Half.NXT] = later(Half.NXT);
  if ((now & HalfFlag.UNA_KNOWN) !== 0) pair[at + Half.UNA] = later(Half.UNA);
  if ((now & HalfFlag.TIMING) !== 0) {
    pair[at + Half.RTT_END] = later(Half.RTT_END);
    pairF[(at + Half.RTT_TIME) >> 1] = laterTime(Half.RTT_TIME);
  }
  if (later(Half.RST) > 0) pair[at + Half.RST_SEQ] = later(Half.RST_SEQ);
  if (later(Half.PACKETS) > 0) {
    pair[at + Half.LAST_ACK] = later(Half.LAST_ACK);
    if (later(Half.WINDOW_TTL) !== 0) pair[at + Half.WINDOW_TTL] = windowTtl(pair[at + Half.WINDOW_TTL]!, later(Half.WINDOW_TTL));
  }
  if (laterTime(Half.LAST_TIME) >= 0) pairF[(at + Half.LAST_TIME) >> 1] = laterTime(Half.LAST_TIME);
  if (laterTime(Half.LAST_DATA_TIME) < 0) return;
  pair[at + Half.LAST_PAYLOAD] = later(Half.LAST_PAYLOAD);
  pair[at + Half.LAST_DATA_FRAME] = later(Half.LAST_DATA_FRAME);
  pairF[(at + Half.LAST_DATA_TIME) >> 1] = laterTime(Half.LAST_DATA_TIME);
}

/** The later window, and the span of both TTLs. */
function windowTtl(before: number, after: number): number {
  if (before >>> 24 === 0) return after;
  const low = Math.min((before >>> 16) & 255, (after >>> 16) & 255);
  const high = Math.max(before >>> 24, after >>> 24);
  return (after & 0xffff) | (low << 16) | (high << 24);
}

/** Requests and answers; one that goes on across the border is one. @param before who spoke last there (TurnFlag.SPEAKER), and `first` behind it */
export function joinTurns(x: Context, here: Records, from: Records, before: number, first: FirstSegment): void {
  const { pair, pairF, p } = here;
  const t = from.p;
  const later = (word: number): number => from.pair[t + word]!;
  const flags = pair[p + Turn.FLAGS]!;
  const begins = pair[p + Turn.REQUESTS] === 0;
  // To the later capture a server that speaks first was not asked.
  const unasked = before === 0 || first.side === Side.CLIENT ? later(Turn.FLAGS) & TurnFlag.UNASKED : 0;
  const http = (begins ? later(Turn.FLAGS) : flags) & TurnFlag.HTTP;
  const other = (flags & TurnFlag.UNASKED) | ((flags | later(Turn.FLAGS)) & TurnFlag.HEADER_ENDED);
  pair[p + Turn.FLAGS] = (later(Turn.FLAGS) & TurnFlag.SPEAKER) | unasked | http | other;
  const goesOn = first.side === Side.CLIENT && before === 1 ? 1 : 0;
  const waited = (side: Side): number => first.time - pairF[(p + side * HALF_STRIDE + Half.LAST_DATA_TIME) >> 1]!;
  if (first.side === Side.CLIENT && before === 2)
    pairF[(p + Turn.CLIENT_TIME) >> 1] = pairF[(p + Turn.CLIENT_TIME) >> 1]! + Math.max(0, waited(Side.SERVER));
  if (first.side === Side.SERVER && before === 1) {
    x.load(here.id, Side.SERVER);
    x.frame = first.frame;
    x.now = first.time;
    noteAnswer(x, pair, pairF, p);
  }
  pair[p + Turn.REQUESTS] = pair[p + Turn.REQUESTS]! + later(Turn.REQUESTS) - goesOn;
  pair[p + Turn.ANSWERS] = pair[p + Turn.ANSWERS]! + later(Turn.ANSWERS);
  pair[p + Turn.LONGEST] = Math.max(pair[p + Turn.LONGEST]!, later(Turn.LONGEST));
  for (const word of [Turn.SERVER_TIME, Turn.CLIENT_TIME]) pairF[(p + word) >> 1] = pairF[(p + word) >> 1]! + from.pairF[(t + word) >> 1]!;
  for (let word = 0; word < ANSWER_BUCKETS / 2; word++) {
    const [a, b] = [pair[p + Turn.BUCKETS + word]!, later(Turn.BUCKETS + word)];
    const sum = (shift: number): number => Math.min(0xffff, ((a >>> shift) & 0xffff) + ((b >>> shift) & 0xffff));
    pair[p + Turn.BUCKETS + word] = sum(0) | (sum(16) << 16);
  }
  for (const side of [0, 1]) if (later(Turn.BEGAN + side) !== 0) pair[p + Turn.BEGAN + side] = later(Turn.BEGAN + side);
  joinDelays(x.tables, here, from);
}

function joinDelays({ delays }: Tables, here: Records, from: Records): void {
  const ref = here.pair[here.p + Turn.DELAYS]! - 1;
  const other = from.pair[from.p + Turn.DELAYS]! - 1;
  if (ref < 0) here.pair[here.p + Turn.DELAYS] = other + 1;
  if (ref < 0 || other < 0) return;
  const [into, at, page, there] = [delays.page(ref), delays.offset(ref), delays.page(other), delays.offset(other)];
  const [intoF, pageF] = [floatsOf(into), floatsOf(page)];
  const time = (word: number): number => pageF[(there + word) >> 1]!;
  const take = (words: readonly number[], doubles: readonly number[]): void =>
    addWords(into, at, page, there, { last: words, lastDoubles: doubles });
  if (page[there + Delay.LONG]! > 0) {
    if (into[at + Delay.LONG] === 0) take([], [Delay.LONG_FIRST]);
    take([], [Delay.LONG_LAST]);
    const longest = time(Delay.LONGEST_TIME) - time(Delay.REQUEST_TIME);
    if (longest > intoF[(at + Delay.LONGEST_TIME) >> 1]! - intoF[(at + Delay.REQUEST_TIME) >> 1]!)
      take([Delay.REQUEST_FRAME, Delay.ANSWER_FRAME], [Delay.LONGEST_TIME, Delay.REQUEST_TIME]);
  }
  if (page[there + Delay.DRIPS]! > 0) {
    if (into[at + Delay.DRIPS] === 0) take([Delay.DRIP_FRAME], [Delay.DRIP_FIRST]);
    take([], [Delay.DRIP_LAST]);
  }
  if (page[there + Delay.REST_FRAME] !== 0) {
    if (into[at + Delay.REST_FRAME] === 0) take([Delay.PIECE_FRAME, Delay.REST_FRAME], [Delay.PIECE_TIME, Delay.STALL_FIRST]);
    take([], [Delay.STALL_LAST]);
  }
  addWords(into, at, page, there, DELAY_SUMS);
}

export function joinSequel(x: Context, here: Records, from: Records): void {
  const { sequels } = x.tables;
  const ref = sequelOf(from.core, from.c) - 1;
  const [page, s] = [sequels.page(ref), sequels.offset(ref)];
  x.load(here.id, Side.CLIENT);
  if ((x.sequel[x.s + Sequel.SYN_TIMESTAMP] === 0 && x.iss(0) === 0) || x.options(0) === 0) {
    x.setIss(0, x.iss(0) === 0 ? page[s + Sequel.ISS]! : x.iss(0));
    x.setOptions(0, x.options(0) === 0 ? page[s + Sequel.OPTIONS]! : x.options(0));
  }
  if (x.iss(1) === 0) x.setIss(1, page[s + Sequel.ISS + 1]!);
  if (x.options(1) === 0) x.setOptions(1, page[s + Sequel.OPTIONS + 1]!);
  if (x.sequel[x.s + Sequel.FIRST_SYNACK] === 0) x.sequel[x.s + Sequel.FIRST_SYNACK] = page[s + Sequel.FIRST_SYNACK]!;
}

/** When and with which frame the newest segment of all came, copies included. */
export function joinLast(x: Context, here: Records, from: Records): void {
  const { sequels } = x.tables;
  const ref = sequelOf(from.core, from.c) - 1;
  x.load(here.id, Side.CLIENT);
  const last = (x.s + Sequel.LAST_TIME) >> 1;
  x.sequelF[last] = Math.max(x.sequelF[last]!, sequels.floatPage(ref)[(sequels.offset(ref) + Sequel.LAST_TIME) >> 1]!);
  here.core[here.c + Core.LAST_FRAME] = Math.max(here.core[here.c + Core.LAST_FRAME]!, from.core[from.c + Core.LAST_FRAME]!);
}

/** @param segments first ones of the later capture, by the earlier one's sides */
export function joinTrouble(x: Context, here: Records, from: Records, segments: readonly FirstSegment[]): void {
  for (const side of [Side.CLIENT, Side.SERVER]) openWindow(x, here, from, side, segments);
  const other = from.pair[from.p + Pair.TROUBLE]! - 1;
  if (other < 0) return;
  x.load(here.id, Side.CLIENT);
  if (here.pair[here.p + Pair.TROUBLE] === 0) {
    here.pair[here.p + Pair.TROUBLE] = other + 1;
    return;
  }
  x.openTrouble();
  const { troubles } = x.tables;
  const page = troubles.page(other);
  for (const side of [0, 1])
    joinTroubleHalf(x.trouble, x.troubleMe + side * TROUBLE_HALF, page, troubles.offset(other) + side * TROUBLE_HALF);
}

/** A window that was closed at the border, and was open again when its end spoke: there, or (nobody kept when) soon after. */
function openWindow(x: Context, here: Records, from: Records, side: Side, segments: readonly FirstSegment[]): void {
  if (here.pair[here.p + Pair.TROUBLE] === 0) return;
  x.load(here.id, side);
  x.openTrouble();
  const { trouble, troubleF, troubleMe: t } = x;
  const half = from.p + side * HALF_STRIDE;
  if (trouble[t + Trouble.ZERO_SINCE_FRAME] === 0 || from.pair[half + Half.PACKETS] === 0) return;
  const spoken = segments.filter((segment) => segment.side === side);
  const opened = spoken.find(({ window }) => window > 0) ?? spoken.at(-1);
  const stays = (from.pair[half + Half.WINDOW_TTL]! & 0xffff) === 0 && !spoken.some(({ window }) => window > 0);
  if (opened === undefined || stays) return;
  const since = troubleF[(t + Trouble.ZERO_SINCE) >> 1]!;
  const closed = Math.max(0, opened.time - since);
  troubleF[(t + Trouble.ZERO_TOTAL) >> 1] = troubleF[(t + Trouble.ZERO_TOTAL) >> 1]! + closed;
  if (closed > troubleF[(t + Trouble.ZERO_LONGEST) >> 1]!) {
    troubleF[(t + Trouble.ZERO_LONGEST) >> 1] = closed;
    troubleF[(t + Trouble.ZERO_LONGEST_SINCE) >> 1] = since;
    trouble[t + Trouble.ZERO_LONGEST_FRAME] = trouble[t + Trouble.ZERO_SINCE_FRAME]!;
    trouble[t + Trouble.ZERO_LONGEST_END] = opened.frame;
  }
  trouble[t + Trouble.ZERO_SINCE_FRAME] = 0;
}

function joinTroubleHalf(into: Int32Array, at: number, page: Int32Array, there: number): void {
  const [intoF, pageF] = [floatsOf(into), floatsOf(page)];
  const longer = (word: number): boolean => pageF[(there + word) >> 1]! > intoF[(at + word) >> 1]!;
  const take = (words: readonly number[], doubles: readonly number[]): void =>
    addWords(into, at, page, there, { last: words, lastDoubles: doubles });
  if (longer(Trouble.ZERO_LONGEST))
    take([Trouble.ZERO_LONGEST_FRAME, Trouble.ZERO_LONGEST_END], [Trouble.ZERO_LONGEST, Trouble.ZERO_LONGEST_SINCE]);
  if (longer(Trouble.MAX_DELAY)) take([Trouble.MAX_DELAY_FRAME], [Trouble.MAX_DELAY, Trouble.MAX_DELAY_TIME]);
  if (page[there + Trouble.FIRST_FRAME] !== 0) {
    if (into[at + Trouble.FIRST_FRAME] === 0) take([Trouble.FIRST_FRAME], [Trouble.FIRST_TIME]);
    addWords(into, at, page, there, REPEAT_SUMS);
  }
  if (page[there + Trouble.KEEP_ALIVES]! > 0) addWords(into, at, page, there, KEEP_ALIVE_SUMS);
  if (page[there + Trouble.HOLE_LIST] !== 0) take([Trouble.HOLE_LIST, Trouble.HOLES], []);
  if (page[there + Trouble.ZERO_SINCE_FRAME] !== 0) take([Trouble.ZERO_SINCE_FRAME], [Trouble.ZERO_SINCE]);
  addWords(into, at, page, there, TROUBLE_SUMS);
}

export function joinRare(x: Context, here: Records, from: Records): void {
  const other = from.pair[from.p + Pair.RARE]! - 1;
  if (other < 0) return;
  x.load(here.id, Side.CLIENT);
  x.openRare();
  const { rares } = x.tables;
  const [page, there] = [rares.page(other), rares.offset(other)];
  const { rare, rareF, r } = x;
  const take = (words: readonly number[], doubles: readonly number[]): void =>
    addWords(rare, r, page, there, { last: words, lastDoubles: doubles });
  if (floatsOf(page)[(there + Rare.IDLE) >> 1]! > rareF[(r + Rare.IDLE) >> 1]!) take([Rare.IDLE_FRAME], [Rare.IDLE, Rare.IDLE_END]);
  if (page[there + Rare.STRAY_FRAME] !== 0) take([Rare.STRAY_SEQ, Rare.STRAY_FRAME, Rare.STRAY_COUNT], [Rare.STRAY_TIME]);
  joinCopies(x, here, from);
}

/** Returns whether there are any. */
export function joinCopies(x: Context, here: Records, from: Records): boolean {
  const other = from.pair[from.p + Pair.RARE]! - 1;
  const { rares, copied } = x.tables;
  const copies = other < 0 ? -1 : rares.page(other)[rares.offset(other) + Rare.COPIES]! - 1;
  if (copies < 0) return false;
  x.load(here.id, Side.CLIENT);
  x.openRare();
  const { rare, r } = x;
  const mine = rare[r + Rare.COPIES]! - 1;
  if (mine < 0) {
    rare[r + Rare.COPIES] = copies + 1;
    return true;
  }
  addWords(copied.page(mine), copied.offset(mine), copied.page(copies), copied.offset(copies), { ...COPIED_SUMS, last: [Copied.LAST] });
  return true;
}
