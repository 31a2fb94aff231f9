/**
 * Records that most of the time nobody writes to: live ones in pages as `RecordPages` has them, and packed ones (record-code.ts), whose place a
 * live one takes. A reference says which it is: from PACKED on it is the place of a packed one, below it the index of a live one.
 *
 * Whoever only reads need not know: `word` and `double` look into either kind, and `page`, `floatPage` and `offset` unpack a record into one of
 * the last few that were read so. What they return stays as it is while no more than `RECENT` others are read in this way.
 */
import { Budget } from './budget.ts';
import { newPage, RecordPages } from './pages.ts';
import { type PackedPage, packedPage, RecordCode, type RecordShape, UNIT, WORDS_PER_UNIT } from './record-code.ts';

/** Below it a reference is an index. Nobody has so many records: 2^30 take 480 GB. */
export const PACKED = 1 << 30;
/** 128 KiB. */
const PAGE_BITS = 14;
const PAGE_UNITS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_UNITS - 1;
/** Unpacked ones that are kept to be read, and slots of the table by which they are found. */
const RECENT = 512;

export class PackedRecords {
  readonly stride: number;
  readonly live: RecordPages;
  /** Packed ones. */
  packed = 0;
  readonly #code: RecordCode;
  readonly #budget: Budget;
  readonly #pages: PackedPage[] = [];
  /** Units of the newest page that are used. */
  #used = PAGE_UNITS;
  /** By length: the reference that was given back last, in whose first word is the one before it; 0 none. And units that are free so. */
  readonly #spare: Int32Array;
  #spareUnits = 0;
  /** Unpacked to be read: the records, whose they are (0 nobody), and by hash of a reference which is its. */
  readonly #recent: RecordPages;
  readonly #whose: Int32Array;
  readonly #byHash: Int32Array;
  readonly #hashShift: number;
  #next = 0;

  /** @param recent a power of two, from 2 on */
  constructor(shape: RecordShape, bits: number, budget = new Budget(), recent = RECENT) {
    this.stride = shape.stride;
    this.live = new RecordPages(shape.stride, bits, budget);
    this.#code = new RecordCode(shape);
    this.#budget = budget;
    this.#spare = new Int32Array(this.#code.longest + 1);
    this.#recent = new RecordPages(shape.stride, Math.log2(recent) + 1); // and the one of `glance`
    this.#whose = new Int32Array(recent);
    this.#byHash = new Int32Array(recent);
    this.#hashShift = 32 - Math.log2(recent);
  }

  /** A new record, all zero; returns its index. */
  add(): number {
    return this.live.add();
  }

  /** Packs the live record `index`, which is free then; returns the reference to it, or `index` where it cannot be packed. */
  pack(index: number): number {
    const { live } = this;
    const code = this.#code;
    if (PAGE_UNITS - this.#used < code.longest) this.#addPage();
    const page = this.#pages.at(-1)!;
    const at = this.#used * WORDS_PER_UNIT;
    const units = code.pack(live.page(index), live.floatPage(index), live.offset(index), page, at);
    if (units === 0) return index;
    live.release(index);
    this.packed++;
    const ref = this.#placeFor(units, page.words, at);
    this.#forget(ref);
    return ref;
  }

  /** The packed record `ref` becomes a live one, whose index is returned. */
  unpack(ref: number): number {
    const { live } = this;
    const index = live.add();
    this.#code.unpack(this.#page(ref), this.#at(ref), live.page(index), live.floatPage(index), live.offset(index));
    this.#free(ref);
    return index;
  }

  /** Gives a record back, of either kind. */
  release(ref: number): void {
    if (ref < PACKED) this.live.release(ref);
    else this.#free(ref);
  }

  /** A word of the record. */
  word(ref: number, word: number): number {
    if (ref < PACKED) return this.live.page(ref)[this.live.offset(ref) + word]!;
    return this.#code.word(this.#page(ref), this.#at(ref), word);
  }

  /** A float64 of it, by its first word. */
  double(ref: number, word: number): number {
    if (ref < PACKED) return this.live.floatPage(ref)[(this.live.offset(ref) + word) >> 1]!;
    return this.#code.double(this.#page(ref), this.#at(ref), word);
  }

  /** Writes an open float64 of a packed record. */
  setOpen(ref: number, word: number, value: number): void {
    this.#code.setOpen(this.#page(ref), this.#at(ref), word, value);
    this.#forget(ref);
  }

  /** The page with the record, to be read. */
  page(ref: number): Int32Array {
    return ref < PACKED ? this.live.page(ref) : this.#recent.page(0);
  }

  floatPage(ref: number): Float64Array {
    return ref < PACKED ? this.live.floatPage(ref) : this.#recent.floatPage(0);
  }

  /** Word offset of the record inside its page. */
  offset(ref: number): number {
    if (ref < PACKED) return this.live.offset(ref);
    const slot = this.#byHash[this.#hash(ref)]!;
    return (this.#whose[slot] === ref ? slot : this.#read(ref)) * this.stride;
  }

  /**
   * The same for a walk over all records, which looks at one after the other: of a packed one only the words of the front are there, until the
   * next call.
   */
  glance(ref: number): number {
    if (ref < PACKED) return this.live.offset(ref);
    const at = this.#whose.length * this.stride;
    this.#code.unpackFront(this.#page(ref), this.#at(ref), this.#recent.page(0), at);
    return at;
  }

  /** Records in use. */
  get inUse(): number {
    return this.live.inUse + this.packed;
  }

  /** Of what is in use. */
  get octetsInUse(): number {
    return this.live.octetsInUse + this.packedOctets;
  }

  /** Of a record. */
  octetsOf(ref: number): number {
    return ref < PACKED ? this.stride * 4 : this.#code.lengthOf(this.#page(ref), this.#at(ref)) * UNIT;
  }

  /** Of all pages. */
  get octets(): number {
    return this.live.octets + this.#recent.octets + this.#pages.length * PAGE_UNITS * UNIT;
  }

  /** Of what is packed. */
  get packedOctets(): number {
    const unused = PAGE_UNITS - this.#used + this.#spareUnits;
    return (this.#pages.length * PAGE_UNITS - unused) * UNIT;
  }

  #read(ref: number): number {
    const slot = this.#next;
    this.#next = (slot + 1) & (this.#whose.length - 1);
    this.#whose[slot] = ref;
    this.#byHash[this.#hash(ref)] = slot;
    this.#code.unpack(this.#page(ref), this.#at(ref), this.#recent.page(0), this.#recent.floatPage(0), slot * this.stride);
    return slot;
  }

  /** What was read of it is no more what it is. */
  #forget(ref: number): void {
    const slot = this.#byHash[this.#hash(ref)]!;
    if (this.#whose[slot] === ref) this.#whose[slot] = 0;
  }

  #hash(ref: number): number {
    return Math.imul(ref, 0x9e3779b1) >>> this.#hashShift;
  }

  #page(ref: number): PackedPage {
    return this.#pages[(ref - PACKED) >>> PAGE_BITS]!;
  }

  /** Word offset in its page. */
  #at(ref: number): number {
    return (ref & PAGE_MASK) * WORDS_PER_UNIT;
  }

  /** Where a record stays that was packed behind all others: there, or in the place of one of its length. */
  #placeFor(units: number, words: Int32Array, at: number): number {
    const spare = this.#spare[units]!;
    if (spare === 0) {
      const ref = PACKED + (this.#pages.length - 1) * PAGE_UNITS + this.#used;
      this.#used += units;
      return ref;
    }
    const { words: target } = this.#page(spare);
    const to = this.#at(spare);
    this.#spare[units] = target[to]!;
    this.#spareUnits -= units;
    for (let i = 0; i < units * WORDS_PER_UNIT; i++) target[to + i] = words[at + i]!;
    return spare;
  }

  #free(ref: number): void {
    const page = this.#page(ref);
    const at = this.#at(ref);
    const units = this.#code.lengthOf(page, at);
    page.words[at] = this.#spare[units]!;
    this.#spare[units] = ref;
    this.#spareUnits += units;
    this.packed--;
    this.#forget(ref);
  }

  #addPage(): void {
    this.#pages.push(packedPage(newPage(PAGE_UNITS * UNIT, this.#budget)));
    this.#used = 0;
  }
}
