/** `mss-clamping`: one direction announces a maximum segment size below Ethernet's: a tunnel, or a router that rewrites it. */
import type { CaptureView, ServiceView, SmallMss } from '../model/capture-view.ts';
import type { Cause } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import type { Nanos } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { Flag } from '../model/flags.ts';
import { type Detection, defineDetector, type Draft, foundUnless } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { flagSet } from './tcpdump.ts';

const EXAMPLES = 4;
/** Headers that the MSS leaves out, without options (RFC 9293 §3.7.1). */
const HEADERS_V4 = 40;
const HEADERS_V6 = 60;

export const mssClamping = defineDetector({
  id: 'mss-clamping',
  title: 'The maximum segment size is below that of Ethernet',
  severity: 'info',
  category: 'path',
  params: {
    minConnections: { default: 3, text: 'handshakes of one service with the same small value' },
    minShare: { default: 0.5, text: 'and their share of the handshakes of the service: a value of the path, not of single clients' },
    minDifference: { default: 20, text: 'octets below what the other end announces' },
  },
  docs: {
    what: 'The SYNs (or SYN-ACKs) of a service arrive with an MSS well below 1460 (IPv6: 1440), while the other end announces more.',
    why: 'Somebody knows that the path is narrower than Ethernet: the interface of a tunnel or VPN, or a router that lowers the option in passing (clamping). It is a remedy for path MTU black holes and costs little; where it is missing in one direction, large segments may be lost there.',
    how: 'The MSS options of completed handshakes, by service and end: values below 1452 (IPv6: 1432) of which most handshakes of the service have one, at least minDifference below what the other end announces.',
    never: 'Jumbo frames on one side only, PPPoE (8 octets), single clients with a small value, SYNs whose options were not captured.',
    limits: 'Whether a router rewrote the option or the sender chose it shows only in a second capture at the sender.',
    references: ['RFC 9293 §3.7.1', 'RFC 6691', 'RFC 4459', 'nft(8): tcp option maxseg size set rt mtu'],
  },
  detect(capture, params): Detection {
    const { smallMss } = capture.openings;
    const fits = smallMss.filter(
      (m) =>
        m.count >= params.minConnections && m.count >= params.minShare * m.service.completed && m.peerMss - m.mss >= params.minDifference,
    );
    const byName = new Map<ServiceView, SmallMss>();
    for (const m of fits) if (m.count > (byName.get(m.service)?.count ?? 0)) byName.set(m.service, m);
    return foundUnless(
      draftLargest(
        [...byName.values()],
        (m) => m.count,
        (m) => draft(capture, m),
        'service',
      ),
      capture.quality.oneDirection && 'the capture holds one direction only: what the other end announces is not in it',
    );
  },
});

function draft(capture: CaptureView, { service, side, mss, peerMss, count, ids }: SmallMss): Draft {
  const shown = ids.map((id) => capture.connection(id));
  const since = shown.reduce((t, c) => Math.min(t, c.start), Infinity) as Nanos;
  const ends = [...new Set(shown.map((c) => c.ends[side].ip))];
  const who =
    side === Side.SERVER
      ? `the SYN-ACKs of ${service.name}`
      : `the SYNs of ${ends.length === 1 ? ends[0]! : plural(ends.length, 'client')}`;
  const mtu = mss + (service.ip.includes(':') ? HEADERS_V6 : HEADERS_V4);
  return {
    severity: 'info',
    confidence: 'medium',
    title: `MSS ${String(mss)} instead of ${String(peerMss)} in ${plural(count, 'handshake')} with ${service.name}`,
    summary: `In ${countText(count)} of ${plural(service.completed, 'handshake')} with ${service.name}, since ${clock(capture, since)}, ${who} announce an MSS of ${countText(mss)} octets, while the other end announces ${countText(peerMss)}: a path MTU of ${countText(mtu)}. Either that host sends through a narrower interface (tunnel, VPN), or a router on the way rewrites the option. Segments towards it will not be larger.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count,
    connections: ids,
    evidence: examples(shown, EXAMPLES).flatMap((c) => {
      const synAck = c.transitions.find((t) => t.frame !== null && t.frame === c.server.firstSynAckFrame);
      const note = (end: Side): string =>
        `${end === Side.CLIENT ? 'SYN' : 'SYN-ACK'} of ${c.ends[end].name}: MSS ${String(c.ends[end].mss)}`;
      return proofs(c.id, [
        [c.firstFrame, c.start, note(Side.CLIENT)],
        [synAck?.frame ?? null, synAck?.time ?? null, note(Side.SERVER)],
      ]);
    }),
    metrics: { mssBytes: mss, otherMssBytes: peerMss, pathMtuBytes: mtu, hosts: ends.length, handshakesCompleted: service.completed },
    causes: causes(mss, peerMss),
    remedies: [
      {
        text: 'To see who lowers it, compare with a capture at the host that announces it.',
        command: `tcpdump -nvi any 'tcp port ${String(service.port)} and ${flagSet(service.ip, Flag.SYN)}'`,
        appliesTo: 'on that host',
      },
      {
        text: 'Clamp both directions alike; a router that does so needs only this.',
        command: 'nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu',
        appliesTo: 'nftables, Linux 4.14 and newer; iptables -j TCPMSS --clamp-mss-to-pmtu',
      },
    ],
    caveats: [],
    explainedByRules: [],
  };
}

const causes = (mss: number, peerMss: number): Cause[] => [
  {
    text: 'A router on the way rewrites the MSS option',
    likelihood: 'medium',
    because: `one end announces ${String(mss)}, the other ${String(peerMss)}`,
  },
  {
    text: 'That host sends through a tunnel or VPN with a smaller MTU',
    likelihood: 'medium',
    because: 'a host announces the MTU of its interface less the headers',
  },
];
