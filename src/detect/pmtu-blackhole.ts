/** Full-size segments vanish again and again while small ones pass: the path has a smaller MTU and does not say so. */
import type { CaptureView } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import type { Remedy } from '../model/finding.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type BlackHole, blackHoleOf, LARGE_OCTETS, MIN_REPEATS } from './black-hole.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { LifeSigns } from './life-signs.ts';
import { byHost, type HostGroup, subjectOf, whoText } from './service-groups.ts';
import { largest } from './statistics.ts';

const PARAMS = {
  minRepeats: { default: 4, text: 'repeats of large segments of one connection, none of which is acknowledged' },
  minSeconds: { default: 1, text: 'from the first of those repeats to the last' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

export const pmtuBlackhole = defineDetector({
  id: 'pmtu-blackhole',
  title: 'Large segments vanish on the path (MTU black hole)',
  severity: 'critical',
  category: 'path',
  neighbours: 'hosts',
  said: 'end',
  params: PARAMS,
  docs: {
    what: 'Large segments of an end are sent again and again and never acknowledged, while small segments pass in both directions between the same hosts: a link on the path has a smaller MTU, and the ICMP message that should say so does not come, or does not help.',
    why: 'Connections open, small requests are answered, and every larger answer hangs until a timeout: login works, the page does not. It looks like a fault of the application, and ping says that all is well.',
    how: `Repeats of segments above ${String(LARGE_OCTETS)} octets of payload while nothing new is acknowledged, at least minRepeats of them over at least minSeconds, of an end that got no such segment through on this connection nor on another one between the same hosts. And a sign of life from the other end: it went on sending on the same connection, or on another one. Where ICMP "too big" was captured and the sender still repeats the same size, the finding says so.`,
    never:
      'Silent when a segment of that size was acknowledged, when what was repeated got through in the end, for a receiver whose window is closed, for a peer that answers by RST, and for a peer of which nothing at all is heard any more (dead-peer).',
    limits:
      'The MTU itself shows only in an ICMP message or in the segments of a sender that probes for it. An end that sends large segments late, after more than 1,200 octets in small ones, is not recognised. Behind the capture point it cannot be told which hop drops.',
    references: [
      'RFC 2923 (TCP problems with path MTU discovery), RFC 1191, RFC 8201, RFC 4821 and RFC 8899 (packetization layer path MTU discovery)',
      'Linux: net.ipv4.tcp_mtu_probing, tcp_base_mss',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.flagsOnly || quality.oneDirection)
      return { verdict: 'inconclusive', because: 'it takes data and its acknowledgments, which are not in this capture' };
    const signs = new LifeSigns(capture);
    const groups = byHost(capture, capture.troubles.largeInVain, (c) => {
      const hole = blackHoleOf(c, signs);
      return hole !== null && lasts(hole, params) ? hole : null;
    });
    return found(
      draftLargest(
        groups,
        (g) => g.cases.length,
        (g) => draft(capture, g),
        'host',
      ),
    );
  },
});

const lastRepeat = ({ end }: BlackHole): Nanos => end.sequence.lastRetransmission!.time;
const since = ({ end }: BlackHole): Nanos => end.sequence.inVainSince!.time;

const lasts = (hole: BlackHole, params: Params): boolean =>
  hole.end.sequence.resentInVain >= Math.max(MIN_REPEATS, params.minRepeats) &&
  secondsOf(lastRepeat(hole) - since(hole)) >= params.minSeconds;

function draft(capture: CaptureView, group: HostGroup<BlackHole>): Draft {
  const { service, cases } = group;
  const who = whoText(group);
  const n = plural(cases.length, 'connection');
  const size = largest(cases.map((h) => h.end.largestPayload));
  const repeats = cases.reduce((sum, h) => sum + h.end.sequence.resentInVain, 0);
  const longest = largest(cases.map((h) => secondsOf(lastRepeat(h) - since(h))));
  const begin = cases.reduce((t, h) => Math.min(t, since(h)), Infinity) as Nanos;
  const told = cases.flatMap((h) => h.connection.marks.filter((m) => m.mark === Mark.PATH_MTU && m.side === h.end.side));
  const mtu = told.find((m) => m.detail > 0)?.detail ?? null;
  const alive = cases.find((h) => h.alive !== null)?.alive ?? null;
  const proof =
    alive === null
      ? 'the other end goes on speaking on the same connection while only the large segments stay without an acknowledgment'
      : `${alive.name} exchanges small segments with the same host meanwhile, so both hosts and the path live`;
  const icmp =
    told.length === 0
      ? 'No ICMP message about it is in the capture.'
      : `${plural(told.length, 'ICMP message')} asked for smaller packets${mtu === null ? '' : ` (MTU ${countText(mtu)})`}, and the sender repeated the same size all the same: they do not reach it, or it ignores them.`;
  return {
    severity: 'critical',
    confidence: cases.length > 1 || cases.some((h) => h.alive === null) ? 'high' : 'medium',
    title: `Large segments from ${who} never arrive on ${n} of ${service.name}: MTU black hole`,
    summary: `On ${n} of ${service.name}, ${who} sent segments of up to ${countText(size)} octets of payload and repeated them ${plural(repeats, 'time')} since ${clock(capture, begin)}, for up to ${durationText(longest)}, and none was ever acknowledged. Small segments pass: ${proof}. A link on the path carries only smaller packets, and drops the others. ${icmp}`,
    subject: subjectOf(group),
    atFault: 'path',
    faultBecause: `size alone tells what is lost from what passes: ${proof}`,
    since: begin,
    until: null,
    count: cases.length,
    connections: cases.map((h) => h.connection.id),
    evidence: examples(cases, 5).flatMap((h) =>
      proofs(h.connection.id, [
        [h.end.sequence.inVainSince!.frame, since(h), `${h.end.name} repeats a large segment for the first time`],
        [
          h.end.sequence.lastRetransmission!.frame,
          lastRepeat(h),
          `and for the ${countText(h.end.sequence.resentInVain)}th, still without an acknowledgment`,
        ],
      ]),
    ),
    metrics: { largestPayloadOctets: size, repeats, longestSeconds: longest, icmpTooBig: told.length, pathMtu: mtu },
    causes: [
      {
        text: 'a tunnel, VPN, PPPoE line or overlay on the path takes room for its own headers, and ICMP "fragmentation needed" is filtered or never sent',
        likelihood: 'high',
        because:
          told.length === 0 ? 'no such ICMP message is in the capture' : 'the ICMP message passes here, and the sender does not follow it',
      },
      {
        text: 'two hosts or switches of one network disagree about the MTU (jumbo frames on one side only)',
        likelihood: 'medium',
        because: 'a switch drops what is too large for a port without a word',
      },
    ],
    remedies: remediesOf(cases[0]!),
    caveats: group.caveats,
  };
}

const remediesOf = ({ end, peer }: BlackHole): Remedy[] => [
  {
    text: `find the size that passes, from ${end.ip}: lower it until there are answers (MTU = size + 28)`,
    command: `ping -M do -s 1372 ${peer.ip}; tracepath -n ${peer.ip}`,
    appliesTo: 'Linux (iputils); IPv6: size + 48',
  },
  {
    text: 'let ICMP type 3 code 4 (IPv6: packet too big) pass every firewall and security group on the way back',
    command: 'iptables -I FORWARD -p icmp --icmp-type fragmentation-needed -j ACCEPT',
    appliesTo: 'routers and firewalls of the path',
  },
  {
    text: 'where the tunnel is yours, clamp the MSS of what goes through it',
    command: 'iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
    appliesTo: 'Linux routers; nft: tcp option maxseg size set rt mtu',
  },
  {
    text: `as a workaround let ${end.ip} find the size without ICMP`,
    command: 'sysctl -w net.ipv4.tcp_mtu_probing=1',
    appliesTo: 'Linux senders; 1: only after a black hole was met',
  },
  {
    text: 'clearing the DF bit (ip_no_pmtu_disc=1), as often advised, trades the loss for IP fragments at best: it does nothing for IPv6, nor where a switch drops. Switching TSO and GRO off changes nothing: the packets on the wire are as large',
    command: null,
    appliesTo: 'Linux',
  },
];
