/**
 * LINKTYPE_NFLOG: packets that a netfilter rule logged (`tcpdump -i nflog:1`), as a list of attributes, one of which is the packet.
 * Attributes are in the byte order of the machine that captured; types are small, so the order shows in the first of them.
 * Format: tcpdump.org/linktypes/LINKTYPE_NFLOG; linux: include/uapi/linux/netfilter/nfnetlink_log.h.
 */
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';

/** Family, version, resource id (2). */
const HEADER = 4;
/** Length of the attribute with this header, type. Attributes begin at multiples of four. */
const ATTRIBUTE = 4;
/** linux: include/uapi/linux/netlink.h NLA_TYPE_MASK. */
const TYPE_MASK = 0x3fff;
const NFULA_PAYLOAD = 9;
/** linux: include/linux/socket.h. */
const AF_INET = 2;
const AF_INET6 = 10;

export function decodeNflog(w: Walk): number {
  if (w.bound - w.at < HEADER + ATTRIBUTE) return missing(w, HEADER + ATTRIBUTE);
  const family = w.view.getUint8(w.at);
  const payload = nflogPayload(w.view, w.at, w.bound);
  if (payload < 0) return stopped(w, Stop.MALFORMED);
  if (payload === 0) return stopped(w, w.end < w.limit ? Stop.TRUNCATED : Stop.OTHER_PROTOCOL);
  w.at = payload;
  if (family === AF_INET) return EtherType.IPV4;
  return family === AF_INET6 ? EtherType.IPV6 : stopped(w, Stop.OTHER_PROTOCOL);
}

/** Where the packet begins; 0 when no attribute before `end` holds it, -1 when the list is damaged. At least eight octets are there. */
export function nflogPayload(view: DataView, start: number, end: number): number {
  let at = start + HEADER;
  const little = (view.getUint16(at + 2, true) & TYPE_MASK) <= 0xff;
  while (at + ATTRIBUTE <= end) {
    const length = view.getUint16(at, little);
    if (length < ATTRIBUTE) return -1;
    if ((view.getUint16(at + 2, little) & TYPE_MASK) === NFULA_PAYLOAD) return at + ATTRIBUTE;
    at += (length + 3) & ~3;
  }
  return 0;
}
