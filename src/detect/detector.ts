/**
 * A rule: one file that says what it looks for, how it decides, when it stays silent, and what to do.
 * Pure: the same view gives the same drafts. Text for people lives in the rule, not in the reporters.
 */
import type { CaptureView } from '../model/capture-view.ts';
import type { Caveat, Cause, Level, Remedy, Severity, Subject } from '../model/finding.ts';
import type { SaidBefore } from '../model/said.ts';
import type { ConnId, ConnIds, FrameNo, Nanos } from '../model/units.ts';

export type Category = 'close' | 'time-wait' | 'open' | 'flood' | 'reset' | 'path' | 'capture';

/** A threshold that a user may change: `--set RULE.NAME=VALUE`. The unit is in the name (minSeconds). */
export interface Parameter {
  readonly default: number;
  readonly text: string;
}

export interface RuleDocs {
  readonly what: string;
  readonly why: string;
  /** How it is decided, step by step. */
  readonly how: string;
  /** When it stays silent. */
  readonly never: string;
  /** What it cannot know. */
  readonly limits: string;
  readonly references: readonly string[];
}

export interface EvidenceDraft {
  readonly connection: ConnId | null;
  readonly frame: FrameNo;
  readonly time: Nanos;
  readonly note: string;
}

/**
 * By whom the rule judges the connections of a finding: the others of the same service, or all that its hosts have. An extract of the finding
 * takes their packets along, so that the finding is found again in it.
 */
export type Neighbours = 'service' | 'hosts';

/** A finding before the engine gives it an id, times as text, and its place in the report. */
export interface Draft {
  readonly severity: Severity;
  readonly confidence: Level;
  readonly title: string;
  readonly summary: string;
  readonly subject: Subject;
  readonly atFault: string | null;
  readonly faultBecause: string | null;
  readonly since: Nanos | null;
  readonly until: Nanos | null;
  readonly count: number;
  /** Every connection concerned, ascending; the engine cuts the list. */
  readonly connections: ConnIds;
  readonly evidence: readonly EvidenceDraft[];
  readonly metrics: Readonly<Record<string, number | string | null>>;
  readonly causes: readonly Cause[];
  readonly remedies: readonly Remedy[];
  /** Overrides the display filter that the engine derives from subject and connections. */
  readonly displayFilter?: string;
  readonly caveats?: readonly Caveat[];
  /**
   * Of a finding about the capture: what it makes doubtful in the finding of another rule, one sentence; null nothing. The engine
   * adds it to that finding's caveats.
   */
  readonly doubtsOf?: (rule: string, other: Draft) => string | null;
  /** Whose finding about the same host or service would explain this one, most likely first. */
  readonly explainedByRules?: readonly Explanation[];
}

/** Id of a rule; with `atFault`, only where its finding blames that host. */
export type Explanation = string | { readonly rule: string; readonly atFault: string };

export type Detection =
  | { readonly verdict: 'found'; readonly findings: readonly Draft[] }
  | { readonly verdict: 'clear' }
  | { readonly verdict: 'inconclusive' | 'not-applicable'; readonly because: string };

export interface Detector<P extends Record<string, Parameter> = Record<string, Parameter>> {
  /** Kebab-case, for ever. */
  readonly id: string;
  readonly title: string;
  /** The usual one; a finding may differ. */
  readonly severity: Severity;
  readonly category: Category;
  /** The finding shows what its connections had said last, read from the capture a second time. */
  readonly said?: SaidBefore;
  /** Absent: the connections of a finding speak for themselves. */
  readonly neighbours?: Neighbours;
  readonly docs: RuleDocs;
  readonly params: P;
  readonly detect: (capture: CaptureView, params: Readonly<Record<keyof P, number>>) => Detection;
}

export const defineDetector = <const P extends Record<string, Parameter>>(detector: Detector<P>): Detector<P> => detector;

/** The usual end of a rule: drafts or nothing. */
export const found = (findings: readonly Draft[]): Detection =>
  findings.length > 0 ? { verdict: 'found', findings } : { verdict: 'clear' };

/** The same where the capture may lack what the rule looks for: finding nothing then proves nothing. `lacks` says what, or false. */
export const foundUnless = (findings: readonly Draft[], lacks: string | false): Detection =>
  findings.length === 0 && lacks !== false ? { verdict: 'inconclusive', because: lacks } : found(findings);
