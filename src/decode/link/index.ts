/** Which LINKTYPE_* (tcpdump.org/linktypes) has which decoder. A new link layer is one file and one row here. */
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { type HeaderDecoder, Next, stopped, type Walk } from '../walk.ts';
import { decodeEthernet } from './ethernet.ts';
import { decodeAvs, decodeIeee80211, decodePrism, decodeRadiotap } from './ieee80211.ts';
import { decodeIpnet } from './ipnet.ts';
import { decodeJuniperEthernet, decodeJuniperFrameRelay, decodeJuniperPpp } from './juniper.ts';
import { decodeLinuxCooked, decodeLinuxCooked2 } from './linux-cooked.ts';
import {
  decodeAtm,
  decodeFddi,
  decodeFibreChannel,
  decodeFireWire,
  decodeInfiniBand,
  decodeSunAtm,
  decodeTokenRing,
} from './local-networks.ts';
import { decodeNflog } from './nflog.ts';
import { decodeNullLoopback } from './null-loopback.ts';
import { decodeEnc, decodePflog } from './packet-filters.ts';
import { decodePpp } from './ppp.ts';
import {
  decodeFrameRelay,
  decodeFrameRelayBundle,
  decodeFrameRelayWithDirection,
  decodePppd,
  decodePppWithDirection,
  decodeSlip,
} from './serial.ts';
import { unwrapPktap, unwrapPpi } from './wrappers.ts';

export interface LinkLayer {
  readonly linkType: number;
  readonly decode: HeaderDecoder;
  /** For the documentation. */
  readonly reads: string;
}

const anyIp: HeaderDecoder = () => Next.ANY_IP;
/** One inside the other is an attack on the decoder: what is wrapped is read only where it is no wrapper. */
const wrapped =
  (unwrap: HeaderDecoder): HeaderDecoder =>
  (w: Walk) => {
    const linkType = unwrap(w);
    if (linkType < 0) return w.packet.stop === Stop.NONE ? stopped(w, Stop.OTHER_PROTOCOL) : Next.END;
    return PLAIN.get(linkType)?.decode(w) ?? stopped(w, Stop.OTHER_PROTOCOL);
  };

const row = (linkType: number, decode: HeaderDecoder, reads: string): LinkLayer => ({ linkType, decode, reads });

const PLAIN_LAYERS: readonly LinkLayer[] = [
  row(0, decodeNullLoopback, 'BSD loopback, either byte order, any system’s address families'),
  row(1, decodeEthernet, 'Ethernet II and 802.3, tags of 802.1Q, 802.1ad, 802.1ah and port extenders, PPPoE, MPLS'),
  row(6, decodeTokenRing, 'IEEE 802.5 token ring, with routing information'),
  row(8, decodeSlip, 'SLIP with BSD’s header; what van Jacobson compressed is counted only'),
  row(9, decodePpp, 'PPP in HDLC-like framing or bare; Cisco HDLC among it'),
  row(10, decodeFddi, 'FDDI'),
  // 12 and 14 are DLT_RAW of most systems and of OpenBSD; files should say 101 but some programs write the DLT.
  row(12, anyIp, 'IP, as some programs number it'),
  row(14, anyIp, 'IP, as OpenBSD numbers it'),
  // Both may hold the other's frames; the first octets tell.
  row(50, decodePpp, 'PPP or Cisco HDLC'),
  row(51, () => EtherType.PPPOE_SESSION, 'PPPoE without Ethernet'),
  row(100, decodeAtm, 'ATM, RFC 2684 with LLC; bridged Ethernet'),
  row(101, anyIp, 'IP'),
  row(104, decodePpp, 'Cisco HDLC or PPP'),
  row(105, decodeIeee80211, '802.11 data frames that are neither encrypted nor aggregated'),
  row(107, decodeFrameRelay, 'Frame Relay, RFC 2427 and Cisco’s'),
  row(108, decodeNullLoopback, 'OpenBSD loopback'),
  row(109, decodeEnc, 'BSD’s IPsec interface'),
  row(113, decodeLinuxCooked, 'Linux cooked capture'),
  row(117, decodePflog, 'BSD’s packet filter log'),
  row(119, decodePrism, '802.11 behind a Prism or AVS header'),
  row(122, decodeFibreChannel, 'IP over Fibre Channel, RFC 2625'),
  row(123, decodeSunAtm, 'ATM with Sun’s header: LLC, LAN emulation'),
  row(127, decodeRadiotap, '802.11 behind a radiotap header'),
  row(138, decodeFireWire, 'IP over FireWire'),
  row(163, decodeAvs, '802.11 behind an AVS header'),
  row(166, decodePppd, 'PPP as Linux’s pppd gives it'),
  row(167, decodeJuniperEthernet, 'Juniper, PPPoE'),
  row(178, decodeJuniperEthernet, 'Juniper, Ethernet'),
  row(179, decodeJuniperPpp, 'Juniper, PPP'),
  row(180, decodeJuniperFrameRelay, 'Juniper, Frame Relay'),
  row(181, decodeJuniperPpp, 'Juniper, Cisco HDLC'),
  row(182, decodeFrameRelayBundle, 'Frame Relay bundles, FRF.16.1; frames that are not cut into fragments'),
  row(204, decodePppWithDirection, 'PPP behind a direction'),
  row(205, decodePppWithDirection, 'Cisco HDLC behind a direction'),
  row(206, decodeFrameRelayWithDirection, 'Frame Relay behind a direction'),
  row(219, () => EtherType.MPLS, 'MPLS'),
  row(226, decodeIpnet, 'Solaris: loopback and zones'),
  row(228, () => EtherType.IPV4, 'IPv4'),
  row(229, () => EtherType.IPV6, 'IPv6'),
  row(239, decodeNflog, 'netfilter log'),
  row(242, decodeInfiniBand, 'IP over InfiniBand'),
  row(276, decodeLinuxCooked2, 'Linux cooked capture v2'),
];
const PLAIN: ReadonlyMap<number, LinkLayer> = new Map(PLAIN_LAYERS.map((layer) => [layer.linkType, layer]));

export const LINK_LAYERS: readonly LinkLayer[] = [
  ...PLAIN_LAYERS,
  row(149, wrapped(unwrapPktap), 'Apple’s PKTAP, as macOS before 10.9.2 numbers it'),
  row(192, wrapped(unwrapPpi), 'PPI, around any of these'),
  row(258, wrapped(unwrapPktap), 'Apple’s PKTAP, around any of these'),
].sort((a, b) => a.linkType - b.linkType);

const BY_TYPE: ReadonlyMap<number, LinkLayer> = new Map(LINK_LAYERS.map((layer) => [layer.linkType, layer]));

export const linkLayer = (linkType: number): LinkLayer | undefined => BY_TYPE.get(linkType);
