/** A host that closed first has no socket left moments later: its TIME_WAIT (or orphaned FIN_WAIT_2) was destroyed at once. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import { otherSide, State } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';

/** linux: include/net/tcp.h TCP_TIMEWAIT_LEN, seconds. */
const TIME_WAIT_SECONDS = 60;
/** A RST that answers a FIN follows it by a round trip behind the capture point; what comes later answers something else. Seconds. */
const ANSWER_SECONDS = 1;

/** `end` closed first, and had no socket for the other end's FIN. */
interface Destroyed extends Case {
  readonly rst: MarkEvent;
  /** The FIN that met the RST: sent again after the end had entered TIME_WAIT, or the first. */
  readonly fin: { readonly frame: MarkEvent['frame']; readonly time: Nanos; readonly again: boolean };
  /** When the socket must have become TIME_WAIT or an orphan's FIN_WAIT_2. */
  readonly since: Nanos;
}

export const twBucketOverflow = defineDetector({
  id: 'tw-bucket-overflow',
  title: 'TIME_WAIT destroyed at once: its table is full',
  severity: 'warning',
  category: 'time-wait',
  params: {
    minConnections: { default: 3, text: 'such connections of one host and service from which it is reported' },
    maxSeconds: { default: 3, text: 'from the moment at which the socket had to wait to the RST that shows it is gone' },
  },
  docs: {
    what: 'A host closed its connections first and in order. Its peer had not got the last ACK and sent its FIN again (or sent its FIN moments later), and met a RST: the socket that had to wait for it in TIME_WAIT, 60 s on Linux, was already gone.',
    why: 'The peer gets "connection reset" for an exchange that went well. And TIME_WAIT no longer keeps late segments out of the next connection on the same ports. On Linux it means that the table of TIME_WAIT sockets is full (tcp_max_tw_buckets), which a full load of short connections brings about.',
    how: 'Both ends sent a FIN, the named host first. Within maxSeconds of its entry into TIME_WAIT, or into FIN_WAIT_2 after close() (Linux keeps both in that table), a FIN of the peer is answered by a bare RST (no ACK flag, its number that of the FIN), which only a host without a socket sends. At least minConnections of one host and service.',
    never:
      'Data that came after the close (broken-pipe, rst-after-close): it ends FIN_WAIT_2 rightly. A RST of a live socket (rst-abort), from another distance (rst-injection), or after the timers of FIN_WAIT_2. A connection that was reset before.',
    limits:
      'Where no last ACK is lost and no FIN comes apart from its ACK, a full table leaves no trace. Stacks that keep no TIME_WAIT at all, and firewalls that answer for a flow which they have forgotten, look the same; the counter TCPTimeWaitOverflow of the host tells.',
    references: [
      'RFC 9293 §3.6.1',
      'linux: Documentation/networking/ip-sysctl.rst tcp_max_tw_buckets',
      'linux: net/ipv4/tcp_minisocks.c tcp_time_wait; nstat TcpExtTCPTimeWaitOverflow',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection)
      return {
        verdict: 'inconclusive',
        because: 'the capture holds one direction only: the FIN and the RST that answers it are not both in it',
      };
    if (quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the capture holds SYN, FIN and RST only: whether data came after the close is not seen' };
    const groups = byHost(capture, capture.withRst(), (c) => destroyedOf(c, params.maxSeconds));
    return found(
      draftLargest(
        groups.filter((g) => g.cases.length >= params.minConnections),
        (g) => g.cases.length,
        (g) => draft(capture, g),
        'host and service',
      ),
    );
  },
});

function destroyedOf(c: ConnectionView, maxSeconds: number): Destroyed | null {
  const rst = c.marks.find((m) => m.rst !== null);
  if (rst === undefined || c.basis === 'one-sided') return null;
  const facts = rst.rst!;
  if (facts.hasAck || !facts.answersLastSegment || facts.ttlDiffers || !facts.afterOwnFin || !facts.afterPeerFin) return null;
  const end = c.ends[rst.side];
  const peer = c.ends[otherSide(rst.side)];
  if (peer.payloadAfterPeerFin > 0 || c.marks.some((m) => m.mark === Mark.STRAY_SYN)) return null;
  // Whoever closed last keeps no socket.
  const left = c.transitions.findLast((t) => t.side === rst.side && t.frame === rst.frame);
  if (left?.from !== State.TIME_WAIT) return null;
  const waits = c.transitions.findLast((t) => t.side === rst.side && t.to === State.TIME_WAIT && t.time <= rst.time);
  const again = c.marks.findLast((m) => m.mark === Mark.FIN_AGAIN && m.side === peer.side && m.time <= rst.time);
  const time = again?.time ?? peer.finTime;
  const frame = again?.frame ?? peer.firstFinFrame;
  if (waits === undefined || time === null || frame === null || secondsOf(rst.time - time) > ANSWER_SECONDS) return null;
  const halfClosed = c.transitions.findLast((t) => t.side === rst.side && t.to === State.FIN_WAIT_2 && t.time <= rst.time);
  const since = again === undefined ? halfClosed?.time : waits.time;
  if (since === undefined || secondsOf(rst.time - since) > maxSeconds) return null;
  return { connection: c, end, rst, fin: { frame, time, again: again !== undefined }, since };
}

function draft(capture: CaptureView, group: HostGroup<Destroyed>): Draft {
  const { service, cases } = group;
  const who = whoText(group);
  const again = cases.filter((it) => it.fin.again).length;
  const since = cases.reduce((t, it) => Math.min(t, it.rst.time), Infinity) as Nanos;
  const until = cases.reduce((t, it) => Math.max(t, it.rst.time), 0) as Nanos;
  const age = cases.reduce((most, it) => Math.max(most, secondsOf(it.rst.time - it.since)), 0);
  const peers = new Set(cases.map((it) => it.connection.ends[otherSide(it.end.side)].ip));
  const how = [
    again > 0
      ? `${countText(again)} of the FINs had been sent before and the last ACK was lost; TIME_WAIT would have acknowledged them again`
      : '',
    again < cases.length
      ? `${countText(cases.length - again)} came for the first time, a moment after the ACK of the close; FIN_WAIT_2 would have acknowledged them`
      : '',
  ].filter((s) => s !== '');
  return {
    severity: 'warning',
    confidence: again > 0 ? 'high' : 'medium',
    title: `${who} keeps no TIME_WAIT: ${plural(cases.length, 'FIN')} met a RST moments after an orderly close (${service.name})`,
    summary: `${who} closed ${plural(cases.length, 'connection')} of ${service.name} first, and answered the FIN of the other end by a RST ${period(capture, since, until)}, at most ${durationText(age)} after its socket had to wait for it: there was no socket any more. ${how.join('. ')}. On Linux TIME_WAIT lasts ${String(TIME_WAIT_SECONDS)} s, unless its table is full (tcp_max_tw_buckets): then it is destroyed at once. ${plural(peers.size, 'peer')} saw "connection reset" after an exchange that was complete, and late segments may get into the next connection on these ports.`,
    subject: subjectOf(group),
    atFault: group.host,
    faultBecause: group.host === null ? null : `it closed first, and its bare RSTs say that it had no socket moments later`,
    since,
    until,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 4).flatMap((it) => {
      const peer = it.connection.ends[otherSide(it.end.side)];
      return proofs(it.connection.id, [
        [it.end.firstFinFrame, it.end.finTime, `FIN of ${it.end.name}, which closes first`],
        [it.fin.frame, it.fin.time, it.fin.again ? `${peer.name} sends its FIN again` : `FIN of ${peer.name}`],
        [
          it.rst.frame,
          it.rst.time,
          `bare RST of ${it.end.name}: no socket ${durationText(secondsOf(it.rst.time - it.since))} after it had to wait`,
        ],
      ]);
    }),
    metrics: { connections: cases.length, finsSentAgain: again, peers: peers.size, longestWaitSeconds: age },
    causes: [
      {
        text: 'The table of TIME_WAIT sockets is full: more connections are closed first by this host than tcp_max_tw_buckets / 60 per second',
        likelihood: cases.some((it) => it.end.profile.startsWith('linux')) ? 'high' : 'medium',
        because: 'a Linux host that closes first acknowledges a FIN for 60 s, except when this limit forbids it',
      },
      {
        text: 'Its stack keeps no TIME_WAIT (an embedded or user-space stack, a balancer), or a firewall in front forgot the flow and resets in its name',
        likelihood: 'medium',
        because: 'the RSTs look the same; their TTL is that of its other segments',
      },
    ],
    remedies: [
      {
        text: 'See whether the limit was met ("TCP: time wait bucket table overflow" in the kernel log), and how far the table is filled.',
        command: 'nstat -az TcpExtTCPTimeWaitOverflow; ss -Htan state time-wait | wc -l; sysctl net.ipv4.tcp_max_tw_buckets',
        appliesTo: `Linux on ${who}`,
      },
      {
        text: 'Make fewer connections: keep-alive, pooling, or let the other end close first. Each spares a TIME_WAIT.',
        command: null,
        appliesTo: `the application on ${who}`,
      },
      {
        text: 'Raise the limit where it was lowered; a socket in TIME_WAIT costs about 0.3 kB. Lowering it, as some guides advise, cures nothing: it is what makes these RSTs. tcp_fin_timeout does not shorten TIME_WAIT.',
        command: 'sysctl -w net.ipv4.tcp_max_tw_buckets=262144',
        appliesTo: 'Linux; by default half the size of the established hash table, per network namespace',
      },
    ],
    caveats: group.caveats,
    explainedByRules: ['time-wait-excess', 'no-connection-reuse'],
  };
}
