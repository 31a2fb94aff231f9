/** What the ends of connections said: one line each, and how often the same line comes. Read from the capture for findings only. */
import type { SideName } from './state.ts';

/** One end's words: the name of the protocol (`text`, `binary`, `cut` where none was understood), and a line of it without secrets. */
export interface Words {
  readonly protocol: string;
  readonly text: string;
}

/** What one end of one connection said last. */
export interface SaidLine extends Words {
  readonly connection: number;
  readonly side: SideName;
  /** With which it began to say so. */
  readonly frame: number;
}

/** Ends that said the same; where only their numbers differ, `*` stands for them. */
export interface SaidGroup extends Words {
  readonly side: SideName;
  readonly count: number;
}

/** Of the connections of a finding, what both ends had said last (`slow-response`: what was asked, and what was answered). */
export interface LastSaid {
  /** The last words, or those around the longest wait for an answer. */
  readonly which: 'last' | 'slowest';
  /** Connections that were looked at: the first of the finding. */
  readonly connections: number;
  /** Of these, in a database transaction after what was said last; and those of which the server itself said so. */
  readonly inTransaction: number;
  readonly inTransactionProven: number;
  /** Largest first, client before server; `protocol` is `none` for ends that said nothing. */
  readonly groups: readonly SaidGroup[];
  readonly lines: readonly SaidLine[];
}

/**
 * Why a rule wants to know: `silence`: its connections fell silent, and an open transaction would be a cause; `end`: they were cut;
 * `answer`: which request took so long.
 */
export type SaidBefore = 'silence' | 'end' | 'answer';
