/**
 * What sequence analysis counts for one end of a connection while the capture is read: how loss was repaired, what the receiver
 * reported, closed windows, probes. Seen from the capture point; a segment that was lost before it and never repeated leaves no trace.
 */
import type { FrameNo, Nanos } from './units.ts';

export interface Moment {
  readonly frame: FrameNo;
  readonly time: Nanos;
}

export interface Interval {
  readonly seconds: number;
  readonly begin: Moment;
  /** null: still so at the end. */
  readonly end: Moment | null;
}

export interface Silence {
  readonly seconds: number;
  /** The segment that ended it. */
  readonly end: Moment;
}

/** Round trips of one end's data, from a segment to the ACK that covers it; never of repeated segments (Karn). Seconds. */
export interface RoundTrips {
  readonly smallest: number;
  readonly mean: number;
  readonly largest: number;
  /** One segment is measured at a time, if it is among an end's first three or its every eighth: fewer than there were round trips. */
  readonly samples: number;
}

/** Counts are of segments that this end sent, unless they say otherwise. */
export interface SequenceFacts {
  /** The four add up to `retransmissions`. After duplicate ACKs or SACK had reported the loss (RFC 5681, RFC 6675, RACK). */
  readonly fastRetransmissions: number;
  /** The retransmission timer fired, or had fired for the same flight; SYN and SYN-ACK repeats too (RFC 6298). */
  readonly timeoutRetransmissions: number;
  /** The last segment again, without a report (RFC 8985 §7). */
  readonly tailLossProbes: number;
  /** For nothing: acknowledged before it was sent again, or the other end's D-SACK says that it got it twice (RFC 2883). */
  readonly spuriousRetransmissions: number;
  /** Silence of this end before timeouts, summed, seconds: what they cost. Without SYNs: see `connectSeconds`. */
  readonly timeoutSeconds: number;
  /** null when nothing but SYNs was sent again. */
  readonly firstRetransmission: Moment | null;
  readonly lastRetransmission: Moment | null;
  /** Of all but the spurious ones: what was repeated had been lost on its way here. The rest was lost behind the capture point, or its ACK was. */
  readonly lostBeforeCapture: number;
  /** Repeats since an acknowledgment last moved, if it did not until the end; and the first of them. */
  readonly resentInVain: number;
  readonly inVainSince: Moment | null;
  /** Most repeats in a row of segments above 1,200 octets of payload while nothing new was acknowledged. */
  readonly largeResentInVain: number;
  /** What such a segment carried was not acknowledged until the end. */
  readonly largeNeverAcknowledged: boolean;
  /** The farthest that an overtaken segment was behind, octets, and the longest that it was late, seconds. */
  readonly reorderedOctets: number;
  readonly reorderedSeconds: number;
  /** The one that was late the longest. */
  readonly latestOvertaken: Moment | null;
  /** Pure ACKs that repeat the last one while the other end has data in flight; window updates and answers to keepalives are none (RFC 5681 §2). */
  readonly duplicateAcks: number;
  /** Segments that carry SACK blocks, and those of them whose first block is a D-SACK. */
  readonly sacks: number;
  readonly dsacks: number;
  /** ACKs of more than the other end had been seen to send. */
  readonly acksOfUnseen: number;
  /** This end's receive window at zero: how often, how long in all, and the longest. */
  readonly zeroWindowEpisodes: number;
  readonly zeroWindowSeconds: number;
  readonly longestZeroWindow: Interval | null;
  /** Into the other end's closed window. */
  readonly windowProbes: number;
  /** Segments that used up exactly what the other end allowed. */
  readonly windowFull: number;
  readonly keepAlives: number;
  readonly keepAlivesAnswered: number;
  /** Since the other end last sent anything. */
  readonly keepAlivesInVain: number;
  readonly lastKeepAlive: Moment | null;
  /** Between the last two, seconds; null when there were fewer. */
  readonly keepAliveInterval: number | null;
}

export const NO_TROUBLE: SequenceFacts = {
  fastRetransmissions: 0,
  timeoutRetransmissions: 0,
  tailLossProbes: 0,
  spuriousRetransmissions: 0,
  timeoutSeconds: 0,
  firstRetransmission: null,
  lastRetransmission: null,
  lostBeforeCapture: 0,
  resentInVain: 0,
  inVainSince: null,
  largeResentInVain: 0,
  largeNeverAcknowledged: false,
  reorderedOctets: 0,
  reorderedSeconds: 0,
  latestOvertaken: null,
  duplicateAcks: 0,
  sacks: 0,
  dsacks: 0,
  acksOfUnseen: 0,
  zeroWindowEpisodes: 0,
  zeroWindowSeconds: 0,
  longestZeroWindow: null,
  windowProbes: 0,
  windowFull: 0,
  keepAlives: 0,
  keepAlivesAnswered: 0,
  keepAlivesInVain: 0,
  lastKeepAlive: null,
  keepAliveInterval: null,
};
