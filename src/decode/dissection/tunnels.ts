/** Tunnels over UDP and ERSPAN as fields. Whether it is one is decided where packets are decoded. */
import { EtherType } from '../numbers.ts';
import { geneveSize, gtpSize, teredoSize, VXLAN_HEADER, vxlanNext } from '../transport/udp-tunnels.ts';
import { Next } from '../walk.ts';
import { type Dissection, hex, plural } from './dissection.ts';
import { etherTypeText } from './link.ts';

export function dissectVxlan(d: Dissection): number {
  const next = vxlanNext(d);
  if (next < 0) return Next.END;
  const network = d.view.getUint32(d.at + 4) >>> 8;
  d.layer('VXLAN')
    .field('Flags', 0, 1, (a) => hex(d.view.getUint8(a), 2))
    .field('Network identifier', 4, 3, () => String(network))
    .close(`network ${network}`, VXLAN_HEADER);
  return next;
}

export function dissectGeneve(d: Dissection): number {
  const size = geneveSize(d);
  if (size === 0) return Next.END;
  const type = d.view.getUint16(d.at + 2);
  const network = d.view.getUint32(d.at + 4) >>> 8;
  const layer = d
    .layer('Geneve')
    .field('Options length', 0, 1, () => plural(size - 8, 'byte'))
    .field('Protocol', 2, 2, () => etherTypeText(type))
    .field('Network identifier', 4, 3, () => String(network));
  if (size > 8) layer.field('Options', 8, size - 8, () => plural(size - 8, 'byte'));
  layer.close(`network ${network}`, size);
  return type;
}

export function dissectGtp(d: Dissection): number {
  const size = gtpSize(d);
  if (size === 0) return Next.END;
  const teid = hex(d.view.getUint32(d.at + 4), 8);
  const layer = d
    .layer('GTP-U')
    .field('Flags', 0, 1, (a) => hex(d.view.getUint8(a), 2))
    .field('Message type', 1, 1, () => 'user packet (255)')
    .field('Length', 2, 2, (a) => String(d.view.getUint16(a)))
    .field('Tunnel endpoint identifier', 4, 4, () => teid);
  if (size > 8) layer.field('Sequence number, extension headers', 8, size - 8, () => plural(size - 8, 'byte'));
  layer.close(`tunnel endpoint ${teid}`, size);
  return Next.ANY_IP;
}

export function dissectTeredo(d: Dissection): number {
  const size = teredoSize(d);
  if (size < 0) return Next.END;
  const layer = d.layer('Teredo');
  if (size > 0) layer.field('Authentication, origin', 0, size, () => plural(size, 'byte'));
  layer.close('', size);
  return EtherType.IPV6;
}

const ERSPAN_2 = 8;

export function dissectErspan2(d: Dissection): number {
  return dissectErspan(d, 'ERSPAN type II', 1, ERSPAN_2) ? EtherType.BRIDGED_ETHERNET : Next.END;
}

export function dissectErspan3(d: Dissection): number {
  const last = d.has(12) ? d.view.getUint16(d.at + 10) : 0;
  const frame = last & 0x7c00;
  if (!dissectErspan(d, 'ERSPAN type III', 2, (last & 1) === 0 ? 12 : 20) || (frame !== 0 && frame !== 0x0800)) return Next.END;
  return frame === 0 ? EtherType.BRIDGED_ETHERNET : Next.ANY_IP;
}

function dissectErspan(d: Dissection, name: string, version: number, size: number): boolean {
  const { at, view } = d;
  const right = d.has(1) && view.getUint8(at) >>> 4 === version;
  const session = d.has(4) ? view.getUint16(at + 2) & 0x3ff : 0;
  const layer = d
    .layer(name)
    .field('Version', 0, 1, (a) => String(view.getUint8(a) >>> 4))
    .field('VLAN', 0, 2, (a) => String(view.getUint16(a) & 0xfff))
    .field('Session', 2, 2, () => String(session));
  return layer.close(`session ${session}`, size) && right;
}
