/** `ack-flood`: ACKs by the hundred that belong to no connection, each answered by RST. */
import type { CaptureView } from '../model/capture-view.ts';
import type { StrayAcks } from '../model/unasked.ts';
import { Mark } from '../model/connection.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

export const ackFlood = defineDetector({
  id: 'ack-flood',
  title: 'ACK flood: segments of connections that never were',
  severity: 'critical',
  category: 'flood',
  params: {
    minAcks: { default: 100, text: 'lone ACKs within the window from which it is a flood' },
    windowSeconds: { default: 10, text: 'length of the window, seconds' },
  },
  docs: {
    what: 'One service receives ACKs without data that belong to no connection, each from a tuple of its own, and its host answers each by a bare RST.',
    why: 'It is the answer to SYN cookies: an ACK costs the host a look-up, the check of a cookie and a RST, and it passes filters that look at SYNs alone.',
    how: 'A connection that consists of one such segment (copies included), seen without any SYN, and of bare RSTs. minAcks of them for one service within windowSeconds, from sources that hold no other connection to it.',
    never:
      'Connections that were up before the capture began or whose other direction went elsewhere: these carry data, or more than a lone ACK, or get an answer other than a bare RST. Clients of a server that restarted, which connect again from the same address. Lone ACKs over many ports are a flag-probe.',
    limits:
      'A flood that a stateful filter swallows, so that no RST answers, cannot be told from connections whose other direction was not captured. Keepalives of thousands of idle clients that a restarted server has forgotten, and that never come back, look the same.',
    references: ['RFC 9293 §3.10.7.1', 'RFC 4987 §3.6', 'linux net/ipv4/tcp_ipv4.c: tcp_v4_send_reset'],
  },
  detect(capture, params): Detection {
    if (capture.quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only, so every ACK seems to belong to no connection' };
    const groups = capture.strayAcks.filter(
      (g) => g.ids.length >= params.minAcks && g.leftOut < g.ids.length && g.peakWithin(params.windowSeconds) >= params.minAcks,
    );
    return found(
      draftLargest(
        groups,
        (g) => g.ids.length,
        (g) => draft(capture, g),
        'service',
      ),
    );
  },
});

function draft(capture: CaptureView, g: StrayAcks): Draft {
  const { service, ids, first, last } = g;
  const seconds = secondsOf(last - first);
  const one = g.sources === 1 ? capture.connection(ids[0]!).client.ip : null;
  const from = one ?? plural(g.sources, 'address', 'addresses');
  const rate = g.peakWithin(1);
  return {
    severity: 'critical',
    confidence: 'high',
    title: `ACK flood of ${plural(ids.length, 'ACK')} against ${service.name} from ${from}`,
    summary: `${service.name} received ${plural(ids.length, 'lone ACK')} from ${from} ${period(capture, first, last)}, up to ${countText(rate)} a second, none of a connection that it knows: its host answered each by a bare RST. ${plural(service.completed, 'handshake')} with it completed in the capture. SYN cookies and limits on SYNs do nothing against it.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: one ?? 'attacker',
    faultBecause: `${plural(ids.length, 'tuple')} with one ACK each, no SYN, no data, and no other connection from these sources`,
    since: first,
    until: last,
    count: ids.length,
    connections: ids,
    evidence: examples(ids, 4).flatMap((id) => {
      const c = capture.connection(id);
      const rst = c.marks.find((m) => m.mark === Mark.RST);
      return proofs(c.id, [
        [c.firstFrame, c.start, `ACK from ${c.client.name}, without a connection`],
        [rst?.frame ?? null, rst?.time ?? null, `bare RST: ${service.ip} has no such socket`],
      ]);
    }),
    metrics: { acks: ids.length, sources: g.sources, peakAcksPerSecond: rate, durationSeconds: seconds, handshakes: service.completed },
    causes: [
      {
        text: 'A flood tool that sends ACKs to get past SYN cookies and SYN filters',
        likelihood: 'high',
        because: `${plural(ids.length, 'ACK')} within ${durationText(seconds)}, each of a tuple that had no SYN`,
      },
      {
        text: 'A balancer or gateway that lost its table sends the connections of others here',
        likelihood: 'low',
        because: 'these would carry data, and their clients would connect again',
      },
    ],
    remedies: [
      {
        text: 'Let conntrack drop what belongs to no connection before TCP sees it. By default it picks up lone ACKs as new connections: loose must be off for that.',
        command: 'sysctl -w net.netfilter.nf_conntrack_tcp_loose=0 && nft add rule inet filter input ct state invalid drop',
        appliesTo: 'Linux with conntrack; not where traffic is asymmetric',
      },
      {
        text: 'See how many resets the host sends because of it.',
        command: 'nstat -az TcpOutRsts TcpExtSyncookiesFailed',
        appliesTo: 'Linux, on the attacked host',
      },
    ],
    explainedByRules: ['flag-probe'],
  };
}
