/** A router says that segments are too large, the sender takes smaller ones: path MTU discovery at work. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';

const PARAMS = {
  minMessages: { default: 1, text: 'ICMP messages about one host and service from which it is reported' },
} as const;

/** MTU that IPv6 guarantees (RFC 8200 §5), and the smallest that an IPv4 path has in practice. */
const SMALLEST_USUAL = 1_280;

interface Told extends Case {
  readonly messages: readonly MarkEvent[];
}

export const pmtuDiscovery = defineDetector({
  id: 'pmtu-discovery',
  title: 'Path MTU discovery at work',
  severity: 'info',
  category: 'path',
  params: PARAMS,
  docs: {
    what: 'ICMP messages say that segments of a connection were too large for a link on the path, and which MTU it has; what was refused goes on in smaller pieces.',
    why: 'Nothing is wrong: that is how a host learns the size of a path. The first connection to a destination loses a round trip by it. It also tells that a link (a tunnel, mostly) has a smaller MTU, and that everything depends on these messages getting through.',
    how: 'ICMP type 3 code 4 (IPv6: type 2) whose quoted header belongs to a connection in the capture, with the next-hop MTU that it carries, by the host whose segments were refused.',
    never:
      'Silent for other ICMP errors. Connections whose large segments are repeated all the same and never acknowledged are a black hole (pmtu-blackhole), whatever ICMP says. What is repeated for such a message is not counted as packet loss.',
    limits:
      'Messages that quote a connection outside the capture are left out, and so are those that quote too little to name its ports. Routers before RFC 1191 name no MTU. Anybody can forge such a message; an MTU far below 1,280 is suspicious.',
    references: [
      'RFC 1191, RFC 8201 (path MTU discovery)',
      'RFC 5927 §7 (forged ICMP)',
      'Linux: ip route get ADDRESS (mtu, expires), net.ipv4.route.mtu_expires 600 s, min_pmtu 552',
    ],
  },
  detect: (capture, params) => {
    const groups = byHost(capture, capture.troubles.tooBig, toldOf).filter((g) => messagesOf(g).length >= params.minMessages);
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

function toldOf(connection: ConnectionView): Told | null {
  for (const end of connection.ends) {
    const messages = connection.marks.filter((m) => m.mark === Mark.PATH_MTU && m.side === end.side);
    if (messages.length > 0 && !end.sequence.largeNeverAcknowledged) return { connection, end, messages };
  }
  return null;
}

const messagesOf = (group: HostGroup<Told>): readonly MarkEvent[] => group.cases.flatMap((it) => it.messages);

function draft(capture: CaptureView, group: HostGroup<Told>): Draft {
  const { service, cases } = group;
  const who = whoText(group);
  const messages = messagesOf(group);
  const mtus = messages.map((m) => m.detail).filter((mtu) => mtu > 0);
  const mtu = mtus.length === 0 ? null : mtus.reduce((a, b) => Math.min(a, b));
  const since = messages.reduce((t, m) => Math.min(t, m.time), Infinity) as Nanos;
  const until = messages.reduce((t, m) => Math.max(t, m.time), 0) as Nanos;
  const resent = cases.reduce((sum, it) => sum + it.end.sequence.fastRetransmissions + it.end.sequence.timeoutRetransmissions, 0);
  const cost = cases.reduce((sum, it) => sum + it.end.sequence.timeoutSeconds, 0);
  const size = mtu === null ? 'a smaller MTU, which the message does not name' : `an MTU of ${countText(mtu)} octets`;
  const odd = mtu !== null && mtu < SMALLEST_USUAL;
  return {
    severity: 'info',
    confidence: 'high',
    title: `A link between ${who} and the other end of ${service.name} has ${mtu === null ? 'a smaller MTU' : `an MTU of ${countText(mtu)}`}`,
    summary: `A router told ${who} ${period(capture, since, until)} that segments on ${plural(cases.length, 'connection')} of ${service.name} were too large: a link on the path has ${size}. ${who} followed: ${plural(resent, 'segment was', 'segments were')} sent again and got through${cost >= 0.001 ? `, at a cost of ${durationText(cost)} of waiting` : ''}. Path MTU discovery works here.${odd ? ` An MTU below ${countText(SMALLEST_USUAL)} is unusual; a forged message would look the same.` : ''}`,
    subject: subjectOf(group),
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 5).flatMap((it) =>
      proofs(it.connection.id, [
        [
          it.messages[0]!.frame,
          it.messages[0]!.time,
          `ICMP: too large${it.messages[0]!.detail > 0 ? `, MTU ${countText(it.messages[0]!.detail)}` : ''}`,
        ],
        [
          it.end.sequence.firstRetransmission?.frame ?? null,
          it.end.sequence.firstRetransmission?.time ?? null,
          `${it.end.name} sends again, smaller`,
        ],
      ]),
    ),
    metrics: {
      pathMtu: mtu,
      differentMtus: new Set(mtus).size,
      segmentsSentAgain: resent,
      waitedSeconds: cost,
      durationSeconds: secondsOf(until - since),
    },
    causes: [],
    remedies: [
      {
        text: 'keep letting these messages pass. Where the tunnel is yours, clamping the MSS there saves every first connection the detour',
        command: 'iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
        appliesTo: 'Linux routers in front of the smaller link',
      },
    ],
    caveats: group.caveats,
  };
}
