/**
 * The one case that is nearly all of nearly every capture: Ethernet, IPv4 without options or IPv6 without extension headers, TCP,
 * everything captured that is read. Two functions instead of a walk through tables. They must say exactly what the walk would say
 * (test/decode/fast-lane.test.ts holds the two side by side); anything unusual they leave to the walk.
 */
import { Layer, type Packet, Stop } from './packet.ts';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const LINK = 14;
const IPV4 = 20;
const IPV6 = 40;
const TCP = 20;
/** More fragments, or an offset. */
const FRAGMENTED = 0x3fff;
const PROTOCOL_TCP = 6;
const FLAG_BITS = 0x01ff;

/** Fills `p` and returns true, or returns false having touched nothing. `wire` is where the frame ended on the wire. */
export function decodeFast(p: Packet, v: DataView, at: number, end: number, wire: number): boolean {
  if (end - at < LINK + IPV4 + TCP) return false;
  const type = v.getUint16(at + 12);
  if (type !== ETHERTYPE_IPV4) return type === ETHERTYPE_IPV6 && decodeFast6(p, v, at, end, wire);
  const ip = at + LINK;
  const first = v.getInt32(ip); // version, IHL, DSCP, ECN, total length
  const total = first & 0xffff;
  if (first >>> 24 !== 0x45 || total < IPV4 + TCP) return false;
  const second = v.getInt32(ip + 4); // identification, flags, fragment offset
  const third = v.getInt32(ip + 8); // TTL, protocol, checksum
  if ((second & FRAGMENTED) !== 0 || ((third >>> 16) & 0xff) !== PROTOCOL_TCP) return false;
  const limit = ip + total < wire ? ip + total : wire;
  if (!decodeSegment(p, v, ip + IPV4, end, limit)) return false;

  if (p.view !== v) p.view = v; // the garbage collector takes note of each store of an object that is young
  p.at = at;
  p.end = end;
  p.ipVersion = 4;
  p.ipAt = ip;
  p.srcAt = ip + 12;
  p.dstAt = ip + 16;
  p.src = v.getInt32(ip + 12);
  p.dst = v.getInt32(ip + 16);
  p.ttl = third >>> 24;
  p.ipId = second >>> 16;
  p.ipLength = total;
  return true;
}

function decodeFast6(p: Packet, v: DataView, at: number, end: number, wire: number): boolean {
  if (end - at < LINK + IPV6 + TCP) return false;
  const ip = at + LINK;
  const second = v.getInt32(ip + 4); // payload length, next header, hop limit
  const payload = second >>> 16;
  if (v.getInt32(ip) >>> 28 !== 6 || payload < TCP || ((second >>> 8) & 0xff) !== PROTOCOL_TCP) return false;
  const limit = ip + IPV6 + payload < wire ? ip + IPV6 + payload : wire;
  if (!decodeSegment(p, v, ip + IPV6, end, limit)) return false;

  if (p.view !== v) p.view = v;
  p.at = at;
  p.end = end;
  p.ipVersion = 6;
  p.ipAt = ip;
  p.srcAt = ip + 8;
  p.dstAt = ip + 24;
  p.src = 0;
  p.dst = 0;
  p.ttl = second & 0xff;
  p.ipId = -1;
  p.ipLength = IPV6 + payload;
  return true;
}

/** What is the same behind either. `limit`: where the segment ends by the length of its IP packet. */
function decodeSegment(p: Packet, v: DataView, tcp: number, end: number, limit: number): boolean {
  const rest = v.getInt32(tcp + 12); // data offset, reserved, flags, window
  const header = (rest >>> 28) << 2;
  const payload = limit - tcp - header;
  if (header < TCP || payload < 0 || limit - tcp < TCP) return false;

  p.layer = Layer.TCP;
  p.stop = Stop.NONE;
  p.interfaceIndex = 0;
  p.encap = 0;
  p.protocol = PROTOCOL_TCP;
  p.moreFragments = false;
  p.fragmentOffset = 0;
  p.fragments = 1;
  p.transportAt = tcp;
  const ports = v.getInt32(tcp);
  p.srcPort = ports >>> 16;
  p.dstPort = ports & 0xffff;
  p.seq = v.getInt32(tcp + 4);
  p.ack = v.getInt32(tcp + 8);
  p.flags = (rest >>> 16) & FLAG_BITS;
  p.window = rest & 0xffff;
  const last = v.getInt32(tcp + 16); // checksum, urgent pointer
  p.checksum = last >>> 16;
  p.urgent = last & 0xffff;
  p.headerLength = header;
  p.payloadLength = payload;
  p.payloadAt = tcp + header < end ? tcp + header : end;
  p.icmpType = 0;
  p.icmpCode = 0;
  p.quoted = null;
  return true;
}
