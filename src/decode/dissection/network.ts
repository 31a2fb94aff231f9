/** IPv4, IPv6, extension headers and GRE as fields. */
import { ipv4Text, ipv6Text } from '../../model/address.ts';
import { EtherType, FIRST_ETHERTYPE, IpProtocol } from '../numbers.ts';
import { Next } from '../walk.ts';
import { type Dissection, hex, named, plural } from './dissection.ts';
import { etherTypeText } from './link.ts';
import { dissectErspan2, dissectErspan3 } from './tunnels.ts';

const PROTOCOLS: Readonly<Record<number, string>> = {
  [IpProtocol.HOP_BY_HOP]: 'hop-by-hop options',
  [IpProtocol.ICMP]: 'ICMP',
  2: 'IGMP',
  [IpProtocol.IPV4]: 'IPv4',
  [IpProtocol.TCP]: 'TCP',
  [IpProtocol.UDP]: 'UDP',
  [IpProtocol.IPV6]: 'IPv6',
  [IpProtocol.ROUTING]: 'routing',
  [IpProtocol.FRAGMENT]: 'fragment',
  [IpProtocol.GRE]: 'GRE',
  [IpProtocol.ESP]: 'ESP',
  [IpProtocol.AH]: 'AH',
  [IpProtocol.ICMPV6]: 'ICMPv6',
  [IpProtocol.NO_NEXT_HEADER]: 'no next header',
  [IpProtocol.DESTINATION_OPTIONS]: 'destination options',
  89: 'OSPF',
  132: 'SCTP',
};
const protocolText = (protocol: number): string => named(PROTOCOLS, protocol);

/** RFC 3168 §5. */
const ECN: readonly string[] = ['not ECN-capable (0)', 'ECT(1) (1)', 'ECT(0) (2)', 'congestion experienced (3)'];
const ecnText = (trafficClass: number): string => ECN[trafficClass & 3]!;

function fragmentFlags(flags: number): string {
  const set = [(flags & 0x4000) !== 0 ? "don't fragment" : '', (flags & 0x2000) !== 0 ? 'more fragments' : ''].filter((f) => f !== '');
  return `${hex(flags >>> 13, 1)}${set.length > 0 ? ` (${set.join(', ')})` : ''}`;
}

export function dissectIpv4(d: Dissection): number {
  const { at, view } = d;
  const address = (a: number): string => ipv4Text(view.getInt32(a));
  const size = d.has(1) ? (view.getUint8(at) & 15) * 4 : 20;
  const layer = d
    .layer('IPv4')
    .field('Version', 0, 1, (a) => String(view.getUint8(a) >>> 4))
    .field('Header length', 0, 1, () => `${size} bytes`)
    .field('DSCP', 1, 1, (a) => String(view.getUint8(a) >>> 2))
    .field('ECN', 1, 1, (a) => ecnText(view.getUint8(a)))
    .field('Total length', 2, 2, (a) => (view.getUint16(a) === 0 ? '0 (segmentation offload)' : String(view.getUint16(a))))
    .field('Identification', 4, 2, (a) => `${hex(view.getUint16(a), 4)} (${view.getUint16(a)})`)
    .field('Flags', 6, 1, (a) => fragmentFlags(view.getUint8(a) << 8))
    .field('Fragment offset', 6, 2, (a) => String((view.getUint16(a) & 0x1fff) * 8))
    .field('Time to live', 8, 1, (a) => String(view.getUint8(a)))
    .field('Protocol', 9, 1, (a) => protocolText(view.getUint8(a)))
    .field('Header checksum', 10, 2, (a) => hex(view.getUint16(a), 4))
    .field('Source', 12, 4, address)
    .field('Destination', 16, 4, address);
  if (!d.has(20)) {
    layer.close('', 20);
    return Next.END;
  }
  const total = view.getUint16(at + 2);
  const length = total === 0 ? d.limit - at : total;
  const summary = `${address(at + 12)} → ${address(at + 16)}`;
  const wrong = complaintIpv4(view.getUint8(at) >>> 4, size, length);
  if (wrong !== null) {
    layer.close(`${summary}, malformed: ${wrong}`, 20);
    return Next.END;
  }
  d.limit = at + length;
  d.ipVersion = 4;
  if (size > 20) layer.field('Options', 20, size - 20, () => plural(size - 20, 'byte'));
  if (!layer.close(summary, size)) return Next.END;
  return (view.getUint16(at + 6) & 0x1fff) === 0 ? view.getUint8(at + 9) : Next.END;
}

function complaintIpv4(version: number, size: number, length: number): string | null {
  if (version !== 4) return `version ${version}`;
  if (size < 20) return `header length ${size} is below 20`;
  return length < size ? `total length ${length} is below the header length ${size}` : null;
}

export function dissectIpv6(d: Dissection): number {
  const { at, bytes, view } = d;
  const address = (a: number): string => ipv6Text(bytes, a);
  const trafficClass = (a: number): number => (view.getUint16(a) >>> 4) & 0xff;
  const layer = d
    .layer('IPv6')
    .field('Version', 0, 1, (a) => String(view.getUint8(a) >>> 4))
    .field('DSCP', 0, 2, (a) => String(trafficClass(a) >>> 2))
    .field('ECN', 0, 2, (a) => ecnText(trafficClass(a)))
    .field('Flow label', 1, 3, (a) => hex(((view.getUint8(a) & 15) << 16) | view.getUint16(a + 1), 5))
    .field('Payload length', 4, 2, (a) => String(view.getUint16(a)))
    .field('Next header', 6, 1, (a) => protocolText(view.getUint8(a)))
    .field('Hop limit', 7, 1, (a) => String(view.getUint8(a)))
    .field('Source', 8, 16, address)
    .field('Destination', 24, 16, address);
  const whole = d.has(40);
  const version = d.has(1) ? view.getUint8(at) >>> 4 : 6;
  const summary = whole ? `${address(at + 8)} → ${address(at + 24)}` : '';
  if (!layer.close(version === 6 ? summary : `malformed: version ${version}`, 40) || version !== 6) return Next.END;
  const payload = view.getUint16(at + 4);
  if (payload > 0) d.limit = at + 40 + payload;
  d.ipVersion = 6;
  return view.getUint8(at + 6);
}

/** Hop-by-hop and destination options, routing. */
export function dissectExtension(d: Dissection, kind: number): number {
  const { at, view } = d;
  const size = d.has(2) ? (view.getUint8(at + 1) + 1) * 8 : 8;
  const layer = d.layer(`IPv6 ${PROTOCOLS[kind] ?? 'extension'}`);
  layer.field('Next header', 0, 1, (a) => protocolText(view.getUint8(a))).field('Length', 1, 1, () => `${size} bytes`);
  if (kind === IpProtocol.ROUTING) {
    layer.field('Routing type', 2, 1, (a) => String(view.getUint8(a))).field('Segments left', 3, 1, (a) => String(view.getUint8(a)));
  }
  return layer.close('', size) ? view.getUint8(at) : Next.END;
}

export function dissectFragment(d: Dissection): number {
  const { at, view } = d;
  const layer = d
    .layer('IPv6 fragment')
    .field('Next header', 0, 1, (a) => protocolText(view.getUint8(a)))
    .field('Fragment offset', 2, 2, (a) => String(view.getUint16(a) & 0xfff8))
    .field('More fragments', 3, 1, (a) => ((view.getUint8(a) & 1) === 0 ? 'no' : 'yes'))
    .field('Identification', 4, 4, (a) => hex(view.getUint32(a), 8));
  const offset = d.has(4) ? view.getUint16(at + 2) & 0xfff8 : 0;
  return layer.close(`offset ${offset}`, 8) && offset === 0 ? view.getUint8(at) : Next.END;
}

export function dissectAuthentication(d: Dissection): number {
  const { at, view } = d;
  const size = d.has(2) ? (view.getUint8(at + 1) + 2) * 4 : 12;
  const layer = d
    .layer('Authentication header')
    .field('Next header', 0, 1, (a) => protocolText(view.getUint8(a)))
    .field('Length', 1, 1, () => `${size} bytes`)
    .field('Security parameters index', 4, 4, (a) => hex(view.getUint32(a), 8))
    .field('Sequence', 8, 4, (a) => String(view.getUint32(a)));
  if (size < 12) {
    layer.close(`malformed: length ${size} is below 12`, 12);
    return Next.END;
  }
  return layer.close('', size) ? view.getUint8(at) : Next.END;
}

export function dissectGre(d: Dissection): number {
  const { at, view } = d;
  const flags = d.has(4) ? view.getUint16(at) : 0;
  const layer = d
    .layer('GRE')
    .field('Flags and version', 0, 2, () => hex(flags, 4))
    .field('Protocol', 2, 2, (a) => etherTypeText(view.getUint16(a)));
  let size = 4;
  if ((flags & 0x8000) !== 0) {
    layer.field('Checksum', size, 2, (a) => hex(view.getUint16(a), 4));
    size += 4;
  }
  let summary = '';
  if ((flags & 0x2000) !== 0) {
    layer.field('Key', size, 4, (a) => String(view.getUint32(a)));
    if (d.has(size + 4)) summary = `key ${view.getUint32(at + size)}`;
    size += 4;
  }
  if ((flags & 0x1000) !== 0) {
    layer.field('Sequence', size, 4, (a) => String(view.getUint32(a)));
    size += 4;
  }
  if (!layer.close(summary, size)) return Next.END;
  const type = view.getUint16(at + 2);
  if ((flags & 0x4007) !== 0 || type < FIRST_ETHERTYPE) return Next.END;
  if (type === EtherType.ERSPAN) return (flags & 0x1000) === 0 ? EtherType.BRIDGED_ETHERNET : dissectErspan2(d);
  return type === EtherType.ERSPAN_3 ? dissectErspan3(d) : type;
}
