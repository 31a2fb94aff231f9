/**
 * Sequel records, wherever they are: live ones in pages, those of packed connections behind the pair record (packed-records.ts), to which a reference
 * from PACKED on refers. What is left to be read and written in place there are the open words, Sequel.ARMED to Sequel.TTLS; the others has sequel.ts.
 */
import { Sequel } from './layout.ts';
import { PACKED, type PackedRecords } from './packed-records.ts';
import type { RecordPages } from './pages.ts';

export class Sequels {
  readonly live: RecordPages;
  readonly #pairs: PackedRecords;

  constructor(live: RecordPages, pairs: PackedRecords) {
    this.live = live;
    this.#pairs = pairs;
  }

  /** The page with the record. */
  page(ref: number): Int32Array {
    return ref < PACKED ? this.live.page(ref) : this.#pairs.openPage(ref);
  }

  /** Word offset of the record inside its page; of a packed one, where it would begin. */
  offset(ref: number): number {
    return ref < PACKED ? this.live.offset(ref) : this.#pairs.openOffset(ref) - Sequel.ARMED;
  }

  /** Of a live record. */
  floatPage(ref: number): Float64Array {
    return this.live.floatPage(ref);
  }

  /** A live record, all zero. */
  add(): number {
    return this.live.add();
  }

  /** Records in use, packed ones included. */
  get inUse(): number {
    return this.live.inUse + this.#pairs.packed;
  }
}
