/** What BSD's packet filter and IPsec interfaces log: LINKTYPE_PFLOG and LINKTYPE_ENC. Formats: tcpdump print-pflog.c, print-enc.c. */
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';
import { loopbackFamily } from './null-loopback.ts';

const AF_INET = 2;
/** OpenBSD and NetBSD, FreeBSD, macOS. */
const AF_INET6: readonly number[] = [24, 28, 30];

function ipOf(w: Walk, family: number): number {
  if (family === AF_INET) return EtherType.IPV4;
  return AF_INET6.includes(family) ? EtherType.IPV6 : stopped(w, Stop.OTHER_PROTOCOL);
}

/** Length of the header without its padding to four, address family, action, reason, … The shortest of any system has 45 octets. */
const PFLOG_LEAST = 45;

export function decodePflog(w: Walk): number {
  if (w.bound - w.at < PFLOG_LEAST) return missing(w, PFLOG_LEAST);
  const length = (w.view.getUint8(w.at) + 3) & ~3;
  if (length < PFLOG_LEAST) return stopped(w, Stop.MALFORMED);
  if (w.bound - w.at < length) return missing(w, length);
  const family = w.view.getUint8(w.at + 1);
  w.at += length;
  return ipOf(w, family);
}

/** Address family in the machine's byte order, security parameter index, flags. */
const ENC_HEADER = 12;

export function decodeEnc(w: Walk): number {
  if (w.bound - w.at < ENC_HEADER) return missing(w, ENC_HEADER);
  const family = loopbackFamily(w.view, w.at);
  w.at += ENC_HEADER;
  return ipOf(w, family);
}
