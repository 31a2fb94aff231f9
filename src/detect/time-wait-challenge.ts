/** A SYN on a tuple whose last connection the other end still holds: answered by an ACK of that one, reset, and sent again. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent, type RstFacts } from '../model/connection.ts';
import { Side, State, stateName } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';
import { largest, median } from './statistics.ts';
import { isUnnoticed, SHORT_RETRY_SECONDS } from './unnoticed-refusals.ts';

interface Challenged extends Case {
  /** The first answer of the older connection. */
  readonly answer: MarkEvent;
  /** What the server held of the older connection; null when the capture does not have it. */
  readonly held: State | null;
  /** The client's RST to that answer. */
  readonly rst: MarkEvent | null;
  /** The SYN again. */
  readonly retry: MarkEvent | null;
  /** First SYN to the SYN that was accepted; null when none was. */
  readonly lostSeconds: number | null;
}

export const timeWaitChallenge = defineDetector({
  id: 'time-wait-challenge',
  title: 'A SYN refused by what is left of an older connection',
  severity: 'warning',
  category: 'time-wait',
  params: {
    minConnections: { default: 1, text: 'such connections of one service from which it is reported' },
  },
  docs: {
    what: 'A client opens a connection from a port that it used before, and the server still holds the older connection in TIME_WAIT or LAST_ACK. The server answers by an ACK of the older one instead of a SYN-ACK; the client resets that, and its next SYN gets through.',
    why: 'Each such connect takes a retry longer: 8 to 20 ms with recent Linux clients, about 1 s with others. Where a firewall drops the ACK or the RST, it fails until TIME_WAIT is over, 60 s.',
    how: 'Before the SYN-ACK, the server sends an empty ACK that does not acknowledge the SYN. The RST with the number of that ACK and the SYN sent again are the proof; the time from the first SYN to the one that was answered is what it cost. Information where it met less than one connect in a hundred, all got through, and none lost 0.2 s; otherwise a warning.',
    never:
      'A SYN inside a connection that the client still uses (challenge-ack), a SYN that TIME_WAIT accepts (port-reuse), SYNs refused for their timestamp (paws-drop), SYNs that are simply repeated, a client that goes on with a FIN as if it were connected.',
    limits: 'Whether it is TIME_WAIT or LAST_ACK is known only where the end of the older connection was captured.',
    references: [
      'RFC 9293 §3.10.7.4 (TIME-WAIT), figure 9',
      'RFC 6191',
      'RFC 5961 §4.2',
      'linux: net/ipv4/tcp_minisocks.c tcp_timewait_state_process',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection || quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the ACK that answers the SYN, or the SYN, is not in this capture' };
    const groups = byService(capture, capture.withOldAnswer(), (c) => challengedOf(capture, c));
    return found(
      draftLargest(
        groups.filter((g) => g.cases.length >= params.minConnections),
        (g) => g.cases.length,
        (g) => draft(capture, g),
        'service',
      ),
    );
  },
});

function challengedOf(capture: CaptureView, c: ConnectionView): Challenged | null {
  const answer = c.marks.find((m) => m.mark === Mark.OLD_ANSWER && m.side === Side.SERVER);
  if (answer === undefined || answer.detail > 0) return null; // PAWS: paws-drop tells it
  if (!c.established && c.client.fin > 0) return null; // whoever waits for a SYN-ACK has nothing to close
  const rst = c.marks.find((m) => m.side === Side.CLIENT && m.rst !== null && m.time >= answer.time && refusesAnswer(m.rst)) ?? null;
  const accepted = c.server.firstSynAckFrame;
  const retries = c.marks.filter((m) => m.mark === Mark.SYN_AGAIN && m.side === Side.CLIENT && m.time >= answer.time);
  const answered = accepted === null ? [] : retries.filter((m) => m.frame < accepted);
  // An ACK alone, without anything that follows it, may be a late one of the older connection that met no SYN.
  if (rst === null && retries.length === 0) return null;
  const last = answered.at(-1);
  return {
    connection: c,
    end: c.client,
    answer,
    held: heldBefore(capture, c, answer.time),
    rst,
    retry: retries[0] ?? null,
    lostSeconds: last === undefined ? null : secondsOf(last.time - c.start),
  };
}

/** The RST of a client that still waits for its SYN-ACK (RFC 9293 §3.10.7.3 first): bare, and before it has sent anything but SYNs. */
const refusesAnswer = (rst: RstFacts): boolean => !rst.hasAck && !rst.afterOwnFin;

/** The server's state in the older connection when it answered. */
function heldBefore(capture: CaptureView, c: ConnectionView, at: Nanos): State | null {
  if (c.previous === null) return null;
  return capture.connection(c.previous).transitions.findLast((t) => t.side === Side.SERVER && t.time <= at)?.to ?? null;
}

function draft(capture: CaptureView, group: ServiceGroup<Challenged>): Draft {
  const { service, cases } = group;
  const through = cases.flatMap((it) => (it.lostSeconds === null ? [] : [it.lostSeconds]));
  const failed = cases.length - through.length;
  const since = cases[0]!.answer.time;
  const until = cases.reduce((t, it) => Math.max(t, it.answer.time), 0) as Nanos;
  const held = [...new Set(cases.flatMap((it) => (it.held === null || it.held === State.CLOSED ? [] : [stateName(it.held)])))];
  const heldText = held.length === 0 ? 'TIME_WAIT or LAST_ACK' : held.join(' or ');
  const ports = new Set(cases.map((it) => `${it.end.ip} ${String(it.end.port)}`));
  const clients = new Set(cases.map((it) => it.end.ip));
  const middle = median(through);
  const cost =
    through.length === 0
      ? 'None of them got through in the capture.'
      : `The SYN had to be sent again, which cost ${durationText(middle)}${through.length === 1 ? '' : ` (median; up to ${durationText(largest(through))})`}${failed === 0 ? '' : `; ${plural(failed, 'of them', 'of them')} did not get through in the capture`}.`;
  return {
    severity: failed === 0 && isUnnoticed(service, cases.length, largest(through)) ? 'info' : 'warning',
    confidence: cases.some((it) => it.rst !== null) ? 'high' : 'medium',
    title: `${plural(cases.length, 'connect')} to ${service.name} met the ${held.length === 1 ? held[0]! : 'remains'} of an older connection${through.length === 0 ? '' : `, and lost ${durationText(largest(through))}`}`,
    summary: `${period(capture, since, until).replace(/^./, (s) => s.toUpperCase())}, ${plural(cases.length, 'SYN')} from ${plural(ports.size, 'port')} of ${plural(clients.size, 'client')} to ${service.name} ${cases.length === 1 ? 'was' : 'were'} answered by an ACK of the connection before, which the server still held in ${heldText}, and not by a SYN-ACK. Its numbers gave the server no proof that the SYN was new: no higher timestamp, and a sequence number below the last one. ${cost} The RSTs between are the clients' answer to that ACK, and no fault.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 4).flatMap((it) =>
      proofs(it.connection.id, [
        [it.connection.firstFrame, it.connection.start, 'SYN on a port used before'],
        [it.answer.frame, it.answer.time, `${service.ip} answers by an ACK of the older connection`],
        [it.rst?.frame ?? null, it.rst?.time ?? null, 'the client has no such connection: RST'],
        [it.retry?.frame ?? null, it.retry?.time ?? null, 'the same SYN again'],
      ]),
    ),
    metrics: {
      connections: cases.length,
      clientPorts: ports.size,
      notThrough: failed,
      medianLostSeconds: through.length === 0 ? null : middle,
      longestLostSeconds: through.length === 0 ? null : largest(through),
    },
    causes: [
      {
        text: 'The client takes its ports again within 60 s, without timestamps that would prove the SYN to be new',
        likelihood: cases.some((it) => it.end.timestamps) ? 'medium' : 'high',
        because: cases.some((it) => it.end.timestamps)
          ? 'some SYNs carry timestamps, so their sequence number and timestamp were both too low'
          : 'the SYNs carry no timestamp option',
      },
      {
        text: 'An address translator gives ports of one connection to another at once',
        likelihood: clients.size === 1 ? 'medium' : 'low',
        because: 'behind it, sequence numbers and timestamps of different hosts follow each other on one port',
      },
    ],
    remedies: [
      {
        text: 'Keep timestamps on at both ends: with them the server accepts the SYN at once (RFC 6191).',
        command: 'sysctl net.ipv4.tcp_timestamps',
        appliesTo: 'Linux; on by default. Windows: netsh int tcp set global timestamps=enabled',
      },
      {
        text: `Reuse connections, or let the client choose from more ports${largest(through) < SHORT_RETRY_SECONDS ? '' : '; a recent Linux client sends its SYN again within 20 ms instead of 1 s'}.`,
        command: 'sysctl net.ipv4.ip_local_port_range',
        appliesTo: 'the clients or the address translator',
      },
      {
        text: 'Do not look to tcp_fin_timeout or tcp_tw_reuse on the server: neither touches its TIME_WAIT. tcp_tw_recycle broke clients behind NAT and is gone.',
        command: null,
        appliesTo: 'Linux; tcp_tw_recycle was removed in 4.12',
      },
    ],
    caveats: group.caveats,
    explainedByRules: ['port-exhaustion'],
  };
}
