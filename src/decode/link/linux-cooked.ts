/** LINKTYPE_LINUX_SLL and _SLL2: what `tcpdump -i any` writes instead of a link layer header. Lengths from tcpdump.org/linktypes. */
import { Direction } from '../../model/vantage.ts';
import { FIRST_ETHERTYPE } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

/** Packet type, ARPHRD type, address length, address (8), protocol. */
const V1_HEADER = 16;
const V1_PROTOCOL = 14;
/** Protocol, reserved (2), interface (4), ARPHRD type, packet type, address length, address (8). */
const V2_HEADER = 20;
const V2_PROTOCOL = 0;
const LINKTYPE_LINUX_SLL = 113;
const LINKTYPE_LINUX_SLL2 = 276;
const V2_INTERFACE = 4;
/** linux: include/uapi/linux/if_ether.h ETH_P_802_2; smaller values are not EtherTypes. */
const ETH_P_802_2 = 0x0004;

export const decodeLinuxCooked = (w: Walk): number => decodeCooked(w, V1_HEADER, V1_PROTOCOL);

export function decodeLinuxCooked2(w: Walk): number {
  if (w.bound - w.at >= V2_HEADER) w.packet.interfaceIndex = w.view.getInt32(w.at + V2_INTERFACE);
  return decodeCooked(w, V2_HEADER, V2_PROTOCOL);
}

function decodeCooked(w: Walk, header: number, protocolAt: number): number {
  if (w.bound - w.at < header) return missing(w, header);
  const protocol = w.view.getUint16(w.at + protocolAt);
  w.at += header;
  if (protocol >= FIRST_ETHERTYPE) return protocol;
  return protocol === ETH_P_802_2 ? Next.LLC : stopped(w, Stop.OTHER_PROTOCOL);
}

/** linux: include/uapi/linux/if_packet.h; 1 and 2 are broadcast and multicast. */
const PACKET_HOST = 0;
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;
/** linux: include/uapi/linux/if_arp.h. The loopback interface has every packet both sent and received. */
const ARPHRD_LOOPBACK = 772;

/** Which way the frame went at the capturing machine; UNKNOWN for other link types. */
export function cookedDirection(linkType: number, view: DataView, at: number, capLen: number): Direction {
  if (linkType === LINKTYPE_LINUX_SLL) {
    if (capLen < V1_HEADER || view.getUint16(at + 2) === ARPHRD_LOOPBACK) return Direction.UNKNOWN;
    return directionOf(view.getUint16(at));
  }
  if (linkType !== LINKTYPE_LINUX_SLL2 || capLen < V2_HEADER || view.getUint16(at + 8) === ARPHRD_LOOPBACK) return Direction.UNKNOWN;
  return directionOf(view.getUint8(at + 10));
}

function directionOf(packetType: number): Direction {
  switch (packetType) {
    case PACKET_HOST:
      return Direction.INBOUND;
    case PACKET_OTHERHOST:
      return Direction.PASSING;
    case PACKET_OUTGOING:
      return Direction.OUTBOUND;
    default:
      return Direction.UNKNOWN;
  }
}
