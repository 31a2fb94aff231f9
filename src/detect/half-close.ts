/** One end has said that it will send no more, and the other goes on sending: a half-close, used as TCP means it. */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import { otherSide, Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';
import { largest } from './statistics.ts';
import { endsWithTlsAlert } from './tls-goodbye.ts';

interface HalfClose extends Case {
  /** The end that sent its FIN and goes on reading is `end`; this is the one that goes on sending. */
  readonly sender: EndpointView;
  readonly finTime: Nanos;
  readonly lastDataTime: Nanos;
}

export const halfClose = defineDetector({
  id: 'half-close',
  title: 'A connection is used after one end has closed its direction',
  severity: 'info',
  category: 'close',
  said: 'silence',
  params: {
    minConnections: { default: 1, text: 'half-closed connections of one service from which it is reported' },
  },
  docs: {
    what: 'One end has sent its FIN and keeps reading; the other, in CLOSE_WAIT, keeps sending, and what it sends is acknowledged. The application used shutdown(SHUT_WR) and not close().',
    why: 'Nothing is wrong: this is how a program marks the end of its request (rsh, some RPCs, `nc -N`, an HTTP/1.0 client). It is named because the CLOSE_WAIT and FIN_WAIT_2 that ss shows meanwhile look like a leak, and because proxies and firewalls with a short timeout for half-closed connections cut such transfers off.',
    how: 'Payload is sent after the acknowledgment of the FIN, and the end that sent the FIN does not answer it by RST.',
    never:
      'Silent for data that had been sent before its sender can have seen the FIN, for data that is answered by RST (broken-pipe), for TLS alerts sent while closing, and in captures of one direction.',
    limits: 'Whether the half-close was meant, or an application calls shutdown() where it wanted close(), is not visible.',
    references: ['RFC 9293 §3.6 (half-closed connections)', 'RFC 1122 §4.2.2.13', 'shutdown(2)'],
  },
  detect: (capture, params) => {
    const { quality, endings } = capture;
    if (quality.flagsOnly || quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the data after a FIN, or its acknowledgment, is not in this capture' };
    const groups = byService(capture, endings.dataAfterFin, halfCloseOf).filter((g) => g.cases.length >= params.minConnections);
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

function halfCloseOf(connection: ConnectionView): HalfClose | null {
  if (connection.basis === 'one-sided') return null;
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const end = connection.ends[side];
    const sender = connection.ends[otherSide(side)];
    const { finTime, finAckedTime } = end;
    if (finTime === null || finAckedTime === null || end.rst > 0 || sender.payloadAfterPeerFin === 0) continue;
    // With or after the acknowledgment of the FIN: whoever sent it had read the end of the stream, or could have.
    if (sender.lastDataTime === null || sender.lastDataTime < finAckedTime || endsWithTlsAlert(sender, end)) continue;
    return { connection, end, sender, finTime, lastDataTime: sender.lastDataTime };
  }
  return null;
}

function draft(capture: CaptureView, { service, cases, caveats }: ServiceGroup<HalfClose>): Draft {
  const n = plural(cases.length, 'connection');
  const first = cases.reduce((t, h) => Math.min(t, h.finTime), Infinity) as Nanos;
  const last = cases.reduce((t, h) => Math.max(t, h.lastDataTime), 0) as Nanos;
  const octets = cases.reduce((sum, h) => sum + h.sender.payloadAfterPeerFin, 0);
  const longest = largest(cases.map((h) => secondsOf(h.lastDataTime - h.finTime)));
  const open = cases.filter((h) => h.sender.finTime === null && h.sender.rst === 0).length;
  const byClient = cases.filter((h) => h.end.side === Side.CLIENT).length;
  const closer =
    byClient === cases.length
      ? 'the client'
      : byClient === 0
        ? 'the server'
        : `one end (the client on ${countText(byClient)}, the server on ${countText(cases.length - byClient)})`;
  return {
    severity: 'info',
    confidence: 'high',
    title: `${n} of ${service.name} in use after one end had closed its direction`,
    summary: `On ${n} of ${service.name}, ${closer} sent its FIN and the other end went on sending ${period(capture, first, last)}: ${plural(octets, 'octet')} in all, up to ${durationText(longest)} after the FIN, and no RST answered it. ${open === 0 ? 'In the end both ends closed.' : `${countText(open)} had not been closed by the other end when observation ended.`} This is a legitimate half-close, shutdown(SHUT_WR), and no leak: the CLOSE_WAIT and FIN_WAIT_2 that ss shows meanwhile are in use.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since: first,
    until: last,
    count: cases.length,
    connections: cases.map((h) => h.connection.id),
    evidence: examples(cases, 4).flatMap((h) =>
      proofs(h.connection.id, [
        [h.end.firstFinFrame, h.finTime, `FIN from ${h.end.name}`],
        [h.end.finAckedFrame, h.end.finAckedTime, `${h.sender.name} acknowledges it`],
        [
          h.sender.lastDataFrame,
          h.lastDataTime,
          `last data from ${h.sender.name}, ${durationText(secondsOf(h.lastDataTime - h.finTime))} after the FIN`,
        ],
      ]),
    ),
    metrics: { octetsAfterFin: octets, longestSeconds: longest, stillOpen: open },
    causes: [],
    remedies: [
      {
        text: 'nothing to repair. Where a proxy or firewall on the way cuts such transfers off, its timeout for half-closed connections is too short',
        command: 'sysctl net.netfilter.nf_conntrack_tcp_timeout_close_wait net.netfilter.nf_conntrack_tcp_timeout_fin_wait',
        appliesTo: 'Linux with conntrack on the way (60 s and 120 s by default); HAProxy: timeout client-fin, timeout server-fin',
      },
    ],
    caveats,
  };
}
