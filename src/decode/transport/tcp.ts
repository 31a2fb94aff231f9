/** The fixed TCP header (RFC 9293 §3.1). Options are `decodeTcpOptions`, for those who need them. */
import { Layer, Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

export const TCP_FIXED_HEADER = 20;
/** Eight bits of RFC 9293 and AE beside them; the same layout as model/flags.ts. */
const FLAG_BITS = 0x01ff;

export function decodeTcp(w: Walk): number {
  const p = w.packet;
  const v = w.view;
  const at = w.at;
  const available = w.bound - at;
  p.transportAt = at;
  if (available < TCP_FIXED_HEADER) return decodeBeginning(w, available);

  const ports = v.getInt32(at); // int32: an unsigned word does not stay a small integer
  p.srcPort = ports >>> 16;
  p.dstPort = ports & 0xffff;
  p.seq = v.getInt32(at + 4);
  p.ack = v.getInt32(at + 8);
  const rest = v.getInt32(at + 12); // data offset, reserved, flags, window
  const header = (rest >>> 28) << 2;
  p.flags = (rest >>> 16) & FLAG_BITS;
  p.window = rest & 0xffff;
  const last = v.getInt32(at + 16); // checksum, urgent pointer
  p.checksum = last >>> 16;
  p.urgent = last & 0xffff;
  p.headerLength = header;

  const payload = w.limit - at - header;
  // No receiver takes it for a segment (linux tcp_v4_rcv, "bad_packet"), whatever its flags.
  if (header >= TCP_FIXED_HEADER) p.layer = Layer.TCP;
  if (header < TCP_FIXED_HEADER || payload < 0) {
    p.payloadAt = w.bound;
    return stopped(w, Stop.MALFORMED);
  }
  p.payloadLength = payload;
  p.payloadAt = at + header < w.end ? at + header : w.end;
  return Next.END;
}

/** RFC 792 quotes eight octets of the transport header, short captures and tiny fragments cut anywhere. */
function decodeBeginning(w: Walk, available: number): number {
  const p = w.packet;
  if (available >= 4) {
    p.srcPort = w.view.getUint16(w.at);
    p.dstPort = w.view.getUint16(w.at + 2);
  }
  if (available >= 8) p.seq = w.view.getInt32(w.at + 4);
  p.payloadAt = w.bound;
  return p.moreFragments && w.at + TCP_FIXED_HEADER > w.limit ? stopped(w, Stop.FRAGMENT) : missing(w, TCP_FIXED_HEADER);
}
