/** Several timestamp clocks behind one source address, and the server that drops the SYNs of the slower ones for it (tcp_tw_recycle). */
import type { CaptureView } from '../model/capture-view.ts';
import type { Cause } from '../model/finding.ts';
import { standsForMany } from '../model/names.ts';
import type { SynTimestamps } from '../model/syn-facts.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest } from './statistics.ts';

/** linux before 4.12: TCP_PAWS_MSL, seconds. */
const REMEMBERED_SECONDS = 60;
/** Connections shown of one clock. */
const SHOWN = 2;

export const natTimestamps = defineDetector({
  id: 'nat-timestamps',
  title: 'Several timestamp clocks behind one address',
  severity: 'warning',
  category: 'time-wait',
  neighbours: 'service',
  params: {
    minSyns: { default: 8, text: 'SYNs with timestamps of one client to one service below which nothing is said' },
    minDropped: { default: 3, text: 'SYNs dropped for an older timestamp from which it is tcp_tw_recycle' },
    maxChance: { default: 0.01, text: 'the chance, with drops that do not look at timestamps, that they fall on older ones as they did' },
  },
  docs: {
    what: 'The SYNs of one source address carry timestamps of several clocks: several hosts share it (an address translator, a proxy fleet, containers). That is ordinary; but a server with tcp_tw_recycle (Linux before 4.12) drops every SYN whose timestamp is older than the last one that it remembers of the address, without a word.',
    why: 'Behind one address some users connect at once and others time out, by whose clock is ahead, and it changes from minute to minute. Nothing in any log says why. Clients that draw their timestamp offset anew for each connection, as Linux does since 4.10, are dropped at random by such a server even without address translation.',
    how: 'Clocks: the SYNs of one client to one service lie on several lines of the same rate (1000, 250, 100, 10 or 2 ticks per second), at least three on each and spread over 2 s, which are in use at the same time. tcp_tw_recycle: at least minDropped SYNs were not answered that were more than one tick older than the SYN of a connection which the server had closed less than 60 s before, while none of the older ones was answered and others were; and drops which do not look at timestamps would fall so with a chance of at most maxChance (exact hypergeometric test, times the number of clients and services looked at).',
    never:
      'One clock that was set anew (reboot), a client with a random offset for each connection or tuple and nothing dropped, an address that the configuration names as proxy, balancer or nat and that loses nothing, a server that answers one SYN that is older, or drops others as often (syn-unanswered, accept-queue-overflow), timestamps that an ACK refuses (paws-drop).',
    limits:
      'Clocks that differ in rate, or hosts without timestamps, are not counted. That a kernel older than 4.12 answers is inferred from what it drops. Several clocks alone are information: nobody loses by them.',
    references: [
      'RFC 7323 §5.4, appendix B.2',
      'linux before 4.12: net/ipv4/tcp_metrics.c tcp_peer_is_proven; commit 4396e46187ca (4.12): tcp_tw_recycle removed',
      'linux: net/core/secure_seq.c secure_tcp_ts_off (4.10: offsets per connection)',
      'Bellovin: A Technique for Counting NATted Hosts, IMW 2002 (the same idea with IP identifications)',
    ],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection)
      return { verdict: 'inconclusive', because: 'the capture holds one direction only: which SYNs were answered is not seen' };
    const groups = capture.synTimestamps(params.minSyns);
    if (groups.length === 0)
      return {
        verdict: 'inconclusive',
        because: `no client sent ${countText(params.minSyns)} SYNs with timestamps to one service in this capture`,
      };
    const suspects = groups.filter((g) => g.olderDropped.length >= params.minDropped);
    // The more groups one looks at, the more of them chance makes look so (Bonferroni).
    const recycled = suspects.filter((g) => g.olderAnswered === 0 && chanceOf(g) * groups.length <= params.maxChance);
    const dropped = new Set(recycled.map((g) => g.client));
    // What the user has said already is no news.
    const shared = byClient(
      groups.filter((g) => g.clocks.length > 1 && !dropped.has(g.client) && !standsForMany(capture.roleOf(g.client))),
    );
    return found([
      ...draftLargest(
        recycled,
        (g) => g.olderDropped.length,
        (g) => recycleDraft(capture, g),
        'client and service',
      ),
      ...draftLargest(
        shared,
        (g) => g.syns,
        (g) => clocksDraft(capture, g),
        'client',
      ),
    ]);
  },
});

/** Of the services that a client uses, the one that shows most clocks. */
function byClient(groups: readonly SynTimestamps[]): readonly SynTimestamps[] {
  const clients = new Map<string, SynTimestamps>();
  for (const g of groups) if (g.clocks.length > (clients.get(g.client)?.clocks.length ?? 0)) clients.set(g.client, g);
  return [...clients.values()];
}

/** The chance that so many of the older SYNs, or more, are among the dropped ones, were they drawn without a look at timestamps (Fisher's exact test). */
function chanceOf({ olderDropped, olderAnswered, newerDropped, newerAnswered }: SynTimestamps): number {
  const older = olderDropped.length + olderAnswered;
  const newer = newerDropped + newerAnswered;
  const drops = olderDropped.length + newerDropped;
  const all = logChoose(older + newer, drops);
  let chance = 0;
  for (let k = olderDropped.length; k <= Math.min(older, drops); k++)
    if (drops - k <= newer) chance += Math.exp(logChoose(older, k) + logChoose(newer, drops - k) - all);
  return chance;
}

/** Natural logarithm of the number of ways to choose k of n. */
function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}

function recycleDraft(capture: CaptureView, g: SynTimestamps): Draft {
  const { client, service, olderDropped, clocks } = g;
  const ids = olderDropped.map((o) => o.id);
  const name = capture.serviceOf(ids[0]!).name;
  const [first, last] = [capture.connection(olderDropped[0]!.id), capture.connection(olderDropped.at(-1)!.id)];
  const answered = g.newerAnswered;
  const clockText =
    clocks.length > 1
      ? `The SYNs of ${client} lie on ${countText(clocks.length)} clocks, so several hosts share this address. `
      : g.loose > 0
        ? `The timestamps of ${client} lie on no clock: it draws an offset for each connection. `
        : '';
  const because = `all ${countText(olderDropped.length)} dropped SYNs were older than the timestamp of a connection that it had closed less than ${String(REMEMBERED_SECONDS)} s before${g.newerDropped > 0 ? ` (${countText(g.newerDropped)} more were not)` : ''}; ${countText(answered)} of ${countText(answered + g.newerDropped)} SYNs that were not older were answered`;
  return {
    severity: 'warning',
    confidence: g.newerDropped === 0 ? 'high' : 'medium',
    title: `${name} drops SYNs of ${client} for their timestamps: ${countText(olderDropped.length)} connects, as tcp_tw_recycle does`,
    summary: `${plural(olderDropped.length, 'connect')} of ${client} to ${name} ${period(capture, first.start, last.start)} got no answer, while others of the same address did at once: ${because}. ${clockText}A kernel before 4.12 with net.ipv4.tcp_tw_recycle=1 drops such SYNs in silence, until the older clock has caught up or the address has been quiet for ${String(REMEMBERED_SECONDS)} s.`,
    subject: { host: service.ip, role: 'server', port: service.port, peer: client },
    atFault: service.ip,
    faultBecause: because,
    since: first.start,
    until: last.end,
    count: olderDropped.length,
    connections: ids,
    evidence: examples(olderDropped, 6).flatMap((o) => {
      const c = capture.connection(o.id);
      const closed = capture.connection(o.closed);
      const note = `SYN of ${c.client.name}, ${durationText(secondsOf(c.start - closed.end))} after frame ${String(closed.lastFrame)} closed the connection of ${closed.client.name}, whose timestamp was at least ${countText(o.behind)} ticks newer: no answer`;
      return proofs(o.id, [[c.firstFrame, c.start, note]]);
    }),
    metrics: {
      olderDropped: olderDropped.length,
      newerDropped: g.newerDropped,
      newerAnswered: answered,
      clocks: clocks.length,
      largestLeadTicks: largest(olderDropped.map((o) => o.behind)),
    },
    causes: [
      {
        text: `tcp_tw_recycle is 1 on ${service.ip} (Linux before 4.12), and its clients ${clocks.length > 1 ? 'share one address' : 'draw a timestamp offset for each connection'}`,
        likelihood: 'high',
        because: 'whether a SYN was answered followed from its timestamp',
      },
      {
        text: 'A firewall or balancer in front that keeps timestamps by address and drops what goes back',
        likelihood: 'low',
        because: 'it would look the same',
      },
    ],
    remedies: [
      {
        text: 'Turn it off. It was never right on a server whose clients may share an address, and it has been taken out of the kernel.',
        command: 'sysctl -w net.ipv4.tcp_tw_recycle=0',
        appliesTo: `Linux before 4.12 on ${service.ip} (RHEL and CentOS 6 and 7)`,
      },
      { text: 'See it counted.', command: 'nstat -az TcpExtPAWSPassive', appliesTo: `Linux before 4.12 on ${service.ip}` },
      {
        text: 'Until then, the clients may go without timestamps towards it (some versions drop those as well) or the translator may remove the option. Do not turn timestamps off for good.',
        command: 'iptables -t mangle -A POSTROUTING -p tcp --syn -j TCPOPTSTRIP --strip-options timestamp',
        appliesTo: 'Linux, the address translator',
      },
    ],
  };
}

function clocksDraft(capture: CaptureView, g: SynTimestamps): Draft {
  const { client, clocks } = g;
  const ids = clocks.flatMap((c) => c.ids).sort((a, b) => a - b);
  const name = capture.serviceOf(ids[0]!).name;
  const [first, last] = [capture.connection(ids[0]!), capture.connection(ids.at(-1)!)];
  const counts = clocks.map((c) => countText(c.ids.length)).slice(0, 8);
  const because: Cause['because'] = `${plural(clocks.length, 'clock')} of ${String(clocks[0]!.hertz)} ticks per second were in use at the same time`;
  return {
    severity: 'info',
    confidence: 'high',
    title: `At least ${countText(clocks.length)} hosts share the address ${client}`,
    summary: `The timestamps in the SYNs of ${client} to ${name} ${period(capture, first.start, last.start)} come from ${countText(clocks.length)} clocks that ran side by side (${counts.join(', ')} connections${clocks.length > counts.length ? ', …' : ''}): an address translator, a proxy or containers stand behind it. Limits and blocks per address hit all of them, and a server with tcp_tw_recycle would drop their SYNs. Nothing was lost here.`,
    subject: { host: client, role: 'client' },
    atFault: null,
    faultBecause: null,
    since: first.start,
    until: last.start,
    count: ids.length,
    connections: ids,
    evidence: clocks.slice(0, 6).flatMap((clock, i) =>
      clock.ids.slice(0, SHOWN).flatMap((id) => {
        const c = capture.connection(id);
        return proofs(id, [[c.firstFrame, c.start, `SYN with a timestamp of clock ${String(i + 1)}`]]);
      }),
    ),
    metrics: { clocks: clocks.length, ticksPerSecond: clocks[0]!.hertz, syns: g.syns, onNoClock: g.loose },
    causes: [{ text: 'An address translator, a proxy fleet or containers behind one address', likelihood: 'high', because }],
    remedies: [
      {
        text: 'Nothing to repair. Count such an address as several clients: connlimit, hashlimit and fail2ban per address hit the innocent.',
        command: null,
        appliesTo: 'limits per source address',
      },
      {
        text: 'tcp_tw_recycle must be 0 on every server that it talks to.',
        command: 'sysctl net.ipv4.tcp_tw_recycle',
        appliesTo: 'Linux before 4.12, which removed it',
      },
    ],
  };
}
