/** Segments larger than their receiver takes: not yet cut, or joined, by the capturing host's offload. */
import type { CaptureView } from '../model/capture-view.ts';
import type { Cause } from '../model/finding.ts';
import type { Oversized } from '../model/recording.ts';
import { countText, plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, type EvidenceDraft, found } from './detector.ts';
import { examples } from './evidence.ts';

const EXAMPLES = 5;
/** Senders named in the summary. */
const NAMED = 3;
/** Rules that count segments or look at their sizes. */
const COUNT_SEGMENTS: ReadonlySet<string> = new Set(['packet-loss', 'reordering', 'pmtu-blackhole', 'pmtu-discovery', 'small-segments']);

export const offloadSegments = defineDetector({
  id: 'offload-segments',
  title: 'Segments as offload made them, not as the wire carried them',
  severity: 'info',
  category: 'capture',
  params: {},
  docs: {
    what: 'Segments hold more payload than the MSS that their receiver announced. No sender may put such a segment on a wire: the capturing host saw them before its network card cut them (TSO, GSO), or after it or the kernel had joined several (GRO, LRO).',
    why: 'Figures by segment are then those of the host and not of the wire: one segment here may be forty there. The share of segments lost looks larger, bursts look like single packets, a single lost frame of forty is not seen as such, and "too large for the path" proves nothing. Figures in octets, states and times of acknowledgments hold.',
    how: "In every connection with both SYNs the largest payload of each end is compared with the MSS that the other end announced. Which host the capture was made at (docs/states.md) tells cutting from joining: the sender's own host has not cut yet, the receiver's has joined.",
    never:
      'Jumbo frames and other segments within the announced MSS. Connections whose SYN is not in the capture, where the MSS is not known.',
    limits:
      'How many segments were joined in one cannot be told. Offload that joins no more than one MSS leaves no trace, and neither does a card that was asked not to (ethtool -K).',
    references: ['RFC 9293 §3.7.1 (MSS)', 'Linux: Documentation/networking/segmentation-offloads.rst', 'ethtool(8) -k, -K'],
  },
  detect: (capture) => {
    const { quality } = capture;
    if (quality.tcpPackets === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP segment' };
    if (quality.withPayload === 0) return { verdict: 'not-applicable', because: 'no segment carries payload' };
    const senders = capture.oversized();
    const [first] = senders;
    if (first === undefined) {
      return quality.midstream === quality.connections
        ? { verdict: 'inconclusive', because: 'no handshake is in the capture, so no MSS to compare with' }
        : { verdict: 'clear' };
    }
    const connections = [...new Set(senders.flatMap((s) => s.ids))].sort((a, b) => a - b);
    const count = Math.max(connections.length, ...senders.map((s) => s.count));
    const largest = senders.reduce((a, b) => (b.largest > a.largest ? b : a));
    const more = senders.length > NAMED ? ` and ${plural(senders.length - NAMED, 'other')}` : '';
    const from = `${senders
      .slice(0, NAMED)
      .map((s) => s.ip)
      .join(', ')}${more}`;
    const members = new Set(connections);
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: `Segments of up to ${plural(largest.largest, 'octet')}, above the MSS of ${countText(largest.mss)}: offload at the capturing host`,
        summary: `In ${plural(count, 'connection')} segments of ${from} hold more than their receiver takes: up to ${plural(largest.largest, 'octet')} where the MSS is ${countText(largest.mss)}. On the wire each was several. Counts of segments and shares of them (loss, reordering) are those of the capturing host; figures in octets and the states hold.`,
        count,
        connections,
        evidence: evidenceOf(capture, connections),
        metrics: { connections: count, senders: senders.length, largestPayload: largest.largest, mss: largest.mss },
        causes: causesOf(capture, first),
        remedies: [
          {
            text: 'Where sizes or single frames matter, capture on the wire (a mirror port or tap), or switch offload off for the time of the capture: it costs CPU.',
            command: 'ethtool -K eth0 tso off gso off gro off lro off',
            appliesTo: 'Linux, at the capturing host',
          },
        ],
        doubtsOf: (rule, other) =>
          COUNT_SEGMENTS.has(rule) && other.connections.some((id) => members.has(id))
            ? `Segments of up to ${plural(largest.largest, 'octet')} were captured, above the MSS: counts and sizes of segments are those of the capturing host, not of the wire.`
            : null,
      }),
    ]);
  },
});

/** The last segment of an end where that is such a one: the only one whose frame is kept. */
function evidenceOf(capture: CaptureView, connections: readonly Oversized['ids'][number][]): EvidenceDraft[] {
  return examples(connections, EXAMPLES).map((id) => {
    const c = capture.connection(id);
    for (const [end, peer] of [
      [c.client, c.server],
      [c.server, c.client],
    ] as const) {
      const { lastDataFrame: frame, lastDataTime: time, lastPayloadLength: octets } = end;
      if (frame !== null && time !== null && peer.mss !== null && octets > peer.mss)
        return {
          connection: id,
          frame,
          time,
          note: `${plural(octets, 'octet')} in one segment for an end that takes ${countText(peer.mss)}`,
        };
    }
    const most = Math.max(c.client.largestPayload, c.server.largestPayload);
    return { connection: id, frame: c.firstFrame, time: c.start, note: `a connection with segments of up to ${plural(most, 'octet')}` };
  });
}

function causesOf(capture: CaptureView, sender: Oversized): Cause[] {
  const atSender = capture.vantage.at(sender.ip);
  const cut: Cause = {
    text: `Captured at ${sender.ip} before its network card cut the segments (TSO, GSO)`,
    likelihood: atSender === true ? 'high' : 'medium',
    because: atSender === true ? `the capture was made at ${sender.ip}` : `${sender.ip} sent them`,
  };
  const joined: Cause = {
    text: `Captured at the receiver, behind its receive offload (GRO, LRO)`,
    likelihood: atSender === false ? 'high' : 'medium',
    because: atSender === false ? `the capture was not made at ${sender.ip}` : 'where the capture was made is not known',
  };
  if (atSender === true) return [cut];
  return atSender === false ? [joined] : [cut, joined];
}
