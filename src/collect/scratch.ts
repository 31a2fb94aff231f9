import { Outgrown } from '../track/outgrown.ts';
import { uncounted } from '../track/pages.ts';

/** Octets of a line of the cache, with which every column begins. */
const LINE = 64;

/**
 * Room for columns. Those that nobody needs any more when the function that fills them returns lie one after the other in the same place: freed, each
 * would wait for a garbage collection, and of a flood each has megaoctets. All lie in memory that the tracker has no use for any more, as far as it goes.
 */
export class Scratch {
  readonly #spare: Outgrown;
  #room: Int32Array;

  /** @param length so many int32 will be asked for at once; more may be. @param spare memory that nobody else will use */
  constructor(length = 0, spare = new Outgrown()) {
    this.#spare = spare;
    this.#room = this.#reused(length) ?? fresh(length);
  }

  /** Until they are asked for again, with whatever was in them before. Asked for more, they stay what they are as far as there is room. */
  ints(length: number): Int32Array {
    if (length > this.#room.length) this.#room = fresh(2 * length);
    return this.#room.subarray(0, length);
  }

  /** For good, all zero. */
  column(length: number): Int32Array {
    return this.#reused(length) ?? new Int32Array(length);
  }

  #reused(length: number): Int32Array | null {
    return this.#spare.take(Math.ceil((4 * length) / LINE) * LINE)?.subarray(0, length) ?? null;
  }
}

/** What is not written to takes no memory. */
const fresh = (length: number): Int32Array => new Int32Array(uncounted(4 * length));
