/** One connection, segment by segment, with the states of both ends between the segments. */
import type { ConnectionRow } from './report.ts';
import type { Words } from './said.ts';

/** One segment of the ladder. */
export interface LadderSegment {
  readonly frame: number;
  /** RFC 3339. */
  readonly time: string;
  /** Seconds since the connection's first segment, and since the segment before. */
  readonly at: number;
  readonly delta: number;
  readonly from: 'client' | 'server';
  /** tcpdump's letters. */
  readonly flags: string;
  /** Relative to the sender's ISN (or its first sequence number seen). */
  readonly seq: number;
  /** null without the ACK flag. */
  readonly ack: number | null;
  readonly length: number;
  /** Scaled when the scale is known. */
  readonly window: number;
  /** What it is, in Wireshark's words: `retransmission`, `dup ack`, `zero window`, `keep-alive`, … */
  readonly notes: readonly string[];
  /** The states of both ends once this segment had passed. */
  readonly clientState: string;
  readonly serverState: string;
  /** The transitions that it caused, as sentences. */
  readonly transitions: readonly string[];
  /** What its sender begins to say with it; absent for what goes on, is sent again, or carries nothing. */
  readonly said?: Words;
}

/** A transition without a segment (a timer) stands between segments. */
export interface LadderTimer {
  readonly frame: null;
  readonly time: string;
  readonly at: number;
  readonly from: 'client' | 'server';
  readonly clientState: string;
  readonly serverState: string;
  readonly transitions: readonly string[];
}

export type LadderRow = LadderSegment | LadderTimer;

export interface LadderEvidence {
  readonly frame: number;
  readonly finding: string;
  readonly note: string;
}

export interface Ladder {
  readonly connection: ConnectionRow;
  readonly rows: readonly LadderRow[];
  /** Segments between the kept head and tail that the bound left out. */
  readonly omitted: number;
  /** Index in `rows` before which the omitted ones stood. */
  readonly omittedAt: number;
  /** Segments behind the last row, where a part in the middle was asked for; absent when there are none. */
  readonly omittedAfter?: number;
  /** Frames that prove a finding, with the note. */
  readonly evidence: readonly LadderEvidence[];
}
