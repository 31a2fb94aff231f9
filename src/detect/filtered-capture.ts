/** A capture filter shows by what is missing everywhere: states then follow from what is left. */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnId } from '../model/units.ts';
import { plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, type Draft, found } from './detector.ts';

/** Ids to list and to take evidence from. */
const LISTED = 1_000;

/** What is missing, and what follows from that. */
interface Filter {
  readonly what: string;
  readonly consequence: string;
  readonly because: string;
}

export const filteredCapture = defineDetector({
  id: 'filtered-capture',
  title: 'The capture was filtered',
  severity: 'info',
  category: 'capture',
  params: {
    minConnections: { default: 5, text: 'connections from which on a kind of segment that all of them lack was filtered out' },
    onePortConnections: { default: 50, text: 'connections from which on a capture of one service and nothing else was filtered by port' },
  },
  docs: {
    what: 'A kind of packet is missing everywhere: all segments but SYN, FIN and RST, all acknowledgments without data, or everything but one service.',
    why: 'A rule that needs the missing packets would take their absence for a fault: a third ACK that was filtered out for a lost one, a full handshake for a half-open entry. States follow from the flags alone.',
    how: 'FINs without a single segment between them, or data without a single empty ACK in at least minConnections connections, do not happen by themselves. A capture of at least onePortConnections connections that holds one server port and not one packet that is not TCP was filtered by port, probably.',
    never: 'SYNs and RSTs alone, which refused attempts, scans and floods produce by themselves.',
    limits:
      'A filter on one port or host is a guess from the absence of everything else; filters that leave a plausible rest are not recognised.',
    references: ['pcap-filter(7): tcp[tcpflags]'],
  },
  detect: (capture, params) => {
    if (capture.quality.connections === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP connection' };
    const filter = filterOf(capture, params);
    return filter === null ? { verdict: 'clear' } : found([draft(capture, filter)]);
  },
});

function filterOf(capture: CaptureView, params: { minConnections: number; onePortConnections: number }): Filter | null {
  const { quality } = capture;
  if (quality.flagsOnly) {
    return {
      what: 'only SYN, FIN and RST',
      consequence: 'Handshakes, data and acknowledgments between them are taken to have happened; rules that need them are inconclusive.',
      because: `${plural(quality.withFin, 'FIN')} and not one segment without SYN, FIN and RST`,
    };
  }
  if (quality.plain > 0 && quality.withPayload >= quality.plain && quality.connections >= params.minConnections) {
    return {
      what: 'no acknowledgment without data',
      consequence: 'Third ACKs and the acknowledgments of FINs are missing everywhere; that they are absent proves nothing.',
      because: `${plural(quality.withPayload, 'segment')} with data and not one empty ACK in ${plural(quality.connections, 'connection')}`,
    };
  }
  const [service] = capture.services;
  const onePort =
    service !== undefined && quality.connections >= params.onePortConnections && capture.services.every((s) => s.port === service.port);
  if (onePort && capture.packets === quality.tcpPackets) {
    return {
      what: `only port ${service.port}`,
      consequence: 'What else these hosts did (name resolution, ICMP errors, other services) is not in it.',
      because: `${plural(quality.connections, 'connection')}, all to port ${service.port}, and not one packet that is not TCP`,
    };
  }
  return null;
}

function draft(capture: CaptureView, filter: Filter): Draft {
  const { quality } = capture;
  const ids: ConnId[] = [];
  for (const service of capture.services) {
    if (ids.length >= LISTED) break;
    ids.push(...service.all().slice(0, LISTED - ids.length));
  }
  return captureDraft(capture, {
    confidence: quality.flagsOnly ? 'high' : 'medium',
    title: `The capture holds ${filter.what}: it was filtered`,
    summary: `The capture holds ${filter.what} (${filter.because}), so a filter was at work. ${filter.consequence}`,
    count: quality.connections,
    connections: ids.sort((a, b) => a - b),
    note: 'first segment of a connection as the filter left it',
    metrics: {
      tcpPackets: quality.tcpPackets,
      withSyn: quality.withSyn,
      withFin: quality.withFin,
      withRst: quality.withRst,
      plain: quality.plain,
      withPayload: quality.withPayload,
    },
    causes: [],
    remedies: [
      {
        text: 'capture headers of whole connections instead: a snap length saves more than a filter on flags, and loses nothing that matters here',
        command: 'tcpdump -s 128 -w out.pcap host ADDRESS',
        appliesTo: 'the next capture',
      },
    ],
  });
}
