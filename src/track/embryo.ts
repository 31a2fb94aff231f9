/**
 * A connection while it is SYNs and SYN-ACKs: booked in the core record alone, which is all that most connections of a flood
 * ever need. Any other segment makes it grow a pair record.
 */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { Side, State } from '../model/state.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { noteHandshake } from './history.ts';
import { growCopies } from './copied.ts';
import { Core, Half, HalfFlag, Trait } from './layout.ts';
import { retryAfter } from './opening.ts';
import { packSynOptions } from './syn-options.ts';
import { Counter } from './time-series.ts';
import { Cause } from './transitions.ts';

const CONTROL = Flag.SYN | Flag.FIN | Flag.RST;

/** Books a SYN, SYN again, SYN-ACK or SYN-ACK again. Returns false when the packet is anything else, which needs a pair. */
export function embryo(x: Context, k: Packet): boolean {
  const { core, c } = x;
  const flags = k.flags & (CONTROL | Flag.ACK);
  if (k.payloadLength > 0 || k.ipLength > 0xffff) return false;
  const counts = core[c + Core.COUNTS]!;
  const lengths = core[c + Core.LENGTHS]!;
  if (flags === Flag.SYN && x.side === Side.CLIENT) {
    const n = counts & 0xffff;
    if (n === 0) {
      firstSyn(x, k);
      core[c + Core.LENGTHS] = (lengths & ~0xffff) | k.ipLength;
    } else {
      if (k.seq !== core[c + Core.ISS] || k.ipLength !== (lengths & 0xffff) || n === 0xffff || x.state(Side.CLIENT) !== State.SYN_SENT)
        return false;
      x.tables.series.count(Counter.SYN);
      x.mark(Mark.SYN_AGAIN, 0);
      x.rearmRetry(Side.CLIENT, retryAfter(x));
    }
    core[c + Core.COUNTS] = counts + 1;
    return true;
  }
  if (flags === (Flag.SYN | Flag.ACK) && x.side === Side.SERVER && x.has(Trait.SAW_SYN)) {
    const n = counts >>> 16;
    if (n === 0) {
      if (x.state(Side.SERVER) !== State.CLOSED || ((k.ack - core[c + Core.ISS]!) | 0) !== 1 || x.state(Side.CLIENT) !== State.SYN_SENT)
        return false;
      firstSynAck(x, k);
      core[c + Core.LENGTHS] = (lengths & 0xffff) | (k.ipLength << 16);
    } else {
      if (k.seq !== core[c + Core.ISS + 1] || k.ipLength !== lengths >>> 16 || n === 0xffff || x.state(Side.SERVER) !== State.SYN_RCVD)
        return false;
      x.mark(Mark.SYN_ACK_AGAIN, 0);
      x.rearmRetry(Side.SERVER, retryAfter(x));
    }
    core[c + Core.COUNTS] = counts + 0x10000;
    return true;
  }
  return false;
}

function firstSyn(x: Context, k: Packet): void {
  x.tables.series.count(Counter.SYN);
  x.core[x.c + Core.ISS] = k.seq;
  x.core[x.c + Core.OPTIONS] = packSynOptions(k, x.core[x.c + Core.OPTIONS]!);
  x.noteSynTimestamp(k);
  x.set(Trait.SAW_SYN | (1 << Trait.COMPLETENESS_SHIFT));
  x.step(Side.CLIENT, Cause.SENDS_SYN);
}

function firstSynAck(x: Context, k: Packet): void {
  x.tables.series.count(Counter.SYN_ANSWERED);
  x.core[x.c + Core.ISS + 1] = k.seq;
  x.core[x.c + Core.OPTIONS + 1] = packSynOptions(k, x.core[x.c + Core.OPTIONS + 1]!);
  x.core[x.c + Core.FIRST_SYNACK] = x.frame;
  x.core[x.c + Core.TTLS] = (x.core[x.c + Core.TTLS]! & ~0xff00) | ((k.ttl & 255) << 8);
  x.set(Trait.SAW_SYN_ACK | (2 << Trait.COMPLETENESS_SHIFT));
  x.step(Side.SERVER, Cause.SENDS_SYN_ACK);
  x.step(Side.CLIENT, Cause.RECEIVES_SYN_ACK);
}

/** Adds the pair record and fills it with what the embryo knew. */
export function grow(x: Context): void {
  x.addPair();
  const { core, c, pair, pairF } = x;
  const counts = core[c + Core.COUNTS]!;
  const lengths = core[c + Core.LENGTHS]!;
  growCopies(x, [lengths & 0xffff, lengths >>> 16]);
  const syns = counts & 0xffff;
  const synAcks = counts >>> 16;
  const first = core[c + Core.FIRST_FRAME]!;
  // Without a retry the last event is the SYN-ACK's (or the SYN's): no need to walk the log.
  const tail = core[c + Core.TAIL]!;
  const newest = tail === 0 ? x.now : x.tables.events.time(tail);
  if (syns > 0) {
    const half = x.half(Side.CLIENT);
    pair[half + Half.PACKETS] = syns;
    pair[half + Half.SYN] = syns;
    pair[half + Half.FIRST_SYN] = first;
    pair[half + Half.RETRANSMISSIONS] = syns - 1;
    pair[half + Half.NXT] = (core[c + Core.ISS]! + 1) | 0;
    x.setFlag(half, HalfFlag.NXT_KNOWN);
    pairF[(half + Half.IP_BYTES) >> 1] = syns * (lengths & 0xffff);
    pair[half + Half.WINDOW_TTL] = windowTtl(0xffff, core[c + Core.TTLS]! & 0xff);
    pairF[(half + Half.STATE_TIME) >> 1] = syns === 1 ? newest : stateTime(x, Side.CLIENT);
    pairF[(half + Half.LAST_TIME) >> 1] = pairF[(half + Half.STATE_TIME) >> 1]!;
  }
  if (synAcks > 0) {
    const half = x.half(Side.SERVER);
    pair[half + Half.PACKETS] = synAcks;
    pair[half + Half.SYN_ACK] = synAcks;
    pair[half + Half.FIRST_SYN_ACK] = core[c + Core.FIRST_SYNACK]!;
    pair[half + Half.RETRANSMISSIONS] = synAcks - 1;
    pair[half + Half.NXT] = (core[c + Core.ISS + 1]! + 1) | 0;
    pair[half + Half.LAST_ACK] = (core[c + Core.ISS]! + 1) | 0;
    x.setFlag(half, HalfFlag.NXT_KNOWN);
    pair[x.half(Side.CLIENT) + Half.UNA] = (core[c + Core.ISS]! + 1) | 0;
    x.setFlag(x.half(Side.CLIENT), HalfFlag.UNA_KNOWN);
    pairF[(half + Half.IP_BYTES) >> 1] = synAcks * (lengths >>> 16);
    pair[half + Half.WINDOW_TTL] = windowTtl(0xffff, (core[c + Core.TTLS]! >>> 8) & 0xff);
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
