/**
 * One frame in full: its layers and fields, its bytes, and the connection that it belongs to. Read from the capture when it is asked for.
 */
import { linkTypeName } from '../capture/index.ts';
import type { Decoder } from '../decode/index.ts';
import { dissect } from '../decode/dissect.ts';
import { Layer, Packet } from '../decode/packet.ts';
import { Clock } from '../model/clock.ts';
import { nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { PacketDetail } from './protocol.ts';
import type { SecondPass, Visit } from './second-pass.ts';

/** What the first pass has left behind for others: who is who. */
export interface FrameReader {
  /** Of the first pass. The numbers in `Packet.encap` mean something to it and to those made from it only. */
  readonly decoder: Decoder;
  /** May what applications sent be shown? */
  readonly payload: boolean;
  /** -1: none. */
  connectionOf(packet: Packet, frame: number): number;
}

/** Octets shown of a frame: the largest IP packet (RFC 791); what is longer was glued together by an offload engine. */
const SHOWN_BYTES = 65_536;

/** null: the capture has no such frame. */
export async function readPacket(pass: SecondPass, reader: FrameReader, wanted: number): Promise<PacketDetail | null> {
  let detail: PacketDetail | null = null;
  const packet = new Packet();
  let seconds = 0;
  const decoder = reader.decoder.again(() => seconds);
  const { sawFragments } = reader.decoder;
  const show: Visit = (record, frame) => {
    if (frame < wanted && !sawFragments) return true;
    const { linkType, view, bytes, at, capLen, origLen } = record;
    seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
    decoder.decode(packet, linkType, view, at, capLen, origLen);
    if (frame < wanted) return true;
    const connection = reader.connectionOf(packet, frame);
    const allowed = reader.payload ? capLen : headersOf(packet, at, capLen);
    const shown = bytes.slice(at, at + Math.min(allowed, SHOWN_BYTES)); // a copy: the record is gone with the next chunk
    const notes = capLen < origLen ? [`only ${String(capLen)} of ${String(origLen)} bytes were captured`] : [];
    if (allowed < capLen) notes.push(`the payload is left out, as --no-payload asks`);
    else if (shown.length < capLen) notes.push(`only the first ${String(SHOWN_BYTES)} bytes are shown`);
    if (packet.fragments > 1)
      notes.push(`the last piece of a packet put together from ${String(packet.fragments)} frames; this frame alone is shown`);
    detail = {
      frame,
      time: new Clock(record.seconds, record.nanos).text(nanos(0)),
      linkType: linkTypeName(linkType),
      capturedLength: capLen,
      originalLength: origLen,
      connection: connection < 0 ? null : connection,
      layers: dissect(linkType, shown, shown.length, origLen),
      bytes: shown,
      notes,
    };
    return false;
  };
  await pass.run(show, sawFragments ? {} : { wanted: () => wanted });
  return detail;
}

/** Octets of the frame up to the payload of what it carries; none where even that is not known. */
function headersOf({ layer, view, payloadAt, fragments }: Packet, at: number, capLen: number): number {
  if (layer === Layer.NONE || layer === Layer.LINK || fragments > 1 || payloadAt === 0) return 0;
  return Math.max(0, Math.min(capLen, payloadAt - at, view.byteLength - at));
}
