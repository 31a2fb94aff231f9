/**
 * What a screen (or another thread) may ask of an analysis, and what it gets: plain data that survives structured clone.
 * The session answers by page, so that a hundred thousand rows never cross a thread.
 */
import type { PacketField, PacketLayer } from '../model/dissection.ts';
import type { Finding } from '../model/finding.ts';
import type { Ladder, LadderRow, LadderSegment, LadderTimer } from '../model/ladder.ts';
import type { CaptureFacts, ConnectionRow, Report, Series, SocketRow } from '../model/report.ts';
import type { SideName, StateName } from '../model/state.ts';
import type { ExtractOptions, Extracted } from './extract.ts';

export type { Extracted, ExtractOptions, Ladder, LadderRow, LadderSegment, LadderTimer, PacketField, PacketLayer };

export interface Progress {
  readonly phase: 'reading' | 'done' | 'failed';
  readonly bytesRead: number;
  /** null on a pipe. */
  readonly bytesTotal: number | null;
  readonly packets: number;
  readonly connections: number;
  /** Time covered so far in the capture, seconds. */
  readonly captureSeconds: number;
  /** How long reading has taken so far, seconds of a clock on the wall; absent where nobody has one. */
  readonly elapsedSeconds?: number;
  /** Packets come as they happen, and nothing has come for so many seconds, whole ones; absent of a capture that is not live. */
  readonly quietSeconds?: number;
}

/** The state of the analysis, pushed at most ten times a second. */
export interface Snapshot {
  /** Rises with every change; answers belong to a revision. */
  readonly revision: number;
  readonly progress: Progress;
  readonly capture: CaptureFacts;
  readonly series: Series;
  /** In report order: causes before their consequences, then by severity. `connections` is cut to 1,000 ids. */
  readonly findings: readonly Finding[];
  /** One sentence when phase is `failed`. */
  readonly error: string | null;
}

/** Columns by which connections can be sorted. */
export const CONNECTION_SORTS = ['id', 'duration', 'packets', 'bytes', 'retransmissions', 'connect', 'state', 'client', 'server'] as const;
export type ConnectionSort = (typeof CONNECTION_SORTS)[number];

export interface ConnectionSummary {
  readonly id: number;
  readonly client: string;
  readonly server: string;
  readonly clientState: string;
  readonly serverState: string;
  readonly outcome: string;
  readonly startSeconds: number;
  readonly duration: number;
  readonly packets: number;
  readonly bytes: number;
  readonly retransmissions: number;
  readonly connectSeconds: number | null;
  readonly basis: string;
  /** Ids of findings that name it. */
  readonly findings: readonly string[];
  /** What the hosts are called; absent where no name is known. */
  readonly clientName?: string;
  readonly serverName?: string;
}

export interface PacketDetail {
  readonly frame: number;
  readonly time: string;
  readonly linkType: string;
  readonly capturedLength: number;
  readonly originalLength: number;
  readonly connection: number | null;
  readonly layers: readonly PacketLayer[];
  /** Captured bytes, at most 65,536. */
  readonly bytes: Uint8Array;
  readonly notes: readonly string[];
}

/** What one end said without the other in between. */
export interface Turn {
  readonly from: SideName;
  /** The frame with its first octet. */
  readonly frame: number;
  /** Seconds since the connection's first frame. */
  readonly at: number;
  /** Octets before it that the capture lacks. */
  readonly missing: number;
  readonly octets: Uint8Array;
}

/** A window of what both ends said, each octet once and in order. */
export interface Conversation {
  readonly connection: ConnectionRow;
  readonly turns: readonly Turn[];
  /** Octets before the window, and in it. */
  readonly skipped: number;
  readonly shown: number;
  /** The conversation goes on behind the window. */
  readonly more: boolean;
}

/** A rule's own documentation, as `explain` prints it. */
export interface Explanation {
  readonly rule: string;
  readonly title: string;
  readonly sections: readonly { readonly heading: string; readonly text: string }[];
}

/** How many sockets there were in each state, at moments of equal distance over the whole capture. */
export interface StateChart {
  /** Of the first packet: offsets count from here. */
  readonly origin: { readonly seconds: number; readonly nanos: number };
  /** Offsets of the first and the last moment of the capture, nanoseconds. */
  readonly first: number;
  readonly last: number;
  /** Distance of the moments, nanoseconds. */
  readonly every: number;
  readonly moments: number;
  /** States that occur, in RFC 9293's order; `sockets` at each moment. */
  readonly states: readonly { readonly state: StateName; readonly sockets: readonly number[] }[];
}

/** One socket changed its state. */
export interface SocketEvent {
  readonly connection: number;
  readonly local: string;
  readonly remote: string;
  readonly from: StateName;
  readonly to: StateName;
  readonly cause: string;
  /** null: a timer, or what a later segment proved. */
  readonly frame: number | null;
}

/** A moment of the capture, and what happened at it. */
export interface Moment {
  /** Nanoseconds since the first packet. */
  readonly offset: number;
  /** At most 100. */
  readonly events: readonly SocketEvent[];
}

/** The sockets that existed at a moment, host by host. */
export interface SocketPage {
  readonly total: number;
  readonly rows: readonly SocketRow[];
  /** Index of the first socket of `connection` that was asked for; null: it has none then. */
  readonly at: number | null;
  /** Of all rows, not only of this page. */
  readonly counts: Readonly<Partial<Record<StateName, number>>>;
  /** Hosts with the most sockets then, whatever `host` asks for; at most 50. */
  readonly hosts: readonly { readonly host: string; readonly name?: string; readonly sockets: number }[];
}

/** Who talks to whom: clients of a service, services, or hosts. */
export const PEER_GROUPS = ['pairs', 'services', 'hosts'] as const;
export type PeerGroup = (typeof PEER_GROUPS)[number];
/** A state's name sorts by the sockets in it. */
export type PeerSort = 'connections' | 'trouble' | 'packets' | 'bytes' | 'client' | 'server' | StateName;

export interface PeerRow {
  /** Address; null: of all clients (services). */
  readonly client: string | null;
  /** How many clients share the row, because each has no other connection; absent where it is one. */
  readonly clients?: number;
  /** `10.0.0.9:3306`; null: a host. */
  readonly server: string | null;
  readonly clientName?: string;
  readonly serverName?: string;
  readonly connections: number;
  /** Refused, reset, unanswered, abandoned, half-open, leaked. */
  readonly trouble: number;
  readonly packets: number;
  readonly bytes: number;
  /** Sockets at the end, by state: of both ends (pairs), of the server (services), of the host (hosts). */
  readonly states: Readonly<Partial<Record<StateName, number>>>;
}

/** Every question and the type of its answer. */
export interface Questions {
  /** Connections of a finding (`finding`: its id), or all. `where`: the filter language (model/where); empty: no filter. */
  connections: {
    ask: {
      readonly finding: string | null;
      readonly where: string;
      readonly sort: ConnectionSort;
      readonly descending: boolean;
      readonly offset: number;
      readonly limit: number;
    };
    answer: { readonly total: number; readonly rows: readonly ConnectionSummary[] };
  };
  /** @param around of a long connection the segments around this frame, instead of the first and the last */
  ladder: { ask: { readonly connection: number; readonly around?: number | undefined }; answer: Ladder };
  packet: { ask: { readonly frame: number }; answer: PacketDetail };
  /** @param skip octets of the conversation, both ends together, before the window (256 KiB) */
  follow: { ask: { readonly connection: number; readonly skip: number }; answer: Conversation };
  explain: { ask: { readonly rule: string }; answer: Explanation };
  /** The row of a connection, with its transitions: without a second look at the capture. */
  connection: { ask: { readonly connection: number }; answer: ConnectionRow };
  /** @param moments at most so many; `host`: its sockets alone */
  chart: { ask: { readonly host: string | null; readonly moments: number }; answer: StateChart };
  /** `offset`: nanoseconds since the first packet; outside the capture its first or last moment is meant. */
  sockets: {
    ask: {
      readonly at: number;
      readonly host: string | null;
      readonly connection: number | null;
      readonly offset: number;
      readonly limit: number;
    };
    answer: SocketPage;
  };
  /**
   * The next (1) or previous (-1) moment at which a state changed; null: there is none. `host`: of its sockets alone; `connection`: of
   * its ends alone.
   */
  moment: {
    ask: { readonly from: number; readonly step: 1 | -1; readonly host: string | null; readonly connection: number | null };
    answer: Moment | null;
  };
  peers: {
    ask: {
      readonly group: PeerGroup;
      readonly match: string;
      readonly sort: PeerSort;
      readonly descending: boolean;
      readonly offset: number;
      readonly limit: number;
    };
    answer: { readonly total: number; readonly rows: readonly PeerRow[]; readonly states: readonly StateName[] };
  };
  /**
   * Writes packets to a new file (`path`; replaced where it exists, refused where it is the capture itself), as `tcpdiag extract` does.
   * Once the capture has been read to its end.
   */
  extract: { ask: ExtractOptions & { readonly path: string }; answer: Extracted };
}
export type QuestionName = keyof Questions;

export interface Session {
  /** The newest snapshot; the same object until it changes. */
  snapshot(): Snapshot;
  /** Called after each change; returns the unsubscriber. */
  subscribe(listener: () => void): () => void;
  /** Rejects with a TcpdiagError's message when it cannot be answered (the stream is gone, the frame does not exist). */
  ask<Q extends QuestionName>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']>;
  /** Settles when the whole capture has been analysed; rejects when it could not be. */
  readonly done: Promise<Report>;
  /** Stops reading and frees everything. */
  close(): Promise<void>;
}
