/** The conversations of one service: how long answers take, who asks how much, and the few connections that rules look into. */
import type { RequestSource, ServiceTurns } from '../model/turns.ts';
import { type ConnId, nanos, type Nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { Tables } from '../track/tables.ts';
import { Delay, Turn, TurnFlag } from '../track/layout.ts';
import { lastTimeOf, optionsOf, ttlsOf } from '../track/sequel.ts';
import { answersIn, bucketFrom, turnsRefOf } from '../track/turn-view.ts';
import { ANSWER_BUCKETS, bucketEnd } from '../track/turns.ts';
import type { Census } from './census.ts';

/** A share of its connections from which a second kind of SYN says that a second host is behind an address. */
const OTHER_HOST = 0.1;
/** Windows of a second for which requests are counted; an hour. What comes later is left out of the peak. */
const MOST_SECONDS = 3_600;

/** Of one service. */
class Conversations {
  requests = 0;
  answers = 0;
  readonly buckets = new Float64Array(ANSWER_BUCKETS);
  readonly long: ConnId[] = [];
  readonly dripping: ConnId[] = [];
  readonly stalled: ConnId[] = [];
  readonly http: ConnId[] = [];
}

/** Adds up each service's conversations while the census walks over all connections. */
export class TurnTally {
  readonly #tables: Tables;
  readonly #services: (Conversations | undefined)[] = [];

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** @param turn the page with the connection's pair record, at `t`. */
  note(id: ConnId, service: number, turn: Int32Array, t: number): void {
    const { delays } = this.#tables;
    if ((turn[t + Turn.FLAGS]! & TurnFlag.SPEAKER) === 0) return;
    const sum = (this.#services[service] ??= new Conversations());
    sum.requests += turn[t + Turn.REQUESTS]!;
    sum.answers += turn[t + Turn.ANSWERS]!;
    for (let b = 0; b < ANSWER_BUCKETS; b += 2) {
      if (turn[t + Turn.BUCKETS + (b >> 1)] === 0) continue; // two in a word; a connection has answers in few
      sum.buckets[b] = sum.buckets[b]! + answersIn(turn, t, b);
      sum.buckets[b + 1] = sum.buckets[b + 1]! + answersIn(turn, t, b + 1);
    }
    if ((turn[t + Turn.FLAGS]! & TurnFlag.HTTP) !== 0) sum.http.push(id);
    const delayed = turn[t + Turn.DELAYS]! - 1;
    if (delayed < 0) return;
    const delay = delays.page(delayed);
    const d = delays.offset(delayed);
    if (delay[d + Delay.LONG]! > 0) sum.long.push(id);
    if (delay[d + Delay.DRIPS]! > 0) sum.dripping.push(id);
    if (delay[d + Delay.REST_FRAME]! > 0) sum.stalled.push(id);
  }

  of(census: Census, service: number): ServiceTurns {
    const { requests, answers, buckets, long, dripping, stalled, http } = this.#services[service] ?? new Conversations();
    const counted = buckets.reduce((sum, n) => sum + n, 0);
    let sources: readonly RequestSource[] | undefined;
    return {
      requests,
      answers,
      long,
      dripping,
      stalled,
      http: http.length,
      answerSeconds(q) {
        if (counted === 0) return Number.NaN;
        let bucket = 0;
        for (let left = q * counted; bucket < ANSWER_BUCKETS - 1 && (left -= buckets[bucket]!) > 0; bucket++);
        return bucketEnd(bucket);
      },
      slower: (seconds) => buckets.subarray(bucketFrom(seconds)).reduce((sum, n) => sum + n, 0),
      httpSources: () => (sources ??= sourcesOf(census, http)),
    };
  }
}

function sourcesOf(census: Census, ids: readonly ConnId[]): RequestSource[] {
  const byClient = new Map<number, ConnId[]>();
  for (const id of ids) {
    const address = census.clientAddress(id);
    const list = byClient.get(address);
    if (list) list.push(id);
    else byClient.set(address, [id]);
  }
  return [...byClient.values()].map((list) => sourceOf(census, list));
}

function sourceOf(census: Census, ids: readonly ConnId[]): RequestSource {
  const { cores, pairs } = census.tracker.tables;
  const origin = startOf(census, ids[0]!);
  const changes: number[] = [];
  const kinds = new Map<number, number>();
  let requests = 0;
  let think = 0;
  let last: Nanos = origin;
  for (const id of ids) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const ref = turnsRefOf(census.tracker.tables, id);
    const t = pairs.offset(ref);
    const asked = pairs.page(ref)[t + Turn.REQUESTS]!;
    requests += asked;
    think += pairs.floatPage(ref)[(t + Turn.CLIENT_TIME) >> 1]!;
    const start = startOf(census, id);
    const end = lastTimeOf(census.tracker.tables, id);
    if (end > last) last = nanos(end);
    spread(changes, asked, start - origin, end - origin);
    const kind = optionsOf(census.tracker.tables, core, c, 0) ^ (ttlsOf(census.tracker.tables, core, c) & 0xff);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const [, second = 0] = [...kinds.values()].sort((a, b) => b - a);
  return {
    client: census.connection(ids[0]!).client.ip,
    requests,
    ids,
    first: origin,
    last,
    peakPerSecond: peakOf(changes),
    thinkSeconds: requests === ids.length ? null : think / NANOS_PER_SECOND / (requests - ids.length),
    severalHosts: second >= OTHER_HOST * ids.length && ids.length > 1,
  };
}

function startOf(census: Census, id: ConnId): Nanos {
  return nanos(census.tracker.tables.firstTimes.of(id));
}

/** Adds `count` requests, evenly between two moments, to the changes of the rate from one second to the next. */
function spread(changes: number[], count: number, from: number, to: number): void {
  const second = (t: number): number => Math.min(MOST_SECONDS, Math.max(0, Math.floor(t / NANOS_PER_SECOND)));
  const first = second(from);
  const behind = Math.max(first, second(to)) + 1;
  while (changes.length <= behind) changes.push(0);
  const share = count / (behind - first);
  changes[first] = changes[first]! + share;
  changes[behind] = changes[behind]! - share;
}

function peakOf(changes: readonly number[]): number {
  let rate = 0;
  let peak = 0;
  for (const change of changes) {
    rate += change;
    if (rate > peak) peak = rate;
  }
  return Math.round(peak);
}
