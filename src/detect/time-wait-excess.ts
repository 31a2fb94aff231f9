/** Many sockets in TIME_WAIT at once on one host: who closes first, how fast, and what it costs there. */
import type { CaptureView } from '../model/capture-view.ts';
import { endpointText } from '../model/address.ts';
import type { Cause, Remedy, Subject } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { kernelOf } from './kernel.ts';
import { draftLargest } from './largest.ts';
import { median, sample } from './statistics.ts';

const PARAMS = {
  perDestination: { default: 1_000, text: 'sockets in TIME_WAIT at once of one host towards one service, above which it is reported' },
  perHost: { default: 5_000, text: 'the same over all services of one host' },
  tableLimit: {
    default: 131_072,
    text: 'sockets that the table of the host holds (net.ipv4.tcp_max_tw_buckets; half of the established table by default)',
  },
  tableShare: { default: 0.8, text: 'share of the table from which on the accepting side is warned too' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** Measured: sizeof(struct tcp_timewait_sock) in its slab, kB. */
const KILOBYTES_EACH = 0.3;
/** Connections looked at for the typical life. */
const SAMPLE = 100;

interface Heap {
  readonly host: string;
  readonly side: Side;
  readonly subject: Subject;
  /** `10.0.0.9:6379`, or null: many services. */
  readonly towards: string | null;
  readonly peak: number;
  readonly peakAt: Nanos;
  readonly ids: readonly ConnId[];
}

export const timeWaitExcess = defineDetector({
  id: 'time-wait-excess',
  title: 'Many sockets in TIME_WAIT at once',
  severity: 'warning',
  category: 'time-wait',
  params: PARAMS,
  docs: {
    what: 'One host holds so many sockets in TIME_WAIT at the same time that they cost it something. The end that closes a connection first waits there (60 s on Linux and FreeBSD, 120 s on Windows, 30 s on macOS), so the number is the rate of closes times that.',
    why: 'On the connecting side each one keeps a local port busy towards that destination; when all are busy, connect() fails. On the accepting side each costs about 0.3 kB and no port, which is harmless until the table is full.',
    how: 'The stays in TIME_WAIT of each host are overlaid, per service and in all; the largest number at once counts. A stay lasts as long as the profile of the host says, ends earlier when the addresses and ports are used again, and is cut at the end of observation.',
    never: 'Up to perDestination at once towards one service and perHost in all.',
    limits:
      'The kernel of the host is guessed from its SYN or SYN-ACK, and may have destroyed some at once (tcp_max_tw_buckets). Connections closed before the capture began are not counted. How long the typical one lived is said of those whose SYN is in the capture.',
    references: [
      'RFC 9293 §3.4.2 and §3.6.1 (TIME-WAIT)',
      'RFC 6191',
      'Linux include/net/tcp.h TCP_TIMEWAIT_LEN',
      'Linux Documentation/networking/ip-sysctl.rst (tcp_tw_reuse, tcp_max_tw_buckets)',
    ],
  },
  detect: (capture, params) => {
    if (capture.quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: who closed first is not in it' };
    const heaps = heapsOf(capture, params);
    return found(
      draftLargest(
        heaps,
        (heap) => heap.peak,
        (heap) => draft(capture, heap, params),
        'group',
      ),
    );
  },
});

function heapsOf(capture: CaptureView, params: Params): Heap[] {
  const heaps: Heap[] = [];
  for (const g of capture.timeWaits(params.perDestination)) {
    if (g.peak <= params.perDestination) continue;
    const { host, side, service, peak, peakAt, ids } = g;
    const subject: Subject =
      side === Side.CLIENT ? { host, role: 'client', peer: service.ip, port: service.port } : { host, role: 'server', port: service.port };
    heaps.push({ host, side, subject, towards: endpointText(service.ip, service.port), peak, peakAt, ids });
  }
  const named = new Set(heaps.map((h) => h.host));
  for (const { host, asClient, asServer, peak, peakAt, ids } of capture.timeWaitHosts(params.perHost)) {
    if (peak <= params.perHost || named.has(host)) continue;
    const side = asClient >= asServer ? Side.CLIENT : Side.SERVER;
    heaps.push({ host, side, subject: { host, role: side === Side.CLIENT ? 'client' : 'server' }, towards: null, peak, peakAt, ids });
  }
  return heaps;
}

function draft(capture: CaptureView, heap: Heap, params: Params): Draft {
  const { host, side, peak, peakAt, ids } = heap;
  const client = side === Side.CLIENT;
  const closes = [ids[0]!, ids.at(-1)!].map((id) => closedAt(capture, id, side));
  const span = secondsOf(closes[1]! - closes[0]!);
  const rate = span > 0 ? (ids.length - 1) / span : null;
  const life = typicalLife(capture, ids);
  const lived = life === null ? '' : ` The typical connection lived ${durationText(life)}.`;
  const after = life === null ? '' : `, after ${durationText(life)} each (median)`;
  const towards = heap.towards === null ? '' : client ? ` towards ${heap.towards}` : ` at its service ${heap.towards}`;
  const tableNear = peak >= params.tableShare * params.tableLimit;
  const { profile, text: kernel } = kernelOf(capture.connection(ids[0]!).ends[side]);
  const ports = profile.ports[1] - profile.ports[0] + 1;
  const share = `${((100 * peak) / ports).toFixed(1)} %`;
  const cost = client
    ? `Each keeps one local port of ${host} busy towards that destination for ${String(profile.timeWait)} s: ${share} of the ${countText(ports)} default ports (${kernel})`
    : `Each costs about ${KILOBYTES_EACH} kB on ${host} (${countText(Math.round(peak * KILOBYTES_EACH))} kB in all) and no port, for ${String(profile.timeWait)} s (${kernel})`;
  const pace = rate === null ? '' : `, at ${rate >= 10 ? countText(Math.round(rate)) : rate.toFixed(1)} closes per second`;
  return {
    severity: client || tableNear ? 'warning' : 'notice',
    confidence: 'high',
    title: `${countText(peak)} sockets at once in TIME_WAIT on ${host}${towards}`,
    summary: `${host} closed ${countText(ids.length)} connections${towards} first${pace}, and held up to ${countText(peak)} sockets in TIME_WAIT at once (${clock(capture, peakAt)}).${lived} ${cost}${tableNear ? `; the table of ${countText(params.tableLimit)} is nearly full` : ''}.`,
    subject: heap.subject,
    atFault: host,
    faultBecause: `it closes first: it sent the first FIN of ${countText(ids.length)} connections${after}, instead of keeping them for the next request`,
    since: closes[0]!,
    until: null,
    count: ids.length,
    connections: ids,
    evidence: examples(ids, 4).flatMap((id) => {
      const end = capture.connection(id).ends[side];
      const peer = capture.connection(id).ends[1 - side]!;
      return proofs(id, [
        [end.firstFinFrame, end.finTime, `${end.name} sends the first FIN`],
        [peer.firstFinFrame, peer.finTime, `FIN from ${peer.name}: ${end.name} enters TIME_WAIT`],
      ]);
    }),
    metrics: {
      peakAtOnce: peak,
      peakAt: capture.timeText(peakAt),
      connections: ids.length,
      closesPerSecond: rate,
      medianLifeSeconds: life,
      shareOfDefaultPorts: client ? peak / ports : null,
    },
    causes: causesOf(heap, life),
    remedies: remediesOf(client, host),
    explainedByRules: ['http-flood', 'connection-flood', 'no-connection-reuse'],
  };
}

/** Seconds, median of a sample; null where the beginning of none is in the capture. Whose SYN is not seen has lived longer than the capture knows. */
function typicalLife(capture: CaptureView, ids: readonly ConnId[]): number | null {
  const lives = sample(ids, SAMPLE)
    .map((id) => capture.connection(id))
    .filter((c) => c.client.syn > 0)
    .map((c) => secondsOf(c.end - c.start));
  return lives.length === 0 ? null : median(lives);
}

const closedAt = (capture: CaptureView, id: ConnId, side: Side): Nanos => {
  const c = capture.connection(id);
  return c.ends[side].finTime ?? c.end;
};

function causesOf({ host, side }: Heap, life: number | null): Cause[] {
  const lived = life === null ? 'the connections' : `the typical connection lived ${durationText(life)} and`;
  if (side === Side.CLIENT) {
    return [
      {
        text: `the application on ${host} opens a connection for each request and closes it (no pool, no keep-alive)`,
        likelihood: 'high',
        because: `${lived} ended with its FIN`,
      },
      {
        text: 'a pool that is too small opens connections beyond its size and closes them when they come back',
        likelihood: 'medium',
        because: 'the capture cannot show the pool; connections of the same client that stay open beside the short ones speak for it',
      },
    ];
  }
  return [
    {
      text: `the service on ${host} closes after each answer (keep-alive off, "Connection: close", HTTP/1.0)`,
      likelihood: 'high',
      because: `${lived} ended with the server's FIN`,
    },
    {
      text: 'a short limit on requests or time per kept connection',
      likelihood: 'low',
      because: 'the server closes first in either case; its configuration decides',
    },
  ];
}

function remediesOf(client: boolean, host: string): Remedy[] {
  const look: Remedy = {
    text: `count them on ${host}`,
    command: 'ss -Htan state time-wait | wc -l; nstat -az TcpExtTCPTimeWaitOverflow',
    appliesTo: 'Linux',
  };
  const not: Remedy = {
    text: 'what does not help: tcp_fin_timeout is for orphans in FIN_WAIT_2 and leaves TIME_WAIT at 60 s; tcp_tw_recycle broke clients behind NAT and was removed in Linux 4.12; a smaller tcp_max_tw_buckets destroys TIME_WAIT and with it the protection against old segments; SO_LINGER 0 resets the peer and throws data away',
    command: null,
    appliesTo: 'every Linux',
  };
  if (!client) {
    return [
      {
        text: 'usually leave it: on the accepting side it costs memory and no port. To lower it, let the service keep connections (keep-alive), or let the client close first',
        command: null,
        appliesTo: 'the service',
      },
      look,
      { text: 'tcp_tw_reuse does nothing here: it is for outgoing connections only', command: null, appliesTo: 'Linux' },
      not,
    ];
  }
  return [
    { text: 'reuse connections: keep-alive and a pool large enough for the usual load', command: null, appliesTo: 'the application' },
    look,
    {
      text: 'let connect() take a port again 1 s after it entered TIME_WAIT; both ends need timestamps. The default 2 does so for loopback only',
      command: 'sysctl -w net.ipv4.tcp_tw_reuse=1',
      appliesTo: 'Linux, outgoing connections only',
    },
    {
      text: 'more ports, or more source or destination addresses, delay the shortage: the limit is per source address, destination address and destination port',
      command: 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
      appliesTo: 'Linux',
    },
    not,
  ];
}
