/** Which end of a connection opened it, guessed from the first packet that was captured. */
import { Flag } from '../model/flags.ts';
import type { Packet } from '../decode/packet.ts';
import { Trait } from './layout.ts';

/** IANA's dynamic ports and Linux's default range begin far above; below is where services live. */
const EPHEMERAL_FLOOR = 32_768;
const WELL_KNOWN = 1_024;

export const SENDER_IS_CLIENT = 1;

/** Who opened it, as trait bits; SENDER_IS_CLIENT when the sender of this first packet did. */
export function guessRoles(k: Packet): number {
  if ((k.flags & Flag.SYN) !== 0 && (k.flags & Flag.RST) === 0) return (k.flags & Flag.ACK) !== 0 ? 0 : SENDER_IS_CLIENT;
  const { srcPort, dstPort } = k;
  const clear = srcPort !== dstPort && (Math.min(srcPort, dstPort) < WELL_KNOWN || srcPort < EPHEMERAL_FLOOR !== dstPort < EPHEMERAL_FLOOR);
  if (clear) return Trait.MIDSTREAM | Trait.ROLES_BY_PORT | (dstPort < srcPort ? SENDER_IS_CLIENT : 0);
  return Trait.MIDSTREAM | Trait.ROLES_FIRST_SEEN | SENDER_IS_CLIENT;
}
