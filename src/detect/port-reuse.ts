/** A tuple opened again while the connection before was still in TIME_WAIT at one end: how it was taken, and whether that cost time. */
import { endpointText } from '../model/address.ts';
import type { CaptureView, ReuseGroup } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side, State } from '../model/state.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { MANY_CLIENTS } from './service-groups.ts';
import { largest, sample } from './statistics.ts';

/** linux TCP_TIMEWAIT_LEN, include/net/tcp.h */
const TIME_WAIT_SECONDS = 60;
/** Reuses looked at one by one for what they cost. */
const SAMPLE = 1_000;

export const portReuse = defineDetector({
  id: 'port-reuse',
  title: 'A port used again within TIME_WAIT',
  severity: 'info',
  category: 'time-wait',
  params: {
    minDelaySeconds: { default: 0.5, text: 'time that a refused reuse must have cost to be a warning' },
  },
  docs: {
    what: 'A client opened a connection with the same addresses and ports as one that had ended less than 60 s before and was still in TIME_WAIT at one of the ends. The capture shows whose TIME_WAIT was taken, and whether the SYN was accepted at once.',
    why: 'Harmless as long as sequence numbers or timestamps prove the new connection to be new. It means that ports are few: the next step is a SYN refused (time-wait-challenge) or a connect() that finds no port at all, which sends no packet.',
    how: 'A SYN on a tuple whose last connection was in TIME_WAIT at the client (the SYN ends it: tcp_tw_reuse, or a port that the application bound) or at the server (the SYN-ACK ends it: RFC 6191). Proof on Linux: the ISN of the end that held TIME_WAIT is what the old connection had sent plus 65,537. A warning where the server refused a SYN first and that cost minDelaySeconds.',
    never:
      'Ports used again after TIME_WAIT was over, retries of one SYN, connections that ended by RST (they leave no TIME_WAIT), copies behind an address translator.',
    limits: 'TIME_WAIT is taken to last 60 s, as on Linux. That a connect() found no free port is not in any capture.',
    references: [
      'RFC 6191',
      'RFC 9293 §3.6.1',
      'linux: net/ipv4/tcp_ipv4.c tcp_twsk_unique, net/ipv4/tcp_minisocks.c tcp_timewait_state_process',
      'linux: Documentation/networking/ip-sysctl.rst tcp_tw_reuse',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: which end was left in TIME_WAIT is not seen' };
    return found(
      draftLargest(
        byCause(capture.reuses()),
        (g) => g.reuses.length,
        (g) => draft(capture, g, params.minDelaySeconds),
        'client or service',
      ),
    );
  },
});

type Reuses = Omit<ReuseGroup, 'client'> & { readonly clients: readonly string[] };

/** Ports that meet again now and then at many clients of a service are one cause: how many they are, and how long TIME_WAIT lasts. */
function byCause(groups: readonly ReuseGroup[]): Reuses[] {
  const services = new Map<string, ReuseGroup[]>();
  for (const g of groups) {
    const name = endpointText(g.service.ip, g.service.port);
    const list = services.get(name);
    if (list) list.push(g);
    else services.set(name, [g]);
  }
  const sum = (list: readonly ReuseGroup[], of: (g: ReuseGroup) => number): number => list.reduce((n, g) => n + of(g), 0);
  return [...services.values()].flatMap((list): Reuses[] => {
    if (list.length <= MANY_CLIENTS) return list.map((g) => ({ ...g, clients: [g.client] }));
    return [
      {
        service: list[0]!.service,
        clients: list.map((g) => g.client),
        tuples: sum(list, (g) => g.tuples),
        heldByClient: sum(list, (g) => g.heldByClient),
        heldByServer: sum(list, (g) => g.heldByServer),
        isnProven: sum(list, (g) => g.isnProven),
        shortestSeconds: Math.min(...list.map((g) => g.shortestSeconds)),
        reuses: list.flatMap((g) => g.reuses).sort((a, b) => a - b),
        ids: list.flatMap((g) => g.ids).sort((a, b) => a - b),
      },
    ];
  });
}

/** Seconds from the first SYN to the one that was answered, where the older connection had refused it before; else null. */
function refusedFor(c: ConnectionView): number | null {
  const accepted = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
  if (!c.marks.some((m) => m.mark === Mark.OLD_ANSWER)) return null;
  return accepted === undefined ? null : secondsOf(accepted.time - c.start);
}

function draft(capture: CaptureView, group: Reuses, minDelaySeconds: number): Draft {
  const { clients, service, reuses } = group;
  const client = clients.length === 1 ? clients[0]! : plural(clients.length, 'client');
  const name = capture.serviceOf(reuses[0]!).name;
  const looked = sample(reuses, SAMPLE).map((id) => capture.connection(id));
  const delays = looked.flatMap((c) => refusedFor(c) ?? []);
  const slow = delays.filter((s) => s >= minDelaySeconds).length;
  const since = capture.connection(reuses[0]!).start;
  const until = capture.connection(reuses.at(-1)!).start;
  const holder = [
    group.heldByClient > 0 ? `by the client itself ${times(group.heldByClient)}` : '',
    group.heldByServer > 0 ? `by the server ${times(group.heldByServer)}` : '',
  ].filter((s) => s !== '');
  const taken =
    delays.length === 0
      ? 'Every SYN was taken at once.'
      : `${plural(delays.length, 'SYN')} of ${countText(looked.length)} ${delays.length === 1 ? 'was' : 'were'} refused by what was left of the older connection first, which cost up to ${durationText(largest(delays))}.`;
  return {
    severity: slow > 0 ? 'warning' : 'info',
    confidence: group.isnProven > 0 ? 'high' : 'medium',
    title: `${plural(reuses.length, 'connection')} of ${client} to ${name} on ${plural(group.tuples, 'port')} still in TIME_WAIT`,
    summary:
      `${client} opened ${plural(reuses.length, 'connection')} to ${name} ${period(capture, since, until)} from ${plural(group.tuples, 'port')} whose last connection had been over for less than ${String(TIME_WAIT_SECONDS)} s, the youngest for ${durationText(group.shortestSeconds)}. TIME_WAIT was held ${holder.join(' and ')}. ${taken} ${proofText(group, delays.length)}`.trimEnd(),
    subject:
      clients.length === 1
        ? { host: client, role: 'client', peer: service.ip, port: service.port }
        : { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until,
    count: group.ids.length,
    connections: group.ids,
    evidence: examples(reuses, 4).flatMap((id) => evidence(capture, capture.connection(id))),
    metrics: {
      reuses: reuses.length,
      ports: group.tuples,
      heldByClient: group.heldByClient,
      heldByServer: group.heldByServer,
      isnProven: group.isnProven,
      shortestSeconds: group.shortestSeconds,
      refusedFirst: delays.length,
      longestDelaySeconds: delays.length === 0 ? null : largest(delays),
    },
    causes: causes(group),
    remedies: remedies(group),
    explainedByRules: ['port-exhaustion', 'time-wait-challenge'],
  };
}

const times = (n: number): string => (n === 1 ? 'once' : `${countText(n)} times`);

function proofText({ isnProven, reuses }: Reuses, refused: number): string {
  if (isnProven === 0 && refused > 0) return '';
  if (isnProven === 0)
    return 'No initial sequence number has the step of Linux: the new connection proved itself by its own number or timestamp.';
  const who =
    isnProven === reuses.length
      ? isnProven === 1
        ? 'Its initial sequence number is'
        : 'All initial sequence numbers are'
      : `${countText(isnProven)} initial sequence numbers are`;
  return `${who} exactly 65,537 above what the older connection had sent, as Linux chooses ${isnProven === 1 ? 'it' : 'them'} when it takes a TIME_WAIT's place.`;
}

function evidence(capture: CaptureView, c: ConnectionView): Draft['evidence'] {
  const before = c.previous === null ? null : capture.connection(c.previous);
  const over = before?.transitions.findLast((t) => t.to === State.TIME_WAIT);
  return [
    ...(before === null
      ? []
      : proofs(before.id, [
          [over?.frame ?? null, over?.time ?? null, `the connection before on port ${String(c.client.port)} enters TIME_WAIT`],
        ])),
    ...proofs(c.id, [
      [c.firstFrame, c.start, `SYN on the same port${over === undefined ? '' : `, ${durationText(secondsOf(c.start - over.time))} later`}`],
    ]),
  ];
}

function causes({ heldByClient, heldByServer, isnProven }: Reuses): Cause[] {
  const out: Cause[] = [];
  if (heldByClient > 0)
    out.push({
      text: 'net.ipv4.tcp_tw_reuse is 1 on the client and its ports are few, or the application binds its source port',
      likelihood: isnProven > 0 ? 'high' : 'medium',
      because:
        isnProven > 0
          ? 'the client chose its initial sequence number as tcp_tw_reuse does'
          : 'the client took a port that it held in TIME_WAIT itself',
    });
  if (heldByServer > 0)
    out.push({
      text: 'The server closes first and the client (or an address translator) takes the same port again soon: few ports, or a fixed one',
      likelihood: 'high',
      because: 'the client kept no TIME_WAIT, so nothing kept it from using the port',
    });
  return out;
}

function remedies({ heldByClient }: Reuses): Remedy[] {
  const out: Remedy[] = [
    {
      text: 'Keep connections open and use them again (pool, HTTP keep-alive), or widen the range of ports.',
      command: 'sysctl net.ipv4.ip_local_port_range',
      appliesTo: 'the client, or the address translator before it',
    },
    {
      text: 'Leave timestamps on at both ends: they are what makes this reuse safe.',
      command: 'sysctl net.ipv4.tcp_timestamps',
      appliesTo: 'Linux; on by default',
    },
  ];
  if (heldByClient > 0)
    out.push({
      text: 'tcp_tw_reuse does for outgoing connections what is seen here, from 1 s on. It does nothing for a server, and shortens no TIME_WAIT; nor does tcp_fin_timeout.',
      command: 'sysctl net.ipv4.tcp_tw_reuse',
      appliesTo: 'Linux; default 2 (loopback alone) since 4.19',
    });
  return out;
}
