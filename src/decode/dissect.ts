/**
 * A frame as layers and fields for the screen: every value in words, with the bytes that hold it.
 *
 * Not the hot path, and no second opinion: it takes the same turns as `Decoder` (tests compare the two). Never throws; cut
 * and malformed headers are shown as far as they go. Text from the packet is sanitised here.
 */
import type { PacketLayer } from '../model/dissection.ts';
import { sanitise } from '../model/sanitise.ts';
import { dissectIpnet, dissectJuniperEthernet, dissectNflog } from './dissection/capture-headers.ts';
import { Dissection, plural } from './dissection/dissection.ts';
import {
  dissectCooked,
  dissectCooked2,
  dissectETag,
  dissectEthernet,
  dissectITag,
  dissectLlc,
  dissectLoopback,
  dissectMpls,
  dissectPpp,
  dissectPppoe,
  dissectVlan,
  dissectVnTag,
} from './dissection/link.ts';
import { dissectAuthentication, dissectExtension, dissectFragment, dissectGre, dissectIpv4, dissectIpv6 } from './dissection/network.ts';
import { dissectIcmp, dissectIcmpv6, dissectTcp, dissectUdp } from './dissection/transport.ts';
import { dissectGeneve, dissectGtp, dissectTeredo, dissectVxlan } from './dissection/tunnels.ts';
import { dissectIeee80211, dissectRadiotap } from './dissection/wireless.ts';
import { Encapsulations } from './encapsulations.ts';
import { MAX_HEADERS } from './headers.ts';
import { LINK_LAYERS, type LinkLayer } from './link/index.ts';
import { EtherType, IpProtocol } from './numbers.ts';
import { Packet } from './packet.ts';
import { Next, Walk } from './walk.ts';

/** Characters of the payload's first line. */
const PREVIEW = 100;

type Dissector = (d: Dissection, kind: number) => number;

/** Link layers that are shown field by field. */
const LINK_FIELDS: ReadonlyMap<number, Dissector> = new Map<number, Dissector>([
  [0, dissectLoopback],
  [1, dissectEthernet],
  [9, dissectPpp],
  [12, () => Next.ANY_IP],
  [14, () => Next.ANY_IP],
  [50, dissectPpp],
  [101, () => Next.ANY_IP],
  [104, dissectPpp],
  [105, dissectIeee80211],
  [108, dissectLoopback],
  [113, dissectCooked],
  [127, dissectRadiotap],
  [178, dissectJuniperEthernet],
  [226, dissectIpnet],
  [228, () => EtherType.IPV4],
  [229, () => EtherType.IPV6],
  [239, dissectNflog],
  [276, dissectCooked2],
]);

/** The rows of decode/link/index.ts. */
export const LINKS: ReadonlyMap<number, Dissector> = new Map(
  LINK_LAYERS.map((row) => [row.linkType, LINK_FIELDS.get(row.linkType) ?? ((d) => dissectWhole(d, row))]),
);

/** A rare link layer is shown as one piece: its decoder says where it ends and what follows. */
function dissectWhole(d: Dissection, { decode, reads }: LinkLayer): number {
  const walk = new Walk(new Encapsulations(), null);
  walk.start(new Packet(), d.view, d.at, d.end, d.limit);
  const next = decode(walk);
  if (walk.at > d.at) d.layer('Link layer').close(reads, walk.at - d.at);
  return next;
}

const HEADERS: ReadonlyMap<number, Dissector> = new Map<number, Dissector>([
  [EtherType.IPV4, dissectIpv4],
  [EtherType.IPV6, dissectIpv6],
  [EtherType.VLAN, dissectVlan],
  [EtherType.QINQ, dissectVlan],
  [EtherType.OLD_QINQ, dissectVlan],
  [EtherType.VN_TAG, dissectVnTag],
  [EtherType.E_TAG, dissectETag],
  [EtherType.I_TAG, dissectITag],
  [EtherType.MPLS, dissectMpls],
  [EtherType.PPPOE_SESSION, dissectPppoe],
  [EtherType.BRIDGED_ETHERNET, dissectEthernet],
  [Next.LLC, dissectLlc],
  [Next.PPP, dissectPpp],
  [Next.VXLAN, dissectVxlan],
  [Next.GENEVE, dissectGeneve],
  [Next.GTP_U, dissectGtp],
  [Next.TEREDO, dissectTeredo],
  [Next.ANY_IP, (d) => (d.has(1) && d.view.getUint8(d.at) >>> 4 === 6 ? dissectIpv6(d) : dissectIpv4(d))],
  [IpProtocol.TCP, dissectTcp],
  [IpProtocol.UDP, dissectUdp],
  [IpProtocol.ICMP, dissectIcmp],
  [IpProtocol.ICMPV6, dissectIcmpv6],
  [IpProtocol.HOP_BY_HOP, onlyInIpv6(dissectExtension)],
  [IpProtocol.ROUTING, onlyInIpv6(dissectExtension)],
  [IpProtocol.DESTINATION_OPTIONS, onlyInIpv6(dissectExtension)],
  [IpProtocol.FRAGMENT, onlyInIpv6(dissectFragment)],
  [IpProtocol.AH, dissectAuthentication],
  [IpProtocol.IPV4, dissectIpv4],
  [IpProtocol.IPV6, dissectIpv6],
  [IpProtocol.GRE, dissectGre],
]);

function onlyInIpv6(dissector: Dissector): Dissector {
  return (d, kind) => (d.ipVersion === 6 ? dissector(d, kind) : Next.END);
}

/** `bytes` starts with the frame; `capLen` of them were captured, `origLen` were on the wire. */
export function dissect(linkType: number, bytes: Uint8Array, capLen: number, origLen: number): PacketLayer[] {
  const d = new Dissection(bytes, capLen, origLen);
  let next = LINKS.get(linkType)?.(d, linkType) ?? Next.END;
  for (let headers = 0; next !== Next.END && headers < MAX_HEADERS; headers++) {
    if (next === Next.QUOTE) {
      d.quoted = true;
      next = Next.ANY_IP;
      if (!d.has(1)) break;
    }
    next = HEADERS.get(next)?.(d, next) ?? Next.END;
  }
  remainder(d);
  return d.layers;
}

/** What is behind the last header: payload up to the length that the headers give, then what the link layer added. */
function remainder(d: Dissection): void {
  const behind = Math.min(d.end, d.limit);
  const length = d.limit - d.at;
  if (length > 0 && !d.broken) {
    const there = Math.max(0, behind - d.at);
    const line = firstLine(d.bytes.subarray(d.at, behind));
    d.layers.push({
      name: d.quoted ? 'Payload (quoted)' : 'Payload',
      summary: there < length ? `${plural(length, 'byte')}, ${there} ${d.quoted ? 'quoted' : 'captured'}` : plural(length, 'byte'),
      offset: d.at,
      length: there,
      fields: line.length === 0 ? [] : [{ name: 'First line', value: line.text, offset: d.at, length: line.length }],
    });
  }
  const rest = d.end - Math.max(d.at, behind);
  if (rest > 0 && !d.quoted) {
    d.layers.push({ name: 'Padding', summary: plural(rest, 'byte'), offset: d.end - rest, length: rest, fields: [] });
  }
}

function firstLine(payload: Uint8Array): { text: string; length: number } {
  const head = payload.subarray(0, PREVIEW);
  const ends = head.findIndex((octet) => octet === 10 || octet === 13);
  const line = ends < 0 ? head : head.subarray(0, ends);
  return { text: sanitise(new TextDecoder().decode(line)), length: line.length };
}
