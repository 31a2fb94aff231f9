/** Link layers as fields. Same order of decisions as the decoders in decode/link. */
import { loopbackFamily } from '../link/null-loopback.ts';
import { EtherType, FIRST_ETHERTYPE } from '../numbers.ts';
import { Next } from '../walk.ts';
import { type Dissection, hex, macText, named } from './dissection.ts';

const ETHERTYPES: Readonly<Record<number, string>> = {
  [EtherType.IPV4]: 'IPv4',
  [EtherType.ARP]: 'ARP',
  [EtherType.IPV6]: 'IPv6',
  [EtherType.VLAN]: '802.1Q',
  [EtherType.QINQ]: '802.1ad',
  [EtherType.OLD_QINQ]: 'stacked 802.1Q',
  [EtherType.MPLS]: 'MPLS',
  [EtherType.PPPOE_SESSION]: 'PPPoE session',
  [EtherType.BRIDGED_ETHERNET]: 'bridged Ethernet',
  [EtherType.VN_TAG]: 'VN-Tag',
  [EtherType.E_TAG]: '802.1BR',
  [EtherType.I_TAG]: '802.1ah',
  [EtherType.ERSPAN]: 'ERSPAN',
  [EtherType.ERSPAN_3]: 'ERSPAN type III',
};
export const etherTypeText = (type: number): string => named(ETHERTYPES, type, hex(type, 4));
const typeOrLength = (type: number): string => (type < FIRST_ETHERTYPE ? `${type} bytes (802.3 length)` : etherTypeText(type));
const nextOf = (type: number): number => (type < FIRST_ETHERTYPE ? Next.LLC : type);

export function dissectEthernet(d: Dissection): number {
  const { at, bytes, view } = d;
  const layer = d
    .layer('Ethernet')
    .field('Destination', 0, 6, (a) => macText(bytes, a))
    .field('Source', 6, 6, (a) => macText(bytes, a))
    .field('Type', 12, 2, (a) => typeOrLength(view.getUint16(a)));
  const summary = d.has(14) ? `${macText(bytes, at + 6)} → ${macText(bytes, at)}` : '';
  return layer.close(summary, 14) ? nextOf(view.getUint16(at + 12)) : Next.END;
}

export function dissectVlan(d: Dissection): number {
  const { at, view } = d;
  const layer = d
    .layer('802.1Q VLAN')
    .field('Priority', 0, 2, (a) => String(view.getUint16(a) >>> 13))
    .field('Drop eligible', 0, 2, (a) => ((view.getUint16(a) & 0x1000) === 0 ? 'no' : 'yes'))
    .field('VLAN ID', 0, 2, (a) => String(view.getUint16(a) & 0xfff))
    .field('Type', 2, 2, (a) => typeOrLength(view.getUint16(a)));
  const summary = d.has(2) ? `ID ${view.getUint16(at) & 0xfff}` : '';
  return layer.close(summary, 4) ? nextOf(view.getUint16(at + 2)) : Next.END;
}

export const dissectVnTag = (d: Dissection): number => dissectPortTag(d, 'VN-Tag', 4);
export const dissectETag = (d: Dissection): number => dissectPortTag(d, '802.1BR E-tag', 6);

function dissectPortTag(d: Dissection, name: string, size: number): number {
  const { at, bytes, view } = d;
  const layer = d
    .layer(name)
    .field('Ports', 0, size, (a) => macText(bytes, a, size))
    .field('Type', size, 2, (a) => typeOrLength(view.getUint16(a)));
  return layer.close('', size + 2) ? nextOf(view.getUint16(at + size)) : Next.END;
}

export function dissectITag(d: Dissection): number {
  const service = d.has(4) ? d.view.getUint32(d.at) & 0xff_ffff : 0;
  const layer = d.layer('802.1ah I-tag').field('Service', 1, 3, () => String(service));
  return layer.close(`service ${service}`, 4) ? EtherType.BRIDGED_ETHERNET : Next.END;
}

/** linux: include/uapi/linux/if_packet.h PACKET_*. */
const COOKED_TYPES: Readonly<Record<number, string>> = {
  0: 'to us',
  1: 'broadcast',
  2: 'multicast',
  3: 'to another host',
  4: 'sent by us',
};
/** linux: include/uapi/linux/if_arp.h ARPHRD_*. */
const ARP_TYPES: Readonly<Record<number, string>> = {
  1: 'Ethernet',
  512: 'PPP',
  768: 'IP in IP',
  772: 'loopback',
  776: '6in4',
  778: 'GRE',
  65534: 'none',
};
const cookedNext = (protocol: number): number => (protocol >= FIRST_ETHERTYPE ? protocol : protocol === 4 ? Next.LLC : Next.END);

export function dissectCooked(d: Dissection): number {
  const { at, bytes, view } = d;
  const layer = d
    .layer('Linux cooked capture')
    .field('Packet type', 0, 2, (a) => named(COOKED_TYPES, view.getUint16(a)))
    .field('Address type', 2, 2, (a) => named(ARP_TYPES, view.getUint16(a)))
    .field('Address length', 4, 2, (a) => String(view.getUint16(a)))
    .field('Source address', 6, 8, (a) => macText(bytes, a, Math.min(8, view.getUint16(at + 4))))
    .field('Protocol', 14, 2, (a) => etherTypeText(view.getUint16(a)));
  const summary = d.has(2) ? (COOKED_TYPES[view.getUint16(at)] ?? '') : '';
  return layer.close(summary, 16) ? cookedNext(view.getUint16(at + 14)) : Next.END;
}

export function dissectCooked2(d: Dissection): number {
  const { at, bytes, view } = d;
  const layer = d
    .layer('Linux cooked capture v2')
    .field('Protocol', 0, 2, (a) => etherTypeText(view.getUint16(a)))
    .field('Interface index', 4, 4, (a) => String(view.getUint32(a)))
    .field('Address type', 8, 2, (a) => named(ARP_TYPES, view.getUint16(a)))
    .field('Packet type', 10, 1, (a) => named(COOKED_TYPES, view.getUint8(a)))
    .field('Address length', 11, 1, (a) => String(view.getUint8(a)))
    .field('Source address', 12, 8, (a) => macText(bytes, a, Math.min(8, view.getUint8(at + 11))));
  const summary = d.has(11) ? `interface ${view.getUint32(at + 4)}, ${COOKED_TYPES[view.getUint8(at + 10)] ?? 'unknown direction'}` : '';
  return layer.close(summary, 20) ? cookedNext(view.getUint16(at)) : Next.END;
}

const FAMILIES: Readonly<Record<number, string>> = { 2: 'IPv4', 10: 'IPv6', 23: 'IPv6', 24: 'IPv6', 28: 'IPv6', 30: 'IPv6' };

export function dissectLoopback(d: Dissection): number {
  const family = d.has(4) ? loopbackFamily(d.view, d.at) : 0;
  const name = FAMILIES[family];
  const complete = d
    .layer('Loopback')
    .field('Family', 0, 4, () => named(FAMILIES, family))
    .close(name ?? '', 4);
  if (!complete || name === undefined) return Next.END;
  return name === 'IPv4' ? EtherType.IPV4 : EtherType.IPV6;
}

const PPP_PROTOCOLS: Readonly<Record<number, string>> = {
  0x21: 'IPv4',
  0x57: 'IPv6',
  0x281: 'MPLS',
  0xc021: 'LCP',
  0x8021: 'IPCP',
  0x8057: 'IPv6CP',
};

function dissectCiscoHdlc(d: Dissection): number {
  const { at, view } = d;
  const layer = d
    .layer('Cisco HDLC')
    .field('Address, control', 0, 2, (a) => hex(view.getUint16(a), 4))
    .field('Protocol', 2, 2, (a) => etherTypeText(view.getUint16(a)));
  if (!layer.close('', 4)) return Next.END;
  const type = view.getUint16(at + 2);
  return type >= FIRST_ETHERTYPE ? type : Next.END;
}

export function dissectMpls(d: Dissection): number {
  const { at, view } = d;
  const layer = d
    .layer('MPLS')
    .field('Label', 0, 3, (a) => String((view.getUint16(a) << 4) | (view.getUint8(a + 2) >>> 4)))
    .field('Traffic class', 2, 1, (a) => String((view.getUint8(a) >>> 1) & 7))
    .field('Bottom of stack', 2, 1, (a) => ((view.getUint8(a) & 1) === 0 ? 'no' : 'yes'))
    .field('Time to live', 3, 1, (a) => String(view.getUint8(a)));
  if (!layer.close(d.has(4) ? `label ${view.getUint32(at) >>> 12}` : '', 4)) return Next.END;
  if ((view.getUint8(at + 2) & 1) === 0) return EtherType.MPLS;
  const version = d.has(1) ? view.getUint8(d.at) >>> 4 : 0;
  if (version === 4) return EtherType.IPV4;
  return version === 6 ? EtherType.IPV6 : Next.END;
}

export function dissectPpp(d: Dissection): number {
  const { at, view } = d;
  if (d.has(2) && (view.getUint16(at) === 0x0f00 || view.getUint16(at) === 0x8f00)) return dissectCiscoHdlc(d);
  const framed = d.has(2) && view.getUint16(at) === 0xff03 ? 2 : 0;
  const size = d.has(framed + 1) && (view.getUint8(at + framed) & 1) !== 0 ? 1 : 2;
  const layer = d.layer('PPP');
  if (framed > 0) layer.field('Address, control', 0, 2, (a) => hex(view.getUint16(a), 4));
  const read = (a: number): number => (size === 1 ? view.getUint8(a) : view.getUint16(a));
  layer.field('Protocol', framed, size, (a) => named(PPP_PROTOCOLS, read(a), hex(read(a), 4)));
  const protocol = d.has(framed + size) ? read(at + framed) : 0;
  if (!layer.close(PPP_PROTOCOLS[protocol] ?? '', framed + size)) return Next.END;
  if (protocol === 0x21) return EtherType.IPV4;
  if (protocol === 0x281) return EtherType.MPLS;
  return protocol === 0x57 ? EtherType.IPV6 : Next.END;
}

export function dissectPppoe(d: Dissection): number {
  const { at, view } = d;
  const layer = d
    .layer('PPPoE session')
    .field('Version, type', 0, 1, (a) => hex(view.getUint8(a), 2))
    .field('Code', 1, 1, (a) => hex(view.getUint8(a), 2))
    .field('Session ID', 2, 2, (a) => hex(view.getUint16(a), 4))
    .field('Payload length', 4, 2, (a) => String(view.getUint16(a)));
  return layer.close(d.has(4) ? `session ${view.getUint16(at + 2)}` : '', 6) ? Next.PPP : Next.END;
}

export function dissectLlc(d: Dissection): number {
  const { at, view } = d;
  const snap = d.has(3) && view.getUint16(at) === 0xaaaa && view.getUint8(at + 2) === 3;
  const layer = d
    .layer('Logical link control')
    .field('DSAP', 0, 1, (a) => hex(view.getUint8(a), 2))
    .field('SSAP', 1, 1, (a) => hex(view.getUint8(a), 2))
    .field('Control', 2, 1, (a) => hex(view.getUint8(a), 2));
  if (!snap) {
    layer.close('', 3);
    return Next.END;
  }
  layer.field('Organization', 3, 3, (a) => hex((view.getUint16(a) << 8) | view.getUint8(a + 2), 6));
  layer.field('Type', 6, 2, (a) => etherTypeText(view.getUint16(a)));
  if (!layer.close('SNAP', 8)) return Next.END;
  const oui = (view.getUint16(at + 3) << 8) | view.getUint8(at + 5);
  const type = view.getUint16(at + 6);
  return (oui === 0 || oui === 0xf8) && type >= FIRST_ETHERTYPE ? type : Next.END;
}
