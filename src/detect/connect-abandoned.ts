/** `connect-abandoned`: the server answers, and the client is no longer there. A connect timeout, an old duplicate SYN, or a client that went away. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, ordinalText, plural } from '../model/wording.ts';
import { append } from './append.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { idsByService, sampledCaveats } from './ids-by-service.ts';
import { clock, examples, proofs } from './evidence.ts';
import { isFlooded } from './floods.ts';
import { draftLargest } from './largest.ts';
import { largest, median, quantile, sample, sampleOf } from './statistics.ts';
import { type MissingAck, missingAcks, repeatedSynAcks } from './third-acks.ts';

const EXAMPLES = 4;
/** Handshakes of the same client and service that abandoned ones are compared with. */
const COMPARED = 500;
/** Gaps between an attempt and the next that differ by no more are one timer's; so many of them must agree. */
const SAME_GAP = 0.05;
const AGREEING = 0.5;
/** Silent clients beyond this number are the Internet's background (scanners that drop the answer), not somebody's trouble. */
const BACKGROUND = 8;
/** SYN-ACKs that a client must leave unanswered: it was silent for at least 7 s on a kernel's schedule. */
const SYN_ACKS = 4;

interface Refusal {
  readonly c: ConnectionView;
  readonly rst: MarkEvent;
  readonly synAckTime: Nanos;
  /** From the SYN to the RST: as long as the whole handshake would have taken. */
  readonly waited: number;
}

/** All attempts of one client at one service that the client's kernel refused to complete, or that it left alone. */
interface Abandoned {
  readonly service: ServiceView;
  readonly client: string;
  readonly late: readonly Refusal[];
  readonly duplicates: readonly Refusal[];
  readonly silent: readonly MissingAck[];
  /** Seconds of the handshakes of the same client that completed. */
  readonly accepted: readonly number[];
  readonly timeout: Timeout | null;
}

interface Timeout {
  /** Null: only bounds are known. */
  readonly seconds: number | null;
  readonly above: number | null;
  readonly below: number;
}

export const connectAbandoned = defineDetector({
  id: 'connect-abandoned',
  title: 'The client gave up a connect that the server answered',
  severity: 'warning',
  category: 'open',
  neighbours: 'hosts',
  params: {
    lateSeconds: { default: 0.15, text: 'a SYN-ACK refused sooner than this after the SYN is no connect timeout' },
    minConnections: { default: 3, text: 'attempts given up from which it is a warning' },
  },
  docs: {
    what: 'The SYN-ACK arrives and the client answers it by RST, or not at all: whoever called connect() is no longer waiting.',
    why: 'A connect timeout shorter than the path or the server makes requests fail that would have succeeded, and each retry adds load to a server that is slow already.',
    how: "A RST of the client's kernel to the SYN-ACK, at least lateSeconds after the SYN and later than its handshakes that completed: the client had closed the socket. The timeout lies between the slowest handshake that completed and the fastest that was refused; where the client tries again at once, the gap to its next SYN is the timeout itself. A RST at once, while the same port opens a connection with another sequence number, refuses an old duplicate SYN (RFC 9293 figure 8): information. A client that sent its SYN once and left four SYN-ACKs or more unanswered went away or can no longer be reached.",
    never:
      'SYN floods (sources that complete nothing), half-open scans and health checks (their RST comes at once), lost third ACKs that other connections of the client prove, captures of one direction.',
    limits:
      'Why a client sends nothing any more is not in the capture: its ACKs may be lost, its host may be gone, or the source address may be forged. The timeout of an application that waits before it retries is known by its bounds only.',
    references: ['RFC 9293 §3.5, figure 8; §3.10.7.3', 'man 2 connect', 'linux: a SYN-ACK without a socket is answered by RST'],
  },
  detect(capture, params): Detection {
    const groups = abandonedOf(capture, params.lateSeconds);
    const { quality } = capture;
    if (groups.length === 0 && !quality.oneDirection) return { verdict: 'clear' };
    if (quality.oneDirection) return { verdict: 'inconclusive', because: 'only one direction of each connection is in the capture' };
    const told = groups.filter((g) => quality.plain > 0 || g.silent.length === 0);
    if (told.length === 0)
      return { verdict: 'inconclusive', because: 'no segment without SYN, FIN and RST is in the capture, so the third ACKs may have come' };
    const silentClients = new Set(told.filter((g) => g.silent.length > 0).map((g) => g.client)).size;
    return found(draftLargest(told, sizeOf, (g) => draft(capture, g, params.minConnections, silentClients), 'client'));
  },
});

const sizeOf = (g: Abandoned): number => g.late.length + g.silent.length + g.duplicates.length;

function abandonedOf(capture: CaptureView, lateSeconds: number): Abandoned[] {
  const out: Abandoned[] = [];
  const repeated = repeatedSynAcks(capture);
  for (const service of capture.services) {
    const missing = missingAcks(capture, repeated.get(service) ?? []);
    const answeredNobody = missing.filter((m) => m.ending === 'silence' && m.repeats.length + 1 >= SYN_ACKS);
    const lost = new Set(missing.flatMap((m) => (m.ending === 'silence' ? [] : [m.c.client.ip])));
    if (service.count('abandoned') === 0 && answeredNobody.length === 0) continue;
    const refused = idsByService(capture, service.ids('abandoned'), (s) => isFlooded(capture, s)).get(service) ?? [];
    const byClient = new Map<string, { refusals: Refusal[]; silent: MissingAck[] }>();
    const groupOf = (ip: string): { refusals: Refusal[]; silent: MissingAck[] } => {
      const group = byClient.get(ip) ?? { refusals: [], silent: [] };
      byClient.set(ip, group);
      return group;
    };
    for (const id of refused) {
      const c = capture.connection(id);
      const refusal = refusalOf(c);
      if (refusal !== null) groupOf(c.client.ip).refusals.push(refusal);
    }
    for (const m of answeredNobody) if (!lost.has(m.c.client.ip)) groupOf(m.c.client.ip).silent.push(m);
    if (byClient.size === 0) continue;
    const opened = new Map<string, ConnectionView[]>();
    for (const id of sampleOf([service.ids('ok'), service.ids('open'), service.ids('reset')], COMPARED * 4)) {
      const c = capture.connection(id);
      if (byClient.has(c.client.ip)) opened.set(c.client.ip, [...(opened.get(c.client.ip) ?? []), c].slice(-COMPARED));
    }
    const replaced = replacedBy(capture, service, byClient.size > 0);
    const starts = startsOf(capture, service, byClient);
    for (const [client, { refusals, silent }] of byClient) {
      const accepted = (opened.get(client) ?? []).flatMap((c) => c.connectSeconds ?? []);
      const usual = accepted.length === 0 ? 0 : quantile(accepted, 0.5);
      const late = refusals.filter((r) => r.waited >= lateSeconds && r.waited > usual);
      const duplicates = refusals.filter((r) => !late.includes(r) && replaced.has(r.c.id));
      if (late.length + silent.length + duplicates.length === 0) continue;
      out.push({
        service,
        client,
        late,
        duplicates,
        silent,
        accepted,
        timeout: late.length === 0 ? null : timeoutOf(late, accepted, starts.get(client) ?? []),
      });
    }
  }
  return out;
}

/** A RST without ACK from the client's kernel, in answer to the SYN-ACK. */
function refusalOf(c: ConnectionView): Refusal | null {
  const rst = c.marks.find((m) => m.mark === Mark.RST && m.side === Side.CLIENT);
  const synAck = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
  if (rst?.rst?.answersLastSegment !== true || synAck === undefined || c.client.ip === c.server.ip) return null;
  return { c, rst, synAckTime: synAck.time, waited: secondsOf(rst.time - c.start) };
}

/** Connections whose tuple was opened anew, with another sequence number, while they were being refused. */
function replacedBy(capture: CaptureView, service: ServiceView, wanted: boolean): ReadonlySet<ConnId> {
  const out = new Set<ConnId>();
  if (!wanted) return out;
  for (const id of sampleOf([service.ids('ok'), service.ids('open')], COMPARED)) {
    const { previous } = capture.connection(id);
    if (previous !== null) out.add(previous);
  }
  return out;
}

/** Starts of the clients' attempts at the service, ascending. In one walk: each client may have given up one attempt. */
function startsOf(capture: CaptureView, service: ServiceView, clients: ReadonlyMap<string, unknown>): Map<string, number[]> {
  const starts = new Map<string, number[]>();
  for (const id of sample(service.all(), 20_000)) {
    const client = capture.clientOf(id);
    if (clients.has(client)) append(starts, client, capture.connection(id).start);
  }
  return starts;
}

/** How long the client waits: exactly where its next attempt follows at once, else between bounds. */
function timeoutOf(late: readonly Refusal[], accepted: readonly number[], starts: readonly number[]): Timeout {
  const below = -largest(late.map((r) => -r.waited));
  const slower = accepted.filter((s) => s < below);
  const above = slower.length === 0 ? null : largest(slower);
  const gaps = late.flatMap((r) => {
    const next = starts.find((t) => t > r.c.start);
    return next === undefined ? [] : [secondsOf(next - r.c.start)];
  });
  const middle = median(gaps);
  const agree = gaps.filter((g) => Math.abs(g - middle) <= SAME_GAP * middle).length;
  const possible = middle <= below * (1 + SAME_GAP) && middle >= (above ?? 0) * (1 - SAME_GAP);
  return { seconds: gaps.length >= 3 && agree >= AGREEING * late.length && possible ? middle : null, above, below };
}

function timeoutText(t: Timeout): string {
  if (t.seconds !== null) return durationText(t.seconds);
  return t.above === null ? `at most ${durationText(t.below)}` : `between ${durationText(t.above)} and ${durationText(t.below)}`;
}

function draft(capture: CaptureView, g: Abandoned, minConnections: number, silentClients: number): Draft {
  const { service, client, late, duplicates, silent, timeout, accepted } = g;
  const main: readonly (Refusal | MissingAck)[] =
    late.length + silent.length > 0 ? [...late, ...silent].sort((a, b) => a.c.id - b.c.id) : duplicates;
  const n = main.length;
  const since = main.reduce((t, m) => Math.min(t, m.c.start), Infinity) as Nanos;
  const onlyDuplicates = late.length + silent.length === 0;
  const background = late.length === 0 && silentClients > BACKGROUND;
  const severity = onlyDuplicates || background ? 'info' : n >= minConnections ? 'warning' : 'notice';
  return {
    severity,
    confidence: late.length >= 3 ? 'high' : 'medium',
    title: onlyDuplicates
      ? `${client} refused ${plural(n, 'old duplicate SYN', 'old duplicate SYNs')} of its own at ${service.name}`
      : late.length > 0
        ? `${client} gave up ${plural(n, 'connect')} to ${service.name} before the answer came`
        : `${client} left ${plural(n, 'answer')} of ${service.name} alone`,
    summary: [
      late.length > 0
        ? `${client} answered ${plural(late.length, 'SYN-ACK')} of ${service.name} by RST since ${clock(capture, since)}: they came ${durationText(timeout!.below)} or more after the SYN, when its application had already closed the socket.`
        : '',
      timeout === null
        ? ''
        : `Its connect timeout is ${timeoutText(timeout)}${timeout.seconds === null ? '' : ': so long after each of these SYNs it sent the next'}.`,
      late.length === 0
        ? ''
        : accepted.length === 0
          ? 'No handshake of this client with the service completed in time.'
          : `${plural(accepted.length, 'handshake')} that it completed took ${durationText(median(accepted))} (median) and ${durationText(largest(accepted))} at most.`,
      silent.length > 0
        ? `${plural(silent.length, 'handshake')} of ${client} with ${service.name} stayed half-open: the SYN came once, and the SYN-ACK was sent up to ${plural(largest(silent.map((m) => m.repeats.length + 1)), 'time')} without any answer, neither ACK nor RST nor another SYN. The server forgets such an entry in silence.`
        : '',
      duplicates.length > 0
        ? `${plural(duplicates.length, 'SYN-ACK')} answered an old duplicate SYN of a port that the client was opening anew; its RST is the normal recovery (RFC 9293 figure 8).`
        : '',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: client, role: 'client', peer: service.ip, port: service.port },
    atFault: late.length > 0 ? client : null,
    faultBecause:
      late.length > 0
        ? `its kernel had no socket any more when the SYN-ACK came${timeout!.above === null ? '' : `; none that came within ${durationText(timeout!.above)} was refused`}: its connect timeout is shorter than the answer takes`
        : null,
    since,
    until: null,
    count: n,
    connections: main.map((m) => m.c.id),
    evidence: examples(main, EXAMPLES).flatMap(evidence),
    metrics: {
      givenUp: late.length,
      leftAlone: silent.length,
      oldDuplicates: duplicates.length,
      timeoutSeconds: timeout?.seconds ?? null,
      slowestAcceptedSeconds: accepted.length === 0 ? null : largest(accepted),
      fastestRefusedSeconds: timeout?.below ?? null,
      handshakesCompleted: accepted.length,
    },
    causes: causes(g),
    remedies: remedies(g),
    caveats: [
      ...sampledCaveats(capture, silent.length > 0 ? capture.openings.repeatedSynAck : service.ids('abandoned'), [service]),
      ...(silent.length > 0
        ? [
            {
              code: 'second-capture',
              text: 'A capture at the client decides: if the SYN-ACK arrives there and is answered, the path loses the answer; if nothing arrives, it loses the SYN-ACK.',
              count: silent.length,
            },
          ]
        : []),
    ],
    explainedByRules: ['accept-queue-overflow', 'syn-flood', 'dead-peer'],
  };
}

function evidence(m: Refusal | MissingAck): EvidenceDraft[] {
  if ('waited' in m)
    return proofs(m.c.id, [
      [m.c.firstFrame, m.c.start, `SYN of ${m.c.client.name}`],
      [
        m.c.server.firstSynAckFrame,
        m.synAckTime,
        `SYN-ACK, ${durationText(secondsOf(m.synAckTime - m.c.start))} later at the capture point`,
      ],
      [m.rst.frame, m.rst.time, 'RST without ACK of the client: the socket is gone'],
    ]);
  const last = m.repeats.at(-1)!;
  return proofs(m.c.id, [
    [m.c.firstFrame, m.c.start, `SYN of ${m.c.client.name}, the only segment of the client`],
    [
      last.frame,
      last.time,
      `SYN-ACK for the ${ordinalText(m.repeats.length + 1)} time, ${durationText(secondsOf(last.time - m.synAckTime))} after the first`,
    ],
  ]);
}

function causes(g: Abandoned): Cause[] {
  const out: Cause[] = [];
  if (g.late.length > 0) {
    out.push(
      {
        text: 'The connect timeout of the client application is shorter than the path or the server needs',
        likelihood: 'high',
        because: `${countText(g.late.length)} of its SYN-ACKs came after ${durationText(g.timeout!.below)} or more and met a RST`,
      },
      {
        text: 'The server or the path answers more slowly than usual',
        likelihood: g.accepted.length > 0 ? 'high' : 'medium',
        because:
          g.accepted.length > 0
            ? `other handshakes of the same client took ${durationText(median(g.accepted))}`
            : 'there is no handshake that completed to compare with',
      },
    );
  }
  if (g.silent.length > 0) {
    out.push(
      {
        text: 'The client went away, or the path to or from it stopped working after its SYN',
        likelihood: 'medium',
        because: 'a kernel repeats its SYN or answers the SYN-ACK; neither was seen',
      },
      { text: 'The source address is forged, or a scanner drops the answers', likelihood: 'low', because: 'nothing but SYNs came' },
    );
  }
  if (out.length === 0)
    out.push({
      text: 'A SYN that was delayed in the network arrived after its connection',
      likelihood: 'high',
      because: 'the same port opened a connection with another initial sequence number',
    });
  return out;
}

function remedies(g: Abandoned): Remedy[] {
  if (g.late.length > 0)
    return [
      {
        text: 'Raise the connect timeout of the client above the slowest handshake; above 1 s, so that one lost SYN does not fail it (the kernel repeats it after 1 s).',
        command: null,
        appliesTo: 'the client application',
      },
      {
        text: 'Retry with back-off: an immediate retry adds a SYN for each one that is late.',
        command: null,
        appliesTo: 'the client application',
      },
      {
        text: 'Find where the delay arises: at the server, or before it.',
        command: `mtr -T -P ${String(g.service.port)} ${g.service.ip}`,
        appliesTo: 'on the client',
      },
    ];
  return [
    {
      text: 'See whether the answers reach the client.',
      command: `tcpdump -ni any 'host ${g.service.ip} and tcp port ${String(g.service.port)}'`,
      appliesTo: 'on the client',
    },
    {
      text: 'Nothing is to be changed on the server: the entry goes away by itself (tcp_synack_retries).',
      command: null,
      appliesTo: 'Linux',
    },
  ];
}
