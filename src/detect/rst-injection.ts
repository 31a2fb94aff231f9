/** `rst-injection`: RSTs that somebody between the ends made in the name of one of them. Signs and weights in forged-resets.ts. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { Flag } from '../model/flags.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction, othersOf } from './distinction.ts';
import { examples, period } from './evidence.ts';
import { FORGED_SCORE, type ForgedReset, signsOfForgery } from './forged-resets.ts';
import { largest } from './statistics.ts';
import { flagSet } from './tcpdump.ts';

const EXAMPLES = 3;
/** RSTs shown of one connection. */
const RESETS_SHOWN = 3;
/** Silence before a device forgets a connection is minutes in the field; this is the least that counts as idle. */
const IDLE_SECONDS = 3;

export const rstInjection = defineDetector({
  id: 'rst-injection',
  title: 'A RST that its sender did not send',
  severity: 'critical',
  category: 'reset',
  said: 'end',
  params: {
    minScore: {
      default: FORGED_SCORE,
      text: 'sum of the weights of the signs from which a RST counts as forged; at least two signs are needed in any case',
    },
  },
  docs: {
    what: 'A RST carries the address of one end and was made by somebody else: an attacker, a censor, or a middlebox that ends connections in the name of a host.',
    why: 'The application sees "connection reset by peer" although the peer did nothing. Looking for the fault at either end is in vain.',
    how: 'Scored, never on a single sign: the sender goes on after "its" RST (3); the other end answers by a challenge ACK and lives (3); several RSTs with rising sequence numbers (2); RSTs of one make in both directions within 1 ms (2); the TTL differs from all other segments of that sender (2); it acknowledges like a live socket but lacks the negotiated timestamp, or has window 0, or IP identification 0 (1 each); its sequence number is not the next one (1); the victim later answers the living sender by a RST without a socket (1). From minScore and two signs. Critical when the forgery is proven by what the ends do; a warning when only the fingerprint of the RST is foreign, as with a firewall that ends idle connections.',
    never:
      'The bare RST of a kernel that has no socket (sequence number = the ACK number it answers, no options, window 0, IP identification 0) as such, refusals of a SYN, RSTs of an end that has sent its FIN, a load balancer whose RST fits the series of the address it sends from.',
    limits:
      'A device that rewrites everything (a proxy) or forges TTL, options and sequence number exactly is not seen, unless the sender goes on. Of the IP identification only 0 is looked at. A RST without ACK that differs in its TTL alone has one sign and is not told; captures of both ends beside each other tell it (tcpdiag correlate).',
    references: ['RFC 5961', 'RFC 3360', 'Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets, NDSS 2009'],
  },
  detect(capture, params): Detection {
    const groups = new Map<string, ForgedReset[]>();
    for (const forged of signsOfForgery(capture).values()) {
      const { connection: c, score } = forged;
      if (score < params.minScore || c.basis === 'one-sided') continue;
      const list = groups.get(c.server.name);
      if (list) list.push(forged);
      else groups.set(c.server.name, [forged]);
    }
    if (capture.quality.oneDirection && capture.withRst().every((id) => capture.connection(id).basis === 'one-sided')) {
      return {
        verdict: 'inconclusive',
        because: 'only one direction of each connection is in the capture, so it does not show how the ends took the RST',
      };
    }
    return found([...groups.values()].map((list) => draft(capture, list, params.minScore)));
  },
});

function draft(capture: CaptureView, list: readonly ForgedReset[], minScore: number): Draft {
  const server = list[0]!.connection.server;
  const clients = [...new Set(list.map((f) => f.connection.client.ip))];
  const affected = list.map((f) => f.connection.id);
  const proven = list.some((f) => f.proven);
  const hits = list.filter((f) => f.hit);
  const resets = list.flatMap((f) => f.resets);
  const since = resets.reduce((t, m) => Math.min(t, m.time), Infinity) as Nanos;
  const last = resets.reduce((t, m) => Math.max(t, m.time), 0) as Nanos;
  const idle = list.filter((f) => idleBefore(f.connection) >= IDLE_SECONDS);
  const names = [...new Set(list.map((f) => f.connection.ends[f.side].ip))];
  const victims = [...new Set(list.map((f) => f.connection.ends[otherSide(f.side)].ip))];
  const best = list.toSorted((a, b) => b.score - a.score)[0]!;
  const signs = [...new Map(list.flatMap((f) => f.signs).map((s) => [s.id, s])).values()];
  const what =
    hits.length > 0
      ? `${plural(hits.length, 'connection')} of ${server.name} cut`
      : `${plural(resets.length, 'attempt')} to cut ${plural(list.length, 'connection')} of ${server.name}`;
  return {
    severity: proven ? 'critical' : 'warning',
    confidence: best.score >= minScore + 2 ? 'high' : 'medium',
    title: `${what} by RSTs that ${names.length === 1 ? names[0]! : 'the named sender'} did not send`,
    summary: [
      `${plural(resets.length, 'RST')} in the name of ${names.slice(0, 3).join(', ')} reached ${victims.slice(0, 3).join(', ')} ${period(capture, since, last)} on ${plural(list.length, 'connection')} of ${server.name}; somebody on the path made them.`,
      `The signs: ${best.signs.map((s) => s.text).join('; ')} (score ${String(best.score)}, ${String(minScore)} needed).`,
      hits.length === 0 ? 'No connection died of it.' : '',
      idle.length > 0
        ? `${idle.length === list.length ? 'All' : String(idle.length)} had been idle or unanswered before, for up to ${durationText(largest(idle.map((f) => idleBefore(f.connection))))}.`
        : '',
    ]
      .filter((s) => s !== '')
      .join(' ')
      .concat(
        ` ${distinction(capture, affected, othersOf(capture, capture.serviceOf(affected[0]!), affected, { side: Side.SERVER, host: null }), Side.SERVER, { endings: false })}`,
      ),
    subject:
      clients.length === 1
        ? { host: clients[0]!, role: 'client', peer: server.ip, port: server.port }
        : { host: server.ip, role: 'server', port: server.port },
    atFault: 'path',
    faultBecause: best.signs[0]!.text,
    since,
    until: last,
    count: hits.length > 0 ? list.length : Math.max(resets.length, list.length),
    connections: affected,
    evidence: evidence(list),
    metrics: {
      score: best.score,
      scoreNeeded: minScore,
      signs: signs.map((s) => `${s.id}=${String(s.weight)}`).join(' '),
      forgedResets: resets.length,
      connectionsHit: hits.length,
      connectionsSurviving: list.length - hits.length,
      resetTtl: best.resets[0]!.rst!.ttl,
      senderTtl: best.connection.ends[best.side].ttl,
    },
    causes: causes(best, proven, idle.length > 0),
    remedies: remedies(best, proven),
    caveats: [
      { code: 'second-capture', text: 'A capture at the named sender decides: a RST that is not in it was made on the way.', count: 1 },
    ],
  };
}

/** Seconds without news from the end that the RST names, before it came. */
function idleBefore(c: ConnectionView): number {
  const first = c.marks.find((m) => m.rst !== null);
  if (!first) return 0;
  const others = c.ends.filter((e) => e.side === first.side).map((e) => e.lastDataTime ?? c.start);
  return secondsOf(Math.max(0, first.time - Math.max(...others)));
}

function evidence(list: readonly ForgedReset[]): EvidenceDraft[] {
  return examples(list, EXAMPLES).flatMap((f) => {
    const connection = f.connection.id;
    const resets = f.resets.slice(0, RESETS_SHOWN).map((m) => ({
      connection,
      frame: m.frame,
      time: m.time,
      note: `RST in the name of ${f.connection.ends[f.side].ip}, TTL ${String(m.rst!.ttl)}${m.rst!.accepted ? ', accepted' : m.rst!.seqExact ? '' : ', not acceptable'}`,
    }));
    const shown = new Set(resets.map((r) => r.frame));
    const signs = f.signs.filter((s) => !shown.has(s.frame)).map((s) => ({ connection, frame: s.frame, time: s.time, note: s.text }));
    const mute = f.connection.marks.find(
      (m) => m.mark === Mark.DATA_AFTER_CLOSE && m.side === f.side && !shown.has(m.frame) && !signs.some((s) => s.frame === m.frame),
    );
    return mute
      ? [...resets, ...signs, { connection, frame: mute.frame, time: mute.time, note: 'data of the sender that the RST had named as gone' }]
      : [...resets, ...signs];
  });
}

function causes(best: ForgedReset, proven: boolean, idle: boolean): Cause[] {
  const middlebox: Cause = {
    text: 'A firewall, NAT or load balancer on the path ends the connection in the name of a host (idle timeout, policy, restart)',
    likelihood: proven ? 'medium' : 'high',
    because: idle ? 'the connection had been idle or unanswered before' : 'the RST fits the connection, but not the series of the sender',
  };
  const attack: Cause = {
    text: 'An attacker or censor injects RSTs',
    likelihood: proven ? 'high' : 'low',
    because: best.signs[0]!.text,
  };
  return proven ? [attack, middlebox] : [middlebox, attack];
}

function remedies(best: ForgedReset, proven: boolean): Remedy[] {
  const victim = best.connection.ends[otherSide(best.side)];
  const sender = best.connection.ends[best.side];
  const out: Remedy[] = [
    {
      text: 'Find the device by its distance: compare the TTL of the RST with the hops to each device on the path.',
      command: `traceroute -n ${sender.ip}`,
      appliesTo: `on ${victim.ip}`,
    },
    {
      text: 'Capture at the same time at the named sender and look for the RST there.',
      command: `tcpdump -ni any 'host ${victim.ip} and ${flagSet(victim.ip, Flag.RST)}'`,
      appliesTo: `on ${sender.ip}`,
    },
  ];
  if (proven) {
    out.push({
      text: 'Protect the connections against it: a tunnel (IPsec, WireGuard) or TCP-AO; TLS alone does not, for it lies above TCP.',
      command: null,
      appliesTo: 'all; TCP-AO since Linux 6.7',
    });
  } else {
    out.push({
      text: "Keep the connection in the device's memory: keepalives more often than its idle timeout, or a longer timeout there.",
      command: 'sysctl -w net.ipv4.tcp_keepalive_time=120',
      appliesTo: 'Linux; only for sockets with SO_KEEPALIVE, the default is 7200 s',
    });
  }
  return out;
}
