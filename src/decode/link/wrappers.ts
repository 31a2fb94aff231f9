/**
 * Headers that name the link type of what follows: PPI (Kismet, AirPcap) and Apple's PKTAP. They move behind themselves and return a
 * LINKTYPE, or a negative number when the walk has ended. Formats: the "PPI" specification of CACE; xnu bsd/net/pktap.h.
 */
import { Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';

/** Version, flags, length of all headers (2), link type (4); little-endian. */
const PPI_HEADER = 8;

export function unwrapPpi(w: Walk): number {
  if (w.bound - w.at < PPI_HEADER) return missing(w, PPI_HEADER);
  const length = w.view.getUint16(w.at + 2, true);
  if (w.view.getUint8(w.at) !== 0 || length < PPI_HEADER) return stopped(w, Stop.MALFORMED);
  if (w.bound - w.at < length) return missing(w, length);
  const linkType = w.view.getInt32(w.at + 4, true);
  w.at += length;
  return linkType;
}

/** Length, next header's type, link type (4 each), interface's name, flags, …: 108 octets in the first version; little-endian. */
const PKTAP_LEAST = 108;
/** Later versions added names; far above all of them. */
const PKTAP_MOST = 1024;

export function unwrapPktap(w: Walk): number {
  if (w.bound - w.at < PKTAP_LEAST) return missing(w, PKTAP_LEAST);
  const length = w.view.getUint32(w.at, true);
  if (length < PKTAP_LEAST || length > PKTAP_MOST) return stopped(w, Stop.MALFORMED);
  if (w.bound - w.at < length) return missing(w, length);
  const linkType = w.view.getInt32(w.at + 8, true);
  w.at += length;
  return linkType;
}
