/**
 * When connections began. They lie in the order in which they begin, so a core record needs no float64: it has nanoseconds from a moment that
 * it shares with its neighbours (Core.FIRST_TIME). A group of these in which that does not reach (a silence of two seconds, a clock that
 * jumps) keeps float64s in a column of its own.
 */
import { Budget } from './budget.ts';
import { Core } from './layout.ts';
import { type RecordPages, uncounted } from './pages.ts';

/** 64 records share a moment: of thirty connections a second and more, all lie within the 2.1 s that a word reaches. */
const GROUP_BITS = 6;
const GROUP_MASK = (1 << GROUP_BITS) - 1;
const FIRST_GROUPS = 1 << 10;

/** What they consist of beside the words of the core records. */
export interface FirstTimeColumns {
  /** By group; NaN: its times are in `exact`. There may be more than groups. */
  readonly moments: Float64Array;
  /** By page of core records. */
  readonly exact: readonly (Float64Array | null)[];
}

export class FirstTimes {
  readonly #cores: RecordPages;
  readonly #budget: Budget;
  #moments = new Float64Array(FIRST_GROUPS);
  readonly #exact: (Float64Array | null)[] = [];
  /** Of the connection that `add` is told of. A field, because a float64 argument may be boxed. -0: a float64 from the start. */
  now = -0;

  constructor(cores: RecordPages, budget = new Budget()) {
    this.#cores = cores;
    this.#budget = budget;
  }

  /** When a connection began. */
  of(id: number): number {
    const moment = this.#moments[id >>> GROUP_BITS]!;
    return Number.isNaN(moment) ? this.#exactly(id) : moment + this.#cores.page(id)[this.#cores.offset(id) + Core.FIRST_TIME]!;
  }

  /** The newest connection began at the time of the field. Returns what its record has of that. */
  add(id: number): number {
    if ((id & GROUP_MASK) === 0) this.#begin(id >>> GROUP_BITS);
    return this.#set(id);
  }

  /** The record of a connection was moved to a lower place, those before it already. */
  move(from: number, to: number): void {
    this.now = this.of(from);
    if ((to & GROUP_MASK) === 0 && from >>> GROUP_BITS !== to >>> GROUP_BITS) this.#begin(to >>> GROUP_BITS);
    this.#cores.page(to)[this.#cores.offset(to) + Core.FIRST_TIME] = this.#set(to);
  }

  /** All that is beside the records, to be shared. */
  get columns(): FirstTimeColumns {
    return { moments: this.#moments, exact: this.#exact };
  }

  get octets(): number {
    let octets = this.#moments.byteLength;
    for (const times of this.#exact) octets += times?.byteLength ?? 0;
    return octets;
  }

  /** The group counts from the time of the field. */
  #begin(group: number): void {
    if (group >= this.#moments.length) {
      const moments = new Float64Array(2 * this.#moments.length);
      moments.set(this.#moments);
      this.#budget.take(this.#moments.byteLength);
      this.#moments = moments;
    }
    this.#moments[group] = this.now;
  }

  #set(id: number): number {
    const moment = this.#moments[id >>> GROUP_BITS]!;
    const after = (this.now - moment) | 0;
    if (moment + after !== this.now) this.#setExact(id);
    return after;
  }

  #exactly(id: number): number {
    return this.#exact[id >>> this.#cores.bits]![id & this.#cores.mask]!;
  }

  /** A time that its word cannot say, or one of a group with such. */
  #setExact(id: number): void {
    const { bits, mask } = this.#cores;
    const n = id >>> bits;
    while (this.#exact.length <= n) this.#exact.push(null);
    let exact = this.#exact[n]!;
    if (exact === null) {
      exact = this.#exact[n] = new Float64Array(uncounted(8 << bits)); // what is not written costs no memory
      this.#budget.take(exact.byteLength);
    }
    const group = id >>> GROUP_BITS;
    if (!Number.isNaN(this.#moments[group]!)) {
      const from = id & ~GROUP_MASK;
      for (let other = from; other <= from + GROUP_MASK; other++) exact[other & mask] = this.of(other);
      this.#moments[group] = NaN;
    }
    exact[id & mask] = this.now;
  }
}

/** When connection `id` of somebody else began, whose core record is in `page` at `c`. @param bits of an id that say where in a page its record is */
export function firstTimeIn({ moments, exact }: FirstTimeColumns, id: number, bits: number, page: Int32Array, c: number): number {
  const moment = moments[id >>> GROUP_BITS]!;
  return Number.isNaN(moment) ? exact[id >>> bits]![id & ((1 << bits) - 1)]! : moment + page[c + Core.FIRST_TIME]!;
}

/** All connections begin later by as much. In place. */
export function moveFirstTimes({ moments, exact }: FirstTimeColumns, nanos: number): void {
  for (const times of [moments, ...exact]) if (times !== null) for (let i = 0; i < times.length; i++) times[i] = times[i]! + nanos;
}
