/** Keepalives: who asks whether the other end is still there, how often, and whether it is. */
import type { ConnectionView } from '../model/connection.ts';
import { Side } from '../model/state.ts';
import type { Nanos } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';
import { median } from './statistics.ts';

const PARAMS = {
  minProbes: { default: 2, text: 'keepalives of one connection from which it counts; one alone may be an old ACK' },
} as const;

/** Linux: net.ipv4.tcp_keepalive_time, 2 h. */
const DEFAULT_SECONDS = 7_200;

export const keepalive = defineDetector({
  id: 'keepalive',
  title: 'Idle connections are kept alive by probes',
  severity: 'info',
  category: 'path',
  said: 'silence',
  params: PARAMS,
  docs: {
    what: 'An end of idle connections sends TCP keepalives: on how many, at which interval, and how many were answered.',
    why: 'Nothing is wrong. The interval is what keeps the connection known to firewalls, NATs and balancers on the way: it must be shorter than the shortest of their idle limits. And it says how soon a dead peer is noticed.',
    how: 'Segments without payload (or with one octet) whose sequence number is the one before the next, while the window of the other end is open. Linux sends the same segment into a closed window; the window tells them apart. At least minProbes of one connection. Any segment of the other end after one is its answer.',
    never:
      'Silent for probes of a closed window (zero-window), for repeats of data, and for fewer than minProbes. Keepalives of an application (HTTP/2 PING, a database ping) carry data and are none.',
    limits:
      'The interval is that between the last two keepalives of a connection, so that of probes that are answered is the idle time (TCP_KEEPIDLE), and that of unanswered ones the time between retries (TCP_KEEPINTVL). Linux answers such segments at most every 500 ms.',
    references: [
      'RFC 1122 §4.2.3.6, RFC 9293 §3.8.4',
      'Linux: tcp_keepalive_time, tcp_keepalive_intvl, tcp_keepalive_probes; SO_KEEPALIVE, TCP_KEEPIDLE',
      'Wireshark: tcp.analysis.keep_alive',
    ],
  },
  detect: (capture, params) => {
    if (capture.quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'only SYN, FIN and RST were captured: keepalives are plain ACKs' };
    const groups = byHost(capture, capture.troubles.keptAlive, (c) => proberOf(c, params.minProbes));
    return found(
      draftLargest(
        groups,
        (g) => g.cases.length,
        (g) => draft(g),
        'host',
      ),
    );
  },
});

/** The end that sent more keepalives, if they are enough. */
function proberOf(connection: ConnectionView, minProbes: number): Case | null {
  const [client, server] = [connection.ends[Side.CLIENT], connection.ends[Side.SERVER]];
  const end = server.sequence.keepAlives > client.sequence.keepAlives ? server : client;
  return end.sequence.keepAlives >= Math.max(1, minProbes) ? { connection, end } : null;
}

function draft(group: HostGroup<Case>): Draft {
  const { service, cases } = group;
  const who = whoText(group);
  const n = plural(cases.length, 'connection');
  const total = cases.reduce((sum, it) => sum + it.end.sequence.keepAlives, 0);
  const answered = cases.reduce((sum, it) => sum + it.end.sequence.keepAlivesAnswered, 0);
  const inVain = cases.filter((it) => it.end.sequence.keepAlivesInVain > 1).length;
  const intervals = (vain: boolean): number[] =>
    cases.flatMap((it) => {
      const { keepAliveInterval, keepAlivesInVain } = it.end.sequence;
      return keepAliveInterval !== null && keepAlivesInVain > 1 === vain ? [keepAliveInterval] : [];
    });
  const [calm, retrying] = [intervals(false), intervals(true)];
  const interval = calm.length > 0 ? median(calm) : median(retrying);
  const idle =
    calm.length > 0 ? `every ${durationText(interval)} while the peer answers` : `every ${durationText(interval)} while nobody answers`;
  const since = cases.reduce((t, it) => Math.min(t, it.connection.start), Infinity) as Nanos;
  return {
    severity: 'info',
    confidence: total >= 2 * cases.length ? 'high' : 'medium',
    title: `${who} ${group.host === null && group.side === Side.CLIENT ? 'keep' : 'keeps'} ${n} of ${service.name} alive by probes every ${durationText(interval)}`,
    summary: `${who} sent ${plural(total, 'keepalive')} on ${n} of ${service.name}, ${idle}; ${countText(answered)} were answered${inVain > 0 ? `, and on ${plural(inVain, 'connection')} the last ones were not` : ''}. They are not retransmissions, and no fault. They keep the connections known to firewalls and balancers whose idle limit is longer than that.`,
    subject: subjectOf(group),
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 5).flatMap((it) => {
      const { lastKeepAlive: last, keepAlives } = it.end.sequence;
      return proofs(it.connection.id, [
        [last?.frame ?? null, last?.time ?? null, `the last of ${plural(keepAlives, 'keepalive')} from ${it.end.name}`],
      ]);
    }),
    metrics: { keepAlives: total, answered, unansweredConnections: inVain, intervalSeconds: interval },
    causes: [],
    remedies: [
      {
        text: `nothing to repair. Compare ${durationText(interval)} with the idle limits on the way (AWS NLB 350 s, Azure load balancer 240 s); Linux's own default of ${durationText(DEFAULT_SECONDS)} is longer than both`,
        command: 'ss -tno state established; sysctl net.ipv4.tcp_keepalive_time',
        appliesTo:
          'Linux; timer:(keepalive,…) is the time to the next probe. The sysctl is for sockets that set SO_KEEPALIVE and nothing else',
      },
    ],
    caveats: group.caveats,
  };
}
