/** PPP (RFC 1661) in HDLC-like framing (RFC 1662) or bare, and PPPoE sessions (RFC 2516). */
import { Encap } from '../encapsulations.ts';
import { EtherType, FIRST_ETHERTYPE } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

/** RFC 1662 §3.1: address "all stations" and control "unnumbered information"; may be compressed away. */
const ADDRESS_CONTROL = 0xff03;
/** PPP DLL protocol numbers (RFC 1332, RFC 5072). */
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_MPLS = 0x0281; // RFC 3032 §4.2
/** Cisco HDLC, unicast and multicast: PPP's framing around an EtherType. Captures of serial lines mix it under LINKTYPE_PPP. */
const CISCO_HDLC: readonly number[] = [0x0f00, 0x8f00];

export function decodePpp(w: Walk): number {
  if (w.bound - w.at < 2) return missing(w, 2);
  const start = w.view.getUint16(w.at);
  if (CISCO_HDLC.includes(start)) return decodeCiscoHdlc(w);
  if (start === ADDRESS_CONTROL) w.at += 2;
  if (w.bound - w.at < 2) return missing(w, 2);
  // RFC 1661 §6.5: an odd first octet is a compressed protocol field of one octet.
  const first = w.view.getUint8(w.at);
  const protocol = (first & 1) !== 0 ? first : w.view.getUint16(w.at);
  w.at += (first & 1) !== 0 ? 1 : 2;
  if (protocol === PPP_IPV4) return EtherType.IPV4;
  if (protocol === PPP_MPLS) return EtherType.MPLS;
  return protocol === PPP_IPV6 ? EtherType.IPV6 : stopped(w, Stop.OTHER_PROTOCOL);
}

function decodeCiscoHdlc(w: Walk): number {
  if (w.bound - w.at < 4) return missing(w, 4);
  const type = w.view.getUint16(w.at + 2);
  w.at += 4;
  return type >= FIRST_ETHERTYPE ? type : stopped(w, Stop.OTHER_PROTOCOL);
}

/** Version and type, code, session id, length. */
const PPPOE_HEADER = 6;

export function decodePppoe(w: Walk): number {
  if (w.bound - w.at < PPPOE_HEADER) return missing(w, PPPOE_HEADER);
  w.packet.encap = w.encapsulations.child(w.packet.encap, Encap.PPPOE, w.view.getUint16(w.at + 2));
  w.at += PPPOE_HEADER;
  return Next.PPP;
}
