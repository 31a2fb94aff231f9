/** `land-attack`: SYNs whose source is their own destination, address and port. */
import type { CaptureView, ForgedGroup } from '../model/capture-view.ts';
import { secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

export const landAttack = defineDetector({
  id: 'land-attack',
  title: 'LAND attack: packets from the host to itself',
  severity: 'critical',
  category: 'flood',
  params: {
    minPackets: { default: 2, text: 'such SYNs for one service; a single one may be damage' },
  },
  docs: {
    what: 'SYNs arrive whose source address and port equal the destination.',
    why: 'Nobody can send such a packet by accident: it was forged to make the host answer itself. The stacks of 1997 hung on it, some devices still do. A host of today drops it, but somebody tries, and source addresses are not checked on the way.',
    how: 'A SYN whose source and destination, address and port, are the same, without any SYN-ACK to it.',
    never:
      'Loopback addresses, and a socket that really connects to itself (connect() to a local port that the kernel also chose as the source): that one is answered by a SYN-ACK. Same address but other ports is ordinary traffic of a host with itself.',
    limits: 'The sender cannot be named: the source is forged. Whether the host suffered shows in its other connections, if any.',
    references: ['CERT CA-1997-28', 'RFC 2827', 'RFC 1812 §5.3.8', 'linux net/ipv4/fib_frontend.c: __fib_validate_source'],
  },
  detect(capture, params): Detection {
    const groups = capture.impossibleSources.toItself
      .map((group) => ({ ...group, packets: Array.from(group.ids).reduce((sum, id) => sum + capture.connection(id).client.syn, 0) }))
      .filter((group) => group.packets >= params.minPackets);
    return found(
      draftLargest(
        groups,
        (g) => g.packets,
        (g) => draft(capture, g),
        'service',
      ),
    );
  },
});

function draft(capture: CaptureView, { service, ids, packets }: ForgedGroup & { readonly packets: number }): Draft {
  const connections = Array.from(ids, (id) => capture.connection(id));
  const [first, last] = [connections[0]!, connections.at(-1)!];
  const others = service.completed;
  const well = others === 0 ? '' : ` ${plural(others, 'ordinary handshake')} with it completed in the same capture.`;
  return {
    severity: 'critical',
    confidence: 'high',
    title: `LAND attack on ${service.name}: ${plural(packets, 'SYN')} from its own address and port`,
    summary: `${plural(packets, 'SYN')} whose source is ${service.name} itself came for ${service.name} ${period(capture, first.start, last.end)}. None was answered. Such a packet is forged: a host sends nothing to itself over a network.${well} Linux drops it before TCP sees it, as it comes in with one of the host's own addresses.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: 'attacker',
    faultBecause: `source and destination are the same address and port in ${plural(packets, 'SYN')}, and no SYN-ACK went out: no socket of ${service.ip} sent them`,
    since: first.start,
    until: last.end,
    count: packets,
    connections: ids,
    evidence: examples(connections, 4).flatMap((c) => proofs(c.id, [[c.firstFrame, c.start, `SYN from ${c.client.name} to itself`]])),
    metrics: { packets, durationSeconds: secondsOf(last.end - first.start), ordinaryHandshakes: others },
    causes: [
      {
        text: 'A LAND attack, or a vulnerability scanner that tries it',
        likelihood: 'high',
        because: `${plural(packets, 'packet')} within ${durationText(secondsOf(last.end - first.start))}, all with the same forged source`,
      },
      {
        text: 'A device that translates addresses sends a host its own packets back (hairpin NAT)',
        likelihood: 'low',
        because: 'it would have to choose the same port as well',
      },
    ],
    remedies: [
      {
        text: 'Drop packets that come in with an own address. Linux does by itself, as martian sources; this logs and counts them.',
        command: 'sysctl -w net.ipv4.conf.all.log_martians=1; lnstat -f rt_cache -k in_martian_src -c 1',
        appliesTo: 'Linux, on the attacked host; IPv4',
      },
      {
        text: 'Filter forged sources where they enter the network (BCP 38): from outside no packet comes with an inside source.',
        command: 'nft add rule inet raw prerouting fib saddr . iif oif missing drop',
        appliesTo: 'nftables, Linux 4.10 and newer, on the border router',
      },
    ],
    explainedByRules: [],
  };
}
