/**
 * The finished analysis of a capture, as commands and the library use it: one call, plain results.
 */
import type { Clock, TimeArgument } from '../model/clock.ts';
import type { ConnectionRow, Report, SocketRow } from '../model/report.ts';

export interface AnalysisOptions {
  /** The capture ran until then although nothing more came. */
  readonly capturedUntil?: TimeArgument;
  /** Stop reading after this time. */
  readonly to?: TimeArgument;
  /** Stop reading after this many records. */
  readonly count?: number;
  /** Report only these rules; all when absent. */
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  /** `rule.parameter` → value. */
  readonly set?: Readonly<Record<string, number>>;
  /** Kernel whose timers are assumed; see track/profiles.ts. */
  readonly profile?: string;
}

export interface Analysis {
  readonly clock: Clock;
  readonly report: Report;
  /** In order of id. Built one by one: there may be millions. */
  connections(): Iterable<ConnectionRow>;
  /**
   * Sockets that are neither CLOSED nor LISTEN at that moment (default: the end), built one by one. Throws UsageError outside the
   * capture, naming its bounds.
   */
  sockets(at?: TimeArgument): Iterable<SocketRow>;
}
