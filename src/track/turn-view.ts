/** The turns and delays of one connection as rules see them. */
import type { Drips, LongAnswers, Stalls, TurnsView } from '../model/turns.ts';
import { frameNo, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { Tables } from './tables.ts';
import { Delay, pairOf, Turn, TurnFlag } from './layout.ts';
import { ANSWER_BUCKETS, bucketEnd } from './turns.ts';

/** Index of a connection's pair record; -1: it has had no payload. */
export function turnsRefOf(tables: Tables, id: number): number {
  const ref = pairOf(tables.cores.page(id), tables.cores.offset(id)) - 1;
  return ref < 0 || (tables.pairs.word(ref, Turn.FLAGS) & TurnFlag.SPEAKER) === 0 ? -1 : ref;
}

/** Number of answers in a bucket. */
export const answersIn = (turn: Int32Array, t: number, bucket: number): number =>
  (turn[t + Turn.BUCKETS + (bucket >> 1)]! >>> ((bucket & 1) << 4)) & 0xffff;

/** Index of the first bucket whose answers all took `seconds` or more. */
export function bucketFrom(seconds: number): number {
  let bucket = 0;
  while (bucket < ANSWER_BUCKETS && bucketEnd(bucket - 1) < seconds) bucket++;
  return bucket;
}

/** What the times of a connection are compared with, seconds. */
export interface Spans {
  /** First segment to last. */
  readonly duration: number;
  /** Handshake's round trips on either side of the capture point; null unknown. */
  readonly clientSideRtt: number | null;
  readonly serverSideRtt: number | null;
}

/** Null: no payload was seen. */
export function turnsOf(tables: Tables, id: number, spans: Spans): TurnsView | null {
  const ref = turnsRefOf(tables, id);
  if (ref < 0) return null;
  const turn = tables.pairs.page(ref);
  const t = tables.pairs.offset(ref);
  const seconds = (word: number): number => tables.pairs.floatPage(ref)[(t + word) >> 1]! / NANOS_PER_SECOND;
  const flag = (bit: number): boolean => (turn[t + Turn.FLAGS]! & bit) !== 0;
  const requests = turn[t + Turn.REQUESTS]!;
  const answers = turn[t + Turn.ANSWERS]!;
  const net = (waited: number, times: number, rtt: number | null): number => Math.max(0, waited - times * (rtt ?? 0));
  const serverSeconds = net(seconds(Turn.SERVER_TIME), answers, spans.serverSideRtt);
  const clientSeconds = net(seconds(Turn.CLIENT_TIME), Math.max(0, requests - 1), spans.clientSideRtt);
  return {
    requests,
    answers,
    serverSeconds,
    clientSeconds,
    networkSeconds: Math.max(0, spans.duration - serverSeconds - clientSeconds),
    longestAnswerSeconds: turn[t + Turn.LONGEST]! / 1e6,
    http: flag(TurnFlag.HTTP),
    headerEnded: flag(TurnFlag.HEADER_ENDED),
    unasked: flag(TurnFlag.UNASKED),
    ...delaysOf(tables, turn[t + Turn.DELAYS]! - 1),
    slower(least) {
      let n = 0;
      for (let bucket = bucketFrom(least); bucket < ANSWER_BUCKETS; bucket++) n += answersIn(turn, t, bucket);
      return n;
    },
  };
}

function delaysOf(tables: Tables, ref: number): { long: LongAnswers | null; drips: Drips | null; stalls: Stalls | null } {
  if (ref < 0) return { long: null, drips: null, stalls: null };
  const delay = tables.delays.page(ref);
  const d = tables.delays.offset(ref);
  const count = (word: number): number => delay[d + word]!;
  const frame = (word: number) => frameNo(delay[d + word]!);
  const time = (word: number) => nanos(tables.delays.floatPage(ref)[(d + word) >> 1]!);
  return {
    long:
      count(Delay.LONG) === 0
        ? null
        : {
            count: count(Delay.LONG),
            acknowledged: count(Delay.LONG_ACKED),
            first: time(Delay.LONG_FIRST),
            last: time(Delay.LONG_LAST),
            requestFrame: frame(Delay.REQUEST_FRAME),
            requestTime: time(Delay.REQUEST_TIME),
            answerFrame: frame(Delay.ANSWER_FRAME),
            answerTime: time(Delay.LONGEST_TIME),
          },
    drips:
      count(Delay.DRIPS) === 0
        ? null
        : {
            count: count(Delay.DRIPS),
            octets: count(Delay.DRIP_OCTETS),
            first: time(Delay.DRIP_FIRST),
            last: time(Delay.DRIP_LAST),
            firstFrame: frame(Delay.DRIP_FRAME),
          },
    stalls:
      count(Delay.REST_FRAME) === 0
        ? null
        : {
            short: count(Delay.STALLS_SHORT),
            long: count(Delay.STALLS_LONG),
            ofClient: count(Delay.STALLS_OF_CLIENT),
            seconds: time(Delay.STALL_TIME) / NANOS_PER_SECOND,
            first: time(Delay.STALL_FIRST),
            last: time(Delay.STALL_LAST),
            pieceFrame: frame(Delay.PIECE_FRAME),
            pieceTime: time(Delay.PIECE_TIME),
            restFrame: frame(Delay.REST_FRAME),
          },
  };
}
