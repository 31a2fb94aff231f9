/** Findings as contract.md fixes them: plain data that survives JSON and structured clone. */
import type { LastSaid } from './said.ts';

export const SEVERITIES = ['critical', 'warning', 'notice', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];
export type Level = 'high' | 'medium' | 'low';
export type Verdict = 'found' | 'clear' | 'inconclusive' | 'not-applicable';

/** Is `a` at least as severe as `b`? */
export const atLeast = (a: Severity, b: Severity): boolean => SEVERITIES.indexOf(a) <= SEVERITIES.indexOf(b);

/** What a finding is about; keys as they apply. `port` and `peerPort` are service ports, never ephemeral ones. */
export interface Subject {
  readonly host?: string;
  readonly role?: 'client' | 'server';
  readonly port?: number;
  readonly peer?: string;
  readonly peerPort?: number;
  readonly subnet?: string;
}

export interface Caveat {
  readonly code: string;
  readonly text: string;
  readonly count: number;
}

export interface Evidence {
  /** null: a frame that belongs to no connection. */
  readonly connection: number | null;
  readonly frame: number;
  readonly time: string;
  readonly note: string;
  /** With several files: index into capture.files, and the frame's number there. */
  readonly file?: number;
  readonly fileFrame?: number;
}

export interface Cause {
  readonly text: string;
  readonly likelihood: Level;
  readonly because: string;
}

export interface Remedy {
  readonly text: string;
  readonly command: string | null;
  readonly appliesTo: string;
}

export interface Finding {
  readonly id: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly confidence: Level;
  readonly title: string;
  readonly summary: string;
  readonly subject: Subject;
  /** An address, `path`, `attacker`, or null. */
  readonly atFault: string | null;
  readonly faultBecause: string | null;
  readonly explainedBy: string | null;
  readonly since: string | null;
  readonly until: string | null;
  readonly count: number;
  readonly connections: readonly number[];
  readonly evidence: readonly Evidence[];
  readonly metrics: Readonly<Record<string, number | string | null>>;
  readonly causes: readonly Cause[];
  readonly remedies: readonly Remedy[];
  readonly displayFilter: string;
  readonly caveats: readonly Caveat[];
  /** What its connections said last; only where its rule asks for it, and not while the capture is still being read. */
  readonly lastSaid?: LastSaid;
}

/** What a rule concluded, also when it found nothing: an engineer sees what was checked. */
export interface RuleVerdict {
  readonly id: string;
  readonly verdict: Verdict;
  readonly because: string | null;
}
