/** `syn-unanswered`: SYNs that a kernel repeats on its schedule and that nobody answers. The schedules are in syn-schedule.ts. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { durationText, ordinalText, plural } from '../model/wording.ts';
import { Flag } from '../model/flags.ts';
import { overflows } from './accept-queue.ts';
import { append } from './append.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { isFlooded } from './floods.ts';
import { kernelOf } from './kernel.ts';
import { largest } from './statistics.ts';
import { nextRepeat, ownSchedule, schedulesOf, synTimes } from './syn-schedule.ts';
import { flagSet } from './tcpdump.ts';

/** From this many silent services of one host, the host is the subject. */
const MANY_SERVICES = 3;
/** From this many silent hosts that one client tries, the client (or its way out) is the subject. */
const MANY_HOSTS = 8;
const EXAMPLES = 3;
/** A silence shorter than this may still be a slow path: the second repeat of RFC 6298's schedule is due after 3 s. */
const SURE_SECONDS = 3;
/** Attempts at one service that are looked at. */
const MAX_ATTEMPTS = 20_000;

interface Silent {
  readonly service: ServiceView;
  readonly attempts: readonly ConnectionView[];
}

export const synUnanswered = defineDetector({
  id: 'syn-unanswered',
  title: 'SYNs are repeated and never answered',
  severity: 'critical',
  category: 'open',
  neighbours: 'service',
  params: {
    minRepeats: { default: 1, text: 'repeats of a SYN before its silence counts' },
  },
  docs: {
    what: 'A client repeats its SYN on its kernel schedule and gets neither SYN-ACK nor RST nor an ICMP error.',
    why: 'connect() hangs until the kernel gives up: on Linux 127 s (exponential back-off, six repeats) or 131 s (6.5 and newer, ten repeats), 75 s on FreeBSD and macOS, 21 s on Windows. The often quoted 63 s is the life of a SYN-ACK, and of SYNs before Linux 3.7.',
    how: 'Attempts of which the capture holds nothing but the SYN and its repeats with the same sequence number. Their times are compared with the schedule of the profile of the client, or else with those of Linux (timers fire late, by 5 % and 30 ms at most, never early). One finding for a service; for a host where more than three services are silent; for a client to whom more than eight hosts are silent. Critical when several attempts failed, when the service answers others, or when it had answered before; a single attempt at a host that never spoke is a warning: it may be a stale address.',
    never:
      'Captures of one direction, a SYN whose first repeat was not due before the capture ended, SYN floods, port scans, services whose accept queue overflows (that is accept-queue-overflow), source equal to destination.',
    limits:
      'A firewall that drops and a listener whose queue is full are both silent; the finding names what in the capture speaks for which.',
    references: ['RFC 9293 §3.8.1', 'RFC 6298 §2.1', 'linux ip-sysctl.rst: tcp_syn_retries, tcp_syn_linear_timeouts'],
  },
  detect(capture, params): Detection {
    const { quality } = capture;
    const silent = silentServices(capture, params.minRepeats);
    if (silent.length === 0) return { verdict: 'clear' };
    if (quality.oneDirection) {
      return { verdict: 'inconclusive', because: 'only one direction of each connection is in the capture, so answers cannot be seen' };
    }
    const subjects = group(silent);
    const attempts = ([, list]: (typeof subjects)[number]): number => list.reduce((n, s) => n + s.attempts.length, 0);
    return found(draftLargest(subjects, attempts, ([subject, list]) => draft(capture, subject, list), 'service'));
  },
});

function silentServices(capture: CaptureView, minRepeats: number): Silent[] {
  const candidates = capture.services.filter((s) => s.count('unanswered') > 0);
  if (candidates.length === 0) return [];
  const full = overflows(capture);
  return candidates.flatMap((service) => {
    if (full.has(service.name) || isFlooded(capture, service)) return [];
    const attempts: ConnectionView[] = [];
    for (const id of service.ids('unanswered')) {
      if (attempts.length >= MAX_ATTEMPTS) break;
      const c = capture.connection(id);
      const isRetried = c.client.packets === c.client.syn && synTimes(c).length > minRepeats;
      if (isRetried && c.client.ip !== c.server.ip && !capture.isScan(id)) attempts.push(c);
    }
    return attempts.length === 0 ? [] : [{ service, attempts }];
  });
}

type Grouping = 'service' | 'host' | 'client';

function group(silent: readonly Silent[]): [Grouping, Silent[]][] {
  const hostsOf = new Map<string, Set<string>>();
  for (const { service, attempts } of silent) {
    for (const c of attempts) {
      const hosts = hostsOf.get(c.client.ip) ?? new Set();
      hostsOf.set(c.client.ip, hosts.add(service.ip));
    }
  }
  // In one walk, for there may be thousands of them: who scans in order not to be seen as one, or watches what is long gone.
  const byClient = new Map<string, Silent[]>();
  for (const [client, hosts] of hostsOf) if (hosts.size > MANY_HOSTS) byClient.set(client, []);
  const byHost = new Map<string, Silent[]>();
  for (const { service, attempts } of silent) {
    const rest: ConnectionView[] = [];
    const own = new Map<string, ConnectionView[]>();
    for (const c of attempts) {
      const { ip } = c.client;
      if (!byClient.has(ip)) rest.push(c);
      else append(own, ip, c);
    }
    for (const [ip, mine] of own) append(byClient, ip, { service, attempts: mine });
    if (rest.length > 0) append(byHost, service.ip, { service, attempts: rest });
  }
  const out: [Grouping, Silent[]][] = Array.from(byClient.values(), (list) => ['client', list]);
  for (const list of byHost.values()) {
    if (list.length > MANY_SERVICES) out.push(['host', list]);
    else for (const one of list) out.push(['service', [one]]);
  }
  return out;
}

function draft(capture: CaptureView, grouping: Grouping, list: readonly Silent[]): Draft {
  const attempts = list.flatMap((s) => s.attempts).sort((a, b) => a.id - b.id);
  const first = list[0]!.service;
  const client = attempts[0]!.client.ip;
  const since = attempts.reduce((t, c) => Math.min(t, c.start), Infinity) as Nanos;
  const longest = attempts.reduce((best, c) => (waited(c) > waited(best) ? c : best));
  const repeats = largest(attempts.map((c) => synTimes(c).length - 1));
  const others = grouping === 'client' ? elsewhere(capture, list, since) : answersOthers(capture, list, since);
  const critical =
    grouping === 'client' ? others.service + others.host === 0 : attempts.length >= 2 || others.service > 0 || others.lastAnswer !== null;
  const schedule = scheduleText(capture, longest);
  const hosts = new Set(list.map((s) => s.service.ip)).size;
  const clients = [...new Set(attempts.map((c) => c.client.ip))];
  const where =
    grouping === 'service' ? first.name : grouping === 'host' ? `${plural(list.length, 'port')} of ${first.ip}` : plural(hosts, 'host');
  const fault = faultOf(grouping, others, first, client);
  return {
    severity: critical ? 'critical' : 'warning',
    confidence: others.service > 0 || secondsOf(capture.end - since) < SURE_SECONDS ? 'medium' : 'high',
    title: `${plural(attempts.length, 'connection attempt')} to ${where} never answered`,
    summary: [
      `${clients.length === 1 ? client : plural(clients.length, 'client')} sent SYNs to ${where} since ${clock(capture, since)} and repeated them up to ${plural(repeats, 'time')}, the longest for ${durationText(secondsOf(waited(longest)))}; no SYN-ACK, no RST and no ICMP error came back.`,
      schedule.text,
      others.text,
      grouping === 'service' && others.service > 0
        ? distinction(
            capture,
            attempts.map((c) => c.id),
            first.ids('ok'),
            Side.SERVER,
          )
        : '',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject:
      grouping === 'service'
        ? { host: first.ip, role: 'server', port: first.port }
        : grouping === 'host'
          ? { host: first.ip, role: 'server' }
          : { host: client, role: 'client' },
    atFault: fault.atFault,
    faultBecause: fault.because,
    since,
    until: null,
    count: attempts.length,
    connections: attempts.map((c) => c.id),
    evidence: evidence(attempts),
    metrics: {
      attempts: attempts.length,
      clients: clients.length,
      hosts,
      services: list.length,
      mostRepeats: repeats,
      longestWaitSeconds: secondsOf(waited(longest)),
      schedule: schedule.name,
      givesUpAfterSeconds: schedule.givesUp,
      answeredBySameServiceMeanwhile: others.service,
      answeredBySameHostMeanwhile: others.host,
    },
    causes: causes(grouping, others),
    remedies: remedies(grouping, first),
    caveats: [
      {
        code: 'second-capture',
        text: 'A capture on the other host decides: if the SYN does not arrive there, something on the way drops it; if it arrives, the host itself does.',
        count: 1,
      },
    ],
    explainedByRules: ['syn-flood', 'accept-queue-overflow', 'dead-peer', ...(grouping === 'service' ? ['nat-timestamps'] : [])],
  };
}

const waited = (c: ConnectionView): number => c.end - c.start;

function scheduleText(capture: CaptureView, c: ConnectionView): { name: string; givesUp: number | null; text: string } {
  const times = synTimes(c);
  const own = ownSchedule(c.client, times);
  const fits = own === null ? schedulesOf(times) : [own];
  const at = times.slice(1, 12).map((t) => secondsOf(t.time - times[0]!.time).toFixed(2));
  const seen = `The repeats came ${at.join(', ')} s after the first SYN`;
  if (fits.length === 0) return { name: 'other', givesUp: null, text: `${seen}, which fits no schedule of a kernel known here.` };
  if (fits.length > 1)
    return {
      name: 'exponential or linear',
      givesUp: null,
      text: `${seen}: too few to tell the schedules of Linux apart; it gives up after 127 s or 131 s.`,
    };
  const schedule = fits[0]!;
  const repeats = times.length - 1;
  const due = nextRepeat(schedule, repeats);
  const silence = secondsOf(capture.end - times.at(-1)!.time);
  let end = '';
  if (due === null)
    end = silence > schedule.profile.syn.givesUp - schedule.profile.syn.repeats.at(-1)! ? ' The capture goes on past that moment.' : '';
  else if (silence > due * 1.05 + 0.03)
    end = ` The next repeat was due ${durationText(due)} after the last and did not come: the client had given up.`;
  return {
    name: schedule.name,
    givesUp: schedule.profile.syn.givesUp,
    text: `${seen}: the ${own === null ? `${schedule.name} schedule of ${schedule.kernels}` : `schedule of ${own.kernels} (${kernelOf(c.client).text})`}, whose connect() gives up after ${String(schedule.profile.syn.givesUp)} s.${end}`,
  };
}

interface Others {
  /** SYNs to the same service, and to the same host, that were answered after the first silent one. */
  readonly service: number;
  readonly host: number;
  /** Nothing was answered since, but before: the last SYN that was. */
  readonly lastAnswer: ConnectionView | null;
  readonly text: string;
}

function answersOthers(capture: CaptureView, list: readonly Silent[], since: Nanos): Others {
  const silent = new Set(list.map((s) => s.service));
  const hosts = new Set(list.map((s) => s.service.ip));
  let service = 0;
  let host = 0;
  let last: ConnectionView | null = null;
  for (const s of capture.services) {
    if (!hosts.has(s.ip) || s.synAcks === 0) continue;
    const { before, between } = s.answeredAround(since, capture.end);
    if (silent.has(s)) service += between;
    else host += between;
    const c = before === null ? null : capture.connection(before);
    if (c !== null && (last === null || c.start > last.start)) last = c;
  }
  const lastAnswer = service + host === 0 ? last : null;
  const text =
    service > 0
      ? `The same service answered ${plural(service, 'other SYN')} meanwhile, so it listens: some SYNs are dropped, not all.`
      : host > 0
        ? `The same host answered ${plural(host, 'SYN')} on other ports meanwhile, so it is up and reachable: this port is filtered, or its listener's queue is full.`
        : lastAnswer !== null
          ? `The host had still answered a SYN at ${clock(capture, lastAnswer.start)}, and none since: it, or the way to it, went down in the capture.`
          : 'The host answered no SYN at all in this capture.';
  return { service, host, lastAnswer, text };
}

/** What else the client reached, when many hosts are silent to it. */
function elsewhere(capture: CaptureView, list: readonly Silent[], since: Nanos): Others {
  const hosts = new Set(list.map((s) => s.service.ip));
  const reached = capture.services.filter((s) => s.completed > 0 && s.end >= since && !hosts.has(s.ip)).length;
  const text =
    reached === 0
      ? 'No other service completed a handshake in this capture.'
      : `${plural(reached, 'other service')} completed handshakes meanwhile, so there is a way out: these addresses are gone or filtered.`;
  return { service: 0, host: reached, lastAnswer: null, text };
}

function faultOf(
  grouping: Grouping,
  others: Others,
  service: ServiceView,
  client: string,
): { atFault: string | null; because: string | null } {
  if (grouping === 'client')
    return { atFault: 'path', because: `many hosts are silent towards ${client} at once: its own way out, not each of them` };
  if (others.service > 0) return { atFault: null, because: null };
  return {
    atFault: 'path',
    because: `a host whose port is closed answers by RST; ${service.ip} is silent, so the SYN (or its answer) is dropped on the way or by a packet filter`,
  };
}

function causes(grouping: Grouping, others: Others): Cause[] {
  const firewall: Cause = {
    text: 'A firewall or security group drops the SYN without a word',
    likelihood: others.service > 0 || others.lastAnswer !== null ? 'medium' : 'high',
    because: 'neither RST nor ICMP came back',
  };
  const queue: Cause = {
    text: 'The listener drops SYNs because its accept queue is full',
    likelihood: others.service > 0 ? 'high' : 'low',
    because:
      others.service > 0 ? 'the same service answers other clients' : 'no connection of this service is seen waiting for the application',
  };
  const down: Cause = {
    text: 'The host is down, or its address belongs to nobody',
    likelihood: others.host + others.service > 0 ? 'low' : others.lastAnswer === null ? 'medium' : 'high',
    because:
      others.host + others.service > 0
        ? 'it answers on other ports or to other clients'
        : others.lastAnswer === null
          ? 'it answered no SYN at all in this capture'
          : 'it had answered before in this capture, and then nobody',
  };
  const route: Cause = {
    text: 'The client has no working way out (default route, gateway, NAT)',
    likelihood: 'high',
    because: 'hosts that have nothing else in common are silent',
  };
  const stale: Cause = {
    text: 'The addresses are stale: peers of a peer-to-peer network, an old host list',
    likelihood: 'high',
    because: 'other hosts answer the same client',
  };
  if (grouping === 'client') return others.host > 0 ? [stale, firewall] : [route, firewall];
  if (others.service > 0) return [queue, firewall];
  return others.lastAnswer === null ? [firewall, down, queue] : [down, firewall, queue];
}

function remedies(grouping: Grouping, service: ServiceView): Remedy[] {
  const target = grouping === 'client' ? '' : `${service.ip.includes(':') ? ' -6' : ''} -T -p ${String(service.port)} ${service.ip}`;
  return [
    {
      text: 'See how far a SYN comes.',
      command: target === '' ? 'ip route get DESTINATION' : `traceroute${target}`,
      appliesTo: 'Linux, on the client',
    },
    {
      text: 'See whether the SYN arrives.',
      command: `tcpdump -ni any 'tcp port ${String(service.port)} and ${flagSet(service.ip, Flag.SYN)}'`,
      appliesTo: 'on the server',
    },
    {
      text: 'See whether the listener drops it.',
      command: 'nstat -az TcpExtListenOverflows TcpExtListenDrops',
      appliesTo: 'Linux, on the server',
    },
    {
      text: 'Give the application a connect timeout of a few seconds; tcp_syn_retries is for all programs of the host.',
      command: null,
      appliesTo: 'the client application',
    },
  ];
}

function evidence(attempts: readonly ConnectionView[]): EvidenceDraft[] {
  return examples(attempts, EXAMPLES).flatMap((c) => {
    const times = synTimes(c);
    const last = times.at(-1)!;
    return proofs(c.id, [
      [c.firstFrame, c.start, `SYN of ${c.client.name} to ${c.server.name}`],
      [
        last.frame,
        last.time,
        `the same SYN for the ${ordinalText(times.length)} time, ${durationText(secondsOf(last.time - c.start))} later; no answer`,
      ],
    ]);
  });
}
