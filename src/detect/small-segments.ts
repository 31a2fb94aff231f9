/** `small-segments`: messages written in small pieces, the last of which waits for a delayed ACK. One finding for a host and a service. */
import type { CaptureView } from '../model/capture-view.ts';
import type { Remedy } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import type { Stalls } from '../model/turns.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';

const EXAMPLES = 5;
/** Between a piece that was released by the ACK and one that came by chance just then, numbers decide. */
const MIN_SHARE = 0.1;

interface Stalled extends Case {
  readonly stalls: Stalls;
  /** Messages of the end that sends the pieces. */
  readonly messages: number;
}

export const smallSegments = defineDetector({
  id: 'small-segments',
  title: 'Messages in small pieces wait for delayed ACKs',
  severity: 'notice',
  category: 'path',
  params: { minStalls: { default: 10, text: 'stalls of one host and service from which it is reported' } },
  docs: {
    what: 'An application writes a message in two small pieces (a header, then a body). The kernel sends the first and holds the second until the first is acknowledged (Nagle, RFC 896); the other kernel delays that acknowledgment, because it hopes to send it with an answer.',
    why: 'Each such message loses 40 ms to Linux, 200 ms to others, although nothing is slow or lost: 25 requests a second where a thousand would do.',
    how: `Two segments of one end, both smaller than the MSS and nothing from the other end between them but an ACK of all that was sent; the second follows that ACK within a round trip and 2 ms, and the pause is at least 30 ms and at most 500 ms longer than the round trip of the handshake. At least minStalls of them by one host towards one service, in at least ${String(100 * MIN_SHARE)} % of its messages.`,
    never:
      'Interactive sessions: what is typed does not wait for an ACK, and each key is answered. Pauses inside a message that the application makes itself: they do not end with the ACK. Retransmissions, and full segments that wait for the window.',
    limits:
      'Where the handshake was not captured, the round trip is not known, and a path of more than 30 ms looks like a delayed ACK: such connections are left out. Pieces that the capturing host merged (GRO) are not seen.',
    references: [
      'RFC 896',
      'RFC 1122 §4.2.3.2 (delayed ACKs, less than 500 ms), §4.2.3.4',
      'linux net/ipv4/tcp_output.c: tcp_nagle_check; include/net/tcp.h: TCP_DELACK_MIN 40 ms, TCP_DELACK_MAX 200 ms',
    ],
  },
  detect(capture, params): Detection {
    const { quality } = capture;
    if (quality.oneDirection || (quality.tcpPackets > 0 && quality.withPayload === 0)) {
      const lacks = quality.oneDirection ? 'one of the directions' : 'payload';
      return { verdict: 'inconclusive', because: `the capture lacks ${lacks}, so it does not show what waited for which ACK` };
    }
    const ids = capture.services.flatMap((service) => service.turns.stalled);
    const groups = byHost(capture, ids, look).filter((group) => {
      const count = countOf(group);
      return count >= params.minStalls && count >= MIN_SHARE * group.cases.reduce((n, it) => n + it.messages, 0);
    });
    return found(draftLargest(groups, countOf, (g) => draft(capture, g), 'group'));
  },
});

const stallsOf = ({ stalls }: Stalled): number => stalls.short + stalls.long;
const countOf = (group: HostGroup<Stalled>): number => group.cases.reduce((n, it) => n + stallsOf(it), 0);

function look(connection: Stalled['connection']): Stalled | null {
  const { turns } = connection;
  if (turns?.stalls == null || connection.handshakeRtt === null) return null;
  const side = 2 * turns.stalls.ofClient >= turns.stalls.short + turns.stalls.long ? Side.CLIENT : Side.SERVER;
  return { connection, end: connection.ends[side], stalls: turns.stalls, messages: side === Side.CLIENT ? turns.requests : turns.answers };
}

function draft(capture: CaptureView, group: HostGroup<Stalled>): Draft {
  const { service, cases } = group;
  const count = countOf(group);
  const sum = (of: (it: Stalled) => number): number => cases.reduce((n, it) => n + of(it), 0);
  const seconds = sum((it) => it.stalls.seconds);
  const messages = sum((it) => it.messages);
  const long = sum((it) => it.stalls.long);
  const since = cases.reduce((t, it) => Math.min(t, it.stalls.first), Infinity) as Nanos;
  const last = cases.reduce((t, it) => Math.max(t, it.stalls.last), 0) as Nanos;
  const who = whoText(group);
  const peer = group.side === Side.CLIENT ? service.name : 'its clients';
  const mean = durationText(seconds / count);
  const elsewhere = service.total - cases.length;
  return {
    // An answer in pieces may be a stream whose application paces it; a request in two pieces is of no use to anybody before the second.
    severity: group.side === Side.CLIENT ? 'notice' : 'info',
    confidence: group.side === Side.CLIENT ? 'high' : 'medium',
    title: `${plural(count, 'message')} of ${who} to ${peer} waited ${mean} each for a delayed ACK`,
    summary: [
      `${who} wrote ${countText(count)} of its ${plural(messages, 'message')} to ${peer} in small pieces ${period(capture, since, last)}: the second was held until the first was acknowledged (Nagle), and the other end delayed that ACK. Each lost ${mean}, all together ${durationText(seconds)}.`,
      long === 0
        ? 'The delay is that of Linux (40 ms).'
        : `${long === count ? 'All' : countText(long)} waited for more than 120 ms, the delayed ACK of a stack that takes 200 ms.`,
      elsewhere === 0 ? '' : `${plural(elsewhere, 'other connection')} of ${service.name} had no such pause.`,
      'Nothing was lost, and neither the path nor the peer is slow.',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: subjectOf(group),
    atFault: group.host ?? (group.side === Side.SERVER ? service.ip : null),
    faultBecause: 'it sends the second piece the moment the ACK arrives: it had been written before, and was held for that ACK',
    since,
    until: secondsOf(capture.end - last) > 10 * (seconds / count) + 1 ? last : null,
    count,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, EXAMPLES).flatMap(({ connection: c, end, stalls }) =>
      proofs(c.id, [
        [stalls.pieceFrame, stalls.pieceTime, `small piece of ${end.name}`],
        [stalls.restFrame, stalls.first, `the rest, right after the ACK of ${c.ends[otherSide(end.side)].name}`],
      ]),
    ),
    metrics: {
      stalls: count,
      stallsBelow120Milliseconds: count - long,
      stallsAbove120Milliseconds: long,
      messages,
      lostSeconds: Number(seconds.toFixed(3)),
      secondsPerStall: Number((seconds / count).toFixed(4)),
      roundTripSeconds: cases[0]!.connection.handshakeRtt,
    },
    causes: [
      {
        text: 'The application writes header and body with two calls, without TCP_NODELAY',
        likelihood: 'high',
        because: `${countText(count)} of ${plural(messages, 'message')} show the same pause, and it ends with the ACK`,
      },
    ],
    remedies: REMEDIES,
    caveats: [...group.caveats],
    explainedByRules: [],
  };
}

const REMEDIES: readonly Remedy[] = [
  {
    text: 'Write each message with one call: a buffer in front of the socket, or writev() with header and body.',
    command: null,
    appliesTo: 'the application that writes',
  },
  {
    text: 'Or turn Nagle off for the socket (TCP_NODELAY); with it alone, each small write becomes a packet.',
    command: null,
    appliesTo: "the application, on every kernel; Go and Python's asyncio do so by themselves, sockets of C, Java and Python do not",
  },
  {
    text: 'TCP_QUICKACK on the reader helps until its kernel leaves that mode again, after every few segments. tcp_low_latency, often advised, does nothing since Linux 4.14.',
    command: null,
    appliesTo: 'Linux',
  },
];
