/**
 * The third ACK of a regular handshake: one SYN, one SYN-ACK, and what the client says next, which is nothing else. It makes the pair
 * record, so it is the dearest segment of a connection; and like the lane of regular segments (regular.ts), this one
 * writes nothing before every question is answered, and leaves what is not regular to the long way.
 */
import { Flag } from '../model/flags.ts';
import { Side, State } from '../model/state.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import type { Copies } from './copies.ts';
import { grow } from './embryo.ts';
import { ONE_SYN, ONE_SYN_ACK } from './embryo-word.ts';
import { notePlain } from './history.ts';
import { isTaken } from './implied.ts';
import { Core, Half, HalfFlag, Sequel, Trait } from './layout.ts';
import { synAcked } from './opening.ts';
import { mayCarrySack } from './repairs.ts';
import { COMPLETE_ACK, IDLE_FLOOR, noteWindowAndTtl } from './sequence.ts';

const KIND = Flag.SYN | Flag.FIN | Flag.RST | Flag.ACK;
const ANSWERED = State.ESTABLISHED | (State.SYN_RCVD << 4) | Trait.SAW_SYN | Trait.SAW_SYN_ACK;
const ASKED = 0xff | ANSWERED | Trait.HAS_RST | Trait.STRAY_SYN;
/** Of Sequel.EMBRYO, without the lengths. */
const ONE_OF_EACH = (ONE_SYN | ONE_SYN_ACK) >>> 16;

/** Books the segment, when it is that ACK; else does nothing and returns false. `x` stands at its connection. */
export function thirdAck(x: Context, copies: Copies, k: Packet): boolean {
  const { core, c, sequel, sequelF, s, now } = x;
  if (x.paired || !x.hasSequel || x.side !== Side.CLIENT || (core[c + Core.STATE]! & ASKED) !== ANSWERED) return false;
  if ((k.flags & KIND) !== Flag.ACK || k.payloadLength > 0 || k.window === 0 || k.fragments > 1) return false;
  if (k.seq !== ((sequel[s + Sequel.ISS]! + 1) | 0) || k.ack !== ((sequel[s + Sequel.ISS + 1]! + 1) | 0)) return false;
  // Where nothing came since the SYN-ACK, not even a copy, the newest time is its time.
  if (sequel[s + Sequel.EMBRYO]! >>> 16 !== ONE_OF_EACH || !isTaken(sequel[s + Sequel.TAIL]!) || sequel[s + Sequel.HEAD] !== 0)
    return false;
  const last = (s + Sequel.LAST_TIME) >> 1;
  if (sequel[s + Sequel.PREVIOUS] !== 0 || now < sequelF[last]! || now - sequelF[last]! >= IDLE_FLOOR) return false;
  if (k.headerLength >= 32 && mayCarrySack(k)) return false;

  copies.note(x, k); // but for SYNs it is the first segment of its sender, and no copy
  grow(x);
  core[c + Core.LAST_FRAME] = x.frame;
  sequelF[last] = now;
  const { pair, pairF, me, peer } = x;
  pair[me + Half.PACKETS] = pair[me + Half.PACKETS]! + 1;
  pairF[(me + Half.IP_BYTES) >> 1] = pairF[(me + Half.IP_BYTES) >> 1]! + k.ipLength;
  synAcked(x, true);
  x.setFlag(me, HalfFlag.ACK_SEEN | HalfFlag.SPOKE);
  notePlain(x, k);
  x.set(COMPLETE_ACK);
  pair[me + Half.LAST_ACK] = k.ack;
  pair[peer + Half.UNA] = k.ack;
  x.setFlag(peer, HalfFlag.UNA_KNOWN);
  noteWindowAndTtl(pair, me, k);
  pairF[(me + Half.LAST_TIME) >> 1] = now;
  return true;
}
