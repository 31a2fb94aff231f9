/** Ethernet II and IEEE 802.3, with 802.1Q, 802.1ad and older stacked tags, port extenders' tags, and 802.1ah. */
import { Encap } from '../encapsulations.ts';
import { EtherType, FIRST_ETHERTYPE } from '../numbers.ts';
import { missing, Next, type Walk } from '../walk.ts';

/** Destination, source, type. LINKTYPE_ETHERNET has no preamble; a trailing FCS is cut off by the IP length. */
const HEADER = 14;
const TYPE = 12;

export function decodeEthernet(w: Walk): number {
  if (w.bound - w.at < HEADER) return missing(w, HEADER);
  const type = w.view.getUint16(w.at + TYPE);
  w.at += HEADER;
  return type >= FIRST_ETHERTYPE ? type : Next.LLC;
}

/** Tag control information and the next type; the tag's own type was read by whoever came before. */
const TAG = 4;
const VLAN_ID = 0x0fff;

export function decodeVlan(w: Walk): number {
  if (w.bound - w.at < TAG) return missing(w, TAG);
  const id = w.view.getUint16(w.at) & VLAN_ID;
  // IEEE 802.1Q §9.6: id 0 carries a priority only, the frame is in no VLAN.
  if (id !== 0) w.packet.encap = w.encapsulations.child(w.packet.encap, Encap.VLAN, id);
  const type = w.view.getUint16(w.at + 2);
  w.at += TAG;
  return type >= FIRST_ETHERTYPE ? type : Next.LLC;
}

/** VN-Tag and E-tag, without their own type. They name ports of a switch, source and destination, so each direction has its own. */
const VN_TAG = 4;
const E_TAG = 6;

export const decodeVnTag = (w: Walk): number => skipTag(w, VN_TAG);
export const decodeETag = (w: Walk): number => skipTag(w, E_TAG);

function skipTag(w: Walk, size: number): number {
  if (w.bound - w.at < size + 2) return missing(w, size + 2);
  const type = w.view.getUint16(w.at + size);
  w.at += size + 2;
  return type >= FIRST_ETHERTYPE ? type : Next.LLC;
}

/** IEEE 802.1Q §9.7 (802.1ah): priority and flags, I-SID (3), and then the customer's frame from its addresses on. */
const I_TAG = 4;
const SERVICE_ID = 0xff_ffff;

export function decodeITag(w: Walk): number {
  if (w.bound - w.at < I_TAG) return missing(w, I_TAG);
  w.packet.encap = w.encapsulations.child(w.packet.encap, Encap.PBB, w.view.getUint32(w.at) & SERVICE_ID);
  w.at += I_TAG;
  return EtherType.BRIDGED_ETHERNET;
}
