/** Single frames that came twice at one point: doubled by the network, or by the tap. */
import { countText, durationText, plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { areOfCapture, copyMetrics } from './copies.ts';
import { defineDetector, found } from './detector.ts';

export const duplicatePackets = defineDetector({
  id: 'duplicate-packets',
  title: 'Segments that came more than once',
  severity: 'info',
  category: 'capture',
  params: {
    minCopies: { default: 5, text: 'copies in the capture from which it is reported' },
  },
  docs: {
    what: 'Some segments are in the capture twice, at one and the same point: the same numbers, identification and octets, a moment later. They are left out of every other figure.',
    why: 'Most tools count them as retransmissions and duplicate ACKs, and see loss on a path that lost nothing. A network that doubles frames has a loop, a flooding switch or a redundant link that is not merged.',
    how: 'A segment with the same sequence numbers, flags, window and length as one of the same connection within 100 ms and with the same IPv4 identification; without one, within 10 ms at another point, or within 1 ms at the same. Nine in ten copies must have been seen where the first was (interface, tags, TTL).',
    never:
      'A segment that its sender sent again: it has a new identification, or comes after a timeout or an answer. Copies that the capture made by looking at several points, or at everything twice: duplicate-capture tells those.',
    limits:
      'Without an IPv4 identification (IPv6, or 0) a copy later than 10 ms counts as sent again. Of interleaved traffic above some hundred thousand packets per second a late copy may be missed.',
    references: ['RFC 6864 §4 (identification)', 'RFC 2883 (a D-SACK reports a copy that the network made)', 'IEC 62439-3 (PRP, HSR)'],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    const { copies, tcpPackets } = quality;
    if (tcpPackets === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP segment' };
    if (copies.count < params.minCopies || areOfCapture(quality)) return { verdict: 'clear' };
    const ids = capture.services.flatMap((s) => (s.total > 0 ? [s.all().at(0)!] : [])).filter((id) => capture.connection(id).copies > 0);
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: `${plural(copies.count, 'TCP segment')} captured again`,
        summary: `Of ${plural(tcpPackets, 'TCP segment')}, ${countText(copies.count)} are copies of an earlier one, up to ${durationText(copies.longestSeconds)} later. They were seen where the first was, with the same TTL: the network delivered them twice, and the receivers got both. They are counted once here, and are no retransmissions.`,
        count: copies.count,
        connections: ids.slice(0, 1_000).sort((a, b) => a - b),
        note: 'a connection with segments that were captured more than once',
        metrics: copyMetrics(copies, tcpPackets),
        causes: [
          {
            text: 'The network doubles frames: a switch that floods, a bonded or redundant link (PRP, HSR), a tunnel that repeats',
            likelihood: 'medium',
            because: 'only some segments come twice, at one and the same point',
          },
          {
            text: 'The tap or mirror port delivers some frames twice',
            likelihood: 'medium',
            because: 'a receiver that got two would report some by D-SACK',
          },
        ],
        remedies: [
          {
            text: 'See whether the receiver got them: then the network made them, else the capture.',
            command: 'nstat -az TcpExtTCPDSACKRecv TcpExtTCPDSACKOldSent',
            appliesTo: 'Linux, at the receivers',
          },
        ],
      }),
    ]);
  },
});
