/** DNS messages over UDP (RFC 1035 §4.1) as frames with times. */
import { concat, ethernet, ipv4, ipv4Bytes, ipv6Bytes, text, udp } from './frames.ts';
import { DEFAULT_START, pcapOf } from './script.ts';

export interface TimedFrame {
  readonly seconds: number;
  readonly nanos: number;
  readonly bytes: Uint8Array;
}

export interface Message {
  /** Seconds since the start. */
  readonly at: number;
  readonly client?: string;
  readonly server?: string;
  readonly clientPort?: number;
  readonly id?: number;
  readonly name: string;
  /** Of an answer: 0 no error, 3 NXDOMAIN. */
  readonly rcode?: number;
  /** Of an answer: its addresses, behind an alias (CNAME) where `alias` names one. */
  readonly addresses?: readonly string[];
  readonly alias?: string;
}

const u16 = (n: number): Uint8Array => Uint8Array.of(n >>> 8, n & 255);

function message(m: Message, flags: number): Uint8Array {
  const name = (words: string): Uint8Array =>
    concat(...words.split('.').map((label) => concat(Uint8Array.of(label.length), text(label))), Uint8Array.of(0));
  /** The owner is a pointer to the question (RFC 1035 §4.1.4), or the alias. */
  const record = (owner: Uint8Array, type: number, data: Uint8Array): Uint8Array =>
    concat(owner, u16(type), u16(1), u16(0), u16(60), u16(data.length), data);
  const asked = u16(0xc00c);
  const owner = m.alias === undefined ? asked : name(m.alias);
  const answers = (m.addresses ?? []).map((ip) => (ip.includes(':') ? record(owner, 28, ipv6Bytes(ip)) : record(owner, 1, ipv4Bytes(ip))));
  if (m.alias !== undefined) answers.unshift(record(asked, 5, name(m.alias)));
  const counts = [u16(1), u16((flags & 0x8000) === 0 ? 0 : answers.length), u16(0), u16(0)];
  const section = (flags & 0x8000) === 0 ? [] : answers;
  return concat(u16(m.id ?? 1), u16(flags), ...counts, name(m.name), u16(1), u16(1), ...section);
}

function frame(m: Message, fromServer: boolean): TimedFrame {
  const [client, server] = [m.client ?? '10.0.0.1', m.server ?? '10.0.0.53'];
  const port = m.clientPort ?? 50000;
  const payload = message(m, fromServer ? 0x8180 | (m.rcode ?? 0) : 0x0100);
  const ports = fromServer ? { srcPort: 53, dstPort: port } : { srcPort: port, dstPort: 53 };
  const addresses = fromServer ? { src: server, dst: client } : { src: client, dst: server };
  const nanos = Math.round(m.at * 1e9);
  return {
    seconds: DEFAULT_START + Math.floor(nanos / 1e9),
    nanos: nanos % 1e9,
    bytes: ethernet(ipv4(addresses, udp({ ...ports, payload }))),
  };
}

export const dnsQuery = (m: Message): TimedFrame => frame(m, false);
export const dnsAnswer = (m: Message): TimedFrame => frame(m, true);

/** A capture of these frames in the order of their times. */
export const timedCapture = (...frames: readonly (readonly TimedFrame[])[]): Uint8Array =>
  pcapOf(frames.flat().sort((a, b) => a.seconds - b.seconds || a.nanos - b.nanos));
