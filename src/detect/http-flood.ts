/** `http-flood`: one address asks an HTTP service far more than all others do. One finding for an address and a service. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { Remedy } from '../model/finding.ts';
import { standsForMany } from '../model/names.ts';
import type { RequestSource } from '../model/turns.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median } from './statistics.ts';

const EXAMPLES = 4;
/** So many other addresses say what is usual at all; below ENOUGH_SOURCES they say little. */
const FEWEST_OTHERS = 3;
const ENOUGH_SOURCES = 20;
/** A client with a pool asks hundreds of times on each connection; a flood tool opens the next one. */
const REQUESTS_PER_CONNECTION = 10;
/** No person and no page asks again so soon after each answer, seconds. */
const AT_ONCE = 0.02;
/** A limit leaves room for so many times the peak of the busiest other client. */
const LIMIT_FACTOR = 5;
const SMALLEST_LIMIT = 10;

interface Flood {
  readonly service: ServiceView;
  readonly source: RequestSource;
  readonly others: readonly RequestSource[];
  /** Median of the others' peaks, requests per second. */
  readonly usual: number;
}

export const httpFlood = defineDetector({
  id: 'http-flood',
  title: 'HTTP flood: one address asks far more than all others',
  severity: 'critical',
  category: 'flood',
  neighbours: 'service',
  said: 'end',
  params: {
    minRequests: { default: 300, text: 'requests of one address from which it can be a flood' },
    minPerSecond: { default: 50, text: 'requests of one address within a second from which it can be a flood' },
    factor: { default: 20, text: "how many times the median peak of the service's other addresses it must be" },
  },
  docs: {
    what: 'One address opens connection after connection to an HTTP service and sends its requests without a pause, at a rate far above that of all other clients.',
    why: 'Each request is complete and looks like any other, so neither SYN cookies nor a header timeout stop it; it takes workers, database queries and log space from those who mean it.',
    how: `Requests are turns of connections whose client began with an HTTP request line. An address floods when it sends at least minRequests, at its peak at least minPerSecond and factor times the median peak of the others, with at most ${String(REQUESTS_PER_CONNECTION)} requests on a connection, each within ${durationText(AT_ONCE)} of the answer before (or one on each connection). Critical with at least ${String(ENOUGH_SOURCES)} addresses to compare; with fewer, a warning, and only where several requests on a connection show that it never pauses.`,
    never:
      'Pools and proxies that use their connections again; addresses behind which SYNs of several kinds show several hosts, and those that the configuration names a proxy, balancer or NAT; a service with fewer than three other clients to compare with. Busy traffic in which all ask much has no one far above the others.',
    limits:
      'A load test, a batch job or a balancer that opens a connection for each request looks the same: only the owner of the address can tell. A flood from very many addresses, each of which asks little, does not stand out by address. Timestamps do not tell hosts behind one address apart: current kernels begin them anew for each connection. Inside TLS requests are not seen; HTTP/2 on one connection is one client.',
    references: ['RFC 9110', 'nginx: limit_req_zone, limit_conn_zone', 'man 8 iptables-extensions: hashlimit'],
  },
  detect(capture, params): Detection {
    if (capture.quality.tcpPackets > 0 && capture.quality.withPayload === 0)
      return { verdict: 'inconclusive', because: 'the capture holds no payload, so it shows no requests' };
    const floods: Flood[] = [];
    let doubt: string | null = null;
    for (const service of capture.services) {
      if (service.turns.http === 0 || service.turns.requests < params.minRequests) continue;
      const sources = service.turns.httpSources();
      const busy = sources.filter((s) => isBusy(s, params) && !standsForMany(capture.roleOf(s.client)));
      if (busy.length === 0) continue;
      if (sources.length <= FEWEST_OTHERS) {
        doubt ??= `${busy[0]!.client} asks ${service.name} up to ${countText(busy[0]!.peakPerSecond)} times a second, and there are not enough other clients to say what is usual`;
        continue;
      }
      for (const source of busy) {
        const others = sources.filter((s) => s !== source);
        const usual = median(others.map((s) => s.peakPerSecond));
        if (source.peakPerSecond < params.factor * Math.max(1, usual)) continue;
        if (sources.length < ENOUGH_SOURCES && source.thinkSeconds === null) continue;
        floods.push({ service, source, others, usual });
      }
    }
    if (floods.length === 0 && doubt !== null) return { verdict: 'inconclusive', because: doubt };
    return found(
      draftLargest(
        floods,
        (f) => f.source.requests,
        (f) => draft(capture, f),
        'source',
      ),
    );
  },
});

/** Does it ask as a flood does, whatever the others do? */
const isBusy = (s: RequestSource, params: { minRequests: number; minPerSecond: number }): boolean =>
  s.requests >= params.minRequests &&
  s.peakPerSecond >= params.minPerSecond &&
  s.requests <= REQUESTS_PER_CONNECTION * s.ids.length &&
  (s.thinkSeconds === null || s.thinkSeconds < AT_ONCE) &&
  !s.severalHosts;

function draft(capture: CaptureView, { service, source, others, usual }: Flood): Draft {
  const few = others.length + 1 < ENOUGH_SOURCES;
  const seconds = secondsOf(source.last - source.first);
  const connections = source.ids.length;
  const perConnection = source.requests / connections;
  const busiest = largest(others.map((s) => s.peakPerSecond));
  const limit = Math.max(SMALLEST_LIMIT, Math.ceil(LIMIT_FACTOR * busiest));
  const all = others.reduce((n, s) => n + s.requests, 0);
  return {
    severity: few ? 'warning' : 'critical',
    confidence: few ? 'medium' : 'high',
    title: `HTTP flood of ${plural(source.requests, 'request')} against ${service.name} from ${source.client}`,
    summary: [
      `${source.client} sent ${plural(source.requests, 'request')} on ${plural(connections, 'connection')} to ${service.name} within ${durationText(seconds)}, up to ${countText(source.peakPerSecond)} a second, ${period(capture, source.first, source.last)}.`,
      `The ${plural(others.length, 'other client')} sent ${plural(all, 'request')} in all; the busiest of them ${countText(busiest)} a second.`,
      source.thinkSeconds === null
        ? 'It opens a connection for each request.'
        : `It sends ${String(Number(perConnection.toPrecision(2)))} requests on a connection, the next one ${durationText(source.thinkSeconds)} after each answer, and opens another.`,
      answersText(service),
    ].join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: source.client,
    faultBecause: `its peak is ${countText(Math.round(source.peakPerSecond / Math.max(1, usual)))} times the median peak of the ${plural(others.length, 'other address', 'other addresses')}, and it never pauses`,
    since: source.first,
    until: secondsOf(capture.end - source.last) > 1 ? source.last : null,
    count: connections,
    connections: source.ids,
    evidence: examples(source.ids, EXAMPLES).flatMap((id, i) => {
      const c = capture.connection(id);
      return proofs(id, [
        [c.firstFrame, c.start, i === 0 ? `the first connection of ${source.client}` : `another, ${c.client.name}`],
        [
          c.client.lastDataFrame,
          c.client.lastDataTime,
          `its last request, the ${plural(c.turns?.requests ?? 0, 'request')} on this connection included`,
        ],
      ]);
    }),
    metrics: {
      requests: source.requests,
      connections,
      durationSeconds: seconds,
      peakRequestsPerSecond: source.peakPerSecond,
      requestsPerConnection: Number(perConnection.toFixed(1)),
      secondsBetweenRequests: source.thinkSeconds,
      otherSources: others.length,
      otherRequests: all,
      otherPeakRequestsPerSecond: busiest,
    },
    causes: [
      {
        text: 'A flood tool, or a scraper without a limit',
        likelihood: few ? 'medium' : 'high',
        because: 'it asks without a pause and opens connection after connection, as nobody else does here',
      },
      {
        text: 'A load test, a batch job, or a balancer that opens a connection for each request',
        likelihood: few ? 'medium' : 'low',
        because: 'on the wire these are the same; the owner of the address knows',
      },
    ],
    remedies: remedies(service, source, limit),
    caveats: few
      ? [
          {
            code: 'few-sources',
            text: `Only ${plural(others.length + 1, 'address', 'addresses')} to compare: a busy client that is meant to be one would look the same.`,
            count: others.length + 1,
          },
        ]
      : [],
    explainedByRules: [],
  };
}

function answersText({ turns, name }: ServiceView): string {
  if (turns.answers === 0) return `${name} answered none.`;
  return `${name} answered ${countText(turns.answers)} of all ${plural(turns.requests, 'request')}, half of them within ${durationText(turns.answerSeconds(0.5))}, 99 % within ${durationText(turns.answerSeconds(0.99))}.`;
}

function remedies(service: ServiceView, source: RequestSource, limit: number): Remedy[] {
  const v6 = service.ip.includes(':');
  const port = String(service.port);
  return [
    {
      text: `Limit requests by address; no other client of this capture asks more than ${countText(Math.ceil(limit / LIMIT_FACTOR))} times a second.`,
      command: `limit_req_zone $binary_remote_addr zone=one:10m rate=${String(limit)}r/s;`,
      appliesTo: 'nginx, with limit_req zone=one burst=… in the location; other servers and balancers have the same',
    },
    {
      text: 'Or limit new connections by address in the kernel, before they cost the server anything.',
      command: `${v6 ? 'ip6tables' : 'iptables'} -A INPUT -p tcp --syn --dport ${port} -m hashlimit --hashlimit-name http --hashlimit-mode srcip --hashlimit-above ${String(limit)}/second -j DROP`,
      appliesTo: 'Linux',
    },
    {
      text: 'Or shut this address out, once its owner is known to mean it.',
      command: `nft add rule inet filter input ${v6 ? 'ip6' : 'ip'} saddr ${source.client} tcp dport ${port} drop`,
      appliesTo: 'nftables, Linux 3.13 and newer',
    },
    {
      text: 'SYN cookies do nothing against it, nor does a larger backlog: the handshakes are complete.',
      command: null,
      appliesTo: 'every kernel',
    },
  ];
}
