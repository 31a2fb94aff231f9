/** `reflection`: answers of many servers to one address that asked none of them; somebody asks in its name. */
import { AMPLIFIERS } from '../model/amplifiers.ts';
import type { CaptureView } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import type { Reflected } from '../model/unasked.ts';
import { secondsOf } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

/** What a host refuses of what it gets: Linux sends one ICMP error per second to each sender by default (icmp_ratelimit). */
const REFUSED_SHARE = 0.05;

export const reflection = defineDetector({
  id: 'reflection',
  title: 'Reflection: answers to questions that this address never asked',
  severity: 'warning',
  category: 'flood',
  params: {
    minAnswers: { default: 50, text: 'answers to one address, of at least ten servers, that it did not ask for' },
  },
  docs: {
    what: 'Servers answer an address that asked them nothing: DNS, NTP, memcached and other answers over UDP, ICMP echo replies, or SYN-ACKs of many services. Somebody sends them questions with this address as the source, and the answers flood it.',
    why: 'Answers are up to thousands of times as large as the questions, come from honest servers all over the world, and fill the line before any host can drop them. Their owners see an attack by the victim.',
    how: 'Questions are remembered by who asks, from which port, for which service; an answer that meets none is unasked. At least minAnswers of ten servers or more to one address, against at most a tenth as many that it asked for. That the capture would hold the questions is shown by ICMP port unreachable or RSTs of the receiver, or by other packets that it sent.',
    never:
      'A capture that holds nothing the receiver sends (one direction, asymmetric routes, telescopes): inconclusive. Multicast and broadcast questions, which others answer. Services whose ports are the same on both ends (NTP peers, NetBIOS). One service that answers many addresses: backscatter.',
    limits:
      'UDP services that are known for it, by port; QUIC, games and VoIP are not looked at. Who forges the questions the capture cannot say. In the traffic of a busy resolver a reflection that is smaller than ten times its own answers is not seen.',
    references: [
      'US-CERT TA14-017A: UDP-Based Amplification Attacks',
      'Rossow: Amplification Hell, NDSS 2014',
      'Kührer et al.: Hell of a Handshake (TCP), WOOT 2014',
      'RFC 2827 (BCP 38)',
    ],
  },
  detect(capture, params): Detection {
    const groups = capture.reflected.filter((g) => total(g) >= params.minAnswers);
    const proven = capture.quality.oneDirection ? [] : groups.filter(isProven);
    const [first] = groups;
    if (proven.length === 0 && first !== undefined) {
      return {
        verdict: 'inconclusive',
        because: `${plural(total(first), 'answer')} reached ${first.receiver} whose questions are not in the capture, and nothing shows that it would hold them`,
      };
    }
    return found(draftLargest(proven, total, (g) => draft(capture, g), 'address'));
  },
});

const total = (g: Reflected): number => g.answers + g.synAcks.length;
const isProven = (g: Reflected): boolean => g.heard || g.refused >= REFUSED_SHARE * total(g);

/** `254 DNS answers, 43 SYN-ACKs`, most frequent first. */
function kindsText(g: Reflected): string {
  const kinds = [
    ...g.kinds.map(({ port, count }) => ({
      count,
      text: port === 0 ? plural(count, 'ICMP echo reply', 'ICMP echo replies') : plural(count, `${AMPLIFIERS[port]!} answer`),
    })),
    ...(g.synAcks.length > 0 ? [{ count: g.synAcks.length, text: plural(g.synAcks.length, 'SYN-ACK') }] : []),
  ];
  return kinds
    .sort((a, b) => b.count - a.count)
    .slice(0, 5)
    .map((k) => k.text)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');
}

/** Everything of these kinds that reaches the address; asked for or not, which no filter can say. */
function filterOf({ receiver, kinds, synAcks }: Reflected): string {
  const v6 = receiver.includes(':');
  const ports = kinds.map((k) => k.port).filter((port) => port !== 0);
  const terms = [
    ...(ports.length > 0 ? [`udp.srcport in {${ports.join(',')}}`] : []),
    ...(kinds.some((k) => k.port === 0) ? [v6 ? 'icmpv6.type==129' : 'icmp.type==0'] : []),
    ...(synAcks.length > 0 ? ['(tcp.flags.syn==1 && tcp.flags.ack==1)'] : []),
  ];
  return `${v6 ? 'ipv6' : 'ip'}.dst==${receiver} && (${terms.join(' || ')})`;
}

function draft(capture: CaptureView, g: Reflected): Draft {
  const { receiver, first, last } = g;
  const seconds = secondsOf(last - first);
  const bits = seconds > 0 ? Math.round((8 * g.bytes) / seconds) : null;
  const what = kindsText(g);
  const because =
    g.refused > 0
      ? `${receiver} refused ${countText(g.refused)} of them (ICMP port unreachable, RST): it knows nothing of the questions`
      : `other packets of ${receiver} are in the capture, and no such question is among them`;
  const ports = g.kinds.map((k) => k.port).filter((port) => port !== 0);
  return {
    severity: 'warning',
    confidence: g.refused >= REFUSED_SHARE * total(g) ? 'high' : 'medium',
    title: `Reflection: ${what} of ${plural(g.senders, 'server')} to ${receiver}, which asked none of them`,
    summary: `${what} of ${plural(g.senders, 'server')} reached ${receiver} ${period(capture, first, last)}${bits === null ? '' : ` (UDP and ICMP: ${countText(g.bytes)} octets, ${countText(g.peakPerSecond)} in the busiest second)`}, and it had asked for none: ${because}. Somebody sends questions in its name, so that the answers hit it. The servers are not the attackers.`,
    subject: { host: receiver },
    atFault: 'attacker',
    faultBecause: because,
    since: first,
    until: last,
    count: total(g),
    connections: g.synAcks,
    evidence: [...g.examples.map((e) => example(receiver, e)), ...examples(g.synAcks, 3).flatMap((id) => synAck(capture, id))],
    metrics: {
      answers: g.answers,
      synAcks: g.synAcks.length,
      senders: g.senders,
      octets: g.bytes,
      bitsPerSecond: bits,
      peakPerSecond: g.peakPerSecond,
      refused: g.refused,
    },
    displayFilter: filterOf(g),
    causes: [
      { text: `An attack on ${receiver}, reflected by servers that answer everybody`, likelihood: 'high', because },
      {
        text: 'The questions leave by another way than the capture sees',
        likelihood: 'low',
        because: g.refused > 0 ? 'then the receiver would not refuse the answers' : 'then none of its packets would be here',
      },
    ],
    remedies: [
      {
        text: 'Have the provider drop them before the line is full: by source port (flowspec), or the address for a time (blackhole). Behind the line it is too late.',
        command: null,
        appliesTo: 'the provider, or a scrubbing service',
      },
      ...(ports.length > 0
        ? [
            {
              text: 'Spare the hosts at least: drop answers that no question of theirs explains.',
              command: `nft add rule inet filter input udp sport { ${ports.slice(0, 10).join(', ')} } ct state new drop`,
              appliesTo: `Linux with connection tracking, on ${receiver} or the router before it`,
            },
          ]
        : []),
      {
        text: 'Do not block the servers one by one: they are thousands, and the resolvers among them serve somebody. Tell their networks of the open services; forged sources end where BCP 38 is in force.',
        command: null,
        appliesTo: 'blocklists',
      },
    ],
  };
}

const example = (receiver: string, { frame, time, sender, port }: Reflected['examples'][number]): EvidenceDraft => ({
  connection: null,
  frame,
  time,
  note: `${port === 0 ? 'ICMP echo reply' : `${AMPLIFIERS[port]!} answer`} of ${sender}, which ${receiver} had not asked`,
});

function synAck(capture: CaptureView, id: Reflected['synAcks'][number]): EvidenceDraft[] {
  const c = capture.connection(id);
  const rst = c.marks.find((m) => m.mark === Mark.RST);
  return proofs(id, [
    [c.firstFrame, c.start, `SYN-ACK of ${c.server.name} without a SYN`],
    [rst?.frame ?? null, rst?.time ?? null, `${c.client.ip} refuses it by RST`],
  ]);
}
