/** Which number means which header. A new protocol is one file and one row here. See `Walk` for the number space. */
import { decodeETag, decodeEthernet, decodeITag, decodeVlan, decodeVnTag } from './link/ethernet.ts';
import { decodeLlc } from './link/llc.ts';
import { decodeMpls } from './link/mpls.ts';
import { decodePpp, decodePppoe } from './link/ppp.ts';
import { EtherType, IpProtocol } from './numbers.ts';
import { Stop } from './packet.ts';
import { decodeIcmp, decodeIcmpv6 } from './transport/icmp.ts';
import { decodeTcp } from './transport/tcp.ts';
import { decodeUdp } from './transport/udp.ts';
import { decodeGeneve, decodeGtp, decodeTeredo, decodeVxlan } from './transport/udp-tunnels.ts';
import { missing, Next, stopped, type Walk } from './walk.ts';
import { decodeIpv4 } from './network/ipv4.ts';
import { decodeAuthentication, decodeExtension, decodeFragment, decodeIpv6 } from './network/ipv6.ts';
import { decodeGre, decodeIpv4Inside, decodeIpv6Inside } from './network/tunnels.ts';

/** Headers in one frame. Two tags, a tunnel and a full IPv6 chain need about a dozen; more than this is an attack on the decoder. */
export const MAX_HEADERS = 24;

/** Decodes header after header until one ends the walk. Returns Next.END or Next.QUOTE. */
export function walkHeaders(w: Walk, first: number): number {
  let next = first;
  for (let headers = 0; next >= 0; headers++) {
    if (headers === MAX_HEADERS) return stopped(w, Stop.TOO_DEEP);
    next = decodeHeader(w, next);
  }
  return next;
}

/** One header: what `walkHeaders` does step by step. */
// A switch and not a table of functions: V8 compiles it to jumps with inlined decoders, a table to indirect calls.
export function decodeHeader(w: Walk, next: number): number {
  switch (next) {
    case IpProtocol.TCP:
      return decodeTcp(w);
    case EtherType.IPV4:
      return decodeIpv4(w);
    case EtherType.IPV6:
      return decodeIpv6(w);
    case IpProtocol.UDP:
      return decodeUdp(w);
    case EtherType.VLAN:
    case EtherType.QINQ:
    case EtherType.OLD_QINQ:
      return decodeVlan(w);
    case Next.ANY_IP:
      return ipByVersion(w);
    case IpProtocol.ICMP:
      return decodeIcmp(w);
    case IpProtocol.ICMPV6:
      return decodeIcmpv6(w);
    case IpProtocol.HOP_BY_HOP:
    case IpProtocol.ROUTING:
    case IpProtocol.DESTINATION_OPTIONS:
      return decodeExtension(w);
    case IpProtocol.FRAGMENT:
      return decodeFragment(w);
    case IpProtocol.AH:
      return decodeAuthentication(w);
    case IpProtocol.IPV4:
      return decodeIpv4Inside(w);
    case IpProtocol.IPV6:
      return decodeIpv6Inside(w);
    case IpProtocol.GRE:
      return decodeGre(w);
    case EtherType.BRIDGED_ETHERNET:
      return decodeEthernet(w);
    case EtherType.VN_TAG:
      return decodeVnTag(w);
    case EtherType.E_TAG:
      return decodeETag(w);
    case EtherType.I_TAG:
      return decodeITag(w);
    case EtherType.MPLS:
      return decodeMpls(w);
    case EtherType.PPPOE_SESSION:
      return decodePppoe(w);
    case Next.PPP:
      return decodePpp(w);
    case Next.LLC:
      return decodeLlc(w);
    case Next.VXLAN:
      return decodeVxlan(w);
    case Next.GENEVE:
      return decodeGeneve(w);
    case Next.GTP_U:
      return decodeGtp(w);
    case Next.TEREDO:
      return decodeTeredo(w);
    default:
      return stopped(w, Stop.OTHER_PROTOCOL);
  }
}

function ipByVersion(w: Walk): number {
  if (w.bound - w.at < 1) return missing(w, 1);
  return w.view.getUint8(w.at) >>> 4 === 6 ? EtherType.IPV6 : EtherType.IPV4;
}
