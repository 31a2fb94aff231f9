/** DNS messages over UDP (RFC 1035 §4.1) as frames with times. */
import { concat, ethernet, ipv4, text, udp } from './frames.ts';
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
}

const u16 = (n: number): Uint8Array => Uint8Array.of(n >>> 8, n & 255);

function message(m: Message, flags: number): Uint8Array {
  const labels = m.name.split('.').map((label) => concat(Uint8Array.of(label.length), text(label)));
  return concat(u16(m.id ?? 1), u16(flags), u16(1), u16(0), u16(0), u16(0), ...labels, Uint8Array.of(0), u16(1), u16(1));
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
