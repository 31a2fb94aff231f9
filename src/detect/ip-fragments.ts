/** TCP segments that came in IP fragments: rare, costly, and a way around filters when the first one is tiny. */
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import type { Nanos } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';

const PARAMS = {
  smallOctets: { default: 256, text: 'payload per fragment below which a segment was cut smaller than any link asks for' },
} as const;

interface Fragmented extends Case {
  readonly mark: MarkEvent;
}

export const ipFragments = defineDetector({
  id: 'ip-fragments',
  title: 'TCP segments come in IP fragments',
  severity: 'info',
  category: 'path',
  params: PARAMS,
  docs: {
    what: 'Segments of TCP connections were split into IP fragments on the way, or by their sender; the first such segment of each end is told, with the number of its fragments.',
    why: 'TCP sizes its segments so that they need no fragments. Where they appear, DF is cleared (a tunnel or an old setting), a loss of one fragment costs the whole segment, and firewalls that do not reassemble see no ports in all but the first. Tiny first fragments, which end before the TCP header does, are a known way around filters.',
    how: 'Fragments are put together as a host does it; the segment counts once, and its connection is marked with the number of fragments. Fragments too small to hold the ports, which RFC 8200 and RFC 1858 refuse, are marked as such.',
    never: 'Silent for fragments of UDP and ICMP, and for captures without fragments.',
    limits:
      'Only the first fragmented segment of each end is marked. A fragment that never got its others belongs to no segment, and its connection is not always known. Whether a router or the sender split it shows only in a second capture.',
    references: [
      'RFC 791, RFC 8200 §4.5, RFC 8900 (fragmentation considered fragile)',
      'RFC 1858, RFC 3128 (tiny fragments, overlapping fragments)',
      'Linux: nstat IpReasmReqds, IpReasmFails',
    ],
  },
  detect: (capture, params) => {
    const { quality, troubles } = capture;
    if (quality.fragments + quality.reassembled === 0) return { verdict: 'clear' };
    const groups = byService(capture, troubles.fragmented, fragmentedOf);
    return found(
      draftLargest(
        groups,
        (g) => g.cases.length,
        (g) => draft(g, params.smallOctets),
        'service',
      ),
    );
  },
});

function fragmentedOf(connection: ConnectionView): Fragmented | null {
  const mark = connection.marks.find((m) => m.mark === Mark.FRAGMENTED);
  return mark === undefined ? null : { connection, end: connection.ends[mark.side], mark };
}

function draft({ service, cases, caveats }: ServiceGroup<Fragmented>, small: number): Draft {
  const n = plural(cases.length, 'connection');
  const most = cases.reduce((max, it) => Math.max(max, it.mark.detail), 0);
  const refused = cases.filter((it) => it.mark.detail === 0).length;
  const tiny = cases.filter((it) => it.end.largestPayload < small * it.mark.detail).length;
  const senders = [...new Set(cases.map((it) => it.end.ip))];
  const from = senders.length === 1 ? senders[0]! : plural(senders.length, 'host');
  const odd = [
    refused > 0 ? `On ${plural(refused, 'connection')} the first fragment was too small to be accepted at all.` : '',
    tiny > 0
      ? `On ${plural(tiny, 'connection')} they were cut far smaller than any link asks for, which gets past filters that do not reassemble.`
      : '',
  ].filter((t) => t !== '');
  const since = cases.reduce((t, it) => Math.min(t, it.mark.time), Infinity) as Nanos;
  return {
    severity: 'info',
    confidence: 'high',
    title: `TCP segments in IP fragments on ${n} of ${service.name}`,
    summary: `${from} sent TCP segments on ${n} of ${service.name} that came in IP fragments, up to ${countText(most)} for one segment. ${odd.join(' ')}${odd.length > 0 ? ' ' : ''}TCP avoids fragments by itself: a device on the way or a setting of the sender splits them.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 8).flatMap((it) =>
      proofs(it.connection.id, [
        [
          it.mark.frame,
          it.mark.time,
          it.mark.detail === 0
            ? `a first fragment of ${it.end.name} without room for the ports`
            : `a segment of ${it.end.name} in ${plural(it.mark.detail, 'fragment')}`,
        ],
      ]),
    ),
    metrics: { mostFragments: most, refusedConnections: refused, tinyConnections: tiny },
    causes: [
      {
        text: 'a tunnel or router that clears DF and splits what is too large',
        likelihood: tiny + refused > 0 ? 'low' : 'high',
        because: 'TCP sets DF by default and sizes its segments by the path MTU',
      },
      {
        text: 'somebody tests or evades a filter',
        likelihood: tiny + refused > 0 ? 'high' : 'low',
        because: tiny + refused > 0 ? 'fragments this small are nobody’s link' : 'the fragments have ordinary sizes',
      },
    ],
    remedies: [
      {
        text: 'let the tunnel clamp the MSS or send ICMP "fragmentation needed" instead of splitting',
        command: 'iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
        appliesTo: 'Linux routers',
      },
      {
        text: 'let firewalls put fragments together before they filter: on Linux whatever uses conntrack does (ct state …); rules without it see no ports but in the first fragment. Loading nf_defrag_ipv4 alone, as often advised, does nothing',
        command: 'nstat -az IpReasmReqds IpReasmOKs IpReasmFails; sysctl net.ipv4.ipfrag_high_thresh net.ipv4.ipfrag_time',
        appliesTo: 'Linux 4.10 and newer',
      },
    ],
    caveats,
  };
}
