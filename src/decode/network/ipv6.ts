/** IPv6 (RFC 8200) with the extension headers that may stand before TCP. Jumbograms (RFC 2675) take the frame's own length. */
import { Layer, Stop } from '../packet.ts';
import { fragment } from '../reassembly.ts';
import { missing, stopped, type Walk } from '../walk.ts';

const HEADER = 40;

export function decodeIpv6(w: Walk): number {
  const at = w.at;
  if (w.bound - at < HEADER) return missing(w, HEADER);
  const p = w.packet;
  const v = w.view;
  if (v.getUint8(at) >>> 4 !== 6) return stopped(w, Stop.MALFORMED);

  p.layer = Layer.IP;
  p.ipVersion = 6;
  p.ipAt = at;
  p.srcAt = at + 8;
  p.dstAt = at + 24;
  p.src = 0;
  p.dst = 0;
  p.ttl = v.getUint8(at + 7);
  p.protocol = v.getUint8(at + 6);
  p.ipId = -1;
  p.moreFragments = false;
  p.fragmentOffset = 0;

  // Payload length 0: segmentation offload or a jumbogram (linux: BIG TCP); the frame's own length is all there is.
  const payload = v.getUint16(at + 4);
  p.ipLength = payload === 0 ? w.limit - at : HEADER + payload;
  w.narrow(at + p.ipLength);
  w.at = at + HEADER;
  return p.protocol;
}

/** Next header, length in units of eight octets without the first eight (RFC 8200 §4.3, §4.4, §4.6). */
export function decodeExtension(w: Walk): number {
  if (w.packet.ipVersion !== 6) return stopped(w, Stop.OTHER_PROTOCOL);
  if (w.bound - w.at < 8) return missing(w, 8);
  return skip(w, (w.view.getUint8(w.at + 1) + 1) << 3);
}

/** RFC 4302 §2: next header, length, reserved, security parameters index, sequence number. */
const AH_FIXED = 12;

/** RFC 4302 §2.2: the length counts words of four octets, minus 2. Also behind IPv4. */
export function decodeAuthentication(w: Walk): number {
  if (w.bound - w.at < AH_FIXED) return missing(w, AH_FIXED);
  const length = (w.view.getUint8(w.at + 1) + 2) << 2;
  return length < AH_FIXED ? stopped(w, Stop.MALFORMED) : skip(w, length);
}

function skip(w: Walk, length: number): number {
  if (w.bound - w.at < length) return missing(w, length);
  w.packet.protocol = w.view.getUint8(w.at);
  w.at += length;
  return w.packet.protocol;
}

const FRAGMENT_HEADER = 8;
/** Without the two reserved bits between them. */
const OFFSET_AND_MORE = 0xfff9;

/** RFC 8200 §4.5. An atomic fragment (offset 0, nothing more; RFC 6946) is a whole packet and passes through. */
export function decodeFragment(w: Walk): number {
  if (w.packet.ipVersion !== 6) return stopped(w, Stop.OTHER_PROTOCOL);
  if (w.bound - w.at < FRAGMENT_HEADER) return missing(w, FRAGMENT_HEADER);
  const p = w.packet;
  const offsetAndMore = w.view.getUint16(w.at + 2) & OFFSET_AND_MORE;
  p.protocol = w.view.getUint8(w.at);
  p.fragmentOffset = offsetAndMore & 0xfff8; // in units of eight octets, three bits up: already octets
  p.moreFragments = (offsetAndMore & 1) !== 0;
  w.at += FRAGMENT_HEADER;
  return offsetAndMore === 0 ? p.protocol : fragment(w, w.view.getInt32(w.at - 4), p.protocol);
}
