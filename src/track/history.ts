/**
 * What Zeek would note of a connection, kept while its segments pass: the letters of `history` and the two endpoint
 * states behind `conn_state`. zeek.ts reads both.
 *
 * Zeek's definitions (TCPSessionAdapter.cc, scripts/base/protocols/conn/main.zeek), not this program's view: Zeek believes
 * every RST, calls an end ESTABLISHED as soon as a SYN-ACK passes, and closes it at its FIN. Zeek's timers are left out (it
 * splits what is idle for 5 minutes), and so is `c`: a checksum that fails is mostly one that the network card fills in.
 */
import { Flag } from '../model/flags.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { Half, HalfFlag, Pair, Trouble } from './layout.ts';

/** Zeek's letters as the codes of Pair.HISTORY (position + 1); UPPER is added where the client sent it. */
export const HISTORY_LETTERS = 'shadfrgtwiq^';
const UPPER = 16;
const LETTER_BITS = 5;
const LETTERS_PER_WORD = 6;
const HISTORY_WORDS = 4;
/** Zeek has no bound; segments that each earn a letter (RSTs of ever new sequence numbers) must have one here. */
export const MAX_HISTORY = LETTERS_PER_WORD * HISTORY_WORDS;

const code = (letter: string): number => HISTORY_LETTERS.indexOf(letter) + 1;
const LETTER = {
  SYN: code('s'),
  SYN_ACK: code('h'),
  ACK: code('a'),
  DATA: code('d'),
  FIN: code('f'),
  RST: code('r'),
  GAP: code('g'),
  AGAIN: code('t'),
  WINDOW: code('w'),
  FIN_RST: code('i'),
  ODD: code('q'),
  FLIPPED: code('^'),
} as const;

/** Bits of Half.FLAGS: what this end has a letter for already. */
export const SEEN_ACK = 1 << HalfFlag.HISTORY_SHIFT;
export const SEEN_DATA = 2 << HalfFlag.HISTORY_SHIFT;
const SEEN_SYN = 4 << HalfFlag.HISTORY_SHIFT;
const SEEN_FIN = 8 << HalfFlag.HISTORY_SHIFT;
const SEEN_RST = 16 << HalfFlag.HISTORY_SHIFT;
const SEEN_FIN_RST = 32 << HalfFlag.HISTORY_SHIFT;
const SEEN_ODD = 64 << HalfFlag.HISTORY_SHIFT;

/** Zeek's endpoint states (TCP_Endpoint.h). An end that is INACTIVE here although it has sent is Zeek's PARTIAL. */
export const ZeekState = { INACTIVE: 0, SYN_SENT: 1, SYN_ACK_SENT: 2, ESTABLISHED: 3, CLOSED: 4, RESET: 5 } as const;
const STATE_BITS = 7 << HalfFlag.ZEEK_SHIFT;
const BEFORE_SHIFT = HalfFlag.ZEEK_SHIFT + 3;

export const zeekState = (halfFlags: number): number => (halfFlags >>> HalfFlag.ZEEK_SHIFT) & 7;
const stateBefore = (halfFlags: number): number => (halfFlags >>> BEFORE_SHIFT) & 7;

function enter(x: Context, half: number, to: number): void {
  const flags = x.pair[half + Half.FLAGS]!;
  const from = zeekState(flags);
  if (from === to) return;
  x.pair[half + Half.FLAGS] = (flags & ~(STATE_BITS | (7 << BEFORE_SHIFT))) | (to << HalfFlag.ZEEK_SHIFT) | (from << BEFORE_SHIFT);
}

function write(x: Context, letter: number, side: number): void {
  for (let n = 0; n < HISTORY_WORDS; n++) {
    const word = x.p + Pair.HISTORY + n;
    const filled = x.pair[word]!;
    if (filled >>> (LETTER_BITS * (LETTERS_PER_WORD - 1)) !== 0) continue;
    let at = 0;
    while (filled >>> at !== 0) at += LETTER_BITS;
    x.pair[word] = filled | ((side === 0 ? letter | UPPER : letter) << at);
    return;
  }
}

/** The letters of a pair record, from its first word. */
export function historyText(pair: Int32Array, p: number): string {
  let out = '';
  for (let n = 0; n < MAX_HISTORY; n++) {
    const at = (n % LETTERS_PER_WORD) * LETTER_BITS;
    const letter = (pair[p + Pair.HISTORY + Math.floor(n / LETTERS_PER_WORD)]! >>> at) & 31;
    if (letter === 0) break;
    const lower = HISTORY_LETTERS[(letter & ~UPPER) - 1] ?? '';
    out += (letter & UPPER) === 0 ? lower : lower.toUpperCase();
  }
  return out;
}

/** Puts letters behind those of a pair record, as far as there is room. */
export function addHistory(pair: Int32Array, p: number, text: string): void {
  const letters = Array.from(historyText(pair, p) + text).slice(0, MAX_HISTORY);
  for (let n = 0; n < HISTORY_WORDS; n++) pair[p + Pair.HISTORY + n] = 0;
  letters.forEach((letter, n) => {
    const lower = letter.toLowerCase();
    const word = p + Pair.HISTORY + Math.floor(n / LETTERS_PER_WORD);
    pair[word] = pair[word]! | ((code(lower) | (letter === lower ? 0 : UPPER)) << ((n % LETTERS_PER_WORD) * LETTER_BITS));
  });
}

/** Zeek's state of an end of a connection that another capture goes on with: the bits of Half.FLAGS. */
export function joinedZeekState(before: number, after: number): number {
  const later = zeekState(after);
  const earlier = zeekState(before);
  const kept = before & (STATE_BITS | (7 << BEFORE_SHIFT));
  if (later < ZeekState.CLOSED && earlier >= ZeekState.ESTABLISHED) return kept;
  if (later === ZeekState.INACTIVE) return kept;
  const inside = stateBefore(after);
  return (later << HalfFlag.ZEEK_SHIFT) | ((inside === ZeekState.INACTIVE ? earlier : inside) << BEFORE_SHIFT);
}

/** Has this end a letter of the kind already? Remembers it. */
function seen(x: Context, bit: number): boolean {
  const flags = x.pair[x.me + Half.FLAGS]!;
  if ((flags & bit) !== 0) return true;
  x.pair[x.me + Half.FLAGS] = flags | bit;
  return false;
}

/** The pair record begins: what the handshake so far is in Zeek's words. */
export function noteHandshake(x: Context, syns: number, synAcks: number): void {
  const client = x.half(0);
  const server = x.half(1);
  if (syns === 0) {
    // Zeek turns the two ends round when the first packet comes from a server.
    if (x.side === 1) write(x, LETTER.FLIPPED, 1);
    return;
  }
  write(x, LETTER.SYN, 0);
  x.setFlag(client, SEEN_SYN);
  enter(x, client, ZeekState.SYN_SENT);
  if (synAcks === 0) return;
  write(x, LETTER.SYN_ACK, 1);
  x.setFlag(server, SEEN_SYN);
  enter(x, client, ZeekState.ESTABLISHED);
  enter(x, server, ZeekState.ESTABLISHED);
}

/** A segment without SYN, FIN and RST. */
export function notePlain(x: Context, k: Packet): void {
  if (k.payloadLength > 0) {
    if (!seen(x, SEEN_DATA)) write(x, LETTER.DATA, x.side);
  } else if ((k.flags & Flag.ACK) !== 0 && !seen(x, SEEN_ACK)) {
    write(x, LETTER.ACK, x.side);
  }
}

/** Any segment that does not run down the fast path, before the machine has seen it. */
export function noteSegment(x: Context, k: Packet): void {
  const control = k.flags & (Flag.SYN | Flag.FIN | Flag.RST);
  if (control === 0) {
    if (zeekState(x.pair[x.me + Half.FLAGS]!) === ZeekState.INACTIVE) firstWords(x, k);
    return;
  }
  noteControl(x, k, control);
  changeState(x, k);
}

function noteControl(x: Context, k: Packet, control: number): void {
  const { pair, me, side } = x;
  switch (control) {
    case Flag.SYN: {
      const again = seen(x, SEEN_SYN);
      if (!again || k.seq !== x.iss(side)) write(x, (k.flags & Flag.ACK) === 0 ? LETTER.SYN : LETTER.SYN_ACK, side);
      return;
    }
    case Flag.FIN:
      if (!seen(x, SEEN_FIN) || ((k.seq + k.payloadLength + 1) | 0) !== pair[me + Half.FIN_ACK]) write(x, LETTER.FIN, side);
      return;
    case Flag.RST:
      if (!seen(x, SEEN_RST) || k.seq !== pair[me + Half.RST_SEQ]) write(x, LETTER.RST, side);
      return;
    default:
      if ((control & (Flag.FIN | Flag.RST)) === (Flag.FIN | Flag.RST)) {
        if (!seen(x, SEEN_FIN_RST)) write(x, LETTER.FIN_RST, side);
      } else if (!seen(x, SEEN_ODD)) {
        write(x, LETTER.ODD, side);
      }
  }
}

/** The first words of an end whose SYN Zeek has not seen. Anything but the answer to a SYN-ACK leaves it PARTIAL. */
function firstWords(x: Context, k: Packet): void {
  if ((k.flags & Flag.ACK) !== 0 && zeekState(x.pair[x.peer + Half.FLAGS]!) === ZeekState.ESTABLISHED)
    enter(x, x.me, ZeekState.ESTABLISHED);
}

function changeState(x: Context, k: Packet): void {
  const { pair, me, peer, side } = x;
  const flags = k.flags;
  const mine = zeekState(pair[me + Half.FLAGS]!);
  const theirs = zeekState(pair[peer + Half.FLAGS]!);
  switch (mine) {
    case ZeekState.INACTIVE:
      if ((flags & Flag.SYN) !== 0) {
        if (side === 0 && theirs !== ZeekState.ESTABLISHED) {
          enter(x, me, (flags & Flag.ACK) === 0 ? ZeekState.SYN_SENT : ZeekState.SYN_ACK_SENT);
        } else {
          if (theirs === ZeekState.SYN_SENT) enter(x, peer, ZeekState.ESTABLISHED);
          enter(x, me, ZeekState.ESTABLISHED);
        }
      }
      if ((flags & Flag.FIN) !== 0) enter(x, me, ZeekState.CLOSED);
      if ((flags & Flag.RST) !== 0) enter(x, me, ZeekState.RESET);
      return;
    case ZeekState.SYN_SENT:
    case ZeekState.SYN_ACK_SENT:
      if ((flags & Flag.FIN) !== 0) enter(x, me, ZeekState.CLOSED);
      if ((flags & Flag.RST) !== 0) enter(x, me, ZeekState.RESET);
      return;
    case ZeekState.ESTABLISHED:
      if ((flags & Flag.RST) !== 0) {
        enter(x, me, ZeekState.RESET);
      } else if ((flags & Flag.FIN) !== 0) {
        enter(x, me, ZeekState.CLOSED);
        // FIN, then RST from there, then the FIN from here: both closed, the RST only answered what came late.
        if (theirs === ZeekState.RESET && stateBefore(pair[peer + Half.FLAGS]!) === ZeekState.CLOSED) enter(x, peer, ZeekState.CLOSED);
      }
      return;
    case ZeekState.CLOSED:
      if ((flags & Flag.RST) !== 0 && theirs !== ZeekState.CLOSED) enter(x, me, ZeekState.RESET);
  }
}

/** `g`, `t` and `w` are written for the 1st, the 10th, the 100th … time. */
function isPowerOfTen(n: number): boolean {
  let power = 1;
  while (power < n) power *= 10;
  return power === n;
}

/** Trouble.HISTORY_COUNTS: payload sent again in the lower bits, gaps above; both stay at their limit. */
const AGAIN_LIMIT = (1 << 20) - 1;
const GAP_SHIFT = 20;
const GAP_LIMIT = (1 << 11) - 1;

/** Payload of this segment, all of it, has been sent before. */
export function noteAgain(x: Context): void {
  const { pair, me } = x;
  if (zeekState(pair[me + Half.FLAGS]!) === ZeekState.RESET) return;
  x.openTrouble();
  const { trouble, troubleMe } = x;
  const counts = trouble[troubleMe + Trouble.HISTORY_COUNTS]!;
  const before = counts & AGAIN_LIMIT;
  if (before === AGAIN_LIMIT) return;
  trouble[troubleMe + Trouble.HISTORY_COUNTS] = counts + 1;
  if (isPowerOfTen(before + 1)) write(x, LETTER.AGAIN, x.side);
}

/** Whether both ends finished a handshake and none has ended but by its FIN: only then are gaps worth Zeek's word. */
function clean(halfFlags: number): boolean {
  const state = zeekState(halfFlags);
  return state === ZeekState.ESTABLISHED || (state === ZeekState.CLOSED && stateBefore(halfFlags) === ZeekState.ESTABLISHED);
}

/** This segment acknowledges payload of the other end that the capture does not hold. */
export function noteGap(x: Context): void {
  const { pair, me, peer } = x;
  if (!clean(pair[me + Half.FLAGS]!) || !clean(pair[peer + Half.FLAGS]!)) return;
  x.openTrouble();
  const { trouble, troublePeer } = x;
  const counts = trouble[troublePeer + Trouble.HISTORY_COUNTS]!;
  const before = counts >>> GAP_SHIFT;
  if (before === GAP_LIMIT) return;
  trouble[troublePeer + Trouble.HISTORY_COUNTS] = counts + (1 << GAP_SHIFT);
  if (isPowerOfTen(before + 1)) write(x, LETTER.GAP, 1 - x.side);
}

/** This end shuts its window for the `count`th time. After the other end's FIN there is nothing that it could keep out. */
export function noteZeroWindow(x: Context, count: number): void {
  if (zeekState(x.pair[x.peer + Half.FLAGS]!) === ZeekState.CLOSED || zeekState(x.pair[x.me + Half.FLAGS]!) === ZeekState.RESET) return;
  if (isPowerOfTen(count)) write(x, LETTER.WINDOW, x.side);
}
