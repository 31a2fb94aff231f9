/**
 * How a regular connection ends: each end's first FIN, and the acknowledgment of either, which say nothing else. They are taken in
 * the lane of regular segments (regular.ts); what they do to both ends' states is what `machine.ts` does for every FIN and ACK.
 */
import { Flag, ODD_FLAGS } from '../model/flags.ts';
import { type Side, State } from '../model/state.ts';
import type { Packet } from '../decode/packet.ts';
import { finAcknowledged, finish } from './closing.ts';
import type { Context } from './context.ts';
import { noteSegment } from './history.ts';
import { Core, Half, HalfFlag } from './layout.ts';

/** Bits of Core.STATE that are one end's state. */
const STATE_BITS = 4;
/** In `CLOSES`: the segment is a FIN. */
const WITH_FIN = 1 << (2 * STATE_BITS);

/** By the states of the sender and of the receiver, and whether it is a FIN: may a segment be one of a regular close? */
const CLOSES = new Uint8Array(2 * WITH_FIN);
const states = (sender: State, receiver: State): number => sender | (receiver << STATE_BITS);
CLOSES[WITH_FIN | states(State.ESTABLISHED, State.ESTABLISHED)] = 1;
CLOSES[states(State.CLOSE_WAIT, State.FIN_WAIT_1)] = 1;
CLOSES[WITH_FIN | states(State.CLOSE_WAIT, State.FIN_WAIT_1)] = 1;
CLOSES[WITH_FIN | states(State.CLOSE_WAIT, State.FIN_WAIT_2)] = 1;
CLOSES[states(State.TIME_WAIT, State.LAST_ACK)] = 1;

/** Of the connection with the core record `core` at `c`; its segment has ACK, and neither SYN nor RST. */
export function mayClose(k: Packet, side: Side, core: Int32Array, c: number): boolean {
  const word = core[c + Core.STATE]! & 0xff;
  const both = side === 0 ? word : (word >>> STATE_BITS) | ((word & 15) << STATE_BITS);
  if (CLOSES[both | ((k.flags & Flag.FIN) !== 0 ? WITH_FIN : 0)] === 0 || ODD_FLAGS[k.flags & 0x3f] === 1) return false;
  const ports = core[c + Core.PORTS]!; // a socket that is connected to itself receives its own FIN
  return core[c + Core.ADDR_A] !== core[c + Core.ADDR_B] || ports >>> 16 !== (ports & 0xffff);
}

/** The same as far as the pair record tells: the FIN is the first of its end, and the other end's is acknowledged, without anything behind it. */
export function closesRegularly(k: Packet, pair: Int32Array, me: number, peer: number): boolean {
  if ((pair[peer + Half.FLAGS]! & HalfFlag.FIN_SENT) !== 0 && (k.payloadLength > 0 || k.ack !== pair[peer + Half.FIN_ACK])) return false;
  return (k.flags & Flag.FIN) === 0 || (pair[me + Half.FIRST_FIN] === 0 && pair[me + Half.MISSED] === 0);
}

/** Before the segment is booked. `x` stands at its connection. */
export function close(x: Context, k: Packet): void {
  noteSegment(x, k);
  if (x.flag(x.peer, HalfFlag.FIN_SENT)) finAcknowledged(x, k);
  if ((k.flags & Flag.FIN) !== 0) finish(x, k, k.payloadLength + 1, true);
}
