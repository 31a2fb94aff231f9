/** An old duplicate wakes a socket in TIME_WAIT, its ACK meets a host without a socket, and that host's RST ends TIME_WAIT (RFC 1337). */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, type MarkEvent } from '../model/connection.ts';
import { otherSide, State } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';

/** linux: include/net/tcp.h TCP_TIMEWAIT_LEN, seconds. */
const TIME_WAIT_SECONDS = 60;

/** `end` was in TIME_WAIT. */
interface Assassination extends Case {
  readonly since: Nanos;
  /** The late segment of the other end, which had closed. */
  readonly late: { readonly frame: MarkEvent['frame']; readonly time: Nanos };
  readonly rst: MarkEvent;
}

export const timeWaitAssassination = defineDetector({
  id: 'time-wait-assassination',
  title: 'TIME_WAIT ended by a RST',
  severity: 'warning',
  category: 'time-wait',
  params: {
    minConnections: { default: 1, text: 'such connections of one host and service from which it is reported' },
  },
  docs: {
    what: 'Both ends had closed. A late segment with old data reached the end in TIME_WAIT; the ACK with which it must answer met a host that had no such socket any more, and the RST of that host had exactly the right number to end TIME_WAIT early.',
    why: 'TIME_WAIT is there so that late segments cannot get into the next connection on the same ports. For the rest of its 60 s this protection is gone (RFC 1337), and whoever sends old data can provoke that.',
    how: 'After both FINs were acknowledged, data of the end that had closed last; then a bare RST of that end, whose sequence number is the one that the ACK of TIME_WAIT asked for, and exactly the next one.',
    never:
      'A FIN repeated because the last ACK was late, and its RST (rst-after-close). A RST provoked by a new SYN on the tuple (time-wait-challenge). A RST that both ends of a live socket send instead of a FIN.',
    limits:
      'A kernel with tcp_rfc1337 = 1 ignores the RST and stays in TIME_WAIT; no packet shows which. Linux ships with 0, and that is assumed here.',
    references: ['RFC 1337', 'RFC 9293 §3.10.7.4', 'linux: Documentation/networking/ip-sysctl.rst tcp_rfc1337'],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection || quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the late segment, or the ACK that answers it, is not in this capture' };
    const groups = byHost(capture, capture.withRst(), assassinationOf);
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

function assassinationOf(c: ConnectionView): Assassination | null {
  if (c.client.fin === 0 || c.server.fin === 0) return null;
  for (const rst of c.marks) {
    if (rst.rst === null || rst.rst.hasAck || !rst.rst.accepted || !rst.rst.answersLastSegment || !rst.rst.afterOwnFin) continue;
    const end = c.ends[otherSide(rst.side)];
    const entered = c.transitions.findLast((t) => t.side === end.side && t.to === State.TIME_WAIT);
    const killed = c.transitions.some((t) => t.side === end.side && t.from === State.TIME_WAIT && t.frame === rst.frame);
    if (entered === undefined || !killed) continue;
    const closed = c.ends[rst.side];
    const { lastDataTime: time, lastDataFrame: frame } = closed;
    if (time === null || frame === null || time <= entered.time || time > rst.time) continue;
    return { connection: c, end, since: entered.time, late: { frame, time }, rst };
  }
  return null;
}

function draft(capture: CaptureView, group: HostGroup<Assassination>): Draft {
  const { service, cases } = group;
  const n = plural(cases.length, 'socket');
  const since = cases[0]!.late.time;
  const until = cases.reduce((t, it) => Math.max(t, it.rst.time), 0) as Nanos;
  const early = cases.reduce((least, it) => Math.min(least, secondsOf(it.rst.time - it.since)), Infinity);
  const peers = [...new Set(cases.map((it) => it.connection.ends[otherSide(it.end.side)].ip))];
  return {
    severity: 'warning',
    confidence: 'medium',
    title: `${n} of ${whoText(group)} in TIME_WAIT ended by a RST (${service.name})`,
    summary: `${plural(cases.length, 'connection')} of ${service.name} had been closed by both ends when a late segment with old data reached ${whoText(group)}, ${period(capture, since, until)}. Its socket was in TIME_WAIT and answered by an ACK; ${peers.slice(0, 3).join(', ')} had no such socket any more and sent a RST with exactly the number that ends TIME_WAIT, after as little as ${durationText(early)} instead of ${String(TIME_WAIT_SECONDS)} s (unless tcp_rfc1337 is 1). Another late segment of the old connection can now get into a new one on the same ports.`,
    subject: subjectOf(group),
    atFault: 'path',
    faultBecause:
      'the RST proves that the named sender had no socket to send the late segment from: the path delayed or doubled it, or somebody forged it',
    since,
    until,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 4).flatMap((it) => {
      const { ends, id } = it.connection;
      return proofs(id, [
        [it.late.frame, it.late.time, `old data in the name of ${ends[it.rst.side].name}, after both ends had closed`],
        [it.rst.frame, it.rst.time, `RST of ${ends[it.rst.side].name} to the ACK that TIME_WAIT sent`],
      ]);
    }),
    metrics: { connections: cases.length, shortestTimeWaitSeconds: early },
    causes: [
      {
        text: 'The path delivered a copy of an old segment late (a queue, a second path, a device that sends again)',
        likelihood: 'medium',
        because: 'the segment repeats octets that were acknowledged before the close',
      },
      {
        text: 'Somebody forged the segment, to end TIME_WAIT and get old data into the next connection',
        likelihood: cases.length > 1 ? 'medium' : 'low',
        because: 'any segment with old numbers provokes it; the RST then comes from the real host',
      },
    ],
    remedies: [
      {
        text: 'Let TIME_WAIT ignore RSTs, where ports are reused quickly and old data must not be taken for new.',
        command: 'sysctl -w net.ipv4.tcp_rfc1337=1',
        appliesTo: `Linux on ${whoText(group)}; default 0. The kernel's documentation words it the wrong way round`,
      },
      {
        text: 'Leave timestamps on: PAWS then refuses the old segment in the next connection, whatever became of TIME_WAIT.',
        command: 'sysctl net.ipv4.tcp_timestamps',
        appliesTo: 'Linux, both ends; on by default',
      },
    ],
    caveats: group.caveats,
  };
}
