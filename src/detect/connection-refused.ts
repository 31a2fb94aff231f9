/** `connection-refused`: SYNs answered by RST. One finding for a service, or for a host where several services refuse. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import { type ConnId, type Nanos, nanosOf, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { append } from './append.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, foundUnless } from './detector.ts';
import { clock, examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { healthChecks, PERIOD_TOLERANCE } from './health-check-rst.ts';
import { largest } from './statistics.ts';

/** From this many refusing services of one host, the host is the subject. */
const MANY_SERVICES = 3;
const EXAMPLES = 4;
/** Refusals of one service that are looked at. */
const MAX_REFUSALS = 20_000;
/** From so many hosts that refuse one client now and then, the client's list of addresses is the subject. */
const MANY_HOSTS = 3;
/** A client that tries the other address family next does so within this (RFC 8305: 250 ms; one RTT more). */
const FALLBACK = nanosOf(1);

/** Thousands are kept, so there is no view of the connection in it. */
interface Refusal {
  readonly id: ConnId;
  readonly start: Nanos;
  /** Of the RST. */
  readonly time: Nanos;
  /** Address. */
  readonly client: string;
}

interface Refusals {
  readonly service: ServiceView;
  readonly refusals: readonly Refusal[];
  /** Last attempt before the first refusal that was answered by SYN-ACK, and first one after the last refusal. */
  readonly workedBefore: ConnectionView | null;
  readonly worksAgain: ConnectionView | null;
  /** SYNs answered by SYN-ACK between the first and the last refusal. */
  readonly answeredBetween: number;
  /** Who alone was refused, at the period of its health checks: no client was. */
  readonly checker: string | null;
}

export const connectionRefused = defineDetector({
  id: 'connection-refused',
  title: 'Connections are refused: nothing listens',
  severity: 'critical',
  category: 'open',
  params: {
    manyAttempts: { default: 10, text: 'refused attempts at one host from which it is critical' },
    downAttempts: { default: 3, text: 'refused attempts from which a service that had worked before counts as down: critical' },
  },
  docs: {
    what: 'A SYN is answered by RST at once: the host is up and says that nothing listens on the port, or a packet filter says so in its name.',
    why: 'The client fails immediately (ECONNREFUSED). When the service answered before, it has just gone down.',
    how: 'Attempts whose SYN met a RST that acknowledges it, counted by service; a SYN sent again with the same sequence number after a refusal (Windows does so three times) is the same attempt. Critical from manyAttempts, or from downAttempts at a service that had answered before within the capture; otherwise a warning; information where only the health checks of one host were refused, at their period, as while a service restarts behind a balancer. `until` is the moment at which the service answered again.',
    never:
      'Port scans: attempts of a client that fails at 15 or more ports of one host, or at the port of 25 or more hosts. A RST after the SYN-ACK, or from the client, is no refusal. Refusals by ICMP belong to icmp-unreachable.',
    limits:
      'A closed port and a firewall that rejects with tcp-reset are the same on the wire, unless the TTL of the RST gives the firewall away.',
    references: ['RFC 9293 §3.10.7.1', 'man 2 connect: ECONNREFUSED', 'Zeek policy/misc/scan: 15 ports, 25 hosts'],
  },
  detect(capture, params): Detection {
    const byHost = new Map<string, Refusals[]>();
    for (const service of capture.services) {
      if (service.count('refused') === 0) continue;
      const refusals = refusalsOf(capture, service);
      if (refusals === null) continue;
      const list = byHost.get(service.ip);
      if (list) list.push(refusals);
      else byHost.set(service.ip, [refusals]);
    }
    const groups: Refusals[][] = [];
    for (const list of byHost.values()) {
      if (list.length > MANY_SERVICES) groups.push(list);
      else groups.push(...list.map((refusals) => [refusals]));
    }
    const subjects = withoutStrays(groups);
    const attempts = ([, list]: (typeof subjects)[number]): number => list.reduce((n, r) => n + r.refusals.length, 0);
    return foundUnless(
      draftLargest(subjects, attempts, ([subject, list]) => draft(capture, subject, list, params), 'service'),
      capture.quality.oneDirection && 'the capture holds one direction only: a SYN and the RST that refuses it are not both in it',
    );
  },
});

type Grouping = 'host' | 'client';

/** Single refusals of many hosts to one client (peer-to-peer, a scan too small to be one) become one finding about the client. */
function withoutStrays(groups: readonly Refusals[][]): [Grouping, Refusals[]][] {
  const strays = new Map<string, Refusals[]>();
  const out: [Grouping, Refusals[]][] = [];
  for (const list of groups) {
    const [only] = list;
    const client = list.length === 1 && only!.refusals.length <= 2 && only!.workedBefore === null ? only!.refusals[0]!.client : null;
    if (client === null) out.push(['host', list]);
    else append(strays, client, only!);
  }
  for (const list of strays.values()) {
    if (new Set(list.map((r) => r.service.ip)).size > MANY_HOSTS) out.push(['client', list]);
    else out.push(...list.map((r): [Grouping, Refusals[]] => ['host', [r]]));
  }
  return out;
}

const refusing = (c: ConnectionView): MarkEvent | undefined =>
  c.marks.find((m) => m.mark === Mark.RST && m.side === Side.SERVER && m.rst?.refusesSyn === true);

function refusalsOf(capture: CaptureView, service: ServiceView): Refusals | null {
  const refusals: Refusal[] = [];
  for (const id of service.ids('refused')) {
    if (refusals.length >= MAX_REFUSALS) break;
    if (capture.isScan(id)) continue;
    const connection = capture.connection(id);
    const rst = refusing(connection);
    if (rst) refusals.push({ id, start: connection.start, time: rst.time, client: connection.client.ip });
  }
  if (refusals.length === 0) return null;
  const first = refusals[0]!.start;
  const last = refusals.at(-1)!.time;
  const { before, between, after } = service.answeredAround(first, last);
  return {
    service,
    refusals,
    workedBefore: before === null ? null : capture.connection(before),
    worksAgain: after === null ? null : capture.connection(after),
    answeredBetween: between,
    checker: checkerOf(capture, service, refusals),
  };
}

/** The client whose health checks these are: it checked the service before or after at the same period. */
function checkerOf(capture: CaptureView, service: ServiceView, refusals: readonly Refusal[]): string | null {
  const { client } = refusals[0]!;
  if (refusals.length < 2 || refusals.some((r) => r.client !== client)) return null;
  const checks = healthChecks(capture).find(
    ({ group: g }) => g.client === client && g.service.ip === service.ip && g.service.port === service.port,
  );
  if (checks === undefined) return null;
  const off = (r: Refusal, i: number): boolean =>
    Math.abs(secondsOf(r.start - refusals[i]!.start) - checks.periodSeconds) > PERIOD_TOLERANCE * checks.periodSeconds;
  return refusals.slice(1).some(off) ? null : client;
}

function draft(
  capture: CaptureView,
  grouping: Grouping,
  list: readonly Refusals[],
  params: { manyAttempts: number; downAttempts: number },
): Draft {
  const all = list.flatMap((r) => r.refusals).sort((a, b) => a.id - b.id);
  const ports = list.map((r) => r.service.port).sort((a, b) => a - b);
  const clients = [...new Set(all.map((r) => r.client))];
  const host = list[0]!.service.ip;
  const hosts = new Set(list.map((r) => r.service.ip)).size;
  const single = list.length === 1 ? list[0]! : null;
  const down = list.find((r) => r.workedBefore !== null && r.refusals.length >= params.downAttempts) ?? null;
  const checker = single?.checker ?? null;
  const critical = grouping === 'host' && checker === null && (down !== null || all.length >= params.manyAttempts);
  const fallback = single !== null && !critical ? otherFamily(capture, single) : null;
  const where =
    grouping === 'client' ? plural(hosts, 'host') : single === null ? `${host} on ${plural(ports.length, 'port')}` : single.service.name;
  const since = firstOf(all);
  const last = all.reduce((t, r) => Math.max(t, r.time), 0) as Nanos;
  const back = single?.worksAgain ?? null;
  const rejected = single?.workedBefore === null ? foreignTtl(capture, host, all) : null;
  const delays = all.map((r) => secondsOf(r.time - r.start));
  return {
    severity: critical ? 'critical' : checker !== null ? 'info' : fallback !== null || grouping === 'client' ? 'notice' : 'warning',
    confidence: rejected === null ? 'high' : 'medium',
    title: `${plural(all.length, checker === null ? 'connection attempt' : 'health check')} refused by ${where}`,
    summary: [
      `${where} answered ${plural(all.length, 'SYN')} from ${clients.length === 1 ? clients[0]! : plural(clients.length, 'client')} by RST ${period(capture, since, last)}: ${rejected ?? 'nothing listens there'}.`,
      checker === null ? '' : `They are the health checks of ${checker}, at their usual period; no client was refused.`,
      fallback === null ? '' : `The client then reached the same port at ${fallback.name}.`,
      single === null && grouping === 'host' ? `The ports: ${ports.slice(0, 20).join(', ')}${ports.length > 20 ? ' and more' : ''}.` : '',
      fallback === null ? before(capture, single) : '',
      back === null || single!.answeredBetween > 0
        ? ''
        : `It answered again at ${clock(capture, back.start)}, after ${durationText(secondsOf(back.start - since))}.`,
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject:
      grouping === 'client'
        ? { host: clients[0]!, role: 'client' }
        : single === null
          ? { host, role: 'server' }
          : { host, role: 'server', port: single.service.port },
    atFault: grouping === 'client' ? null : rejected === null ? host : 'path',
    faultBecause:
      grouping === 'client'
        ? null
        : (rejected ??
          'the host itself answered the SYN with a RST that acknowledges it: it was reached, and no socket listens on the port'),
    since,
    until: back?.start ?? null,
    count: all.length,
    connections: all.map((r) => r.id),
    evidence: evidence(capture, all),
    metrics: {
      attempts: all.length,
      hosts,
      services: list.length,
      ports: ports.slice(0, 50).join(', '),
      clients: clients.length,
      answeredBefore: single === null ? null : single.workedBefore === null ? 0 : 1,
      answeredInBetween: single?.answeredBetween ?? null,
      downSeconds: back === null || single!.answeredBetween > 0 ? null : secondsOf(back.start - since),
      slowestRefusalSeconds: largest(delays),
    },
    causes: causes(grouping, single, rejected, fallback),
    remedies: remedies(single?.service.port ?? ports[0]!),
    caveats: [],
    explainedByRules: ['process-killed'],
  };
}

const firstOf = (all: readonly Refusal[]): Nanos => all.reduce((t, r) => Math.min(t, r.start), Infinity) as Nanos;

function before(capture: CaptureView, single: Refusals | null): string {
  if (single === null) return '';
  const { workedBefore, answeredBetween } = single;
  if (answeredBetween > 0) {
    return `In between it answered ${plural(answeredBetween, 'other SYN')}, so only some are refused: one of several hosts behind the address, or the service restarts again and again.`;
  }
  if (workedBefore === null) return 'The capture shows no answer of this service before.';
  return `It had still answered a SYN at ${clock(capture, workedBefore.start)}, so it went down in the capture.`;
}

/** Does the RST come from another distance than the host's own segments? Then a packet filter rejects in its name. */
function foreignTtl(capture: CaptureView, host: string, all: readonly Refusal[]): string | null {
  const { ttl } = refusing(capture.connection(all[0]!.id))!.rst!;
  const own = capture.services.find((s) => s.ip === host && s.completed > 0);
  if (!own) return null;
  const sample = own.ids('ok').at(0) ?? own.ids('open').at(0);
  if (sample === undefined) return null;
  const real = capture.connection(sample).server.ttl;
  return real === ttl
    ? null
    : `the RST has TTL ${countText(ttl)}, the host's own segments ${countText(real)}: a packet filter on the way answers in its name`;
}

function evidence(capture: CaptureView, all: readonly Refusal[]): EvidenceDraft[] {
  return examples(all, EXAMPLES).flatMap(({ id, start, time }) => {
    const c = capture.connection(id);
    return proofs(id, [
      [c.firstFrame, start, `SYN of ${c.client.name}`],
      [refusing(c)!.frame, time, `${c.server.name} answers by RST, ACK after ${durationText(secondsOf(time - start))}`],
    ]);
  });
}

/** The same port at an address of the other family, reached right afterwards: `localhost` is ::1 first, and many listen on 127.0.0.1 alone. */
function otherFamily(capture: CaptureView, single: Refusals): ServiceView | null {
  const { service, refusals } = single;
  const last = refusals.at(-1)!.time;
  const v6 = service.ip.includes(':');
  const other = capture.services.find((s) => s.port === service.port && s.ip.includes(':') !== v6 && s.completed > 0 && s.end >= last);
  if (!other) return null;
  const next = other
    .all()
    .slice(0, 1_000)
    .some((id) => {
      const { start } = capture.connection(id);
      return start >= last && start - last <= FALLBACK;
    });
  return next ? other : null;
}

function causes(grouping: Grouping, single: Refusals | null, rejected: string | null, fallback: ServiceView | null): Cause[] {
  if (grouping === 'client') {
    return [
      {
        text: 'The client works through a list of addresses of which some are stale (peer-to-peer, old configuration)',
        likelihood: 'high',
        because: 'many hosts refused it once or twice each',
      },
    ];
  }
  if (fallback !== null) {
    return [
      { text: 'The service listens on one address family only', likelihood: 'high', because: `the same port answers at ${fallback.name}` },
    ];
  }
  const filter: Cause = {
    text: 'A firewall rejects with tcp-reset',
    likelihood: rejected === null ? 'low' : 'high',
    because: rejected ?? 'on the wire it looks like a closed port',
  };
  if (single !== null && single.answeredBetween > 0) {
    return [
      {
        text: 'One of several hosts or processes behind the address is down (balancer, SO_REUSEPORT, container port mapping)',
        likelihood: 'high',
        because: `${plural(single.answeredBetween, 'SYN')} were answered while others were refused`,
      },
      { text: 'The service restarts again and again', likelihood: 'medium', because: 'refusals and answers alternate' },
      filter,
    ];
  }
  if (single?.workedBefore) {
    return [
      { text: 'The service stopped, crashed or is being restarted', likelihood: 'high', because: 'it had answered before in this capture' },
      { text: 'It listens again on another address or port', likelihood: 'low', because: 'only this address and port are refused' },
      filter,
    ];
  }
  return [
    {
      text: 'The service is not running, or listens on another port',
      likelihood: 'high',
      because: 'the host answers, and no socket listens on the port',
    },
    {
      text: 'It listens on another address only (127.0.0.1, or the other IP family)',
      likelihood: 'medium',
      because: 'a socket bound to one address refuses on all others',
    },
    filter,
  ];
}

function remedies(port: number): Remedy[] {
  return [
    {
      text: 'See whether anything listens, and on which address.',
      command: `ss -ltnp 'sport = :${String(port)}'`,
      appliesTo: 'Linux, on the refusing host',
    },
    {
      text: 'See why the service went down.',
      command: 'systemctl --failed; journalctl -p err --since -15min',
      appliesTo: 'Linux with systemd',
    },
    {
      text: 'Look for a rule that rejects with tcp-reset.',
      command: 'nft list ruleset | grep -i reject',
      appliesTo: 'nftables; iptables-save for iptables',
    },
  ];
}
