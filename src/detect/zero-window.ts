/** A receiver that closed its window: its application stopped reading, and the sender waits. */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import type { Remedy } from '../model/finding.ts';
import type { Interval } from '../model/sequence.ts';
import { otherSide, Side, State } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';
import { largest } from './statistics.ts';

const PARAMS = {
  minSeconds: { default: 0.5, text: 'longest time that a window was closed from which it is reported' },
  criticalSeconds: { default: 2, text: 'from which a closed window is critical: a person notices' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

interface Stalled extends Case {
  readonly sender: EndpointView;
  readonly longest: Interval;
}

export const zeroWindow = defineDetector({
  id: 'zero-window',
  title: 'A receiver stopped reading (zero window)',
  severity: 'critical',
  category: 'path',
  said: 'silence',
  params: PARAMS,
  docs: {
    what: 'A receiver advertised a window of zero: its buffer is full because its application does not read. The sender has data, may not send it, and asks with probes whether the window has opened.',
    why: 'The network is fine and so is the sender; the transfer stands still all the same, for as long as the application of the receiver takes. It looks like a slow network to whoever waits, and a sender with a write timeout gives up. As long as the probes are answered, TCP itself never gives up (RFC 1122 §4.2.2.17).',
    how: 'Segments of an end with a window of zero (not in SYN, FIN or RST) begin a closure, the first with another window ends it; ACKs that were overtaken do not count. Reported from minSeconds of the longest closure, grouped by host and service, critical from criticalSeconds. A closure that is not seen to end counts up to the last segment of the connection.',
    never:
      'Silent for closures below minSeconds, which any bulk transfer to a busy reader has; for an end that had sent its FIN or RST before, where nobody wants the data any more; for a closure that begins with the last segments of a connection that then ended.',
    limits:
      'How much data waits in the sender is not on the wire. A reader may stop on purpose (a player that has buffered enough, a consumer that throttles): then the pause is its design, and the sender has to live with it. Silly windows above zero are another matter. A window that was closed before the capture began counts from its next closure.',
    references: [
      'RFC 9293 §3.8.6.1 (zero-window probing), RFC 1122 §4.2.2.17',
      'Linux sends the probe as an empty segment of an old sequence number, like a keepalive (tcp_xmit_probe_skb); intervals double up to 120 s',
      'Wireshark: tcp.analysis.zero_window, tcp.analysis.zero_window_probe',
    ],
  },
  detect: (capture, params) => {
    if (capture.quality.flagsOnly)
      return {
        verdict: 'inconclusive',
        because: 'only SYN, FIN and RST were captured: the windows of the segments between them are not in it',
      };
    const groups = byHost(capture, capture.troubles.closedWindow, (c) => stalledOf(c, params));
    return found(
      draftLargest(
        groups,
        (g) => largest(g.cases.map((s) => s.longest.seconds)),
        (g) => draft(capture, g, params),
        'host',
      ),
    );
  },
});

function stalledOf(connection: ConnectionView, params: Params): Stalled | null {
  let worst: Stalled | null = null;
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const end = connection.ends[side];
    const longest = closure(connection, end);
    if (longest === null || longest.seconds < params.minSeconds) continue;
    if (end.endTime !== null && end.endTime <= longest.begin.time) continue;
    const sender = connection.ends[otherSide(side)];
    // Nobody had anything more to send: a window that was never opened again before the end of it all.
    if (longest.end === null && (sender.state === State.CLOSED || end.state === State.CLOSED) && sender.sequence.windowProbes === 0)
      continue;
    if (worst === null || longest.seconds > worst.longest.seconds) worst = { connection, end, sender, longest };
  }
  return worst;
}

/** One that lasts is known for as long as either end sent anything: the sender's probes come every 120 s at the least. */
function closure(connection: ConnectionView, end: EndpointView): Interval | null {
  const longest = end.sequence.longestZeroWindow;
  if (longest?.end !== null) return longest;
  return { ...longest, seconds: secondsOf(connection.end - longest.begin.time) };
}

function draft(capture: CaptureView, group: HostGroup<Stalled>, params: Params): Draft {
  const { service, cases } = group;
  const who = whoText(group);
  const n = plural(cases.length, 'connection');
  const longest = largest(cases.map((s) => s.longest.seconds));
  const total = cases.reduce(
    (t, s) => t + s.end.sequence.zeroWindowSeconds - (s.end.sequence.longestZeroWindow!.seconds - s.longest.seconds),
    0,
  );
  const closures = cases.reduce((t, s) => t + s.end.sequence.zeroWindowEpisodes, 0);
  const probes = cases.reduce((t, s) => t + s.sender.sequence.windowProbes, 0);
  const still = cases.filter((s) => s.longest.end === null && s.end.state !== State.CLOSED).length;
  const since = cases.reduce((t, s) => Math.min(t, s.longest.begin.time), Infinity) as Nanos;
  const until = still > 0 ? null : (cases.reduce((t, s) => Math.max(t, s.longest.end?.time ?? s.connection.end), 0) as Nanos);
  const affected = cases.map((s) => s.connection.id);
  const members = new Set(affected);
  const others = service.all().filter((id) => !members.has(id));
  const serious = longest >= params.criticalSeconds;
  return {
    severity: serious ? 'critical' : 'warning',
    confidence: probes > 0 || longest >= params.criticalSeconds ? 'high' : 'medium',
    title: `${who} stopped reading on ${n} of ${service.name}: window zero for up to ${durationText(longest)}`,
    summary: `${who} closed its receive window on ${n} of ${service.name}, ${plural(closures, 'time')} since ${clock(capture, since)}, for up to ${durationText(longest)} and ${durationText(total)} in all: its application did not read, its buffer was full, and the other end had to wait${probes > 0 ? ` and asked with ${plural(probes, 'probe')} of the closed window` : ''}. ${still > 0 ? `${plural(still, 'connection was', 'connections were')} still stalled when observation ended.` : 'All of them opened again or ended.'} ${distinction(capture, affected, others, group.side)}`,
    subject: subjectOf(group),
    atFault: group.host,
    faultBecause:
      group.host === null
        ? null
        : `${group.host} itself told the sender to stop: ${plural(
            cases.reduce((t, s) => t + s.end.zeroWindows, 0),
            'segment',
          )} with window 0, while the path delivered every one of them`,
    since,
    until,
    count: cases.length,
    connections: affected,
    evidence: examples(cases, 5).flatMap((s) =>
      proofs(s.connection.id, [
        [s.longest.begin.frame, s.longest.begin.time, `${s.end.name} advertises a window of zero`],
        [
          s.longest.end?.frame ?? null,
          s.longest.end?.time ?? null,
          `${s.end.name} opens its window again, ${durationText(s.longest.seconds)} later`,
        ],
      ]),
    ),
    metrics: { longestSeconds: longest, totalSeconds: total, closures, windowProbes: probes, stillStalled: still },
    causes: [
      {
        text: `the application on ${who} does not read: it is busy, blocked on something else (a lock, a database, a disk), or stopped`,
        likelihood: 'high',
        because: 'a window of zero says that the kernel holds a full buffer that nobody empties',
      },
      {
        text: 'it stops on purpose: back-pressure of a proxy or consumer, a player that has buffered enough',
        likelihood: closures > 3 * cases.length ? 'medium' : 'low',
        because: `${plural(closures, 'closure')} on ${n}`,
      },
      {
        text: 'the receive buffer is small for the rate, or the host is out of memory for sockets',
        likelihood: 'low',
        because: 'then short closures come often; a long one is a reader that does not read',
      },
    ],
    remedies: remediesOf(who, serious),
    caveats: group.caveats,
  };
}

const remediesOf = (who: string, serious: boolean): Remedy[] => [
  {
    text: `on ${who}, see which process has unread bytes (Recv-Q) and since when`,
    command: 'ss -tnpm',
    appliesTo: 'Linux',
  },
  {
    text: 'look at what its threads wait for; in the code, read in a loop of its own and bound the work behind it',
    command: 'gdb -p PID -batch -ex "thread apply all bt"',
    appliesTo: 'the process that holds the socket; jstack PID for Java, py-spy dump --pid PID for Python',
  },
  {
    text: 'count how often the kernel had to close windows and to drop for lack of room',
    command: "nstat -az | grep -E 'TCPToZeroWindowAdv|TCPFromZeroWindowAdv|TCPRcvQDrop|PruneCalled'",
    appliesTo: 'Linux',
  },
  {
    text: `give the sender a write timeout${serious ? '' : ' if a pause like this one matters'}; a larger tcp_rmem only lets the buffer fill later, it does not make anybody read`,
    command: null,
    appliesTo: 'the sending application; TCP_USER_TIMEOUT on Linux (2.6.37 and later) ends it in the kernel',
  },
];
