/** What the SYNs of a host show of it, connection by connection: timestamps (RFC 7323) and initial sequence numbers (RFC 9293 §3.4.1). */
import type { Side } from './state.ts';
import type { ConnId, Nanos } from './units.ts';

/** SYNs on one line: timestamps that go up by `hertz` ticks per second. */
export interface TimestampClock {
  /** Ticks per second. */
  readonly hertz: number;
  /** In order of their SYNs. */
  readonly ids: readonly ConnId[];
}

/** A SYN whose timestamp is older than that of a connection of the same address that the server closed less than 60 s before. */
export interface OlderSyn {
  readonly id: ConnId;
  readonly closed: ConnId;
  /** By how much, ticks; at least. */
  readonly behind: number;
}

/** Timestamps in the SYNs of one client address to one service. */
export interface SynTimestamps {
  readonly client: string;
  readonly service: { readonly ip: string; readonly port: number };
  /** SYNs with timestamps. */
  readonly syns: number;
  /** Clocks that ran at the same time (the SYNs of each are spread over some seconds), the one with most SYNs first; one at least, or none. */
  readonly clocks: readonly TimestampClock[];
  /** SYNs on none of these lines. */
  readonly loose: number;
  /** By what tcp_tw_recycle would have done: older SYNs that were not answered, that were; others that were not, that were. */
  readonly olderDropped: readonly OlderSyn[];
  readonly olderAnswered: number;
  readonly newerDropped: number;
  readonly newerAnswered: number;
}

/** Initial sequence numbers of one host's connections on different tuples, in order of their first segments. */
export interface IsnSeries {
  readonly host: string;
  /** As client (numbers of its SYNs), or as server (of its SYN-ACKs). */
  readonly side: Side;
  /** The first of them, ascending. */
  readonly ids: readonly ConnId[];
  /** uint32 */
  readonly isns: readonly number[];
  readonly starts: readonly Nanos[];
}
