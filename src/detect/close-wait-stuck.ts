/**
 * The application on one host never closes its side: sockets stay in CLOSE_WAIT. The kernel has no timer for that state
 * (RFC 9293 §3.3.2), so each one is a descriptor lost until the process ends.
 */
import type { CaptureView } from '../model/capture-view.ts';
import type { Severity, Subject } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Case, causesOf, caveatsOf, peersIdleTime, remediesOf } from './close-wait-advice.ts';
import { endedByKill, neighboursOf, type Waiting, type WaitingGroup, waitingGroups } from './close-wait-groups.ts';
import { defineDetector, type Detection, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction, othersOf } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

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

export const closeWaitStuck = defineDetector({
  id: 'close-wait-stuck',
  title: 'The application never closes its side (CLOSE_WAIT)',
  severity: 'critical',
  category: 'close',
  said: 'silence',
  params: PARAMS,
  docs: {
    what: 'One end has acknowledged the FIN of the other and then sends neither data nor a FIN or RST of its own. Its kernel has told the application that the stream ended (read() returned 0) and now waits for close(), which does not come.',
    why: 'CLOSE_WAIT has no timer. Each of these sockets keeps a file descriptor, and often a slot of a connection pool, until the process ends; when the descriptors are used up, accept() and connect() fail with EMFILE.',
    how: 'Sockets are gathered by the host that owns them and by service. One alone counts from minSeconds on. A group of at least groupMinCount counts earlier: from groupMinSeconds and from neighbourFactor times the median time in which the same host closed its other connections of that service. Where no neighbour was closed and the last data was a request without an answer, a group counts from criticalSeconds on. The time is measured up to the end of observation: the last packet, the end that pcapng states, or --captured-until. A group that ended in one instant, with resets for unread data or together with connections in use, ended with its process: the finding then has an end and is a warning.',
    never:
      'Silent when data follows the acknowledged FIN (a half-close in use), when the FIN came just before the end of observation, when the sockets close within the usual time of their neighbours, when a pool sweeps out its stale connections late, when the peer reset them, and when the capture lost octets of that end, among which its FIN may be. Inconclusive in captures of one direction or of SYN, FIN and RST alone.',
    limits:
      'A capture cannot show why the application does not close. A socket whose application answers after hours looks like a leak until then. In captures joined from pieces, the time between the pieces counts as observed. Where the FIN of the waiting end is lost beyond the capture point, the state seen here is not the state of the socket: compare with ss on the host.',
    references: [
      'RFC 9293 §3.3.2 and §3.6 (CLOSE-WAIT)',
      'RFC 1122 §4.2.2.13 (half-close)',
      'Linux: no timer for TCP_CLOSE_WAIT in net/ipv4/tcp_timer.c',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.connections === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP connection' };
    if (quality.flagsOnly)
      return {
        verdict: 'inconclusive',
        because: 'the capture holds SYN, FIN and RST only: data after a FIN, which makes it a half-close in use, would not be seen',
      };
    if (quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: the FIN of the other end would not be seen' };
    const open = { count: 0, longestSeconds: 0 };
    const drafts = draftLargest(
      casesOf(capture, params, open),
      (c) => c.stuck.length,
      (c) => draft(capture, c, params),
      'group',
    );
    return drafts.length > 0 ? found(drafts) : undecided(open, params);
  },
});

/** Sockets that were still there at the end of observation. */
interface Open {
  count: number;
  longestSeconds: number;
}

/** Counts those of all groups in `open`. */
function* casesOf(capture: CaptureView, params: Params, open: Open): Generator<Case> {
  for (const group of waitingGroups(capture, params.groupMinSeconds, 'all')) {
    open.count += group.open.length;
    open.longestSeconds = Math.max(open.longestSeconds, longestOf(group.open));
    const it = judge(capture, group, params);
    if (it !== null) yield it;
  }
}

/** Nothing is proven: is that because there is nothing, or because the capture is too short? */
function undecided({ count, longestSeconds }: Open, params: Params): Detection {
  if (count === 0) return { verdict: 'clear' };
  return {
    verdict: 'inconclusive',
    because: `${plural(count, 'socket was', 'sockets were')} in CLOSE_WAIT when observation ended, for ${durationText(longestSeconds)} at most; ${params.minSeconds} s are needed (a group of ${params.groupMinCount}: ${params.groupMinSeconds} s, and ${params.neighbourFactor} times its neighbours). If the capture ran on without a packet, say until when: --captured-until TIME`,
  };
}

function judge(capture: CaptureView, group: WaitingGroup, params: Params): Case | null {
  const waited = (w: Waiting): boolean => w.seconds >= params.groupMinSeconds;
  const enough = group.open.filter(waited).length + group.ended.length >= params.groupMinCount;
  if (!enough && !group.open.some((w) => w.seconds >= params.minSeconds)) return null;
  const killed = endedByKill(capture, group, params.groupMinCount, params.killSpreadSeconds);
  const neighbours = neighboursOf(capture, group, killed);
  const far = params.neighbourFactor * (neighbours.medianSeconds ?? 0);
  const longEnough = (w: Waiting): boolean => {
    const unproven = neighbours.medianSeconds === null && w.unanswered && w.until === null;
    return w.seconds >= Math.max(unproven ? params.criticalSeconds : params.groupMinSeconds, far);
  };
  const together = group.open.filter(longEnough);
  const stuck = together.length >= params.groupMinCount ? together : group.open.filter((w) => w.seconds >= params.minSeconds);
  if (stuck.length > 0) return { group, stuck, neighbours, killedAt: null, longest: longestOf(stuck) };

  const ended = killed.filter(longEnough);
  if (ended.length === 0 || ended.length < params.groupMinCount) return null;
  const killedAt = ended.reduce((latest, w) => (w.until! > latest ? w.until! : latest), ended[0]!.until!);
  return { group, stuck: ended, neighbours, killedAt, longest: longestOf(ended) };
}

const longestOf = (members: readonly Waiting[]): number => members.reduce((most, w) => Math.max(most, w.seconds), 0);

/** How the number grew: arrivals in CLOSE_WAIT per minute, and whether they still came at the end. */
interface Growth {
  readonly perMinute: number | null;
  readonly text: string;
  readonly secondsToLimit: number | null;
  readonly growing: boolean;
}

function growthOf(capture: CaptureView, waiting: readonly Waiting[], params: Params): Growth {
  const arrivals = waiting.map((w) => w.since).sort((a, b) => a - b);
  const [first, last] = [arrivals[0]!, arrivals.at(-1)!];
  const span = secondsOf(last - first);
  const limit = `the usual limit of ${countText(params.descriptorLimit)} open files`;
  const left = `${countText(Math.max(0, params.descriptorLimit - waiting.length))} more fit under ${limit}`;
  if (waiting.length < 2) return { perMinute: null, text: `One socket shows no growth; ${left}.`, secondsToLimit: null, growing: false };
  if (span < 1)
    return {
      perMinute: null,
      text: `All came within ${durationText(span)}, so no rate of growth can be stated; ${left}.`,
      secondsToLimit: null,
      growing: false,
    };
  const perMinute = ((waiting.length - 1) / span) * 60;
  const secondsToLimit = Math.max(0, params.descriptorLimit - waiting.length) / (perMinute / 60);
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
  // Those that are too young to be called stuck still tell how the number grows.
  const growth = growthOf(capture, killedAt === null ? group.open : stuck, params);
  const idle = peersIdleTime(capture, c);
  const subject = subjectOf(group);
  const since = stuck.reduce((earliest, w) => (w.since < earliest ? w.since : earliest), stuck[0]!.since);
  const unanswered = stuck.filter((w) => w.unanswered).length;
  const affected = stuck.map((w) => w.id);
  const others = othersOf(capture, group.service, affected, group);
  const n = plural(stuck.length, 'connection');
  const towards = group.side === Side.CLIENT ? ` to ${group.service.name}` : ` at its port ${group.service.port}`;
  const time = stuck.length === 1 ? durationText(longest) : `up to ${durationText(longest)}`;
  const been =
    killedAt === null
      ? `${stuck.length === 1 ? 'has' : 'have'} been in CLOSE_WAIT since`
      : `${stuck.length === 1 ? 'was' : 'were'} in CLOSE_WAIT from`;
  const silence = `the peer's FIN was acknowledged, and the application ${killedAt === null ? 'has sent neither data nor a FIN since' : 'sent neither data nor a FIN'}`;
  const outcome =
    killedAt === null
      ? 'This was still so at the end of observation.'
      : `It ended at ${clock(capture, killedAt)} for all in one instant (${endings(stuck)}), as when the process is killed.`;
  const comparison = others.length === 0 ? '' : `${neighbourText(c)} `;
  return {
    severity: severityOf(c, growth, params),
    confidence: stuck.length >= params.groupMinCount || longest >= params.minSeconds ? 'high' : 'medium',
    title:
      killedAt === null ? `${n} stuck in CLOSE_WAIT on ${group.host}` : `${n} sat in CLOSE_WAIT on ${group.host} until the process ended`,
    summary: `On ${group.host}, ${n}${towards} ${been} ${clock(capture, since)}, for ${time}: ${silence}. ${outcome} ${growth.text} ${comparison}${distinction(capture, affected, others, group.side)}`,
    subject,
    atFault: group.host,
    faultBecause: `its kernel acknowledged the FIN of the peer in ${plural(stuck.length, 'case')} and the application on it did not call close() for ${time}`,
    since,
    until: killedAt,
    count: stuck.length,
    connections: stuck.map((w) => w.id),
    evidence: evidenceOf(capture, c),
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
      peerIdleSeconds: idle?.seconds ?? null,
    },
    causes: causesOf(c, idle),
    remedies: remediesOf(group),
    caveats: caveatsOf(c),
    explainedByRules: idle?.isTimeout === true ? ['idle-timeout-pattern'] : [],
  };
}

function subjectOf({ side, host, service }: WaitingGroup): Subject {
  return side === Side.CLIENT
    ? { host, role: 'client', peer: service.ip, port: service.port }
    : { host, role: 'server', port: service.port };
}

function endings(stuck: readonly Waiting[]): string {
  const resets = stuck.filter((w) => w.ending === 'RST').length;
  const fins = `${stuck.length - resets} by FIN`;
  return resets === 0 ? fins : `${fins}, ${resets} by RST because received data had not been read`;
}

function neighbourText({ neighbours, group }: Case): string {
  const { count, medianSeconds } = neighbours;
  if (medianSeconds === null) return `No other connection of ${group.service.name} was closed there after its peer's FIN.`;
  return `The same host closed ${plural(count, 'other connection')} of this service ${durationText(medianSeconds)} after the FIN (median), so the application as a whole is alive.`;
}

function evidenceOf(capture: CaptureView, { group, stuck, killedAt }: Case): EvidenceDraft[] {
  return examples(stuck, 4).flatMap((w) => {
    const { ends } = capture.connection(w.id);
    const [end, peer] = [ends[group.side], ends[otherSide(group.side)]];
    return [
      ...proofs(w.id, [
        [end.lastDataFrame, end.lastDataTime, `last data from ${end.name}`],
        [peer.firstFinFrame, peer.finTime, `FIN from ${peer.name}`],
        [peer.finAckedFrame, peer.finAckedTime, `${end.name} acknowledges the FIN and is in CLOSE_WAIT for ${durationText(w.seconds)}`],
      ]),
      ...(killedAt === null || w.ending === null
        ? []
        : proofs(w.id, [[w.endFrame, w.until, `${w.ending} from ${end.name}: the process has ended`]])),
    ];
  });
}
