/** `syn-backlog-overflow`: half-open entries fill the listener's queue, and real clients are turned away. */
import type { CaptureView, DeadAttempts, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, foundUnless } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { isFlooded } from './floods.ts';
import { largest } from './statistics.ts';
import { synTimes } from './syn-schedule.ts';

const EXAMPLES = 4;

interface FullQueue {
  readonly service: ServiceView;
  readonly attempts: DeadAttempts;
  readonly starved: readonly ConnectionView[];
  readonly delayed: readonly ConnectionView[];
}

export const synBacklogOverflow = defineDetector({
  id: 'syn-backlog-overflow',
  title: 'The queue of half-open connections is full: real clients are dropped',
  severity: 'critical',
  category: 'open',
  neighbours: 'service',
  params: {
    minHeld: { default: 16, text: 'half-open entries whose SYN-ACK was repeated: the queue holds them (cookies hold none)' },
  },
  docs: {
    what: 'The listener holds as many half-open connections as it may, and drops the SYNs of everybody else, real clients included.',
    why: 'It is what a SYN flood is for: new users cannot connect, while those who are connected notice nothing.',
    how: 'A service under a SYN flood answers some of the SYNs and repeats those SYN-ACKs, so it keeps entries for them, leaves most SYNs unanswered, and real clients (kernels that repeat their SYN on schedule, or that get through) repeat theirs in vain or get through late.',
    never:
      'Without a flood, with SYN cookies at work (SYN-ACKs that are not repeated), where an overflowing accept queue explains the dropped SYNs, where nothing is answered at all (a filter).',
    limits:
      'The size of the queue follows from min(listen backlog, somaxconn); without cookies Linux keeps the last quarter of tcp_max_syn_backlog for addresses that it knows, so known clients may get through while new ones starve.',
    references: ['RFC 4987', 'linux net/ipv4/tcp_input.c: tcp_conn_request', 'ip-sysctl.rst: tcp_syncookies, tcp_max_syn_backlog'],
  },
  detect(capture, params): Detection {
    const queues = capture.services.flatMap((service) => fullQueue(capture, service, params.minHeld) ?? []);
    return foundUnless(
      queues.map((q) => draft(capture, q)),
      capture.quality.oneDirection && 'the capture holds one direction only: which SYNs were answered is not in it',
    );
  },
});

function fullQueue(capture: CaptureView, service: ServiceView, minHeld: number): FullQueue | null {
  if (!isFlooded(capture, service)) return null;
  const attempts = service.deadAttempts;
  const queueFull =
    attempts.answeredAgain >= minHeld && attempts.answeredAgain >= attempts.answeredOnce && attempts.unanswered > attempts.ids.length / 2;
  if (!queueFull || attempts.starved.length + attempts.delayed.length === 0) return null;
  const views = (ids: DeadAttempts['starved']): ConnectionView[] => ids.map((id) => capture.connection(id));
  return { service, attempts, starved: views(attempts.starved), delayed: views(attempts.delayed) };
}

function draft(capture: CaptureView, q: FullQueue): Draft {
  const { service, attempts: a, starved, delayed } = q;
  const affected = [...starved, ...delayed].sort((x, y) => x.id - y.id);
  const since = affected.reduce((t, c) => Math.min(t, c.start), Infinity) as Nanos;
  const clients = [...new Set(affected.map((c) => c.client.ip))];
  const names = clients.slice(0, 3).join(', ') + (clients.length > 3 ? ' and others' : '');
  const waited = largest(affected.map((c) => c.connectSeconds ?? secondsOf(c.end - c.start)));
  return {
    severity: 'critical',
    confidence: 'high',
    title: `SYN queue of ${service.name} is full: ${plural(affected.length, 'connect')} of real clients ${starved.length > 0 ? 'starved' : 'delayed'}`,
    summary: [
      `Since ${clock(capture, since)} the SYNs of ${plural(clients.length, 'real client')} (${names}) find no place at ${service.name}: ${plural(starved.length, 'connect')} repeated the SYN in vain, ${countText(delayed.length)} got through late, the longest after ${durationText(waited)}.`,
      `The queue is held by half-open entries: at most ${countText(service.peakHalfOpen)} at once; ${countText(a.answeredAgain)} SYN-ACKs were repeated without a third ACK, and ${plural(a.unanswered, 'SYN')} of the flood got no answer either.`,
      `${plural(a.duringCompleted, 'handshake')} of real clients completed meanwhile${a.duringCompleted > 0 && starved.length > 0 ? '; without cookies Linux keeps part of the queue for addresses that it knows' : ''}.`,
    ].join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: 'attacker',
    faultBecause: `the entries that fill the queue are those of the flood (${plural(a.sources, 'source')}, no third ACK); SYN cookies, which would have kept the service open, are not at work`,
    since,
    until: null,
    count: affected.length,
    connections: affected.map((c) => c.id),
    evidence: examples(affected, EXAMPLES).flatMap((c) => {
      const last = synTimes(c).at(-1)!;
      return proofs(c.id, [
        [c.firstFrame, c.start, `SYN of ${c.client.name}, a real client`],
        [
          last.frame,
          last.time,
          `the same SYN again, ${durationText(secondsOf(last.time - c.start))} later${c.established ? '' : '; still no answer'}`,
        ],
      ]);
    }),
    metrics: {
      starved: starved.length,
      delayed: delayed.length,
      clients: clients.length,
      completedMeanwhile: a.duringCompleted,
      peakHalfOpen: service.peakHalfOpen,
      entriesHeld: a.answeredAgain,
      synsUnanswered: a.unanswered,
      longestWaitSeconds: waited,
    },
    causes: [
      { text: 'A SYN flood fills the queue', likelihood: 'high', because: `${plural(a.syns, 'SYN')} that nobody follows up` },
      {
        text: 'SYN cookies are off',
        likelihood: 'high',
        because: `SYN-ACKs of ${plural(a.answeredAgain, 'entry', 'entries')} were repeated and other SYNs dropped: with cookies a full queue still answers, and once`,
      },
    ],
    remedies: [
      {
        text: 'Turn SYN cookies on: a full queue then costs no real client its connect.',
        command: 'sysctl -w net.ipv4.tcp_syncookies=1',
        appliesTo: 'Linux (also for IPv6)',
      },
      {
        text: 'See how many SYNs were dropped for it.',
        command: 'nstat -az TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies TcpExtListenDrops',
        appliesTo: 'Linux',
      },
      {
        text: 'Only without cookies do a longer queue and a shorter life of its entries matter; tcp_syn_retries, often advised, is for outgoing connects.',
        command: 'sysctl -w net.ipv4.tcp_max_syn_backlog=4096 net.core.somaxconn=4096 net.ipv4.tcp_synack_retries=2',
        appliesTo: 'Linux; the application must listen() with as large a backlog',
      },
    ],
    caveats: [],
    explainedByRules: ['syn-flood'],
  };
}
