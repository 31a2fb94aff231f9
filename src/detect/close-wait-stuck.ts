/**
 * The application on one host never closes its side: sockets stay in CLOSE_WAIT. The kernel has no timer for that state
 * (RFC 9293 §3.3.2), so each one is a descriptor lost until the process ends.
 */
import type { CaptureView } from '../model/capture-view.ts';
import type { Caveat, Cause, Remedy, Severity, Subject } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { endedByKill, type Neighbours, neighboursOf, type Waiting, type WaitingGroup, waitingGroups } from './close-wait-groups.ts';
import { defineDetector, type Detection, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { idleClose, idlePattern, type IdlePattern } from './idle-gaps.ts';
import { IDLE_LIMITS } from './idle-timeout-pattern.ts';

const PARAMS = {
  minSeconds: { default: 60, text: 'a single socket is stuck from this time in CLOSE_WAIT on' },
  groupMinCount: { default: 5, text: 'sockets of one service at one host that make a group' },
  groupMinSeconds: { default: 1, text: 'a group is stuck from this time in CLOSE_WAIT on, when its neighbours close much faster' },
  neighbourFactor: { default: 20, text: 'how many times longer than its neighbours took to close a group must wait' },
  criticalSeconds: { default: 10, text: 'a group that has waited this long is critical' },
  descriptorLimit: { default: 1_024, text: 'open files of the process, for the time until they run out (the usual soft limit, ulimit -n)' },
  killSpreadSeconds: { default: 0.25, text: 'ends within this time are one instant: the end of the process' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** One group judged. */
interface Case {
  readonly group: WaitingGroup;
  readonly stuck: readonly Waiting[];
  readonly neighbours: Neighbours;
  /** The moment at which the process ended; null: still stuck. */
  readonly killedAt: Nanos | null;
  readonly longest: number;
}

export const closeWaitStuck = defineDetector({
  id: 'close-wait-stuck',
  title: 'The application never closes its side (CLOSE_WAIT)',
  severity: 'critical',
  category: 'close',
  params: PARAMS,
  docs: {
    what: 'One end has acknowledged the FIN of the other and then sends neither data nor a FIN or RST of its own. Its kernel has told the application that the stream ended (read() returned 0) and now waits for close(), which does not come.',
    why: 'CLOSE_WAIT has no timer. Each of these sockets keeps a file descriptor, and often a slot of a connection pool, until the process ends; when the descriptors are used up, accept() and connect() fail with EMFILE.',
    how: 'Sockets are gathered by the host that owns them and by service. One alone counts from minSeconds on. A group of at least groupMinCount counts earlier: from groupMinSeconds and from neighbourFactor times the median time in which the same host closed its other connections of that service. Where no neighbour was closed and the last data was a request without an answer, a group counts from criticalSeconds on. The time is measured up to the end of observation: the last packet, the end that pcapng states, or --captured-until. A group that ended in one instant, with resets for unread data or together with connections in use, ended with its process: the finding then has an end and is a warning.',
    never:
      'Silent when data follows the acknowledged FIN (a half-close in use), when the FIN came just before the end of observation, when the sockets close within the usual time of their neighbours, when a pool sweeps out its stale connections late, when the peer reset them, and when the capture lost octets of that end, among which its FIN may be. Inconclusive in captures of one direction or of SYN, FIN and RST alone.',
    limits:
      'A capture cannot show why the application does not close. A socket whose application answers after hours looks like a leak until then. Where the FIN of the waiting end is lost beyond the capture point, the state seen here is not the state of the socket: compare with ss on the host.',
    references: [
      'RFC 9293 §3.3.2 and §3.6 (CLOSE-WAIT)',
      'RFC 1122 §4.2.2.13 (half-close)',
      'Linux: no timer for TCP_CLOSE_WAIT in net/ipv4/tcp_timer.c',
    ],
  },
  detect: (capture, params) => {
    const groups = waitingGroups(capture);
    const { quality } = capture;
    if (quality.connections === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP connection' };
    if (quality.flagsOnly)
      return {
        verdict: 'inconclusive',
        because: 'the capture holds SYN, FIN and RST only: data after a FIN, which makes it a half-close in use, would not be seen',
      };
    if (quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: the FIN of the other end would not be seen' };
    const cases = groups.flatMap((group) => judge(capture, group, params));
    return cases.length > 0 ? found(cases.map((c) => draft(capture, c, params))) : undecided(groups, params);
  },
});

/** Nothing is proven: is that because there is nothing, or because the capture is too short? */
function undecided(groups: readonly WaitingGroup[], params: Params): Detection {
  const open = groups.flatMap((g) => g.open);
  if (open.length === 0) return { verdict: 'clear' };
  const longest = Math.max(...open.map((w) => w.seconds));
  return {
    verdict: 'inconclusive',
    because: `${plural(open.length, 'socket was', 'sockets were')} in CLOSE_WAIT when observation ended, for ${durationText(longest)} at most; ${durationText(params.minSeconds)} are needed (a group of ${params.groupMinCount}: ${durationText(params.groupMinSeconds)}, and ${params.neighbourFactor} times its neighbours). If the capture ran on without a packet, say until when: --captured-until TIME`,
  };
}

function judge(capture: CaptureView, group: WaitingGroup, params: Params): Case[] {
  const killed = endedByKill(capture, group, params.groupMinCount, params.killSpreadSeconds);
  const neighbours = neighboursOf(capture, group, killed);
  const far = params.neighbourFactor * (neighbours.medianSeconds ?? 0);
  const longEnough = (w: Waiting): boolean => {
    const unproven = neighbours.medianSeconds === null && w.unanswered && w.until === null;
    return w.seconds >= Math.max(unproven ? params.criticalSeconds : params.groupMinSeconds, far);
  };
  const together = group.open.filter(longEnough);
  const stuck = together.length >= params.groupMinCount ? together : group.open.filter((w) => w.seconds >= params.minSeconds);
  if (stuck.length > 0) return [{ group, stuck, neighbours, killedAt: null, longest: longestOf(stuck) }];

  const ended = killed.filter(longEnough);
  if (ended.length < params.groupMinCount) return [];
  const killedAt = ended.reduce((latest, w) => (w.until! > latest ? w.until! : latest), ended[0]!.until!);
  return [{ group, stuck: ended, neighbours, killedAt, longest: longestOf(ended) }];
}

const longestOf = (members: readonly Waiting[]): number => members.reduce((most, w) => Math.max(most, w.seconds), 0);

/** How the number grew: arrivals in CLOSE_WAIT per minute, and whether they still came at the end. */
interface Growth {
  readonly perMinute: number | null;
  readonly text: string;
  readonly secondsToLimit: number | null;
  readonly growing: boolean;
}

function growthOf(capture: CaptureView, stuck: readonly Waiting[], params: Params): Growth {
  const arrivals = stuck.map((w) => w.since).sort((a, b) => a - b);
  const [first, last] = [arrivals[0]!, arrivals.at(-1)!];
  const span = secondsOf(last - first);
  const limit = `the usual limit of ${countText(params.descriptorLimit)} open files`;
  const left = `${countText(Math.max(0, params.descriptorLimit - stuck.length))} more fit under ${limit}`;
  if (stuck.length < 2) return { perMinute: null, text: `One socket shows no growth; ${left}.`, secondsToLimit: null, growing: false };
  if (span < 1)
    return {
      perMinute: null,
      text: `All came within ${durationText(span)}, so no rate of growth can be stated; ${left}.`,
      secondsToLimit: null,
      growing: false,
    };
  const perMinute = ((stuck.length - 1) / span) * 60;
  const secondsToLimit = Math.max(0, params.descriptorLimit - stuck.length) / (perMinute / 60);
  const quiet = secondsOf(capture.end - last);
  const rate = `${perMinute >= 10 ? countText(Math.round(perMinute)) : perMinute.toFixed(1)} per minute`;
  if (quiet > span) {
    return {
      perMinute,
      text: `They came within ${durationText(span)} (${rate}), none in the last ${durationText(quiet)}; at that rate ${limit} would be reached in ${durationText(secondsToLimit)}.`,
      secondsToLimit,
      growing: false,
    };
  }
  return {
    perMinute,
    text: `The number grows by ${rate}: ${limit} is reached in ${durationText(secondsToLimit)}.`,
    secondsToLimit,
    growing: true,
  };
}

function severityOf(c: Case, growth: Growth, params: Params): Severity {
  if (c.killedAt !== null) return 'warning';
  const group = c.stuck.length >= params.groupMinCount && c.longest >= params.criticalSeconds;
  return group || (growth.growing && c.stuck.length >= 3) ? 'critical' : 'warning';
}

function draft(capture: CaptureView, c: Case, params: Params): Draft {
  const { group, stuck, killedAt, longest } = c;
  const growth = growthOf(capture, stuck, params);
  const pattern = peersPattern(c);
  const subject = subjectOf(group);
  const since = stuck.reduce((earliest, w) => (w.since < earliest ? w.since : earliest), stuck[0]!.since);
  const unanswered = stuck.filter((w) => w.unanswered).length;
  const affected = new Set(stuck.map((w) => w.connection.id));
  const others = group.service.all().filter((id) => !affected.has(id) && capture.connection(id).ends[group.side].ip === group.host);
  const n = plural(stuck.length, 'connection');
  const towards = group.side === Side.CLIENT ? ` to ${group.service.name}` : ` at its port ${group.service.port}`;
  const state = killedAt === null ? 'stuck in CLOSE_WAIT' : 'were stuck in CLOSE_WAIT until the process ended';
  const time = stuck.length === 1 ? durationText(longest) : `up to ${durationText(longest)}`;
  const outcome =
    killedAt === null
      ? `was still so at the end of observation`
      : `ended at ${clock(capture, killedAt)}, all in one instant (${endings(stuck)}), as when the process is killed`;
  return {
    severity: severityOf(c, growth, params),
    confidence: stuck.length >= params.groupMinCount || longest >= params.minSeconds ? 'high' : 'medium',
    title: `${n} ${state} on ${group.host}`,
    summary: `On ${group.host}, ${n}${towards} ${stuck.length === 1 ? 'has' : 'have'} been in CLOSE_WAIT since ${clock(capture, since)}, for ${time}: the peer's FIN was acknowledged, and the application has sent neither data nor a FIN since. This ${outcome}. ${growth.text} ${neighbourText(c)} ${distinction(
      capture,
      stuck.map((w) => w.connection.id),
      others,
      group.side,
    )}`,
    subject,
    atFault: group.host,
    faultBecause: `its kernel acknowledged the FIN of the peer in ${plural(stuck.length, 'case')} and the application on it did not call close() for ${time}`,
    since,
    until: killedAt,
    count: stuck.length,
    connections: stuck.map((w) => w.connection.id),
    evidence: evidenceOf(c),
    metrics: {
      longestSeconds: longest,
      shortestSeconds: stuck.reduce((least, w) => Math.min(least, w.seconds), longest),
      growthPerMinute: growth.perMinute,
      secondsToDescriptorLimit: growth.secondsToLimit,
      descriptorLimit: params.descriptorLimit,
      unansweredRequests: unanswered,
      otherConnections: others.length,
      neighboursClosed: c.neighbours.count,
      neighboursMedianCloseSeconds: c.neighbours.medianSeconds,
      peerIdleTimeoutSeconds: pattern?.seconds ?? null,
    },
    causes: causesOf(c, unanswered, pattern),
    remedies: remediesOf(group),
    caveats: caveatsOf(c),
  };
}

function subjectOf({ side, host, service }: WaitingGroup): Subject {
  return side === Side.CLIENT
    ? { host, role: 'client', peer: service.ip, port: service.port }
    : { host, role: 'server', port: service.port };
}

function endings(stuck: readonly Waiting[]): string {
  const resets = stuck.filter((w) => w.ending?.kind === 'RST').length;
  const fins = `${stuck.length - resets} by FIN`;
  return resets === 0 ? fins : `${fins}, ${resets} by RST because received data had not been read`;
}

function neighbourText({ neighbours, group }: Case): string {
  const { count, medianSeconds } = neighbours;
  if (medianSeconds === null) return `No other connection of ${group.service.name} was closed there after its peer's FIN.`;
  return `The same host closed ${plural(count, 'other connection')} of this service ${durationText(medianSeconds)} after the FIN (median), so the application as a whole is alive.`;
}

/** The idle timeout of the peers that closed these connections. */
function peersPattern({ stuck, group }: Case): IdlePattern | null {
  const closes = stuck.flatMap((w) => idleClose(w.connection, otherSide(group.side), IDLE_LIMITS.minSeconds) ?? []);
  return idlePattern(closes, IDLE_LIMITS);
}

function evidenceOf({ stuck, killedAt }: Case): EvidenceDraft[] {
  return examples(stuck, 4).flatMap((w) => [
    ...proofs(w.connection.id, [
      [w.end.lastDataFrame, w.end.lastDataTime, `last data from ${w.end.name}`],
      [w.peer.firstFinFrame, w.peer.finTime, `FIN from ${w.peer.name}`],
      [w.peer.finAckedFrame, w.peer.finAckedTime, `${w.end.name} acknowledges the FIN and is in CLOSE_WAIT for ${durationText(w.seconds)}`],
    ]),
    ...(killedAt === null || !w.ending
      ? []
      : proofs(w.connection.id, [[w.ending.frame, w.until, `${w.ending.kind} from ${w.end.name}: the process has ended`]])),
  ]);
}

function causesOf(c: Case, unanswered: number, pattern: IdlePattern | null): Cause[] {
  const { stuck, group, neighbours } = c;
  const n = stuck.length;
  const causes: Cause[] = [];
  if (pattern) {
    const equals = pattern.equals === null ? '' : `, which ${pattern.equals}`;
    const oneEvent =
      pattern.closesSpan < 2 * IDLE_LIMITS.toleranceSeconds
        ? '; all these closes fall into one moment, so a restart of the peer would look the same'
        : '';
    causes.push({
      text: `the peer's idle timeout (${durationText(pattern.seconds)}) is shorter than the life that the pool of ${group.host} gives its connections, and the pool neither validates nor evicts them`,
      likelihood: 'high',
      because: `the peer closes after ${durationText(pattern.seconds)} of idleness (± ${durationText(pattern.plusMinus)}), ${pattern.closes.length} of ${n}${equals}${oneEvent}`,
    });
  }
  const waiting = `${unanswered} of ${n} had sent a request that was never answered when the peer closed`;
  if (unanswered > 0) {
    causes.push({
      text: 'the worker that owns the connection is blocked (deadlock, exhausted thread pool, a call without a timeout) or never picked the connection up, so that nobody reads the end of the stream',
      likelihood: unanswered === n && neighbours.count === 0 ? 'high' : 'medium',
      because: waiting,
    });
  }
  causes.push({
    text: 'a code path (often error handling or a timeout) drops the connection without close(), so that the descriptor leaks',
    likelihood: unanswered === n && neighbours.count === 0 ? 'medium' : 'high',
    because:
      neighbours.count > 0
        ? `${plural(neighbours.count, 'other connection')} of the same service were closed as they should`
        : `${n - unanswered} of ${n} had nothing left to answer when the peer closed`,
  });
  causes.push({
    text: 'a child process inherited the descriptor, so that close() in the parent does not end the connection',
    likelihood: 'low',
    because: 'the capture cannot show who holds a descriptor; ss -p names every process that does',
  });
  return causes;
}

function remediesOf({ host, side, service }: WaitingGroup): Remedy[] {
  const filter = side === Side.CLIENT ? `dst ${service.ip} and dport = :${service.port}` : `sport = :${service.port}`;
  return [
    {
      text: `on ${host}, find the process that holds the sockets, and read its code path after read() returns 0: it must close()`,
      command: `ss -tanp state close-wait '( ${filter} )'`,
      appliesTo: 'Linux',
    },
    {
      text: 'see what its threads do (jstack, py-spy dump, gdb): blocked workers and leaked descriptors need different repairs',
      command: 'lsof -nP -p PID -a -iTCP -sTCP:CLOSE_WAIT',
      appliesTo: 'Linux, macOS',
    },
    side === Side.CLIENT
      ? {
          text: "let the pool test connections before use and evict idle ones before the peer's idle timeout",
          command: null,
          appliesTo: 'the application on the client',
        }
      : {
          text: 'close the connection on end of stream and on every error path, and give each request a time limit',
          command: null,
          appliesTo: 'the application on the server',
        },
    {
      text: 'until it is repaired: restart the process before its descriptors run out. No sysctl helps: CLOSE_WAIT has no timer, and neither tcp_fin_timeout nor keepalive ends it while the peer still answers',
      command: null,
      appliesTo: 'every kernel',
    },
  ];
}

function caveatsOf({ stuck, killedAt }: Case): Caveat[] {
  const caveats = [
    {
      code: 'seen-from-here',
      text: 'Proven wrong if ss on the host shows no CLOSE_WAIT: then the FIN of that host was lost before the capture point.',
      count: 1,
    },
  ];
  const midstream = stuck.filter((w) => w.connection.basis === 'midstream').length;
  if (midstream > 0)
    caveats.push({
      code: 'mid-stream',
      text: 'These connections began before the capture; their FIN and its acknowledgment are in it.',
      count: midstream,
    });
  if (killedAt !== null)
    caveats.push({
      code: 'kill-inferred',
      text: 'That the process ended is inferred from the common instant; its log or dmesg (out of memory) decides.',
      count: 1,
    });
  return caveats;
}
