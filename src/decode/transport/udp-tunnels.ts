/**
 * Tunnels over UDP: VXLAN (RFC 7348) and its generic form (draft-ietf-nvo3-vxlan-gpe), Geneve (RFC 8926), GTP-U (3GPP TS 29.281)
 * and Teredo (RFC 4380).
 *
 * A port alone proves nothing: any program may have been given 4789 as its own port. A datagram is a tunnel when the port is
 * right, the header says nothing that its standard forbids, and a packet or frame follows that could be one. Everything else
 * stays UDP.
 */
import { Encap } from '../encapsulations.ts';
import { EtherType } from '../numbers.ts';
import { Layer } from '../packet.ts';
import { looksLikeEthernet, looksLikeIp, type Span } from '../plausible.ts';
import { Next, type Walk } from '../walk.ts';

const VXLAN = 4789;
const VXLAN_GPE = 4790;
/** Linux before the port was assigned (drivers/net/vxlan, module parameter udp_port), and Flannel to this day. */
const VXLAN_OLD = 8472;
const GENEVE = 6081;
const GTP_U = 2152;
const TEREDO = 3544;

/** What a datagram between these ports would be, as a number of `Next`; Next.END for plain UDP. */
export function udpTunnel(srcPort: number, dstPort: number): number {
  // The source port of VXLAN and Geneve is a hash of the inner flow, that of GTP-U is free: only the destination counts.
  switch (dstPort) {
    case VXLAN:
    case VXLAN_GPE:
    case VXLAN_OLD:
      return Next.VXLAN;
    case GENEVE:
      return Next.GENEVE;
    case GTP_U:
      return Next.GTP_U;
    default:
      return dstPort === TEREDO || srcPort === TEREDO ? Next.TEREDO : Next.END;
  }
}

export function decodeVxlan(w: Walk): number {
  const next = vxlanNext(w);
  if (next < 0) return Next.END;
  return enter(w, VXLAN_HEADER, Encap.VXLAN, w.view.getUint32(w.at + 4) >>> 8, next);
}

export function decodeGeneve(w: Walk): number {
  const size = geneveSize(w);
  if (size === 0) return Next.END;
  return enter(w, size, Encap.GENEVE, w.view.getUint32(w.at + 4) >>> 8, w.view.getUint16(w.at + 2));
}

export function decodeGtp(w: Walk): number {
  const size = gtpSize(w);
  // Each end chooses the TEID under which it wants to receive (TS 29.281 §3.1): the two directions never share one.
  return size === 0 ? Next.END : enter(w, size, Encap.GTP, 0, Next.ANY_IP);
}

export function decodeTeredo(w: Walk): number {
  const size = teredoSize(w);
  return size < 0 ? Next.END : enter(w, size, Encap.TEREDO, 0, EtherType.IPV6);
}

/** Goes behind a tunnel's header; what was known of the outer UDP header is not said of the inner packet. */
function enter(w: Walk, size: number, kind: Encap, value: number, next: number): number {
  const p = w.packet;
  p.encap = w.encapsulations.child(p.encap, kind, value);
  p.layer = Layer.IP;
  p.srcPort = 0;
  p.dstPort = 0;
  p.transportAt = 0;
  p.headerLength = 0;
  p.payloadAt = 0;
  p.payloadLength = 0;
  w.at += size;
  return next;
}

/** RFC 7348 §5: flags, reserved (3), VNI (3), reserved. Group policies use some of the reserved bits. */
export const VXLAN_HEADER = 8;
const VXLAN_HAS_VNI = 0x08;
/** The generic form: the last reserved octet before the VNI names what follows. */
const VXLAN_HAS_PROTOCOL = 0x04;
const GPE_NEXT: readonly number[] = [Next.END, EtherType.IPV4, EtherType.IPV6, EtherType.BRIDGED_ETHERNET];

/** What follows a VXLAN header; Next.END when this is none. */
export function vxlanNext(s: Span): number {
  const inner = s.at + VXLAN_HEADER;
  if (s.bound < inner) return Next.END;
  const flags = s.view.getUint8(s.at);
  if ((flags & VXLAN_HAS_VNI) === 0) return Next.END;
  const next = (flags & VXLAN_HAS_PROTOCOL) === 0 ? EtherType.BRIDGED_ETHERNET : (GPE_NEXT[s.view.getUint8(s.at + 3)] ?? Next.END);
  return looksLike(s, inner, next) ? next : Next.END;
}

/** RFC 8926 §3.4: version (2 bits), options length in words (6), O, C and reserved (6), protocol, VNI (3), reserved. */
const GENEVE_HEADER = 8;

/** Header with options, octets; 0 when this is none. */
export function geneveSize(s: Span): number {
  const { at, view } = s;
  if (s.bound - at < GENEVE_HEADER) return 0;
  const first = view.getUint8(at);
  if (first >>> 6 !== 0 || (view.getUint8(at + 1) & 0x3f) !== 0 || view.getUint8(at + 7) !== 0) return 0;
  const size = GENEVE_HEADER + ((first & 0x3f) << 2);
  return looksLike(s, at + size, view.getUint16(at + 2)) ? size : 0;
}

/** TS 29.281 §5.1: version (3 bits), protocol type, spare, E, S, PN; message type; length behind these eight octets; TEID. */
const GTP_HEADER = 8;
const GTP_VERSION_1 = 0x30;
const GTP_VERSION_AND_TYPE = 0xf0;
const GTP_OPTIONAL = 0x07;
const GTP_EXTENSION = 0x04;
/** A user packet; the others are the tunnel's own. */
const G_PDU = 0xff;

/** Header with its optional fields and extension headers, octets; 0 when this is none. */
export function gtpSize(s: Span): number {
  const { at, view } = s;
  if (s.bound - at < GTP_HEADER) return 0;
  const flags = view.getUint8(at);
  if ((flags & GTP_VERSION_AND_TYPE) !== GTP_VERSION_1 || view.getUint8(at + 1) !== G_PDU) return 0;
  if (at + GTP_HEADER + view.getUint16(at + 2) > s.limit) return 0;
  let inner = at + GTP_HEADER;
  if ((flags & GTP_OPTIONAL) !== 0) {
    inner += 4; // sequence number, N-PDU number, type of the next extension header: all there when one is
    if (inner > s.bound) return 0;
    // TS 29.281 §5.2.1: length in words of four octets, content, type of the next; each is at least one word.
    let more = (flags & GTP_EXTENSION) !== 0 && view.getUint8(inner - 1) !== 0;
    while (more) {
      const length = inner < s.bound ? view.getUint8(inner) << 2 : 0;
      if (length === 0 || inner + length > s.bound) return 0;
      inner += length;
      more = view.getUint8(inner - 1) !== 0;
    }
  }
  return looksLike(s, inner, Next.ANY_IP) ? inner - at : 0;
}

/** RFC 4380 §5.1.1: an authentication header, an origin indication, both or neither, then IPv6. */
const AUTHENTICATION = 0x0001;
const ORIGIN = 0x0000;
/** Type, lengths of client identifier and authentication value; behind those two, a nonce (8) and a confirmation byte. */
const AUTHENTICATION_FIXED = 13;
const ORIGIN_SIZE = 8;
const IPV6_HEADER = 40;
/** RFC 4380 §2.6. */
const TEREDO_PREFIX = 0x2001_0000;
/** Router solicitations and advertisements of the qualification procedure. */
const LINK_LOCAL = 0xfe80;

/** Octets in front of the IPv6 header; -1 when this is no Teredo. */
export function teredoSize(s: Span): number {
  const { view } = s;
  let inner = s.at;
  if (s.bound - inner >= 4 && view.getUint16(inner) === AUTHENTICATION) {
    inner += AUTHENTICATION_FIXED + view.getUint8(inner + 2) + view.getUint8(inner + 3);
  }
  if (s.bound - inner >= 2 && view.getUint16(inner) === ORIGIN) inner += ORIGIN_SIZE;
  if (s.bound - inner < IPV6_HEADER || !looksLikeIp(s, inner, EtherType.IPV6)) return -1;
  if (inner + IPV6_HEADER + view.getUint16(inner + 4) > s.limit) return -1;
  return isTeredoAddress(view, inner + 8) || isTeredoAddress(view, inner + 24) ? inner - s.at : -1;
}

const isTeredoAddress = (view: DataView, at: number): boolean => view.getUint32(at) === TEREDO_PREFIX || view.getUint16(at) === LINK_LOCAL;

const looksLike = (s: Span, at: number, type: number): boolean =>
  type === EtherType.BRIDGED_ETHERNET ? looksLikeEthernet(s, at) : looksLikeIp(s, at, type);
