/** `dns-flood`: queries that nobody needs an answer to, for names made up on the spot. One finding for a server. */
import type { CaptureView } from '../model/capture-view.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import type { DnsServerView } from '../model/dns.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { period } from './evidence.ts';
import { draftLargest } from './largest.ts';

const PORT = 53;
/** Of the questions: different ones, and those about one zone. Users ask for the same names again, and about many zones. */
const DIFFERENT = 0.9;
const ONE_ZONE = 0.8;
/** Share of the queries that got no useful answer. */
const FAILING = 0.5;
/** From this share on, one address is the attacker. */
const ONE_SOURCE = 0.9;
/** Addresses that it takes to say that one of them asks far more than usual. */
const ENOUGH_SOURCES = 20;

/** Why it is a flood. */
type Shape = 'names' | 'source';

export const dnsFlood = defineDetector({
  id: 'dns-flood',
  title: 'DNS flood: queries for names made up on the spot',
  severity: 'critical',
  category: 'flood',
  params: {
    minQueries: { default: 500, text: 'queries to one server from which it can be a flood' },
    minPerSecond: { default: 100, text: 'queries to one server within a second from which it can be a flood' },
    factor: { default: 20, text: 'how many times the usual number of queries one address must send to be a flood by itself' },
  },
  docs: {
    what: 'A server receives hundreds of DNS queries a second over UDP that fail or stay without an answer: for random names under one zone (no cache holds them, so each reaches the servers of that zone), or from one address that asks far more than all others.',
    why: 'The server spends its time on names that do not exist; queries of real users time out, and whatever opens connections waits 5 s for a name (dns-unanswered).',
    how: `At least minQueries and, at the peak, minPerSecond; at least ${String(100 * FAILING)} % without an answer or with an error. Then either at least ${String(100 * DIFFERENT)} % of the questions differ and ${String(100 * ONE_ZONE)} % are about one zone (the last two labels), or one address sends half of all and factor times the median of at least ${String(ENOUGH_SOURCES)} addresses.`,
    never:
      'Busy resolvers and name servers: their users ask for the same names again and about many zones, and get answers. Tunnels and look-ups of reputation lists, which use random names too, are answered.',
    limits:
      'DNS over TCP, TLS and HTTPS is not looked at, nor are queries whose name was cut by the snap length. With forged sources the addresses say nothing. Where answers took another way than the capture point, failing means nothing: random names alone then make the case, and a caveat says so.',
    references: ['RFC 1035', 'RFC 8198 (aggressive use of NSEC against random names)', 'RFC 9520 (negative caching of failures)'],
  },
  detect(capture, params): Detection {
    if (capture.dns.queries === 0) return { verdict: 'not-applicable', because: 'there is no DNS query over UDP in the capture' };
    const floods = capture.dns.servers.flatMap((server) => {
      const shape = shapeOf(server, params);
      return shape === null ? [] : [{ server, shape }];
    });
    return found(
      draftLargest(
        floods,
        ({ server }) => server.queries,
        ({ server, shape }) => draft(capture, server, shape),
        'server',
      ),
    );
  },
});

const useless = (s: DnsServerView): number => Math.max(0, s.queries - s.answers) + s.errors;

function shapeOf(s: DnsServerView, params: { minQueries: number; minPerSecond: number; factor: number }): Shape | null {
  if (s.queries < params.minQueries || s.peakPerSecond < params.minPerSecond || useless(s) < FAILING * s.queries) return null;
  if (s.questions >= DIFFERENT * s.queries && s.topZone.queries >= ONE_ZONE * s.queries) return 'names';
  const { queries } = s.topSource;
  // Without any answer, the capture may lack the answers to everybody.
  const alone = s.answers > 0 && s.sources >= ENOUGH_SOURCES && queries >= s.queries / 2;
  return alone && queries >= params.factor * Math.max(1, s.medianQueriesPerSource) ? 'source' : null;
}

function draft(capture: CaptureView, s: DnsServerView, shape: Shape): Draft {
  const seconds = secondsOf(s.last - s.first);
  const single = s.topSource.queries >= ONE_SOURCE * s.queries || shape === 'source' ? s.topSource : null;
  const from = single?.ip ?? plural(s.sources, 'address', 'addresses');
  const zone = s.topZone.name.replace(/\.$/, '');
  const answered =
    s.answers === 0 ? 'Nobody answered.' : `${countText(s.answers)} were answered, ${countText(s.errors)} of them with an error.`;
  return {
    severity: 'critical',
    confidence: s.answers === 0 ? 'medium' : 'high',
    title: `DNS flood of ${plural(s.queries, 'query', 'queries')} against ${s.ip} from ${from}`,
    summary: [
      `${s.ip} received ${plural(s.queries, 'DNS query', 'DNS queries')} from ${plural(s.sources, 'address', 'addresses')} within ${durationText(seconds)}, up to ${countText(s.peakPerSecond)} a second, ${period(capture, s.first, s.last)}.`,
      shape === 'names'
        ? `${countText(s.questions)} of the questions differ, and ${countText(s.topZone.queries)} are about ${zone}: names made up on the spot.`
        : `${countText(s.topSource.queries)} came from ${s.topSource.ip}; half of the addresses sent at most ${countText(s.medianQueriesPerSource)}.`,
      answered,
    ].join(' '),
    subject: { host: s.ip, role: 'server', port: PORT },
    atFault: single?.ip ?? 'attacker',
    faultBecause:
      shape === 'names'
        ? `nobody asks for ${countText(s.questions)} different names of ${zone} within ${durationText(seconds)}${single === null ? `, and ${plural(s.sources, 'address', 'addresses')} do so at once` : ''}`
        : `it alone sent ${countText(s.topSource.queries)} of ${plural(s.queries, 'query', 'queries')}`,
    since: s.first,
    until: secondsOf(capture.end - s.last) > 1 ? s.last : null,
    count: s.queries,
    connections: [],
    evidence: s.examples.map(({ frame, time, source }, i) => {
      return { connection: null, frame, time, note: `${i === 0 ? 'the first query' : 'another query'}, from ${source}` };
    }),
    metrics: {
      queries: s.queries,
      answers: s.answers,
      errorAnswers: s.errors,
      sources: s.sources,
      differentQuestions: s.questions,
      zone,
      queriesAboutZone: s.topZone.queries,
      peakQueriesPerSecond: s.peakPerSecond,
      durationSeconds: seconds,
      topSourceQueries: s.topSource.queries,
      medianQueriesPerSource: s.medianQueriesPerSource,
    },
    causes: causes(s, shape, zone),
    remedies: remedies(s, single?.ip ?? null),
    displayFilter: `${s.ip.includes(':') ? 'ipv6' : 'ip'}.dst==${s.ip} && udp.dstport==${String(PORT)}`,
    caveats:
      s.answers === 0
        ? [
            {
              code: 'no-answers',
              text: 'No answer of this server is in the capture: it is silent, or its answers take another way.',
              count: s.queries,
            },
          ]
        : [],
    explainedByRules: [],
  };
}

function causes(s: DnsServerView, shape: Shape, zone: string): Cause[] {
  if (shape === 'source')
    return [
      {
        text: `A broken or abused client at ${s.topSource.ip}: a loop that asks again at once, or a host that takes part in an attack`,
        likelihood: 'high',
        because: `it sent ${countText(s.topSource.queries)} queries, half of the others at most ${countText(s.medianQueriesPerSource)}`,
      },
    ];
  return [
    {
      text: `A random-subdomain attack ("water torture") on ${zone}`,
      likelihood: 'high',
      because: `${countText(s.questions)} different names of one zone, hardly one of them twice`,
    },
    {
      text: 'The source addresses are forged',
      likelihood: s.sources >= ENOUGH_SOURCES ? 'medium' : 'low',
      because: `${plural(s.sources, 'address', 'addresses')} ask, about ${countText(Math.round(s.queries / Math.max(1, s.sources)))} queries each`,
    },
  ];
}

function remedies(s: DnsServerView, single: string | null): Remedy[] {
  const v6 = s.ip.includes(':');
  const out: Remedy[] = [
    {
      text: 'Let the server limit what it answers per network and zone, and answer with TC now and then, so that real resolvers come back over TCP.',
      command: 'rate-limit { responses-per-second 10; slip 2; };',
      appliesTo: 'BIND 9; Knot DNS: mod-rrl, NSD: rrl-ratelimit. A resolver: fetches-per-zone (BIND), ratelimit (Unbound)',
    },
    {
      text: 'A resolver answers its own clients alone; whatever else it receives on port 53 is dropped before it costs a look-up.',
      command: `${v6 ? 'ip6tables' : 'iptables'} -A INPUT -p udp --dport ${String(PORT)} -m hashlimit --hashlimit-name dns --hashlimit-mode srcip --hashlimit-above 50/second -j DROP`,
      appliesTo: 'Linux; limits by address do nothing where each forged address asks a few times',
    },
  ];
  if (single !== null)
    out.push({
      text: 'Shut this address out until its owner has looked.',
      command: `nft add rule inet filter input ${v6 ? 'ip6' : 'ip'} saddr ${single} udp dport ${String(PORT)} drop`,
      appliesTo: 'nftables, Linux 3.13 and newer',
    });
  return out;
}
