/**
 * One pass over all connections: outcomes and groups that rules ask for. Rules never walk a million connections
 * themselves; they get counts, and the ids of the few that matter.
 *
 * Built again whenever the rules run (a snapshot while reading, and at the end). Nothing is kept between builds.
 */
import { OUTCOMES, type ConnectionView } from '../model/connection.ts';
import type {
  CaptureQuality,
  CaptureView,
  ClientGroup,
  Endings,
  FlagProbes,
  LegLosses,
  ScanGroup,
  ReuseGroup,
  ServiceView,
  SharedEnd,
  TimeWaitGroup,
  TimeWaitHost,
  Openings,
  Troubles,
} from '../model/capture-view.ts';
import type { Clock } from '../model/clock.ts';
import type { DnsView } from '../model/dns.ts';
import { type HostRole, NO_NAMES, type OwnNames } from '../model/names.ts';
import type { DamagedFile, Oversized } from '../model/recording.ts';
import type { IsnSeries, SynTimestamps } from '../model/syn-facts.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, connId, type ConnIds, type Nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { ServiceTurns } from '../model/turns.ts';
import type { Reflected, StrayAcks, Unasked } from '../model/unasked.ts';
import type { VantageView } from '../model/vantage.ts';
import { UNFINISHED } from '../track/folded.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Pair, pairOf, Trait } from '../track/layout.ts';
import { outcomeIndex } from '../track/outcome.ts';
import { countsOf, missedOf, noteLastTime, previousOf } from '../track/sequel.ts';
import type { Tracker } from '../track/tracker.ts';
import type { Views } from '../track/views.ts';
import { ClientGroups } from './client-groups.ts';
import { dnsView } from './dns.ts';
import { EndingTally, sharedEnds, silentResets } from './endings.ts';
import { isnSeries } from './isns.ts';
import { legLosses, Legs } from './legs.ts';
import { doubt, judgeQuality, type QualityCounts, qualityCounts } from './quality.ts';
import { type Impossible, ImpossibleTally } from './impossible.ts';
import { HashedCounts } from './hashed-counts.ts';
import { IdCursor, IdList } from './id-bits.ts';
import { NarrowColumn } from './narrow-column.ts';
import { flagProbes, strayOf } from './probes.ts';
import { SCANNED_HOSTS, SCANNED_PORTS, Scans } from './scans.ts';
import { Scratch } from './scratch.ts';
import { recordingOf } from './recording.ts';
import { type ClientCounts, Repeats } from './repeats.ts';
import { FirstResets, type RstTest } from './resets.ts';
import { reuseGroups } from './reuses.ts';
import { OUTCOME_COUNT, Service } from './service.ts';
import { ServiceIndex } from './service-index.ts';
import { BlockCounts, largestNetworks } from './sources.ts';
import { OpeningTally } from './openings.ts';
import { synTimestamps } from './syn-timestamps.ts';
import { OversizedTally } from './oversized.ts';
import { TimeWaitStays } from './time-wait.ts';
import { TroubleTally } from './troubles.ts';
import { TurnTally } from './turns.ts';
import { Twice } from './twice.ts';
import { clientSpeaks, strayAcks, unaskedAnswers, type UnaskedGroups } from './unasked.ts';
import { findVantage } from './vantage.ts';

/** What the decoder counted besides TCP. */
export interface PacketCounts {
  readonly packets: number;
  readonly cutHeaders: number;
  readonly fragments: number;
  readonly reassembled: number;
  /** Most octets captured of a frame that was cut in its headers. */
  readonly cutAt: number;
  readonly damagedFiles: readonly DamagedFile[];
}

/** Silences before a close that are worth a look, nanoseconds. */
const SHORTEST_IDLE = 0.5 * NANOS_PER_SECOND;
/**
 * Views kept, each in the place that its id says; about 1 kB each when read. What a rule asks of one connection again and again it finds here.
 * Few enough to die young: views that outlive two collections of the young generation are copied to the old one, which is collected rarely.
 */
const VIEWS = 1 << 9;
const OK = OUTCOMES.indexOf('ok');
const BOTH_SYNS = Trait.SAW_SYN | Trait.SAW_SYN_ACK;

export class Census implements CaptureView {
  readonly start = 0 as Nanos;
  readonly end: Nanos;
  readonly packets: number;
  readonly quality: CaptureQuality;
  readonly services: readonly ServiceView[];
  readonly tracker: Tracker;
  readonly views: Views;
  readonly legs: Legs;
  readonly scratch: Scratch;
  readonly clientCounts: ClientCounts;
  readonly names: OwnNames;
  readonly #clock: Clock;

  /** Views handed out: several rules look at the same connections, and each view reads its events once. */
  readonly #seen = new Array<ConnectionView | undefined>(VIEWS);

  readonly #serviceOf: ServiceIndex;
  /** Per connection: the index of its outcome. */
  readonly #outcomeOf: NarrowColumn;
  /** What any of the connections has, as in Core.STATE. */
  traits = 0;
  /** Per service. */
  totals: number[] = [];
  completed: number[] = [];
  unfinished: number[] = [];
  syns: number[] = [];
  synAcks: number[] = [];
  clientSegments: number[] = [];
  serverSegments: number[] = [];
  firsts: number[] = [];
  ends: number[] = [];
  outcomeCounts: number[] = [];
  readonly #stays: number[][] = [];
  readonly #idle: ConnId[][] = [];
  readonly #mute: ConnId[][] = [];
  readonly #blocks: BlockCounts;
  #networks: Int32Array | undefined;
  #servers: HashedCounts | undefined;
  readonly #clientGroups = new ClientGroups(this);
  readonly #resets: ConnId[] = [];
  #firstResets: FirstResets | undefined;
  readonly #ignored: ConnId[] = [];
  readonly #odd: ConnId[] = [];
  readonly #straySyns: ConnId[] = [];
  /** On tuples that were used before; and those of whose handshake only the answers were seen. */
  readonly #again: IdList;
  readonly #answers: IdList;
  /** By service. */
  readonly #members: readonly ConnIds[];
  #timeWaits: TimeWaitStays | undefined;
  readonly #openingTally: OpeningTally;
  readonly #endings = new EndingTally();
  readonly #troubles: TroubleTally;
  readonly #turns: TurnTally;
  readonly #oversized: OversizedTally;
  #openings: Openings | undefined;
  #scans: Scans | undefined;
  #probes: readonly FlagProbes[] | undefined;
  readonly #impossible: ImpossibleTally;
  #unasked: UnaskedGroups | undefined;
  #vantage: VantageView | undefined;
  #reuses: readonly ReuseGroup[] | undefined;
  #dns: DnsView | undefined;

  /** @param isOver nothing comes any more, so that the memory of the table of tuples is free */
  constructor(tracker: Tracker, views: Views, clock: Clock, end: Nanos, counts: PacketCounts, names = NO_NAMES, isOver = false) {
    this.names = names;
    this.tracker = tracker;
    this.views = views;
    this.#clock = clock;
    this.end = end;
    this.packets = counts.packets;
    views.end = end;
    const n = tracker.connections;
    const { budget, flows } = tracker.tables;
    const recording = recordingOf(tracker.tables, counts); // it looks tuples up
    if (isOver) budget.outgrown.give(flows.lend());
    this.scratch = new Scratch(Math.max(2 * Twice.words(n), n), isOver ? budget.outgrown : undefined);
    const repeats = new Repeats(tracker.tables, n, this.scratch);
    this.clientCounts = repeats.clients;
    this.legs = new Legs(tracker.tables, n, this.scratch, repeats);
    this.#blocks = new BlockCounts(tracker.tables, this.scratch);
    this.#serviceOf = new ServiceIndex(n, this.scratch);
    this.#outcomeOf = new NarrowColumn(n, this.scratch);
    this.#troubles = new TroubleTally(tracker.tables, counts.fragments + counts.reassembled > 0);
    this.#turns = new TurnTally(tracker.tables);
    this.#openingTally = new OpeningTally(tracker.tables, n);
    this.#oversized = new OversizedTally(tracker.tables);
    this.#impossible = new ImpossibleTally(tracker.tables, n);
    this.#again = new IdList(n);
    this.#answers = new IdList(n);
    const quality = this.#count(n);
    this.#members = this.#serviceOf.members(n, this.totals, (id) => this.legs.isFollower(id));
    this.services = this.firsts.map((first, i) => new Service(this, i, views.connection(first).server, tracker.folded.of(first)));
    this.quality = judgeQuality(tracker, quality, counts, recording);
  }

  connection(id: ConnId): ConnectionView {
    const known = this.#seen[id & (VIEWS - 1)];
    return known?.id === id ? known : (this.#seen[id & (VIEWS - 1)] = this.views.connection(id));
  }
  /** On tuples that were used before, followers left out. */
  get onUsedTuples(): ConnIds {
    return this.#again.ids;
  }
  /** Without a SYN, and with a SYN-ACK. */
  get answersOnly(): ConnIds {
    return this.#answers.ids;
  }
  legsOf(id: ConnId): readonly LegLosses[] {
    const [first, ...others] = this.legs.legsOf(id);
    return first === undefined ? [] : others.map((other) => legLosses(this.connection(first), this.connection(other)));
  }
  serviceOf(id: ConnId): ServiceView {
    return this.services[this.#serviceOf.of(id)]!;
  }
  clientOf(id: ConnId): string {
    return this.hostOf(id, Side.CLIENT);
  }
  hostOf(id: number, side: Side): string {
    const { addresses, cores } = this.tracker.tables;
    const address = side === Side.CLIENT ? this.clientAddress(id) : this.serverAddress(id);
    return addresses.text(address, (cores.page(id)[cores.offset(id) + Core.META]! & 1) !== 0);
  }
  get vantage(): VantageView {
    return (this.#vantage ??= findVantage(this.tracker, this.views));
  }
  get connections(): number {
    return this.tracker.connections;
  }
  roleOf(ip: string): HostRole | null {
    return this.names.role(ip);
  }
  timeText(t: Nanos): string {
    return this.#clock.text(t);
  }
  withRst(): readonly ConnId[] {
    return this.#resets;
  }
  withRstLike(test: RstTest): readonly ConnId[] {
    return (this.#firstResets ??= new FirstResets(this.tracker.tables, this.#resets)).like(test);
  }
  withIgnoredAck(): readonly ConnId[] {
    return this.#ignored;
  }
  withStraySyn(): readonly ConnId[] {
    return this.#straySyns;
  }
  withOldAnswer(): readonly ConnId[] {
    return [...this.tracker.tables.takenForOld]
      .filter((id) => !this.legs.isFollower(id))
      .sort((a, b) => a - b)
      .map(connId);
  }
  get endings(): Endings {
    return this.#endings.lists;
  }
  get troubles(): Troubles {
    return this.#troubles.lists;
  }
  oversized(): readonly Oversized[] {
    return this.#oversized.list();
  }
  reuses(): readonly ReuseGroup[] {
    return (this.#reuses ??= reuseGroups(this));
  }
  get dns(): DnsView {
    return (this.#dns ??= dnsView(this));
  }
  silentResets(minimum: number): readonly ClientGroup[] {
    return silentResets(this, minimum);
  }
  sharedEnds(minimum: number, withinSeconds: number): readonly SharedEnd[] {
    return sharedEnds(this, minimum, withinSeconds * NANOS_PER_SECOND);
  }
  get openings(): Openings {
    return (this.#openings ??= this.#openingTally.list(this));
  }
  isScan(id: ConnId): boolean {
    return (this.#scans ??= new Scans(this, SCANNED_PORTS, SCANNED_HOSTS)).has(id);
  }
  scans(minPorts: number, minHosts: number): readonly ScanGroup[] {
    if (minPorts !== SCANNED_PORTS || minHosts !== SCANNED_HOSTS) return new Scans(this, minPorts, minHosts).groups;
    return (this.#scans ??= new Scans(this, SCANNED_PORTS, SCANNED_HOSTS)).groups;
  }
  get flagProbes(): readonly FlagProbes[] {
    return (this.#probes ??= flagProbes(this, this.#odd, this.#strays()));
  }
  get strayAcks(): readonly StrayAcks[] {
    return strayAcks(this, this.#strays());
  }
  get unasked(): readonly Unasked[] {
    return this.#unaskedAnswers().unasked;
  }
  get reflected(): readonly Reflected[] {
    return this.#unaskedAnswers().reflected;
  }
  #unaskedAnswers(): UnaskedGroups {
    return (this.#unasked ??= unaskedAnswers(this));
  }
  synTimestamps(minimum: number): readonly SynTimestamps[] {
    return synTimestamps(this, minimum);
  }
  isnSeries(minimum: number): readonly IsnSeries[] {
    return isnSeries(this, minimum);
  }
  #strays(): readonly ConnId[] {
    return this.#resets.filter((id) => strayOf(this, id) !== null);
  }
  get impossibleSources(): Impossible {
    return this.#impossible.list(this);
  }
  timeWaits(minimum: number): readonly TimeWaitGroup[] {
    return (this.#timeWaits ??= new TimeWaitStays(this)).groups(minimum);
  }

  timeWaitHosts(minimum: number): readonly TimeWaitHost[] {
    return (this.#timeWaits ??= new TimeWaitStays(this)).hosts(minimum);
  }

  clientGroups(minimum: number): readonly ClientGroup[] {
    return this.#clientGroups.list(minimum);
  }

  /** May one network have so many of a service's connections? */
  mayComeFromOneNetwork(service: number, enough: number): boolean {
    return this.#blocks.most[service]! >= enough && (this.#networks ??= largestNetworks(this))[service]! >= enough;
  }
  /** Connections by server: of no address less than it has. */
  get serverCounts(): HashedCounts {
    if (this.#servers === undefined) {
      this.#servers = new HashedCounts(this.totals.length);
      for (const [s, total] of this.totals.entries()) this.#servers.add(this.serverAddress(this.firsts[s]!), total);
    }
    return this.#servers;
  }

  /** Connections of a service that were silent for a while before they closed, and those with TLS. */
  idleIds(service: number): readonly ConnId[] {
    return this.#idle[service] ?? [];
  }

  /** Connections of a service whose client says nothing. */
  muteIds(service: number): readonly ConnId[] {
    return this.#mute[service] ?? [];
  }

  turnsOf(service: number): ServiceTurns {
    return this.#turns.of(this, service);
  }

  /** The client's address as the tracker's key: an int32 or an IPv6 id. */
  clientAddress(id: number): number {
    const { cores } = this.tracker.tables;
    const core = cores.page(id);
    const c = cores.offset(id);
    return core[c + ((core[c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0 ? Core.ADDR_B : Core.ADDR_A)]!;
  }

  /** Index of a connection's service in `services`. */
  serviceIndex(id: number): number {
    return this.#serviceOf.of(id);
  }

  /** The same of the server. */
  serverAddress(id: number): number {
    const { cores } = this.tracker.tables;
    const core = cores.page(id);
    const c = cores.offset(id);
    return core[c + ((core[c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0 ? Core.ADDR_A : Core.ADDR_B)]!;
  }

  /** Ids of a service's connections, ascending. */
  membersOf(service: number): ConnIds {
    return this.#members[service]!;
  }

  /** Ids of a service's connections with an outcome, by its index in `OUTCOMES`, ascending. */
  idsOf(service: number, outcome: number): ConnIds {
    const members = this.membersOf(service);
    let left = this.outcomeCounts[service * OUTCOME_COUNT + outcome]!;
    if (left === members.length) return members;
    const list = new IdList(this.connections, left);
    for (const all = new IdCursor(members); left > 0;) {
      const id = all.next();
      if (this.#outcomeOf.get(id) !== outcome) continue;
      list.add(id);
      left--;
    }
    return list.ids;
  }

  /** Connections of a service with a stay in CLOSE_WAIT worth a look. */
  stayIds(service: number): readonly number[] {
    return this.#stays[service] ?? [];
  }

  #count(n: number): QualityCounts {
    const { tables } = this.tracker;
    const { cores, pairs } = tables;
    const quality = qualityCounts(n - this.legs.followers, this.tracker.folded);
    for (let id = connId(0); id < n; id = connId(id + 1)) {
      const core = cores.page(id);
      const c = cores.offset(id);
      const word = core[c + Core.STATE]!;
      const follows = this.legs.isFollower(id);
      const s = follows ? this.#serviceOf.of(this.legs.firstOf(id)) : this.#service(core, c, id);
      this.#serviceOf.put(id, s);
      const ref = pairOf(core, c);
      const pair = ref === 0 ? core : pairs.page(ref - 1);
      const client = ref === 0 ? 0 : pairs.glance(ref - 1);
      const server = client + HALF_STRIDE;
      const counts = ref === 0 ? countsOf(tables, core, c) : 0;
      const syns = ref === 0 ? counts & 0xffff : pair[client + Half.SYN]!;
      const synAcks = ref === 0 ? counts >>> 16 : pair[server + Half.SYN_ACK]!;
      this.#openingTally.note(id, core, c, s, syns, synAcks);
      this.#impossible.note(id, core, c, s);
      this.#blocks.note(core, c, s);
      if ((word & BOTH_SYNS) === Trait.SAW_SYN_ACK) this.#answers.add(id);
      this.traits |= word;
      if (follows) continue;

      if (previousOf(tables, core, c) !== 0) this.#again.add(id);
      this.#troubles.noteMarks(id, core, c);
      this.totals[s] = this.totals[s]! + 1;
      this.syns[s] = this.syns[s]! + syns;
      this.synAcks[s] = this.synAcks[s]! + synAcks;
      noteLastTime(tables, id, this.ends, s);
      if ((word & Trait.COMPLETED) !== 0) this.completed[s] = this.completed[s]! + 1;
      else if ((word & UNFINISHED) === Trait.SAW_SYN) this.unfinished[s] = this.unfinished[s]! + 1;
      const outcome = outcomeIndex(tables, id, this.end);
      this.#outcomeOf.set(id, outcome);
      const k = s * OUTCOME_COUNT + outcome;
      this.outcomeCounts[k] = this.outcomeCounts[k]! + 1;
      if ((word & Trait.HAS_RST) !== 0 && (word & (Trait.REFUSED | Trait.COMPLETED)) !== Trait.REFUSED) this.#resets.push(id);
      if ((word & Trait.ACK_IGNORED) !== 0) this.#ignored.push(id);
      if ((word & Trait.ODD_FLAGS) !== 0) this.#odd.push(id);
      if ((word & Trait.STRAY_SYN) !== 0) this.#straySyns.push(id);
      if ((word & Trait.LONG_CLOSE_WAIT) !== 0 || (word & 15) === State.CLOSE_WAIT || ((word >>> 4) & 15) === State.CLOSE_WAIT)
        (this.#stays[s] ??= []).push(id);
      if ((word & Trait.MIDSTREAM) !== 0) {
        quality.midstream++;
        doubt(quality.doubtful.midstream, id);
      }

      if (ref === 0) {
        if (synAcks === 0) quality.clientOnly++;
        continue;
      }
      this.#countSegments(id, s, outcome, pair, client, quality);
    }
    return quality;
  }

  /** What a connection has beyond its SYNs and SYN-ACKs. @param pair the page with its pair record, at `client` */
  #countSegments(id: ConnId, s: number, outcome: number, pair: Int32Array, client: number, quality: QualityCounts): void {
    const { cores, pairs } = this.tracker.tables;
    const core = cores.page(id);
    const c = cores.offset(id);
    const word = core[c + Core.STATE]!;
    const ref = pairOf(core, c);
    const server = client + HALF_STRIDE;
    this.#endings.note(id, word, pair, client);
    this.#troubles.note(id, ref - 1, pair[client + Pair.TROUBLE]!);
    this.#turns.note(id, s, pair, client);
    this.#oversized.note(id, core, c, pair, client);
    const doubles = pairs.floatPage(ref - 1);
    if (clientSpeaks(word, pair, doubles, client) === false) (this.#mute[s] ??= []).push(id);
    const quiet = doubles[(client + Pair.QUIET) >> 1]!;
    const tls = (pair[client + Half.FLAGS]! | pair[server + Half.FLAGS]!) & HalfFlag.TLS;
    if (quiet >= SHORTEST_IDLE || (tls !== 0 && quiet >= 0)) (this.#idle[s] ??= []).push(id);
    if (pair[client + Half.PACKETS] === 0) quality.serverOnly++;
    else if (pair[server + Half.PACKETS] === 0) quality.clientOnly++;
    this.clientSegments[s] = this.clientSegments[s]! + pair[client + Half.PACKETS]!;
    this.serverSegments[s] = this.serverSegments[s]! + pair[server + Half.PACKETS]!;
    const missed = missedOf(this.tracker.tables, pair[client + Pair.TROUBLE]!);
    if (outcome !== OK || missed > 0) {
      const lonely =
        pair[client + Half.PACKETS] === 0 || (pair[server + Half.PACKETS] === 0 && pair[client + Half.PACKETS]! > pair[client + Half.SYN]!);
      if (lonely) {
        quality.oneSided++;
        doubt(quality.doubtful.oneSided, id);
      }
      if (missed > 0) {
        quality.withGaps++;
        doubt(quality.doubtful.withGaps, id);
        quality.missedBytes += missed;
      }
    }
  }

  /** The index of a connection's service, with columns for one that is new. */
  #service(core: Int32Array, c: number, id: ConnId): number {
    const s = this.#serviceOf.find(core, c);
    if (s < this.firsts.length) return s;
    this.firsts.push(id);
    this.totals.push(0);
    this.completed.push(0);
    this.unfinished.push(0);
    this.syns.push(0);
    this.synAcks.push(0);
    this.clientSegments.push(0);
    this.serverSegments.push(0);
    this.ends.push(0);
    for (let i = 0; i < OUTCOME_COUNT; i++) this.outcomeCounts.push(0);
    return s;
  }
}
