/**
 * ERSPAN (draft-foschiano-erspan): mirrored Ethernet frames over GRE. Type I is GRE alone, type II has eight octets of header,
 * type III twelve, and eight more when its O bit says so.
 */
import { Encap } from '../encapsulations.ts';
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

/** Version (4 bits) and VLAN (12), class of service and flags (6 bits) and session (10), then what differs. */
const TYPE_2 = 8;
const TYPE_3 = 12;
const TYPE_3_SUBHEADER = 8;
const VERSION_2 = 1;
const VERSION_3 = 2;
const SESSION = 0x03ff;
/** Type III, in its last word: frame type (5 bits) and the flag of the platform-specific subheader. */
const FRAME_TYPE = 0x7c00;
const FRAME_ETHERNET = 0x0000;
const FRAME_IP = 0x0800;
const HAS_SUBHEADER = 0x0001;

export function decodeErspan1(w: Walk): number {
  w.packet.encap = w.encapsulations.child(w.packet.encap, Encap.ERSPAN, 0);
  return EtherType.BRIDGED_ETHERNET;
}

export function decodeErspan2(w: Walk): number {
  if (w.bound - w.at < TYPE_2) return missing(w, TYPE_2);
  return mirrored(w, VERSION_2, TYPE_2, EtherType.BRIDGED_ETHERNET);
}

export function decodeErspan3(w: Walk): number {
  if (w.bound - w.at < TYPE_3) return missing(w, TYPE_3);
  const last = w.view.getUint16(w.at + 10);
  const size = TYPE_3 + ((last & HAS_SUBHEADER) !== 0 ? TYPE_3_SUBHEADER : 0);
  if (w.bound - w.at < size) return missing(w, size);
  const frame = last & FRAME_TYPE;
  if (frame !== FRAME_ETHERNET && frame !== FRAME_IP) return stopped(w, Stop.OTHER_PROTOCOL);
  return mirrored(w, VERSION_3, size, frame === FRAME_IP ? Next.ANY_IP : EtherType.BRIDGED_ETHERNET);
}

function mirrored(w: Walk, version: number, size: number, next: number): number {
  if (w.view.getUint8(w.at) >>> 4 !== version) return stopped(w, Stop.OTHER_PROTOCOL);
  const session = w.view.getUint16(w.at + 2) & SESSION;
  w.packet.encap = w.encapsulations.child(w.packet.encap, Encap.ERSPAN_WITH_SESSION, session);
  w.at += size;
  return next;
}
