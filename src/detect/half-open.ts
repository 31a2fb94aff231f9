/** `half-open`: one end still believes in a connection that the other has forgotten (RFC 9293 §3.5.1). */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, type EndpointView, Mark, type MarkEvent, type RstFacts } from '../model/connection.ts';
import { endpointText, hostText } from '../model/address.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { overflows } from './accept-queue.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { distinction, othersOf } from './distinction.ts';
import { clock, examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median, spread } from './statistics.ts';

const EXAMPLES = 4;
/** Silences this close to one another are one timer's, share of the median. */
const SAME_TIMER = 0.05;

interface Forgotten {
  readonly c: ConnectionView;
  /** The end that no longer knows the connection, and the one that still did. */
  readonly forgot: EndpointView;
  readonly believer: EndpointView;
  readonly rst: MarkEvent;
  /** What it met: a SYN of the restarted end itself, data, or an empty segment. */
  readonly met: 'challenge' | 'data' | 'segment';
  /** Since the end that forgot last sent payload, or the handshake; seconds. */
  readonly quiet: number;
  /** The server gave up in SYN_RCVD: it never had the connection. */
  readonly neverUp: boolean;
}

export const halfOpen = defineDetector({
  id: 'half-open',
  title: 'One end believes in a connection that the other has forgotten',
  severity: 'warning',
  category: 'close',
  said: 'silence',
  params: {
    manyConnections: {
      default: 3,
      text: 'established connections that one host forgot from which it is critical: that was no single timeout',
    },
  },
  docs: {
    what: 'A segment on an established connection is answered by a RST without ACK, without any FIN or RST before: the kernel at that address has no socket for it.',
    why: 'Whoever lost the state said nothing (power, reboot, failover, a middlebox that dropped its entry), so the other end learns of it only when it writes; the write itself is lost. Connections that stay idle stay half-open until then.',
    how: "The first RST of the connection carries no ACK flag and, as sequence number, the ACK number of the segment that it answers; its sender had said nothing for at least a second, and neither end had closed. The same after the sender's own new SYN was answered by a challenge ACK: it restarted and used the port again. Critical from manyConnections established ones of one host; a server that had given up in SYN_RCVD counts as a warning.",
    never:
      'After a FIN or RST of either end (broken-pipe, a late segment), a RST with the ACK flag (a live socket aborted it), RSTs in the middle of an exchange, a third ACK that a full accept queue turns away, captures of one direction or of flags alone.',
    limits:
      'The forgotten connections on which nobody writes cannot be seen. A balancer or firewall that answers in the name of a host is told from it only by its TTL.',
    references: ['RFC 9293 §3.5.1, figures 9 and 10', 'RFC 5961 §4', 'linux net/ipv4/tcp_ipv4.c: tcp_v4_send_reset'],
  },
  detect(capture, params): Detection {
    const { quality } = capture;
    const full = overflows(capture);
    const groups = new Map<string, Forgotten[]>();
    for (const id of capture.withRstLike(forgets)) {
      const f = forgotten(capture.connection(id));
      if (f === null || (f.neverUp && full.has(f.c.server.name))) continue;
      const key = `${String(f.forgot.side)} ${f.forgot.ip} ${f.c.server.name}`;
      const list = groups.get(key);
      if (list) list.push(f);
      else groups.set(key, [f]);
    }
    if (groups.size === 0 && !quality.oneDirection) return { verdict: 'clear' };
    if (quality.oneDirection || quality.plain === 0)
      return { verdict: 'inconclusive', because: 'the segments that the RSTs answer are not in this capture' };
    return found(
      draftLargest(
        [...groups.values()],
        (g) => g.length,
        (g) => draft(capture, g, params),
        'group',
      ),
    );
  },
});

/** The RST of a kernel that has no socket for what came to it after a silence. */
const forgets = (rst: RstFacts): boolean =>
  !rst.hasAck && rst.answersLastSegment && rst.afterSilence && !rst.afterOwnFin && !rst.afterPeerFin;

function forgotten(c: ConnectionView): Forgotten | null {
  const rst = c.marks.find((m) => m.rst !== null);
  if (!rst || c.marks.some((m) => m.mark === Mark.SENT_AFTER_RST)) return null;
  const forgot = c.ends[rst.side];
  const believer = c.ends[otherSide(rst.side)];
  const neverUp = forgot.side === Side.SERVER && forgot.synAck > 0 && forgot.packets === forgot.synAck + forgot.rst;
  if (neverUp ? forgot.synAck < 2 : !c.established && c.basis !== 'midstream') return null;
  if (believer.packets === 0 || (forgot.packets === forgot.rst && !neverUp)) return null;
  const challenged = c.marks.some((m) => m.mark === Mark.STRAY_SYN && m.side === forgot.side && m.time <= rst.time);
  const data = believer.lastDataTime !== null && believer.lastDataTime >= (forgot.lastDataTime ?? 0);
  const spoke = Math.max(forgot.lastDataTime ?? 0, lastEvent(c, rst));
  return {
    c,
    forgot,
    believer,
    rst,
    met: challenged ? 'challenge' : data ? 'data' : 'segment',
    quiet: secondsOf(rst.time - spoke),
    neverUp,
  };
}

/** When its sender last did something that is kept, before the RST. */
function lastEvent(c: ConnectionView, rst: MarkEvent): Nanos {
  const times = [...c.transitions, ...c.marks].filter((e) => e.side === rst.side && e.time < rst.time).map((e) => e.time);
  return times.reduce((last, t) => (t > last ? t : last), c.start);
}

function draft(capture: CaptureView, group: readonly Forgotten[], params: { manyConnections: number }): Draft {
  const { forgot, believer, c } = group[0]!;
  const n = group.length;
  const affected = group.map((f) => f.c.id);
  const server = c.server;
  const up = group.filter((f) => !f.neverUp);
  const since = group.reduce((t, f) => Math.min(t, f.rst.time), Infinity) as Nanos;
  const last = group.reduce((t, f) => Math.max(t, f.rst.time), 0) as Nanos;
  const quiet = group.map((f) => f.quiet);
  const believers = [...new Set(group.map((f) => f.believer.ip))];
  const writes = group.filter((f) => f.met === 'data').length;
  const restarted = group.filter((f) => f.met === 'challenge').length;
  const foreign = group.filter((f) => f.rst.rst!.ttlDiffers).length * 2 > n;
  const oneTimer = n >= 3 && spread(quiet) <= SAME_TIMER * median(quiet);
  const who = believers.length === 1 ? believers[0]! : plural(believers.length, believer.role);
  const critical = up.length > 0 && up.length >= params.manyConnections;
  return {
    severity: critical ? 'critical' : 'warning',
    confidence: foreign ? 'medium' : 'high',
    title: `${plural(n, 'connection')} that ${forgot.ip} no longer knows: half-open at ${who}`,
    summary: [
      `${period(capture, since, last).replace(/^./, (s) => s.toUpperCase())} ${forgot.ip} answered segments of ${who} on ${plural(n, 'connection')} ${forgot.side === Side.SERVER ? `to ${server.name}` : `from it to ${server.name}`} by RST without ACK: it has no socket for ${n === 1 ? 'it' : 'them'}, though neither end had sent a FIN or RST.`,
      writes > 0
        ? `${writes === n ? (n === 1 ? 'The segment' : 'Each') : `On ${countText(writes)} the segment`} carried data, which is lost.`
        : '',
      restarted > 0
        ? `On ${countText(restarted)} ${forgot.ip} had itself sent a new SYN, which the other end, still established, met with a challenge ACK.`
        : '',
      up.length === 0
        ? 'The server had given up waiting for the third ACK, so the connection never existed there.'
        : `Until then ${forgot.ip} had been silent for ${durationText(-largest(quiet.map((q) => -q)))}${n > 1 ? ` to ${durationText(largest(quiet))}` : ''}.`,
      'Connections on which nobody writes remain half-open and cannot be seen.',
      distinction(
        capture,
        affected,
        othersOf(capture, capture.serviceOf(c.id), affected, { side: forgot.side, host: forgot.ip }),
        forgot.side,
        { endings: false },
      ),
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject:
      forgot.side === Side.SERVER
        ? { host: forgot.ip, role: 'server', port: server.port }
        : { host: forgot.ip, role: 'client', peer: server.ip, port: server.port },
    atFault: foreign ? 'path' : up.length === 0 ? 'path' : forgot.ip,
    faultBecause: foreign
      ? 'the RSTs have another TTL than the segments of that host before: a middlebox answers in its name'
      : up.length === 0
        ? 'the server repeated its SYN-ACK and never got the third ACK: the two disagree because the path lost it'
        : `it had spoken on ${n === 1 ? 'this connection' : 'these connections'}, lost the state without a FIN or RST, and now answers that it has none`,
    since,
    until: null,
    count: n,
    connections: affected,
    evidence: examples(group, EXAMPLES).flatMap((f) =>
      proofs(f.c.id, [
        [
          f.met === 'data' ? f.believer.lastDataFrame : null,
          f.met === 'data' ? f.believer.lastDataTime : null,
          `data of ${f.believer.name}, which holds the connection for established`,
        ],
        [
          f.rst.frame,
          f.rst.time,
          `RST without ACK, seq = the ACK number of that segment: ${endpointText(f.forgot.ip, f.forgot.port)} has no socket, after ${durationText(f.quiet)} of its silence`,
        ],
      ]),
    ),
    metrics: {
      connections: n,
      believers: believers.length,
      lostWrites: writes,
      metByChallengeAck: restarted,
      neverEstablishedAtServer: n - up.length,
      shortestSilenceSeconds: -largest(quiet.map((q) => -q)),
      longestSilenceSeconds: largest(quiet),
    },
    causes: causes({ up: up.length, foreign, oneTimer, restarted, quiet: median(quiet) }),
    remedies: remedies(forgot.ip, clock(capture, since)),
    caveats: [
      {
        code: 'idle-ones-unseen',
        text: 'What is idle cannot be counted from here; ss -tno on the believing host lists what it still holds.',
        count: 1,
      },
    ],
    explainedByRules: ['lost-third-ack', 'rst-injection', 'dead-peer'],
  };
}

function causes(g: { up: number; foreign: boolean; oneTimer: boolean; restarted: number; quiet: number }): Cause[] {
  if (g.up === 0)
    return [{ text: 'The third ACK was lost', likelihood: 'high', because: 'the SYN-ACK was repeated until the server gave up' }];
  const restart: Cause = {
    text: 'The host restarted, failed over or lost power, and its FINs or RSTs never arrived',
    likelihood: g.restarted > 0 ? 'high' : g.foreign || g.oneTimer ? 'low' : g.up > 1 ? 'high' : 'medium',
    because:
      g.restarted > 0
        ? 'it opened connections anew on ports that the other end still had'
        : g.up > 1
          ? `${plural(g.up, 'connection')} were forgotten, and it answers at once: the host is up, and its old sockets are gone`
          : 'the host is up and has no socket',
  };
  const timer: Cause = {
    text: 'A balancer, NAT or firewall forgot the idle connection and answers in the name of the host',
    likelihood: g.foreign || g.oneTimer ? 'high' : 'medium',
    because: g.foreign
      ? 'the TTL of the RSTs is not that of the host'
      : g.oneTimer
        ? `each had been silent for about ${durationText(g.quiet)}: one idle timeout`
        : `they had been silent for ${durationText(g.quiet)} (median), longer than some idle timeouts`,
  };
  return g.foreign || g.oneTimer ? [timer, restart] : [restart, timer];
}

const remedies = (host: string, at: string): Remedy[] => [
  {
    text: `See whether ${host} restarted or failed over before ${at}.`,
    command: 'uptime -s; journalctl --list-boots; ip -s -s neigh',
    appliesTo: 'Linux, on the host that forgot',
  },
  {
    text: 'Find what is still half-open.',
    // Brackets are a pattern for a shell.
    command: `ss -tno dst ${host.includes(':') ? `'${hostText(host)}'` : host}`,
    appliesTo: 'Linux, on the other host',
  },
  {
    text: 'Let idle connections notice it: keep-alive probes (SO_KEEPALIVE, TCP_KEEPIDLE 60, TCP_KEEPINTVL 10, TCP_KEEPCNT 6) at less than the shortest idle timeout of the path. The kernel defaults (first probe after 2 h, and only if the application asks) come too late.',
    command: null,
    appliesTo: 'the application (Linux; net.ipv4.tcp_keepalive_time for those that only set SO_KEEPALIVE)',
  },
  {
    text: 'Have the pool validate a connection before it hands it out, and retry idempotent requests on ECONNRESET.',
    command: null,
    appliesTo: 'the application',
  },
];
