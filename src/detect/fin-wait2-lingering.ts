/**
 * One end has closed and its FIN is acknowledged, but the other end does not close: FIN_WAIT_2. An orphan (the process has
 * called close()) is dropped by the kernel after tcp_fin_timeout without a packet; a half-closed socket (shutdown()) stays for ever.
 */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type HostGroup, type OfEnd, subjectOf, whoText } from './service-groups.ts';
import { largest } from './statistics.ts';

const PARAMS = {
  minSeconds: { default: 5, text: "wait for the peer's FIN from which it is reported" },
  halfClosedSeconds: {
    default: 60,
    text: 'silence of the peer after data that was still accepted, from which a half-closed socket counts as forgotten',
  },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** Linux tcp_fin_timeout, the life of an orphan in FIN_WAIT_2, seconds. */
const ORPHAN_SECONDS = 60;

interface Lingering extends OfEnd {
  readonly id: ConnId;
  readonly peerIp: string;
  readonly acked: Nanos;
  /** Up to the end of observation. */
  readonly seconds: number;
  /** Data that came after its FIN was accepted: the application still reads, and no kernel timer ends it. */
  readonly reads: boolean;
}

export const finWait2Lingering = defineDetector({
  id: 'fin-wait2-lingering',
  title: 'One end has closed and waits for the other to close too (FIN_WAIT_2)',
  severity: 'info',
  category: 'close',
  said: 'silence',
  params: PARAMS,
  docs: {
    what: 'The FIN of one end is acknowledged, and the other end sends neither data nor a FIN of its own. The end that closed is in FIN_WAIT_2.',
    why: 'On the side that closed it costs little: an orphan, whose process has called close(), is dropped by Linux after tcp_fin_timeout (60 s) without a packet, and late data then meets a bare RST. A half-closed socket, whose process called shutdown(SHUT_WR) and still reads, has no timer and stays for ever. What matters is the other end: its application does not close (close-wait-stuck).',
    how: 'A FIN that was acknowledged at least minSeconds before the end of observation, without FIN, RST or data of the other end since. Where the other end had sent data that was still accepted, the socket is half-closed and no orphan; it counts from halfClosedSeconds of silence on, as a warning.',
    never:
      'Silent while the peer still sends data, when its FIN came late (slow-close), when either end ended the connection by RST, when octets of the peer are missing from the capture, among which its FIN may be, in captures of one direction or of SYN, FIN and RST alone. Does not speak of TIME_WAIT: tcp_fin_timeout does not shorten that.',
    limits:
      'An orphan and a half-closed socket without late data look the same on the wire, and the death of an orphan shows no packet: ss on the host tells them apart (an orphan has no process).',
    references: [
      'RFC 9293 §3.6 (FIN-WAIT-2)',
      'Linux: tcp_fin_timeout, TCP_LINGER2 (tcp(7)); net/ipv4/tcp.c __tcp_close',
      'RFC 1122 §4.2.2.13 (data for a closed socket is answered by RST)',
    ],
  },
  detect: (capture, params): Detection => {
    const { quality, endings } = capture;
    if (quality.flagsOnly || quality.oneDirection)
      return { verdict: 'inconclusive', because: 'data after a FIN, or the FIN of the other end, is not in this capture' };
    const waiting = byHost(capture, endings.unreturnedFin, (c) => lingeringOf(capture, c));
    const groups = waiting.flatMap((group) => {
      const cases = group.cases.filter((l) => l.seconds >= (l.reads ? params.halfClosedSeconds : params.minSeconds));
      return cases.length === 0 ? [] : [{ ...group, cases }];
    });
    if (groups.length > 0)
      return found(
        draftLargest(
          groups,
          (g) => g.cases.length,
          (g) => draft(capture, g),
          'host',
        ),
      );
    return undecided(waiting, params);
  },
});

/** Nothing is proven: is that because there is nothing, or because the capture is too short? */
function undecided(waiting: readonly HostGroup<Lingering>[], params: Params): Detection {
  const open = waiting.flatMap((g) => g.cases.filter((l) => !l.reads));
  if (open.length === 0) return { verdict: 'clear' };
  return {
    verdict: 'inconclusive',
    because: `${plural(open.length, 'connection')} waited for the peer's FIN when observation ended, for ${durationText(largest(open.map((l) => l.seconds)))} at most; ${String(params.minSeconds)} s are needed. If the capture ran on without a packet, say until when: --captured-until TIME`,
  };
}

function lingeringOf(capture: CaptureView, connection: ConnectionView): Lingering | null {
  if (connection.basis === 'one-sided') return null;
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const end = connection.ends[side];
    const peer = connection.ends[otherSide(side)];
    if (end.rst > 0 || peer.rst > 0 || peer.mayLackOctets) continue;
    const { finAckedTime: acked } = end;
    if (acked === null || end.finTime === null || peer.finTime !== null) continue;
    const reads = peer.payloadAfterPeerFin > 0 && peer.lastDataTime !== null && peer.lastDataTime >= acked;
    const quietSince = reads ? Math.max(acked, peer.lastDataTime) : acked;
    return { id: connection.id, end: { side, ip: end.ip }, peerIp: peer.ip, acked, seconds: secondsOf(capture.end - quietSince), reads };
  }
  return null;
}

function draft(capture: CaptureView, group: HostGroup<Lingering>): Draft {
  const { service, side, cases } = group;
  const n = plural(cases.length, 'connection');
  const who = whoText(group);
  const peers = [...new Set(cases.map((l) => l.peerIp))];
  const peer = peers.length === 1 ? peers[0]! : plural(peers.length, 'peer');
  const since = cases.reduce((t, l) => Math.min(t, l.acked), Infinity) as Nanos;
  const longest = largest(cases.map((l) => l.seconds));
  const reading = cases.filter((l) => l.reads);
  const past = cases.filter((l) => !l.reads && l.seconds >= ORPHAN_SECONDS).length;
  const orphans = provenOrphans(capture, group);
  const fate =
    reading.length === cases.length
      ? `${n === '1 connection' ? 'It is' : 'They are'} half-closed sockets and no orphans: data after the FIN was accepted, so an application still reads. No kernel timer ends them.`
      : [
          past > 0
            ? `${countText(past)} of them waited for longer than ${String(ORPHAN_SECONDS)} s: if the process had closed them, Linux has dropped them silently by now.`
            : `If the process closed them, Linux drops them after ${String(ORPHAN_SECONDS)} s (tcp_fin_timeout) without a packet; if it called shutdown() and still reads, they stay for ever.`,
          reading.length > 0 ? `${countText(reading.length)} are half-closed and still read.` : '',
        ]
          .filter((text) => text !== '')
          .join(' ');
  const proven =
    orphans.length === 0
      ? ''
      : ` On ${plural(orphans.length, 'other connection')} of the same host late data met a RST: there the socket was gone, which proves an orphan.`;
  return {
    severity: reading.length > 0 ? 'warning' : 'info',
    confidence: longest >= ORPHAN_SECONDS || cases.length >= 5 ? 'high' : 'medium',
    title: `${n} of ${who} in FIN_WAIT_2: ${peer} does not close`,
    summary: `On ${n} of ${service.name}, ${who} sent its FIN, ${peer} acknowledged it (the first at ${clock(capture, since)}) and has sent neither data nor a FIN since, for up to ${durationText(longest)}. ${fate}${proven} What has to be repaired is the end that does not close: its sockets are in CLOSE_WAIT.`,
    subject: subjectOf(group),
    atFault: peers.length === 1 ? peers[0]! : null,
    faultBecause:
      peers.length === 1
        ? `it acknowledged the FIN in ${plural(cases.length, 'case')} and did not close for up to ${durationText(longest)}`
        : null,
    since,
    until: null,
    count: cases.length,
    connections: cases.map((l) => l.id),
    evidence: examples(cases, 4).flatMap((l) => {
      const { ends } = capture.connection(l.id);
      const [end, peer] = [ends[l.end.side], ends[otherSide(l.end.side)]];
      return proofs(l.id, [
        [end.firstFinFrame, end.finTime, `FIN from ${end.name}`],
        [end.finAckedFrame, l.acked, `${peer.name} acknowledges it, and closes nothing for ${durationText(l.seconds)}`],
        [l.reads ? peer.lastDataFrame : null, peer.lastDataTime, `last data from ${peer.name}, accepted after the FIN`],
      ]);
    }),
    metrics: { longestSeconds: longest, halfClosed: reading.length, longerThanOrphanTimeout: past, provenOrphans: orphans.length },
    causes: causesOf(peer, side, reading.length > 0),
    remedies: remediesOf(peer, reading.length > 0),
    caveats: group.caveats,
    explainedByRules: ['close-wait-stuck', 'idle-timeout-pattern'],
  };
}

/** Connections of the same host that ended because data met no socket any more. */
function provenOrphans(capture: CaptureView, { service, side, host }: HostGroup<Lingering>): ConnId[] {
  return capture.withRst().filter((id) => {
    if (capture.serviceOf(id) !== service) return false;
    const c = capture.connection(id);
    const end = c.ends[side];
    if ((host !== null && end.ip !== host) || c.ends[otherSide(side)].finTime !== null) return false;
    return c.marks.some((m) => m.side === side && m.rst?.afterOwnFin === true && !m.rst.hasAck);
  });
}

function causesOf(peer: string, side: Side, reads: boolean): Cause[] {
  const never: Cause = {
    text: `the application on ${peer} does not close its side`,
    likelihood: 'high',
    because: 'its kernel acknowledged the FIN, and neither data nor a FIN follows',
  };
  const pool: Cause = {
    text:
      side === Side.SERVER
        ? `a pool on ${peer} keeps connections that the server has closed when idle`
        : `the server on ${peer} waits for something else before it closes, or leaks the descriptor`,
    likelihood: 'medium',
    because: 'the close came from the other end',
  };
  return reads
    ? [
        {
          text: 'the reading end has no time limit of its own after shutdown()',
          likelihood: 'high',
          because: 'it accepted data after its FIN and has waited in silence since',
        },
        never,
      ]
    : [never, pool];
}

function remediesOf(peer: string, reads: boolean): Remedy[] {
  const look: Remedy = {
    text: `repair the end that does not close: on ${peer} find who holds the sockets`,
    command: 'ss -tanp state close-wait',
    appliesTo: 'Linux',
  };
  const orphans: Remedy = {
    text: 'on the side that closed, tell orphans (no process) from half-closed sockets (a process)',
    command: 'ss -tanpo state fin-wait-2',
    appliesTo: 'Linux',
  };
  const limit: Remedy = {
    text: 'after shutdown(SHUT_WR), read with a time limit and then close(): only then does the kernel start its timer',
    command: null,
    appliesTo: 'the application that closed first',
  };
  const wrong: Remedy = {
    text: 'tcp_fin_timeout shortens the life of orphans in FIN_WAIT_2 only: neither that of half-closed sockets nor TIME_WAIT, which is 60 s fixed, nor CLOSE_WAIT, which has no timer',
    command: 'sysctl net.ipv4.tcp_fin_timeout',
    appliesTo: 'Linux; per socket TCP_LINGER2',
  };
  return reads ? [limit, look, wrong] : [look, orphans, wrong];
}
