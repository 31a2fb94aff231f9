/** Headers that a capturing machine puts where a link layer has its own, as fields. Same order of decisions as the decoders in decode/link. */
import { nflogPayload } from '../link/nflog.ts';
import { EtherType } from '../numbers.ts';
import { Next } from '../walk.ts';
import { type Dissection, hex, named, plural } from './dissection.ts';

export function dissectJuniperEthernet(d: Dissection): number {
  const { at, view } = d;
  const flags = d.has(4) ? view.getUint8(at + 3) : 0;
  const extended = (flags & 0x80) !== 0;
  const bare = (flags & 0x02) !== 0;
  const extensions = extended && d.has(6) ? view.getUint16(at + 4) : 0;
  const layer = d
    .layer('Juniper')
    .field('Magic', 0, 3, (a) => hex((view.getUint16(a) << 8) | view.getUint8(a + 2), 6))
    .field('Direction', 3, 1, () => ((flags & 1) === 0 ? 'out' : 'in'))
    .field('Link layer header', 3, 1, () => (bare ? 'stripped' : 'present'));
  if (extended) layer.field('Extensions', 4, 2, () => plural(extensions, 'byte'));
  if (d.has(4) && view.getUint32(at) >>> 8 !== 0x4d4743) {
    layer.close('malformed: no magic number', 4);
    return Next.END;
  }
  const size = 4 + (extended ? 2 + extensions : 0) + (bare ? 4 : 0);
  if (!layer.close((flags & 1) === 0 ? 'out' : 'in', size)) return Next.END;
  return bare ? Next.ANY_IP : EtherType.BRIDGED_ETHERNET;
}

const IPNET_FAMILIES: Readonly<Record<number, string>> = { 2: 'IPv4', 26: 'IPv6' };
const IPNET_HOOKS: Readonly<Record<number, string>> = { 0: 'received', 1: 'sent', 2: 'within the machine' };

export function dissectIpnet(d: Dissection): number {
  const { at, view } = d;
  const layer = d
    .layer('Solaris ipnet')
    .field('Version', 0, 1, (a) => String(view.getUint8(a)))
    .field('Family', 1, 1, (a) => named(IPNET_FAMILIES, view.getUint8(a)))
    .field('Hook', 2, 2, (a) => named(IPNET_HOOKS, view.getUint16(a)))
    .field('Packet length', 4, 4, (a) => plural(view.getUint32(a), 'byte'))
    .field('Interface index', 8, 4, (a) => String(view.getUint32(a)))
    .field('Group interface index', 12, 4, (a) => String(view.getUint32(a)))
    .field('Source zone', 16, 4, (a) => String(view.getUint32(a)))
    .field('Destination zone', 20, 4, (a) => String(view.getUint32(a)));
  const family = d.has(2) ? view.getUint8(at + 1) : 0;
  return layer.close(IPNET_FAMILIES[family] ?? '', 24) ? ipOf(IPNET_FAMILIES[family]) : Next.END;
}

/** linux: include/linux/socket.h AF_*. */
const NFLOG_FAMILIES: Readonly<Record<number, string>> = { 2: 'IPv4', 7: 'bridge', 10: 'IPv6' };

export function dissectNflog(d: Dissection): number {
  const { at, view } = d;
  const layer = d
    .layer('Netfilter log')
    .field('Family', 0, 1, (a) => named(NFLOG_FAMILIES, view.getUint8(a)))
    .field('Version', 1, 1, (a) => String(view.getUint8(a)))
    .field('Group', 2, 2, (a) => String(view.getUint16(a)));
  if (!d.has(8)) {
    layer.close('', 8);
    return Next.END;
  }
  const payload = nflogPayload(view, at, d.bound);
  if (payload <= 0) {
    layer.close(payload < 0 ? 'malformed: an attribute shorter than its header' : 'no packet in it', 8);
    return Next.END;
  }
  const family = NFLOG_FAMILIES[view.getUint8(at)];
  return layer.close(family ?? '', payload - at) ? ipOf(family) : Next.END;
}

function ipOf(family: string | undefined): number {
  if (family === 'IPv4') return EtherType.IPV4;
  return family === 'IPv6' ? EtherType.IPV6 : Next.END;
}
