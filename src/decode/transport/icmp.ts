/** ICMP (RFC 792) and ICMPv6 (RFC 4443): type and code, and the start of the packet that an error quotes. */
import { Layer, Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

/** Type, code, checksum, and four octets that depend on the type. */
const HEADER = 8;
/** Destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const QUOTING: readonly number[] = [3, 4, 5, 11, 12];
/** RFC 4443 §2.1: error messages have the high bit clear. */
const V6_FIRST_INFORMATIONAL = 128;

export function decodeIcmp(w: Walk): number {
  if (w.packet.ipVersion !== 4) return stopped(w, Stop.OTHER_PROTOCOL);
  const next = decodeMessage(w);
  return next === Next.QUOTE && !QUOTING.includes(w.packet.icmpType) ? Next.END : next;
}

export function decodeIcmpv6(w: Walk): number {
  if (w.packet.ipVersion !== 6) return stopped(w, Stop.OTHER_PROTOCOL);
  const next = decodeMessage(w);
  return next === Next.QUOTE && w.packet.icmpType >= V6_FIRST_INFORMATIONAL ? Next.END : next;
}

function decodeMessage(w: Walk): number {
  const p = w.packet;
  p.transportAt = w.at;
  if (w.bound - w.at < HEADER) {
    p.payloadAt = w.bound;
    return missing(w, HEADER);
  }
  p.layer = Layer.ICMP;
  p.icmpType = w.view.getUint8(w.at);
  p.icmpCode = w.view.getUint8(w.at + 1);
  p.headerLength = HEADER;
  w.at += HEADER;
  p.payloadAt = w.at;
  p.payloadLength = w.limit - w.at;
  return Next.QUOTE;
}
