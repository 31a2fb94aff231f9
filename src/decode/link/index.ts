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
  /** Without the `LINKTYPE_` in front. */
  readonly name: string;
  readonly decode: HeaderDecoder;
}

const anyIp: HeaderDecoder = () => Next.ANY_IP;

export const LINK_LAYERS: readonly LinkLayer[] = [
  { linkType: 0, name: 'NULL', decode: decodeNullLoopback },
  { linkType: 1, name: 'ETHERNET', decode: decodeEthernet },
  { linkType: 9, name: 'PPP', decode: decodePpp },
  // 12 and 14 are DLT_RAW of most systems and of OpenBSD; files should say 101 but some programs write the DLT.
  { linkType: 12, name: 'RAW', decode: anyIp },
  { linkType: 14, name: 'RAW', decode: anyIp },
  { linkType: 101, name: 'RAW', decode: anyIp },
  { linkType: 108, name: 'LOOP', decode: decodeNullLoopback },
  { linkType: 113, name: 'LINUX_SLL', decode: decodeLinuxCooked },
  { linkType: 127, name: 'IEEE802_11_RADIOTAP', decode: decodeRadiotap },
  { linkType: 228, name: 'IPV4', decode: () => EtherType.IPV4 },
  { linkType: 229, name: 'IPV6', decode: () => EtherType.IPV6 },
  { linkType: 276, name: 'LINUX_SLL2', decode: decodeLinuxCooked2 },
];

const BY_TYPE: ReadonlyMap<number, LinkLayer> = new Map(LINK_LAYERS.map((row) => [row.linkType, row]));

export const linkLayer = (linkType: number): LinkLayer | undefined => BY_TYPE.get(linkType);

/** `ETHERNET`, `LINUX_SLL2`, …; the bare number where we have no decoder. */
export const linkTypeName = (linkType: number): string => BY_TYPE.get(linkType)?.name ?? String(linkType);
