/** IEEE 802.2 LLC with SNAP (RFC 1042): the way EtherTypes travel in 802.3 and 802.11 frames. Other service access points carry no IP. */
import { FIRST_ETHERTYPE } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';

/** DSAP, SSAP, control, OUI, type. */
const HEADER = 8;
/** DSAP and SSAP 0xaa, control 3 (unnumbered information), first octet of the OUI 0. */
const SNAP = 0xaaaa0300;
/** RFC 1042, and IEEE 802.1H bridge tunnel encapsulation, which 802.11 uses as well. */
const OUI_RFC1042 = 0x0000;
const OUI_BRIDGE_TUNNEL = 0x00f8;

export function decodeLlc(w: Walk): number {
  if (w.bound - w.at < HEADER) return missing(w, HEADER);
  const oui = w.view.getUint16(w.at + 4);
  if (w.view.getUint32(w.at) !== SNAP || (oui !== OUI_RFC1042 && oui !== OUI_BRIDGE_TUNNEL)) return stopped(w, Stop.OTHER_PROTOCOL);
  const type = w.view.getUint16(w.at + 6);
  if (type < FIRST_ETHERTYPE) return stopped(w, Stop.OTHER_PROTOCOL);
  w.at += HEADER;
  return type;
}
