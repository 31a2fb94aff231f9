/** Ethernet II and IEEE 802.3, with 802.1Q, 802.1ad and older stacked tags. */
import { Encap } from '../encapsulations.ts';
import { FIRST_ETHERTYPE } from '../numbers.ts';
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
