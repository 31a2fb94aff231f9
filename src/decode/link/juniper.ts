/**
 * LINKTYPE_JUNIPER_*: the router's own header, of a length that it says, before the frame. Those whose cards put a cookie of their
 * own behind it (ATM, multilink, services) are not read. Format: tcpdump print-juniper.c.
 */
import { EtherType } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';
import { decodeFrameRelay } from './serial.ts';

/** "MGC" and flags; the length of the extensions (2) and the extensions, when there are any. */
const HEADER = 4;
const EXTENSIONS_LENGTH = 2;
const MAGIC = 0x4d4743;
const FLAG_NO_LINK_HEADER = 0x02;
const FLAG_EXTENSIONS = 0x80;
/** Instead of a link layer header: a number for the protocol. */
const PROTOCOL = 4;

export const decodeJuniperEthernet = (w: Walk): number => behindHeader(w, EtherType.BRIDGED_ETHERNET);
/** Also Cisco's HDLC. */
export const decodeJuniperPpp = (w: Walk): number => behindHeader(w, Next.PPP);
export function decodeJuniperFrameRelay(w: Walk): number {
  const next = behindHeader(w, FRAME_RELAY);
  return next === FRAME_RELAY ? decodeFrameRelay(w) : next;
}

/** What `behindHeader` is to return; no header has this number. */
const FRAME_RELAY = 0x1ff;

function behindHeader(w: Walk, next: number): number {
  if (w.bound - w.at < HEADER) return missing(w, HEADER);
  const start = w.view.getUint32(w.at);
  if (start >>> 8 !== MAGIC) return stopped(w, Stop.MALFORMED);
  let length = HEADER;
  if ((start & FLAG_EXTENSIONS) !== 0) {
    length += EXTENSIONS_LENGTH;
    if (w.bound - w.at < length) return missing(w, length);
    length += w.view.getUint16(w.at + HEADER);
  }
  const bare = (start & FLAG_NO_LINK_HEADER) !== 0;
  if (bare) length += PROTOCOL;
  if (w.bound - w.at < length) return missing(w, length);
  w.at += length;
  return bare ? Next.ANY_IP : next;
}
