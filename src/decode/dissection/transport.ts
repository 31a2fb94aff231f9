/** TCP, UDP and ICMP as fields. */
import { Flag } from '../../model/flags.ts';
import { udpTunnel } from '../transport/udp-tunnels.ts';
import { Next } from '../walk.ts';
import { type Dissection, hex, named, plural } from './dissection.ts';
import { optionFields } from './tcp-options.ts';

const FLAG_NAMES: readonly (readonly [number, string, string])[] = [
  [Flag.AE, 'AE', 'accurate ECN'],
  [Flag.CWR, 'CWR', 'congestion window reduced'],
  [Flag.ECE, 'ECE', 'ECN echo'],
  [Flag.URG, 'URG', 'urgent'],
  [Flag.ACK, 'ACK', 'acknowledgment'],
  [Flag.PSH, 'PSH', 'push'],
  [Flag.RST, 'RST', 'reset'],
  [Flag.SYN, 'SYN', 'synchronize'],
  [Flag.FIN, 'FIN', 'finish'],
];
/** In the order in which people say them: SYN, ACK. */
const flagList = (flags: number): string =>
  FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => name)
    .reverse()
    .join(', ') || 'none';

export function dissectTcp(d: Dissection): number {
  const { at, view } = d;
  const word = (a: number): string => String(view.getUint32(a));
  const half = (a: number): string => String(view.getUint16(a));
  const size = d.has(13) ? (view.getUint8(at + 12) >>> 4) * 4 : 20;
  const flags = d.has(14) ? view.getUint16(at + 12) & 0x1ff : 0;
  const layer = d
    .layer('TCP')
    .field('Source port', 0, 2, half)
    .field('Destination port', 2, 2, half)
    .field('Sequence number', 4, 4, word)
    .field('Acknowledgment number', 8, 4, word)
    .field('Header length', 12, 1, () => `${size} bytes`)
    .field('Flags', 12, 2, () => `${hex(flags, 3)} (${flagList(flags)})`);
  for (const [bit, name, meaning] of FLAG_NAMES) {
    layer.field(`Flag: ${name}`, bit === Flag.AE ? 12 : 13, 1, () => `${(flags & bit) === 0 ? 'not set' : 'set'} (${meaning})`);
  }
  layer
    .field('Window', 14, 2, (a) => `${half(a)} (before scaling)`)
    .field('Checksum', 16, 2, (a) => hex(view.getUint16(a), 4))
    .field('Urgent pointer', 18, 2, half);

  const ports = d.has(4) ? `${view.getUint16(at)} → ${view.getUint16(at + 2)}` : '';
  if (!d.has(20)) {
    layer.close(ports, 20);
    return Next.END;
  }
  const payload = d.limit - at - size;
  if (size < 20 || payload < 0) {
    const why = size < 20 ? `header length ${size} is below 20` : `header of ${size} bytes in a segment of ${d.limit - at}`;
    layer.close(`${ports} [${flagList(flags)}], malformed: ${why}`, 20);
    return Next.END;
  }
  optionFields(d, layer, size);
  const ack = (flags & Flag.ACK) !== 0 ? ` ack ${view.getUint32(at + 8)}` : '';
  layer.close(`${ports} [${flagList(flags)}] seq ${view.getUint32(at + 4)}${ack} win ${view.getUint16(at + 14)} len ${payload}`, size);
  return Next.END;
}

export function dissectUdp(d: Dissection): number {
  const { at, view } = d;
  const half = (a: number): string => String(view.getUint16(a));
  const layer = d
    .layer('UDP')
    .field('Source port', 0, 2, half)
    .field('Destination port', 2, 2, half)
    .field('Length', 4, 2, half)
    .field('Checksum', 6, 2, (a) => hex(view.getUint16(a), 4));
  const announced = d.has(8) ? view.getUint16(at + 4) : 0;
  if (announced >= 8) d.limit = Math.min(d.limit, at + announced);
  if (!layer.close(d.has(4) ? `${view.getUint16(at)} → ${view.getUint16(at + 2)}` : '', 8)) return Next.END;
  return announced === 0 || announced >= 8 ? udpTunnel(view.getUint16(at), view.getUint16(at + 2)) : Next.END;
}

const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'destination unreachable',
  4: 'source quench',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
  12: 'parameter problem',
};
/** RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1. */
const UNREACHABLE: Readonly<Record<number, string>> = {
  0: 'network unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  4: 'fragmentation needed',
  5: 'source route failed',
  6: 'network unknown',
  7: 'host unknown',
  9: 'network prohibited',
  10: 'host prohibited',
  13: 'administratively prohibited',
};
const EXCEEDED: Readonly<Record<number, string>> = { 0: 'in transit', 1: 'in reassembly' };
const ICMPV6_TYPES: Readonly<Record<number, string>> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
};
/** RFC 4443 §3.1. */
const UNREACHABLE_V6: Readonly<Record<number, string>> = {
  0: 'no route',
  1: 'administratively prohibited',
  2: 'beyond scope of source address',
  3: 'address unreachable',
  4: 'port unreachable',
  5: 'source address failed policy',
  6: 'route rejected',
};

interface IcmpFamily {
  readonly name: string;
  readonly types: Readonly<Record<number, string>>;
  readonly codes: Readonly<Record<number, Readonly<Record<number, string>>>>;
  /** Type and code whose rest of the header is an MTU. */
  readonly mtu: (type: number, code: number) => boolean;
  readonly quotes: (type: number) => boolean;
  readonly echo: (type: number) => boolean;
}

const ICMP: IcmpFamily = {
  name: 'ICMP',
  types: ICMP_TYPES,
  codes: { 3: UNREACHABLE, 11: EXCEEDED },
  mtu: (type, code) => type === 3 && code === 4,
  quotes: (type) => [3, 4, 5, 11, 12].includes(type),
  echo: (type) => type === 0 || type === 8,
};
const ICMPV6: IcmpFamily = {
  name: 'ICMPv6',
  types: ICMPV6_TYPES,
  codes: { 1: UNREACHABLE_V6, 3: EXCEEDED },
  mtu: (type) => type === 2,
  quotes: (type) => type < 128,
  echo: (type) => type === 128 || type === 129,
};

export const dissectIcmp = (d: Dissection): number => (d.ipVersion === 4 ? dissectMessage(d, ICMP) : Next.END);
export const dissectIcmpv6 = (d: Dissection): number => (d.ipVersion === 6 ? dissectMessage(d, ICMPV6) : Next.END);

function dissectMessage(d: Dissection, family: IcmpFamily): number {
  const { at, view } = d;
  const type = d.has(1) ? view.getUint8(at) : 0;
  const code = d.has(2) ? view.getUint8(at + 1) : 0;
  const codes = family.codes[type] ?? {};
  const layer = d
    .layer(family.name)
    .field('Type', 0, 1, () => named(family.types, type))
    .field('Code', 1, 1, () => named(codes, code))
    .field('Checksum', 2, 2, (a) => hex(view.getUint16(a), 4));
  let summary = [family.types[type] ?? `type ${type}`, codes[code] ?? (code === 0 ? '' : `code ${code}`)]
    .filter((part) => part !== '')
    .join(', ');
  if (family.mtu(type, code)) {
    layer.field('Next-hop MTU', 4, 4, (a) => plural(view.getUint32(a), 'byte'));
    if (d.has(8)) summary += `, MTU ${view.getUint32(at + 4)}`;
  }
  if (family.echo(type)) {
    layer.field('Identifier', 4, 2, (a) => String(view.getUint16(a))).field('Sequence', 6, 2, (a) => String(view.getUint16(a)));
  }
  return layer.close(d.has(2) ? summary : '', 8) && family.quotes(type) && !d.quoted ? Next.QUOTE : Next.END;
}
