/**
 * Who waited for whom: a connection as a conversation of requests and answers. A turn begins where the direction of the
 * payload changes; what is sent again begins none.
 */
import type { ConnId, FrameNo, Nanos } from './units.ts';

/** Answers that took at least so long are remembered one by one, seconds. */
export const LONG_ANSWER_SECONDS = 1;

/** Answers of a connection after LONG_ANSWER_SECONDS or more. */
export interface LongAnswers {
  readonly count: number;
  /** Of these: the request had been acknowledged before the answer began, so it had arrived. */
  readonly acknowledged: number;
  /** End of the request that was the first to wait so long; beginning of the last such answer. */
  readonly first: Nanos;
  readonly last: Nanos;
  /** The longest wait: last segment of the request, first of the answer. */
  readonly requestFrame: FrameNo;
  readonly requestTime: Nanos;
  readonly answerFrame: FrameNo;
  readonly answerTime: Nanos;
}

/** A request that comes in small pieces, each after a pause, while the server is silent. */
export interface Drips {
  readonly count: number;
  readonly octets: number;
  readonly first: Nanos;
  readonly last: Nanos;
  readonly firstFrame: FrameNo;
}

/** A small piece waited for the acknowledgment of the piece before (Nagle), which the other end delayed. */
export interface Stalls {
  /** Of less than 120 ms (Linux delays 40 ms), and longer ones (200 ms elsewhere). */
  readonly short: number;
  readonly long: number;
  /** Of all: those in the client's words. */
  readonly ofClient: number;
  readonly seconds: number;
  readonly first: Nanos;
  readonly last: Nanos;
  /** The first: the piece, and the one that waited. */
  readonly pieceFrame: FrameNo;
  readonly pieceTime: Nanos;
  readonly restFrame: FrameNo;
}

export interface TurnsView {
  /** Times that the client began to speak. */
  readonly requests: number;
  /** Times that the server spoke after it. */
  readonly answers: number;
  /** Waits for answers, seconds: last segment of the request to first of the answer, the round trip behind the capture point taken off. */
  readonly serverSeconds: number;
  /** The longest wait, the round trip included. */
  readonly longestAnswerSeconds: number;
  /** Waits for the next request: the client's thinking time, the round trip on its side taken off. */
  readonly clientSeconds: number;
  /** The rest of the time from the first segment to the last: handshake, round trips, transfer, repairs. */
  readonly networkSeconds: number;
  /** The client began with an HTTP request line. */
  readonly http: boolean;
  /** The end of an HTTP header was seen. */
  readonly headerEnded: boolean;
  /** The server spoke before it was asked, or again after a pause of a second or more: push, streams, terminals. */
  readonly unasked: boolean;
  readonly long: LongAnswers | null;
  readonly drips: Drips | null;
  readonly stalls: Stalls | null;
  /** Answers after `seconds` or more. Counted in powers of two of a second; `seconds` is rounded up to one. */
  slower(seconds: number): number;
}

/** Requests of one client address to one service. */
export interface RequestSource {
  readonly client: string;
  readonly requests: number;
  /** In order of their beginning. */
  readonly ids: readonly ConnId[];
  readonly first: Nanos;
  readonly last: Nanos;
  /** The most requests within a second, those of one connection spread evenly over its life. */
  readonly peakPerSecond: number;
  /** From an answer to the next request on its connection, on average; null where no connection carried a second one. */
  readonly thinkSeconds: number | null;
  /** The hosts behind the address differ in what their SYNs look like: a translator of addresses, not one host. */
  readonly severalHosts: boolean;
}

/** The conversations of one service. */
export interface ServiceTurns {
  readonly requests: number;
  readonly answers: number;
  /** The time within which the share `q` of all answers began, seconds: a power of two; NaN of none. */
  answerSeconds(q: number): number;
  /** Answers after `seconds` or more, as in `TurnsView`. */
  slower(seconds: number): number;
  /** Connections with long answers, with dripping requests, with stalls; ascending. */
  readonly long: readonly ConnId[];
  readonly dripping: readonly ConnId[];
  readonly stalled: readonly ConnId[];
  /** Connections whose client began with an HTTP request line. */
  readonly http: number;
  /** Of these, by client address. */
  httpSources(): readonly RequestSource[];
}
