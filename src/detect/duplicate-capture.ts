/** The capture saw the same segments at several points, or everything twice. */
import type { CaptureCopies } from '../model/capture-view.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { areOfCapture, copyMetrics, isEverythingTwice } from './copies.ts';
import { defineDetector, found } from './detector.ts';

/** Interface indexes told; a node of containers has thousands. */
const MAX_INTERFACES = 8;

export const duplicateCapture = defineDetector({
  id: 'duplicate-capture',
  title: 'Captured at several points, or twice',
  severity: 'info',
  category: 'capture',
  params: {
    minCopies: { default: 5, text: 'copies in the capture from which it is reported' },
  },
  docs: {
    what: 'The capture holds the same segments several times because it saw them at several points: on several interfaces, before and behind a router, with and without a tag or tunnel. Or it holds nearly everything twice.',
    why: 'Other tools count such copies as retransmissions and duplicate ACKs, see loss on a path that lost nothing, and double the traffic. Here each segment is counted once; who compares figures must know.',
    how: 'Copies are recognised as duplicate-packets describes. When a tenth of them or more was seen on another interface, under other tags or with another TTL, or when copies are 45 % of all segments, the capture made them.',
    never:
      'Single frames that come twice at one and the same point: the network or the tap doubled those, and duplicate-packets tells them.',
    limits:
      'Before and behind an address translation the copies are two tuples; the connection is still counted once, but the copies are not counted here. Copies later than 100 ms are taken for segments that were sent again.',
    references: [
      'pcap(3PCAP): the "any" device',
      'Linux: a bridge, VLAN or veth shows a frame on each device it passes',
      'SPAN of both directions, and of several ports',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    const { copies, tcpPackets } = quality;
    if (tcpPackets === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP segment' };
    if (copies.count < params.minCopies || !areOfCapture(quality)) return { verdict: 'clear' };
    const where = placesOf(copies);
    const everything = isEverythingTwice(quality);
    const ids = capture.services.flatMap((s) => (s.total > 0 ? [s.all().at(0)!] : [])).filter((id) => capture.connection(id).copies > 0);
    const seen = where.length === 0 ? 'at one and the same point' : where.join(', ');
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: everything
          ? 'Nearly every TCP segment was captured twice or more'
          : `${plural(copies.count, 'TCP segment')} captured again at another point`,
        summary: `Of ${plural(tcpPackets, 'TCP segment')}, ${countText(copies.count)} are copies of an earlier one, up to ${durationText(copies.longestSeconds)} later${everything ? ': nearly everything was captured twice or more' : ''}. The capture made them: it saw the same segments ${seen}. They are counted once here, and are no retransmissions.`,
        count: copies.count,
        connections: ids.slice(0, 1_000).sort((a, b) => a - b),
        note: 'a connection with segments that were captured more than once',
        metrics: { ...copyMetrics(copies, tcpPackets), interfaces: copies.interfaces },
        causes: [
          where.length === 0
            ? {
                text: 'A mirror port that shows a frame when it comes and when it goes, or two mirrors into one port',
                likelihood: 'high',
                because: 'nearly every segment comes twice, at one point and with the same TTL',
              }
            : {
                text: 'Captured on several interfaces of a host that forwards (-i any), or from a mirror port on both sides of a router',
                likelihood: 'high',
                because: `of ${plural(copies.count, 'copy', 'copies')}: ${where.join(', ')}`,
              },
        ],
        remedies: [
          {
            text: 'Capture on one interface, or mirror one direction of each port. Nothing needs to be removed for this tool.',
            command: 'tcpdump -i eth0 -w out.pcap FILTER',
            appliesTo: 'the next capture',
          },
          {
            text: 'For tools that count every copy: remove them first.',
            command: 'editcap -D 1000 -I 26 in.pcap out.pcap',
            appliesTo:
              'Ethernet and IPv4: 26 leaves the MAC addresses and the IP header before the addresses out of the comparison (32 with -i any)',
          },
        ],
      }),
    ]);
  },
});

/** Where the copies were seen, each with its count. */
function placesOf(c: CaptureCopies): string[] {
  const shown = c.interfaceIndexes.slice(0, MAX_INTERFACES).join(', ');
  const more = c.interfaceIndexes.length > MAX_INTERFACES ? ', …' : '';
  const indexes = c.interfaceIndexes.length === 0 ? '' : ` (${plural(c.interfaces, 'interface')}: index ${shown}${more})`;
  return [
    c.otherInterface > 0 ? `${countText(c.otherInterface)} on another interface${indexes}` : '',
    c.otherEncapsulation > 0 ? `${countText(c.otherEncapsulation)} under other tags or tunnels` : '',
    c.otherTtl > 0 ? `${countText(c.otherTtl)} with another TTL (up to ${plural(c.hops, 'hop')} apart)` : '',
  ].filter((s) => s !== '');
}
