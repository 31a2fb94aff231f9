/** The report as contract.md fixes it. `schemaVersion` rises when a key changes its meaning or goes away; docs/formats-changelog.md. */
import type { Caveat, Finding, RuleVerdict } from './finding.ts';
import type { Basis, Outcome, RolesFrom } from './connection.ts';
import type { NameOrigin } from './names.ts';
import type { StateName } from './state.ts';
import type { Vantage } from './vantage.ts';

export const SCHEMA_VERSION = 1;

export interface CaptureFile {
  readonly path: string;
  readonly format: string;
  readonly bytes: number;
  readonly packets: number;
  readonly linkTypes: readonly string[];
  readonly truncated: boolean;
  readonly sha256: string | null;
}

export interface CaptureFacts {
  readonly files: readonly CaptureFile[];
  readonly packets: number;
  readonly tcpPackets: number;
  readonly connections: number;
  /** null: no packet. */
  readonly start: string | null;
  readonly end: string | null;
  readonly durationSeconds: number;
  /** Where it was taken. */
  readonly vantage: Vantage;
  readonly caveats: readonly Caveat[];
  /** What hosts (`10.0.0.9`) and services (`10.0.0.9:3306`) of the findings are called; absent where no name is known. */
  readonly names?: Readonly<Record<string, ReportName>>;
}

/** A name, and where it is from: the configuration, a DNS answer, a block of the file, or what a TLS client asked for. */
export interface ReportName {
  readonly name: string;
  readonly from: NameOrigin;
}

/** Counts per bucket of capture time; the gauges (halfOpen, closeWait, timeWait) are the values at each bucket's end. */
export interface Series {
  readonly bucketSeconds: number;
  readonly start: string | null;
  readonly syn: readonly number[];
  readonly synAnswered: readonly number[];
  readonly completed: readonly number[];
  readonly rst: readonly number[];
  readonly retransmissions: readonly number[];
  readonly halfOpen: readonly number[];
  readonly closeWait: readonly number[];
  readonly timeWait: readonly number[];
  /** Seconds from first SYN to the end of the handshake; null where none completed. */
  readonly connectP50: readonly (number | null)[];
  readonly connectP99: readonly (number | null)[];
}

/** How one figure of all connections is spread. */
export interface Distribution {
  readonly of: 'connectSeconds' | 'durationSeconds' | 'payloadBytes';
  /** Connections that have it. */
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  /** Those for which it is 0, which no bin holds. */
  readonly zeros: number;
  /** From the first bin with any to the last, at 1, 2 and 5 of each decade; `from` inclusive, `to` exclusive. */
  readonly bins: readonly { readonly from: number; readonly to: number; readonly count: number }[];
}

export interface Report {
  readonly schemaVersion: number;
  readonly tool: { readonly name: string; readonly version: string };
  readonly capture: CaptureFacts;
  readonly series: Series;
  readonly findings: readonly Finding[];
  readonly rules: readonly RuleVerdict[];
}

/** Of a capture that is still coming a finding is told when it opens and when it is withdrawn; the end repeats what holds. */
export type LineStatus = 'open' | 'withdrawn' | 'final';

/** The lines of `report -f ndjson`. */
export type ReportLine = CaptureLine | FindingLine | RuleLine;

export interface CaptureLine extends CaptureFacts {
  readonly type: 'capture';
  readonly status: LineStatus;
  readonly schemaVersion: number;
  readonly tool: Report['tool'];
  readonly series: Series;
}

export interface FindingLine extends Finding {
  readonly type: 'finding';
  readonly status: LineStatus;
}

export interface RuleLine extends RuleVerdict {
  readonly type: 'rule';
}

/** What an end offered with its SYN or SYN-ACK. */
export interface SynOptions {
  /** null: the option was not there. */
  readonly mss: number | null;
  readonly windowScale: number | null;
  readonly sackPermitted: boolean;
  readonly timestamps: boolean;
  readonly fastOpen: boolean;
  readonly mptcp: boolean;
}

/** One object of `connections -f ndjson`. */
export interface EndpointRow {
  readonly ip: string;
  readonly port: number;
  readonly state: StateName;
  readonly stateSince: string | null;
  readonly packets: number;
  readonly ipBytes: number;
  readonly payloadBytes: number;
  readonly syn: number;
  readonly synAck: number;
  readonly fin: number;
  readonly rst: number;
  readonly firstSynFrame: number | null;
  readonly firstSynAckFrame: number | null;
  readonly firstFinFrame: number | null;
  readonly firstRstFrame: number | null;
  readonly retransmissions: number;
  readonly outOfOrder: number;
  readonly missedBytes: number;
  /** null: the sequence number of its SYN is not known. */
  readonly sequenceBytes: number | null;
  /** Time of its first FIN or RST. */
  readonly endSent: string | null;
  /** One way between the capture point and this end; null unknown. */
  readonly delaySeconds: number | null;
  /** null: neither its SYN nor its SYN-ACK was captured. */
  readonly options: SynOptions | null;
  /** Its kernel, where there is a ground for one: a name in model/profiles.ts, or `none`; and the ground (`syn`, `schedule`, `option`). */
  readonly profile?: string;
  readonly profileFrom?: string;
  /** What the host is called, and where that is from; absent where no name is known. */
  readonly name?: string;
  readonly nameFrom?: NameOrigin;
}

export interface TransitionRow {
  /** Of the frame, or of the timer: at the capture point. */
  readonly time: string;
  /** At the end itself, estimated; left out where `delaySeconds` is null. */
  readonly localTime?: string;
  readonly frame: number | null;
  readonly endpoint: 'client' | 'server';
  readonly from: StateName;
  readonly to: StateName;
  readonly cause: string;
  readonly assumed?: true;
  readonly file?: number;
  readonly fileFrame?: number;
}

export interface ConnectionRow {
  readonly type: 'connection';
  readonly id: number;
  readonly client: EndpointRow;
  readonly server: EndpointRow;
  readonly encapsulation: readonly string[];
  readonly basis: Basis;
  readonly rolesFrom: RolesFrom;
  readonly start: string;
  readonly end: string;
  readonly duration: number;
  readonly firstFrame: number;
  readonly lastFrame: number;
  readonly connectSeconds: number | null;
  readonly handshakeRtt: number | null;
  readonly clientSideRtt: number | null;
  readonly serverSideRtt: number | null;
  readonly outcome: Outcome;
  readonly closedBy: 'client' | 'server' | 'both' | null;
  readonly connState: string;
  readonly history: string;
  readonly completeness: number;
  readonly transitions: readonly TransitionRow[];
  readonly findings: readonly string[];
  /** Segments captured more than once: counted as captured in both ends' packets, bytes and flags, once everywhere else. Absent when 0. */
  readonly copies?: number;
  /** Where the last of them was captured: the interface's index (null where the capture does not say), routers behind the first point. */
  readonly lastCopy?: { readonly interfaceIndex: number | null; readonly hops: number };
  /** Of a connection captured before and behind an address translator: 0-based, in the order of the first frames. */
  readonly leg?: number;
  /** Id of the connection that is leg 0; absent for leg 0. */
  readonly sameAs?: number;
}

/** One object of `states -f ndjson`. */
export interface SocketRow {
  readonly type: 'socket';
  readonly at: string;
  readonly host: string;
  readonly local: string;
  readonly remote: string;
  readonly state: StateName;
  readonly since: string;
  readonly basis: Basis;
  readonly connection: number;
  /** As in the connection's row. */
  readonly leg?: number;
  readonly sameAs?: number;
  /** What the hosts of both ends are called; absent where no name is known. */
  readonly localName?: string;
  readonly remoteName?: string;
}

/** One object of `states --diff -f ndjson`: a socket as the capture tells of it, and as ss listed it. */
export interface SocketDiffRow {
  readonly type: 'socket-diff';
  readonly at: string;
  /** differs: in another state, or closed by what the capture shows. only-capture: ss does not have it. only-ss: the capture has nothing of it. */
  readonly verdict: 'agrees' | 'differs' | 'only-capture' | 'only-ss';
  readonly host: string;
  readonly local: string;
  readonly remote: string;
  /** null: not there. */
  readonly ss: string | null;
  readonly capture: string | null;
  /** As in the socket's row; null where the capture has none. */
  readonly since: string | null;
  readonly basis: string | null;
  readonly connection: number | null;
}

/** One object of `states --every -f ndjson`: the sockets of a host at a moment, by state. */
export interface StateCountRow {
  readonly type: 'states';
  readonly at: string;
  /** `others`: hosts that are too many to be counted apart. */
  readonly host: string;
  /** How many those are; only with `others`. */
  readonly hosts?: number;
  /** States in which it has no socket are not there. */
  readonly counts: Readonly<Partial<Record<StateName, number>>>;
}
