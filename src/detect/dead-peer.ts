/** Data or keepalives without any answer until the sender gives up: the peer, or the way to it, is gone. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, type EndpointView, Mark, type MarkEvent } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import type { Moment, SequenceFacts } from '../model/sequence.ts';
import { otherSide, Side } from '../model/state.ts';
import { type Nanos, nanosOf, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { blackHoleOf } from './black-hole.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { distinction, othersOf } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { LifeSigns } from './life-signs.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';
import { largest } from './statistics.ts';

const PARAMS = {
  minProbes: { default: 3, text: 'keepalives in a row without an answer' },
  minRepeats: { default: 4, text: 'repeats of data without an answer; fewer are a loss that is being repaired' },
  minSeconds: { default: 2, text: 'from the first repeat of data without an answer to the last' },
  criticalFrom: { default: 3, text: 'connections of one host and service from which it is critical' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** A sender that was idle repeats for the first time a retransmission timeout after it spoke again, at most so much later: seconds. */
const SPOKE_AGAIN_SECONDS = 3;

/** `end` is the silent one. */
interface Silent extends Case {
  readonly sender: EndpointView;
  readonly kind: 'keepalive' | 'data';
  readonly tries: number;
  /** The first repeat without an answer; of keepalives the last is known. */
  readonly first: Moment | null;
  /** The first try without an answer. */
  readonly begin: Nanos;
  readonly last: Moment;
  /** Since when nothing came from the silent end. */
  readonly since: Nanos;
  /** The sender's RST. */
  readonly gaveUp: MarkEvent | null;
  /** Silence of both ends before the sender spoke in vain, seconds. */
  readonly idleSeconds: number;
  /** End of another connection at which the silent host spoke meanwhile. */
  readonly alive: EndpointView | null;
}

export const deadPeer = defineDetector({
  id: 'dead-peer',
  title: 'A peer no longer answers',
  severity: 'critical',
  category: 'path',
  neighbours: 'hosts',
  said: 'silence',
  params: PARAMS,
  docs: {
    what: 'One end of an open connection sends keepalives, or data that it repeats with doubling intervals, and nothing comes back: the other host is gone, or the path, or a device between them has forgotten the connection and drops it silently.',
    why: 'The application hangs in a read or a write that never returns, until the kernel gives up: after 9 keepalives (2 h 11 min with the defaults, if the application asked for them at all) or 15 repeats of data (about 15 minutes). Pools hand out such connections; each one costs a request.',
    how: 'At least minProbes keepalives in a row without an answer, or at least minRepeats repeats of data over minSeconds that were not acknowledged until the end, on a connection that was established, and not a word of the other end meanwhile but perhaps a RST at last. What the silent host does on other connections tells whether it lives: then the path or a device on it has lost this connection.',
    never:
      'Silent for keepalives that are answered, for a FIN alone (last-ack-stuck), for SYNs (syn-unanswered), for a receiver with a closed window, for a server that ignores the third ACK (accept-queue-overflow), for large segments alone that do not arrive (pmtu-blackhole), for a peer that had sent a RST before, and in captures of one direction.',
    limits:
      'An answer that is lost before the capture point was not seen here. A dead host and a dead path look alike unless the host speaks elsewhere; a capture at the peer decides. The end of an idle connection without keepalive is never noticed, by nobody.',
    references: [
      'RFC 1122 §4.2.3.5, §4.2.3.6 (keepalive), RFC 9293 §3.8.3 (R1, R2), RFC 5482 (user timeout)',
      'Linux: tcp_keepalive_time 7200, tcp_keepalive_intvl 75, tcp_keepalive_probes 9; tcp_retries2 15, about 924.6 s at least',
      'idle limits on the way: AWS NLB 350 s, Azure 240 s, conntrack 5 days for established connections',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.flagsOnly || quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the answers that would show a living peer are not in this capture' };
    const signs = new LifeSigns(capture);
    const ignored = new Set(capture.withIgnoredAck());
    const groups = byHost(capture, capture.troubles.unanswered, (c) => (ignored.has(c.id) ? null : silentOf(c, signs, params)));
    return found(
      draftLargest(
        groups,
        (g) => g.cases.length,
        (g) => draft(capture, g, params),
        'host',
      ),
    );
  },
});

function silentOf(connection: ConnectionView, signs: LifeSigns, params: Params): Silent | null {
  if (connection.basis === 'one-sided' || (connection.basis === 'handshake' && !connection.established)) return null;
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const sender = connection.ends[side];
    const end = connection.ends[otherSide(side)];
    const tried = inVain(connection, sender, params);
    if (tried === null || end.lastTime === null) continue;
    const closure = end.sequence.longestZeroWindow;
    if (closure !== null && closure.end === null) continue;
    const rst = connection.marks.find((m) => m.mark === Mark.RST && m.side === end.side);
    const { begin } = tried;
    if (rst !== undefined ? rst.time < begin : end.lastTime > begin) continue;
    if (tried.kind === 'data' && blackHoleOf(connection, signs) !== null) continue;
    const since = rst === undefined ? end.lastTime : begin;
    const idle = connection.longestIdle;
    const awake = idle !== null && idle.end.time <= begin && secondsOf(begin - idle.end.time) < SPOKE_AGAIN_SECONDS;
    const gaveUp = connection.marks.find((m) => m.mark === Mark.RST && m.side === side && m.time > begin) ?? null;
    const idleSeconds = awake && tried.kind === 'data' ? idle.seconds : 0;
    return { connection, end, sender, ...tried, since, gaveUp, idleSeconds, alive: signs.of(connection, end, begin) };
  }
  return null;
}

function inVain(
  connection: ConnectionView,
  sender: EndpointView,
  params: Params,
): Pick<Silent, 'kind' | 'tries' | 'first' | 'begin' | 'last'> | null {
  const s = sender.sequence;
  if (s.keepAlivesInVain >= Math.max(1, params.minProbes) && s.lastKeepAlive !== null)
    return {
      kind: 'keepalive',
      tries: s.keepAlivesInVain,
      first: null,
      begin: firstKeepAlive(s.lastKeepAlive.time, s),
      last: s.lastKeepAlive,
    };
  const { inVainSince: first, lastRetransmission: last } = s;
  if (first === null || last === null) return null;
  const fins = connection.marks.filter((m) => m.mark === Mark.FIN_AGAIN && m.side === sender.side && m.time >= first.time).length;
  const tries = s.resentInVain - fins;
  if (tries < Math.max(1, params.minRepeats) || secondsOf(last.time - first.time) < params.minSeconds) return null;
  return { kind: 'data', tries, first, begin: first.time, last };
}

/** They come at even intervals. */
const firstKeepAlive = (last: Nanos, s: SequenceFacts): Nanos =>
  (last - (s.keepAlivesInVain - 1) * nanosOf(s.keepAliveInterval ?? 0)) as Nanos;

function draft(capture: CaptureView, group: HostGroup<Silent>, params: Params): Draft {
  const { service, cases } = group;
  const who = whoText(group);
  const n = plural(cases.length, 'connection');
  const affected = cases.map((s) => s.connection.id);
  const data = cases.filter((s) => s.kind === 'data').length;
  const tries = cases.reduce((sum, s) => sum + s.tries, 0);
  const gaveUp = cases.filter((s) => s.gaveUp !== null).length;
  const idle = cases.filter((s) => s.idleSeconds > 0);
  const longest = largest(cases.map((s) => secondsOf(s.last.time - s.since)));
  const since = cases.reduce((t, s) => Math.min(t, s.begin), Infinity) as Nanos;
  const quiet = idle.length === 0 ? 0 : largest(idle.map((s) => s.idleSeconds));
  const alive = cases.find((s) => s.alive !== null)?.alive ?? null;
  const tried = [
    data > 0 ? `data was sent again on ${countText(data)}` : '',
    data < cases.length ? `keepalives were sent on ${countText(cases.length - data)}` : '',
  ].filter((t) => t !== '');
  const because =
    alive === null
      ? null
      : `${alive.name} went on sending on another connection with the same host: the host lives, and only what belongs to these connections is dropped`;
  const forgotten =
    idle.length > 0
      ? ` ${plural(idle.length, 'of them had', 'of them had')} been idle for up to ${durationText(quiet)} before: a firewall, NAT or balancer that forgets idle connections looks like this.`
      : '';
  return {
    severity: cases.length >= params.criticalFrom ? 'critical' : 'warning',
    confidence: gaveUp > 0 || longest >= 3 ? 'high' : 'medium',
    title: `${who} no longer answers on ${n} of ${service.name}`,
    summary: `On ${n} of ${service.name}, ${tried.join(' and ')}, ${plural(tries, 'segment')} in all, and nothing came back from ${who} for up to ${durationText(longest)} (first in vain at ${clock(capture, since)}). ${gaveUp > 0 ? `The other end gave up on ${countText(gaveUp)} of them and sent RST.` : 'The other end had not given up by RST when observation ended.'}${forgotten} ${because === null ? `Nothing else came from ${who} on any other connection between the same hosts, so a dead host and a dead path look the same here.` : `The path is at fault: ${because}.`} ${distinction(capture, affected, othersOf(capture, service, affected, group), group.side, { endings: false })}`,
    subject: subjectOf(group),
    atFault: because === null ? null : 'path',
    faultBecause: because,
    since,
    until: null,
    count: cases.length,
    connections: affected,
    evidence: examples(cases, 5).flatMap((s) =>
      proofs(s.connection.id, [
        [s.first?.frame ?? null, s.first?.time ?? null, `${s.sender.name} sends the same data again for the first time`],
        [
          s.last.frame,
          s.last.time,
          `${s.kind === 'data' ? 'the last repeat' : 'the last keepalive'} of ${countText(s.tries)} without an answer`,
        ],
        [s.gaveUp?.frame ?? null, s.gaveUp?.time ?? null, `${s.sender.name} gives up and sends RST`],
      ]),
    ),
    metrics: {
      triesInVain: tries,
      longestSilenceSeconds: longest,
      withData: data,
      gaveUp,
      idleBefore: idle.length,
      longestIdleSeconds: quiet,
      hostAliveElsewhere: alive === null ? 0 : 1,
    },
    causes: causesOf(who, alive !== null, quiet),
    remedies: remediesOf(quiet),
    caveats: [
      ...group.caveats,
      { code: 'seen-from-here', text: `A capture at ${who} decides whether the segments arrive there, and whether it answers.`, count: 1 },
    ],
  };
}

function causesOf(who: string, alive: boolean, idleSeconds: number): Cause[] {
  const forgotten: Cause = {
    text: 'a stateful device on the way (firewall, NAT, balancer, conntrack) has dropped the connection from its table and discards what comes',
    likelihood: idleSeconds > 0 || alive ? 'high' : 'medium',
    because:
      idleSeconds > 0
        ? `the connections were idle for ${durationText(idleSeconds)} before`
        : alive
          ? 'the host answers on other connections'
          : 'it drops without a word, and both ends believe in the connection',
  };
  const gone: Cause = {
    text: `${who} lost its power, its network or its address: a crash, a suspended laptop, a container that was moved`,
    likelihood: alive ? 'low' : 'high',
    because: alive ? 'it speaks on other connections' : 'nothing more came from it',
  };
  return alive || idleSeconds > 0 ? [forgotten, gone] : [gone, forgotten];
}

const remediesOf = (idleSeconds: number): Remedy[] => [
  {
    text: 'see which sockets wait, on which timer and with how many retries behind them',
    command: 'ss -tnoi state established',
    appliesTo: 'Linux',
  },
  {
    text: `keep idle connections known on the way: keepalive (SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT) shorter than the shortest idle limit${idleSeconds > 0 ? ` (here below ${durationText(idleSeconds)})` : ''}, or a shorter idle lifetime in the pool than that of the device`,
    command: 'sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes',
    appliesTo: 'the application; the sysctls are the defaults of sockets with SO_KEEPALIVE, and nothing to those without',
  },
  {
    text: 'notice it sooner where data waits, by TCP_USER_TIMEOUT: keepalive does not run while data is unacknowledged',
    command: null,
    appliesTo: 'the application; Linux 2.6.37 and later',
  },
  {
    text: 'let the firewall answer a segment of a connection that it has forgotten by RST instead of dropping it: clients then know at once. Not everything that is INVALID, as often advised: a late segment of a living connection is INVALID too, and the RST would end it (iptables-extensions(8), REJECT)',
    command: 'iptables -A FORWARD -p tcp ! --syn -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset',
    appliesTo: 'Linux firewalls with nf_conntrack_tcp_loose=1 (the default), before the rule that drops or accepts NEW',
  },
];
