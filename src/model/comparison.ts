/** Two captures beside each other, as `compare -f json` prints them: what got better and what got worse. */
import type { Outcome } from './connection.ts';
import type { Finding } from './finding.ts';
import type { CaptureFacts, Report } from './report.ts';
import type { StateName } from './state.ts';

/** What is told of a finding of one of the captures. */
export type FindingBrief = Pick<Finding, 'severity' | 'title' | 'atFault' | 'count'>;

export interface FindingChange {
  readonly id: string;
  readonly rule: string;
  /** `worse`, `better`: another severity, or half as many again (or fewer) at the same. */
  readonly change: 'appeared' | 'vanished' | 'worse' | 'better' | 'same';
  readonly before: FindingBrief | null;
  readonly after: FindingBrief | null;
  /** Of a finding that vanished: why its rule could not answer afterwards, where it could not. Then it may be there still. */
  readonly unanswered: string | null;
}

/** Seconds; null where there is none. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** Of one capture. */
export interface TrafficSummary {
  readonly path: string;
  readonly start: string | null;
  readonly end: string | null;
  readonly seconds: number;
  readonly packets: number;
  readonly connections: number;
  /** null: a capture of one moment. */
  readonly connectionsPerSecond: number | null;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** Of refused, unanswered, half-open, reset and leaked connections among all; null without connections. */
  readonly troubledShare: number | null;
  /** Retransmissions among segments with both ends' packets; null without packets. */
  readonly retransmittedShare: number | null;
  /** Ends by their state at the end of observation, CLOSED left out. */
  readonly endStates: Readonly<Partial<Record<StateName, number>>>;
  readonly connectSeconds: Quantiles;
  readonly durationSeconds: Quantiles;
}

export interface ServiceSummary {
  readonly connections: number;
  readonly troubled: number;
  readonly connectSeconds: Quantiles;
}

export interface ServiceChange {
  /** `10.0.0.9:3306` */
  readonly service: string;
  readonly before: ServiceSummary | null;
  readonly after: ServiceSummary | null;
}

export interface Comparison {
  readonly type: 'comparison';
  readonly schemaVersion: number;
  readonly tool: Report['tool'];
  /** One sentence. */
  readonly verdict: string;
  readonly before: TrafficSummary;
  readonly after: TrafficSummary;
  /** What appeared and what got worse first, by severity; at most 1,000. */
  readonly findings: readonly FindingChange[];
  readonly findingsLeftOut: number;
  /** Those with most connections in either capture. */
  readonly services: readonly ServiceChange[];
  readonly servicesLeftOut: number;
  readonly caveats: { readonly before: CaptureFacts['caveats']; readonly after: CaptureFacts['caveats'] };
}

/** New, or of another severity than it was, and worse. */
export const isRegression = ({ change, before, after }: FindingChange): boolean =>
  change === 'appeared' || (change === 'worse' && before?.severity !== after?.severity);
