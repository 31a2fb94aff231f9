/** SYNs and data refused because their timestamp is older than one that the receiver has taken (PAWS, RFC 7323 §5). */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import { otherSide } from '../model/state.ts';
import type { Nanos } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { examples, period } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byHost, type Case, type HostGroup, subjectOf, whoText } from './service-groups.ts';
import { largest } from './statistics.ts';
import { isUnnoticed } from './unnoticed-refusals.ts';

/** `end` sent what was refused. */
interface Refused extends Case {
  /** The ACKs that refuse its segments. */
  readonly refusals: readonly MarkEvent[];
  /** Of these: of a SYN. */
  readonly syns: number;
  /** TTL of this end's segments in the connection before on the tuple, where it was another. */
  readonly otherTtl: number | null;
}

export const pawsDrop = defineDetector({
  id: 'paws-drop',
  title: 'Segments refused for an old timestamp',
  severity: 'warning',
  category: 'time-wait',
  params: {
    minRefusals: { default: 2, text: 'refused segments of one host and service from which it is reported' },
  },
  docs: {
    what: 'A receiver threw segments away because their timestamp is older than one that it took from the same address and port before: PAWS, which protects a connection from old duplicates. It answers by an ACK that echoes the newer timestamp.',
    why: 'The sender sees its data or its SYN go unheard, sends again and again, and nothing in its log says why. Two hosts behind one address, a clock that went back, or a device that rewrites timestamps make this happen to new segments.',
    how: 'A SYN on a used tuple that is answered by an ACK of the older connection, or data sent again that an ACK still waits for: where the timestamp that this ACK echoes is newer than that of the segment, PAWS refused it. Only those suspects are looked at. Information where only SYNs were refused, less than one connect in a hundred, and none that got through took 0.2 s; otherwise a warning.',
    never:
      'A segment that an ACK no longer waits for (an old duplicate, for which PAWS is there), a SYN refused without timestamps (time-wait-challenge), loss without a newer echo.',
    limits:
      'The first copy of refused data is not counted: nothing tells it from a lost one yet. SYNs that a listener drops in silence (tcp_tw_recycle, kernels before 4.12) have no answer that could prove it.',
    references: [
      'RFC 7323 §5',
      'RFC 6191',
      'linux: net/ipv4/tcp_input.c tcp_paws_discard; nstat TcpExtPAWSEstab, TcpExtPAWSTimewait',
      'linux commit 4396e46187ca (4.12): tcp_tw_recycle removed',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection || quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the ACKs that refuse a segment are not in this capture' };
    const groups = byHost(capture, capture.withOldAnswer(), (c) => refusedOf(capture, c)).filter((g) => count(g) >= params.minRefusals);
    return found(draftLargest(groups, count, (g) => draft(capture, g), 'host and service'));
  },
});

/** SYNs alone, and few of them; none that got through lost much. Behind a translator the next try has another port. */
function isNoise({ service, cases }: HostGroup<Refused>): boolean {
  const longest = largest(cases.map(({ connection: c }) => c.connectSeconds ?? 0));
  return isUnnoticed(service, cases.length, longest) && cases.every(({ refusals, syns }) => syns === refusals.length);
}

const count = (group: HostGroup<Refused>): number => group.cases.reduce((n, it) => n + it.refusals.length, 0);

function refusedOf(capture: CaptureView, c: ConnectionView): Refused | null {
  const refusals = c.marks.filter((m) => (m.mark === Mark.OLD_TIMESTAMP || m.mark === Mark.OLD_ANSWER) && m.detail > 0);
  const [first] = refusals;
  if (first === undefined) return null;
  const end = c.ends[otherSide(first.side)];
  const own = refusals.filter((m) => m.side === first.side);
  const before = c.previous === null ? null : capture.connection(c.previous).ends[end.side].ttl;
  return {
    connection: c,
    end,
    refusals: own,
    syns: own.filter((m) => m.mark === Mark.OLD_ANSWER).length,
    otherTtl: before !== null && before !== 0 && before !== end.ttl ? before : null,
  };
}

function draft(capture: CaptureView, group: HostGroup<Refused>): Draft {
  const { service, cases } = group;
  const who = whoText(group);
  const refusals = cases.flatMap((it) => it.refusals);
  const syns = cases.reduce((n, it) => n + it.syns, 0);
  const data = refusals.length - syns;
  const what = [data > 0 ? plural(data, 'data segment') : '', syns > 0 ? plural(syns, 'SYN') : ''].filter((s) => s !== '').join(' and ');
  const since = refusals.reduce((t, m) => Math.min(t, m.time), Infinity) as Nanos;
  const until = refusals.reduce((t, m) => Math.max(t, m.time), 0) as Nanos;
  const lead = largest(refusals.map((m) => m.detail));
  const moved = cases.find((it) => it.otherTtl !== null);
  const distance =
    moved === undefined
      ? ''
      : ` Their TTL is ${String(moved.end.ttl)}, that of the connection before on the same port was ${String(moved.otherTtl)}: two hosts use one address.`;
  const receivers = [...new Set(cases.map((it) => it.connection.ends[otherSide(it.end.side)].ip))];
  return {
    severity: isNoise(group) ? 'info' : 'warning',
    confidence: 'high',
    title: `${what} of ${who} refused for an old timestamp (${service.name})`,
    summary: `${receivers.slice(0, 3).join(', ')} refused ${what} of ${who} on ${plural(cases.length, 'connection')} of ${service.name} ${period(capture, since, until)}: their timestamps were older than one that it had taken before from the same address and port, by up to ${ticksText(lead)} (on Linux milliseconds). Each was answered by an ACK that echoes the newer timestamp and acknowledges nothing.${distance}`,
    subject: subjectOf(group),
    atFault: moved === undefined ? null : 'path',
    faultBecause:
      moved === undefined ? null : 'segments of one address and port come from two distances: a device puts several hosts behind it',
    since,
    until,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 4).flatMap(evidence),
    metrics: { refused: refusals.length, syns, dataSegments: data, connections: cases.length, largestLeadTicks: lead },
    causes: [
      {
        text: 'Several hosts with clocks of their own share one address and port: an address translator or balancer gives a port to the next host before TIME_WAIT is over',
        likelihood: moved !== undefined || syns > 0 ? 'high' : 'medium',
        because: moved === undefined ? 'the timestamps of one address jump back' : 'the TTLs differ as well',
      },
      {
        text: 'A device on the path rewrites timestamps of some segments, or a host restarted its clock (suspended, migrated)',
        likelihood: data > 0 ? 'medium' : 'low',
        because: 'one sender has one clock, and it only goes forward',
      },
    ],
    remedies: [
      {
        text: 'See on the receiver how many there are.',
        command: 'nstat -az TcpExtPAWSEstab TcpExtPAWSActive TcpExtPAWSTimewait TcpExtTCPACKSkippedPAWS',
        appliesTo: `Linux on ${receivers[0]!}; PAWSTimewait has been counted apart only in recent kernels`,
      },
      {
        text: 'Give the translator more addresses or ports, or let it keep a port for at least 60 s before another host gets it.',
        command: null,
        appliesTo: 'the address translator or balancer',
      },
      {
        text: 'Do not turn timestamps off as a cure: without them each reuse of a port rests on the sequence number alone. tcp_tw_recycle=1 makes it far worse, and must be 0.',
        command: 'sysctl net.ipv4.tcp_tw_recycle',
        appliesTo: 'Linux before 4.12, which removed it',
      },
    ],
    caveats: group.caveats,
  };
}

/** The lead is counted up to this (18 hours of Linux's milliseconds): clocks that far apart are not one. */
const MOST_TICKS = (1 << 26) - 1;
const ticksText = (ticks: number): string => (ticks < MOST_TICKS ? plural(ticks, 'tick') : `${countText(MOST_TICKS)} ticks or more`);

/** Refusals shown of one connection. */
const SHOWN = 3;

const evidence = (it: Refused): EvidenceDraft[] =>
  it.refusals.slice(0, SHOWN).map((m) => ({
    connection: it.connection.id,
    frame: m.frame,
    time: m.time,
    note: `${it.connection.ends[m.side].ip} refuses ${m.mark === Mark.OLD_ANSWER ? 'the SYN' : 'the data'}: it echoes a timestamp ${ticksText(m.detail)} newer`,
  }));
