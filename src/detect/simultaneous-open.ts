/** Both ends sent a SYN to each other and neither was listening: one connection, opened from both ends (RFC 9293 figure 7). */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, type EndpointView, Mark } from '../model/connection.ts';
import { otherSide, State } from '../model/state.ts';
import type { FrameNo, Nanos } from '../model/units.ts';
import { plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

interface Opening {
  readonly connection: ConnectionView;
  /** The end whose SYN was captured second, and when. */
  readonly second: EndpointView;
  readonly at: Nanos;
  readonly frame: FrameNo;
}

export const simultaneousOpen = defineDetector({
  id: 'simultaneous-open',
  title: 'Both ends opened the connection at the same moment',
  severity: 'info',
  category: 'open',
  params: {
    minConnections: { default: 1, text: 'connections between two hosts opened from both ends from which it is reported' },
  },
  docs: {
    what: 'Two hosts sent each other a SYN for the same pair of ports before either had received that of the other. TCP makes one connection of it: each SYN is answered by a SYN-ACK, and both ends are clients.',
    why: 'Nothing is wrong. It happens when both programs bind their port and call connect(), as NAT hole punching and some routing daemons do; with ephemeral ports on the same host it is a socket connected to itself. Firewalls that expect SYN, SYN-ACK, ACK may drop it.',
    how: 'Both ends send a SYN without ACK for the same four-tuple, and at least one of them goes from SYN_SENT to SYN_RCVD, which is to say that it answers by SYN-ACK.',
    never:
      'Silent for a SYN that meets an existing connection (time-wait-challenge, half-open), for a tuple used again in the other direction, and where nobody answered by SYN-ACK.',
    limits: 'Which of the two is shown as client is the order in which the SYNs passed the capture point.',
    references: ['RFC 9293 §3.5 figure 7 (simultaneous open)', 'RFC 9293 §3.10.7.3 fourth', 'RFC 5382 REQ-2 (NAT must support it)'],
  },
  detect: (capture, params) => {
    if (capture.quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: the SYN of the other end would not be seen' };
    const pairs = new Map<string, Opening[]>();
    for (const id of capture.endings.openedTogether) {
      const opening = openingOf(capture.connection(id));
      if (opening === null) continue;
      const key = opening.connection.ends
        .map((e) => e.ip)
        .sort()
        .join(' ');
      const list = pairs.get(key);
      if (list) list.push(opening);
      else pairs.set(key, [opening]);
    }
    const groups = [...pairs.values()].filter((g) => g.length >= params.minConnections);
    return found(
      draftLargest(
        groups,
        (g) => g.length,
        (g) => draft(capture, g),
        'pair of hosts',
      ),
    );
  },
});

function openingOf(connection: ConnectionView): Opening | null {
  const crossed = connection.transitions.find((t) => t.from === State.SYN_SENT && t.to === State.SYN_RCVD);
  if (!crossed) return null;
  const [a, b] = connection.ends;
  if (a.firstSynFrame === null || b.firstSynFrame === null) return null;
  const second = a.firstSynFrame > b.firstSynFrame ? a : b;
  const sent = connection.transitions.find((t) => t.side === second.side && t.to === State.SYN_SENT);
  return sent?.frame == null ? null : { connection, second, at: sent.time, frame: sent.frame };
}

function draft(capture: CaptureView, openings: readonly Opening[]): Draft {
  const n = plural(openings.length, 'connection');
  const { client, server } = openings[0]!.connection;
  const since = openings[0]!.connection.start;
  const last = openings.reduce((t, o) => Math.max(t, o.at), 0) as Nanos;
  const completed = openings.filter((o) => o.connection.established).length;
  const repeated = openings.filter((o) => o.connection.marks.some((m) => m.mark === Mark.SYN_AGAIN)).length;
  return {
    severity: 'info',
    confidence: 'high',
    title: `${n} between ${client.ip} and ${server.ip} opened from both ends at once`,
    summary: `${client.ip} and ${server.ip} sent each other SYNs for the same ports ${period(capture, since, last)}: ${n}, of which ${completed === openings.length ? 'all were' : plural(completed, 'was', 'were')} established. Neither end is a server here; both called connect().`,
    subject: { host: client.ip, peer: server.ip },
    atFault: null,
    faultBecause: null,
    since,
    until: last,
    count: openings.length,
    connections: openings.map((o) => o.connection.id),
    evidence: examples(openings, 4).flatMap(({ connection: c, second, at, frame }) => {
      const first = c.ends[otherSide(second.side)];
      return proofs(c.id, [
        [first.firstSynFrame, c.start, `SYN from ${first.name}`],
        [frame, at, `SYN from ${second.name}, without ACK: it had not received the other`],
      ]);
    }),
    metrics: { established: completed, withRepeatedSyn: repeated },
    causes: [],
    remedies: [
      {
        text: 'nothing to repair, if both programs are meant to call connect() on fixed ports (hole punching). Otherwise look for a program that binds its local port to that of the service',
        command: null,
        appliesTo: 'both applications',
      },
    ],
  };
}
