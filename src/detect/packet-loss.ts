/** Segments that were lost and sent again: how many, which way, how the loss was noticed, and what the waiting cost. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, type EndpointView, Mark } from '../model/connection.ts';
import type { Cause, Caveat, Remedy } from '../model/finding.ts';
import type { SequenceFacts } from '../model/sequence.ts';
import { Side } from '../model/state.ts';
import { type ConnId, type Nanos, nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { oncePerCapture } from './once.ts';
import { lookedAt } from './service-groups.ts';

const PARAMS = {
  minEvents: { default: 10, text: 'segments of one service lost and sent again from which it is loss; fewer are ordinary' },
  warningShare: { default: 0.01, text: 'share of the segments of a direction from which the loss is a warning' },
} as const;
type Params = Readonly<Record<keyof typeof PARAMS, number>>;

/** What an end lost, by the way in which it noticed. */
interface Losses {
  readonly fast: number;
  readonly timeouts: number;
  readonly tailProbes: number;
  readonly spurious: number;
  readonly beforeCapture: number;
  readonly waitedSeconds: number;
  /** First and last repeat. */
  readonly since: Nanos;
  readonly until: Nanos;
}

export const packetLoss = defineDetector({
  id: 'packet-loss',
  title: 'Segments are lost and sent again',
  severity: 'warning',
  category: 'path',
  params: PARAMS,
  docs: {
    what: 'Segments of a service were lost on the path and sent again: how many and which share of their direction, how the sender noticed (duplicate ACKs and SACK, a tail loss probe, the retransmission timer), on which side of the capture point they were lost, and what the waiting cost.',
    why: 'A sender halves its rate for every loss that it takes for congestion, so a share of one percent already bounds the throughput on a long path. What is noticed by duplicate ACKs costs a round trip; what only the timer notices costs 200 ms and more, and an application feels that as a pause.',
    how: 'Per direction the sequence space is followed. A segment with octets that had been sent before, or that fills a hole whose later segment was reported missing, is a repeat; the reports before it (RFC 6675, RFC 8985) and the time tell which reaction of the sender it was. Repeats that fill a hole were lost before the capture point, the others behind it. At least minEvents for one service, and above warningShare of the segments of a direction it is a warning.',
    never:
      'Silent for fewer than minEvents. Not counted: copies that the capture or the network made, keepalives, probes of a closed window, repeats that were for nothing (acknowledged before, or reported as duplicates by D-SACK), repeated SYNs and SYN-ACKs (slow-handshake), what nobody acknowledged until the end (dead-peer, pmtu-blackhole, last-ack-stuck), connections whose segments a router refused as too large (pmtu-discovery), and those whose third ACK the server ignored.',
    limits:
      'A segment that was lost before the capture point and never sent again leaves no trace, and so does the last segment of a burst lost there: its repeat is the first that is seen. A repeat whose ACK was lost is taken for a loss of the segment, unless a D-SACK tells. The share is that of all segments of the direction, ACKs among them.',
    references: [
      'RFC 5681, RFC 6675 (fast recovery), RFC 8985 (RACK-TLP), RFC 6298 (retransmission timer), RFC 2883 (D-SACK)',
      'Mathis, Semke, Mahdavi, Ott 1997: throughput is bounded by MSS / (RTT × √loss)',
      'Wireshark: tcp.analysis.retransmission, fast_retransmission, spurious_retransmission',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'only SYN, FIN and RST were captured: data that is sent again is not in it' };
    const ignored = new Set(capture.withIgnoredAck());
    const { looked, caveats } = lookedAt(capture.troubles.resent);
    const groups = new Map<ServiceView, Group>();
    for (const id of looked) {
      const losses = ignored.has(id) ? null : lossesOfBoth(capture, id);
      if (losses === null) continue;
      const service = capture.serviceOf(id);
      let group = groups.get(service);
      if (group === undefined) groups.set(service, (group = new Group(service, caveats)));
      group.add(id, losses);
    }
    return found(
      draftLargest(
        [...groups.values()].filter((group) => group.all >= params.minEvents),
        (group) => group.all,
        (group) => draft(capture, group, params),
        'service',
      ),
    );
  },
});

/** Without the wait for what was never acknowledged. */
function waitedBeforeTimeouts(s: SequenceFacts): number {
  const last = s.lastRetransmission?.time ?? 0;
  return Math.max(0, s.timeoutSeconds - secondsOf(last - (s.inVainSince?.time ?? last)));
}

/** Of a service: sums and ids, because there may be thousands. [client, server] where it says so. */
class Group {
  readonly ids: ConnId[] = [];
  readonly service: ServiceView;
  readonly caveats: readonly Caveat[];
  readonly lost: [number, number] = [0, 0];
  readonly lostBeforeCapture: [number, number] = [0, 0];
  fast = 0;
  timeouts = 0;
  tailProbes = 0;
  spurious = 0;
  beforeCapture = 0;
  waitedSeconds = 0;
  /** First and last repeat. */
  since = nanos(Infinity);
  #until = nanos(-Infinity);

  constructor(service: ServiceView, caveats: readonly Caveat[]) {
    this.service = service;
    this.caveats = caveats;
  }

  get until(): Nanos {
    return nanos(Math.max(this.since, this.#until));
  }
  get all(): number {
    return this.lost[0] + this.lost[1];
  }

  add(id: ConnId, ofBoth: LossesOfBoth): void {
    this.ids.push(id);
    for (const side of [Side.CLIENT, Side.SERVER]) {
      const l = ofBoth[side];
      if (l === null) continue;
      this.fast += l.fast;
      this.timeouts += l.timeouts;
      this.tailProbes += l.tailProbes;
      this.spurious += l.spurious;
      this.beforeCapture += l.beforeCapture;
      this.waitedSeconds += l.waitedSeconds;
      this.lost[side] += l.fast + l.timeouts + l.tailProbes;
      this.lostBeforeCapture[side] += l.beforeCapture;
      this.since = nanos(Math.min(this.since, l.since));
      this.#until = nanos(Math.max(this.#until, l.until));
    }
  }
}

/** Of [client, server]; null: this end lost nothing that counts. */
type LossesOfBoth = readonly [Losses | null, Losses | null];

/** null: neither end did. What was sent again because a router had refused it as too big was not lost. */
function lossesOfBoth(capture: CaptureView, id: ConnId): LossesOfBoth | null {
  const connection = capture.connection(id);
  const tooBig = tooBigIn(capture).has(id);
  const refused = (side: Side): boolean => tooBig && connection.marks.some((m) => m.mark === Mark.PATH_MTU && m.side === side);
  const client = refused(Side.CLIENT) ? null : lossesOf(connection, connection.client);
  const server = refused(Side.SERVER) ? null : lossesOf(connection, connection.server);
  return client === null && server === null ? null : [client, server];
}

const tooBigIn = oncePerCapture((capture): ReadonlySet<ConnId> => new Set(capture.troubles.tooBig));

function lossesOf(connection: ConnectionView, end: EndpointView): Losses | null {
  const s = end.sequence;
  const handshakes = Math.max(0, end.syn + end.synAck - 1);
  // What stays without an answer was not lost here and there: nobody is there, or nothing of that size gets through.
  const vain = s.resentInVain;
  const timeouts = Math.max(0, s.timeoutRetransmissions - handshakes - vain);
  const rest = Math.max(0, vain - Math.max(0, s.timeoutRetransmissions - handshakes));
  const tailProbes = Math.max(0, s.tailLossProbes - rest);
  const fast = Math.max(0, s.fastRetransmissions - Math.max(0, rest - s.tailLossProbes));
  const all = fast + timeouts + tailProbes;
  if (all === 0) return null;
  return {
    fast,
    timeouts,
    tailProbes,
    spurious: s.spuriousRetransmissions,
    beforeCapture: Math.min(all, s.lostBeforeCapture),
    waitedSeconds: timeouts === 0 ? 0 : waitedBeforeTimeouts(s),
    since: s.firstRetransmission?.time ?? connection.end,
    until: s.lastRetransmission?.time ?? connection.end,
  };
}

function draft(capture: CaptureView, group: Group, params: Params): Draft {
  const { service, ids, lost, all, fast, timeouts, tailProbes, spurious, since, until } = group;
  const { beforeCapture: before, waitedSeconds: waited } = group;
  const sent = service.segments;
  // What was lost before the capture point is not among the segments seen.
  const share = (side: Side): number => lost[side] / Math.max(1, sent[side] + group.lostBeforeCapture[side]);
  // The direction with the higher share among those with enough losses to have one.
  const worst = Math.max(
    lost[0] >= params.minEvents ? share(0) : 0,
    lost[1] >= params.minEvents ? share(1) : 0,
    all / Math.max(1, sent[0] + sent[1]),
  );
  const n = plural(ids.length, 'connection');
  const members = new Set(ids);
  const serious = worst > params.warningShare;
  const where =
    before === 0
      ? 'All were seen here before they were lost: they, or their ACKs, were lost behind the capture point.'
      : before >= all
        ? 'All were lost before the capture point: the capture has the hole, and then the repeat.'
        : `${countText(before)} were lost before the capture point (the capture has the hole, and then the repeat), ${countText(all - before)} behind it.`;
  const noticed = [
    fast > 0 ? `${countText(fast)} by duplicate ACKs or SACK` : '',
    tailProbes > 0 ? `${countText(tailProbes)} by a tail loss probe` : '',
    timeouts > 0 ? `${countText(timeouts)} only by the retransmission timer, which cost ${durationText(waited)} of silence in all` : '',
  ].filter((t) => t !== '');
  return {
    severity: serious ? 'warning' : 'info',
    confidence: fast > 0 || all >= 3 * params.minEvents ? 'high' : 'medium',
    title: `${percent(worst)} loss on the path to ${service.name}: ${plural(all, 'segment')} sent again`,
    summary: `On ${n} of ${service.name}, ${plural(all, 'segment was', 'segments were')} lost and sent again ${period(capture, since, until)}: ${countText(lost[0])} from clients (${percent(share(0))} of theirs) and ${countText(lost[1])} from the server (${percent(share(1))}). The senders noticed ${noticed.join(', ')}.${spurious > 0 ? ` ${plural(spurious, 'further repeat was', 'further repeats were')} for nothing and ${spurious === 1 ? 'is' : 'are'} not counted.` : ''} ${where} ${distinction(
      capture,
      ids,
      service.all().filter((id) => !members.has(id)),
      Side.SERVER,
    )}`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: serious ? 'path' : null,
    faultBecause: serious
      ? fast > 0
        ? `the receivers themselves reported ${plural(fast, 'segment')} as missing, which their senders had sent: they were lost in between`
        : 'the segments were sent, and their repeats got through: what was lost was lost in between'
      : null,
    since,
    until,
    count: ids.length,
    connections: ids,
    evidence: examples(ids, 5).flatMap((id) =>
      capture.connection(id).ends.flatMap((end) => {
        const { firstRetransmission: first, lastRetransmission: last } = end.sequence;
        if (lossesOfBoth(capture, id)?.[end.side] == null || first === null || last === null) return [];
        return proofs(id, [
          [first.frame, first.time, `${end.name} sends octets again for the first time`],
          last.frame === first.frame
            ? [null, null, '']
            : [last.frame, last.time, `and for the last time, after ${plural(end.retransmissions, 'repeat')}`],
        ]);
      }),
    ),
    metrics: {
      lostSegments: all,
      lostShare: worst,
      lostFromClients: lost[0],
      lostFromServer: lost[1],
      fastRetransmissions: fast,
      tailLossProbes: tailProbes,
      timeouts,
      timeoutSeconds: waited,
      spuriousRetransmissions: spurious,
      lostBeforeCapture: before,
      durationSeconds: secondsOf(until - since),
    },
    causes: serious ? causesOf(timeouts, all) : [],
    remedies: serious ? remediesOf(service.ip, service.port) : [],
    caveats: group.caveats,
    explainedByRules: ['pmtu-blackhole', 'pmtu-discovery', 'dead-peer', 'half-open', 'accept-queue-overflow', 'syn-flood'],
  };
}

/** `4.8 %`, `0.3 %`, `0.02 %`. */
const percent = (share: number): string => `${String(Number((100 * share).toPrecision(2)))} %`;

const causesOf = (timeouts: number, all: number): Cause[] => [
  {
    text: 'a link on the path is overloaded: a queue, a shaper or a policer drops what is too much',
    likelihood: 'medium',
    because:
      timeouts * 2 > all
        ? 'whole flights were lost, which only the timer notices: drops come in bursts'
        : 'single segments are missing, and the rest of their flight arrives',
  },
  {
    text: 'a link damages frames: radio, a bad cable or optic, a duplex mismatch',
    likelihood: 'medium',
    because: 'random loss of single segments looks the same; the interface counters tell them apart',
  },
  {
    text: 'a host or virtual switch drops: ring buffer, CPU steal, rate limit of a cloud instance',
    likelihood: 'low',
    because: 'seen from the capture point it cannot be told from the path',
  },
];

const remediesOf = (server: string, port: number): Remedy[] => [
  {
    text: 'find the hop at which the loss begins; loss at one hop that does not go on behind it is only a router that answers slowly',
    command: `mtr -rwbzc 100 -T -P ${String(port)} ${server}`,
    appliesTo: 'both directions, from each end',
  },
  {
    text: 'look at the counters of the interfaces on both hosts and on the switch ports between',
    command: 'ip -s -s link show; ethtool -S eth0 | grep -Ei "drop|err|crc|fifo|miss"',
    appliesTo: 'Linux',
  },
  {
    text: 'see what the senders count',
    command: "nstat -az | grep -E 'RetransSegs|TCPLostRetransmit|TCPTimeouts|TCPFastRetrans|TCPSackRecovery'; ss -ti",
    appliesTo: 'Linux',
  },
  {
    text: 'capture at both ends at once: what the one sent and the other never got was lost between them',
    command: 'tcpdump -s 96 -w side.pcap tcp',
    appliesTo: 'both hosts',
  },
  {
    text: 'larger buffers or another congestion control hide loss that is no congestion (BBR), and cure none. Do not raise tcp_retries2 or tcp_syn_retries for it: they only make the end later',
    command: null,
    appliesTo: 'Linux',
  },
];
