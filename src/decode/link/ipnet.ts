/** LINKTYPE_IPNET: what Solaris and illumos write for loopback and for traffic between zones. Format: tcpdump.org/linktypes/LINKTYPE_IPNET. */
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';

/** Version, family, hook type (2), packet length (4), interface, group interface, zones of source and destination (4 each). */
const HEADER = 24;
/** Solaris: sys/socket.h. */
const AF_INET = 2;
const AF_INET6 = 26;

export function decodeIpnet(w: Walk): number {
  if (w.bound - w.at < HEADER) return missing(w, HEADER);
  const family = w.view.getUint8(w.at + 1);
  w.at += HEADER;
  if (family === AF_INET) return EtherType.IPV4;
  return family === AF_INET6 ? EtherType.IPV6 : stopped(w, Stop.OTHER_PROTOCOL);
}
