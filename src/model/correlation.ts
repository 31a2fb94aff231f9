/** What two captures of the same traffic, taken at both sides, tell together; `correlate -f json` prints it. */
import type { SideName } from './state.ts';

/** A frame in one of the two captures. */
export interface Sighting {
  /** The capture: the first named is the client's side. */
  readonly capture: SideName;
  readonly connection: number;
  readonly frame: number;
  /** By the clock of that capture. */
  readonly time: string;
}

export interface CorrelatedCapture {
  readonly path: string;
  readonly packets: number;
  readonly connections: number;
  readonly start: string | null;
  readonly end: string | null;
}

/** The clock of the server's capture against that of the client's. */
export interface ClockDifference {
  /** Ahead, seconds, at the first pair. */
  readonly offsetSeconds: number;
  /** It gains so much; 0 where the captures are too short to tell. */
  readonly driftPpm: number;
  /** Half of the shortest round trip: how much of the offset may be a path that is slower one way than the other. */
  readonly uncertaintySeconds: number;
  /** Segments that both captures have, each once. */
  readonly pairs: number;
}

export interface Delays {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/** What one side sent, and what of it came to the other. Segments while both captures ran. */
export interface DirectionFacts {
  readonly from: SideName;
  readonly sent: number;
  readonly arrived: number;
  readonly lost: number;
  /** Not in the receiver's capture, and acknowledged all the same: it was the capture that missed them. */
  readonly missedByCapture: number;
  /** Came more often than they were sent. */
  readonly duplicated: number;
  /** Came behind one that was sent later. */
  readonly overtaken: number;
  /** Came, and were never sent: resets apart. */
  readonly appeared: number;
  readonly injectedResets: number;
  /** Seconds one way; null where nothing arrived. */
  readonly delaySeconds: Delays | null;
  /** Routers between, by the time to live; null where it does not say. */
  readonly hops: number | null;
}

export const CHANGES = ['address', 'mss', 'window-scale', 'sack', 'timestamps', 'sequence-numbers', 'payload'] as const;
export type ChangeKind = (typeof CHANGES)[number];

/** Something that leaves one side otherwise than it comes to the other. */
export interface PathChange {
  readonly what: ChangeKind;
  readonly from: SideName;
  readonly text: string;
  readonly connections: number;
  readonly evidence: readonly Sighting[];
}

export type IncidentKind = 'lost' | 'never-arrived' | 'injected-reset' | 'dropped-reset' | 'appeared';

export interface PathIncident {
  readonly kind: IncidentKind;
  /** Who sent them, or was said to. */
  readonly from: SideName;
  readonly segments: number;
  readonly connections: number;
  readonly text: string;
  /** The first few. */
  readonly evidence: readonly (Sighting & { readonly note: string })[];
}

export interface CorrelatedPair {
  readonly client: number;
  readonly server: number;
  /** tuple: the same addresses and ports. numbers: the same initial sequence numbers. content: the same octets. */
  readonly by: 'tuple' | 'numbers' | 'content';
  readonly lostFromClient: number;
  readonly lostFromServer: number;
}

/** Where the time went that the client waited for answers. */
export interface Waits {
  readonly answers: number;
  /** Between the last octet of a request and the first of its answer, seconds, all together: at the client, and of that at the server. */
  readonly clientSeconds: number;
  readonly serverSeconds: number;
}

export interface Correlation {
  readonly schemaVersion: number;
  readonly tool: { readonly name: string; readonly version: string };
  readonly captures: { readonly client: CorrelatedCapture; readonly server: CorrelatedCapture };
  /** null: no segment is in both. */
  readonly clock: ClockDifference | null;
  /** 1: every connection was compared. Otherwise one in so many, chosen by initial sequence numbers, and all counts are of those. */
  readonly sampledOneIn: number;
  readonly connections: {
    readonly matched: number;
    readonly byTuple: number;
    readonly byNumbers: number;
    readonly byContent: number;
    readonly onlyClient: number;
    readonly onlyServer: number;
  };
  readonly directions: readonly DirectionFacts[];
  readonly waits: Waits;
  readonly changes: readonly PathChange[];
  readonly incidents: readonly PathIncident[];
  readonly verdict: {
    /** `path`, the address of a host, or null: nothing to blame. */
    readonly atFault: string | null;
    readonly text: string;
  };
  /** The first 1,000. */
  readonly pairs: readonly CorrelatedPair[];
  readonly caveats: readonly string[];
}
