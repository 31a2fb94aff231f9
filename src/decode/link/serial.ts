/**
 * Serial lines that are not simply PPP: with a direction before each frame, with pppd's own header, SLIP, and Frame Relay with its
 * bundles. Formats: tcpdump.org/linktypes; Frame Relay: RFC 2427 and tcpdump print-fr.c; bundles: FRF.16.1.
 */
import { EtherType, FIRST_ETHERTYPE } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

function skip(w: Walk, octets: number): boolean {
  if (w.bound - w.at < octets) return false;
  w.at += octets;
  return true;
}

export const decodePppWithDirection = (w: Walk): number => (skip(w, 1) ? Next.PPP : missing(w, 1));
/** LINKTYPE_PPP_PPPD: the direction stands where the address was, so the control octet is left over. */
export const decodePppd = (w: Walk): number => (skip(w, 2) ? Next.PPP : missing(w, 2));
export const decodeFrameRelayWithDirection = (w: Walk): number => (skip(w, 1) ? decodeFrameRelay(w) : missing(w, 1));

/** Direction, and as much of the TCP/IP header as van Jacobson's compression left (libpcap pcap/slip.h). */
const SLIP_HEADER = 16;
/** Of the compressed header's first octet: not an IP header, which begins with 4. */
const SLIP_COMPRESSED = 0x80;
const SLIP_UNCOMPRESSED = 0x70;

export function decodeSlip(w: Walk): number {
  if (w.bound - w.at < SLIP_HEADER) return missing(w, SLIP_HEADER);
  const type = w.view.getUint8(w.at + 1);
  w.at += SLIP_HEADER;
  // Both have something else where the IP header has its protocol, or no IP header at all.
  if ((type & SLIP_COMPRESSED) !== 0 || (type & 0xf0) === SLIP_UNCOMPRESSED) return stopped(w, Stop.OTHER_PROTOCOL);
  return Next.ANY_IP;
}

/** Q.922: the last octet of an address has this bit. */
const EXTENDED_ADDRESS = 0x01;
const MAX_ADDRESS = 4;
/** LLC unnumbered information; without it, Cisco's encapsulation: an EtherType. */
const UNNUMBERED = 0x03;
const Nlpid = { PADDING: 0x00, SNAP: 0x80, IPV6: 0x8e, IPV4: 0xcc, PPP: 0xcf } as const;
/** OUI and protocol. */
const SNAP = 5;
const OUI_BRIDGED = 0x0080c2;
/** RFC 2427 §4.2: 802.3 with and without its checksum. */
const BRIDGED_ETHERNET: readonly number[] = [0x0001, 0x0007];

export function decodeFrameRelay(w: Walk): number {
  const address = addressLength(w);
  if (address === 0) return stopped(w, Stop.MALFORMED);
  if (w.bound - w.at < address + 2) return missing(w, address + 2);
  w.at += address;
  if (w.view.getUint8(w.at) !== UNNUMBERED) return cisco(w);
  const padding = w.view.getUint8(w.at + 1) === Nlpid.PADDING ? 1 : 0;
  if (w.bound - w.at < padding + 2) return missing(w, padding + 2);
  const nlpid = w.view.getUint8(w.at + 1 + padding);
  w.at += 2 + padding;
  switch (nlpid) {
    case Nlpid.IPV4:
      return EtherType.IPV4;
    case Nlpid.IPV6:
      return EtherType.IPV6;
    case Nlpid.PPP:
      return Next.PPP;
    case Nlpid.SNAP:
      return snap(w);
    default:
      return stopped(w, Stop.OTHER_PROTOCOL);
  }
}

/** Octets; 0: no address ends there. */
function addressLength(w: Walk): number {
  for (let length = 1; length <= MAX_ADDRESS && w.at + length <= w.bound; length++) {
    if ((w.view.getUint8(w.at + length - 1) & EXTENDED_ADDRESS) !== 0) return length >= 2 ? length : 0;
  }
  return 0;
}

function cisco(w: Walk): number {
  const type = w.view.getUint16(w.at);
  w.at += 2;
  return type >= FIRST_ETHERTYPE ? type : stopped(w, Stop.OTHER_PROTOCOL);
}

function snap(w: Walk): number {
  if (w.bound - w.at < SNAP) return missing(w, SNAP);
  const organization = (w.view.getUint16(w.at) << 8) | w.view.getUint8(w.at + 2);
  const type = w.view.getUint16(w.at + 3);
  w.at += SNAP;
  if (organization === OUI_BRIDGED && BRIDGED_ETHERNET.includes(type)) return EtherType.BRIDGED_ETHERNET;
  return organization === 0 && type >= FIRST_ETHERTYPE ? type : stopped(w, Stop.OTHER_PROTOCOL);
}

/** FRF.16.1 §2: begin, end, control; then a sequence number. */
const BUNDLE_HEADER = 2;
const BUNDLE_MASK = 0xe0;
const BUNDLE_CONTROL = 0x20;
/** A frame that was not cut into fragments begins and ends here. */
const BUNDLE_WHOLE = 0xc0;

export function decodeFrameRelayBundle(w: Walk): number {
  if (w.bound - w.at < BUNDLE_HEADER) return missing(w, BUNDLE_HEADER);
  const bits = w.view.getUint8(w.at) & BUNDLE_MASK;
  if ((bits & BUNDLE_CONTROL) !== 0) return stopped(w, Stop.OTHER_PROTOCOL);
  if (bits !== BUNDLE_WHOLE) return stopped(w, Stop.FRAGMENT);
  w.at += BUNDLE_HEADER;
  return decodeFrameRelay(w);
}
