/** CLOSE_WAIT that ended by close(), but late: the application took its time to notice that its peer had gone. */
import type { CaptureView } from '../model/capture-view.ts';
import type { Subject } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { endedByKill, neighboursOf, type Neighbours, type Waiting, type WaitingGroup, waitingGroups } from './close-wait-groups.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { distinction, othersOf } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median, spread } from './statistics.ts';

const PARAMS = {
  minSeconds: { default: 1, text: 'time in CLOSE_WAIT from which a close is late' },
  neighbourFactor: { default: 20, text: 'how many times longer than its neighbours took to close it must have waited' },
  sweepSeconds: { default: 0.25, text: 'late closes within this time are one sweep of a pool' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** So many ends in one instant, with resets or with connections in use among them, are the end of the process: close-wait-stuck tells of it. */
const KILL_COUNT = 5;

interface Late {
  readonly group: WaitingGroup;
  readonly late: readonly Waiting[];
  readonly neighbours: Neighbours;
}

export const slowClose = defineDetector({
  id: 'slow-close',
  title: 'An application closes its side late',
  severity: 'info',
  category: 'close',
  params: PARAMS,
  docs: {
    what: 'One end has acknowledged the FIN of the other, says nothing, and closes only after a while. In between it is in CLOSE_WAIT, and its peer in FIN_WAIT_2.',
    why: 'A pool that looks at its idle connections now and then, or a worker that is busy elsewhere. It is not a leak, as every socket is closed in the end; but the connection is dead meanwhile, and a pool that hands it out writes into it (broken-pipe).',
    how: 'A stay in CLOSE_WAIT of at least minSeconds and neighbourFactor times the median in which the same host closes its other connections of the service, without data, ended by a FIN of its own.',
    never:
      'Never above info. Silent for half-closes in use, for stays that a RST ended, for sockets that are still waiting (close-wait-stuck), for those that ended with their process, and in captures of one direction or of SYN, FIN and RST alone.',
    limits: 'Why the application waited is not visible: a sweep every so many seconds shows by closes in groups.',
    references: ['RFC 9293 §3.6 (CLOSE-WAIT)', 'epoll(7) EPOLLRDHUP', 'HikariCP, Apache HttpClient: eviction of idle connections'],
  },
  detect: (capture, params): Detection => {
    const { quality } = capture;
    if (quality.flagsOnly || quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the data after a FIN, or the FIN of the other end, is not in this capture' };
    return found(
      draftLargest(
        lateGroups(capture, params),
        (l) => l.late.length,
        (l) => draft(capture, l, params),
        'group',
      ),
    );
  },
});

function* lateGroups(capture: CaptureView, params: Params): Generator<Late> {
  for (const group of waitingGroups(capture, params.minSeconds, 'ended')) {
    const it = lateOf(capture, group, params);
    if (it !== null) yield it;
  }
}

function lateOf(capture: CaptureView, group: WaitingGroup, params: Params): Late | null {
  const killed = endedByKill(capture, group, KILL_COUNT, params.sweepSeconds);
  const gone = new Set(killed.map((w) => w.id));
  const closed = group.ended.filter((w) => w.ending === 'FIN' && !gone.has(w.id));
  if (closed.length === 0) return null;
  const neighbours = neighboursOf(capture, group, closed);
  const limit = Math.max(params.minSeconds, params.neighbourFactor * (neighbours.medianSeconds ?? 0));
  const late = closed.filter((w) => w.seconds >= limit);
  return late.length === 0 ? null : { group, late, neighbours };
}

function draft(capture: CaptureView, { group, late, neighbours }: Late, params: Params): Draft {
  const { service, side, host } = group;
  const n = plural(late.length, 'connection');
  const longest = largest(late.map((w) => w.seconds));
  const middle = median(late.map((w) => w.seconds));
  const since = late.reduce((t, w) => Math.min(t, w.since), Infinity) as Nanos;
  const until = late.reduce((t, w) => Math.max(t, w.until!), 0) as Nanos;
  const swept = late.length > 2 && secondsOf(spread(late.map((w) => w.until!))) <= params.sweepSeconds;
  const affected = late.map((w) => w.id);
  const others = othersOf(capture, service, affected, group);
  const usual =
    neighbours.medianSeconds === null
      ? ''
      : ` It closed ${plural(neighbours.count, 'other connection')} of the service ${durationText(neighbours.medianSeconds)} after the FIN (median).`;
  const subject: Subject =
    side === Side.CLIENT ? { host, role: 'client', peer: service.ip, port: service.port } : { host, role: 'server', port: service.port };
  return {
    severity: 'info',
    confidence: late.length >= 3 ? 'high' : 'medium',
    title: `${n} of ${host} closed late, up to ${durationText(longest)} after the peer`,
    summary: `On ${n} of ${service.name}, ${host} acknowledged the FIN of its peer and closed its own side only ${durationText(middle)} later${late.length === 1 ? '' : ` (median; up to ${durationText(longest)})`}, the first from ${clock(capture, since)} on.${swept ? ` All ${countText(late.length)} were closed within ${durationText(secondsOf(spread(late.map((w) => w.until!))))}, as a pool does that sweeps its idle connections.` : ''}${usual} ${distinction(capture, affected, others, side)} Every one was closed in the end: this is no leak.`,
    subject,
    atFault: null,
    faultBecause: null,
    since,
    until,
    count: late.length,
    connections: late.map((w) => w.id),
    evidence: examples(late, 4).flatMap((w) => {
      const { ends } = capture.connection(w.id);
      const [end, peer] = [ends[side], ends[otherSide(side)]];
      return proofs(w.id, [
        [peer.firstFinFrame, peer.finTime, `FIN from ${peer.name}`],
        [peer.finAckedFrame, peer.finAckedTime, `${end.name} acknowledges it`],
        [w.endFrame, w.until, `FIN from ${end.name}, ${durationText(w.seconds)} later`],
      ]);
    }),
    metrics: {
      longestSeconds: longest,
      medianSeconds: middle,
      neighboursMedianCloseSeconds: neighbours.medianSeconds,
      sweptTogether: swept ? 1 : 0,
    },
    causes: [],
    remedies: [
      {
        text:
          side === Side.CLIENT
            ? 'nothing urgent. Let the pool notice closed connections at once (test before use, or EPOLLRDHUP), or evict idle ones before the peer does'
            : 'nothing urgent. Watch connections for their end (EPOLLRDHUP, read() returning 0) also while a request is being worked on',
        command: `ss -tanp state close-wait '( ${side === Side.CLIENT ? `dport = :${String(service.port)}` : `sport = :${String(service.port)}`} )'`,
        appliesTo: `the application on ${host}; Linux`,
      },
    ],
  };
}
