/** Could an IP packet or an Ethernet frame begin here? For carriers whose headers do not say, or whose port is all there is. */
import { EtherType } from './numbers.ts';
import { Next } from './walk.ts';

/** A place in a packet, and how far it may be read; `Walk` and `Dissection` are such. */
export interface Span {
  readonly view: DataView;
  readonly at: number;
  /** Behind the last byte that belongs to the packet and was captured. */
  readonly bound: number;
  /** Behind the last byte that belongs to the packet. */
  readonly limit: number;
}

const ETHERNET = 14;
/** A source address is never a group address (IEEE 802.3 §3.2.3). */
const GROUP = 0x01;

/** `type`: IPv4, IPv6, or Next.ANY_IP for either. What was not captured contradicts nothing, but the first octet must be there. */
export function looksLikeIp(s: Span, at: number, type: number): boolean {
  if (at >= s.bound) return false;
  const first = s.view.getUint8(at);
  if (first >>> 4 === 4) return (type === EtherType.IPV4 || type === Next.ANY_IP) && (first & 15) >= 5;
  return first >>> 4 === 6 && (type === EtherType.IPV6 || type === Next.ANY_IP);
}

/** A source that can be one, and a type that carries IP or keeps the network going. */
export function looksLikeEthernet(s: Span, at: number): boolean {
  if (s.bound - at < ETHERNET || (s.view.getUint8(at + 6) & GROUP) !== 0) return false;
  const type = s.view.getUint16(at + 12);
  switch (type) {
    case EtherType.IPV4:
    case EtherType.IPV6:
      return s.bound === at + ETHERNET || looksLikeIp(s, at + ETHERNET, type);
    case EtherType.ARP:
    case EtherType.VLAN:
    case EtherType.QINQ:
    case EtherType.MPLS:
    case EtherType.PPPOE_SESSION:
      return true;
    default:
      return false;
  }
}
