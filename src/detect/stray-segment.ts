/** A segment of an older connection on the same addresses and ports arrives in the next one. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import { otherSide } from '../model/state.ts';
import { type Nanos, nanosOf, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';
import { largest } from './statistics.ts';

/** An answer comes within a round trip behind the capture point. */
const ANSWER = nanosOf(1);
/** Segments shown of one connection. */
const SHOWN = 3;

/** One late segment, and what it met. */
interface Stray {
  readonly segment: MarkEvent;
  /** The ACK or RST of the other end. */
  readonly answer: MarkEvent;
}

/** `end` is in whose name they came. */
interface Visited extends Case {
  readonly strays: readonly Stray[];
  /** End of the connection before to the first stray. */
  readonly lateSeconds: number;
}

export const straySegment = defineDetector({
  id: 'stray-segment',
  title: 'A late segment of an older connection on the same ports',
  severity: 'notice',
  category: 'time-wait',
  params: {
    minSegments: { default: 1, text: 'late segments in connections of one service that were answered, from which it is reported' },
  },
  docs: {
    what: 'A connection was opened on the addresses and ports of one that had ended, and a segment of the old one (data, a FIN or an ACK) arrived in the new one. Its receiver answered by an ACK of what it waits for, or by a RST.',
    why: 'The answers cost little. But it shows that segments live longer on this path than the pause between two connections on these ports: one whose numbers happen to fit into the new window is taken for new data or ends it (RFC 9293 §3.4.3). TIME_WAIT and timestamps are there to prevent that.',
    how: 'On a tuple that was used before, after the new handshake: a segment whose sequence numbers its sender sent in the old connection, and which lie before the initial number of the new one and outside its window. Met within 1 s by an ACK of the other end that repeats what was known, or by its RST.',
    never:
      'Gaps of the capture: the numbers must have been sent in the old connection, as captured. Retries and reordering inside a connection. SYNs and the ACKs that answer them before the handshake (time-wait-challenge, paws-drop). Segments that come after the end when no new connection is open (rst-after-close, time-wait-assassination).',
    limits:
      'Only where both connections are in the capture. A late segment that nobody answers is not reported. A segment that fits into the new window cannot be told from one of the new connection.',
    references: [
      'RFC 9293 §3.4.3, §3.10.7.4',
      'RFC 7323 §5.1, appendix B',
      'RFC 1337',
      'linux: net/ipv4/tcp_input.c tcp_validate_incoming',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection || quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the late segments, or what answers them, are not in this capture' };
    const groups = byService(capture, capture.withOldAnswer(), (c) => visitedOf(capture, c)).filter((g) => count(g) >= params.minSegments);
    return found(draftLargest(groups, count, (g) => draft(capture, g), 'service'));
  },
});

const count = (group: ServiceGroup<Visited>): number => group.cases.reduce((n, it) => n + it.strays.length, 0);

function visitedOf(capture: CaptureView, c: ConnectionView): Visited | null {
  const strays = c.marks.filter((m) => m.mark === Mark.OLD_SEGMENT).flatMap((segment) => answeredStray(c, segment) ?? []);
  const [first] = strays;
  if (first === undefined || c.previous === null) return null;
  const end = c.ends[first.segment.side];
  return { connection: c, end, strays, lateSeconds: secondsOf(first.segment.time - capture.connection(c.previous).end) };
}

function answeredStray(c: ConnectionView, segment: MarkEvent): Stray | null {
  const answer = c.marks.find(
    (m) =>
      m.side === otherSide(segment.side) &&
      (m.mark === Mark.CHALLENGE_ACK || m.rst !== null) &&
      m.time >= segment.time &&
      m.time - segment.time <= ANSWER,
  );
  return answer === undefined ? null : { segment, answer };
}

function draft(capture: CaptureView, group: ServiceGroup<Visited>): Draft {
  const { service, cases } = group;
  const strays = cases.flatMap((it) => it.strays);
  const since = strays.reduce((t, s) => Math.min(t, s.segment.time), Infinity) as Nanos;
  const until = strays.reduce((t, s) => Math.max(t, s.segment.time), 0) as Nanos;
  const resets = strays.filter((s) => s.answer.rst !== null).length;
  const octets = strays.reduce((n, s) => n + s.segment.detail, 0);
  const late = largest(cases.map((it) => it.lateSeconds));
  const senders = [...new Set(cases.map((it) => it.end.ip))];
  const clients = new Set(cases.map((it) => it.connection.client.ip));
  const met = [resets < strays.length ? plural(strays.length - resets, 'ACK') : '', resets > 0 ? plural(resets, 'RST') : ''].filter(
    (s) => s !== '',
  );
  const stamped = cases.filter((it) => it.connection.client.timestamps && it.connection.server.timestamps).length;
  return {
    severity: 'notice',
    confidence: 'high',
    title: `${plural(strays.length, 'late segment')} of older connections in ${plural(cases.length, 'connection')} of ${service.name}`,
    summary: `In ${plural(cases.length, 'connection')} of ${service.name} ${plural(strays.length, 'segment')} arrived ${period(capture, since, until)} that had been sent in the connection before on the same ports, up to ${durationText(late)} after it had ended (${countText(octets)} octets of old data, in the name of ${senders.slice(0, 3).join(', ')}). The other end answered by ${met.join(' and ')}, and took nothing of it. ${stamped === cases.length ? 'Timestamps protect these connections (PAWS).' : `${countText(cases.length - stamped)} of these connections have no timestamps: only their sequence numbers kept the old data out.`}`,
    subject:
      clients.size === 1
        ? { host: [...clients][0]!, role: 'client', peer: service.ip, port: service.port }
        : { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 4).flatMap(evidence),
    metrics: {
      segments: strays.length,
      connections: cases.length,
      resets,
      oldOctets: octets,
      latestSeconds: late,
      withTimestamps: stamped,
    },
    causes: [
      {
        text: 'The path delivered a copy of a segment late: a queue, a second path, a device that sends again (Wi-Fi, a proxy, a tunnel)',
        likelihood: 'high',
        because: 'its sender had closed the connection that the numbers belong to',
      },
      {
        text: 'The ports are used again within seconds',
        likelihood: 'medium',
        because: `the late segments met a new connection ${durationText(late)} after the old one, at most`,
      },
    ],
    remedies: [
      {
        text: 'Leave timestamps on at both ends: PAWS then refuses whatever is old, also where its numbers fit.',
        command: 'sysctl net.ipv4.tcp_timestamps',
        appliesTo: 'Linux; on by default',
      },
      {
        text: 'Let the client choose from more ports, or reuse connections, so that a tuple rests longer.',
        command: 'sysctl net.ipv4.ip_local_port_range',
        appliesTo: 'the clients or the address translator',
      },
    ],
    caveats: group.caveats,
    explainedByRules: ['port-exhaustion'],
  };
}

function evidence(it: Visited): EvidenceDraft[] {
  const { id, ends } = it.connection;
  return [
    ...proofs(id, [[it.connection.firstFrame, it.connection.start, 'the new connection begins']]),
    ...it.strays.slice(0, SHOWN).flatMap(({ segment, answer }) =>
      proofs(id, [
        [
          segment.frame,
          segment.time,
          `${segment.detail > 0 ? plural(segment.detail, 'octet') : 'segment'} of the connection before, from ${it.end.name}`,
        ],
        [
          answer.frame,
          answer.time,
          `${answer.rst === null ? 'ACK' : 'RST'} of ${ends[otherSide(segment.side)].name}: not of this connection`,
        ],
      ]),
    ),
  ];
}
