/** `lost-third-ack`: the SYN-ACK is repeated because the ACK of it got lost, and what became of the connection. Judgement in third-acks.ts. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { sampledCaveats } from './ids-by-service.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, sample } from './statistics.ts';
import { type MissingAck, missingAcks, repeatedSynAcks, rescuedByData } from './third-acks.ts';

/** Connections of a service that are searched for ACKs that data replaced. */
const SEARCHED = 2_000;
const EXAMPLES = 4;

export const lostThirdAck = defineDetector({
  id: 'lost-third-ack',
  title: 'The third ACK of the handshake was lost',
  severity: 'warning',
  category: 'open',
  params: {
    minConnections: {
      default: 2,
      text: 'connections of one service from which it is a warning; a single one that was rescued is information',
    },
    minShare: {
      default: 0.01,
      text: 'and their share of the handshakes of the service; below, it is the ordinary loss of a path: information',
    },
  },
  docs: {
    what: 'The client answers the SYN-ACK, holds the connection for established, and its ACK never arrives. The server stays in SYN_RCVD and repeats the SYN-ACK.',
    why: 'Where the client speaks first, its data rescues the handshake. Where the server does (MySQL, SMTP, SSH), the client waits a second or more for a greeting. Where the ACKs of the repeats are lost too, the server forgets the connection after 63 s (five repeats) without a word, and the client learns of it when it writes.',
    how: 'The SYN came once and the SYN-ACK again, at least 0.5 s later, with no segment of the client in between: a client without a SYN-ACK would have repeated its SYN after 1 s. The finding says what ended it: the answer to a repeated SYN-ACK, data in the place of the ACK, or a RST to late data from a server that had given up. A client of which nothing more came counts only beside others of its address that prove such a loss; alone it is connect-abandoned.',
    never:
      'SYN floods, an accept queue that overflows (the ACK is in the capture and ignored), SYN cookies (nothing is repeated), port scans, captures without plain ACKs or of one direction.',
    limits:
      'It is about ACKs lost before the capture point. One lost behind it is in the capture and looks like a full accept queue. A client that answers nothing may also be gone.',
    references: ['RFC 9293 §3.5', 'RFC 6298 §2.1', 'linux ip-sysctl.rst: tcp_synack_retries (5: 1, 3, 7, 15, 31 s, forgotten after 63 s)'],
  },
  detect(capture, params): Detection {
    const { quality } = capture;
    const drafts = draftLargest(
      groupsOf(capture),
      (s) => s.members.length,
      (s) => draft(capture, s.service, s.members, params),
      'service',
    );
    if (drafts.length === 0 && !quality.oneDirection) return { verdict: 'clear' };
    if (quality.oneDirection || quality.plain === 0)
      return {
        verdict: 'inconclusive',
        because: 'segments without SYN, FIN and RST, or a whole direction, are not in the capture, so a third ACK may have come',
      };
    return found(drafts);
  },
});

function* groupsOf(capture: CaptureView): Generator<{ readonly service: ServiceView; readonly members: readonly MissingAck[] }> {
  for (const [service, ids] of repeatedSynAcks(capture)) {
    const members = withCompany(capture, service, missingAcks(capture, ids));
    if (members.length > 0) yield { service, members };
  }
}

/** The proven ones, the silent ones of the same clients, and those whose request came before any repeat. */
function withCompany(capture: CaptureView, service: ServiceView, missing: readonly MissingAck[]): readonly MissingAck[] {
  const proven = missing.filter((m) => m.ending !== 'silence');
  if (proven.length === 0) return [];
  const clients = new Set(proven.map((m) => m.c.client.ip));
  const silent = missing.filter((m) => m.ending === 'silence' && clients.has(m.c.client.ip));
  const others = [...service.ids('ok').slice(0, SEARCHED), ...service.ids('open').slice(0, SEARCHED)].map((id) => capture.connection(id));
  const rescued = rescuedByData(others.filter((c) => clients.has(c.client.ip)));
  return [...proven, ...silent, ...rescued].sort((a, b) => a.c.id - b.c.id);
}

function draft(
  capture: CaptureView,
  service: ServiceView,
  members: readonly MissingAck[],
  params: { minConnections: number; minShare: number },
): Draft {
  const of = (ending: MissingAck['ending']): readonly MissingAck[] => members.filter((m) => m.ending === ending);
  const [resend, data, gaveUp, silence] = [of('resend'), of('data'), of('gave-up'), of('silence')];
  const since = members.reduce((t, m) => Math.min(t, m.c.start), Infinity) as Nanos;
  const waits = members.flatMap((m) => (m.end === null ? [] : [secondsOf(m.end.time - m.synAckTime)]));
  const clients = [...new Set(members.map((m) => m.c.client.ip))];
  const several = members.length >= params.minConnections;
  const few = members.length < params.minShare * service.completed;
  const affected = new Set(members.map((m) => m.c.id));
  const lost = gaveUp.length + silence.length;
  return {
    severity: lost === 0 && (few || !several) ? 'info' : several ? 'warning' : 'notice',
    confidence: 'high',
    title: `Third ACK lost in ${plural(members.length, 'handshake')} with ${service.name}`,
    summary: [
      `Since ${clock(capture, since)} the ACK that completes the handshake did not arrive in ${plural(members.length, 'connection')} of ${clients.length === 1 ? clients[0]! : plural(clients.length, 'client')} to ${service.name} (${countText(service.completed)} completed in all): the SYN came once, so the client had its SYN-ACK, yet the server kept waiting.`,
      [
        data.length > 0 ? `${countText(data.length)} went on when the client sent data` : '',
        resend.length > 0 ? `${countText(resend.length)} went on when a repeated SYN-ACK was answered` : '',
        gaveUp.length > 0 ? `${countText(gaveUp.length)} ended when the server, which had given up, met the client's data with RST` : '',
        silence.length > 0 ? `of ${countText(silence.length)} nothing more was heard, and the client still believes in them` : '',
      ]
        .filter((s) => s !== '')
        .join(', ')
        .concat(waits.length > 0 ? `; the longest stood half-open for ${durationText(largest(waits))}.` : '.'),
      distinction(
        capture,
        [...affected],
        sample(service.ids('ok'), 500).filter((id) => !affected.has(id)),
        Side.SERVER,
      ),
    ].join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: 'path',
    faultBecause:
      'both hosts behaved as they should: the client took the SYN-ACK (it never repeated its SYN) and the server asked again; the ACK was lost between the client and the capture point',
    since,
    until: null,
    count: members.length,
    connections: members.map((m) => m.c.id),
    evidence: examples(members, EXAMPLES).flatMap(evidence),
    metrics: {
      rescuedByData: data.length,
      rescuedByRepeatedSynAck: resend.length,
      givenUpByServer: gaveUp.length,
      neverHeardAgain: silence.length,
      clients: clients.length,
      handshakesCompleted: service.completed,
      longestHalfOpenSeconds: waits.length === 0 ? null : largest(waits),
    },
    causes: causes(lost),
    remedies: remedies(service.port),
    caveats: [
      ...sampledCaveats(capture, capture.openings.repeatedSynAck, [service]),
      {
        code: 'second-capture',
        text: 'A capture at the client shows whether its ACKs leave; one between the two finds the hop that loses them.',
        count: 1,
      },
    ],
    explainedByRules: ['packet-loss'],
  };
}

function evidence(m: MissingAck): EvidenceDraft[] {
  const { c, repeats, end } = m;
  const last = repeats.at(-1);
  const note = {
    data: 'data of the client, with the ACK that had been missing',
    resend: 'ACK of the repeated SYN-ACK: the handshake is complete',
    'gave-up': 'RST without a socket to the late data: the server had given up',
    silence: '',
  }[m.ending];
  return proofs(c.id, [
    [c.firstFrame, c.start, `SYN of ${c.client.name}, sent once`],
    [c.server.firstSynAckFrame, m.synAckTime, 'SYN-ACK; no ACK of it arrives'],
    [
      last?.frame ?? null,
      last?.time ?? null,
      `SYN-ACK for the ${repeats.length === 1 ? 'second' : `${String(repeats.length + 1)}th`} time`,
    ],
    [end?.frame ?? null, end?.time ?? null, note],
  ]);
}

const causes = (lost: number): Cause[] => [
  {
    text: 'The path from the client loses segments',
    likelihood: lost === 0 ? 'high' : 'medium',
    because:
      lost === 0 ? 'what was sent later on the same connections arrived' : 'some of the same connections were rescued by later segments',
  },
  {
    text: 'A firewall on the way passes the SYN and drops the ACK (asymmetric route, a state table that did not see the SYN-ACK)',
    likelihood: lost === 0 ? 'low' : 'medium',
    because: lost === 0 ? 'such a firewall drops what follows as well' : `nothing of ${plural(lost, 'connection')} came through in time`,
  },
];

const remedies = (port: number): Remedy[] => [
  {
    text: 'See how many wait for their third ACK.',
    command: `ss -tan state syn-recv '( sport = :${String(port)} )'`,
    appliesTo: 'Linux, on the server',
  },
  {
    text: 'Look for errors and drops on the way from the client.',
    command: 'ip -s link; ethtool -S eth0 | grep -iE "drop|err"; conntrack -S',
    appliesTo: 'Linux, on the hosts and gateways',
  },
  {
    text: 'Give the application a timeout for the first answer: its connect() has succeeded and will not report this. Raising tcp_synack_retries only prolongs the wait.',
    command: null,
    appliesTo: 'the client application',
  },
];
