/** `rst-injection`: RSTs that somebody between the ends made in the name of one of them. Signs and weights in forged-resets.ts. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type ConnId, connId, nanos, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { Flag } from '../model/flags.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction, othersOf } from './distinction.ts';
import { examples, period } from './evidence.ts';
import { FORGED_SCORE, forgedReset, type ForgedReset, forgeryScores, type Sign } from './forged-resets.ts';
import { flagSet } from './tcpdump.ts';

const EXAMPLES = 3;
/** RSTs shown of one connection. */
const RESETS_SHOWN = 3;
/** Addresses named of those that are alike. */
const NAMES = 3;
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
    const groups = new Map<string, Group>();
    for (const [id, score] of forgeryScores(capture)) {
      const c = capture.connection(id);
      if (score < params.minScore || c.basis === 'one-sided') continue;
      let group = groups.get(c.server.name);
      if (group === undefined) groups.set(c.server.name, (group = new Group()));
      group.add(forgedReset(c)!);
    }
    if (capture.quality.oneDirection && capture.withRst().every((id) => capture.connection(id).basis === 'one-sided')) {
      return {
        verdict: 'inconclusive',
        because: 'only one direction of each connection is in the capture, so it does not show how the ends took the RST',
      };
    }
    return found([...groups.values()].map((group) => draft(capture, group, params.minScore)));
  },
});

/** Connections of one server: what is told of all of them, and their ids to look again at those that are shown. */
class Group {
  readonly ids: ConnId[] = [];
  /** The first of them with the highest score. */
  best: ConnId = connId(0);
  #score = -1;
  proven = false;
  hits = 0;
  resets = 0;
  since = nanos(Infinity);
  until = nanos(0);
  idle = 0;
  /** Seconds. */
  longestIdle = 0;
  /** Of each kind the last. */
  readonly signs = new Map<Sign['id'], number>();
  /** The first of the addresses: of clients, of those whom the RSTs name, and of those whom they reached. */
  readonly clients: string[] = [];
  readonly names: string[] = [];
  readonly victims: string[] = [];

  add({ connection: c, side, resets, signs, score, hit, proven }: ForgedReset): void {
    this.ids.push(c.id);
    if (score > this.#score) [this.best, this.#score] = [c.id, score];
    this.proven ||= proven;
    if (hit) this.hits++;
    this.resets += resets.length;
    for (const { time } of resets) {
      if (time < this.since) this.since = time;
      if (time > this.until) this.until = time;
    }
    const idle = idleBefore(c);
    if (idle >= IDLE_SECONDS) this.idle++;
    this.longestIdle = Math.max(this.longestIdle, idle);
    for (const { id, weight } of signs) this.signs.set(id, weight);
    addFirst(this.clients, c.client.ip);
    addFirst(this.names, c.ends[side].ip);
    addFirst(this.victims, c.ends[otherSide(side)].ip);
  }
}

function addFirst(list: string[], text: string): void {
  if (list.length < NAMES && !list.includes(text)) list.push(text);
}

function draft(capture: CaptureView, group: Group, minScore: number): Draft {
  const { ids, proven, hits, resets, since, until, idle, clients, names, victims } = group;
  const best = forgedReset(capture.connection(group.best))!;
  const { server } = best.connection;
  const what =
    hits > 0
      ? `${plural(hits, 'connection')} of ${server.name} cut`
      : `${plural(resets, 'attempt')} to cut ${plural(ids.length, 'connection')} of ${server.name}`;
  return {
    severity: proven ? 'critical' : 'warning',
    confidence: best.score >= minScore + 2 ? 'high' : 'medium',
    title: `${what} by RSTs that ${names.length === 1 ? names[0]! : 'the named sender'} did not send`,
    summary: [
      `${plural(resets, 'RST')} in the name of ${names.join(', ')} reached ${victims.join(', ')} ${period(capture, since, until)} on ${plural(ids.length, 'connection')} of ${server.name}; somebody on the path made them.`,
      `The signs: ${best.signs.map((s) => s.text).join('; ')} (score ${String(best.score)}, ${String(minScore)} needed).`,
      hits === 0 ? 'No connection died of it.' : '',
      idle > 0
        ? `${idle === ids.length ? 'All' : String(idle)} had been idle or unanswered before, for up to ${durationText(group.longestIdle)}.`
        : '',
    ]
      .filter((s) => s !== '')
      .join(' ')
      .concat(
        ` ${distinction(capture, ids, othersOf(capture, capture.serviceOf(ids[0]!), ids, { side: Side.SERVER, host: null }), Side.SERVER, { endings: false })}`,
      ),
    subject:
      clients.length === 1
        ? { host: clients[0]!, role: 'client', peer: server.ip, port: server.port }
        : { host: server.ip, role: 'server', port: server.port },
    atFault: 'path',
    faultBecause: best.signs[0]!.text,
    since,
    until,
    count: hits > 0 ? ids.length : Math.max(resets, ids.length),
    connections: ids,
    evidence: examples(ids, EXAMPLES).flatMap((id) => evidence(forgedReset(capture.connection(id))!)),
    metrics: {
      score: best.score,
      scoreNeeded: minScore,
      signs: Array.from(group.signs, ([id, weight]) => `${id}=${String(weight)}`).join(' '),
      forgedResets: resets,
      connectionsHit: hits,
      connectionsSurviving: ids.length - hits,
      resetTtl: best.resets[0]!.rst!.ttl,
      senderTtl: best.connection.ends[best.side].ttl,
    },
    causes: causes(best, proven, idle > 0),
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

function evidence({ connection: c, side, resets, signs }: ForgedReset): EvidenceDraft[] {
  const connection = c.id;
  const shownResets = resets.slice(0, RESETS_SHOWN).map((m) => ({
    connection,
    frame: m.frame,
    time: m.time,
    note: `RST in the name of ${c.ends[side].ip}, TTL ${String(m.rst!.ttl)}${m.rst!.accepted ? ', accepted' : m.rst!.seqExact ? '' : ', not acceptable'}`,
  }));
  const shown = new Set(shownResets.map((r) => r.frame));
  const shownSigns = signs.filter((s) => !shown.has(s.frame)).map((s) => ({ connection, frame: s.frame, time: s.time, note: s.text }));
  const mute = c.marks.find(
    (m) => m.mark === Mark.DATA_AFTER_CLOSE && m.side === side && !shown.has(m.frame) && !shownSigns.some((s) => s.frame === m.frame),
  );
  return mute
    ? [
        ...shownResets,
        ...shownSigns,
        { connection, frame: mute.frame, time: mute.time, note: 'data of the sender that the RST had named as gone' },
      ]
    : [...shownResets, ...shownSigns];
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
