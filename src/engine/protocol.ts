/**
 * What a screen (or another thread) may ask of an analysis, and what it gets: plain data that survives structured clone.
 * The session answers by page, so that a hundred thousand rows never cross a thread.
 */
import type { PacketField, PacketLayer } from '../model/dissection.ts';
import type { Finding } from '../model/finding.ts';
import type { Ladder, LadderRow, LadderSegment, LadderTimer } from '../model/ladder.ts';
import type { CaptureFacts, Report, Series } from '../model/report.ts';

export type { Ladder, LadderRow, LadderSegment, LadderTimer, PacketField, PacketLayer };

export interface Progress {
  readonly phase: 'reading' | 'done' | 'failed';
  readonly bytesRead: number;
  /** null on a pipe. */
  readonly bytesTotal: number | null;
  readonly packets: number;
  readonly connections: number;
  /** Time covered so far in the capture, seconds. */
  readonly captureSeconds: number;
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

/** A rule's own documentation, as `explain` prints it. */
export interface Explanation {
  readonly rule: string;
  readonly title: string;
  readonly sections: readonly { readonly heading: string; readonly text: string }[];
}

/** Every question and the type of its answer. */
export interface Questions {
  /** Connections of a finding (`finding`: its id), or all. `match`: words that must all occur in the row (address, port, state, outcome). */
  connections: {
    ask: {
      readonly finding: string | null;
      readonly match: string;
      readonly sort: ConnectionSort;
      readonly descending: boolean;
      readonly offset: number;
      readonly limit: number;
    };
    answer: { readonly total: number; readonly rows: readonly ConnectionSummary[] };
  };
  ladder: { ask: { readonly connection: number }; answer: Ladder };
  packet: { ask: { readonly frame: number }; answer: PacketDetail };
  explain: { ask: { readonly rule: string }; answer: Explanation };
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
