/** UDP (RFC 768), and the tunnels in it. */
import { Layer, Stop } from '../packet.ts';
import { missing, stopped, type Walk } from '../walk.ts';
import { udpTunnel } from './udp-tunnels.ts';

const HEADER = 8;

export function decodeUdp(w: Walk): number {
  const p = w.packet;
  const at = w.at;
  p.transportAt = at;
  if (w.bound - at >= 4) {
    p.srcPort = w.view.getUint16(at);
    p.dstPort = w.view.getUint16(at + 2);
  }
  if (w.bound - at < HEADER) {
    p.payloadAt = w.bound;
    return missing(w, HEADER);
  }
  p.layer = Layer.UDP;
  p.headerLength = HEADER;
  p.payloadAt = at + HEADER;
  // 0: a jumbogram (RFC 2675 §4) or segmentation offload. A first fragment announces more than it holds.
  const announced = w.view.getUint16(at + 4);
  const room = w.limit - at;
  if (announced !== 0 && announced < HEADER) return stopped(w, Stop.MALFORMED);
  p.payloadLength = (announced === 0 || announced > room ? room : announced) - HEADER;
  w.at = p.payloadAt;
  if (announced !== 0 && announced < room) w.narrow(at + announced);
  return udpTunnel(p.srcPort, p.dstPort);
}
