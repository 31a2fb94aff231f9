/**
 * One frame in full: its layers and fields, its bytes, and the connection that it belongs to. Read from the capture when it is asked for.
 */
import { linkTypeName } from '../capture/index.ts';
import type { Decoder } from '../decode/index.ts';
import { dissect } from '../decode/dissect.ts';
import { Packet } from '../decode/packet.ts';
import { Clock } from '../model/clock.ts';
import { nanos } from '../model/units.ts';
import type { PacketDetail } from './protocol.ts';
import type { SecondPass } from './second-pass.ts';

/** What the first pass has left behind for others: who is who. */
export interface FrameReader {
  /** The numbers in `Packet.encap` mean something to this decoder only. */
  readonly decoder: Decoder;
  /** -1: none. */
  connectionOf(packet: Packet, frame: number): number;
}

/** Octets shown of a frame: the largest IP packet (RFC 791); what is longer was glued together by an offload engine. */
const SHOWN_BYTES = 65_536;

/** null: the capture has no such frame. */
export async function readPacket(pass: SecondPass, reader: FrameReader, wanted: number): Promise<PacketDetail | null> {
  let detail: PacketDetail | null = null;
  await pass.run((record, frame) => {
    if (frame < wanted) return true;
    const { linkType, view, bytes, at, capLen, origLen } = record;
    const packet = new Packet();
    reader.decoder.decode(packet, linkType, view, at, capLen, origLen);
    const connection = reader.connectionOf(packet, frame);
    const cut = capLen < origLen ? [`only ${String(capLen)} of ${String(origLen)} bytes were captured`] : [];
    const shown = bytes.slice(at, at + Math.min(capLen, SHOWN_BYTES)); // a copy: the record is gone with the next chunk
    detail = {
      frame,
      time: new Clock(record.seconds, record.nanos).text(nanos(0)),
      linkType: linkTypeName(linkType),
      capturedLength: capLen,
      originalLength: origLen,
      connection: connection < 0 ? null : connection,
      layers: dissect(linkType, shown, shown.length, origLen),
      bytes: shown,
      notes: shown.length < capLen ? [...cut, `only the first ${String(SHOWN_BYTES)} bytes are shown`] : cut,
    };
    return false;
  });
  return detail;
}
