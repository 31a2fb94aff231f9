/** One client that opens a connection for every request, many per second, for long. */
import type { CaptureView, ClientGroup } from '../model/capture-view.ts';
import { checksHealth, standsForMany } from '../model/names.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { median, sample } from './statistics.ts';

/** Connections of a client that are looked at. */
const SAMPLE = 300;
/** Handshakes that complete, exchanges that are small: nearly all, where a few may differ. */
const NEARLY_ALL = 0.9;

interface Spender {
  readonly group: ClientGroup;
  readonly perSecond: number;
  /** Medians of the sample. */
  readonly lifeSeconds: number;
  readonly connectSeconds: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

export const noConnectionReuse = defineDetector({
  id: 'no-connection-reuse',
  title: 'A connection for every request',
  severity: 'info',
  category: 'time-wait',
  params: {
    minConnections: { default: 500, text: 'connections of one client to one service' },
    minPerSecond: { default: 20, text: 'connections per second, over the whole time from the first to the last' },
    minSeconds: { default: 5, text: 'how long the client must have kept this up' },
    maxLifeSeconds: { default: 2, text: 'longest median life of a connection that counts as short' },
    maxRequestBytes: { default: 8192, text: 'most octets from the client that 9 of 10 connections may carry' },
  },
  docs: {
    what: 'A client opens connections to one service at a high, steady rate, and each carries one small exchange before it is closed.',
    why: 'Every connection costs a round trip before the first request (more with TLS), slow start from the beginning, and a port in TIME_WAIT for 60 s at the end that closes first. A few kept connections would carry the same.',
    how: 'Connections of one client to one service: at least minConnections, minPerSecond over at least minSeconds; of a sample, nearly all complete their handshake, carry payload of at most maxRequestBytes from the client, and live for maxLifeSeconds (median).',
    never:
      'Scans, floods and refused connections (nearly all handshakes must complete), connections without payload (health checks), bursts shorter than minSeconds. Clients that the configuration names a proxy, balancer or NAT, which stand for many, or a monitor or health checker, whose task it is.',
    limits:
      'Many users behind one proxy or address translator look like one client. Whether the requests could share a connection is for the application to say.',
    references: ['RFC 9112 §9.3 (persistence)', 'RFC 9293 §3.6.1 (TIME-WAIT)'],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection || quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'without payload and answers, the capture does not show what the connections carried' };
    const spenders = capture.clientGroups(params.minConnections).flatMap((group) => {
      const role = capture.roleOf(group.client);
      if (standsForMany(role) || checksHealth(role)) return [];
      const it = spenderOf(capture, group);
      const lasted = secondsOf(capture.connection(group.ids.at(-1)!).start - capture.connection(group.ids[0]!).start);
      return it !== null &&
        lasted >= params.minSeconds &&
        it.perSecond >= params.minPerSecond &&
        it.lifeSeconds <= params.maxLifeSeconds &&
        it.requestBytes <= params.maxRequestBytes
        ? [it]
        : [];
    });
    return found(
      draftLargest(
        spenders,
        (s) => s.group.ids.length,
        (s) => draft(capture, s),
        'client and service',
      ),
    );
  },
});

/** Null: no completed, small exchanges. */
function spenderOf(capture: CaptureView, group: ClientGroup): Spender | null {
  const { ids } = group;
  const seconds = secondsOf(capture.connection(ids.at(-1)!).start - capture.connection(ids[0]!).start);
  const some = sample(ids, SAMPLE).map((id) => capture.connection(id));
  const whole = some.filter((c) => c.established && c.client.payloadBytes > 0 && c.server.payloadBytes > 0 && c.closedBy !== null);
  if (seconds <= 0 || whole.length < NEARLY_ALL * some.length) return null;
  const requests = whole.map((c) => c.client.payloadBytes).sort((a, b) => a - b);
  return {
    group,
    perSecond: (ids.length - 1) / seconds,
    lifeSeconds: median(whole.map((c) => secondsOf(c.end - c.start))),
    connectSeconds: median(whole.flatMap((c) => c.connectSeconds ?? [])),
    requestBytes: requests[Math.floor(NEARLY_ALL * (requests.length - 1))]!,
    answerBytes: median(whole.map((c) => c.server.payloadBytes)),
  };
}

function draft(capture: CaptureView, s: Spender): Draft {
  const { client, service, ids } = s.group;
  const { name } = capture.serviceOf(ids[0]!);
  const [since, until] = [capture.connection(ids[0]!).start, capture.connection(ids.at(-1)!).start];
  const rate = countText(Math.round(s.perSecond));
  const waits = Number.isNaN(s.connectSeconds)
    ? ''
    : ` The handshakes alone took ${durationText(s.connectSeconds)} each, ${durationText(s.connectSeconds * ids.length)} in all.`;
  return {
    severity: 'info',
    confidence: 'high',
    title: `${client} opens ${rate} connections per second to ${name}, one exchange each`,
    summary: `${client} opened ${plural(ids.length, 'connection')} to ${name} ${period(capture, since, until)}, ${rate} per second. Each lived for ${durationText(s.lifeSeconds)} (median), with up to ${plural(s.requestBytes, 'octet')} asked (9 of 10) and ${countText(s.answerBytes)} answered (median).${waits} The end that closes first keeps each of them in TIME_WAIT for 60 s.`,
    subject: { host: client, role: 'client', peer: service.ip, port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until,
    count: ids.length,
    connections: ids,
    evidence: examples(ids, 4).flatMap((id) => {
      const c = capture.connection(id);
      return proofs(id, [
        [c.firstFrame, c.start, 'opened'],
        [
          c.lastFrame,
          c.end,
          `over, after ${durationText(secondsOf(c.end - c.start))} and ${plural(c.client.payloadBytes + c.server.payloadBytes, 'octet')}`,
        ],
      ]);
    }),
    metrics: {
      connections: ids.length,
      connectionsPerSecond: Number(s.perSecond.toFixed(1)),
      medianLifeSeconds: s.lifeSeconds,
      medianConnectSeconds: Number.isNaN(s.connectSeconds) ? null : s.connectSeconds,
    },
    causes: [
      {
        text: 'The client has no connection pool, or the server (or a proxy) closes after every answer',
        likelihood: 'high',
        because: 'every connection carries one small exchange and is closed',
      },
    ],
    remedies: [
      {
        text: 'Use a pool, or keep-alive in HTTP; see that neither end answers with "Connection: close".',
        command: null,
        appliesTo: `the application on ${client}, and proxies before ${name}`,
      },
    ],
  };
}
