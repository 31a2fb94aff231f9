/**
 * What a rule sees of a whole capture: groups that were counted once, and connections that are looked up by id.
 * Built by `collect`; pure data access, no I/O, cheap to build again while the capture is still being read.
 */
import type { ConnectionView, Outcome } from './connection.ts';
import type { Side } from './state.ts';
import type { ConnId, FrameNo, Nanos } from './units.ts';

/** A stay of one endpoint in CLOSE_WAIT. */
export interface CloseWaitStay {
  readonly id: ConnId;
  readonly side: Side;
  readonly since: Nanos;
  /** null: still there at the end of observation. */
  readonly until: Nanos | null;
}

/** All connections to one service: one server address and port (within one encapsulation). */
export interface ServiceView {
  readonly ip: string;
  readonly port: number;
  /** `10.0.0.9:3306` */
  readonly name: string;
  readonly total: number;
  readonly firstFrame: FrameNo;
  readonly start: Nanos;
  readonly end: Nanos;
  /** Exact number of connections with this outcome. */
  count(outcome: Outcome): number;
  /** Their ids, ascending. */
  ids(outcome: Outcome): readonly ConnId[];
  /** All ids, ascending. */
  all(): readonly ConnId[];
  /** Connections whose handshake completed in the capture. */
  readonly completed: number;
  /** SYNs to this service, retries included. */
  readonly syns: number;
  /** SYN-ACKs from it, retries included. */
  readonly synAcks: number;
  /** Largest number of connections at once whose SYN-ACK had gone out and whose handshake had not completed; and when. */
  readonly peakHalfOpen: number;
  readonly peakHalfOpenAt: Nanos | null;
  /** Stays in CLOSE_WAIT at either end of this service's connections, longest first. */
  readonly closeWaits: readonly CloseWaitStay[];
  /** Different client addresses. */
  readonly clients: number;
}

/** Sockets in TIME_WAIT of one host towards one service. */
export interface TimeWaitGroup {
  readonly host: string;
  readonly side: Side;
  /** The service: the server's address and port, whichever side waits. */
  readonly service: { readonly ip: string; readonly port: number };
  /** Stays of at least a moment. */
  readonly total: number;
  readonly peak: number;
  readonly peakAt: Nanos;
  readonly ids: readonly ConnId[];
}

/** Connections from one client address to one service, in order of their first SYN. */
export interface ClientGroup {
  readonly client: string;
  readonly service: { readonly ip: string; readonly port: number };
  readonly ids: readonly ConnId[];
}

/** What is missing everywhere: facts about the capture that make rules doubt themselves. */
export interface CaptureQuality {
  /** TCP segments by kind. */
  readonly tcpPackets: number;
  readonly withSyn: number;
  readonly withFin: number;
  readonly withRst: number;
  /** Without SYN, FIN and RST. */
  readonly plain: number;
  readonly withPayload: number;
  readonly connections: number;
  /** Connections with segments of one end only, though the other must have spoken. */
  readonly oneSided: number;
  /** Connections that began before the capture. */
  readonly midstream: number;
  /** Only segments with SYN, FIN or RST are in the capture: everything else was filtered out. */
  readonly flagsOnly: boolean;
  /** Every connection shows one direction only, or whole directions are missing for everybody. */
  readonly oneDirection: boolean;
  /** Connections with sequence space that was acknowledged and never captured. */
  readonly withGaps: number;
  readonly missedBytes: number;
  /** The captured bytes end inside a TCP header in this many packets. */
  readonly cutHeaders: number;
}

/** A UDP, ICMP or odd TCP packet count that rules may need; TCP connections are elsewhere. */
export interface CaptureView {
  /** First record. */
  readonly start: Nanos;
  /** End of observation: last record, isb_endtime or --captured-until, whichever is latest. */
  readonly end: Nanos;
  readonly packets: number;
  readonly quality: CaptureQuality;
  readonly services: readonly ServiceView[];
  /** Groups with at least `minimum` stays. */
  timeWaits(minimum: number): readonly TimeWaitGroup[];
  /** Groups of at least `minimum` connections. */
  clientGroups(minimum: number): readonly ClientGroup[];
  connection(id: ConnId): ConnectionView;
  /** RFC 3339. */
  timeText(t: Nanos): string;
  /** Ids of connections with at least one RST, ascending. */
  withRst(): readonly ConnId[];
}
