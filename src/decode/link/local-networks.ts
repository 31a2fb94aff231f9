/**
 * Local networks other than Ethernet, whose frames hold an LLC header or an EtherType: IEEE 802.5 token ring, FDDI, Fibre Channel,
 * ATM, FireWire, InfiniBand. Formats: tcpdump.org/linktypes; tcpdump print-token.c, print-fddi.c, print-ipfc.c, print-atm.c,
 * print-ap1394.c, print-ipoib.c.
 */
import { EtherType, FIRST_ETHERTYPE } from '../numbers.ts';
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

/** Access control, frame control, destination, source. */
const TOKEN_RING_HEADER = 14;
const TOKEN_RING_SOURCE = 8;
/** IEEE 802.5: LLC frames have type bits 01; of the source: routing information follows, whose length is in its first octet. */
const TOKEN_RING_TYPE_MASK = 0xc0;
const TOKEN_RING_LLC = 0x40;
const SOURCE_ROUTED = 0x80;
const ROUTING_LENGTH = 0x1f;

export function decodeTokenRing(w: Walk): number {
  if (w.bound - w.at < TOKEN_RING_HEADER) return missing(w, TOKEN_RING_HEADER);
  if ((w.view.getUint8(w.at + 1) & TOKEN_RING_TYPE_MASK) !== TOKEN_RING_LLC) return stopped(w, Stop.OTHER_PROTOCOL);
  let length = TOKEN_RING_HEADER;
  if ((w.view.getUint8(w.at + TOKEN_RING_SOURCE) & SOURCE_ROUTED) !== 0) {
    if (w.bound - w.at < length + 2) return missing(w, length + 2);
    length += w.view.getUint8(w.at + length) & ROUTING_LENGTH;
  }
  return behind(w, length, Next.LLC);
}

/** Frame control, destination, source. */
const FDDI_HEADER = 13;
/** ISO 9314-2: asynchronous LLC frames, with long addresses; the last bits are a priority. */
const FDDI_MASK = 0xf8;
const FDDI_LLC = 0x50;

export function decodeFddi(w: Walk): number {
  if (w.bound - w.at < FDDI_HEADER) return missing(w, FDDI_HEADER);
  if ((w.view.getUint8(w.at) & FDDI_MASK) !== FDDI_LLC) return stopped(w, Stop.OTHER_PROTOCOL);
  return behind(w, FDDI_HEADER, Next.LLC);
}

/** RFC 2625: destination and source, eight octets each. */
export const decodeFibreChannel = (w: Walk): number => behind(w, 16, Next.LLC);

/** LLC and SNAP of a bridged Ethernet frame, with and without its checksum, and two octets of padding (RFC 2684 §5.2). */
const BRIDGED_HIGH = 0xaaaa0300;
const BRIDGED_LOW: readonly number[] = [0x80c20001, 0x80c20007];
const BRIDGED_HEADER = 10;

/** RFC 2684, LLC encapsulation. */
export function decodeAtm(w: Walk): number {
  const { view, at } = w;
  const bridged = w.bound - at >= BRIDGED_HEADER && view.getUint32(at) === BRIDGED_HIGH && BRIDGED_LOW.includes(view.getUint32(at + 4));
  return bridged ? behind(w, BRIDGED_HEADER, EtherType.BRIDGED_ETHERNET) : Next.LLC;
}

/** Direction and traffic type, path, circuit (2). */
const SUN_ATM_HEADER = 4;
const SUN_ATM_TYPE = 0x0f;
const SunAtm = { LANE: 1, LLC: 2 } as const;
/** LAN emulation: the client's number, and an Ethernet frame. */
const LANE_HEADER = 2;

export function decodeSunAtm(w: Walk): number {
  if (w.bound - w.at < SUN_ATM_HEADER) return missing(w, SUN_ATM_HEADER);
  const type = w.view.getUint8(w.at) & SUN_ATM_TYPE;
  w.at += SUN_ATM_HEADER;
  if (type === SunAtm.LLC) return decodeAtm(w);
  return type === SunAtm.LANE ? behind(w, LANE_HEADER, EtherType.BRIDGED_ETHERNET) : stopped(w, Stop.OTHER_PROTOCOL);
}

/** RFC 2734: destination and source, eight octets each, and an EtherType. */
export const decodeFireWire = (w: Walk): number => etherTypeAt(w, 16, 18);
/** RFC 4391 behind the global route header of 40 octets: an EtherType, and two octets that are reserved. */
export const decodeInfiniBand = (w: Walk): number => etherTypeAt(w, 40, 44);

function etherTypeAt(w: Walk, offset: number, length: number): number {
  if (w.bound - w.at < length) return missing(w, length);
  const type = w.view.getUint16(w.at + offset);
  w.at += length;
  return type >= FIRST_ETHERTYPE ? type : stopped(w, Stop.OTHER_PROTOCOL);
}

function behind(w: Walk, length: number, next: number): number {
  if (w.bound - w.at < length) return missing(w, length);
  w.at += length;
  return next;
}
