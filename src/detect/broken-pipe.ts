/** Data for a peer that has closed, answered by RST: the second write fails with EPIPE. Who did not wait for whom? */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView, MarkEvent } from '../model/connection.ts';
import { endpointText } from '../model/address.ts';
import type { Cause, Remedy, Subject } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type FrameNo, type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { distinction, othersOf } from './distinction.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median, spread } from './statistics.ts';
import { endsWithTlsAlert } from './tls-goodbye.ts';

const PARAMS = {
  crossingSeconds: {
    default: 1,
    text: 'data within this time after the FIN (or three round trips) was under way, or an answer was being made: nobody could have known',
  },
  idleSeconds: { default: 1, text: 'after this silence before the FIN the connection was idle, and not in the middle of an exchange' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** Closes within this time are one event, seconds. */
const INSTANT_SECONDS = 0.25;
/** So many cut short in one instant are the end of a process and not of an answer. */
const CUT_TOGETHER = 3;

/** One connection on which somebody wrote after the other had closed. */
interface Late {
  readonly c: ConnectionView;
  readonly writer: EndpointView;
  readonly closer: EndpointView;
  readonly reset: MarkEvent;
  /** The write, when it is the last one of its sender; else only the RST tells. */
  readonly writeFrame: FrameNo | null;
  readonly writeTime: Nanos;
  /** From the FIN to the write. */
  readonly seconds: number;
  readonly crossing: boolean;
  /** A client that closed had spoken last: it went without waiting for the answer. */
  readonly closerAsked: boolean;
  /** A server that closed did so straight after data of its own. */
  readonly cutShort: boolean;
}

/** Whose story it is: data that crossed the FIN, a client that did not wait, a server whose process ended, a writer that did not look. */
type Story = 'crossed' | 'not-awaited' | 'closer-ended' | 'not-noticed';

export const brokenPipe = defineDetector({
  id: 'broken-pipe',
  title: 'Data sent to a peer that has already closed',
  severity: 'warning',
  category: 'close',
  said: 'end',
  params: PARAMS,
  docs: {
    what: 'One end sends data after the other has closed, and gets a RST for it. The first write succeeds, because the local kernel takes it; the next one fails with EPIPE or ECONNRESET.',
    why: 'What was written is lost, and the application learns of it late or never: "broken pipe", "connection reset by peer", a request that fails although the service is well.',
    how: 'The peer has sent a FIN, payload follows from the other end, and the peer answers it with RST. Payload within crossingSeconds of the FIN, or three round trips, crossed it on the way: information only. Where a client that closed had itself spoken last, it closed too early: it did not wait for its answer. Where a server closed at least three in one instant straight after data of its own, its process ended. Otherwise the writer is at fault: it had been told of the close and wrote all the same, as a pool does that hands out a stale connection.',
    never:
      'Without a FIN (a reset or forgotten connection is another matter), for a half-close whose data is acknowledged, and for TLS alerts sent while closing.',
    limits:
      'The capture shows when the kernel of the writer learned of the close, not whether its application had looked. Where several segments followed the FIN, the time of the first is taken from the RST.',
    references: [
      'RFC 1122 §4.2.2.13 (data after close is answered by RST)',
      'RFC 9293 §3.10.7.1',
      'send(2), EPIPE and MSG_NOSIGNAL',
      'Linux: an orphan in FIN_WAIT_2 answers data by RST, net/ipv4/tcp_input.c',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.flagsOnly || quality.oneDirection) {
      return { verdict: 'inconclusive', because: 'the data after a FIN, or the RST that answers it, is not in this capture' };
    }
    const groups = new Map<string, Late[]>();
    for (const id of capture.withRst()) {
      const late = lateWrite(capture.connection(id), params);
      if (!late) continue;
      const key = `${late.c.server.name} ${late.writer.role} ${late.writer.ip}`;
      const list = groups.get(key);
      if (list) list.push(late);
      else groups.set(key, [late]);
    }
    return found(
      draftLargest(
        [...groups.values()],
        (group) => group.length,
        (group) => draft(capture, group),
        'group',
      ),
    );
  },
});

function lateWrite(c: ConnectionView, params: Params): Late | null {
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const writer = c.ends[side];
    if (writer.payloadAfterPeerFin === 0 || writer.lastDataTime === null) continue;
    const closer = c.ends[otherSide(side)];
    const { finTime } = closer;
    if (finTime === null || closer.rst === 0 || (writer.finTime !== null && writer.finTime < finTime)) continue;
    const reset = c.marks.find((m) => m.rst !== null && m.side === closer.side && m.time >= finTime && m.rst.afterOwnFin);
    if (!reset || endsWithTlsAlert(writer, closer)) continue;
    const lastIsIt = writer.lastDataTime >= finTime && writer.lastDataTime <= reset.time;
    const writeTime = lastIsIt ? writer.lastDataTime : reset.time;
    const seconds = secondsOf(writeTime - finTime);
    const quiet = c.quietBeforeClose ?? 0;
    const spokeLast = closer.lastDataTime !== null && Math.abs(secondsOf(finTime - closer.lastDataTime) - quiet) < 1e-6;
    return {
      c,
      writer,
      closer,
      reset,
      writeFrame: lastIsIt ? writer.lastDataFrame : null,
      writeTime,
      seconds,
      crossing: seconds <= Math.max(params.crossingSeconds, 3 * (c.handshakeRtt ?? 0)),
      closerAsked: spokeLast && closer.side === Side.CLIENT,
      cutShort: spokeLast && closer.side === Side.SERVER && quiet < params.idleSeconds,
    };
  }
  return null;
}

function storyOf(members: readonly Late[]): Story {
  if (members.every((w) => w.crossing)) return 'crossed';
  if (members.filter((w) => w.closerAsked).length * 2 > members.length) return 'not-awaited';
  const cut = members.flatMap((w) => (w.cutShort && w.closer.finTime !== null ? [w.closer.finTime] : []));
  const together = cut.length >= CUT_TOGETHER && secondsOf(spread(cut)) <= INSTANT_SECONDS;
  return together ? 'closer-ended' : 'not-noticed';
}

function draft(capture: CaptureView, group: readonly Late[]): Draft {
  const late = group.filter((w) => !w.crossing);
  const members = late.length > 0 ? late : group;
  const story = storyOf(members);
  const { writer, closer, c } = members[0]!;
  const n = members.length;
  const affected = members.map((w) => w.c.id);
  const middle = median(members.map((w) => w.seconds));
  const after = n === 1 ? durationText(middle) : `${durationText(middle)} (median)`;
  const service = endpointText(c.server.ip, c.server.port);
  const why: Readonly<Record<Story, string>> = {
    crossed: 'the data was under way, or being made ready, when the FIN came',
    'not-awaited': `it had spoken last and closed without waiting for the answer, which came ${after} later`,
    'closer-ended': `it closed ${plural(n, 'connection')} in one instant in the middle of exchanges, as when its process ends`,
    'not-noticed': `its kernel had acknowledged the FIN, and it wrote all the same, ${after} later`,
  };
  const fault = story === 'crossed' ? null : story === 'not-noticed' ? writer.ip : closer.ip;
  const judgement = fault === null ? `Nobody is at fault: ${why.crossed}.` : `${fault} is at fault: ${why[story]}.`;
  const subject: Subject =
    writer.side === Side.CLIENT
      ? { host: writer.ip, role: 'client', peer: c.server.ip, port: c.server.port }
      : { host: writer.ip, role: 'server', port: c.server.port };
  return {
    severity: story === 'crossed' ? 'info' : 'warning',
    confidence: story === 'not-noticed' || story === 'not-awaited' ? 'high' : 'medium',
    title: `${writer.ip} wrote to ${plural(n, 'connection')} that ${closer.ip} had already closed`,
    summary: `On ${plural(n, 'connection')} of ${service}, ${closer.ip} sent FIN, and ${writer.ip} sent data ${after} after it. The answer was a RST: the data is lost, and the next write fails with EPIPE. ${judgement}${story === 'crossed' ? '' : ` ${distinction(capture, affected, othersOf(capture, capture.serviceOf(c.id), affected, { side: writer.side, host: writer.ip }), writer.side)}`}`,
    subject,
    atFault: fault,
    faultBecause: fault === null ? null : why[story],
    since: members.reduce((first, w) => (w.writeTime < first ? w.writeTime : first), members[0]!.writeTime),
    until: members.reduce((last, w) => (w.reset.time > last ? w.reset.time : last), members[0]!.reset.time),
    count: n,
    connections: affected,
    evidence: examples(members, 4).flatMap((w) =>
      proofs(w.c.id, [
        [w.closer.firstFinFrame, w.closer.finTime, `FIN from ${w.closer.name}`],
        [w.writeFrame, w.writeTime, `${w.writer.name} sends data ${durationText(w.seconds)} after the FIN`],
        [w.reset.frame, w.reset.time, `RST from ${w.closer.name}: nobody reads it any more`],
      ]),
    ),
    metrics: {
      medianSecondsAfterFin: middle,
      lostBytes: members.reduce((sum, w) => sum + w.writer.payloadAfterPeerFin, 0),
      crossing: group.length - late.length,
      closedWhileAsking: members.filter((w) => w.closerAsked).length,
    },
    causes: causesOf(capture, members, story),
    remedies: remediesOf(writer, story),
    explainedByRules: ['process-killed', 'close-wait-stuck'],
  };
}

function causesOf(capture: CaptureView, members: readonly Late[], story: Story): Cause[] {
  const first = members[0]!;
  const { closer, writer } = first;
  const latest = durationText(largest(members.map((w) => w.seconds)));
  switch (story) {
    case 'crossed':
      return [
        {
          text: `${closer.ip} closed, or its process ended, while ${writer.ip} was sending`,
          likelihood: 'high',
          because: `the data followed the FIN within ${latest}`,
        },
      ];
    case 'closer-ended':
      return [
        {
          text: `the process on ${closer.ip} ended or was restarted`,
          likelihood: 'high',
          because: `it closed ${countText(members.length)} connections within ${INSTANT_SECONDS} s, straight after data of its own`,
        },
      ];
    case 'not-awaited':
      return [
        {
          text: `the time limit of ${closer.ip} is shorter than the answer takes, or it does not wait for one`,
          likelihood: 'high',
          because: `it closed ${durationText(median(members.map((w) => w.c.quietBeforeClose ?? 0)))} after its own last data (median), and the answer came later`,
        },
        {
          text: `${writer.ip} answers too slowly, and does not notice that its client has gone`,
          likelihood: 'medium',
          because: `it wrote up to ${latest} after the FIN`,
        },
      ];
    case 'not-noticed':
      return unnoticed(capture, members);
  }
}

function unnoticed(capture: CaptureView, members: readonly Late[]): Cause[] {
  const first = members[0]!;
  const { closer, writer } = first;
  const idle = median(members.map((w) => w.c.quietBeforeClose ?? 0));
  return [
    writer.side === Side.CLIENT
      ? {
          text: `the pool of ${writer.ip} handed out a connection that ${closer.ip} had closed when idle`,
          likelihood: 'high',
          because: `${closer.ip} closed after ${durationText(idle)} of silence (median); the FIN of ${clock(capture, closer.finTime ?? first.c.start)} had been acknowledged`,
        }
      : {
          text: `the application on ${writer.ip} did not notice that its client had gone, and wrote into the closed connection`,
          likelihood: 'high',
          because: `${countText(members.length)} of its connections were in CLOSE_WAIT when it wrote`,
        },
    {
      text: `${closer.ip} closed for good instead of half-closing: shutdown(SHUT_WR) still reads what comes`,
      likelihood: 'low',
      because: 'a FIN does not tell the two apart until data meets it',
    },
  ];
}

function remediesOf(writer: EndpointView, story: Story): Remedy[] {
  if (story === 'not-awaited')
    return [
      {
        text: 'make the time limit of the end that asks longer than the slowest answer, or make the answer faster',
        command: null,
        appliesTo: 'both applications',
      },
    ];
  return [
    writer.side === Side.CLIENT
      ? {
          text: "evict idle connections before the peer's idle timeout, or test them before use; repeat a request once on a new connection when the first write or read on a pooled one fails",
          command: null,
          appliesTo: 'the application on the client',
        }
      : {
          text: 'watch the connection for its end (read() returning 0, EPOLLRDHUP) and stop the work for a client that has gone',
          command: null,
          appliesTo: 'the application on the server',
        },
    {
      text: 'see which process gets EPIPE',
      command: 'strace -f -e trace=write,sendto,sendmsg -p PID 2>&1 | grep -E "EPIPE|ECONNRESET"',
      appliesTo: 'Linux',
    },
  ];
}
