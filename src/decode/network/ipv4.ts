/** IPv4 (RFC 791). Options are skipped, fragments put together; lengths come from the header. */
import { Layer, Stop } from '../packet.ts';
import { fragment } from '../reassembly.ts';
import { missing, stopped, type Walk } from '../walk.ts';

const MIN_HEADER = 20;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENTED = 0x3fff;
const OFFSET_MASK = 0x1fff;

export function decodeIpv4(w: Walk): number {
  const at = w.at;
  if (w.bound - at < MIN_HEADER) return missing(w, MIN_HEADER);
  const p = w.packet;
  const v = w.view;
  const first = v.getInt32(at); // version, IHL, DSCP, ECN, total length
  const header = ((first >>> 24) & 15) << 2;
  if (first >>> 28 !== 4 || header < MIN_HEADER) return stopped(w, Stop.MALFORMED);
  const second = v.getInt32(at + 4); // identification, flags, fragment offset

  p.layer = Layer.IP;
  p.ipVersion = 4;
  p.ipAt = at;
  p.srcAt = at + 12;
  p.dstAt = at + 16;
  p.src = v.getInt32(at + 12);
  p.dst = v.getInt32(at + 16);
  const ttlAndProtocol = v.getUint16(at + 8);
  p.ttl = ttlAndProtocol >>> 8;
  p.protocol = ttlAndProtocol & 0xff;
  p.ipId = second >>> 16;
  p.moreFragments = (second & MORE_FRAGMENTS) !== 0;
  p.fragmentOffset = (second & OFFSET_MASK) << 3;

  // Total length 0: captured before segmentation offload (TSO) split it; the frame's own length is all there is.
  const total = first & 0xffff;
  p.ipLength = total === 0 ? w.limit - at : total;
  if (p.ipLength < header) return stopped(w, Stop.MALFORMED);
  w.narrow(at + p.ipLength);
  if (w.bound - at < header) return missing(w, header);
  w.at = at + header;
  return (second & FRAGMENTED) === 0 ? p.protocol : fragment(w, p.ipId, p.protocol);
}
