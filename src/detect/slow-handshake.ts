/** `slow-handshake`: handshakes that completed only after a repeated SYN: time lost, its modes, and what the slow ones share. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { idsByService, sampledCaveats } from './ids-by-service.ts';
import { protectedServices } from './ddos-protection.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, foundUnless } from './detector.ts';
import { distinction } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median, sampleOf } from './statistics.ts';
import { synTimes } from './syn-schedule.ts';

const EXAMPLES = 4;
/** Handshakes without a repeat that the slow ones are compared with. */
const COMPARED = 500;

/** Thousands are kept, so there is no view of the connection in it. */
interface Slow {
  readonly id: ConnId;
  readonly start: Nanos;
  /** From the first SYN to the end of the handshake, and what of it the path alone needs; seconds. */
  readonly connect: number;
  readonly lost: number;
  /** SYN-ACKs seen before the last SYN: the answer was lost, not the SYN. */
  readonly answeredEarly: boolean;
}

export const slowHandshake = defineDetector({
  id: 'slow-handshake',
  title: 'Connects that needed a repeated SYN',
  severity: 'warning',
  category: 'open',
  neighbours: 'hosts',
  params: {
    minLostSeconds: { default: 0.5, text: 'time beyond the round trip that a handshake must have lost' },
    minConnections: { default: 3, text: 'such handshakes of one service from which it is a warning' },
    minShare: {
      default: 0.01,
      text: 'and their share of the handshakes of the service; below, it is the ordinary loss of a path: information',
    },
  },
  docs: {
    what: 'A connect succeeds, but only after the kernel repeated its SYN: 1, 3 or 7 seconds late instead of a round trip.',
    why: 'It is the delay that users see as "sometimes it hangs for a second". Nothing fails, so no log shows it.',
    how: 'Handshakes that completed and whose SYN was sent more than once, by service; the time lost is the connect time less the round trip of the last SYN. The modes tell how many SYNs in a row were lost. A SYN-ACK seen before the SYN came again means that the answer was lost, or came too late, and not the SYN.',
    never:
      "Repeats within half a second (a TIME_WAIT that made way, doubled frames), services behind a protector that drops first SYNs (ddos-protection), slow applications: the handshake is the kernel's.",
    limits:
      'A path with a round trip above 1 s makes every client repeat its SYN though nothing is lost. A SYN repeated because the SYN-ACK came late counts as lost.',
    references: ['RFC 6298 §2.1, §5.7', 'RFC 9293 §3.8.1', 'linux ip-sysctl.rst: tcp_syn_linear_timeouts'],
  },
  detect(capture, params): Detection {
    const { lateSyn } = capture.openings;
    const guarded = protectedServices(capture);
    const groups = [...idsByService(capture, lateSyn, (s) => guarded.has(s))].flatMap(([service, list]) => {
      const slow = list.flatMap((id) => slowOf(capture.connection(id), params.minLostSeconds) ?? []);
      return slow.length > 0 ? [{ service, slow }] : [];
    });
    return foundUnless(
      draftLargest(
        groups,
        (g) => g.slow.length,
        (g) => draft(capture, g.service, g.slow, params),
        'service',
      ),
      (capture.quality.oneDirection || capture.quality.flagsOnly) && 'the capture lacks a direction, or the ACKs that complete a handshake',
    );
  },
});

function slowOf(c: ConnectionView, minLostSeconds: number): Slow | null {
  const { connectSeconds: connect, handshakeRtt: rtt } = c;
  if (connect === null || rtt === null || c.basis !== 'handshake' || connect - rtt < minLostSeconds) return null;
  const syns = synTimes(c);
  if (syns.length < 2) return null;
  const synAck = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
  const last = syns.at(-1)!;
  return { id: c.id, start: c.start, connect, lost: connect - rtt, answeredEarly: synAck !== undefined && synAck.time < last.time };
}

/** `1 s (12), 3 s (2)`: the schedule's steps. */
function modesText(slow: readonly Slow[]): string {
  const modes = new Map<number, number>();
  for (const s of slow) modes.set(Math.round(s.lost), (modes.get(Math.round(s.lost)) ?? 0) + 1);
  return [...modes]
    .sort((a, b) => a[0] - b[0])
    .slice(0, 8)
    .map(([seconds, count]) => `${seconds === 0 ? 'below 0.5' : String(seconds)} s (${countText(count)})`)
    .join(', ');
}

function draft(
  capture: CaptureView,
  service: ServiceView,
  slow: readonly Slow[],
  params: { minConnections: number; minShare: number },
): Draft {
  const n = slow.length;
  const since = slow.reduce((t, s) => Math.min(t, s.start), Infinity) as Nanos;
  const affected = new Set(slow.map((s) => s.id));
  const quick = sampleOf([service.ids('ok'), service.ids('open')], COMPARED).filter((id) => !affected.has(id));
  const usual = median(quick.flatMap((id) => capture.connection(id).connectSeconds ?? []));
  const rtt = median(slow.map((s) => s.connect - s.lost));
  const total = slow.reduce((t, s) => t + s.lost, 0);
  const answered = slow.filter((s) => s.answeredEarly).length;
  const clients = new Set(slow.map((s) => capture.clientOf(s.id))).size;
  const many = n >= params.minConnections && n >= params.minShare * service.completed;
  const few = n < params.minShare * service.completed;
  const worst = largest(slow.map((s) => s.connect));
  return {
    severity: many ? 'warning' : few || service.completed > 3 * n ? 'info' : 'notice',
    confidence: 'high',
    title: `${plural(n, 'connect')} to ${service.name} took up to ${durationText(worst)} because the SYN had to be repeated`,
    summary: [
      `Since ${clock(capture, since)} ${countText(n)} of ${plural(service.completed, 'handshake')} with ${service.name} completed only after a repeated SYN, of ${plural(clients, 'client')}: ${durationText(total)} lost in all, ${durationText(worst)} at worst, where the path needs ${durationText(rtt)}.`,
      `Time lost: ${modesText(slow)}.`,
      answered > 0
        ? `In ${countText(answered)} the SYN-ACK is in the capture before the SYN came again, so the answer was lost or late.`
        : `In none of them is an answer to the first SYN in the capture.`,
      Number.isNaN(usual) ? '' : `Handshakes without a repeat took ${durationText(usual)} (median of ${countText(quick.length)}).`,
      distinction(capture, [...affected], quick, Side.SERVER),
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: n,
    connections: slow.map((s) => s.id),
    evidence: examples(slow, EXAMPLES).flatMap((s) => evidence(capture, s)),
    metrics: {
      connections: n,
      handshakesCompleted: service.completed,
      clients,
      lostSecondsTotal: total,
      worstConnectSeconds: worst,
      medianRoundTripSeconds: rtt,
      usualConnectSeconds: Number.isNaN(usual) ? null : usual,
      modes: modesText(slow),
      answeredBeforeRepeat: answered,
    },
    causes: causes(n, answered),
    remedies: remedies(service),
    caveats: [
      ...sampledCaveats(capture, capture.openings.lateSyn, [service]),
      {
        code: 'second-capture',
        text: 'A capture on the other host decides: a SYN that does not arrive there was lost on the way; one that arrives and is not answered was dropped by the host (nstat TcpExtListenDrops).',
        count: 1,
      },
    ],
    explainedByRules: [
      'syn-flood',
      'syn-backlog-overflow',
      'accept-queue-overflow',
      'process-killed',
      'time-wait-challenge',
      'nat-timestamps',
      'packet-loss',
    ],
  };
}

function evidence(capture: CaptureView, { id, connect }: Slow): EvidenceDraft[] {
  const c = capture.connection(id);
  const last = synTimes(c).at(-1)!;
  const synAck =
    c.marks.findLast((m) => m.mark === Mark.SYN_ACK_AGAIN) ?? c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
  return proofs(c.id, [
    [c.firstFrame, c.start, `SYN of ${c.client.name}`],
    [last.frame, last.time, `the same SYN again, ${durationText(secondsOf(last.time - c.start))} later`],
    [synAck?.frame ?? null, synAck?.time ?? null, `SYN-ACK that completed the handshake: connect() took ${durationText(connect)}`],
  ]);
}

const causes = (n: number, answered: number): Cause[] => {
  const path: Cause = {
    text: 'The path loses SYNs or SYN-ACKs',
    likelihood: answered > 0 ? 'high' : 'medium',
    because:
      answered > 0 ? `${countText(answered)} of the ${countText(n)} answers left and did not arrive in time` : 'the repeats got through',
  };
  const listener: Cause = {
    text: 'The listener dropped the SYNs for a moment (accept queue or SYN queue full)',
    likelihood: answered === n ? 'low' : 'medium',
    because: answered === n ? 'it answered each of them' : 'a SYN that the listener drops looks like a lost one',
  };
  return [path, listener];
};

const remedies = (service: ServiceView): Remedy[] => [
  {
    text: 'See whether the listener drops SYNs.',
    command: 'nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtTCPReqQFullDrop',
    appliesTo: 'Linux, on the server',
  },
  {
    text: 'Measure the loss of SYNs on the way.',
    command: `mtr -T -P ${String(service.port)} -c 100 -r ${service.ip}`,
    appliesTo: 'on the client',
  },
  {
    text: "Keep connections open and reuse them, so that fewer users pay for a handshake. The wait of 1 s is the protocol's (RFC 6298); only eBPF (BPF_SOCK_OPS_TIMEOUT_INIT) changes it on Linux.",
    command: null,
    appliesTo: 'the client application',
  },
];
