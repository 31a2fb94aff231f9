/** What is missing from a capture everywhere, so that rules can doubt themselves instead of blaming a host. */
import type { CaptureCopies, CaptureQuality } from '../model/capture-view.ts';
import type { Recording } from '../model/recording.ts';
import { type ConnId, NANOS_PER_SECOND } from '../model/units.ts';
import { type CopyCounts, interfaceIndexOf } from '../track/copies.ts';
import type { Folded } from '../track/folded.ts';
import type { Tracker } from '../track/tracker.ts';
import type { PacketCounts } from './census.ts';

export interface QualityCounts {
  connections: number;
  oneSided: number;
  midstream: number;
  readonly resumed: number;
  readonly perhapsResumed: number;
  withGaps: number;
  missedBytes: number;
  /** Connections with packets of the client alone, of the server alone. */
  clientOnly: number;
  serverOnly: number;
  readonly doubtful: { readonly oneSided: ConnId[]; readonly midstream: ConnId[]; readonly withGaps: ConnId[] };
}

/** Before any connection is looked at: those of `connections` that were folded are counted already. */
export const qualityCounts = (connections: number, folded: Folded): QualityCounts => ({
  connections: connections + folded.total,
  oneSided: 0,
  midstream: folded.midstream,
  resumed: folded.resumed,
  perhapsResumed: folded.perhapsResumed,
  withGaps: 0,
  missedBytes: 0,
  clientOnly: folded.clientOnly,
  serverOnly: folded.serverOnly,
  doubtful: { oneSided: [], midstream: [], withGaps: [] },
});

/** Examples kept of each kind of doubt: as many as a finding lists. */
const MAX_DOUBTFUL = 1_000;

export function doubt(list: ConnId[], id: ConnId): void {
  if (list.length < MAX_DOUBTFUL) list.push(id);
}

export function judgeQuality({ counts, copies }: Tracker, q: QualityCounts, packets: PacketCounts, recording: Recording): CaptureQuality {
  // A connection that lives has plain ACKs. FINs without a single segment between them can only be a filter's work;
  // SYNs and RSTs alone happen by themselves (refused, flooded, scanned).
  const flagsOnly = counts.tcp > 0 && counts.plain === 0 && counts.fin > 0;
  // Servers that answer nobody, or clients that nobody ever hears: a direction is missing for everybody.
  const serverSide = q.serverOnly > 0 && q.serverOnly === q.connections;
  const clientSide = q.connections > 0 && q.clientOnly === q.connections && q.oneSided > 0;
  return {
    tcpPackets: counts.tcp,
    withSyn: counts.syn,
    withFin: counts.fin,
    withRst: counts.rst,
    plain: counts.plain,
    withPayload: counts.payload,
    connections: q.connections,
    oneSided: q.oneSided,
    midstream: q.midstream,
    resumed: q.resumed,
    perhapsResumed: q.perhapsResumed,
    flagsOnly,
    oneDirection: serverSide || clientSide,
    withGaps: q.withGaps,
    missedBytes: q.missedBytes,
    cutHeaders: packets.cutHeaders,
    fragments: packets.fragments,
    reassembled: packets.reassembled,
    copies: captureCopies(copies.counts),
    recording,
    doubtful: q.doubtful,
  };
}

function captureCopies(c: CopyCounts): CaptureCopies {
  return {
    count: c.copies,
    otherInterface: c.otherInterface,
    otherEncapsulation: c.otherEncapsulation,
    otherTtl: c.otherTtl,
    samePoint: c.samePoint,
    longestSeconds: c.longest / NANOS_PER_SECOND,
    hops: c.hops,
    interfaces: c.interfaces.size,
    interfaceIndexes: [...c.interfaces]
      .map(interfaceIndexOf)
      .filter((i) => i !== null)
      .sort((a, b) => a - b),
  };
}
