/** When attempts began, in order, and without a column of all of them: a flood has millions. */
import type { ConnIds } from '../model/units.ts';
import type { FirstTimes } from '../track/first-times.ts';
import { IdCursor } from './id-bits.ts';

/** Starts of which the first is noted: a step. */
const STEP_BITS = 6;
const STEP = 1 << STEP_BITS;

export class Starts {
  /** Infinity and -Infinity of none. */
  readonly first: number;
  readonly last: number;
  readonly #ids: ConnIds;
  readonly #firstTimes: FirstTimes;
  /** The first of each step. */
  readonly #steps: Float64Array;
  /** All of them, where their order is not that of the ids. */
  #sorted: Float64Array | null = null;

  constructor(firstTimes: FirstTimes, ids: ConnIds) {
    this.#firstTimes = firstTimes;
    this.#ids = ids;
    this.#steps = new Float64Array(Math.ceil(ids.length / STEP));
    if (!this.#areInOrder()) this.#sort();
    const { length } = ids;
    this.first = this.#steps[0] ?? Infinity;
    this.last = this.#sorted?.at(-1) ?? (length === 0 ? -Infinity : firstTimes.of(ids.at(length - 1)!));
  }

  /** Notes the first of each step. */
  #areInOrder(): boolean {
    const last = Float64Array.of(-Infinity); // in a variable each would be an object
    const all = new IdCursor(this.#ids);
    for (let i = 0; i < this.#ids.length; i++) {
      const start = this.#firstTimes.of(all.next());
      if ((i & (STEP - 1)) === 0) this.#steps[i >>> STEP_BITS] = start;
      if (start < last[0]!) return false;
      last[0] = start;
    }
    return true;
  }

  /** The most within `span`, begun no later than `until`, and the first of them. */
  peakWithin(span: number, until: number): { count: number; from: number } {
    // Bounds by whole steps first: mostly few of them may have the peak.
    let surely = 0;
    this.#forEachStep(span, until, (step, before) => {
      surely = Math.max(surely, (step - before - 1) * STEP + 1);
    });
    let count = 0;
    let from = 0;
    const newest = new Run(this);
    const oldest = new Run(this);
    this.#forEachStep(span, until, (step, before) => {
      let k = Math.max(0, before) * STEP;
      const end = Math.min((step + 1) * STEP, this.#ids.length);
      if (end - k < surely || end - k <= count) return;
      for (let i = step * STEP; i < end; i++) {
        const start = newest.at(i);
        if (start > until) break;
        while (oldest.at(k) < start - span) k++;
        if (i - k + 1 <= count) continue;
        count = i - k + 1;
        from = oldest.at(k);
      }
    });
    return { count, from };
  }

  /** Puts the starts of a step into a column. */
  read(step: number, times: Float64Array): void {
    const from = step * STEP;
    const count = Math.min(STEP, this.#ids.length - from);
    if (this.#sorted !== null) {
      times.set(this.#sorted.subarray(from, from + count));
      return;
    }
    const all = new IdCursor(this.#ids, from);
    for (let i = 0; i < count; i++) times[i] = this.#firstTimes.of(all.next());
  }

  /** @param visit gets each step that begins no later than `until`, and the last that begins more than `span` before it, -1 none */
  #forEachStep(span: number, until: number, visit: (step: number, before: number) => void): void {
    const steps = this.#steps;
    for (let step = 0, before = -1; step < steps.length && steps[step]! <= until; step++) {
      while (steps[before + 1]! < steps[step]! - span) before++;
      visit(step, before);
    }
  }

  #sort(): void {
    const sorted = new Float64Array(this.#ids.length);
    const all = new IdCursor(this.#ids);
    for (let i = 0; i < sorted.length; i++) sorted[i] = this.#firstTimes.of(all.next());
    sorted.sort();
    for (let step = 0; step < this.#steps.length; step++) this.#steps[step] = sorted[step * STEP]!;
    this.#sorted = sorted;
  }
}

/** Looks at starts one after the other, a step at a time. */
class Run {
  readonly #starts: Starts;
  readonly #times = new Float64Array(STEP);
  #step = -1;

  constructor(starts: Starts) {
    this.#starts = starts;
  }

  at(i: number): number {
    if (i >>> STEP_BITS !== this.#step) this.#starts.read((this.#step = i >>> STEP_BITS), this.#times);
    return this.#times[i & (STEP - 1)]!;
  }
}
