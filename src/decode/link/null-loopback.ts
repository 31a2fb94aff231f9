/**
 * LINKTYPE_NULL and LINKTYPE_LOOP: a four-byte address family. NULL has it in the byte order of the machine that captured,
 * which the file does not tell, LOOP in network order; families are small, so the order shows in the value.
 */
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';

const HEADER = 4;
/** AF_INET everywhere. */
const AF_INET = 2;
/** AF_INET6 in Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS. */
const AF_INET6: readonly number[] = [10, 23, 24, 28, 30];

export function decodeNullLoopback(w: Walk): number {
  if (w.bound - w.at < HEADER) return missing(w, HEADER);
  const family = loopbackFamily(w.view, w.at);
  w.at += HEADER;
  if (family === AF_INET) return EtherType.IPV4;
  return AF_INET6.includes(family) ? EtherType.IPV6 : stopped(w, Stop.OTHER_PROTOCOL);
}

export function loopbackFamily(view: DataView, at: number): number {
  const family = view.getUint32(at);
  return family > 0xffff ? view.getUint32(at, true) : family;
}
