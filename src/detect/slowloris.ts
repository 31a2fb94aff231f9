/** `slowloris`: HTTP requests that come in drops and never end, on many connections at once. One finding for a service. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Remedy } from '../model/finding.ts';
import type { Drips } from '../model/turns.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median, sample } from './statistics.ts';

const EXAMPLES = 4;
/** Connections looked at one by one. */
const MOST = 20_000;
/** Drops that a slow typist or a bad radio link does not make of one request. */
const MANY_DROPS = 5;
/** From this share of the connections on, one address is the attacker. */
const ONE_SOURCE = 0.9;
/** A limit for one address leaves room for twice what the busiest other client of the capture needed, and for this at least. */
const SMALLEST_LIMIT = 20;

interface Dripping {
  readonly connection: ConnectionView;
  readonly drips: Drips;
}

interface Attack {
  readonly service: ServiceView;
  readonly cases: readonly Dripping[];
}

export const slowloris = defineDetector({
  id: 'slowloris',
  title: 'Slowloris: requests that come in drops and never end',
  severity: 'critical',
  category: 'flood',
  said: 'end',
  params: {
    minConnections: { default: 20, text: 'dripping connections to one service from which it is an attack' },
    minSeconds: { default: 10, text: 'time that such a connection must have been kept waiting, seconds' },
  },
  docs: {
    what: 'Many connections to one service begin an HTTP request and go on with a few octets at a time, so that the request never ends and no timeout for silence strikes.',
    why: 'Each holds a worker or a slot of the server for as long as the attacker likes, at the cost of some octets per second. A few hundred stop a server that has a process or thread for each connection; the machine looks idle meanwhile.',
    how: `Connections whose client began with an HTTP request line, went on with at least ${String(MANY_DROPS)} pieces of at most 64 octets, each after a pause of 0.2 s or more, over at least minSeconds, and never got an octet of answer. From minConnections of them to one service it is reported. The header is called unfinished where no piece ended with its blank line.`,
    never:
      'Long polling and slow answers: their request is complete, and the client is silent. Uploads over a slow path: their segments are large. Terminals, chats and whatever else is answered. Syslog, metrics and other protocols in which only the client speaks: they do not begin with an HTTP request line.',
    limits:
      'Inside TLS the request cannot be seen. Answers that are read in drops show as zero-window. Connections that began before the capture do not show how they began. A capture of one direction or of flags alone is inconclusive.',
    references: [
      'RFC 9112 §2.1',
      'nginx: client_header_timeout, client_body_timeout',
      'Apache httpd: mod_reqtimeout RequestReadTimeout',
      'HAProxy: timeout http-request',
    ],
  },
  detect(capture, params): Detection {
    const { quality } = capture;
    if (quality.oneDirection || (quality.tcpPackets > 0 && quality.withPayload === 0)) {
      const lacks = quality.oneDirection ? 'one of the directions' : 'payload';
      return { verdict: 'inconclusive', because: `the capture lacks ${lacks}, so it does not show which requests were answered` };
    }
    const attacks = capture.services.flatMap((service) => attackOn(capture, service, params) ?? []);
    return found(
      draftLargest(
        attacks,
        (a) => a.cases.length,
        (a) => draft(capture, a),
        'service',
      ),
    );
  },
});

function attackOn(capture: CaptureView, service: ServiceView, params: { minConnections: number; minSeconds: number }): Attack | null {
  const { dripping } = service.turns;
  if (dripping.length < params.minConnections) return null;
  const cases = sample(dripping, MOST).flatMap((id): Dripping[] => {
    const connection = capture.connection(id);
    const { turns } = connection;
    if (turns?.drips == null || !turns.http || turns.answers > 0 || turns.drips.count < MANY_DROPS) return [];
    if (connection.server.payloadBytes + connection.server.missedBytes > 0) return [];
    return secondsOf(turns.drips.last - connection.start) < params.minSeconds ? [] : [{ connection, drips: turns.drips }];
  });
  return cases.length === 0 || cases.length < params.minConnections ? null : { service, cases };
}

function draft(capture: CaptureView, { service, cases }: Attack): Draft {
  const bySource = new Map<string, number>();
  for (const { connection } of cases) bySource.set(connection.client.ip, (bySource.get(connection.client.ip) ?? 0) + 1);
  const [top, most] = [...bySource].reduce((a, b) => (b[1] > a[1] ? b : a));
  const single = most >= ONE_SOURCE * cases.length ? top : null;
  const from = single ?? plural(bySource.size, 'address', 'addresses');
  const unfinished = cases.filter((it) => it.connection.turns?.headerEnded === false).length;
  const since = cases.reduce((t, it) => Math.min(t, it.connection.start), Infinity) as Nanos;
  const last = cases.reduce((t, it) => Math.max(t, it.drips.last), 0) as Nanos;
  const gap = median(cases.map(({ drips }) => secondsOf(drips.last - drips.first) / Math.max(1, drips.count - 1)));
  const size = median(cases.map(({ drips }) => drips.octets / drips.count));
  const held = cases.map(({ connection, drips }) => secondsOf(drips.last - connection.start));
  const others = service.turns.httpSources().filter((s) => !bySource.has(s.client));
  const answered = others.reduce((n, s) => n + s.ids.length, 0);
  const limit = Math.max(SMALLEST_LIMIT, 2 * largest(others.map((s) => s.ids.length)));
  const part = unfinished >= cases.length / 2 ? 'header' : 'body';
  return {
    severity: 'critical',
    confidence: 'high',
    title: `${plural(cases.length, 'connection')} from ${from} hold ${service.name} with requests that never end`,
    summary: [
      `${from} opened ${plural(cases.length, 'connection')} to ${service.name} ${period(capture, since, last)}, began an HTTP request on each and went on with ${plural(Math.round(size), 'octet')} every ${durationText(gap)}: the ${part} never ended, and the server never answered.`,
      `Each was held for ${durationText(median(held))} (up to ${durationText(largest(held))}) so far.`,
      others.length === 0
        ? 'No other client of the service is in the capture.'
        : `${plural(answered, 'connection')} of ${plural(others.length, 'other client')} brought complete requests, at most ${countText(largest(others.map((s) => s.ids.length)))} from one address.`,
    ].join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: single ?? 'attacker',
    faultBecause: `${countText(unfinished)} of ${plural(cases.length, 'connection')} never ended the header, and ${countText(cases.reduce((n, it) => n + it.drips.count, 0))} pieces of it came one by one: no client sends a request so`,
    since,
    until: secondsOf(capture.end - last) > 10 * gap + 1 ? last : null,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, EXAMPLES).flatMap(({ connection: c, drips }) =>
      proofs(c.id, [
        [c.firstFrame, c.start, `SYN of ${c.client.name}`],
        [
          drips.firstFrame,
          drips.first,
          `the first of ${plural(drips.count, 'piece')} of the request, ${plural(drips.octets, 'octet')} in all`,
        ],
        [c.client.lastDataFrame, c.client.lastDataTime, 'the last of them; no answer'],
      ]),
    ),
    metrics: {
      connections: cases.length,
      sources: bySource.size,
      unfinishedHeaders: unfinished,
      octetsPerPiece: Number(size.toFixed(1)),
      secondsBetweenPieces: Number(gap.toFixed(3)),
      longestHeldSeconds: largest(held),
      otherClients: others.length,
      otherConnections: answered,
    },
    causes: [
      {
        text: 'A slowloris tool (slowloris, slowhttptest, R-U-Dead-Yet)',
        likelihood: 'high',
        because: `${plural(cases.length, 'connection')} at once send ${plural(Math.round(size), 'octet')} every ${durationText(gap)}`,
      },
      {
        text: 'A client that writes its request octet by octet and hangs: a broken device or library',
        likelihood: 'low',
        because: 'it would not do so on so many connections at once',
      },
    ],
    remedies: remedies(service, limit),
    caveats: [],
    explainedByRules: [],
  };
}

function remedies(service: ServiceView, limit: number): Remedy[] {
  const v6 = service.ip.includes(':');
  return [
    {
      text: 'Give the header of a request a time limit as a whole, not one between two reads: then drops do not prolong it.',
      command: 'client_header_timeout 10s;',
      appliesTo: 'nginx; HAProxy: timeout http-request 10s; Apache httpd: RequestReadTimeout header=10-20,MinRate=500',
    },
    {
      text: `Limit the connections of one address. The busiest other client of this capture stays below ${countText(limit)}; many clients behind one proxy or NAT may need more.`,
      command: `${v6 ? 'ip6tables' : 'iptables'} -A INPUT -p tcp --syn --dport ${String(service.port)} -m connlimit --connlimit-above ${String(limit)}${v6 ? ' --connlimit-mask 64' : ''} -j REJECT --reject-with tcp-reset`,
      appliesTo: 'Linux',
    },
    {
      text: 'Put a proxy that reads whole requests before it opens a connection in front of a server with one process or thread per connection.',
      command: null,
      appliesTo: 'Apache httpd prefork and worker, application servers',
    },
    {
      text: 'TCP settings do not help: keepalive probes are answered, tcp_fin_timeout and SYN cookies concern other states. A limit on SYNs per second does not end what is open.',
      command: null,
      appliesTo: 'every kernel',
    },
  ];
}
