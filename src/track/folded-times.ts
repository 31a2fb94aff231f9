/** When folded attempts began, as counts in buckets that grow longer instead of more: enough to say how many came within a span. */
import { NANOS_PER_SECOND } from '../model/units.ts';

const MAX_BUCKETS = 128;
/** The first length of a bucket, nanoseconds. */
const SHORTEST = NANOS_PER_SECOND / 4;

const NONE = new Uint32Array(0);

export class FoldedTimes {
  #width = SHORTEST;
  /** Made with the first of them: most services have none. */
  #counts = NONE;

  /** @param time nanoseconds since the first packet; what lies before it counts as at it */
  add(time: number): void {
    if (this.#counts === NONE) this.#counts = new Uint32Array(MAX_BUCKETS);
    const at = Math.max(0, time);
    while (at >= this.#width * MAX_BUCKETS) this.#lengthen();
    const i = Math.floor(at / this.#width);
    this.#counts[i] = this.#counts[i]! + 1;
  }

  /**
   * The span of at most `span` nanoseconds with the most of them, all before `until`: in it were at least so many. Where a bucket
   * is longer, some part of it had at least its share.
   */
  peakWithin(span: number, until: number): { readonly count: number; readonly from: number } {
    const buckets = Math.max(1, Math.floor(span / this.#width));
    const share = Math.min(1, span / this.#width);
    const end = Math.min(this.#counts.length, Math.floor(until / this.#width));
    let best = { count: 0, from: 0 };
    for (let i = 0; i < end; i++) {
      let sum = 0;
      for (let k = i; k < Math.min(end, i + buckets); k++) sum += this.#counts[k]!;
      if (Math.floor(sum * share) > best.count) best = { count: Math.floor(sum * share), from: i * this.#width };
    }
    return best;
  }

  /** At most so many were between two moments. */
  between(from: number, to: number): number {
    let sum = 0;
    const last = Math.min(this.#counts.length - 1, Math.floor(to / this.#width));
    for (let i = Math.max(0, Math.floor(from / this.#width)); i <= last; i++) sum += this.#counts[i]!;
    return sum;
  }

  /** Two buckets become one. */
  #lengthen(): void {
    const counts = this.#counts;
    for (let i = 0; i < MAX_BUCKETS; i++) counts[i] = 2 * i + 1 < MAX_BUCKETS ? counts[2 * i]! + counts[2 * i + 1]! : 0;
    this.#width *= 2;
  }
}
