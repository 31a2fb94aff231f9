/** A FIN sent again and again and never acknowledged: the last ACK does not come back. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, type EndpointView, Mark, type MarkEvent } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { otherSide, Side, State, stateName } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';
import { largest, sample } from './statistics.ts';

const PARAMS = {
  minRepeats: {
    default: 2,
    text: 'FINs sent again on one connection from which it is stuck: one is an ordinary loss or a tail loss probe',
  },
  minSeconds: { default: 1, text: 'from the first FIN to the last copy' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** No FIN comes again sooner than TCP_RTO_MIN (Linux), seconds; an ACK may still be under way for a round trip. */
const RTO_MIN_SECONDS = 0.2;
/** Other connections with the host that are looked at for a sign of life of the peer. */
const MOST_OTHERS = 2_000;

interface Stuck extends Case {
  readonly peer: EndpointView;
  readonly since: Nanos;
  readonly again: readonly MarkEvent[];
  readonly last: Nanos;
  /** The end stopped sending its FIN again before observation ended, or the kernel's schedule was over. */
  readonly gaveUp: boolean;
  /** Where its FIN left it: FIN_WAIT_1, CLOSING or LAST_ACK. */
  readonly from: State;
  /** The peer sent something after the first FIN, which yet does not acknowledge it. */
  readonly peerSpoke: boolean;
}

export const lastAckStuck = defineDetector({
  id: 'last-ack-stuck',
  title: 'A FIN is repeated and never acknowledged (LAST_ACK)',
  severity: 'warning',
  category: 'close',
  neighbours: 'hosts',
  said: 'silence',
  params: PARAMS,
  docs: {
    what: 'An end has closed, its FIN is sent again with doubling intervals, and no acknowledgment comes: LAST_ACK for the end that closed second, FIN_WAIT_1 or CLOSING for the one that closed first.',
    why: 'The application has gone and the kernel keeps the socket: an orphan of some kilobytes that lives until the retries are used up. Many of them count against tcp_max_orphans. And they show a path or a host that went dead in the middle of an orderly close.',
    how: 'At least minRepeats copies of the FIN over at least minSeconds, none of them acknowledged in the capture, and time for an answer to the last one before the end of observation. Where the peer speaks on other connections meanwhile, the host lives and the path loses its ACKs, or a device on the way has forgotten the connection; where nothing comes from it any more, the capture cannot tell the two apart.',
    never:
      'Silent for a FIN that is acknowledged late, for a single copy, when the last FIN left less than a retransmission timeout before the end of observation, for a peer that answers by RST, when data before the FIN is unacknowledged as well (dead-peer), and in captures of one direction.',
    limits:
      'An ACK that is lost beyond the capture point was seen here, and the FIN that comes again in spite of it is no proof of a stuck socket; an ACK lost before the capture point was not seen. So the finding speaks of this point: a second capture at the peer shows whether it answers. The end of the retries is a timer: no packet shows it.',
    references: [
      'RFC 9293 §3.6, §3.10.7.4 (LAST-ACK)',
      'Linux: tcp_orphan_retries 0 means 8 (net/ipv4/tcp_timer.c), about 102 s at an RTO of 200 ms; measured 105 to 110 s',
    ],
  },
  detect: (capture, params) => {
    const { quality, endings } = capture;
    if (quality.flagsOnly || quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the acknowledgment of a FIN is not in this capture' };
    const groups = byHost(capture, endings.repeatedFin, (c) => stuckOf(capture, c, params));
    return found(
      draftLargest(
        groups,
        (g) => g.cases.length,
        (g) => draft(capture, g),
        'host',
      ),
    );
  },
});

function stuckOf(capture: CaptureView, connection: ConnectionView, params: Params): Stuck | null {
  if (connection.basis === 'one-sided') return null;
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const end = connection.ends[side];
    const peer = connection.ends[otherSide(side)];
    const { finTime } = end;
    if (finTime === null || end.finAckedTime !== null || peer.rst > 0 || end.rst > 0) continue;
    const again = connection.marks.filter((m) => m.mark === Mark.FIN_AGAIN && m.side === side);
    const last = again.at(-1)?.time ?? finTime;
    if (again.length < Math.max(1, params.minRepeats) || secondsOf(last - finTime) < params.minSeconds) continue;
    if (secondsOf(capture.end - last) < Math.max(RTO_MIN_SECONDS, 2 * (connection.handshakeRtt ?? 0))) continue;
    const left = connection.transitions.findLast((t) => t.side === side && WAITS_FOR_ACK.has(t.to));
    if (!left) continue;
    // With data outstanding as well it is not the FIN that is stuck, but the path.
    if (left.to === State.FIN_WAIT_1 && end.retransmissions > again.length) continue;
    return {
      connection,
      end,
      peer,
      since: finTime,
      again,
      last,
      gaveUp: end.state === State.CLOSED,
      from: left.to,
      peerSpoke: (peer.lastTime ?? -1) > finTime,
    };
  }
  return null;
}

const WAITS_FOR_ACK: ReadonlySet<State> = new Set([State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK]);

/** Did the peers live on: did they send anything on another connection with this host after the FIN? The end that did. */
function peersAlive(capture: CaptureView, { service, cases }: HostGroup<Stuck>): string | null {
  const waiting = new Map<string, Nanos>();
  for (const s of cases) {
    const since = waiting.get(s.peer.ip);
    if (since === undefined || s.since < since) waiting.set(s.peer.ip, s.since);
  }
  const stuck = new Set(cases.map((s) => s.connection.id));
  const others = capture.services.filter((s) => s.ip === service.ip).flatMap((s) => sample(s.all(), MOST_OTHERS));
  for (const id of sample(others, MOST_OTHERS)) {
    if (stuck.has(id)) continue;
    const c = capture.connection(id);
    for (const end of c.ends) {
      const since = waiting.get(end.ip);
      if (since !== undefined && end.lastTime !== null && end.lastTime > since) return end.name;
    }
  }
  return null;
}

function draft(capture: CaptureView, group: HostGroup<Stuck>): Draft {
  const { service, cases } = group;
  const n = plural(cases.length, 'connection');
  const who = whoText(group);
  const since = cases.reduce((t, s) => Math.min(t, s.since), Infinity) as Nanos;
  const until = cases.reduce((t, s) => Math.max(t, s.last), 0) as Nanos;
  const copies = cases.reduce((sum, s) => sum + s.again.length, 0);
  const longest = largest(cases.map((s) => secondsOf(s.last - s.since)));
  const gaveUp = cases.filter((s) => s.gaveUp).length;
  const state = stateName(cases[0]!.from);
  const peers = [...new Set(cases.map((s) => s.peer.ip))];
  const peer = peers.length === 1 ? peers[0]! : plural(peers.length, 'peer');
  const spoke = cases.filter((s) => s.peerSpoke).length;
  const alive = peersAlive(capture, group);
  const proof =
    alive !== null
      ? `${alive} went on sending on another connection meanwhile, so the host lives`
      : spoke > 0
        ? `the peer itself still sent on ${plural(spoke, 'of these connections', 'of these connections')} after the first FIN, so the host lived`
        : null;
  return {
    severity: 'warning',
    confidence: longest >= 3 ? 'high' : 'medium',
    title: `${n} of ${who} in ${state}: the FIN is never acknowledged`,
    summary: `On ${n} of ${service.name}, ${who} sent its FIN and then ${plural(copies, 'copy', 'copies')} of it ${period(capture, since, until)}, up to ${durationText(longest)} after the first, and ${peer} never acknowledged it. ${gaveUp === 0 ? `The sockets were still in ${state} when observation ended` : `The kernel gave up on ${countText(gaveUp)} of them`}; Linux drops such an orphan after 8 retries, about 102 s at the shortest timeout. ${proof === null ? `Nothing more came from ${peer} on any other connection to ${service.ip}, so a dead host and a dead path look the same here.` : `The path is at fault: ${proof}, and its acknowledgments do not arrive.`}`,
    subject: subjectOf(group),
    atFault: proof === null ? null : 'path',
    faultBecause: proof,
    since,
    until: null,
    count: cases.length,
    connections: cases.map((s) => s.connection.id),
    evidence: examples(cases, 4).flatMap((s) =>
      proofs(s.connection.id, [
        [s.peer.firstFinFrame, s.peer.finTime, `FIN from ${s.peer.name}`],
        [s.end.firstFinFrame, s.since, `FIN from ${s.end.name}: ${stateName(s.from)}`],
        [s.again[0]!.frame, s.again[0]!.time, 'the FIN again'],
        [s.again.at(-1)!.frame, s.last, `the FIN for the last time, ${durationText(secondsOf(s.last - s.since))} after the first`],
      ]),
    ),
    metrics: { copies, longestSeconds: longest, gaveUp, peersWithSignOfLife: proof === null ? 0 : 1 },
    causes: causesOf(peer, proof),
    remedies: remediesOf(who, service.port),
    caveats: [
      ...group.caveats,
      {
        code: 'seen-from-here',
        text: `A capture at ${peer} decides: if it answers every FIN there, its ACKs are lost on the way back.`,
        count: 1,
      },
    ],
    explainedByRules: ['dead-peer', 'half-open'],
  };
}

function causesOf(peer: string, proof: string | null): Cause[] {
  const lost: Cause = {
    text: `the ACKs of ${peer} are lost on the way, or a firewall forgot the connection with the first FIN and drops what follows`,
    likelihood: proof === null ? 'medium' : 'high',
    because: proof ?? 'a device that drops the connection from its table at the first FIN looks like this',
  };
  const dead: Cause = {
    text: `${peer} lost its power, its network or its memory of the connection in the middle of the close`,
    likelihood: proof === null ? 'medium' : 'low',
    because: proof === null ? 'nothing more came from it' : 'it speaks on other connections',
  };
  return [lost, dead];
}

const remediesOf = (who: string, port: number): Remedy[] => [
  {
    text: `on ${who}, see the sockets and how many retries they have behind them (timer)`,
    command: 'ss -tano state last-ack state fin-wait-1 state closing',
    appliesTo: 'Linux',
  },
  {
    text: 'capture at the peer at the same time: does it see the FINs, and does it answer them?',
    command: `tcpdump -ni any -s 128 -w peer.pcap 'tcp port ${String(port)}'`,
    appliesTo: 'the other host, or the far side of the firewall',
  },
  {
    text: 'on a stateful firewall, give closing connections time for the last ACK',
    command: 'sysctl net.netfilter.nf_conntrack_tcp_timeout_last_ack',
    appliesTo: 'Linux with conntrack (30 s by default)',
  },
  {
    text: 'if orphans pile up, fewer retries end them sooner. It cures nothing else; tcp_fin_timeout has no effect on LAST_ACK, and LAST_ACK does not last for ever',
    command: 'sysctl -w net.ipv4.tcp_orphan_retries=3',
    appliesTo: 'Linux; 0 means 8',
  },
];
