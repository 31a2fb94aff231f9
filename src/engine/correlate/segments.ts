/** The TCP segments of a capture by connection, with what tells one from another: read in a second pass. Bounded. */
import { decodeTcpOptions } from '../../decode/index.ts';
import { Layer, Packet } from '../../decode/packet.ts';
import type { Clock } from '../../model/clock.ts';
import { Flag } from '../../model/flags.ts';
import { Side } from '../../model/state.ts';
import { NANOS_PER_SECOND } from '../../model/units.ts';
import type { FrameReader } from '../packet-detail.ts';
import type { SecondPass } from '../second-pass.ts';
import { isSampled, SampleKeys } from './sample.ts';

/** Segments kept of a capture: about 200 octets each. */
export const MAX_SEGMENTS = 1_000_000;
/** One in so many connections, and no fewer. */
const LEAST_SAMPLE = 2 ** 20;
/** Octets of payload that are compared. */
const COMPARED = 64;

export interface SynFacts {
  readonly mss: number;
  readonly windowScale: number;
  readonly sack: boolean;
  readonly timestamps: boolean;
}

export interface Segment {
  readonly connection: number;
  readonly frame: number;
  /** Nanoseconds on the clock of the client's capture's first record, as this capture's own clock shows it. */
  readonly time: number;
  readonly side: Side;
  /** uint32 */
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly length: number;
  /** -1: IPv6. */
  readonly ipId: number;
  readonly ttl: number;
  /** TSval; -1 none. */
  readonly ts: number;
  /** Of the first octets of its payload; 0: none were captured, or all are zeros. */
  readonly hash: number;
  readonly syn: SynFacts | null;
}

export interface SegmentTable {
  readonly byConnection: ReadonlyMap<number, readonly Segment[]>;
  /** Of all records. */
  readonly first: number;
  readonly last: number;
  /** One in so many connections is here, a power of two; 1: all of them. */
  readonly oneIn: number;
  /** Frame at which reading ended, because one connection alone has half of the segments that are kept of all; null: it did not. */
  readonly cutAt: number | null;
  /** The same with fewer connections: one in so many. */
  thinned(oneIn: number): SegmentTable;
}

/** What is needed of an analysis. */
export interface SegmentSource extends FrameReader {
  readonly packets: number;
  readonly clock: Clock;
  /** Which end sent it. */
  sideOf(id: number, packet: Packet): Side;
}

/** @param origin whose first record is the time 0 @param most segments that are kept */
export async function readSegmentTable(source: SegmentSource, pass: SecondPass, origin: Clock, most = MAX_SEGMENTS): Promise<SegmentTable> {
  const keys = new SampleKeys();
  const byConnection = new Map<number, Segment[]>();
  const packet = new Packet();
  let seconds = 0;
  const decoder = source.decoder.again(() => seconds);
  const shift = (source.clock.originSeconds - origin.originSeconds) * NANOS_PER_SECOND + (source.clock.originNanos - origin.originNanos);
  let count = 0;
  let oneIn = 1;
  let longest = 0;
  let cutAt: number | null = null;
  let first = Infinity;
  let last = -Infinity;
  await pass.run((record, frame) => {
    if (frame > source.packets) return false;
    seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
    decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    const time = source.clock.relative(record.seconds, record.nanos) + shift;
    first = Math.min(first, time);
    last = Math.max(last, time);
    if (packet.layer !== Layer.TCP) return true;
    const connection = source.connectionOf(packet, frame);
    if (connection < 0) return true;
    if (!isSampled(keys.of(connection, packet), oneIn)) return true;
    while (count >= most) {
      if (longest > most / 2 || oneIn === LEAST_SAMPLE) {
        cutAt = frame;
        return false;
      }
      oneIn *= 2;
      [count, longest] = [0, 0];
      for (const [id, { length }] of byConnection) {
        if (!isSampled(keys.known(id), oneIn)) byConnection.delete(id);
        else [count, longest] = [count + length, Math.max(longest, length)];
      }
    }
    if (!isSampled(keys.known(connection), oneIn)) return true;
    let list = byConnection.get(connection);
    if (list === undefined) byConnection.set(connection, (list = []));
    longest = Math.max(longest, list.push(segmentOf(packet, connection, frame, time, source.sideOf(connection, packet))));
    count++;
    return true;
  });
  const table = (all: SegmentTable['byConnection'], share: number): SegmentTable => ({
    byConnection: all,
    first,
    last,
    oneIn: share,
    cutAt,
    thinned: (fewer) =>
      fewer <= share ? table(all, share) : table(new Map([...all].filter(([id]) => isSampled(keys.known(id), fewer))), fewer),
  });
  return table(byConnection, oneIn);
}

function segmentOf(p: Packet, connection: number, frame: number, time: number, side: Side): Segment {
  decodeTcpOptions(p);
  const { options: o, seq, ack, flags, payloadLength, ipId, ttl } = p;
  return {
    connection,
    frame,
    time,
    side,
    seq: seq >>> 0,
    ack: ack >>> 0,
    flags,
    length: payloadLength,
    ipId,
    ttl,
    ts: o.hasTimestamp ? o.tsVal >>> 0 : -1,
    hash: hashOf(p),
    syn: (flags & Flag.SYN) === 0 ? null : { mss: o.mss, windowScale: o.windowScale, sack: o.sackPermitted, timestamps: o.hasTimestamp },
  };
}

/** FNV-1a; both captures must have so many octets. */
function hashOf({ view, payloadAt, payloadLength, end }: Packet): number {
  const length = Math.min(payloadLength, COMPARED);
  if (length === 0 || payloadAt + length > end) return 0;
  let hash = 0x811c9dc5;
  let any = 0;
  for (let i = 0; i < length; i++) {
    const octet = view.getUint8(payloadAt + i);
    any |= octet;
    hash = Math.imul(hash ^ octet, 0x01000193);
  }
  return any === 0 ? 0 : hash === 0 ? 1 : hash;
}
