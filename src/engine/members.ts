/** Which connections a finding is about, all of them, for questions that the engine asks. */
import { IdBits } from '../collect/id-bits.ts';
import type { Neighbours } from '../detect/detector.ts';
import type { Nanos } from '../model/units.ts';

/** `until` null and `since` not: still so when observation ended. */
export interface Period {
  readonly since: Nanos | null;
  readonly until: Nanos | null;
}

/** Connections of the shorter of two lists that are looked for in the longer one. */
const LOOKED_FOR = 500;

/** A column may be kept as it is. */
function sorted(ids: Iterable<number>): Int32Array {
  const column = ids instanceof Int32Array ? ids : new Int32Array(ids);
  for (let i = 1; i < column.length; i++) if (column[i - 1]! > column[i]!) return column.toSorted();
  return column;
}

/** The connections of one finding: a sorted column and not a set, or bits, because a flood has millions. */
export class Members {
  readonly #ids: Int32Array | IdBits;
  /** By whom the rule judged them; null: by nobody else. */
  readonly neighbours: Neighbours | null;
  /** When it happened, as the finding says; null: it does not. */
  readonly period: Period;

  constructor(ids: Iterable<number>, neighbours: Neighbours | null = null, period: Period = { since: null, until: null }) {
    this.neighbours = neighbours;
    this.period = period;
    this.#ids = ids instanceof IdBits ? ids : sorted(ids);
  }

  get size(): number {
    return this.#ids.length;
  }

  some(test: (id: number) => boolean): boolean {
    return this.#ids.some(test);
  }

  has(id: number): boolean {
    const ids = this.#ids;
    if (ids instanceof IdBits) return ids.has(id);
    let low = 0;
    let high = ids.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const value = ids[middle]!;
      if (value === id) return true;
      if (value < id) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }

  /** Is a connection of either among those of the other? Of long lists a sample of the shorter one is looked for. */
  overlaps(other: Members): boolean {
    const [few, many] = this.size <= other.size ? [this, other] : [other, this];
    const step = Math.max(1, few.size / LOOKED_FOR);
    for (let i = 0; i < few.size; i += step) if (many.has(few.#ids.at(Math.floor(i))!)) return true;
    return false;
  }
}
