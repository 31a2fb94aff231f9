/**
 * TCP options of a decoded segment into `packet.options`. Apart from `decodeTcp`, because most callers need them on SYNs
 * and on a few other segments only. Lengths that do not fit end the list: the rest cannot be found (RFC 9293 §3.2).
 */
import { Layer, type Packet, Stop, type TcpOptions } from '../packet.ts';
import { TCP_FIXED_HEADER } from './tcp.ts';

/** "TCP Option Kind Numbers" registry. */
export const OptionKind = {
  END: 0,
  NOP: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
  MD5: 19,
  USER_TIMEOUT: 28,
  AUTHENTICATION: 29,
  MPTCP: 30,
  FAST_OPEN: 34,
  EXPERIMENT: 254,
} as const;

/** Magic number of the experimental Fast Open option (RFC 7413 appendix A; IANA "TCP Experimental Option Experiment Identifiers"). */
export const FAST_OPEN_EXPERIMENT = 0xf989;

/** RFC 7323 appendix A: NOP NOP Timestamps, which Linux and Windows send on every segment once negotiated. */
const NOP_NOP_TIMESTAMPS = 0x0101080a;
const NOP_NOP_TIMESTAMPS_HEADER = TCP_FIXED_HEADER + 12;

export function decodeTcpOptions(packet: Packet): void {
  const o = packet.options;
  o.clear();
  if (packet.layer !== Layer.TCP || packet.headerLength === TCP_FIXED_HEADER) return;
  const v = packet.view;
  const at = packet.transportAt + TCP_FIXED_HEADER;
  const end = packet.transportAt + packet.headerLength;
  if (packet.stop === Stop.MALFORMED) {
    o.complete = false;
    return;
  }
  if (packet.headerLength === NOP_NOP_TIMESTAMPS_HEADER && end <= packet.end && v.getUint32(at) === NOP_NOP_TIMESTAMPS) {
    o.hasTimestamp = true;
    o.tsVal = v.getInt32(at + 4);
    o.tsEcr = v.getInt32(at + 8);
    return;
  }
  if (end > packet.end) o.complete = false;
  decodeList(o, v, at, end < packet.end ? end : packet.end);
}

function decodeList(o: TcpOptions, v: DataView, from: number, end: number): void {
  let at = from;
  while (at < end) {
    const kind = v.getUint8(at);
    if (kind === OptionKind.END) return;
    if (kind === OptionKind.NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? v.getUint8(at + 1) : 0;
    if (length < 2 || at + length > end) {
      o.complete = false;
      o.sackCut = kind === OptionKind.SACK;
      return;
    }
    if (!decodeOption(o, v, at, kind, length)) o.complete = false;
    at += length;
  }
}

/** False: the length is none that this kind can have, and the option was ignored. */
function decodeOption(o: TcpOptions, v: DataView, at: number, kind: number, length: number): boolean {
  switch (kind) {
    case OptionKind.MSS:
      if (length !== 4) return false;
      o.mss = v.getUint16(at + 2);
      return true;
    case OptionKind.WINDOW_SCALE:
      if (length !== 3) return false;
      o.windowScale = v.getUint8(at + 2);
      return true;
    case OptionKind.SACK_PERMITTED:
      if (length !== 2) return false;
      o.sackPermitted = true;
      return true;
    case OptionKind.SACK:
      return decodeSack(o, v, at, length);
    case OptionKind.TIMESTAMPS:
      if (length !== 10) return false;
      o.hasTimestamp = true;
      o.tsVal = v.getInt32(at + 2);
      o.tsEcr = v.getInt32(at + 6);
      return true;
    case OptionKind.MD5:
    case OptionKind.AUTHENTICATION:
      o.authenticated = true;
      return true;
    case OptionKind.MPTCP:
      if (length < 3) return false;
      o.mptcp = true;
      o.mptcpSubtype = v.getUint8(at + 2) >>> 4;
      return true;
    case OptionKind.FAST_OPEN:
      o.fastOpen = true;
      o.fastOpenCookieLength = length - 2;
      return true;
    case OptionKind.EXPERIMENT:
      if (length >= 4 && v.getUint16(at + 2) === FAST_OPEN_EXPERIMENT) {
        o.fastOpen = true;
        o.fastOpenCookieLength = length - 4;
      }
      return true;
    default:
      return true;
  }
}

/** RFC 2018 §3: pairs of edges. */
function decodeSack(o: TcpOptions, v: DataView, at: number, length: number): boolean {
  // 40 octets of options hold at most four pairs, so `sack` has room for all.
  if ((length - 2) % 8 !== 0 || length < 10 || length > 34) {
    o.sackCut = true;
    return false;
  }
  o.sackBlocks = (length - 2) / 8;
  for (let edge = 0; edge < o.sackBlocks * 2; edge++) o.sack[edge] = v.getInt32(at + 2 + edge * 4);
  return true;
}
