/** Handshake, then RST, not an octet of data, again and again at a fixed period: a balancer or monitor that only asks whether the port is open. */
import type { CaptureView, ClientGroup } from '../model/capture-view.ts';
import type { ConnectionView, MarkEvent } from '../model/connection.ts';
import { endpointText } from '../model/address.ts';
import { checksHealth } from '../model/names.ts';
import { Side } from '../model/state.ts';
import { type ConnId, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median, sample } from './statistics.ts';

/** How far the time between two checks may lie from their period, as a share of it. */
export const PERIOD_TOLERANCE = 0.2;

const PARAMS = {
  minChecks: { default: 5, text: 'checks of one service by one client that make a period' },
  toleranceShare: { default: PERIOD_TOLERANCE, text: 'how far the time between two checks may lie from the median, as a share of it' },
  minShare: { default: 0.8, text: 'share of those times that must lie within the tolerance' },
  minPeriodSeconds: { default: 0.2, text: 'shorter periods are a load or a flood, and no check' },
  maxSources: { default: 8, text: 'clients of one service that do the same; more are a flood or a scan' },
} as const;
export type CheckParams = Readonly<Record<keyof typeof PARAMS, number>>;

const DEFAULTS = Object.fromEntries(Object.entries(PARAMS).map(([name, { default: value }]) => [name, value])) as CheckParams;

/** Checks of one client that are looked at one by one. */
const MOST = 2_000;

export interface Checks {
  readonly group: ClientGroup;
  /** In the order of time. */
  readonly checks: readonly { readonly connection: ConnectionView; readonly rst: MarkEvent }[];
  readonly periodSeconds: number;
  /** Share of the times between two checks that agree. */
  readonly share: number;
  /** The configuration says that the client checks health. */
  readonly isNamed: boolean;
}

export const healthCheckRst = defineDetector({
  id: 'health-check-rst',
  title: 'Health checks that end by RST',
  severity: 'info',
  category: 'reset',
  params: PARAMS,
  docs: {
    what: 'A client opens connections to a service at a fixed period, completes the handshake (or not even that) and resets them without having sent an octet. That is how balancers and monitors ask whether a port is open.',
    why: 'Nothing is wrong. But the application sees connections that are reset before the first byte, and may log an error for each; counters grow with every check: TcpEstabResets (TcpAttemptFails where no ACK came) on the server, TcpExtTCPAbortOnData on a Linux checker. And the answer proves only that the kernel accepts: an application that hangs still passes.',
    how: 'SYN, SYN-ACK, perhaps the ACK, and a RST of the client, without payload from either end. At least minChecks of them from one client to one service, of which the share minShare follows its predecessor after the median time, within toleranceShare. For a client that the configuration names a health checker, monitor or balancer, any times will do, and it is not one of maxSources.',
    never:
      'Silent for connections with data, for a RST that comes from the server, for irregular times, for periods below minPeriodSeconds, when more than maxSources clients do the same (a flood answered by the owners of spoofed addresses), and for port scans.',
    limits:
      'That it is a health check is concluded from the period. Two checkers behind one address at different moments have no single period and are not recognised.',
    references: [
      'HAProxy: option tcp-check, `check` without it closes by RST (SO_LINGER 0)',
      'Linux Virtual Server, ldirectord and keepalived TCP_CHECK',
      'nmap(1) -sS answers SYN-ACK by RST too, but once per port',
    ],
  },
  detect: (capture, params) => {
    if (capture.quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: the SYN-ACK or the RST would not be seen' };
    if (capture.quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the capture holds SYN, FIN and RST only: whether data was sent cannot be said' };
    return found(
      draftLargest(
        healthChecks(capture, params),
        (c) => c.group.ids.length,
        (c) => draft(c),
        'client',
      ),
    );
  },
});

/** Who checks what, and how often. */
export function healthChecks(capture: CaptureView, params: CheckParams = DEFAULTS): readonly Checks[] {
  const byService = new Map<string, Checks[]>();
  for (const group of capture.silentResets(Math.max(3, params.minChecks))) {
    const checks = checksOf(capture, group, params);
    if (checks === null) continue;
    const name = endpointText(group.service.ip, group.service.port);
    const list = byService.get(name);
    if (list) list.push(checks);
    else byService.set(name, [checks]);
  }
  return [...byService.values()].flatMap((list) => {
    const unnamed = list.filter((c) => !c.isNamed);
    return unnamed.length <= params.maxSources ? list : list.filter((c) => c.isNamed);
  });
}

function checksOf(capture: CaptureView, group: ClientGroup, params: CheckParams): Checks | null {
  const ids = group.ids.length <= MOST ? group.ids : group.ids.slice(0, MOST);
  const isNamed = checksHealth(capture.roleOf(group.client));
  if (!isNamed && capture.isScan(ids[0]!)) return null;
  const checks = ids.flatMap((id: ConnId) => {
    const connection = capture.connection(id);
    const rst = connection.marks.find((m) => m.rst !== null);
    // Abandoned only after the SYN-ACK was sent again is a connect timeout, not a check.
    return rst?.side === Side.CLIENT && connection.server.synAck === 1 && connection.client.fin === 0 ? [{ connection, rst }] : [];
  });
  if (checks.length < params.minChecks || checks.length < 2) return null;
  const gaps = checks.slice(1).map((c, i) => secondsOf(c.connection.start - checks[i]!.connection.start));
  const periodSeconds = median(gaps);
  if (periodSeconds < params.minPeriodSeconds) return null;
  const share = gaps.filter((gap) => Math.abs(gap - periodSeconds) <= params.toleranceShare * periodSeconds).length / gaps.length;
  return isNamed || share >= params.minShare ? { group, checks, periodSeconds, share, isNamed } : null;
}

function draft({ group, checks, periodSeconds, share, isNamed }: Checks): Draft {
  const { client, service, ids } = group;
  const name = endpointText(service.ip, service.port);
  const first = checks[0]!.connection;
  const lasting = median(sample(checks, 200).map((c) => secondsOf(c.rst.time - c.connection.start)));
  const slowest = largest(checks.map((c) => c.connection.connectSeconds ?? 0));
  const n = plural(ids.length, 'connection');
  return {
    severity: 'info',
    confidence: isNamed || checks.length >= 10 ? 'high' : 'medium',
    title: `${client} checks ${name} every ${durationText(periodSeconds)} and resets: ${plural(ids.length, 'health check')}`,
    summary:
      `${client} opened ${n} to ${name}, one every ${durationText(periodSeconds)} (${String(Math.round(share * 100))} % of the times agree), and ended each by RST after ${durationText(lasting)} without an octet of data. ${isNamed ? 'The configuration names it a host that checks health: this is its task, and no fault.' : 'This is what the health check of a balancer or monitor looks like, and no fault.'} ${slowest > 0 ? `The slowest handshake took ${durationText(slowest)}.` : ''}`.trim(),
    subject: { host: client, role: 'client', peer: service.ip, port: service.port },
    atFault: null,
    faultBecause: null,
    since: first.start,
    until: null,
    count: ids.length,
    connections: ids,
    evidence: examples(checks, 4).flatMap(({ connection: c, rst }) =>
      proofs(c.id, [
        [c.firstFrame, c.start, `SYN from ${c.client.name}`],
        [rst.frame, rst.time, `RST from ${c.client.name}, without data`],
      ]),
    ),
    metrics: { periodSeconds, agreeingShare: share, medianConnectionSeconds: lasting, slowestHandshakeSeconds: slowest },
    causes: [],
    remedies: [
      {
        text: 'nothing to repair. If the application logs an error for each, let the checker send a request that the application answers (HTTP check): that also notices an application that hangs behind a kernel that accepts',
        command: null,
        appliesTo: 'the balancer or monitor',
      },
    ],
  };
}
