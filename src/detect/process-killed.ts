/**
 * All connections of one host and service end in the same instant, in the middle of what they were doing: the process behind
 * them was killed or crashed. Its kernel closes every descriptor at once: FIN where all data had been read, RST where not.
 */
import type { CaptureView, SharedEnd } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView, MarkEvent } from '../model/connection.ts';
import type { Cause, Remedy, Subject } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type FrameNo, type Nanos, nanosOf, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { isForged } from './forged-resets.ts';
import { draftLargest } from './largest.ts';
import { median, sample, spread } from './statistics.ts';

const PARAMS = {
  minConnections: { default: 3, text: 'connections that end together, where the service refuses connections afterwards' },
  minWithoutRefusal: { default: 5, text: 'connections that end together, where nothing but the cut messages speaks for it' },
  instantSeconds: { default: 0.25, text: 'ends within this time are one instant' },
  refusedSeconds: { default: 5, text: 'a refused connection within this time afterwards shows that the listener is gone' },
  cutSeconds: { default: 1, text: 'an end that sent its last data within this time before was in the middle of sending' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** An application that answers and closes does so within this time, seconds: an end so close behind the last data cuts nothing. */
const ANSWER_AND_CLOSE_SECONDS = 0.005;
/** Up to this share of the connections may go on: other processes behind the same port. */
const SURVIVORS = 0.1;
/** From this share of cut messages on they are what the finding is about. */
const MOSTLY_CUT = 0.5;
/** Members whose last words are looked at. */
const MOST = 5_000;
/** How much further than their ends the last words of the members must lie apart: a common deadline leaves them equally far apart. */
const VARIED = 2;
const VARIED_SECONDS = 0.05;

/** What an end was doing when it ended: the peer's data was unread (RST) or unanswered, it was sending itself, or nothing. */
type Doing = 'unread' | 'unanswered' | 'sending' | 'idle';

interface Ended {
  readonly connection: ConnectionView;
  readonly end: EndpointView;
  readonly peer: EndpointView;
  readonly by: 'FIN' | 'RST';
  readonly frame: FrameNo | null;
  readonly at: Nanos;
  readonly doing: Doing;
  readonly quietSeconds: number;
}

interface Killed {
  readonly shared: SharedEnd;
  readonly survivors: number;
  readonly host: string;
  /** A sample of the members, in the order of their connections. */
  readonly ended: readonly Ended[];
  readonly cutShare: number;
  /** The first attempt that was refused afterwards. */
  readonly refused: ConnectionView | null;
  /** The first connection that the service answered again. */
  readonly back: ConnectionView | null;
}

export const processKilled = defineDetector({
  id: 'process-killed',
  title: 'A process ended with its connections open',
  severity: 'critical',
  category: 'close',
  neighbours: 'service',
  said: 'end',
  params: PARAMS,
  docs: {
    what: 'One host ends all its connections of a service in the same instant, by FIN or RST, while messages were under way; often its port refuses connections right afterwards. That is how a process looks from outside that was killed (SIGKILL, out of memory), crashed, or was restarted without draining.',
    why: 'What was being sent is cut: half answers, uploads without a result, requests of which nobody knows whether they were carried out. Everything that follows (refused connects, broken pipes, reconnects all at once) has this one cause.',
    how: 'At least minConnections established connections are ended by the same host within instantSeconds, none for as long afterwards, and no more than a tenth as many go on. The proof is a refusal of the service within refusedSeconds. Without one, at least minWithoutRefusal connections must have ended together, most of them in the middle of a message (the last data of the peer unread or unanswered, or data of its own shortly before), with last words that lie further apart than the ends, and the host must have answered no new connection for a second. Critical when messages were cut, else a warning; a client that ends so is a warning at most.',
    never:
      'Silent for pools that are shut down, for graceful reloads (idle connections closed while others go on and new ones are answered), for waves of idle timeouts, for deadlines that strike many requests sent together, for servers that answer and close, for a peer that had been silent to probes, and in captures of one direction.',
    limits:
      'A kill, a crash and an exit without draining look the same on the wire; the log of the host decides. A process that had much unsent data ends its connections one by one, as its kernel gets rid of it. A worker among many that listen on one port is only recognised by cut messages.',
    references: [
      'Linux: exit_files() closes every descriptor; tcp_close() sends RST where data is unread, else FIN (net/ipv4/tcp.c)',
      'RFC 1122 §4.2.2.13, RFC 2525 §2.17',
      'signal(7), systemd.kill(5), Kubernetes terminationGracePeriodSeconds',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection || quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'what was under way when the connections ended is not in this capture' };
    const killed = capture
      .sharedEnds(Math.max(2, params.minConnections), params.instantSeconds)
      .flatMap((shared) => killedOf(capture, shared, params) ?? []);
    // A service that dies again and again is one finding, about the time that hit most.
    const worst = new Map<string, Killed>();
    for (const k of killed) {
      const key = `${k.shared.service.name} ${String(k.shared.side)} ${k.host}`;
      const known = worst.get(key);
      if (!known || known.shared.ids.length < k.shared.ids.length) worst.set(key, k);
    }
    return found(
      draftLargest(
        [...worst.values()],
        (k) => k.shared.ids.length,
        (k) => draft(capture, k, killed.filter((other) => sameSubject(other, k)).length),
        'host',
      ),
    );
  },
});

const sameSubject = (a: Killed, b: Killed): boolean =>
  a.shared.service === b.shared.service && a.shared.side === b.shared.side && a.host === b.host;

function killedOf(capture: CaptureView, shared: SharedEnd, params: Params): Killed | null {
  const { service, side, ids, until } = shared;
  const survivors = shared.survivors(SURVIVORS * ids.length);
  if (survivors > SURVIVORS * ids.length) return null;
  const refused = side === Side.SERVER ? refusedAfter(capture, shared, params) : null;
  const { after } = service.answeredAround(until, until);
  const back = after === null ? null : capture.connection(after);
  if (refused === null) {
    if (ids.length < params.minWithoutRefusal) return null;
    if (back !== null && secondsOf(back.start - until) < params.cutSeconds) return null;
  }
  const looked = sample(ids, MOST);
  const ended = looked.flatMap((id) => endedOf(capture, capture.connection(id), side, params) ?? []);
  if (ended.length * 2 < looked.length) return null;
  const cut = ended.filter((e) => e.doing !== 'idle');
  const cutShare = cut.length / ended.length;
  if (refused === null) {
    if (cutShare < MOSTLY_CUT) return null;
    // A deadline strikes requests that were sent together: their silences are the same.
    if (secondsOf(spread(cut.map((e) => nanosOf(e.quietSeconds)))) < VARIED * secondsOf(until - shared.from) + VARIED_SECONDS) return null;
    // A client's end is told from a time limit by what it had not read.
    if (side === Side.CLIENT && !ended.some((e) => e.by === 'RST')) return null;
  }
  return { shared, survivors, host: ended[0]!.end.ip, ended, cutShare, refused, back };
}

function endedOf(capture: CaptureView, connection: ConnectionView, side: Side, params: Params): Ended | null {
  const end = connection.ends[side];
  const peer = connection.ends[otherSide(side)];
  const rst = connection.marks.find((m) => m.rst !== null && m.side === side);
  const by = end.finTime === null ? 'RST' : 'FIN';
  const at = end.finTime ?? rst?.time;
  if (connection.basis === 'one-sided' || at === undefined || (by === 'RST' && !livesAndResets(rst!))) return null;
  if (by === 'RST' && isForged(capture, connection.id)) return null;
  const quietSeconds = connection.quietBeforeClose ?? Infinity;
  return {
    connection,
    end,
    peer,
    by,
    at,
    frame: by === 'FIN' ? end.firstFinFrame : rst!.frame,
    quietSeconds,
    doing: doingOf(end, peer, by, at, quietSeconds, params),
  };
}

/** The RST of a socket that was there, and not of one that had waited for its peer in vain. */
const livesAndResets = ({ rst }: MarkEvent): boolean => !rst!.peerSilent && (rst!.hasAck || !rst!.windowZero || rst!.hasTimestamp);

function doingOf(end: EndpointView, peer: EndpointView, by: 'FIN' | 'RST', at: Nanos, quietSeconds: number, params: Params): Doing {
  if (by === 'RST') return 'unread';
  if (quietSeconds > params.cutSeconds) return 'idle';
  // Data of the peer that crossed the FIN says nothing of what came before.
  const [mine, theirs] = [end.lastDataTime ?? -1, peer.lastDataTime ?? -1];
  const spokeLast = theirs <= at ? mine >= theirs : Math.abs(secondsOf(at - mine) - quietSeconds) < 1e-6;
  if (!spokeLast) return 'unanswered';
  return quietSeconds >= ANSWER_AND_CLOSE_SECONDS ? 'sending' : 'idle';
}

/** The first refusal soon afterwards, when nothing was answered in between. */
function refusedAfter(capture: CaptureView, { service, until }: SharedEnd, params: Params): ConnectionView | null {
  const last = (until + nanosOf(params.refusedSeconds)) as Nanos;
  for (const id of service.ids('refused')) {
    if (capture.isScan(id)) continue;
    const c = capture.connection(id);
    if (c.start <= until) continue;
    return c.start <= last && service.answeredAround(until, c.start).between === 0 ? c : null;
  }
  return null;
}

function draft(capture: CaptureView, killed: Killed, times: number): Draft {
  const { shared, survivors, host, ended, refused, back, cutShare } = killed;
  const { service, side, from, until, ids } = shared;
  const count = (doing: Doing): number => Math.round((ended.filter((e) => e.doing === doing).length / ended.length) * ids.length);
  const resets = Math.round((ended.filter((e) => e.by === 'RST').length / ended.length) * ids.length);
  const cut = count('unread') + count('unanswered') + count('sending');
  const quiets = ended.map((e) => e.quietSeconds).filter((seconds) => seconds !== Infinity);
  const n = plural(ids.length, 'connection');
  const instant = durationText(Math.max(1e-6, secondsOf(until - from)));
  const fate = [
    count('unread') > 0 ? `${countText(count('unread'))} with data unread (RST)` : '',
    count('unanswered') > 0 ? `${countText(count('unanswered'))} with a request unanswered` : '',
    count('sending') > 0 ? `${countText(count('sending'))} in the middle of sending` : '',
    count('idle') > 0 ? `${countText(count('idle'))} idle` : '',
  ].filter((text) => text !== '');
  const answeredAgain = back !== null && (refused === null || back.start > refused.start) ? back : null;
  const subject: Subject =
    side === Side.SERVER ? { host, role: 'server', port: service.port } : { host, role: 'client', peer: service.ip, port: service.port };
  const because =
    refused === null
      ? `it ended ${n} within ${instant}, ${countText(cut)} of them in the middle of a message, and none of that service went on`
      : `it ended all its ${n} within ${instant}, and refused the next connection ${durationText(secondsOf(refused.start - until))} later`;
  return {
    severity: side === Side.SERVER && cutShare >= MOSTLY_CUT ? 'critical' : 'warning',
    confidence: refused !== null ? 'high' : 'medium',
    title: `The process behind ${side === Side.SERVER ? service.name : host} ended: ${n} at once${cut > 0 ? `, ${countText(cut)} cut in the middle` : ''}`,
    summary: [
      `At ${clock(capture, from)}, ${host} ended ${n} of ${service.name} within ${instant}: ${countText(ids.length - resets)} by FIN, ${countText(resets)} by RST; ${fate.join(', ')}.`,
      survivors === 0
        ? 'None of its connections to the service went on.'
        : `${plural(survivors, 'other connection')} of the service went on.`,
      refused === null
        ? ''
        : `${durationText(secondsOf(refused.start - until))} later it refused a connection: the listener was gone.${answeredAgain === null ? ' It answered none until the end of the capture.' : ` It answered again ${durationText(secondsOf(answeredAgain.start - until))} after the end.`}`,
      times > 1 ? `This happened ${countText(times)} times in the capture; the one that hit most is told here.` : '',
      'That is how a process looks from outside that is killed, crashes or exits without draining.',
    ]
      .filter((text) => text !== '')
      .join(' '),
    subject,
    atFault: host,
    faultBecause: because,
    since: from,
    until: answeredAgain?.start ?? null,
    count: ids.length,
    connections: ids,
    evidence: examples(ended, 5).flatMap((e) =>
      proofs(e.connection.id, [
        [e.end.lastDataFrame, e.end.lastDataTime, `last data from ${e.end.name}`],
        [e.frame, e.at, `${e.by} from ${e.end.name} ${DOING_TEXT[e.doing]}`],
      ]),
    ),
    metrics: {
      fins: ids.length - resets,
      resets,
      cutMessages: cut,
      idle: count('idle'),
      instantSeconds: secondsOf(until - from),
      survivors,
      refusedAfterSeconds: refused === null ? null : secondsOf(refused.start - until),
      downSeconds: answeredAgain === null ? null : secondsOf(answeredAgain.start - until),
      medianQuietSeconds: quiets.length === 0 ? null : median(quiets),
      times,
    },
    causes: causesOf(host, refused, resets, cut),
    remedies: remediesOf(host),
    caveats: [
      {
        code: 'same-on-the-wire',
        text: 'A kill, a crash and an exit without draining look the same here; the log of the host at that moment tells them apart.',
        count: 1,
      },
    ],
  };
}

const DOING_TEXT: Readonly<Record<Doing, string>> = {
  unread: 'while data of the other end was unread',
  unanswered: 'before it had answered',
  sending: 'in the middle of sending',
  idle: 'on a quiet connection',
};

function causesOf(host: string, refused: ConnectionView | null, resets: number, cut: number): Cause[] {
  const killed: Cause = {
    text: `the process on ${host} was killed (out of memory, kill -9, the end of a grace period) or crashed`,
    likelihood: cut > 0 ? 'high' : 'medium',
    because:
      cut === 0
        ? 'all connections ended at once, none of them in the middle of a message'
        : `${plural(cut, 'message')} were cut${resets > 0 ? `, and ${plural(resets, 'connection')} had unread data, which an orderly end would have read` : ''}`,
  };
  const restart: Cause = {
    text: 'it was stopped or restarted without waiting for its connections',
    likelihood: cut > 0 ? 'medium' : 'high',
    because: refused === null ? 'the connections ended together' : 'the listener was gone right afterwards',
  };
  return cut > 0 ? [killed, restart] : [restart, killed];
}

const remediesOf = (host: string): Remedy[] => [
  {
    text: `on ${host}, look for the end of the process at that moment`,
    command: 'journalctl -k -g "Out of memory|oom-kill|segfault"; journalctl -u SERVICE; coredumpctl list',
    appliesTo: 'Linux with systemd',
  },
  {
    text: 'in containers, see why the last one ended (OOMKilled, exit code 137, a failed liveness probe)',
    command: 'kubectl describe pod POD; docker inspect --format "{{.State}}" CONTAINER',
    appliesTo: 'Kubernetes, Docker',
  },
  {
    text: 'for planned restarts, drain: close the listener, finish the requests under way (SIGTERM, then a grace period longer than the longest request), and only then exit',
    command: null,
    appliesTo: 'the service and its supervisor',
  },
  {
    text: 'let clients reconnect with a random back-off, so that they do not come back all at once',
    command: null,
    appliesTo: 'the other end',
  },
];
