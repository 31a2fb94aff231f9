/**
 * RFC 9293 §3.3.2 as an observer at the capture point can apply it: [from, cause, to, where it stands].
 *
 * Hold it beside figure 5 of the RFC. Three things differ, because we see segments and not calls or timers: LISTEN is
 * never entered (a listener shows only by its SYN-ACK), states may be met in the middle (midstream), and timers are
 * causes of their own, marked as assumptions. test/track/transitions.test.ts walks every row.
 */
import { State } from '../model/state.ts';

export const Cause = {
  SENDS_SYN: 0,
  SENDS_SYN_ACK: 1,
  RECEIVES_SYN_ACK: 2,
  /** It acknowledges the other end's SYN though no SYN-ACK was captured. */
  ACKS_SYN: 3,
  /** Its own SYN (or SYN-ACK) is acknowledged. */
  SYN_ACKED: 4,
  /** It sends what only an established end sends. */
  SPEAKS: 5,
  SENDS_FIN: 6,
  RECEIVES_FIN: 7,
  FIN_ACKED: 8,
  SENDS_RST: 9,
  RECEIVES_RST: 10,
  ICMP_ERROR: 11,
  SEEN_MIDSTREAM: 12,
  TUPLE_REUSED: 13,
  TIME_WAIT_OVER: 14,
  ORPHAN_OVER: 15,
  GIVES_UP_SYN: 16,
  GIVES_UP_SYN_ACK: 17,
  GIVES_UP_FIN: 18,
  GIVES_UP_DATA: 19,
} as const;
export type Cause = (typeof Cause)[keyof typeof Cause];
export const CAUSES = 20;

/** What the report says; index = Cause. */
export const CAUSE_TEXT = [
  'sends SYN',
  'sends SYN-ACK',
  'receives SYN-ACK',
  "acknowledges the peer's SYN (the SYN-ACK was not captured)",
  'its SYN is acknowledged',
  'sends what only an established end sends',
  'sends FIN',
  'receives FIN',
  'its FIN is acknowledged',
  'sends RST',
  'receives RST',
  'an ICMP error answers its SYN or SYN-ACK',
  'first seen in the middle of the connection',
  'the same addresses and ports are used again',
  'TIME_WAIT is over',
  'orphan: the kernel gives up waiting for FIN',
  'gives up: the next SYN is not sent',
  'gives up: the next SYN-ACK is not sent',
  'gives up: the next FIN is not sent',
  'gives up: its data is not sent again',
] as const;

/**
 * Which way the segment behind a cause travelled, seen from the end that it changes: -1 it sent it (or sent none that was
 * due), 1 it received it (a timer that began then included), 0 no segment is known. Index = Cause.
 */
export const CAUSE_TRAVEL: readonly (-1 | 0 | 1)[] = [-1, -1, 1, -1, 1, -1, -1, 1, 1, -1, 1, 1, 0, -1, 1, 1, -1, -1, -1, -1];

type Row = readonly [from: State, cause: Cause, to: State, source: string];

const { CLOSED, SYN_SENT, SYN_RCVD, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT } = State;

export const TRANSITIONS: readonly Row[] = [
  [CLOSED, Cause.SENDS_SYN, SYN_SENT, 'RFC 9293 3.10.1 OPEN'],
  [CLOSED, Cause.SENDS_SYN_ACK, SYN_RCVD, '3.10.7.2 LISTEN, third'],
  [CLOSED, Cause.SEEN_MIDSTREAM, ESTABLISHED, 'observer: the capture began later'],

  [SYN_SENT, Cause.RECEIVES_SYN_ACK, ESTABLISHED, '3.10.7.3 fourth'],
  [SYN_SENT, Cause.ACKS_SYN, ESTABLISHED, '3.10.7.3 fourth, seen by its result'],
  [SYN_SENT, Cause.SENDS_SYN_ACK, SYN_RCVD, '3.10.7.3 fourth: simultaneous open'],
  [SYN_SENT, Cause.GIVES_UP_SYN, CLOSED, '3.8.3 R2; linux tcp_syn_retries'],
  [SYN_SENT, Cause.ICMP_ERROR, CLOSED, '3.9.2.2; linux tcp_v4_err: tcp_done in SYN_SENT'],

  [SYN_RCVD, Cause.SYN_ACKED, ESTABLISHED, '3.10.7.4 fifth'],
  [SYN_RCVD, Cause.SPEAKS, ESTABLISHED, '3.10.7.4 fifth, seen by its result'],
  [SYN_RCVD, Cause.SENDS_FIN, FIN_WAIT_1, '3.10.4 CLOSE'],
  [SYN_RCVD, Cause.ICMP_ERROR, CLOSED, '3.9.2.2; linux tcp_req_err: the request is dropped, silently'],
  [SYN_RCVD, Cause.GIVES_UP_SYN_ACK, CLOSED, 'linux tcp_synack_retries; silently'],

  [ESTABLISHED, Cause.SENDS_FIN, FIN_WAIT_1, '3.10.4 CLOSE'],
  [ESTABLISHED, Cause.RECEIVES_FIN, CLOSE_WAIT, '3.10.7.4 eighth'],
  [ESTABLISHED, Cause.GIVES_UP_DATA, CLOSED, '3.8.3 R2; linux tcp_retries2; silently'],

  [FIN_WAIT_1, Cause.FIN_ACKED, FIN_WAIT_2, '3.10.7.4 fifth'],
  [FIN_WAIT_1, Cause.RECEIVES_FIN, CLOSING, '3.10.7.4 eighth'],
  [FIN_WAIT_1, Cause.GIVES_UP_FIN, CLOSED, 'linux tcp_orphan_retries'],
  [FIN_WAIT_2, Cause.RECEIVES_FIN, TIME_WAIT, '3.10.7.4 eighth'],
  [FIN_WAIT_2, Cause.ORPHAN_OVER, CLOSED, 'linux tcp_fin_timeout'],
  [CLOSING, Cause.FIN_ACKED, TIME_WAIT, '3.10.7.4 fifth'],
  [CLOSING, Cause.GIVES_UP_FIN, CLOSED, 'linux tcp_orphan_retries'],

  [CLOSE_WAIT, Cause.SENDS_FIN, LAST_ACK, '3.10.4 CLOSE'],
  [CLOSE_WAIT, Cause.GIVES_UP_DATA, CLOSED, '3.8.3 R2; linux tcp_retries2; silently'],
  [LAST_ACK, Cause.FIN_ACKED, CLOSED, '3.10.7.4 fifth'],
  [LAST_ACK, Cause.GIVES_UP_FIN, CLOSED, 'linux tcp_orphan_retries'],

  [TIME_WAIT, Cause.TIME_WAIT_OVER, CLOSED, '3.10.8; linux TCP_TIMEWAIT_LEN'],
  [TIME_WAIT, Cause.TUPLE_REUSED, CLOSED, 'RFC 6191; linux tcp_timewait_state_process, tcp_tw_reuse'],

  ...[SYN_SENT, SYN_RCVD, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT].flatMap((from): Row[] => [
    [from, Cause.RECEIVES_RST, CLOSED, '3.10.7.4 second; RFC 5961 3.2'],
    [from, Cause.SENDS_RST, CLOSED, '3.10.5 ABORT'],
  ]),
  ...[SYN_SENT, SYN_RCVD, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK].map((from): Row => [
    from,
    Cause.TUPLE_REUSED,
    CLOSED,
    'observer: a new SYN proves that the old end is gone',
  ]),
];

/** No transition. */
export const STAY = 255;

/** [state * CAUSES + cause] → next state or STAY. */
export const NEXT = new Uint8Array(16 * CAUSES).fill(STAY);
for (const [from, cause, to] of TRANSITIONS) NEXT[from * CAUSES + cause] = to;
