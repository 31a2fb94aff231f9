/** `icmp-unreachable`: an ICMP error answers a TCP segment: who says it, about what, and what it means. The words are in icmp-errors.ts. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { append } from './append.ts';
import { idsByService, sampledCaveats } from './ids-by-service.ts';
import { type Detection, defineDetector, type Draft, foundUnless } from './detector.ts';
import { clock, examples, period, proofs } from './evidence.ts';
import { type IcmpMeaning, icmpMeaning } from './icmp-errors.ts';
import { draftLargest } from './largest.ts';

const EXAMPLES = 5;
/** From so many unreachable hosts with an error or two each, the client's way out is the subject. */
const MANY_HOSTS = 3;

interface Told {
  readonly c: ConnectionView;
  readonly mark: MarkEvent;
  readonly meaning: IcmpMeaning;
  /** The error ended the connect(); one about an established connection is only a hint (RFC 5461). */
  readonly failed: boolean;
  /** Null: not kept. */
  readonly reporter: string | null;
}

interface Group {
  /** Who could not be reached; the client, where many could not. */
  readonly host: string;
  /** How many hosts, where the client is the subject. */
  readonly hosts?: number;
  readonly services: readonly ServiceView[];
  readonly told: readonly Told[];
  /** One of the services had answered a SYN before the first error. */
  readonly workedBefore: boolean;
}

export const icmpUnreachable = defineDetector({
  id: 'icmp-unreachable',
  title: 'An ICMP error answers a connection',
  severity: 'warning',
  category: 'open',
  params: {
    manyAttempts: { default: 10, text: 'connects to one host that fail by ICMP from which it is critical' },
  },
  docs: {
    what: 'A router, a firewall or the host itself answers a TCP segment by an ICMP error: unreachable, prohibited, time exceeded.',
    why: 'A connect() fails at once (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EACCES) with an error that names neither the reporter nor the rule behind it. On an established connection the error is a hint that the kernel keeps to itself while it goes on retransmitting.',
    how: 'The header that the error quotes is looked up among the connections. Grouped by the host that could not be reached; the codes are told in words, with the address that reported them. Reported by the destination itself, the host or its own packet filter says so; by another address, the path does. Critical from manyAttempts failed connects or where the service had answered before, otherwise a warning, a single one a notice; many hosts with an error or two each are one finding about their client; information where only established connections were concerned, or where hops ran out as traceroute has it.',
    never:
      'Fragmentation needed and packet too big (pmtu-discovery), port scans, ICMP that quotes no connection of the capture, echo and redirects.',
    limits:
      'Whether the reporter is entitled to say so is not checked: ICMP can be forged by anybody who knows addresses and ports. Silent drops leave no ICMP (syn-unanswered).',
    references: [
      'RFC 792',
      'RFC 1122 §4.2.3.9',
      'RFC 1812 §5.2.7',
      'RFC 4443 §3',
      'RFC 5461 (soft errors)',
      'RFC 5927 (ICMP attacks against TCP)',
    ],
  },
  detect(capture, params): Detection {
    const groups = groupsOf(capture);
    return foundUnless(
      draftLargest(
        groups,
        (g) => g.told.length,
        (g) => draft(capture, g, params.manyAttempts),
        'host',
      ),
      capture.quality.oneDirection && 'the capture holds one direction only: the errors about it come the other way',
    );
  },
});

function groupsOf(capture: CaptureView): Group[] {
  const hosts = new Map<string, { services: ServiceView[]; told: Told[]; workedBefore: boolean }>();
  for (const [service, list] of idsByService(capture, capture.openings.icmpErrors, () => false)) {
    for (const id of list) {
      const c = capture.connection(id);
      const told = toldOf(c);
      if (told === null) continue;
      const host = told.mark.side === Side.CLIENT ? c.server.ip : c.client.ip;
      const group = hosts.get(host) ?? { services: [], told: [], workedBefore: false };
      hosts.set(host, group);
      if (group.services.at(-1) !== service) group.services.push(service);
      if (told.failed && !group.workedBefore)
        group.workedBefore = service.synAcks > 0 && service.answeredAround(told.mark.time, capture.end).before !== null;
      group.told.push(told);
    }
  }
  return withoutStrays([...hosts].map(([host, g]) => ({ host, ...g, told: g.told.sort((a, b) => a.c.id - b.c.id) })));
}

/** One or two errors each about many hosts, to one client: its way out (no route for a whole address family), not each of the hosts. */
function withoutStrays(groups: readonly Group[]): Group[] {
  const strays = new Map<string, Group[]>();
  const out: Group[] = [];
  for (const g of groups) {
    const client = g.told.length <= 2 && !g.workedBefore && g.told.every((t) => t.failed) ? g.told[0]!.c.client.ip : null;
    if (client === null) out.push(g);
    else append(strays, client, g);
  }
  for (const [client, list] of strays) {
    if (list.length <= MANY_HOSTS) out.push(...list);
    else
      out.push({
        host: client,
        hosts: list.length,
        services: list.flatMap((g) => g.services),
        told: list.flatMap((g) => g.told).sort((a, b) => a.c.id - b.c.id),
        workedBefore: false,
      });
  }
  return out;
}

function toldOf(c: ConnectionView): Told | null {
  const ipv6 = c.server.ip.includes(':');
  for (const mark of c.marks) {
    if (mark.mark !== Mark.ICMP_ERROR) continue;
    const meaning = icmpMeaning(mark.detail, ipv6);
    if (meaning !== null)
      return { c, mark, meaning, reporter: c.icmpReporter, failed: mark.side === Side.CLIENT && c.outcome === 'refused' };
  }
  return null;
}

/** `prohibited (4 times, by 10.0.0.1)`, most frequent first. */
function kindsOf(told: readonly Told[]): { text: string; count: number; meaning: IcmpMeaning }[] {
  const kinds = new Map<string, Told[]>();
  for (const t of told) append(kinds, t.meaning.text, t);
  return [...kinds.values()]
    .map((list) => ({ text: list[0]!.meaning.text, count: list.length, meaning: list[0]!.meaning }))
    .sort((a, b) => b.count - a.count);
}

function draft(capture: CaptureView, g: Group, manyAttempts: number): Draft {
  const { host, told } = g;
  const n = told.length;
  const failed = told.filter((t) => t.failed).length;
  const kinds = kindsOf(told);
  const reporters = [...new Set(told.flatMap((t) => t.reporter ?? []))];
  const itself = reporters.length > 0 && reporters.every((r) => r === host);
  const onlyHops = kinds.every((k) => k.meaning.kind === 'hops');
  const single = g.hosts === undefined && g.services.length === 1 && told[0]!.mark.side === Side.CLIENT ? g.services[0]! : null;
  const since = told.reduce((t, x) => Math.min(t, x.mark.time), Infinity) as Nanos;
  const last = told.reduce((t, x) => Math.max(t, x.mark.time), 0) as Nanos;
  const by = itself
    ? 'the host itself'
    : reporters.length === 0
      ? 'somebody on the way'
      : reporters.length === 1
        ? reporters[0]!
        : plural(reporters.length, 'router');
  const where = g.hosts === undefined ? (single?.name ?? host) : `${plural(g.hosts, 'host')} from ${host}`;
  return {
    severity: severityOf(g, failed, onlyHops, manyAttempts),
    confidence: 'high',
    title: `ICMP ${kinds[0]!.text} for ${plural(n, failed === n ? 'connect' : 'connection')} to ${where}`,
    summary: [
      `${plural(n, 'connection')} towards ${where} ${n === 1 ? 'was' : 'were'} answered by an ICMP error ${period(capture, since, last)}, sent by ${by}: ${kinds.map((k) => `${k.text} (${countText(k.count)})`).join(', ')}.`,
      new Set(g.services.map((s) => s.port)).size > 1 ? `Ports: ${portsText(g)}.` : '',
      failed > 0
        ? `${plural(failed, 'connect')} failed at once with it.`
        : 'No connect failed of it: the kernels keep such an error about a live connection to themselves and go on retransmitting.',
      g.workedBefore ? 'The service had answered before in this capture.' : '',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: g.hosts !== undefined ? { host, role: 'client' } : single === null ? { host } : { host, role: 'server', port: single.port },
    atFault: failed === 0 ? null : itself ? host : 'path',
    faultBecause:
      failed === 0
        ? null
        : itself
          ? `the errors carry its own address: the host was reached, and it or its packet filter turns the segments away`
          : `the errors come from ${by}: the segments did not reach ${g.hosts === undefined ? host : 'the hosts'}`,
    since,
    until: null,
    count: n,
    connections: told.map((t) => t.c.id),
    evidence: examples(told, EXAMPLES).flatMap((t) =>
      proofs(t.c.id, [
        [t.c.firstFrame, t.c.start, `first segment of ${t.c.client.name} to ${t.c.server.name}`],
        [
          t.mark.frame,
          t.mark.time,
          `ICMP ${t.meaning.text}${t.reporter === null ? '' : ` from ${t.reporter}`}, ${durationText(secondsOf(t.mark.time - t.c.start))} later`,
        ],
      ]),
    ),
    metrics: {
      connections: n,
      failedConnects: failed,
      reporters: reporters.slice(0, 10).join(', '),
      kinds: kinds.map((k) => k.text).join(', '),
      ports: portsText(g),
      answeredBefore: g.workedBefore ? 1 : 0,
    },
    causes: kinds.slice(0, 3).map((k) => causeOf(k.meaning, k.count, itself)),
    remedies: remedies(g.hosts === undefined ? host : told[0]!.c.server.ip, single?.port ?? g.services[0]!.port, itself),
    caveats: [
      ...sampledCaveats(capture, capture.openings.icmpErrors, g.services),
      {
        code: 'clock-of-errors',
        text: `Linux limits how many ICMP errors it sends (icmp_ratelimit), so more connects may have failed since ${clock(capture, since)} than were told.`,
        count: 1,
      },
    ],
    explainedByRules: [],
  };
}

function severityOf(g: Group, failed: number, onlyHops: boolean, manyAttempts: number): Draft['severity'] {
  if (failed === 0 || onlyHops) return 'info';
  if (g.hosts === undefined && (failed >= manyAttempts || (g.workedBefore && failed >= 2))) return 'critical';
  return failed === 1 ? 'notice' : 'warning';
}

const portsText = (g: Group): string =>
  [...new Set(g.services.map((s) => s.port))]
    .sort((a, b) => a - b)
    .slice(0, 20)
    .join(', ');

function causeOf(meaning: IcmpMeaning, count: number, itself: boolean): Cause {
  const because = `${plural(count, 'error')} say${count === 1 ? 's' : ''} "${meaning.text}"${itself ? ', from the address of the host' : ''}`;
  switch (meaning.kind) {
    case 'filter':
      return {
        text: "A packet filter rejects the connection (iptables or nftables REJECT, a router's access list)",
        likelihood: 'high',
        because,
      };
    case 'host':
      return itself
        ? {
            text: 'A packet filter of the host rejects: a closed TCP port answers by RST, and REJECT by port unreachable',
            likelihood: 'high',
            because,
          }
        : { text: 'A device on the way (port forwarding, container host) has nothing behind this port', likelihood: 'high', because };
    case 'route':
      return {
        text: 'No route, or the last router finds nobody at the address (host down, ARP or neighbour discovery unanswered)',
        likelihood: 'high',
        because,
      };
    case 'hops':
      return { text: 'A traceroute, or a routing loop', likelihood: 'medium', because };
    case 'packet':
      return { text: 'A router could not read the IP header or an extension of it', likelihood: 'medium', because };
  }
}

/** `host`: what could not be reached, or one example of it. */
const remedies = (host: string, port: number, itself: boolean): Remedy[] => [
  itself
    ? {
        text: 'Find the rule that rejects.',
        command: 'nft list ruleset | grep -n reject; iptables-save | grep REJECT',
        appliesTo: `Linux, on ${host}`,
      }
    : {
        text: 'See where the way ends.',
        command: `mtr -T -P ${String(port)} ${host}; ip route get ${host}`,
        appliesTo: 'Linux, on the client',
      },
  {
    text: 'See whether the host is there at all.',
    command: `ip neigh show ${host}`,
    appliesTo: 'Linux, on the last router or a neighbour',
  },
];
