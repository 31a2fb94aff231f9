/**
 * Where the capture was taken. Weighs what `Sightings` counted and what handshakes and TTLs show, host by host: is this
 * the machine at which tcpdump ran?
 *
 * Marks of the capturing machine itself (direction, unfilled checksums, unpadded frames) decide. Round-trip times decide
 * where there are none: an end that answers within microseconds while the other takes a network's time. A tap on the
 * host's own cable looks the same, and for all that is concluded from it, it is the same. Where ends cannot be told apart
 * (both in one machine), the answer is `unknown`.
 */
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import { State } from '../model/state.ts';
import { type ConnId, connId, NANOS_PER_SECOND } from '../model/units.ts';
import type { VantageHost, VantageKind, VantageView } from '../model/vantage.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import type { Sighting } from '../track/sightings.ts';
import type { Tracker } from '../track/tracker.ts';
import type { Views } from '../track/views.ts';
import { evidenceOf } from './vantage-evidence.ts';

/** Seconds. A kernel answers a SYN or SYN-ACK in 5 to 50 µs; two network cards, their interrupts and a cable add more than that. */
const LOCAL_ANSWER = 60e-6;
/** Seconds, and times the near end's: what the far end must take before the two are told apart. A busy host's stragglers stay below. */
const FAR_ANSWER = 300e-6;
const FAR_RATIO = 8;
/** Connections looked at: whose handshake completed, whose SYN was answered, and of the others. Each costs some 10 µs, for every run of the rules. */
const MAX_COMPLETED = 300;
const MAX_ANSWERED = 100;
const MAX_OTHERS = 50;
const MAX_HOSTS_NAMED = 20;
/** Times what the path costs: a listener under load, a segment lost behind the capture point. */
const ODDLY_SLOW = 2;
/** One in so many may contradict: a stray packet, a forged source. */
const TOLERANCE = 20;
/** Initial TTLs and hop limits: Linux, macOS, BSD 64; Windows 128; Solaris, routers 255. */
const INITIAL_TTLS: readonly number[] = [64, 128, 255];
/** A TTL at or below this may be an old system's own 32 or 60 hops of anything. */
const SMALLEST_TTL = 32;

/** What a connection's handshake says about both sides of the capture point: round trips in seconds, null unknown. */
export interface Answers {
  readonly client: number | null;
  readonly server: number | null;
}

/** All that is known about one address. */
export class HostRecord {
  readonly ip: string;
  readonly sighting: Sighting | undefined;
  readonly peers = new Set<HostRecord>();
  asClient = 0;
  asServer = 0;
  /** Of handshakes that show both sides: its own answers and the other ends', seconds, side by side. */
  readonly own: number[] = [];
  readonly others: number[] = [];
  /** Its answers in all handshakes, seconds. */
  readonly answers: number[] = [];
  /** First segments with an initial TTL, and with one that routers have lowered. */
  initialTtl = 0;
  loweredTtl = 0;
  /** true: the capture was made here; `passing`: the capturing machine passed its segments on. */
  at: boolean | 'passing' | null = null;
  /** The mark or measure that decided `at`. */
  by: 'direction' | 'checksums' | 'padding' | 'round-trip' | 'ttl' | null = null;

  #usual: number | null | undefined;

  constructor(ip: string, sighting: Sighting | undefined) {
    this.ip = ip;
    this.sighting = sighting;
  }

  /** What the path alone costs: one in ten of its answers is quicker. Seconds; read once all are gathered. */
  get usual(): number | null {
    return this.#usual === undefined ? (this.#usual = quantileOf(this.answers, 0.1)) : this.#usual;
  }
  get connections(): number {
    return this.asClient + this.asServer;
  }
  /** Routers lie between it and the capture point. */
  get routed(): boolean {
    return this.loweredTtl > this.initialTtl;
  }
  /** Handshakes in which it answered at once and the other end much later. */
  get near(): number {
    return this.own.reduce((n, own, i) => n + (isNear(own, this.others[i]!) ? 1 : 0), 0);
  }
  /** Handshakes in which the other end answered at once and this one much later. */
  get far(): number {
    return this.own.reduce((n, own, i) => n + (isNear(this.others[i]!, own) ? 1 : 0), 0);
  }
}

export const isNear = (own: number, other: number): boolean => own <= LOCAL_ANSWER && other >= FAR_ANSWER && other >= own * FAR_RATIO;

/** What was gathered over the sampled connections. */
export interface Survey {
  readonly hosts: ReadonlyMap<string, HostRecord>;
  readonly total: Sighting;
  readonly sampled: number;
  readonly answers: readonly Answers[];
  /** Connections whose segments come in each direction with a TTL and with one less: both sides of a router. */
  readonly twoLegs: number;
  /** Connections both of whose ends sent with lowered TTLs. */
  readonly routedBothWays: number;
  /** Largest payload seen above the receiver's MSS, and that MSS; null when none. */
  readonly oversized: { readonly octets: number; readonly mss: number } | null;
}

export function findVantage(tracker: Tracker, views: Views): VantageView {
  const survey = gather(tracker, views);
  judgeHosts(survey);
  const kind = kindOf(survey);
  const named = [...survey.hosts.values()].filter((h) => h.at === true).sort((a, b) => b.connections - a.connections);
  const hosts = kind === 'between' || kind === 'unknown' ? [] : named;
  const marked = hosts.some((h) => h.by !== 'round-trip') || (kind === 'forwarding' && survey.twoLegs === 0) || survey.total.passing > 0;
  return {
    kind,
    confidence: kind === 'unknown' ? null : marked ? 'high' : 'medium',
    hosts: hosts.slice(0, MAX_HOSTS_NAMED).map(hostRow),
    clientDelaySeconds: half(survey.answers.map((a) => a.client)),
    serverDelaySeconds: half(survey.answers.map((a) => a.server)),
    evidence: evidenceOf(survey, kind, hosts),
    at: (ip) => {
      const at = survey.hosts.get(ip)?.at ?? null;
      return at === 'passing' ? false : at;
    },
    delays: (c) => {
      const own = answersOf(c);
      return [delayOf(survey.hosts.get(c.client.ip), own?.client ?? null), delayOf(survey.hosts.get(c.server.ip), own?.server ?? null)];
    },
  };
}

const hostRow = (h: HostRecord): VantageHost => {
  return { ip: h.ip, role: h.asClient > 0 && h.asServer > 0 ? 'both' : h.asClient > 0 ? 'client' : 'server' };
};

/** Half an end's answer in its own handshake, unless the path alone is much faster: then something held it up there. */
function delayOf(host: HostRecord | undefined, own: number | null): number | null {
  const usual = host?.usual ?? null;
  const trip = own === null || (usual !== null && own > usual * ODDLY_SLOW) ? usual : own;
  return trip === null ? null : trip / 2;
}

const half = (trips: readonly (number | null)[]): number | null => {
  const median = medianOf(trips.filter((t) => t !== null));
  return median === null ? null : Math.round((median / 2) * NANOS_PER_SECOND) / NANOS_PER_SECOND;
};

/** The lower one of two in the middle; null of none. */
export const medianOf = (values: readonly number[]): number | null => quantileOf(values, 0.5);

const quantileOf = (values: readonly number[], q: number): number | null =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * q)] ?? null;

function gather(tracker: Tracker, views: Views): Survey {
  const hosts = new Map<string, HostRecord>();
  const answers: Answers[] = [];
  let twoLegs = 0;
  let routedBothWays = 0;
  let oversized: Survey['oversized'] = null;
  const ids = sampledIds(tracker);
  for (const id of ids) {
    const c = views.connection(id);
    // A tunnel's inner hosts are not those of the capturing machine's network; a packet to oneself (also LAND) has one end.
    if (c.encapsulation.some((e) => !e.startsWith('vlan:')) || c.client.ip === c.server.ip) continue;
    const client = hostOf(hosts, tracker, id, c.client);
    const server = hostOf(hosts, tracker, id, c.server);
    client.peers.add(server);
    server.peers.add(client);
    if (c.rolesFrom === 'handshake') {
      client.asClient++;
      server.asServer++;
    }
    noteTtl(client, c.client);
    noteTtl(server, c.server);
    if (isLowered(c.client.ttl) && isLowered(c.server.ttl)) routedBothWays++;
    if (seenTwice(tracker, id)) twoLegs++;
    for (const [me, peer] of [
      [c.client, c.server],
      [c.server, c.client],
    ] as const) {
      const octets = me.lastPayloadLength;
      if (peer.mss !== null && octets > peer.mss && octets > (oversized?.octets ?? 0)) oversized = { octets, mss: peer.mss };
    }
    const a = answersOf(c);
    if (a === null) continue;
    answers.push(a);
    if (a.client !== null) client.answers.push(a.client);
    if (a.server !== null) server.answers.push(a.server);
    if (a.client === null || a.server === null) continue;
    client.own.push(a.client);
    client.others.push(a.server);
    server.own.push(a.server);
    server.others.push(a.client);
  }
  if (isCoarse(answers)) for (const h of hosts.values()) h.own.length = h.others.length = 0;
  return { hosts, total: tracker.tables.sightings.total, sampled: ids.length, answers, twoLegs, routedBothWays, oversized };
}

/** Evenly spread over the capture, those with a complete handshake first. */
function sampledIds(tracker: Tracker): ConnId[] {
  const { cores } = tracker.tables;
  const completed = new Spread(MAX_COMPLETED);
  const answered = new Spread(MAX_ANSWERED);
  const others = new Spread(MAX_OTHERS);
  for (let id = 0; id < tracker.connections; id++) {
    const word = cores.page(id)[cores.offset(id) + Core.STATE]!;
    ((word & Trait.COMPLETED) !== 0 ? completed : (word & Trait.SAW_SYN_ACK) !== 0 ? answered : others).add(id);
  }
  return [...completed.ids, ...answered.ids, ...others.ids].map(connId);
}

/** Every nth of a series whose length is not known beforehand. */
class Spread {
  ids: number[] = [];
  readonly #most: number;
  /** A power of two. */
  #step = 1;
  #seen = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(id: number): void {
    if ((this.#seen++ & (this.#step - 1)) !== 0) return;
    this.ids.push(id);
    if (this.ids.length <= this.#most) return;
    this.ids = this.ids.filter((_, i) => i % 2 === 0);
    this.#step *= 2;
  }
}

function hostOf(hosts: Map<string, HostRecord>, tracker: Tracker, id: ConnId, end: EndpointView): HostRecord {
  let host = hosts.get(end.ip);
  if (host === undefined) {
    const { cores } = tracker.tables;
    const core = cores.page(id);
    const c = cores.offset(id);
    const isB = ((core[c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0) === (end.side === 0);
    const sighting = tracker.tables.sightings.of(core[c + (isB ? Core.ADDR_B : Core.ADDR_A)]!, (core[c + Core.META]! & 1) !== 0);
    host = new HostRecord(end.ip, sighting);
    hosts.set(end.ip, host);
  }
  return host;
}

const isLowered = (ttl: number): boolean => ttl > SMALLEST_TTL && !INITIAL_TTLS.includes(ttl);

function noteTtl(host: HostRecord, end: EndpointView): void {
  if (end.packets === 0) return;
  if (isLowered(end.ttl)) host.loweredTtl++;
  else if (INITIAL_TTLS.includes(end.ttl)) host.initialTtl++;
}

/** Both ends' segments come with two TTLs, one apart: before and behind the machine that passes them on. */
function seenTwice(tracker: Tracker, id: ConnId): boolean {
  const { cores, pairs } = tracker.tables;
  const ref = pairOf(cores.page(id), cores.offset(id));
  if (ref === 0) return false;
  const spread = (word: number): number => (word >>> 24) - ((word >>> 16) & 255);
  return spread(pairs.word(ref - 1, Half.WINDOW_TTL)) === 1 && spread(pairs.word(ref - 1, HALF_STRIDE + Half.WINDOW_TTL)) === 1;
}

/** How long each side took to answer in the handshake (or to refuse it); null where retries or crossing SYNs blur it. */
export function answersOf(c: ConnectionView): Answers | null {
  if (c.basis !== 'handshake' || c.server.synAck > 1 || c.client.synAck > 0 || c.server.syn > 0) return null;
  if (c.established) return { client: c.clientSideRtt, server: c.serverSideRtt };
  const seconds = (from: number, to: number): number => Math.max(0, to - from) / NANOS_PER_SECOND;
  const sent = c.transitions.find((t) => t.side === 0 && t.to === State.SYN_SENT);
  if (sent === undefined) return null;
  const received = c.transitions.find((t) => t.side === 1 && t.to === State.SYN_RCVD);
  if (received === undefined) {
    const refused = c.server.rst > 0 ? c.transitions.find((t) => t.side === 0 && t.to === State.CLOSED && t.frame !== null) : undefined;
    return refused === undefined ? null : { client: null, server: seconds(sent.time, refused.time) };
  }
  const reset = c.client.rst > 0 ? c.transitions.find((t) => t.side === 1 && t.from === State.SYN_RCVD && t.frame !== null) : undefined;
  return { client: reset === undefined ? null : seconds(received.time, reset.time), server: seconds(sent.time, received.time) };
}

/** A clock that only knows milliseconds cannot tell a host from its neighbour. */
function isCoarse(answers: readonly Answers[]): boolean {
  return answers.every((a) => [a.client, a.server].every((s) => s === null || Math.abs(s * 1e3 - Math.round(s * 1e3)) < 1e-6));
}

function judgeHosts(survey: Survey): void {
  const hosts = [...survey.hosts.values()];
  for (const h of hosts) judgeByMarks(h, survey.total);
  for (const h of hosts) if (h.at === null) judgeByAnswers(h);
  for (const h of hosts) {
    if (h.at !== null) continue;
    // Whoever talks to a host at which the capture was made, and is not there too, is elsewhere.
    const nearPeers = [...h.peers].filter((p) => p.at === true);
    if (h.routed || nearPeers.some((p) => p.by !== 'round-trip' || h.far > 0)) h.at = false;
  }
}

function judgeByMarks(h: HostRecord, total: Sighting): void {
  const s = h.sighting;
  if (s === undefined) return;
  const mine = s.sentOut + s.receivedIn;
  const notMine = s.sentIn + s.receivedOut + s.passing;
  if (mine + notMine > 0) {
    h.by = 'direction';
    h.at = notMine * TOLERANCE <= mine ? true : mine * TOLERANCE <= notMine ? false : 'passing';
    return;
  }
  // Routers have lowered its TTL: whatever these marks come from (a rewritten capture, a machine in the machine), not from here.
  if (h.routed) return;
  // An end whose peers left the same marks is on the same machine as they are: that decides nothing between them.
  const alone = (mark: (s: Sighting) => boolean): boolean => ![...h.peers].every((p) => p.sighting !== undefined && mark(p.sighting));
  const isPartial = (o: Sighting): boolean => o.partial >= 2 && o.partial * 2 >= o.bare;
  const isUnpadded = (o: Sighting): boolean => o.unpadded >= 2 && o.padded === 0;
  if (isPartial(s) && alone(isPartial)) h.by = 'checksums';
  else if (isUnpadded(s) && total.padded >= 2 && alone(isUnpadded)) h.by = 'padding';
  h.at = h.by === null ? null : true;
}

function judgeByAnswers(h: HostRecord): void {
  const { near, far } = h;
  if (near === 0 || near * 4 < h.own.length || far * TOLERANCE > near || h.routed) return;
  h.at = true;
  h.by = 'round-trip';
}

function kindOf(survey: Survey): VantageKind {
  const hosts = [...survey.hosts.values()];
  const here = hosts.filter((h) => h.at === true);
  const count = (of: readonly HostRecord[]): number => of.reduce((n, h) => n + h.connections, 0);
  const passed = hosts.filter((h) => h.at === 'passing');
  if (passed.length > 0 && count(passed) >= count(here)) return 'forwarding';
  if (most(survey.twoLegs, survey.sampled)) return 'forwarding';
  const asClient = here.reduce((n, h) => n + h.asClient, 0);
  const asServer = here.reduce((n, h) => n + h.asServer, 0);
  if (asClient > 0 && asServer > 0) return 'both';
  if (asClient > 0) return 'client';
  if (asServer > 0) return 'server';
  const { total, answers } = survey;
  if (most(total.passing, total.passing + total.sentIn + total.sentOut)) return 'between';
  const whole = answers.filter((a) => a.client !== null && a.server !== null);
  if (most(whole.filter((a) => a.client! >= FAR_ANSWER && a.server! >= FAR_ANSWER).length, whole.length)) return 'between';
  return most(survey.routedBothWays, survey.sampled) ? 'between' : 'unknown';
}

/** Nearly all, and more than chance. */
const most = (n: number, of: number): boolean => n >= 3 && (of - n) * TOLERANCE <= of * 2;
