import { Decoder, decodeTcpOptions } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';

/** LINKTYPE_* of tcpdump.org/linktypes, for tests. */
export const LINK = {
  NULL: 0,
  ETHERNET: 1,
  PPP: 9,
  PPP_HDLC: 50,
  RAW: 101,
  C_HDLC: 104,
  IEEE802_11: 105,
  LOOP: 108,
  SLL: 113,
  RADIOTAP: 127,
  JUNIPER_ETHER: 178,
  IPNET: 226,
  IPV4: 228,
  IPV6: 229,
  NFLOG: 239,
  SLL2: 276,
} as const;

export interface Decoded {
  readonly packet: Packet;
  readonly encapsulation: readonly string[];
}

/** Decodes a frame that stands in the middle of a larger buffer, as frames of a capture do. `cut`: the snap length; `onWire`: the original length. */
export function decode(linkType: number, frame: Uint8Array, options: { cut?: number; onWire?: number } = {}): Decoded {
  const captured = frame.subarray(0, options.cut ?? frame.length);
  const buffer = new Uint8Array(7 + captured.length + 100).fill(0xee);
  buffer.set(captured, 7);
  const packet = new Packet();
  const decoder = new Decoder();
  decoder.decode(packet, linkType, new DataView(buffer.buffer), 7, captured.length, options.onWire ?? frame.length);
  decodeTcpOptions(packet);
  return { packet, encapsulation: decoder.encapsulations.texts(packet.encap) };
}

/** The captured payload. */
export function payloadOf({ packet }: Decoded): Uint8Array {
  const to = Math.min(packet.payloadAt + packet.payloadLength, packet.end);
  return new Uint8Array(packet.view.buffer, packet.view.byteOffset + packet.payloadAt, Math.max(0, to - packet.payloadAt));
}
