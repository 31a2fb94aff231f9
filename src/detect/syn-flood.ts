/** `syn-flood`: SYNs that nobody follows up, faster than a listener can forget them. Judgement in floods.ts, filter in flood-filter.ts. */
import type { CaptureView, DeadAttempts, ServiceView } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import type { Cause, Caveat, Remedy } from '../model/finding.ts';
import { Side, State } from '../model/state.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { examples, proofs } from './evidence.ts';
import { floodFilter, type FloodFilter } from './flood-filter.ts';
import { type Flood, FLOOD_DEFAULTS, floodEnd, floodOf, ownersAnswer } from './floods.ts';
import { largest } from './statistics.ts';

/** Sources behind which one machine or one network is certain. */
const ONE_SOURCE = 0.95;
const EXAMPLES = 4;

const percent = (share: number): string =>
  share === 1 ? '100 %' : share > 0.999 ? '99.9 %' : `${String(Number((share * 100).toPrecision(3)))} %`;

/** What the victim did with the SYNs; decides what to do next. */
type Answer = 'unanswered' | 'reset' | 'cookies' | 'queue-full' | 'held';

function answerOf(a: DeadAttempts): Answer {
  const total = a.count;
  const answered = a.answeredOnce + a.answeredAgain;
  if (a.reset > total / 2) return 'reset';
  if (answered === 0) return 'unanswered';
  if (a.unanswered > total / 2) return a.answeredAgain > 0 ? 'queue-full' : 'unanswered';
  return a.answeredOnce > a.answeredAgain ? 'cookies' : 'held';
}

const ANSWER_TEXT: Readonly<Record<Answer, string>> = {
  unanswered: 'Practically none was answered: a filter behind the capture point drops them, or the listener no longer answers anybody.',
  reset: 'Each was answered, and the owners of the forged addresses refused the SYN-ACK by RST, so the entries were short-lived.',
  cookies: 'They were answered, most by a SYN-ACK that was never repeated: SYN cookies keep no entry, so the queue is not the bottleneck.',
  'queue-full':
    'Most were not answered at all while the answered ones were repeated: the queue of half-open connections is full and SYN cookies are off.',
  held: 'They were answered and the SYN-ACKs repeated: each attempt holds an entry of the queue until the kernel gives it up.',
};

export const synFlood = defineDetector({
  id: 'syn-flood',
  title: 'SYN flood: connection attempts that nobody means to complete',
  severity: 'critical',
  category: 'flood',
  neighbours: 'service',
  params: {
    minAttempts: {
      default: FLOOD_DEFAULTS.minAttempts,
      text: 'abandoned attempts within the window from which it is a flood; the smallest listen backlogs are about as large',
    },
    windowSeconds: { default: FLOOD_DEFAULTS.windowSeconds, text: 'length of the window, seconds' },
    ratio: { default: FLOOD_DEFAULTS.ratio, text: 'abandoned attempts for each handshake that completes in the same window' },
    minHalfOpen: {
      default: FLOOD_DEFAULTS.minHalfOpen,
      text: 'half-open connections at once, with repeated SYN-ACKs, from which a slower flood is one; 128 was the usual backlog before Linux 5.4',
    },
  },
  docs: {
    what: 'One service receives far more SYNs than handshakes, and nobody follows them up: no third ACK, and no retry by a kernel.',
    why: 'Each answered SYN holds an entry of the listener until the kernel gives it up (63 s by default on Linux, 7 s once the queue is half full). When the queue is full, real clients are dropped or served with SYN cookies.',
    how: 'Attempts count when the client address sent its SYN once (or faster than any kernel repeats it), never completed the handshake, and completes hardly anything at this service otherwise. From minAttempts of them within windowSeconds, and ratio times as many as handshakes completed meanwhile, it is a flood; or when minHalfOpen of them whose SYN-ACK was repeated stood open at once. Real clients are those that got through or that repeated their SYN as a kernel does.',
    never:
      'Port scans (many ports of one host, one attempt each), real clients in a reconnect storm or before a black hole (same initial sequence number again on a kernel schedule, or success later), accept queue overflow (their third ACK is there), health checks (a handshake, then RST), connect timeouts (RST only to a SYN-ACK that came late). A capture of one direction or of flags alone is inconclusive.',
    limits:
      'A flood whose SYNs are repeated on a kernel schedule, from sources that also complete handshakes, looks like real clients. The filter is proven on this capture only.',
    references: ['RFC 4987', 'linux Documentation/networking/ip-sysctl.rst: tcp_syncookies, tcp_synack_retries', 'man 2 listen'],
  },
  detect(capture, params): Detection {
    const drafts: Draft[] = [];
    let doubt: string | null = null;
    for (const service of capture.services) {
      const flood = floodOf(capture, service, params);
      if (flood === null) continue;
      if (typeof flood === 'string') doubt ??= `${service.name} receives many SYNs that lead to nothing, but ${flood}`;
      else drafts.push(draft(capture, flood));
    }
    return drafts.length === 0 && doubt !== null ? { verdict: 'inconclusive', because: doubt } : found(drafts);
  },
});

function draft(capture: CaptureView, { service, attempts: a, peak }: Flood): Draft {
  const total = a.count;
  const seen = a.ids.length;
  const rate = a.peakWithin(1, capture.end);
  const answer = answerOf(a);
  const end = floodEnd(capture, a);
  const filter = floodFilter(a, service, ownersAnswer(capture, a));
  const seconds = secondsOf((a.last ?? 0) - (a.first ?? 0));
  const single = a.topSource !== null && a.topSource.count >= ONE_SOURCE * seen ? a.topSource.ip : null;
  const prefix = single === null && a.topPrefix !== null && a.topPrefix.count >= ONE_SOURCE * seen ? a.topPrefix.prefix : null;
  const least = total > seen ? 'at least ' : '';
  const some = seen === 0 ? 'addresses that were not kept' : `${least}${countText(a.sources)} addresses`;
  const from = single ?? `${some}${prefix === null ? '' : ` of ${prefix}`}`;
  const victims = victimsText(capture, a);
  return {
    severity: 'critical',
    confidence: capture.quality.plain === 0 && answer === 'unanswered' ? 'medium' : 'high',
    title: `SYN flood of ${plural(a.syns, 'SYN')} against ${service.name} from ${from}`,
    summary: [
      `${service.name} received ${plural(a.syns, 'SYN')} from ${from} within ${durationText(seconds)}, up to ${countText(rate.count)} a second,`,
      `and not one of these handshakes was completed (${plural(a.duringCompleted, 'handshake')} of real clients ${a.duringCompleted === 1 ? 'was' : 'were'} in that time).`,
      ANSWER_TEXT[answer],
      service.peakHalfOpen > 1 ? `At most ${countText(service.peakHalfOpen)} half-open connections stood at once.` : '',
      victims.text,
      bystandersText(a),
      filterText(filter, a),
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: single ?? 'attacker',
    faultBecause:
      single === null
        ? `${plural(total, 'attempt')} from ${from}, and none is followed up: no third ACK, and no retry that a kernel would send`
        : `${percent(a.topSource!.count / seen)} of the SYNs carry this source address, and none is followed up`,
    since: a.first,
    until: end,
    count: total,
    connections: a.ids,
    evidence: evidence(capture, a),
    metrics: {
      syns: a.syns,
      sources: a.sources,
      peakSynsPerSecond: rate.count,
      attemptsInWindow: peak.count,
      handshakesInWindow: peak.completed,
      durationSeconds: seconds,
      peakHalfOpen: service.peakHalfOpen,
      peakHalfOpenAt: service.peakHalfOpenAt === null ? null : capture.timeText(service.peakHalfOpenAt),
      unanswered: a.unanswered,
      synAckOnce: a.answeredOnce,
      synAckRepeated: a.answeredAgain,
      resetBySource: a.reset,
      realClientsStarved: victims.starved,
      realConnectionsLost: a.starved.length,
      realConnectionsDelayed: a.delayed.length,
      longestDelaySeconds: victims.longest,
      realConnectionsCompleted: a.duringCompleted,
      filterSharePercent: filter === null ? null : Number((filter.share * 100).toFixed(2)),
      filterRealConnectionsHit: filter?.realHit ?? null,
      filterTcpdump: filter?.tcpdump ?? null,
    },
    causes: causes(a, single, prefix),
    remedies: remedies(service, answer, filter, single !== null || prefix !== null),
    displayFilter: displayFilter(service, filter),
    caveats: [
      {
        code: 'filter-proven-here-only',
        text: 'Shares were measured on this capture. Log with the filter before it drops: real clients that are not in the capture may look like the attack.',
        count: 1,
      },
      ...foldedCaveat(total - seen),
    ],
    explainedByRules: [],
  };
}

function foldedCaveat(folded: number): Caveat[] {
  if (folded === 0) return [];
  const text = `${countText(folded)} of the attempts were folded into counts because memory had run out (--max-memory): addresses, rates and shares are those of the others.`;
  return [{ code: 'folded-connections', text, count: folded }];
}

function victimsText(capture: CaptureView, a: DeadAttempts): { text: string; starved: number; longest: number | null } {
  const starved = [...new Set(a.starved.map((id) => capture.clientOf(id)))];
  const waits = a.delayed.map((id) => capture.connection(id).connectSeconds ?? 0);
  const longest = waits.length === 0 ? null : largest(waits);
  const parts: string[] = [];
  if (starved.length > 0) {
    const names = starved.slice(0, 3).join(', ') + (starved.length > 3 ? ' and others' : '');
    parts.push(`${plural(a.starved.length, 'connect')} of ${plural(starved.length, 'real client')} (${names}) repeated the SYN in vain.`);
  }
  if (longest !== null)
    parts.push(`${plural(a.delayed.length, 'handshake')} of real clients needed a repeated SYN, up to ${durationText(longest)}.`);
  if (parts.length === 0)
    parts.push(a.duringCompleted > 0 ? 'No real client in this capture lost its connect to it.' : 'No real client tried meanwhile.');
  return { text: parts.join(' '), starved: starved.length, longest };
}

function bystandersText(a: DeadAttempts): string {
  const { connections, retransmissions, resets } = a.bystanders;
  if (connections === 0) return '';
  const went = resets === 0 ? 'went on' : `went on, ${countText(resets)} ended by RST`;
  return `${plural(connections, 'connection')} that had been established before ${went} (${plural(retransmissions, 'retransmission')} in all).`;
}

function filterText(filter: FloodFilter | null, a: DeadAttempts): string {
  if (filter === null)
    return 'The SYNs have nothing in common that real clients lack, so no packet filter can tell them apart: rely on SYN cookies or a SYN proxy.';
  const hit =
    a.real === 0
      ? 'there is no real client in the capture to test it on'
      : `it would have hit ${countText(filter.realHit)} of ${plural(a.real, 'connection')} of real clients`;
  return `Dropping ${filter.text} stops ${percent(filter.share)} of it; ${hit}.`;
}

function evidence(capture: CaptureView, a: DeadAttempts): EvidenceDraft[] {
  return examples(a.ids, EXAMPLES).flatMap((id, i) => {
    const c = capture.connection(id);
    const again = c.marks.find((m) => m.mark === Mark.SYN_ACK_AGAIN);
    const rst = c.marks.find((m) => m.mark === Mark.RST && m.side === Side.CLIENT);
    const synAck = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
    return proofs(c.id, [
      [
        c.firstFrame,
        c.start,
        `${i === 0 ? 'first SYN of the flood' : 'SYN of the flood'}, from ${c.client.name}; ${c.client.syn === 1 ? 'never repeated' : `sent ${String(c.client.syn)} times`}`,
      ],
      [synAck?.frame ?? null, synAck?.time ?? null, `SYN-ACK of ${c.server.name}, never acknowledged`],
      [again?.frame ?? null, again?.time ?? null, 'SYN-ACK sent again: the entry is still held'],
      [rst?.frame ?? null, rst?.time ?? null, `RST of ${c.client.ip}: it never asked for this connection`],
    ]);
  });
}

function causes(a: DeadAttempts, single: string | null, prefix: string | null): Cause[] {
  const forged: Cause = {
    text: 'A flood with forged source addresses',
    likelihood: 'high',
    because:
      a.reset > a.count / 2
        ? `the owners of ${plural(a.sources, 'address', 'addresses')} answered the SYN-ACK by RST: they had sent no SYN`
        : a.ids.length === 0
          ? `${plural(a.count, 'attempt')}, and no third ACK from any`
          : `${plural(a.count, 'attempt')} from ${plural(a.sources, 'address', 'addresses')}, hardly one of them twice, and no third ACK from any`,
  };
  if (single !== null) {
    return [
      {
        text: `A flood tool on ${single} that never sends the third ACK`,
        likelihood: 'high',
        because: 'all attempts carry this address, and no kernel opens connections without completing them',
      },
      {
        text: 'The address is forged, and the real host does not exist or is silenced',
        likelihood: 'medium',
        because: 'nothing but SYNs came from it',
      },
    ];
  }
  if (prefix !== null)
    return [
      {
        ...forged,
        text: `A flood with source addresses forged from ${prefix}`,
        because: `${plural(a.sources, 'address', 'addresses')} of one network, and no third ACK from any`,
      },
    ];
  const out = [forged];
  if (a.withoutOptions > a.count / 2) {
    out.push({
      text: 'Made by a packet generator such as hping3',
      likelihood: 'high',
      because: `${countText(a.withoutOptions)} SYNs have no MSS option, which every kernel sends`,
    });
  }
  return out;
}

function remedies(service: ServiceView, answer: Answer, filter: FloodFilter | null, blockable: boolean): Remedy[] {
  const out: Remedy[] = [];
  if (filter !== null) {
    out.push({
      text: `Drop ${filter.text} before they reach the socket (table and chain are yours to choose).`,
      command: `nft 'add rule inet filter input ${filter.nft}'`,
      appliesTo: 'nftables, Linux 3.13 and newer',
    });
  }
  if (answer !== 'cookies') {
    out.push({
      text: 'Keep SYN cookies on: a full queue then costs no real client its connect.',
      command: 'sysctl -w net.ipv4.tcp_syncookies=1',
      appliesTo: 'Linux (also for IPv6)',
    });
  }
  if (answer === 'held' || answer === 'queue-full') {
    out.push(
      {
        text: 'Forget half-open entries after 7 s instead of 63 s.',
        command: 'sysctl -w net.ipv4.tcp_synack_retries=2',
        appliesTo: 'Linux',
      },
      {
        text: 'Raise the backlog that the application passes to listen(), and the ceiling for it. Raising tcp_max_syn_backlog alone, as often advised, does nothing while SYN cookies are on.',
        command: 'sysctl -w net.core.somaxconn=4096',
        appliesTo: 'Linux; 4096 is the default since 5.4',
      },
    );
  }
  if (!blockable) {
    out.push({
      text: 'Let a SYN proxy or the provider answer for the service. Limits per source address (connlimit, recent) do nothing against forged sources and hit clients behind NAT.',
      command: `nft add rule inet filter prerouting tcp dport ${String(service.port)} tcp flags syn notrack`,
      appliesTo: 'nftables synproxy, Linux 5.3 and newer: together with a synproxy rule for the untracked SYNs',
    });
  }
  return out;
}

function displayFilter(service: ServiceView, filter: FloodFilter | null): string {
  const base = `${service.ip.includes(':') ? 'ipv6' : 'ip'}.dst==${service.ip} && tcp.dstport==${String(service.port)} && tcp.flags.syn==1 && tcp.flags.ack==0`;
  const source = filter === null ? undefined : /src (?:host|net) (\S+)/.exec(filter.tcpdump)?.[1];
  return source === undefined ? base : `${base} && ${source.includes(':') ? 'ipv6' : 'ip'}.src==${source}`;
}
