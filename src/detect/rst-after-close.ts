/** A RST at the end of a connection that had already ended, or whose exchange was complete: untidy, and harmless. */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnectionView, MarkEvent } from '../model/connection.ts';
import { otherSide, Side } from '../model/state.ts';
import type { Nanos } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { isForged } from './forged-resets.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';
import { endsWithTlsAlert, tlsExchangeComplete } from './tls-goodbye.ts';

/** after-both-fins: to a late copy · answers-fin: in place of the last ACK, or of its own FIN · tls: tickets or an alert that nobody reads. */
type Kind = 'after-both-fins' | 'answers-fin' | 'tls';

interface LateReset extends Case {
  readonly rst: MarkEvent;
  readonly kind: Kind;
}

export const rstAfterClose = defineDetector({
  id: 'rst-after-close',
  title: 'RST after a connection was over',
  severity: 'info',
  category: 'reset',
  neighbours: 'hosts',
  said: 'end',
  params: {
    minConnections: { default: 1, text: 'such connections of one service from which it is reported' },
  },
  docs: {
    what: 'A RST that comes when nothing can be lost any more: both ends had sent their FIN and a late copy met no socket, the FIN of the peer was answered by RST in place of the last ACK or of a FIN, or a TLS exchange was complete and only session tickets or a close_notify were left unread.',
    why: 'Counters and dashboards show these resets beside the ones that hurt. They cost nothing and need no repair.',
    how: 'The first RST that has no other meaning: after the FINs of both ends, or after the FIN of the other end, or on TLS where the last to speak was the peer of the end that resets, or an alert was sent before.',
    never:
      'Never above info. Silent for resets that cut something off (rst-abort), for data after a FIN that met a RST (broken-pipe), for refused connections and for forged resets (rst-injection), and in captures of one direction.',
    limits:
      'On the wire a ticket or alert in TLS 1.3 cannot be told from a short message: the exchange is taken to be complete when the server spoke last.',
    references: [
      'RFC 9293 §3.10.7.1 (a segment for a closed connection is answered by RST)',
      'RFC 8446 §6.1 (close_notify), §4.6.1 (NewSessionTicket)',
      'RFC 2525 §2.17; OpenSSL and close() with unread data',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: the FIN of the other end would not be seen' };
    if (quality.flagsOnly)
      return {
        verdict: 'inconclusive',
        because: 'the capture holds SYN, FIN and RST only: whether the exchange was complete cannot be said',
      };
    const groups = byService(capture, capture.withRst(), (c) => lateResetOf(capture, c));
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

function lateResetOf(capture: CaptureView, connection: ConnectionView): LateReset | null {
  const rst = connection.marks.find((m) => m.rst !== null);
  if (!rst || connection.basis === 'one-sided') return null;
  const { afterOwnFin, afterPeerFin, refusesSyn, peerSilent } = rst.rst!;
  if (refusesSyn || peerSilent || isForged(capture, connection.id)) return null;
  const end = connection.ends[rst.side];
  const peer = connection.ends[otherSide(rst.side)];
  const goodbye = endsWithTlsAlert(peer, end);
  // Data for an end that has closed is lost, unless it was a goodbye.
  if (afterOwnFin && peer.payloadAfterPeerFin > 0) return goodbye ? { connection, end, rst, kind: 'tls' } : null;
  if (afterOwnFin && afterPeerFin) return { connection, end, rst, kind: 'after-both-fins' };
  if (afterOwnFin) return null;
  if (afterPeerFin) {
    const unanswered = end.side === Side.SERVER && (peer.lastDataTime ?? -1) > (end.lastDataTime ?? -1) && !goodbye;
    // A service that refuses connections may have been going down (rst-abort).
    const goesDown = end.side === Side.SERVER && capture.serviceOf(connection.id).count('refused') > 0;
    return unanswered || goesDown ? null : { connection, end, rst, kind: 'answers-fin' };
  }
  return connection.established && tlsExchangeComplete(connection, end, peer) ? { connection, end, rst, kind: 'tls' } : null;
}

const KIND_TEXT: Readonly<Record<Kind, (n: string) => string>> = {
  'after-both-fins': (n) => `${n} came after the FINs of both ends: a copy of a segment, or the last ACK, met a socket that was gone.`,
  'answers-fin': (n) =>
    `${n} answered the FIN of the other end, in place of a FIN: the application closed with data unread or with SO_LINGER 0, when its peer had said all.`,
  tls: (n) => `${n} ended a TLS exchange that was complete: session tickets or a close_notify alert arrived that nobody was going to read.`,
};

function draft(capture: CaptureView, { service, cases, caveats }: ServiceGroup<LateReset>): Draft {
  const since = cases.reduce((t, r) => Math.min(t, r.rst.time), Infinity) as Nanos;
  const until = cases.reduce((t, r) => Math.max(t, r.rst.time), 0) as Nanos;
  const byClient = cases.filter((r) => r.end.side === Side.CLIENT).length;
  const kinds = (Object.keys(KIND_TEXT) as Kind[]).map((kind) => [kind, cases.filter((r) => r.kind === kind).length] as const);
  const n = plural(cases.length, 'connection');
  return {
    severity: 'info',
    confidence: 'high',
    title: `${n} of ${service.name} ended by a RST that cost nothing`,
    summary: `On ${n} of ${service.name} a RST came ${period(capture, since, until)} when the exchange was over (from the client on ${countText(byClient)}, from the server on ${countText(cases.length - byClient)}). ${kinds
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => KIND_TEXT[kind](countText(count)))
      .join(' ')} Nothing was lost.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until,
    count: cases.length,
    connections: cases.map((r) => r.connection.id),
    evidence: examples(cases, 4).flatMap(({ connection: c, end, rst }) => {
      const peer = c.ends[otherSide(end.side)];
      return proofs(c.id, [
        [peer.lastDataFrame, peer.lastDataTime, `last data from ${peer.name}`],
        [end.firstFinFrame, end.finTime, `FIN from ${end.name}`],
        [peer.firstFinFrame, peer.finTime, `FIN from ${peer.name}`],
        [rst.frame, rst.time, `RST from ${end.name}`],
      ]);
    }),
    metrics: {
      afterBothFins: kinds[0]![1],
      answersFin: kinds[1]![1],
      tlsGoodbyes: kinds[2]![1],
      fromClient: byClient,
      fromServer: cases.length - byClient,
    },
    causes: [],
    remedies: [
      {
        text: 'nothing to repair. To be rid of them, read to the end before close(): for TLS, until the close_notify of the peer (SSL_shutdown() twice)',
        command: null,
        appliesTo: 'the application that resets',
      },
    ],
    caveats,
  };
}
