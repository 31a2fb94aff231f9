/** A client that runs out of local ports towards one service: the failing connect() leaves no packet, its traces do. */
import type { CaptureView } from '../model/capture-view.ts';
import { endpointText } from '../model/address.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import type { ConnId } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { heldRate, oddFrom, type PortUsage, portUsage, reuseGaps, type Stop, stopOf, waitsForPorts, wholeRange } from './port-usage.ts';

const PARAMS = {
  minPorts: { default: 50, text: 'different local ports of one client towards one service from which on it is looked at' },
  stopSeconds: { default: 1, text: 'connects have stopped when none follows for this time (and for five times the longest usual pause)' },
  rateSeconds: { default: 10, text: 'how long a rate above ports / TIME_WAIT must be held' },
  minReuses: { default: 50, text: 'reused ports from which on the gaps before their reuse count' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** Who closes, and whether handshakes complete: below these shares the ports are not what runs out. */
const CLIENT_CLOSES = 0.8;
const ESTABLISHED = 0.8;

/** What was seen of one client towards one service. */
interface Signs {
  readonly use: PortUsage;
  /** Size of the range of which every port was used; null when that does not show. */
  readonly range: number | null;
  readonly oddFrom: ConnId | null;
  readonly stop: Stop | null;
  readonly waits: number | null;
  readonly rate: number;
}

export const portExhaustion = defineDetector({
  id: 'port-exhaustion',
  title: 'A client runs out of local ports',
  severity: 'critical',
  category: 'time-wait',
  params: PARAMS,
  docs: {
    what: 'A client has used all, or nearly all, of its local ports towards one destination address and port. Further connects fail with EADDRNOTAVAIL ("Cannot assign requested address") before any packet is sent.',
    why: 'The failure is in the log of the application only. The limit is per source address, destination address and destination port: 28,232 ports with the default range of Linux, so 470 new connections per second when the client closes first and each port waits 60 s; 16,384 ports and 120 s on Windows, so 136.',
    how: 'Four traces are looked for, in clients that complete their handshakes and close first. All ports of a range were used, half by half as Linux does, and connects stop while nearly all are in TIME_WAIT: critical. Ports are taken again as soon as their TIME_WAIT is over (60 s on Linux): critical. A client whose first 50 ports were even goes over to odd ones, which Linux does when no even port is left for the destination: warning. The rate of connects stays above ports / TIME_WAIT for rateSeconds and no port comes back earlier: warning.',
    never:
      'A short burst on a few ports, a server that closes first (the ports of the client are free at once), floods without handshakes, and ports that come back within TIME_WAIT while connects go on: tcp_tw_reuse at work without harm.',
    limits:
      'The failing connect() leaves no packet; silence may also mean that the client had nothing more to ask. Clients behind NAT have the ports of the translator, whose shortage looks the same. Range and TIME_WAIT are the defaults of the profile of the client; a sysctl or a registry value changes them.',
    references: [
      'Linux net/ipv4/inet_hashtables.c __inet_hash_connect',
      'Linux Documentation/networking/ip-sysctl.rst (ip_local_port_range, tcp_tw_reuse)',
      'connect(2), EADDRNOTAVAIL',
      'RFC 6056',
    ],
  },
  detect: (capture, params) => {
    if (capture.quality.oneDirection || capture.quality.flagsOnly) {
      return {
        verdict: 'inconclusive',
        because: 'without both directions and plain ACKs the capture does not show which connections hold a port',
      };
    }
    return found(
      capture.clientGroups(params.minPorts).flatMap((group) => draft(capture, signsOf(capture, portUsage(capture, group), params), params)),
    );
  },
});

function signsOf(capture: CaptureView, use: PortUsage, params: Params): Signs | null {
  if (use.established < ESTABLISHED || use.clientCloses < CLIENT_CLOSES) return null;
  const range = wholeRange(use, params.minPorts);
  const gaps = reuseGaps(capture, use);
  const waits = waitsForPorts(use, gaps, params.minReuses);
  // tcp_tw_reuse (or a peer that lets go at once): then TIME_WAIT blocks nobody for long.
  const reusedEarly = gaps.some((g) => g.seconds < use.kernel.profile.timeWait - 1);
  const stop = range === null || reusedEarly ? null : stopOf(capture, use, params.stopSeconds);
  const full = stop !== null && range !== null && stop.busy >= 0.9 * range;
  const signs: Signs = {
    use,
    range,
    oddFrom: reusedEarly ? null : oddFrom(use),
    stop: full ? stop : null,
    waits,
    rate: reusedEarly ? 0 : heldRate(use, params.rateSeconds),
  };
  return signs.stop !== null || signs.waits !== null || signs.oddFrom !== null || tooFast(signs) ? signs : null;
}

const defaultPorts = ({ kernel }: PortUsage): number => kernel.profile.ports[1] - kernel.profile.ports[0] + 1;
const portsOf = ({ use, range }: Signs): number => range ?? Math.max(defaultPorts(use), use.high - use.low + 1);
const tooFast = (s: Signs): boolean => s.rate > portsOf(s) / s.use.kernel.profile.timeWait;

function draft(capture: CaptureView, s: Signs | null, params: Params): Draft[] {
  if (s === null) return [];
  const { use, stop, waits } = s;
  const { client, service, ids } = use.group;
  const towards = endpointText(service.ip, service.port);
  const critical = stop !== null || waits !== null;
  const facts = factsOf(capture, s, params);
  const all =
    s.range === null ? `${countText(use.distinct)} local ports` : `all ${countText(s.range)} local ports (${use.low} to ${use.high})`;
  return [
    {
      severity: critical ? 'critical' : 'warning',
      confidence: stop !== null && waits === null ? 'medium' : critical ? 'high' : 'medium',
      title: critical
        ? `${client} has run out of local ports towards ${towards}`
        : `${client} is about to run out of local ports towards ${towards}`,
      summary: `${client} opened ${plural(ids.length, 'connection')} to ${towards} and used ${all}. ${facts.join(' ')} The limit is per destination address and port; further connects fail there with EADDRNOTAVAIL, which sends no packet.`,
      subject: { host: client, role: 'client', peer: service.ip, port: service.port },
      atFault: client,
      faultBecause: `it opens a connection per exchange and closes it first (${Math.round(100 * use.clientCloses)} % of those looked at), so that each port waits ${String(use.kernel.profile.timeWait)} s in TIME_WAIT (${use.kernel.text})`,
      since: stop?.at ?? (s.oddFrom === null ? use.starts[0]! : capture.connection(s.oddFrom).start),
      until: null,
      count: ids.length,
      connections: ids,
      evidence: evidenceOf(capture, s),
      metrics: {
        ports: use.distinct,
        lowestPort: use.low,
        highestPort: use.high,
        range: s.range,
        busyPorts: stop?.busy ?? null,
        stoppedForSeconds: stop?.seconds ?? null,
        reuseGapSeconds: waits,
        connectsPerSecond: s.rate > 0 ? s.rate : null,
      },
      causes: causesOf(use),
      remedies: REMEDIES,
      caveats:
        stop !== null && waits === null
          ? [
              {
                code: 'silence-only',
                text: 'That connects stop may also mean that the work was done: the log of the application (EADDRNOTAVAIL) or strace -e connect decides.',
                count: 1,
              },
            ]
          : [],
      explainedByRules: ['http-flood', 'time-wait-excess'],
    },
  ];
}

/** One sentence per sign. */
function factsOf(capture: CaptureView, s: Signs, params: Params): string[] {
  const { use, stop, waits } = s;
  const facts: string[] = [];
  if (stop) {
    facts.push(
      `${countText(stop.busy)} of them were open or in TIME_WAIT when the connects stopped at ${clock(capture, stop.at)}; none followed in the ${durationText(stop.seconds)} to the end of observation.`,
    );
  }
  if (waits !== null)
    facts.push(`Ports are taken again ${durationText(waits)} after their last use (median), as soon as TIME_WAIT lets go of them.`);
  if (s.oddFrom !== null) {
    const c = capture.connection(s.oddFrom);
    const n = use.group.ids.indexOf(s.oddFrom);
    facts.push(
      `Its first ${countText(n)} ports were even; from ${clock(capture, c.start)} on it takes odd ones, which Linux does when no even port is left for this destination.`,
    );
  }
  if (tooFast(s)) {
    const limit = portsOf(s) / use.kernel.profile.timeWait;
    facts.push(
      `It opened ${countText(Math.round(s.rate))} connections per second over ${params.rateSeconds} s; ${countText(portsOf(s))} ports last for ${countText(Math.round(limit))}.`,
    );
  }
  return facts;
}

function evidenceOf(capture: CaptureView, s: Signs): Draft['evidence'] {
  const { ids } = s.use.group;
  const last = capture.connection(ids.length > 1_000 ? ids[999]! : ids.at(-1)!);
  const some = examples(ids, 3).map((id) => capture.connection(id));
  const odd = s.oddFrom === null ? [] : [capture.connection(s.oddFrom)];
  return [
    ...some.flatMap((c) =>
      proofs(c.id, [
        [c.client.firstFinFrame, c.client.finTime, `${c.client.name} closes first: port ${c.client.port} goes into TIME_WAIT`],
      ]),
    ),
    ...odd.flatMap((c) => proofs(c.id, [[c.firstFrame, c.start, `the first odd port, ${c.client.port}`]])),
    ...proofs(last.id, [
      [
        last.firstFrame,
        last.start,
        ids.length > 1_000 ? `SYN from port ${last.client.port}` : `the last SYN, from port ${last.client.port}`,
      ],
    ]),
  ];
}

function causesOf(use: PortUsage): Cause[] {
  return [
    {
      text: `no connection reuse: the application on ${use.group.client} connects for each request and closes`,
      likelihood: 'high',
      because: `the client closed first in ${Math.round(100 * use.clientCloses)} % of the connections`,
    },
    {
      text: 'the range of local ports was made small, or many of its ports are reserved (net.ipv4.ip_local_reserved_ports)',
      likelihood: use.distinct < defaultPorts(use) / 2 ? 'medium' : 'low',
      because: `${countText(use.distinct)} different ports between ${use.low} and ${use.high} were used`,
    },
    {
      text: 'a translator (NAT) in front of several clients runs out of its ports',
      likelihood: 'low',
      because: 'the capture sees one address; several TTLs or timestamp clocks behind it would speak for a translator',
    },
  ];
}

const REMEDIES: readonly Remedy[] = [
  { text: 'reuse connections: keep-alive and a pool', command: null, appliesTo: 'the application on the client' },
  {
    text: 'count the busy ports towards the destination and see the range',
    command:
      "ss -Htan state time-wait | awk '{print $4}' | sort | uniq -c | sort -rn | head; sysctl net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports",
    appliesTo: 'Linux',
  },
  {
    text: 'let connect() take a port again 1 s after it entered TIME_WAIT; both ends need timestamps',
    command: 'sysctl -w net.ipv4.tcp_tw_reuse=1',
    appliesTo: 'Linux, outgoing connections (the default 2 since 4.19 is loopback only)',
  },
  {
    text: 'widen the range, or add source or destination addresses: each pair has its own ports',
    command: 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
    appliesTo: 'Linux',
  },
  {
    text: 'what does not help: tcp_fin_timeout does not shorten TIME_WAIT (60 s, fixed), tcp_tw_recycle is gone since 4.12, SO_REUSEADDR is for bind()',
    command: null,
    appliesTo: 'Linux',
  },
];
