/** Frames that the capture holds more than once: made by the capture, or by the network. */
import type { CaptureCopies } from '../model/capture-view.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, found } from './detector.ts';

/** "Nearly all", of copies and of segments. */
const NEARLY_ALL = 0.9;

export const duplicatePackets = defineDetector({
  id: 'duplicate-packets',
  title: 'Segments that were captured more than once',
  severity: 'info',
  category: 'capture',
  params: {
    minCopies: { default: 5, text: 'copies in the capture from which it is reported' },
  },
  docs: {
    what: 'The capture holds copies of segments: the same numbers, identification and octets, a moment later. They are left out of every other figure.',
    why: 'Most tools count them as retransmissions and duplicate ACKs, and see loss on a path that lost nothing. Who compares figures with such a tool must know.',
    how: 'A segment with the same sequence numbers, flags, window and length as one of the same connection within 100 ms and with the same IPv4 identification; without one, within 10 ms at another point, or within 1 ms at the same. Where the copies were seen (another interface, tag or TTL, or the very same point) tells who made them.',
    never: 'A segment that its sender sent again: it has a new identification, or comes after a timeout or an answer.',
    limits:
      'Without an IPv4 identification (IPv6, or 0) a copy later than 10 ms counts as sent again. Of interleaved traffic above some hundred thousand packets per second a late copy may be missed.',
    references: [
      'RFC 6864 §4 (identification)',
      'tcpdump -i any; SPAN of both directions',
      'RFC 2883 (a D-SACK reports a copy that the network made)',
    ],
  },
  detect: (capture, params) => {
    const { copies, tcpPackets } = capture.quality;
    if (copies.count < params.minCopies) return { verdict: 'clear' };
    const share = copies.count / tcpPackets;
    const everything = share >= NEARLY_ALL / 2;
    const { origin, causes, remedies } = explanation(copies, everything);
    const ids = capture.services.flatMap((s) => (s.total > 0 ? [s.all()[0]!] : [])).filter((id) => capture.connection(id).copies > 0);
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: `${plural(copies.count, 'TCP segment')} captured again`,
        summary: `Of ${plural(tcpPackets, 'TCP segment')}, ${countText(copies.count)} are copies of an earlier one, up to ${durationText(copies.longestSeconds)} later${everything ? ': nearly everything was captured twice' : ''}. ${origin} They are counted once here, and are no retransmissions.`,
        count: copies.count,
        connections: ids.slice(0, 1_000).sort((a, b) => a - b),
        note: 'a connection with segments that were captured more than once',
        metrics: {
          copies: copies.count,
          tcpPackets,
          otherInterface: copies.otherInterface,
          otherEncapsulation: copies.otherEncapsulation,
          otherTtl: copies.otherTtl,
          samePoint: copies.samePoint,
          longestSeconds: copies.longestSeconds,
        },
        causes,
        remedies,
      }),
    ]);
  },
});

function explanation(c: CaptureCopies, everything: boolean): { origin: string; causes: Cause[]; remedies: Remedy[] } {
  if (c.samePoint >= NEARLY_ALL * c.count && !everything)
    return {
      origin: 'They were seen where the first was, with the same TTL: the network delivered them twice, and the receivers got both.',
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
    };
  const where = [
    c.otherInterface > 0 ? `${countText(c.otherInterface)} on another interface` : '',
    c.otherEncapsulation > 0 ? `${countText(c.otherEncapsulation)} under other tags or tunnels` : '',
    c.otherTtl > 0 ? `${countText(c.otherTtl)} with another TTL (up to ${plural(c.hops, 'hop')} apart)` : '',
  ].filter((s) => s !== '');
  return {
    origin: `The capture made them: it saw the same segment at several points${where.length === 0 ? '' : ` (${where.join(', ')})`}.`,
    causes: [
      {
        text: 'Captured on several interfaces of a host that forwards (-i any), or from a mirror port that shows a frame when it comes and when it goes',
        likelihood: 'high',
        because: where.length === 0 ? 'nearly every segment comes twice' : `of ${plural(c.count, 'copy', 'copies')}, ${where.join(', ')}`,
      },
    ],
    remedies: [
      {
        text: 'Capture on one interface, or mirror one direction of each port. Nothing needs to be removed for this tool.',
        command: 'tcpdump -i eth0 -w out.pcap FILTER',
        appliesTo: 'the next capture',
      },
    ],
  };
}
