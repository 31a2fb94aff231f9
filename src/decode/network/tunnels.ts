/**
 * IP in IP (RFC 2003, 2473, 4213) and GRE (RFC 2784, 2890). Fields of the packet are then those of the inner header, and
 * the tunnel becomes part of `encap`; the outer addresses do not.
 */
import { Encap } from '../encapsulations.ts';
import { decodeErspan1, decodeErspan2, decodeErspan3 } from './erspan.ts';
import { EtherType, FIRST_ETHERTYPE } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';

export function decodeIpv4Inside(w: Walk): number {
  const kind = w.packet.ipVersion === 6 ? Encap.FOUR_IN_SIX : Encap.IP_IN_IP;
  w.packet.encap = w.encapsulations.child(w.packet.encap, kind, 0);
  return EtherType.IPV4;
}

export function decodeIpv6Inside(w: Walk): number {
  const kind = w.packet.ipVersion === 6 ? Encap.SIX_IN_SIX : Encap.SIX_IN_FOUR;
  w.packet.encap = w.encapsulations.child(w.packet.encap, kind, 0);
  return EtherType.IPV6;
}

const GRE_HEADER = 4;
const GRE_CHECKSUM = 0x8000;
/** Source routing (RFC 1701, gone since RFC 2784). */
const GRE_ROUTING = 0x4000;
const GRE_KEY = 0x2000;
const GRE_SEQUENCE = 0x1000;
/** Version 1 is PPTP (RFC 2637). */
const GRE_VERSION = 0x0007;

export function decodeGre(w: Walk): number {
  const at = w.at;
  if (w.bound - at < GRE_HEADER) return missing(w, GRE_HEADER);
  const flags = w.view.getUint16(at);
  if ((flags & (GRE_ROUTING | GRE_VERSION)) !== 0) return stopped(w, Stop.OTHER_PROTOCOL);
  const keyAt = at + GRE_HEADER + ((flags & GRE_CHECKSUM) !== 0 ? 4 : 0);
  const hasKey = (flags & GRE_KEY) !== 0;
  const next = keyAt + (hasKey ? 4 : 0) + ((flags & GRE_SEQUENCE) !== 0 ? 4 : 0);
  if (w.bound < next) return missing(w, next - at);

  const type = w.view.getUint16(at + 2);
  if (type < FIRST_ETHERTYPE) return stopped(w, Stop.OTHER_PROTOCOL);
  const outer = w.packet.encap;
  w.at = next;
  // The mirror's sequence number is what tells type II, which has a header, from type I, which has none.
  if (type === EtherType.ERSPAN) return (flags & GRE_SEQUENCE) !== 0 ? decodeErspan2(w) : decodeErspan1(w);
  if (type === EtherType.ERSPAN_3) return decodeErspan3(w);
  w.packet.encap = hasKey
    ? w.encapsulations.child(outer, Encap.GRE_WITH_KEY, w.view.getInt32(keyAt))
    : w.encapsulations.child(outer, Encap.GRE, 0);
  return type;
}
