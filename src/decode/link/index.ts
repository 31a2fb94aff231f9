/** Which LINKTYPE_* (tcpdump.org/linktypes) has which decoder. A new link layer is one file and one row here. */
import { EtherType } from '../numbers.ts';
import { type HeaderDecoder, Next } from '../walk.ts';
import { decodeEthernet } from './ethernet.ts';
import { decodeIeee80211, decodeRadiotap } from './ieee80211.ts';
import { decodeIpnet } from './ipnet.ts';
import { decodeJuniperEthernet } from './juniper.ts';
import { decodeLinuxCooked, decodeLinuxCooked2 } from './linux-cooked.ts';
import { decodeNflog } from './nflog.ts';
import { decodeNullLoopback } from './null-loopback.ts';
import { decodePpp } from './ppp.ts';

export interface LinkLayer {
  readonly linkType: number;
  readonly decode: HeaderDecoder;
}

const anyIp: HeaderDecoder = () => Next.ANY_IP;

export const LINK_LAYERS: readonly LinkLayer[] = [
  { linkType: 0, decode: decodeNullLoopback }, // NULL
  { linkType: 1, decode: decodeEthernet }, // ETHERNET
  { linkType: 9, decode: decodePpp }, // PPP
  // 12 and 14 are DLT_RAW of most systems and of OpenBSD; files should say 101 but some programs write the DLT.
  { linkType: 12, decode: anyIp },
  { linkType: 14, decode: anyIp },
  // Both may hold the other's frames; the first octets tell.
  { linkType: 50, decode: decodePpp }, // PPP_HDLC
  { linkType: 101, decode: anyIp }, // RAW
  { linkType: 104, decode: decodePpp }, // C_HDLC
  { linkType: 105, decode: decodeIeee80211 }, // IEEE802_11
  { linkType: 108, decode: decodeNullLoopback }, // LOOP
  { linkType: 113, decode: decodeLinuxCooked }, // LINUX_SLL
  { linkType: 127, decode: decodeRadiotap }, // IEEE802_11_RADIOTAP
  { linkType: 178, decode: decodeJuniperEthernet }, // JUNIPER_ETHER
  { linkType: 226, decode: decodeIpnet }, // IPNET
  { linkType: 228, decode: () => EtherType.IPV4 }, // IPV4
  { linkType: 229, decode: () => EtherType.IPV6 }, // IPV6
  { linkType: 239, decode: decodeNflog }, // NFLOG
  { linkType: 276, decode: decodeLinuxCooked2 }, // LINUX_SLL2
];

const BY_TYPE: ReadonlyMap<number, LinkLayer> = new Map(LINK_LAYERS.map((row) => [row.linkType, row]));

export const linkLayer = (linkType: number): LinkLayer | undefined => BY_TYPE.get(linkType);
