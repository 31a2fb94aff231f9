/**
 * What a rule sees of a whole capture: groups that were counted once, and connections that are looked up by id.
 * Built by `collect`; pure data access, no I/O, cheap to build again while the capture is still being read.
 */
import type { CloseWaitGroup, CloseWaitStay } from './close-wait.ts';
import type { ConnectionView, Outcome, RstFacts } from './connection.ts';
import type { DnsView } from './dns.ts';
import type { HostRole, Names } from './names.ts';
import type { Oversized, Recording } from './recording.ts';
import type { Side } from './state.ts';
import type { IsnSeries, SynTimestamps } from './syn-facts.ts';
import type { ServiceTurns } from './turns.ts';
import type { ConnId, ConnIds, FrameNo, Nanos } from './units.ts';
import type { Reflected, StrayAcks, Unasked } from './unasked.ts';
import type { VantageView } from './vantage.ts';

/** How often a property of a SYN occurs among attempts that nobody follows up, and among real clients' connections. */
export interface SynTally {
  readonly value: number;
  readonly attack: number;
  readonly real: number;
}

export interface PeakOfAttempts {
  readonly count: number;
  readonly at: Nanos | null;
  /** Handshakes begun in the same span that completed. */
  readonly completed: number;
}

/** Who a service's connections come from. */
export interface Concentration {
  /** Different addresses. */
  readonly sources: number;
  readonly topSource: { readonly ip: string; readonly count: number } | null;
  /** Connections of the source that has most but one. */
  readonly secondCount: number;
  /** /24 or /64 */
  readonly topPrefix: { readonly prefix: string; readonly count: number; readonly sources: number } | null;
}

/**
 * Attempts at a service that nobody follows up: a SYN without a kernel's retries, no handshake, from a client that gets
 * through nowhere here. What a flood is made of. Real clients are all others.
 */
export interface DeadAttempts extends Concentration {
  /** All of them, also those that were folded into counts because memory had run out. */
  readonly count: number;
  /** Those that have records, ascending: what is not a plain count is theirs (sources, tallies, peaks). */
  readonly ids: ConnIds;
  readonly syns: number;
  readonly unanswered: number;
  /** With one SYN-ACK; with a SYN-ACK that was sent again. */
  readonly answeredOnce: number;
  readonly answeredAgain: number;
  /** Ended by a RST from the source's address. */
  readonly reset: number;
  /** From source ports below those that kernels choose. */
  readonly lowPorts: number;
  /** Whose SYN has no MSS option. */
  readonly withoutOptions: number;
  readonly first: Nanos | null;
  readonly last: Nanos | null;
  /** Connections of real clients. */
  readonly real: number;
  /** Meanwhile: real clients whose SYNs were repeated in vain, those that got through late, those that got through. */
  readonly starved: readonly ConnId[];
  readonly delayed: readonly ConnId[];
  readonly duringCompleted: number;
  /** TTL of the SYN, most frequent first; IP length of the SYN. */
  readonly ttls: readonly SynTally[];
  readonly lengths: readonly SynTally[];
  /** The most attempts begun within so many seconds, none of them after `until`. */
  peakWithin(seconds: number, until: Nanos): PeakOfAttempts;
  /** Connections of real clients whose address passes the test. */
  realFrom(test: (ip: string) => boolean): number;
  /** Connections that were up before it began and went on. */
  readonly bystanders: { readonly connections: number; readonly retransmissions: number; readonly resets: number };
}

/** All connections to one service: one server address and port (within one encapsulation). */
export interface ServiceView {
  readonly ip: string;
  readonly port: number;
  /** `10.0.0.9:3306` */
  readonly name: string;
  readonly total: number;
  readonly firstFrame: FrameNo;
  readonly start: Nanos;
  readonly end: Nanos;
  /** Exact number of connections with this outcome. */
  count(outcome: Outcome): number;
  /** Their ids, ascending. */
  ids(outcome: Outcome): ConnIds;
  /** All ids, ascending. */
  all(): ConnIds;
  /** Connections whose handshake completed in the capture. */
  readonly completed: number;
  /** Connections whose SYN is in the capture and whose handshake was neither completed nor refused. */
  readonly unfinished: number;
  /** SYNs to this service, retries included. */
  readonly syns: number;
  /** SYN-ACKs from it, retries included. */
  readonly synAcks: number;
  /** Segments of clients, of servers, in connections that went beyond SYN and SYN-ACK. */
  readonly segments: readonly [number, number];
  /** Largest number of connections at once whose SYN-ACK had gone out and whose handshake had not completed; and when. */
  readonly peakHalfOpen: number;
  readonly peakHalfOpenAt: Nanos | null;
  /** Stays in CLOSE_WAIT at either end of this service's connections, longest first. */
  readonly closeWaits: readonly CloseWaitStay[];
  /**
   * The same by host, in the order of their longest stays; without those that were not silent, and those that ended after less than `minSeconds`.
   * @param which `ended`: those that are still there are left out, and no object is made of one
   */
  closeWaitGroups(minSeconds: number, which: 'all' | 'ended'): readonly CloseWaitGroup[];
  /** Different client addresses. */
  readonly clients: number;
  /** true: there are at least so many, which is found out sooner than how many there are. */
  hasClients(count: number): boolean;
  /** Connections that got a SYN-ACK (scans left out), by the time of their start: the last before `from`, how many up to `to`, the first after. */
  answeredAround(from: Nanos, to: Nanos): { readonly before: ConnId | null; readonly between: number; readonly after: ConnId | null };
  /** Connections whose first FIN or RST came after at least so much silence, and those with TLS, whose goodbye hides it; ascending. */
  closedWhenIdle(minSeconds: number): readonly ConnId[];
  readonly deadAttempts: DeadAttempts;
  readonly concentration: Concentration;
  /** false: no source and no network has that share of the connections, and `concentration` need not be asked. */
  mayBeConcentrated(share: number): boolean;
  /** Connections opened by clients that then said nothing for so long and did not close, or that stopped reading; of clients that use none here. Ascending. */
  heldInSilence(seconds: number): readonly ConnId[];
  /** Requests, answers, and the waits for them. */
  readonly turns: ServiceTurns;
}

/** Sockets in TIME_WAIT of one host towards one service. */
export interface TimeWaitGroup {
  readonly host: string;
  readonly side: Side;
  /** The service: the server's address and port, whichever side waits. */
  readonly service: { readonly ip: string; readonly port: number };
  /** Stays of at least a moment. */
  readonly total: number;
  readonly peak: number;
  readonly peakAt: Nanos;
  readonly ids: readonly ConnId[];
}

/** Sockets in TIME_WAIT of one host, whatever the service. */
export interface TimeWaitHost {
  readonly host: string;
  /** Stays where it was the client, and where it was the server. */
  readonly asClient: number;
  readonly asServer: number;
  readonly peak: number;
  readonly peakAt: Nanos;
  readonly ids: readonly ConnId[];
}

/** Connections from one client address to one service, in order of their first SYN. */
export interface ClientGroup {
  readonly client: string;
  readonly service: { readonly ip: string; readonly port: number };
  readonly ids: readonly ConnId[];
}

/** One client's connections to one service on tuples whose last connection was still in TIME_WAIT. */
export interface ReuseGroup {
  readonly client: string;
  readonly service: { readonly ip: string; readonly port: number };
  /** Different tuples that were used again. */
  readonly tuples: number;
  /** Who held the TIME_WAIT. */
  readonly heldByClient: number;
  readonly heldByServer: number;
  /** Reuses whose ISN is the one that Linux derives from the connection before. */
  readonly isnProven: number;
  /** The youngest TIME_WAIT that was taken. */
  readonly shortestSeconds: number;
  /** The connections that took a TIME_WAIT's place; and these with the first ones of their tuples. Ascending. */
  readonly reuses: readonly ConnId[];
  readonly ids: readonly ConnId[];
}

/** Connections by what their end looks like, each list ascending. */
export interface Endings {
  /** One end's FIN was acknowledged, and the other end has sent none. */
  readonly unreturnedFin: readonly ConnId[];
  /** A FIN was sent again and never acknowledged. */
  readonly repeatedFin: readonly ConnId[];
  /** Payload was sent after the other end's FIN. */
  readonly dataAfterFin: readonly ConnId[];
  /** The FINs crossed. */
  readonly closedTogether: readonly ConnId[];
  /** Both ends sent a SYN without ACK. */
  readonly openedTogether: readonly ConnId[];
}

/** Connections of one service that one host ended in the same moment, by FIN or RST, before their peers did. */
export interface SharedEnd {
  readonly service: ServiceView;
  /** The end that ended them. */
  readonly side: Side;
  readonly from: Nanos;
  readonly until: Nanos;
  /** Ascending. */
  readonly ids: readonly ConnId[];
  /** Other connections of that host and service that were up, and on which it went on speaking; of more than `most` one more than that. */
  survivors(most: number): number;
}

/** Connections by what sequence analysis met in them, each list ascending. */
export interface Troubles {
  /** Data or a FIN was sent again. */
  readonly resent: readonly ConnId[];
  /** Segments overtook others. */
  readonly overtaken: readonly ConnId[];
  /** An end closed its window. */
  readonly closedWindow: readonly ConnId[];
  /** An end sent keepalives. */
  readonly keptAlive: readonly ConnId[];
  /** Repeats or keepalives had no answer until the end. */
  readonly unanswered: readonly ConnId[];
  /** Segments above 1,200 octets were sent again more than once, and nothing new was acknowledged meanwhile. */
  readonly largeInVain: readonly ConnId[];
  /** A router said that a segment was too large (Mark.PATH_MTU). */
  readonly tooBig: readonly ConnId[];
  /** Segments came in IP fragments (Mark.FRAGMENTED). */
  readonly fragmented: readonly ConnId[];
}

/** Which part of a way through address translators a connection is. */
export interface LegView {
  /** 0-based, in the order of the first frames. */
  readonly leg: number;
  /** The connection that is leg 0; null for leg 0 itself. */
  readonly sameAs: ConnId | null;
}

/** Segments of one end that were seen on one leg more often than on another. */
export interface LostSegments {
  readonly syn: number;
  readonly synAck: number;
  readonly fin: number;
  readonly rst: number;
  readonly packets: number;
  readonly payloadBytes: number;
}

/** What was lost between leg 0 and another leg. */
export interface LegLosses {
  /** The other leg. */
  readonly id: ConnId;
  /** Seen on leg 0 only, seen on the other only: of the client, of the server. */
  readonly onFirstOnly: readonly [LostSegments, LostSegments];
  readonly onThisOnly: readonly [LostSegments, LostSegments];
}

/** Copies of segments: what the capture holds twice, not what a host sent twice. Every other figure counts a segment once. */
export interface CaptureCopies {
  /** Of `tcpPackets`, those that are copies of an earlier one. */
  readonly count: number;
  /** Of these: seen on another interface, under other tags or tunnels, with another TTL (several of these, or none). */
  readonly otherInterface: number;
  readonly otherEncapsulation: number;
  readonly otherTtl: number;
  /** Seen again at the very point where the segment was seen first. */
  readonly samePoint: number;
  /** Longest time from one sight of a segment to the next. */
  readonly longestSeconds: number;
  /** Largest difference of TTLs between the first sight and another. */
  readonly hops: number;
  /** Interfaces on which segments with copies were seen, and the indexes of those that the capturing host numbered, ascending. Bounded. */
  readonly interfaces: number;
  readonly interfaceIndexes: readonly number[];
}

/**
 * A client that knocked at many doors (a door is a port of a host) where hardly anybody let it in, without asking again where
 * it was refused. Each list of ids holds the first knock at each door.
 */
export interface ScanGroup {
  readonly scanner: string;
  readonly hosts: number;
  /** The first thousand of them. */
  readonly someHosts: readonly string[];
  /** Networks (/24, /64) of these. */
  readonly networks: number;
  /** Ascending. */
  readonly ports: readonly number[];
  readonly doors: number;
  /** Answered by SYN-ACK, and nothing was asked there. */
  readonly open: readonly ConnId[];
  /** Answered by RST. */
  readonly closed: readonly ConnId[];
  /** Not answered, or by an ICMP error. */
  readonly filtered: readonly ConnId[];
  /** Filtered doors at which the SYN was repeated. */
  readonly filteredRetried: number;
  /** Other doors of these hosts where the same client asked and was answered. */
  readonly usedDoors: number;
  /** Every knock, ascending. */
  readonly ids: readonly ConnId[];
}

/** Probes of one kind; `first`: a connection with one. */
export interface ProbeKind {
  /** NULL, FIN, Xmas, SYN+FIN, SYN+RST; Maimon (FIN and ACK) and ACK where they meet no connection. */
  readonly name: string;
  readonly count: number;
  /** Met by any answer. */
  readonly answered: number;
  readonly first: ConnId;
}

/** Segments outside any connection from one address to another that ask how a port answers. */
export interface FlagProbes {
  readonly source: string;
  readonly target: string;
  /** The most frequent first. */
  readonly kinds: readonly ProbeKind[];
  /** Segments with flags that no stack sends. */
  readonly odd: number;
  /** Ports asked, ascending, and those of them that were silent to a NULL, FIN or Xmas probe, as listening ports are. */
  readonly ports: readonly number[];
  readonly silentPorts: readonly number[];
  /** Ports that received a lone ACK or FIN and answered by a bare RST. */
  readonly strayPorts: number;
  /** Ascending. */
  readonly ids: readonly ConnId[];
}

/** Attempts at one service whose source address shows that they were forged. */
export interface ForgedGroup {
  readonly service: ServiceView;
  /** Ascending. */
  readonly ids: ConnIds;
}

/** What is missing everywhere: facts about the capture that make rules doubt themselves. */
export interface CaptureQuality {
  /** TCP segments by kind. */
  readonly tcpPackets: number;
  readonly withSyn: number;
  readonly withFin: number;
  readonly withRst: number;
  /** Without SYN, FIN and RST. */
  readonly plain: number;
  readonly withPayload: number;
  readonly connections: number;
  /** Connections with segments of one end only, though the other must have spoken. */
  readonly oneSided: number;
  /** Connections whose first segment has no SYN: they began before the capture … */
  readonly midstream: number;
  /** … but for these, which went on after they had been folded into counts because memory had run out, and perhaps so many more. */
  readonly resumed: number;
  readonly perhapsResumed: number;
  /** Only segments with SYN, FIN or RST are in the capture: everything else was filtered out. */
  readonly flagsOnly: boolean;
  /** Every connection shows one direction only, or whole directions are missing for everybody. */
  readonly oneDirection: boolean;
  /** Connections with sequence space that was acknowledged and never captured. */
  readonly withGaps: number;
  readonly missedBytes: number;
  /** The captured bytes end inside a TCP header in this many packets. */
  readonly cutHeaders: number;
  /** Fragments of packets that could not be put together, whose octets are in no segment. */
  readonly fragments: number;
  /** TCP segments put together from IP fragments; `Mark.FRAGMENTED` says in which connections. */
  readonly reassembled: number;
  /** Segments that the capture holds more than once. */
  readonly copies: CaptureCopies;
  /** How the records were made: files that break off, cut frames, checksums, the clock. */
  readonly recording: Recording;
  /** The first thousand connections behind `oneSided`, `midstream` and `withGaps`. */
  readonly doubtful: { readonly oneSided: readonly ConnId[]; readonly midstream: readonly ConnId[]; readonly withGaps: readonly ConnId[] };
}

/** Connections whose opening was out of the ordinary, by their columns; ids ascending. What it means is a rule's judgement. */
export interface Openings {
  /** The SYN was sent more than once and the handshake completed. */
  readonly lateSyn: readonly ConnId[];
  /** The SYN was sent once and the SYN-ACK more than once. */
  readonly repeatedSynAck: ConnIds;
  /** An ICMP error quoted one of its segments. */
  readonly icmpErrors: readonly ConnId[];
  /** The SYN has a Fast Open option. */
  readonly fastOpen: readonly ConnId[];
  /** By service and end: MSS values below those of Ethernet, where the other end announced a larger one. */
  readonly smallMss: readonly SmallMss[];
}

export interface SmallMss {
  readonly service: ServiceView;
  /** Whose SYN (or SYN-ACK) announced it. */
  readonly side: Side;
  readonly mss: number;
  /** What the other end announced, at most. */
  readonly peerMss: number;
  readonly count: number;
  /** The first thousand. */
  readonly ids: readonly ConnId[];
}

/** A UDP, ICMP or odd TCP packet count that rules may need; TCP connections are elsewhere. */
export interface CaptureView {
  /** First record. */
  readonly start: Nanos;
  /** End of observation: last record, isb_endtime or --captured-until, whichever is latest. */
  readonly end: Nanos;
  readonly packets: number;
  /** Ids go from 0 to this, less one; the further legs of connections are among them. */
  readonly connections: number;
  readonly quality: CaptureQuality;
  /** Where the capture was taken. */
  readonly vantage: VantageView;
  readonly services: readonly ServiceView[];
  /** Groups with at least `minimum` at once. */
  timeWaits(minimum: number): readonly TimeWaitGroup[];
  /** Hosts with at least `minimum` stays in all. */
  timeWaitHosts(minimum: number): readonly TimeWaitHost[];
  /** Groups of at least `minimum` connections. */
  clientGroups(minimum: number): readonly ClientGroup[];
  connection(id: ConnId): ConnectionView;
  /** What the user calls hosts and services. */
  readonly names: Names;
  /** What the user says that a host is; null: nothing. */
  roleOf(ip: string): HostRole | null;
  /**
   * The further legs of a connection that was captured before and behind an address translator, with what was lost on the way;
   * empty for all others. Services, groups and counts hold leg 0 alone.
   */
  legsOf(id: ConnId): readonly LegLosses[];
  /** The service that a connection is to. */
  serviceOf(id: ConnId): ServiceView;
  /** Address of its client, without making a view of it. */
  clientOf(id: ConnId): string;
  /** RFC 3339. */
  timeText(t: Nanos): string;
  /** Ids of connections with at least one RST other than the refusal of a SYN, ascending. */
  withRst(): readonly ConnId[];
  /** Of these, the ones whose first RST passes the test; no view is made for the others. `alone`: nothing else is marked on the connection. */
  withRstLike(test: (rst: RstFacts, side: Side, alone: boolean) => boolean): readonly ConnId[];
  /** Ids of connections whose third ACK was seen and ignored, ascending. */
  withIgnoredAck(): readonly ConnId[];
  /** Ids of live connections into which a SYN came that opened no new one, ascending. */
  withStraySyn(): readonly ConnId[];
  /** Ids of connections with a segment that belongs to an older connection, or was answered as if it did (Mark.OLD_SEGMENT, OLD_ANSWER, OLD_TIMESTAMP), ascending. */
  withOldAnswer(): readonly ConnId[];
  readonly endings: Endings;
  readonly troubles: Troubles;
  /** By sender: connections with segments larger than their receiver takes, most first. */
  oversized(): readonly Oversized[];
  reuses(): readonly ReuseGroup[];
  /** DNS over UDP. */
  readonly dns: DnsView;
  /** Clients that ended at least `minimum` connections to one service by RST after the bare handshake, without payload from either end. */
  silentResets(minimum: number): readonly ClientGroup[];
  /** Moments at which one host ended at least `minimum` connections of one service within so many seconds, and none for as long afterwards. */
  sharedEnds(minimum: number, withinSeconds: number): readonly SharedEnd[];
  readonly openings: Openings;
  /** Is this connection one of a client that failed at many ports of the host, or at this port of many hosts? */
  isScan(id: ConnId): boolean;
  /** Clients that failed at `minPorts` ports of a host, or at a port of `minHosts` hosts. */
  scans(minPorts: number, minHosts: number): readonly ScanGroup[];
  readonly flagProbes: readonly FlagProbes[];
  readonly strayAcks: readonly StrayAcks[];
  /** Without those of receivers in `reflected`. */
  readonly unasked: readonly Unasked[];
  /** Addresses that got answers of at least ten servers, unasked. */
  readonly reflected: readonly Reflected[];
  /** Of clients with at least `minimum` connections to a service. */
  synTimestamps(minimum: number): readonly SynTimestamps[];
  /** Of hosts with at least `minimum` completed connections in one role. */
  isnSeries(minimum: number): readonly IsnSeries[];
  /** SYNs that led to nothing from impossible addresses: from the service's own address and port, and from those that name no single host. */
  readonly impossibleSources: { readonly toItself: readonly ForgedGroup[]; readonly martian: readonly ForgedGroup[] };
}
