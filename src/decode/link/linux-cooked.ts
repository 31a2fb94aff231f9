/** LINKTYPE_LINUX_SLL and _SLL2: what `tcpdump -i any` writes instead of a link layer header. Lengths from tcpdump.org/linktypes. */
import { FIRST_ETHERTYPE } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

/** Packet type, ARPHRD type, address length, address (8), protocol. */
const V1_HEADER = 16;
const V1_PROTOCOL = 14;
/** Protocol, reserved (2), interface (4), ARPHRD type, packet type, address length, address (8). */
const V2_HEADER = 20;
const V2_PROTOCOL = 0;
/** linux: include/uapi/linux/if_ether.h ETH_P_802_2; smaller values are not EtherTypes. */
const ETH_P_802_2 = 0x0004;

export const decodeLinuxCooked = (w: Walk): number => decodeCooked(w, V1_HEADER, V1_PROTOCOL);
export const decodeLinuxCooked2 = (w: Walk): number => decodeCooked(w, V2_HEADER, V2_PROTOCOL);

function decodeCooked(w: Walk, header: number, protocolAt: number): number {
  if (w.bound - w.at < header) return missing(w, header);
  const protocol = w.view.getUint16(w.at + protocolAt);
  w.at += header;
  if (protocol >= FIRST_ETHERTYPE) return protocol;
  return protocol === ETH_P_802_2 ? Next.LLC : stopped(w, Stop.OTHER_PROTOCOL);
}
