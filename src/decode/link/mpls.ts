/**
 * MPLS label stack entries (RFC 3032). Labels differ per direction and hop, so they are no part of a connection's identity.
 * What is below the stack is not named by it; like everybody else we look for an IP version. Pseudowires end here.
 */
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';

const ENTRY = 4;
const BOTTOM_OF_STACK = 0x100;

export function decodeMpls(w: Walk): number {
  if (w.bound - w.at < ENTRY) return missing(w, ENTRY);
  const bottom = (w.view.getUint32(w.at) & BOTTOM_OF_STACK) !== 0;
  w.at += ENTRY;
  if (!bottom) return EtherType.MPLS;
  if (w.bound - w.at < 1) return missing(w, 1);
  const version = w.view.getUint8(w.at) >>> 4;
  if (version === 4) return EtherType.IPV4;
  return version === 6 ? EtherType.IPV6 : stopped(w, Stop.OTHER_PROTOCOL);
}
