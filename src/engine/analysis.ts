/**
 * The finished analysis of a capture, as commands and the library use it: one call, plain results.
 */
import type { Clock, TimeArgument } from '../model/clock.ts';
import type { NamedHost } from '../model/names.ts';
import type { Ladder } from '../model/ladder.ts';
import type { ConnectionRow, Distribution, Report, SocketRow, StateCountRow } from '../model/report.ts';
import type { StateName } from '../model/state.ts';
import type { Nanos } from '../model/units.ts';
import type { SegmentTable } from './correlate/segments.ts';
import type { ExtractOptions, Extracted } from './extract.ts';
import type { Footprint } from '../track/footprint.ts';
import type { Shard } from '../track/shard.ts';

export interface AnalysisOptions {
  /** The capture ran until then although nothing more came. */
  readonly capturedUntil?: TimeArgument;
  /** Stop reading after this time. */
  readonly to?: TimeArgument;
  /** Stop reading after this many records. */
  readonly count?: number;
  /** Report only what concerns connections that pass this filter (model/where); ids, states and counts are those of the whole capture. */
  readonly where?: string;
  /** Report only what was so then or later; what came before is analysed all the same. */
  readonly from?: TimeArgument;
  /** Report only these rules; all when absent. */
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  /** Modules with rules of the user's own, as URLs; docs/own-rules.md. */
  readonly rules?: readonly string[];
  /** `rule.parameter` → value. */
  readonly set?: Readonly<Record<string, number>>;
  /** What the user calls hosts (by address or prefix) and services (by `address:port` or port), and what hosts are. */
  readonly hosts?: Readonly<Record<string, NamedHost>>;
  readonly services?: Readonly<Record<string, string>>;
  /** Kernels that the user names: `windows`, `10.0.0.0/8=windows,linux`; all others are guessed. See track/host-profiles.ts. */
  readonly profile?: string;
  /** What the process may take in memory, octets: connections are folded into counts where that is reached. Default: no limit. */
  readonly maxMemory?: number;
  /** Of the connections, those of one shard alone; for what is put together with the others. */
  readonly shard?: Shard;
  /** false: nothing of what applications sent is shown. */
  readonly payload?: boolean;
}

/** What an analysis does one after the other; `reading-again` only where somebody asks what connections said last. */
export type Stage = 'reading' | 'rules' | 'reading-again';

export interface Analysis {
  readonly clock: Clock;
  readonly report: Report;
  /** Those that `where` and `from` select, in order of id. Built one by one: there may be millions. */
  connections(): Iterable<ConnectionRow>;
  /**
   * Sockets that are neither CLOSED nor LISTEN at that moment (default: the end), host by host, built one by one, of the connections that `connections` lists. Throws UsageError
   * outside the capture, naming its bounds.
   */
  sockets(at?: TimeArgument): Iterable<SocketRow>;
  /**
   * The same sockets counted per host and state, at the first packet and again and again after so many nanoseconds; with `host`
   * (spelled as in a row) for this one alone. Throws UsageError where that would be more moments than anybody looks at.
   */
  stateCounts(every: Nanos, host?: string): StateCounts;
  /**
   * One connection, segment by segment: the capture is read once more for it. Rejects with UsageError, naming the ids that exist, and
   * with TcpdiagError where standard input was not kept.
   */
  ladder(id: number): Promise<Ladder>;
  /**
   * Packets of the capture as a capture of their own, handed to `write` piece by piece: the capture is read once more for it. Rejects with
   * UsageError where there is nothing of the kind, and with TcpdiagError where standard input was not kept.
   */
  extract(options: ExtractOptions, write: (bytes: Uint8Array) => Promise<void>): Promise<Extracted>;
  /** Several of them in one reading, by id, each with as many segments at either end as `kept`. Rejects as `ladder` does. */
  ladders(ids: readonly number[], kept: number): Promise<ReadonlyMap<number, Ladder>>;
  /** How connect times, durations and payloads of the connections that `connections` lists are spread. Counted, not sampled. */
  distributions(): readonly Distribution[];
  /**
   * The TCP segments by connection, for a comparison with another capture: it is read once more. Times count from the first record of
   * the capture that has this clock. Where there are more than `most` (a million), of one in two, four … connections.
   */
  segments(origin: Clock, most?: number): Promise<SegmentTable>;
  /** What the connections take in memory. */
  footprint(): Footprint;
  /** The octets of a file with what was tracked, for `merge`. Of a shard, or of all. Throws TcpdiagError where connections were folded. */
  partial(): AsyncIterable<Uint8Array>;
  /** Gives up what was kept of standard input. */
  close(): void;
}

export interface StateCounts {
  /** States that occur at any of the moments, in RFC 9293's order. */
  readonly states: readonly StateName[];
  /** Hosts with rows of their own. */
  readonly hosts: number;
  /** Hosts that share the row `others`, because there are too many. */
  readonly others: number;
  /** By moment, then by host. Built one by one. */
  readonly rows: Iterable<StateCountRow>;
}
