/** Which LINKTYPE_* (tcpdump.org/linktypes) has which decoder. A new link layer is one file and one row here. */
import { EtherType } from '../numbers.ts';
import { type HeaderDecoder, Next } from '../walk.ts';
import { decodeEthernet } from './ethernet.ts';
import { decodeRadiotap } from './ieee80211.ts';
import { decodeLinuxCooked, decodeLinuxCooked2 } from './linux-cooked.ts';
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
  { linkType: 101, decode: anyIp }, // RAW
  { linkType: 108, decode: decodeNullLoopback }, // LOOP
  { linkType: 113, decode: decodeLinuxCooked }, // LINUX_SLL
  { linkType: 127, decode: decodeRadiotap }, // IEEE802_11_RADIOTAP
  { linkType: 228, decode: () => EtherType.IPV4 }, // IPV4
  { linkType: 229, decode: () => EtherType.IPV6 }, // IPV6
  { linkType: 276, decode: decodeLinuxCooked2 }, // LINUX_SLL2
];

const BY_TYPE: ReadonlyMap<number, LinkLayer> = new Map(LINK_LAYERS.map((row) => [row.linkType, row]));

export const linkLayer = (linkType: number): LinkLayer | undefined => BY_TYPE.get(linkType);
