/**
 * One connection of a client and a server as a capture of several points sees it: which segment, where, when, with which TTL.
 * Linux cooked v2, because its header says which interface a frame was seen on.
 */
import { Decoder } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';
import type { ConnectionView } from '../../src/model/connection.ts';
import { Flag } from '../../src/model/flags.ts';
import { nanos } from '../../src/model/units.ts';
import { sourceOf } from '../../src/track/copies.ts';
import { parseHostProfiles } from '../../src/track/host-profiles.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { Views } from '../../src/track/views.ts';
import { concat, ipv4, ipv6, sll2, tcp, tcpOption, text, vlan } from './frames.ts';

/** A segment as it was captured at one point. Sequence numbers are absolute. */
export interface Sight {
  /** Milliseconds since the capture began. */
  readonly at: number;
  readonly from: 'client' | 'server';
  /** As tcpdump writes them: `S`, `S.`, `.`, `P.`, `F.`, `R`, `R.` */
  readonly flags: string;
  readonly seq: number;
  readonly ack?: number;
  readonly payload?: string;
  readonly window?: number;
  readonly tsVal?: number;
  readonly mss?: number;
  /** IPv4 identification; without it the packet is IPv6. */
  readonly id?: number | undefined;
  readonly ttl?: number;
  /** Index of the interface. */
  readonly on?: number;
  readonly vlan?: number;
  readonly client?: string;
  readonly server?: string;
  readonly clientPort?: number;
  readonly serverPort?: number;
}

const BITS: Readonly<Record<string, number>> = { S: Flag.SYN, F: Flag.FIN, R: Flag.RST, P: Flag.PSH, '.': Flag.ACK };
const COOKED_2 = 276;

export function frameOf(s: Sight): Uint8Array {
  const family = s.id === undefined ? 6 : 4;
  const client = s.client ?? (family === 6 ? '2001:db8::1' : '10.0.0.1');
  const server = s.server ?? (family === 6 ? '2001:db8::2' : '10.0.0.2');
  const [src, dst] = s.from === 'client' ? [client, server] : [server, client];
  const ports = [s.clientPort ?? 40_000, s.serverPort ?? 80] as const;
  const [srcPort, dstPort] = s.from === 'client' ? ports : [ports[1], ports[0]];
  const segment = tcp({
    srcPort,
    dstPort,
    seq: s.seq,
    ack: s.ack ?? 0,
    flags: Array.from(s.flags, (letter) => BITS[letter]!).reduce((a, b) => a | b),
    window: s.window ?? 500,
    options: concat(
      s.mss === undefined ? new Uint8Array(0) : tcpOption.mss(s.mss),
      s.tsVal === undefined ? new Uint8Array(0) : concat(tcpOption.nop(), tcpOption.nop(), tcpOption.timestamps(s.tsVal, 0)),
    ),
    payload: text(s.payload ?? ''),
  });
  const ttl = s.ttl ?? 64;
  const ip =
    s.id === undefined ? ipv6({ src, dst, hopLimit: ttl }, segment) : ipv4({ src, dst, ttl, id: s.id, dontFragment: true }, segment);
  return sll2(s.vlan === undefined ? ip : vlan(s.vlan, ip), { interfaceIndex: s.on ?? 1 });
}

export interface Seen {
  readonly connections: readonly ConnectionView[];
  /** The first one. */
  readonly only: ConnectionView;
  readonly tracker: Tracker;
  readonly views: Views;
}

export function see(sights: readonly Sight[]): Seen {
  const decoder = new Decoder();
  const packet = new Packet();
  const tracker = new Tracker(parseHostProfiles(undefined));
  const views = new Views(tracker.tables, decoder.encapsulations);
  const start = sights[0]!.at;
  let end = 0;
  sights.forEach((sight, i) => {
    const bytes = frameOf(sight);
    decoder.decode(packet, COOKED_2, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length, bytes.length);
    end = (sight.at - start) * 1e6;
    tracker.at(end, sourceOf(packet.interfaceIndex, 0, 0));
    tracker.tcp(packet, i + 1);
  });
  tracker.finish(end);
  views.end = nanos(end);
  const connections = Array.from({ length: tracker.connections }, (_, id) => views.connection(id));
  return { connections, only: connections[0]!, tracker, views };
}

/** Every segment at the next point as well, a moment later. */
export function twice(sights: readonly Sight[], second: Partial<Sight>, later = 0.01): readonly Sight[] {
  return sights.flatMap((s) => [s, { ...s, ...second, at: s.at + later }]);
}
