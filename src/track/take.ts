/** A segment to the records of its connection: those of the embryo, the plain segment of an established connection, or the machine. */
import { Flag } from '../model/flags.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { embryo, grow } from './embryo.ts';
import { Core, Half, HalfFlag } from './layout.ts';
import { segment } from './machine.ts';
import { BOTH_ESTABLISHED, ORDINARY } from './regular.ts';
import { book } from './sequence.ts';
import { isStray } from './strays.ts';

const CONTROL = Flag.SYN | Flag.FIN | Flag.RST;

/** `x` stands at the connection. */
export function take(x: Context, k: Packet): void {
  if (!x.paired) {
    if (embryo(x, k)) return;
    grow(x);
  }
  const { core, c, pair, pairF, me } = x;
  const { flags } = k;
  pair[me + Half.PACKETS] = pair[me + Half.PACKETS]! + 1;
  pairF[(me + Half.IP_BYTES) >> 1] = pairF[(me + Half.IP_BYTES) >> 1]! + k.ipLength;
  if (k.payloadLength > 0) pairF[(me + Half.PAYLOAD) >> 1] = pairF[(me + Half.PAYLOAD) >> 1]! + k.payloadLength;

  if (x.previous !== 0 && (flags & (Flag.SYN | Flag.RST)) === 0 && isStray(x, k)) return;

  if ((flags & CONTROL) === 0 && (core[c + Core.STATE]! & ORDINARY) === BOTH_ESTABLISHED) {
    pair[me + Half.FLAGS] = pair[me + Half.FLAGS]! | HalfFlag.ACK_SEEN | HalfFlag.SPOKE;
    book(x, k, k.payloadLength);
  } else {
    segment(x, k);
  }
}
