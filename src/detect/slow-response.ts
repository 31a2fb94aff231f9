/** `slow-response`: requests that reached the server at once and were answered late. One finding for a service. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import { LONG_ANSWER_SECONDS, type LongAnswers, type TurnsView } from '../model/turns.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, sample } from './statistics.ts';

const EXAMPLES = 5;
/** Connections with long answers that are looked at one by one, and connections asked for the split of their time. */
const MOST = 5_000;
const SPLIT_SAMPLE = 500;
/** Share of its long answers whose request must have been acknowledged before: the rest may have been under way. */
const ACKNOWLEDGED = 0.8;
/** Share of the late requests that must have a length of their own, and of the other requests that must not have it. */
const KIND_SHARE = 0.98;
const KIND_SAMPLE = 5_000;
/** Each quarter of the service's life holds at least this part of them. */
const EVENLY = 12;
/** A connection most of whose answers are long, again and again, is asked to wait: long polling, BLPOP, a job that reports when done. */
const POLLS = 3;
const MOSTLY = 0.5;

interface Slow {
  readonly service: ServiceView;
  /** Answers from here on are slow, seconds. */
  readonly threshold: number;
  readonly median: number;
  readonly cases: readonly Case[];
  readonly answers: number;
  /** Connections whose long answers are their habit. */
  readonly polling: number;
  /** Requests of a kind of their own, late from the beginning to the end of the service: they are made to wait, or must. */
  readonly ownKind: boolean;
  readonly sampled: number;
}

interface Case {
  readonly connection: ConnectionView;
  readonly turns: TurnsView;
  readonly long: LongAnswers;
  readonly slow: number;
}

export const slowResponse = defineDetector({
  id: 'slow-response',
  title: 'The server answers late',
  severity: 'warning',
  category: 'path',
  said: 'answer',
  params: {
    factor: { default: 10, text: "how many times the service's own median an answer must take" },
    minAnswers: { default: 5, text: 'slow answers of one service from which it is reported' },
    minConnections: { default: 3, text: 'connections that must have waited: one alone may be a tunnel, or a job' },
    minOrdinary: { default: 20, text: 'answers of one service that it takes to know its median' },
  },
  docs: {
    what: 'Requests that the kernel of the server acknowledged at once, and whose first octet of answer came a second or more later, while the same service usually answers far sooner.',
    why: 'It settles whether it is the network: the request had arrived, and nothing was sent. The time was spent in the application of the server, or in what that waits for (database, lock, pool, another service).',
    how: `A turn begins where the direction of the payload changes; an answer's time is from the last segment of the request to the first of the answer, and copies and retransmissions begin no turn. Times are counted by powers of two of a second. An answer is slow from ${String(LONG_ANSWER_SECONDS)} s and from factor times the median of its service, rounded up to a power of two. At least minAnswers of them on at least minConnections connections, at most half of all, and ${String(100 * ACKNOWLEDGED)} % of the requests acknowledged at least half a second before the answer. The longest wait includes the round trip between capture point and server; metrics name that.`,
    never:
      'Long polling, push and streams: a connection whose server speaks without being asked, or most of whose answers are long again and again, is left out; where all late requests are of lengths that no other request has, and were late from the beginning to the end of the service, it is information; left out too is one with octets that the capture lacks, or with roles that are a guess. A service that was slow for everybody from beginning to end has no median of its own to be compared with. Pauses inside a request (small-segments) are not waits for the server.',
    limits:
      'A request that must take long (a report, an upload that is checked) is told from a slow server only by what the service usually does. Requests that are pipelined or multiplexed (HTTP/2) share turns, and their waits hide behind each other. The capture does not say what the server waited for.',
    references: ['RFC 9293 §3.8.6.3: acknowledgments come from the kernel, within 500 ms', 'man 8 ss: ss -ti shows the queues of a socket'],
  },
  detect(capture, params): Detection {
    const { quality } = capture;
    if (quality.flagsOnly || (quality.tcpPackets > 0 && quality.withPayload === 0))
      return { verdict: 'inconclusive', because: 'the capture holds no payload, so it does not show who waited for whom' };
    if (quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only, so no answer has a question' };
    const slow = capture.services.flatMap((service) => slowAnswers(capture, service, params) ?? []);
    return found(draftLargest(slow, countOf, (s) => draft(capture, s), 'service'));
  },
});

const countOf = (s: Slow): number => s.cases.reduce((n, it) => n + it.slow, 0);

function slowAnswers(
  capture: CaptureView,
  service: ServiceView,
  params: { factor: number; minAnswers: number; minConnections: number; minOrdinary: number },
): Slow | null {
  const { turns } = service;
  if (turns.long.length === 0 || turns.answers < params.minOrdinary) return null;
  const median = turns.answerSeconds(0.5);
  const least = Math.max(LONG_ANSWER_SECONDS, params.factor * median);
  const threshold = 2 ** Math.ceil(Math.log2(least));
  if (turns.slower(threshold) < params.minAnswers || median >= LONG_ANSWER_SECONDS) return null;
  const looked = sample(turns.long, MOST);
  const cases: Case[] = [];
  let polling = 0;
  for (const id of looked) {
    const connection = capture.connection(id);
    const { turns: own } = connection;
    if (own?.long == null) continue;
    const slow = own.slower(threshold);
    if (slow === 0 || isDoubtful(connection)) continue;
    if (own.unasked || (own.long.count >= POLLS && own.long.count > MOSTLY * own.answers)) polling++;
    else cases.push({ connection, turns: own, long: own.long, slow });
  }
  const count = cases.reduce((n, it) => n + it.slow, 0);
  const longAnswers = cases.reduce((n, it) => n + it.long.count, 0);
  const acknowledged = cases.reduce((n, it) => n + it.long.acknowledged, 0);
  if (cases.length < params.minConnections || count < params.minAnswers) return null;
  if (acknowledged < ACKNOWLEDGED * longAnswers || count > turns.answers / 2) return null;
  // Where most that wait long are polls, a single long answer is one more of them.
  if (polling > cases.length) return null;
  const ownKind = isOwnKind(capture, service, cases);
  return { service, threshold, median, cases, answers: turns.answers, polling, ownKind, sampled: turns.long.length - looked.length };
}

/**
 * Connections with one exchange each, whose requests have lengths that no other of the service has, and that were late in every
 * quarter of its life: nothing became slow. A connection with several exchanges says nothing of the length of one request.
 */
function isOwnKind(capture: CaptureView, service: ServiceView, cases: readonly Case[]): boolean {
  const single = cases.filter((it) => it.turns.answers === 1);
  if (single.length < KIND_SHARE * cases.length) return false;
  const times = single.map((it) => it.long.first).sort((a, b) => a - b);
  const all = service.all();
  const first = capture.connection(all.at(0)!).start;
  const quarter = (service.end - first) / 4;
  for (let q = 0; q < 4; q++) {
    const inQuarter = times.filter((t) => t >= first + q * quarter && t <= first + (q + 1) * quarter).length;
    if (inQuarter < times.length / EVENLY) return false;
  }
  const lengths = new Set(single.map((it) => it.connection.client.payloadBytes));
  const slow = new Set(cases.map((it) => it.connection.id));
  const others = sample(all, KIND_SAMPLE).filter((id) => !slow.has(id));
  const alike = others.filter((id) => lengths.has(capture.connection(id).client.payloadBytes)).length;
  return others.length >= cases.length / 2 && alike <= (1 - KIND_SHARE) * others.length;
}

/** Octets that the capture lacks may be the answer; in a guessed role the answer may be a question. */
const isDoubtful = (c: ConnectionView): boolean => c.client.missedBytes + c.server.missedBytes > 0 || c.rolesFrom === 'first-seen';

function draft(capture: CaptureView, slow: Slow): Draft {
  const { service, cases, threshold, median } = slow;
  const count = countOf(slow);
  const ids = cases.map((it) => it.connection.id);
  const since = cases.reduce((t, it) => Math.min(t, it.long.first), Infinity) as Nanos;
  const until = cases.reduce((t, it) => Math.max(t, it.long.last), 0) as Nanos;
  const longest = largest(cases.map((it) => it.turns.longestAnswerSeconds));
  const before = service.answeredAround(capture.start, since).between;
  const clients = new Set(cases.map((it) => it.connection.client.ip)).size;
  const split = splitOf(capture, service);
  const affected = new Set(ids);
  const others = service.all().filter((id) => !affected.has(id));
  return {
    severity: slow.ownKind ? 'info' : 'warning',
    confidence: slow.ownKind ? 'medium' : 'high',
    title: `${plural(count, 'answer')} of ${service.name} took ${durationText(threshold)} or more`,
    summary: [
      `${service.name} acknowledged ${plural(count, 'request')} at once and answered each only after ${durationText(threshold)} or more, up to ${durationText(longest)}, ${period(capture, since, until)}; half of its ${plural(slow.answers, 'answer')} began within ${durationText(median)}.`,
      slow.ownKind
        ? 'They are requests of a kind of their own, by their length, and were late from the beginning to the end: long polling, or work that always takes so long; nothing became slow.'
        : '',
      before === 0 || slow.ownKind ? '' : `Before that, no answer had taken so long, on ${plural(before, 'connection')}.`,
      `${plural(ids.length, 'connection')} of ${plural(clients, 'client')} waited; the requests had arrived, so it is the application of the server, or what that waits for, and not the network.`,
      split.text,
      others.length === 0 ? '' : distinction(capture, ids, others, Side.SERVER),
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: slow.ownKind ? null : service.ip,
    faultBecause: slow.ownKind
      ? null
      : 'its kernel acknowledged the requests long before the application answered, and the same service usually answers far sooner',
    since,
    until: secondsOf(capture.end - until) > 2 * longest ? until : null,
    count,
    connections: ids,
    evidence: examples(cases.toSorted(byLongest), EXAMPLES).flatMap(evidence),
    metrics: {
      answers: slow.answers,
      slowAnswers: count,
      slowFromSeconds: threshold,
      medianWithinSeconds: median,
      within95PercentSeconds: service.turns.answerSeconds(0.95),
      longestSeconds: longest,
      serverSideRttSeconds: cases[0]!.connection.serverSideRtt,
      ...split.metrics,
      leftOutAsPolling: slow.polling,
    },
    causes: causes(slow, before),
    remedies: remedies(service.port),
    caveats:
      slow.sampled === 0
        ? []
        : [{ code: 'sampled', text: `Looked at ${countText(MOST)} connections, evenly spread.`, count: slow.sampled }],
    explainedByRules: ['zero-window', 'http-flood', 'slowloris', 'connection-flood', { rule: 'close-wait-stuck', atFault: service.ip }],
  };
}

const byLongest = (a: Case, b: Case): number => b.turns.longestAnswerSeconds - a.turns.longestAnswerSeconds;

/** Where the time of the service's connections went. */
function splitOf(capture: CaptureView, service: ServiceView): { text: string; metrics: Draft['metrics'] } {
  let [server, client, network] = [0, 0, 0];
  for (const id of sample(service.all(), SPLIT_SAMPLE)) {
    const { turns } = capture.connection(id);
    if (turns === null) continue;
    server += turns.serverSeconds;
    client += turns.clientSeconds;
    network += turns.networkSeconds;
  }
  const share = (n: number): string => `${String(Math.round((100 * n) / Math.max(server + client + network, 1e-9)))} %`;
  return {
    text: `Of the time of its connections, ${share(server)} was spent waiting for the server, ${share(client)} for the client, and ${share(network)} on the network.`,
    metrics: { waitForServerSeconds: server, waitForClientSeconds: client, networkSeconds: network },
  };
}

function evidence({ connection: c, turns, long }: Case): EvidenceDraft[] {
  const waited = durationText(turns.longestAnswerSeconds);
  return proofs(c.id, [
    [long.requestFrame, long.requestTime, `end of a request of ${c.client.name}`],
    [
      long.answerFrame,
      long.answerTime,
      `first octet of the answer of ${c.server.name}, ${waited} later; the request had been acknowledged meanwhile`,
    ],
  ]);
}

function causes(slow: Slow, before: number): Cause[] {
  const few = countOf(slow) < slow.answers / 4;
  const some: Cause = {
    text: 'Some requests are expensive: a query without an index, a report, a lock, a call to another service',
    likelihood: few ? 'high' : 'medium',
    because: `${countText(countOf(slow))} of ${plural(slow.answers, 'answer')} of ${slow.service.name} were late, the others were not`,
  };
  const full: Cause = {
    text: 'The server runs out of something at times: threads, database connections, CPU, a pause of its garbage collector',
    likelihood: before > 0 ? 'medium' : 'low',
    because:
      before > 0 ? `it began in the capture, after ${plural(before, 'connection')} without it` : 'the capture shows no beginning of it',
  };
  const waits: Cause = {
    text: 'Long polling or a similar wait for news: the server answers when there is something to say',
    likelihood: 'high',
    because: 'they are requests of a kind of their own, and none of the kind is answered soon at any time',
  };
  return slow.ownKind ? [waits, some] : [some, full];
}

const remedies = (port: number): Remedy[] => [
  {
    text: 'Look for the late requests in the log of the server: with its own time per request (nginx $request_time and $upstream_response_time, the slow query log of a database) it says which.',
    command: null,
    appliesTo: 'the server',
  },
  {
    text: 'While it happens, see what the process does: threads that wait, queries that run, connections to what stands behind it.',
    command: `ss -tinp sport = :${String(port)}`,
    appliesTo: 'Linux; Recv-Q above 0 means that the application does not even read the requests',
  },
  {
    text: 'Kernel settings (buffers, congestion control, somaxconn), as often advised, change nothing here: the requests had arrived.',
    command: null,
    appliesTo: 'every kernel',
  },
];
