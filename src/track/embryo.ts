/**
 * A connection while it is SYNs and SYN-ACKs: the first SYN is booked in the core record alone, which is all that most
 * connections of a flood ever need, the next ones in its sequel. Any other segment makes it grow a pair record.
 */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { Side, State } from '../model/state.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { noteHandshake } from './history.ts';
import { growCopies } from './copied.ts';
import { Core, Half, HalfFlag, Meta, Sequel, Trait } from './layout.ts';
import {
  MOST_LENGTH,
  MOST_SYNS,
  ONE_SYN,
  ONE_SYN_ACK,
  synAckLengthOf,
  synAcksOf,
  synLengthOf,
  synsOf,
  withSynAckLength,
} from './embryo-word.ts';
import { retryAfter } from './opening.ts';
import { countsOf, lengthsOf } from './sequel.ts';
import { packSynOptions } from './syn-options.ts';
import { Counter } from './time-series.ts';
import { Cause } from './transitions.ts';

const CONTROL = Flag.SYN | Flag.FIN | Flag.RST;
const OPENED = Trait.SAW_SYN | (1 << Trait.COMPLETENESS_SHIFT);

/** Books a SYN, SYN again, SYN-ACK or SYN-ACK again. Returns false when the packet is anything else, which needs a pair. */
export function embryo(x: Context, k: Packet): boolean {
  const flags = k.flags & (CONTROL | Flag.ACK);
  if (k.payloadLength > 0 || k.ipLength > MOST_LENGTH) return false;
  if (flags === Flag.SYN && x.side === Side.CLIENT) {
    if (!x.has(Trait.SAW_SYN) && !x.hasSequel) {
      loneSyn(x, k);
      return true;
    }
    x.needSequel();
    const { sequel, s } = x;
    const before = sequel[s + Sequel.EMBRYO]!;
    const n = synsOf(before);
    if (n === 0) {
      firstSyn(x, k);
      sequel[s + Sequel.EMBRYO] = ((before & ~MOST_LENGTH) | k.ipLength) + ONE_SYN;
    } else {
      if (k.seq !== x.iss(0) || k.ipLength !== synLengthOf(before) || n === MOST_SYNS || x.state(Side.CLIENT) !== State.SYN_SENT)
        return false;
      x.tables.series.count(Counter.SYN);
      x.mark(Mark.SYN_AGAIN, 0);
      x.rearmRetry(Side.CLIENT, retryAfter(x));
      sequel[s + Sequel.EMBRYO] = before + ONE_SYN;
    }
    return true;
  }
  if (flags === (Flag.SYN | Flag.ACK) && x.side === Side.SERVER && x.has(Trait.SAW_SYN)) {
    x.needSequel();
    const { sequel, s } = x;
    const before = sequel[s + Sequel.EMBRYO]!;
    const n = synAcksOf(before);
    if (n === 0) {
      if (x.state(Side.SERVER) !== State.CLOSED || ((k.ack - x.iss(0)) | 0) !== 1 || x.state(Side.CLIENT) !== State.SYN_SENT) return false;
      firstSynAck(x, k);
      sequel[s + Sequel.EMBRYO] = withSynAckLength(before, k.ipLength) + ONE_SYN_ACK;
    } else {
      if (k.seq !== x.iss(1) || k.ipLength !== synAckLengthOf(before) || n === MOST_SYNS || x.state(Side.SERVER) !== State.SYN_RCVD)
        return false;
      x.mark(Mark.SYN_ACK_AGAIN, 0);
      x.rearmRetry(Side.SERVER, retryAfter(x));
      sequel[s + Sequel.EMBRYO] = before + ONE_SYN_ACK;
    }
    return true;
  }
  return false;
}

/** The SYN that opens a connection, which its core record tells: no transition is logged, no timer armed, and no gauge of the series counts its states. */
function loneSyn(x: Context, k: Packet): void {
  const { core, c } = x;
  x.tables.series.count(Counter.SYN);
  core[c + Core.META] = core[c + Core.META]! | (k.ipLength << Meta.LENGTH_SHIFT);
  core[c + Core.ISS] = k.seq;
  core[c + Core.OPTIONS] = packSynOptions(k, core[c + Core.OPTIONS]!);
  if (k.options.hasTimestamp) core[c + Core.SYN_TIMESTAMP] = k.options.tsVal;
  core[c + Core.STATE] = core[c + Core.STATE]! | State.SYN_SENT | OPENED;
}

/** The same where there is a sequel. */
function firstSyn(x: Context, k: Packet): void {
  x.tables.series.count(Counter.SYN);
  x.setIss(0, k.seq);
  x.setOptions(0, packSynOptions(k, x.options(0)));
  x.noteSynTimestamp(k);
  if (k.ipLength <= MOST_LENGTH) x.core[x.c + Core.META] = x.core[x.c + Core.META]! | (k.ipLength << Meta.LENGTH_SHIFT);
  x.set(OPENED);
  x.step(Side.CLIENT, Cause.SENDS_SYN);
}

function firstSynAck(x: Context, k: Packet): void {
  x.tables.series.count(Counter.SYN_ANSWERED);
  x.setIss(1, k.seq);
  x.setOptions(1, packSynOptions(k, x.options(1)));
  x.sequel[x.s + Sequel.FIRST_SYNACK] = x.frame;
  x.sequel[x.s + Sequel.TTLS] = (x.sequel[x.s + Sequel.TTLS]! & ~0xff00) | ((k.ttl & 255) << 8);
  x.set(Trait.SAW_SYN_ACK | (2 << Trait.COMPLETENESS_SHIFT));
  x.step(Side.SERVER, Cause.SENDS_SYN_ACK);
  x.step(Side.CLIENT, Cause.RECEIVES_SYN_ACK);
}

/** Adds the pair record and fills it with what the embryo knew. @param counts and lengths: as `countsOf` and `lengthsOf` have them */
export function grow(x: Context, counts = countsOf(x.tables, x.core, x.c), lengths = lengthsOf(x.tables, x.core, x.c)): void {
  x.addPair();
  const { sequel, s, pair, pairF } = x;
  const ttls = sequel[s + Sequel.TTLS]!;
  sequel[s + Sequel.EMBRYO] = 0; // Sequel.CLOSED_AFTER from here on
  growCopies(x, lengths);
  const syns = counts & 0xffff;
  const synAcks = counts >>> 16;
  const first = x.core[x.c + Core.FIRST_FRAME]!;
  // Without a retry the last event is the SYN-ACK's (or the SYN's): no need to walk the log.
  const tail = sequel[s + Sequel.TAIL]!;
  const newest = tail === 0 ? x.now : x.tables.events.time(tail);
  if (syns > 0) {
    const half = x.half(Side.CLIENT);
    pair[half + Half.PACKETS] = syns;
    pair[half + Half.SYN] = syns;
    pair[half + Half.FIRST_SYN] = first;
    pair[half + Half.RETRANSMISSIONS] = syns - 1;
    pair[half + Half.NXT] = (x.iss(0) + 1) | 0;
    x.setFlag(half, HalfFlag.NXT_KNOWN);
    pairF[(half + Half.IP_BYTES) >> 1] = syns * (lengths & 0xffff);
    pair[half + Half.WINDOW_TTL] = windowTtl(0xffff, ttls & 0xff);
    pairF[(half + Half.STATE_TIME) >> 1] = syns === 1 ? newest : stateTime(x, Side.CLIENT);
    pairF[(half + Half.LAST_TIME) >> 1] = pairF[(half + Half.STATE_TIME) >> 1]!;
  }
  if (synAcks > 0) {
    const half = x.half(Side.SERVER);
    pair[half + Half.PACKETS] = synAcks;
    pair[half + Half.SYN_ACK] = synAcks;
    pair[half + Half.FIRST_SYN_ACK] = sequel[s + Sequel.FIRST_SYNACK]!;
    pair[half + Half.RETRANSMISSIONS] = synAcks - 1;
    pair[half + Half.NXT] = (x.iss(1) + 1) | 0;
    pair[half + Half.LAST_ACK] = (x.iss(0) + 1) | 0;
    x.setFlag(half, HalfFlag.NXT_KNOWN);
    pair[x.half(Side.CLIENT) + Half.UNA] = (x.iss(0) + 1) | 0;
    x.setFlag(x.half(Side.CLIENT), HalfFlag.UNA_KNOWN);
    pairF[(half + Half.IP_BYTES) >> 1] = synAcks * (lengths >>> 16);
    pair[half + Half.WINDOW_TTL] = windowTtl(0xffff, (ttls >>> 8) & 0xff);
    pairF[(half + Half.STATE_TIME) >> 1] = synAcks === 1 ? newest : stateTime(x, Side.SERVER);
    pairF[(half + Half.LAST_TIME) >> 1] = pairF[(half + Half.STATE_TIME) >> 1]!;
  }
  noteHandshake(x, syns, synAcks);
}

/** When an end entered the state that it is in. */
export function stateTime(x: Context, side: number): number {
  const ref = x.lastTransition(side);
  return ref === 0 ? x.now : x.tables.events.time(ref);
}

/** Half.WINDOW_TTL of a sender of whom only SYNs were seen. */
const windowTtl = (window: number, ttl: number): number => window | (ttl << 16) | (ttl << 24);
