/** Answers that cost a walk over all connections, kept for as long as they are true. */

/** What an answer rests on, at the moment of the question. */
export interface Standing {
  /** Changes when an older answer may be wrong. */
  readonly revision: number;
  /** Nothing will change any more. */
  readonly final: boolean;
}

/** While reading: what took 50 ms is not done again within 500 ms. */
const REST_PER_COST = 10;

/** The newest answer, kept while it is true; while reading also while making it anew would cost too much. */
export class Kept<T> {
  readonly #now: () => number;
  #value: { readonly key: string; readonly revision: number; readonly value: T; readonly goodUntil: number } | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(key: string, { revision, final }: Standing, make: () => T): T {
    const start = this.#now();
    const kept = this.#value;
    if (kept?.key === key && (kept.revision === revision || (!final && start < kept.goodUntil))) return kept.value;
    const value = make();
    const end = this.#now();
    this.#value = { key, revision, value, goodUntil: end + REST_PER_COST * (end - start) };
    return value;
  }
}
