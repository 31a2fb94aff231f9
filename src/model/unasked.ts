/** Segments and datagrams that nobody asked for: lone ACKs, and answers to questions that were never put. */
import type { ServiceView } from './capture-view.ts';
import type { ConnId, FrameNo, Nanos } from './units.ts';

/** Lone segments with ACK and without data for one service that meet a bare RST: they belong to no connection. */
export interface StrayAcks {
  readonly service: ServiceView;
  /** Ascending; without those of sources that hold other connections to the service. */
  readonly ids: readonly ConnId[];
  readonly sources: number;
  /** How many were left out because their source holds other connections. */
  readonly leftOut: number;
  readonly first: Nanos;
  readonly last: Nanos;
  /** The most of them begun within so many seconds. */
  peakWithin(seconds: number): number;
}

/** SYN-ACKs of one service to SYNs that the capture does not hold, with nothing else but RSTs. */
export interface Unasked {
  readonly service: ServiceView;
  /** Ascending. */
  readonly ids: readonly ConnId[];
  /** Refused by a RST of the receiver. */
  readonly refused: number;
  readonly receivers: number;
  /** Receivers whose own SYNs, where they sent any, are in the capture. */
  readonly askingReceivers: number;
}

/** Answers that reach one address which asked for none of them, from many servers. */
export interface Reflected {
  readonly receiver: string;
  /** Over UDP and ICMP echo; IP packet lengths. */
  readonly answers: number;
  readonly bytes: number;
  /** By the service's UDP port, 0 ICMP echo; most frequent first. */
  readonly kinds: readonly { readonly port: number; readonly count: number }[];
  /** Connections that hold its SYN-ACKs alone, and the RSTs with which the receiver refused them. Ascending. */
  readonly synAcks: readonly ConnId[];
  /** Different addresses that answered; at least so many. */
  readonly senders: number;
  /** What the receiver refused, by ICMP port unreachable or RST. */
  readonly refused: number;
  /** Other packets of the receiver's are in the capture: questions of its own, or connections that came about. */
  readonly heard: boolean;
  readonly first: Nanos;
  readonly last: Nanos;
  /** Most UDP and ICMP answers in one second. */
  readonly peakPerSecond: number;
  /** The first UDP and ICMP answers. */
  readonly examples: readonly { readonly frame: FrameNo; readonly time: Nanos; readonly sender: string; readonly port: number }[];
}
