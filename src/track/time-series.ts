/**
 * Counts per bucket of capture time, and gauges of states, in bounded memory: when the buckets run out, two become one.
 */
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';

export const Counter = { SYN: 0, SYN_ANSWERED: 1, COMPLETED: 2, RST: 3, RETRANSMISSIONS: 4 } as const;
export type Counter = (typeof Counter)[keyof typeof Counter];
const COUNTERS = 5;

export const Gauge = { HALF_OPEN: 0, CLOSE_WAIT: 1, TIME_WAIT: 2 } as const;
const GAUGES = 3;
/** Bits of GAUGE_OF: which gauge a state counts in; 0 none. */
const GAUGE_OF = new Uint8Array(16);
GAUGE_OF[State.SYN_RCVD] = Gauge.HALF_OPEN + 1;
GAUGE_OF[State.CLOSE_WAIT] = Gauge.CLOSE_WAIT + 1;
GAUGE_OF[State.TIME_WAIT] = Gauge.TIME_WAIT + 1;

/** Two screens wide on the largest terminals; a report stays small. */
const MAX_BUCKETS = 512;

/** Connect times: 16 bins per octave of microseconds from 1 µs to 2^28 µs (268 s): at most 4.5 % off. */
const BINS_PER_OCTAVE = 16;
const BINS = 28 * BINS_PER_OCTAVE;

/** Counters and gauges of all buckets, and connect times by bucket, null where there are none. */
export interface SeriesSums {
  readonly counts: Float64Array;
  readonly gauges: Float64Array;
  readonly connects: readonly (Uint32Array | null)[];
}

export class TimeSeries {
  bucketSeconds = 1;
  /** Buckets in use. */
  length = 0;
  readonly #counts = new Float64Array(COUNTERS * MAX_BUCKETS);
  readonly #gauges = new Float64Array(GAUGES * MAX_BUCKETS);
  readonly #now = new Int32Array(GAUGES);
  readonly #connects: (Uint32Array | undefined)[] = [];
  /** Start of the next bucket, nanoseconds: the hot path compares with it. -0: a float64 from the start. */
  #next = -0;
  #time = -0;

  /** Moves on to the bucket of `now`; to be called before the first count of a packet. Times before the current bucket stay in it. */
  at(now: number): void {
    if (now < this.#next) return;
    this.#time = now;
    this.#advance();
  }

  count(counter: Counter): void {
    const i = counter * MAX_BUCKETS + Math.max(0, this.length - 1);
    this.#counts[i] = this.#counts[i]! + 1;
  }

  transition(from: number, to: number): void {
    const leaves = GAUGE_OF[from]!;
    const enters = GAUGE_OF[to]!;
    if (leaves !== 0) this.#now[leaves - 1] = this.#now[leaves - 1]! - 1;
    if (enters !== 0) this.#now[enters - 1] = this.#now[enters - 1]! + 1;
  }

  connected(nanoseconds: number): void {
    const bucket = Math.max(0, this.length - 1);
    const bins = (this.#connects[bucket] ??= new Uint32Array(BINS));
    const micros = Math.max(1, nanoseconds / 1000);
    const bin = Math.min(BINS - 1, Math.floor(Math.log2(micros) * BINS_PER_OCTAVE));
    bins[bin] = bins[bin]! + 1;
  }

  /** Closes the last bucket, so that the gauges say what they are now. */
  finish(now: number): void {
    this.at(now);
    this.#writeGauges(this.length - 1);
  }

  /** The buckets of another process, without what it counted in them. */
  restore(bucketSeconds: number, length: number): void {
    this.bucketSeconds = bucketSeconds;
    this.length = length;
  }

  /** To be shared with other shards, which have the same buckets. */
  get sums(): SeriesSums {
    return {
      counts: this.#counts,
      gauges: this.#gauges,
      connects: Array.from({ length: this.length }, (_, i) => this.#connects[i] ?? null),
    };
  }

  /** Adds what another shard of the same capture counted. */
  add({ counts, gauges, connects }: SeriesSums): void {
    counts.forEach((n, i) => (this.#counts[i] = this.#counts[i]! + n));
    gauges.forEach((n, i) => (this.#gauges[i] = this.#gauges[i]! + n));
    connects.forEach((bins, bucket) => {
      const mine = this.#connects[bucket];
      if (mine === undefined || bins === null) this.#connects[bucket] = mine ?? bins ?? undefined;
      else bins.forEach((n, i) => (mine[i] = mine[i]! + n));
    });
  }

  /** Counts what was at a moment that may lie behind, `n` times; below 0 it was counted too often. */
  countAt(now: number, counter: Counter, n: number): void {
    const i = counter * MAX_BUCKETS + this.#bucketOf(now);
    this.#counts[i] = this.#counts[i]! + n;
  }

  /** The same of a connect time. */
  connectedAt(now: number, nanoseconds: number): void {
    const { length } = this;
    this.length = this.#bucketOf(now) + 1;
    this.connected(nanoseconds);
    this.length = length;
  }

  #bucketOf(now: number): number {
    return Math.min(this.length - 1, Math.max(0, Math.floor(now / (this.bucketSeconds * NANOS_PER_SECOND))));
  }

  /** Makes the gauges anew out of all transitions there were. */
  recount(transitions: Iterable<{ readonly from: number; readonly to: number; readonly time: number }>): void {
    const { length } = this;
    const gauges = this.#gauges.fill(0);
    for (const { from, to, time } of transitions) {
      const bucket = this.#bucketOf(time);
      const leaves = GAUGE_OF[from]!;
      const enters = GAUGE_OF[to]!;
      if (leaves !== 0) gauges[(leaves - 1) * MAX_BUCKETS + bucket] = gauges[(leaves - 1) * MAX_BUCKETS + bucket]! - 1;
      if (enters !== 0) gauges[(enters - 1) * MAX_BUCKETS + bucket] = gauges[(enters - 1) * MAX_BUCKETS + bucket]! + 1;
    }
    for (let g = 0; g < GAUGES; g++)
      for (let i = g * MAX_BUCKETS + 1; i < g * MAX_BUCKETS + length; i++) gauges[i] = gauges[i]! + gauges[i - 1]!;
  }

  counts(counter: Counter): number[] {
    return Array.from(this.#counts.subarray(counter * MAX_BUCKETS, counter * MAX_BUCKETS + this.length));
  }

  gauge(gauge: number): number[] {
    return Array.from(this.#gauges.subarray(gauge * MAX_BUCKETS, gauge * MAX_BUCKETS + this.length), (sockets) => Math.max(0, sockets));
  }

  /** Seconds at the quantile, per bucket; null where nothing connected. */
  connectQuantile(q: number): (number | null)[] {
    const out: (number | null)[] = [];
    for (let bucket = 0; bucket < this.length; bucket++) {
      const bins = this.#connects[bucket];
      out.push(bins === undefined ? null : quantile(bins, q));
    }
    return out;
  }

  /** To the time of the field: a float64 argument is boxed. */
  #advance(): void {
    const now = this.#time;
    const width = this.bucketSeconds * NANOS_PER_SECOND;
    const bucket = Math.max(0, Math.floor(now / width));
    if (bucket >= MAX_BUCKETS) {
      this.#merge();
      this.#advance();
      return;
    }
    for (let i = Math.max(0, this.length - 1); i < bucket; i++) this.#writeGauges(i);
    this.length = Math.max(this.length, bucket + 1);
    this.#next = this.length * width;
  }

  #writeGauges(bucket: number): void {
    if (bucket < 0) return;
    for (let g = 0; g < GAUGES; g++) this.#gauges[g * MAX_BUCKETS + bucket] = this.#now[g]!;
  }

  #merge(): void {
    const half = Math.ceil(this.length / 2);
    for (let c = 0; c < COUNTERS; c++) {
      const base = c * MAX_BUCKETS;
      for (let i = 0; i < half; i++) {
        this.#counts[base + i] = this.#counts[base + 2 * i]! + (2 * i + 1 < this.length ? this.#counts[base + 2 * i + 1]! : 0);
      }
      this.#counts.fill(0, base + half, base + MAX_BUCKETS);
    }
    for (let g = 0; g < GAUGES; g++) {
      const base = g * MAX_BUCKETS;
      for (let i = 0; i < half; i++) this.#gauges[base + i] = this.#gauges[base + Math.min(2 * i + 1, this.length - 1)]!;
      this.#gauges.fill(0, base + half, base + MAX_BUCKETS);
    }
    for (let i = 0; i < half; i++) {
      const a = this.#connects[2 * i];
      const b = this.#connects[2 * i + 1];
      if (a && b) for (let k = 0; k < BINS; k++) a[k] = a[k]! + b[k]!;
      this.#connects[i] = a ?? b;
    }
    this.#connects.length = half;
    this.length = half;
    this.bucketSeconds *= 2;
    this.#next = this.length * this.bucketSeconds * NANOS_PER_SECOND;
  }
}

/**
 * The sums of a capture that begins so many nanoseconds after another, in that one's buckets: each goes to where it begins. Gauges are left
 * out, because what was open before is missing in them (`recount`).
 */
export function rebucketed({ counts, connects }: SeriesSums, seconds: number, into: number, nanos: number): SeriesSums {
  const bucketOf = (i: number): number =>
    Math.min(MAX_BUCKETS - 1, Math.max(0, Math.floor((nanos + i * seconds * NANOS_PER_SECOND) / (into * NANOS_PER_SECOND))));
  const sums = new Float64Array(counts.length);
  counts.forEach((n, i) => {
    const at = i - (i % MAX_BUCKETS) + bucketOf(i % MAX_BUCKETS);
    sums[at] = sums[at]! + n;
  });
  const bins: (Uint32Array | null)[] = [];
  connects.forEach((own, i) => {
    const to = bucketOf(i);
    while (bins.length <= to) bins.push(null);
    const there = bins[to];
    if (own === null) return;
    if (there === null || there === undefined) bins[to] = own.slice();
    else own.forEach((n, bin) => (there[bin] = there[bin]! + n));
  });
  return { counts: sums, gauges: new Float64Array(GAUGES * MAX_BUCKETS), connects: bins };
}

function quantile(bins: Uint32Array, q: number): number {
  let total = 0;
  for (const n of bins) total += n;
  let rest = Math.max(1, Math.ceil(total * q));
  for (let bin = 0; bin < bins.length; bin++) {
    rest -= bins[bin]!;
    if (rest <= 0) return Number((2 ** ((bin + 0.5) / BINS_PER_OCTAVE) / 1e6).toPrecision(3));
  }
  return 0;
}
