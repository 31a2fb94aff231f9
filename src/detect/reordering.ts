/** Segments that others overtook on the path: nothing is lost, but receivers report holes and senders may repeat for nothing. */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import { Side } from '../model/state.ts';
import { type Nanos } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';
import { largest } from './statistics.ts';

const PARAMS = {
  minEvents: { default: 10, text: 'overtaken segments of one service from which it is reported' },
} as const;

export const reordering = defineDetector({
  id: 'reordering',
  title: 'Segments overtake each other on the path',
  severity: 'info',
  category: 'path',
  params: PARAMS,
  docs: {
    what: 'Segments arrive behind others that were sent after them: how many, how far behind, how late, and what it made the senders repeat for nothing.',
    why: 'Nothing is lost, and TCP puts the octets in order. But a receiver reports every hole, and a sender that takes the report for a loss repeats the segment and slows down. Modern senders wait a quarter of a round trip first (RACK) and learn from D-SACK.',
    how: 'A segment that fills a hole and was sent before the one behind the hole: its timestamp is older, or, where timestamps do not tell, it comes sooner than the report of the hole and the answer to it could have travelled. At least minEvents of one service.',
    never:
      'Silent for fewer than minEvents, and for repeats of lost segments, which are younger than what is behind their hole (packet-loss).',
    limits:
      'Only what was overtaken before the capture point is seen; what happens behind it shows in duplicate ACKs and D-SACKs alone. A capture from several queues or interfaces can itself bring frames out of order: the order here is that of the file. Without timestamps and with a path much faster than its handshake, a very fast repeat may pass for an overtaken segment.',
    references: [
      'RFC 4737 (reordering metrics)',
      'RFC 8985 §6.2 (RACK reordering window)',
      'RFC 2883 (D-SACK)',
      'Linux: net.ipv4.tcp_reordering, ss -ti reordering:N',
    ],
  },
  detect: (capture, params) => {
    if (capture.quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'only SYN, FIN and RST were captured: the order of data is not in it' };
    const groups = byService(capture, capture.troubles.overtaken, overtakenOf).filter((g) => overtaken(g) >= params.minEvents);
    return found(draftLargest(groups, overtaken, (g) => draft(capture, g), 'service'));
  },
});

/** The end whose segments were overtaken, the one with more of them if both. */
function overtakenOf(connection: ConnectionView): Case {
  const { client, server } = connection;
  return { connection, end: server.outOfOrder > client.outOfOrder ? server : client };
}

const of = (it: Case, side: Side): number => it.connection.ends[side].outOfOrder;
const overtaken = (group: ServiceGroup<Case>): number => group.cases.reduce((n, it) => n + of(it, 0) + of(it, 1), 0);

function draft(capture: CaptureView, group: ServiceGroup<Case>): Draft {
  const { service, cases } = group;
  const all = overtaken(group);
  const fromClients = cases.reduce((n, it) => n + of(it, Side.CLIENT), 0);
  const ends = cases.flatMap((it) => it.connection.ends);
  const spurious = ends.reduce((n, end) => n + end.sequence.spuriousRetransmissions, 0);
  const farthest = largest(ends.map((end) => end.sequence.reorderedOctets));
  const latest = largest(ends.map((end) => end.sequence.reorderedSeconds));
  const affected = cases.map((it) => it.connection.id);
  const members = new Set(affected);
  const others = service.all().filter((id) => !members.has(id));
  const since = cases.reduce((t, it) => Math.min(t, it.connection.start), Infinity) as Nanos;
  return {
    severity: 'info',
    confidence: cases.some((it) => it.end.timestamps) ? 'high' : 'medium',
    title: `${plural(all, 'segment')} of ${service.name} overtaken on the path`,
    summary: `On ${plural(cases.length, 'connection')} of ${service.name}, ${plural(all, 'segment was', 'segments were')} overtaken by later ones before they reached the capture point: ${countText(fromClients)} from clients, ${countText(all - fromClients)} from the server, up to ${countText(farthest)} octets behind and ${durationText(latest)} late. Nothing was lost by it. ${spurious > 0 ? `${plural(spurious, 'segment was', 'segments were')} sent again for nothing.` : 'No segment was sent again for nothing.'} ${distinction(capture, affected, others, Side.SERVER)}`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: cases.length,
    connections: affected,
    evidence: examples(cases, 5).flatMap((it) =>
      it.connection.ends.flatMap((end) => {
        const { latestOvertaken: latest, reorderedSeconds } = end.sequence;
        const note = `${durationText(reorderedSeconds)} behind a later segment of ${end.name}: the latest of ${countText(end.outOfOrder)}`;
        return latest === null ? [] : proofs(it.connection.id, [[latest.frame, latest.time, note]]);
      }),
    ),
    metrics: {
      overtakenSegments: all,
      fromClients,
      fromServer: all - fromClients,
      farthestOctets: farthest,
      latestSeconds: latest,
      spuriousRetransmissions: spurious,
    },
    causes: [
      {
        text: 'several parallel ways (link aggregation or ECMP that spreads packets instead of flows, radio links that repeat frames)',
        likelihood: 'medium',
        because: 'on a single queue nothing overtakes',
      },
      {
        text: 'the capturing host took frames from several receive queues',
        likelihood: 'low',
        because: 'then the file is out of order and the receiver was not: its duplicate ACKs would be missing',
      },
    ],
    remedies: [
      {
        text: 'let the devices between spread by flow (layer 3 and 4 hash), not by packet',
        command: null,
        appliesTo: 'switches and routers with LAG or ECMP; Linux bonding: xmit_hash_policy=layer3+4 instead of balance-rr',
      },
    ],
    caveats: group.caveats,
  };
}
