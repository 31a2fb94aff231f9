/** Both ends closed before the other's FIN reached them: the FINs crossed (RFC 9293 figure 13). */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';
import { largest } from './statistics.ts';

interface Crossing extends Case {
  /** `end` sent the first FIN that was captured, at `first`; this end sent the other. */
  readonly other: EndpointView;
  readonly first: Nanos;
  readonly second: Nanos;
}

export const simultaneousClose = defineDetector({
  id: 'simultaneous-close',
  title: 'Both ends closed at the same moment',
  severity: 'info',
  category: 'close',
  params: {
    minConnections: { default: 1, text: 'connections of one service closed by both ends at once from which it is reported' },
  },
  docs: {
    what: 'Both ends sent their FIN before they had received that of the other. Both pass CLOSING, and both end in TIME_WAIT.',
    why: 'Nothing is wrong, but it looks odd in ss: CLOSING is otherwise never seen, and both hosts hold a TIME_WAIT, the server too. Many of them mean that both ends run on the same clock: equal idle timeouts, or an agreed end of the exchange.',
    how: 'The later of the two FINs does not acknowledge the earlier one.',
    never:
      'Silent when the second FIN acknowledges the first (an ordinary close, however quick), when the FIN that came again was merely a retransmission, and in captures of one direction.',
    limits: 'The two FINs must both be in the capture. Which end decided first cannot be said from one capture point.',
    references: ['RFC 9293 §3.6 figure 13 (simultaneous close)', 'RFC 9293 §3.10.7.4 eighth'],
  },
  detect: (capture, params) => {
    if (capture.quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: the FIN of the other end would not be seen' };
    const groups = byService(capture, capture.endings.closedTogether, crossingOf).filter((g) => g.cases.length >= params.minConnections);
    return found(
      draftLargest(
        groups,
        (g) => g.cases.length,
        (g) => draft(capture, g),
        'service',
      ),
    );
  },
});

function crossingOf(connection: ConnectionView): Crossing | null {
  const [a, b] = connection.ends;
  if (a.finTime === null || b.finTime === null) return null;
  return a.finTime <= b.finTime
    ? { connection, end: a, other: b, first: a.finTime, second: b.finTime }
    : { connection, end: b, other: a, first: b.finTime, second: a.finTime };
}

function draft(capture: CaptureView, { service, cases, caveats }: ServiceGroup<Crossing>): Draft {
  const n = plural(cases.length, 'connection');
  const first = cases.reduce((t, x) => Math.min(t, x.first), Infinity) as Nanos;
  const last = cases.reduce((t, x) => Math.max(t, x.second), 0) as Nanos;
  const apart = largest(cases.map((x) => secondsOf(x.second - x.first)));
  return {
    severity: 'info',
    confidence: 'high',
    title: `${n} of ${service.name} closed by both ends at once`,
    summary: `On ${n} of ${service.name} the FINs of both ends crossed ${period(capture, first, last)}, at most ${durationText(apart)} apart where the capture was made. Both ends pass CLOSING and both keep a TIME_WAIT for 60 s (Linux). Nothing was lost.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since: first,
    until: last,
    count: cases.length,
    connections: cases.map((x) => x.connection.id),
    evidence: examples(cases, 4).flatMap((x) =>
      proofs(x.connection.id, [
        [x.end.firstFinFrame, x.first, `FIN from ${x.end.name}`],
        [x.other.firstFinFrame, x.second, `FIN from ${x.other.name}, which does not acknowledge it`],
      ]),
    ),
    metrics: { mostApartSeconds: apart },
    causes: [],
    remedies: [
      {
        text: 'nothing to repair. If the TIME_WAIT sockets on the server disturb, let one end close first: give the two ends different idle timeouts',
        command: null,
        appliesTo: 'both applications',
      },
    ],
    caveats,
  };
}
