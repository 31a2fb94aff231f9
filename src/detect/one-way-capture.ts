/** Connections of which only one direction is in the capture though the other must have spoken. */
import { plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, found } from './detector.ts';

export const oneWayCapture = defineDetector({
  id: 'one-way-capture',
  title: 'Only one direction was captured',
  severity: 'info',
  category: 'capture',
  params: {
    minShare: { default: 0.5, text: 'share of the connections that must be one-sided' },
    minCount: { default: 3, text: 'and their least number' },
  },
  docs: {
    what: 'Of most connections only the segments of one end are in the capture, although their acknowledgments prove that the other end spoke.',
    why: 'What the missing side sent or did not send is unknown: states of both ends are guesses, and silence proves nothing. Rules that need both directions are inconclusive.',
    how: 'A connection is one-sided when one end has no segment at all and the other has more than SYNs that nobody answered. Reported when minCount and minShare are reached, or when it is so for every connection.',
    never: 'SYNs without an answer (a firewall or a dead host does that), and single one-sided connections.',
    limits: 'Asymmetric routing and a filter on one address or direction look the same here.',
    references: ['tcpdump(8) -Q', 'switch mirror ports: ingress and egress are configured apart'],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.connections === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP connection' };
    const ids = quality.doubtful.oneSided;
    const count = quality.oneSided;
    const enough = count >= params.minCount && count >= params.minShare * quality.connections;
    if (ids.length === 0 || !(enough || quality.oneDirection)) return { verdict: 'clear' };
    const fromServer = ids.filter((id) => capture.connection(id).client.packets === 0).length;
    const side = fromServer === ids.length ? 'servers' : fromServer === 0 ? 'clients' : null;
    const whose = side === null ? 'one end' : `the ${side}`;
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: `Only the packets of ${whose} were captured in ${plural(count, 'connection')}`,
        summary: `In ${plural(count, 'connection')} of ${quality.connections} only segments of ${whose} are in the capture, and their acknowledgments advance over octets that nobody sees. States of the other end follow from these acknowledgments alone; rules that need both directions are inconclusive.`,
        count,
        connections: ids,
        note: 'first segment of a connection whose other direction is missing',
        metrics: { oneSided: count, ofConnections: quality.connections, capturedSide: side },
        causes: [
          {
            text: 'a mirror port or tap that copies one direction, or asymmetric routing',
            likelihood: 'high',
            because: `the other direction is missing in ${count} of ${quality.connections} connections`,
          },
          {
            text: 'a capture filter on the source (src host, src port) or -Q in / -Q out',
            likelihood: 'medium',
            because: 'a filter leaves no trace but what is missing',
          },
        ],
        remedies: [
          {
            text: 'capture on an end host, or mirror both directions',
            command: 'tcpdump -i any -s 128 -w both.pcap host ADDRESS',
            appliesTo: 'the next capture',
          },
        ],
      }),
    ]);
  },
});
