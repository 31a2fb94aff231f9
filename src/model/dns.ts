/** DNS over UDP port 53, as far as rules about floods and held-up connects need it. */
import type { ConnId, FrameNo, Nanos } from './units.ts';

/** Queries that one address received on port 53. */
export interface DnsServerView {
  readonly ip: string;
  readonly queries: number;
  /** Answers that belong to one of them. */
  readonly answers: number;
  /** Of the answers: those with an error (NXDOMAIN, SERVFAIL, REFUSED …). */
  readonly errors: number;
  readonly sources: number;
  /** The address that asked most, and what is usual. */
  readonly topSource: { readonly ip: string; readonly queries: number };
  readonly medianQueriesPerSource: number;
  /** Different questions (name and type). */
  readonly questions: number;
  /** The zone (last two labels) that most queries are about. */
  readonly topZone: { readonly name: string; readonly queries: number };
  readonly peakPerSecond: number;
  readonly first: Nanos;
  readonly last: Nanos;
  /** The first few queries. */
  readonly examples: readonly { readonly frame: FrameNo; readonly time: Nanos; readonly source: string }[];
}

/** A question that was asked again, here or at another server, and answered a second or more after it was first asked. */
export interface LateLookup {
  readonly client: string;
  /** Whom it asked first. */
  readonly server: string;
  readonly tries: number;
  readonly asked: Nanos;
  readonly askedFrame: FrameNo;
  readonly answered: Nanos;
  readonly answeredFrame: FrameNo;
  /** The first connection that the client opened right after the answer; null: none. */
  readonly connection: ConnId | null;
}

export interface DnsView {
  readonly queries: number;
  readonly servers: readonly DnsServerView[];
  readonly lateLookups: readonly LateLookup[];
}
