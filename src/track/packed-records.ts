/**
 * Records that most of the time nobody writes to: live ones in pages as `RecordPages` has them, and packed ones (record-code.ts), whose place a
 * live one takes. A reference says which it is: from PACKED on it is the place of a packed one, below it the index of a live one.
 *
 * Whoever only reads need not know: `word` and `double` look into either kind, and `page`, `floatPage` and `offset` unpack a record into one of
 * the last few that were read so. What they return stays as it is while no more than `RECENT` others are read in this way.
 */
import { Budget } from './budget.ts';
import { newPage, RecordPages } from './pages.ts';
import { type PackedPage, packedPage, RecordCode, type RecordShape } from './record-code.ts';

/** Below it a reference is an index. Nobody has so many records, nor 4 GiB of packed ones. */
export const PACKED = 1 << 30;
/** Words of a page, 128 KiB: a reference is the place of a word. */
const PAGE_BITS = 15;
const PAGE_WORDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_WORDS - 1;
const WORD = 4;
/** References behind these, and a reference + 1, would be no int32 above zero: what comes then stays as it is. 4 GiB. */
const MOST_PAGES = (1 << (30 - PAGE_BITS)) - 1;
/** Unpacked ones that are kept to be read, and slots of the table by which they are found. */
const RECENT = 512;

export class PackedRecords {
  readonly live: RecordPages;
  /** Records that are packed together with those of `live`, if any, behind their words. */
  readonly beside: RecordPages | null;
  /** Index of the one that was unpacked last. */
  unpackedBeside = -1;
  /** Packed ones. */
  packed = 0;
  readonly #code: RecordCode;
  readonly #budget: Budget;
  readonly #pages: PackedPage[] = [];
  /** Words of the newest page that are used. */
  #used = PAGE_WORDS;
  /** By length: the reference that was given back last, in whose first word is the one before it; 0 none. And words that are free so. */
  readonly #spare: Int32Array;
  #spareWords = 0;
  /** A record that is about to be packed, or was unpacked, and no live one yet. */
  readonly #record: Int32Array;
  readonly #floats: Float64Array;
  /** Unpacked to be read: the records, whose they are (0 nobody), and by hash of a reference which is its. */
  readonly #recent: RecordPages;
  readonly #whose: Int32Array;
  readonly #byHash: Int32Array;
  readonly #hashShift: number;
  #next = 0;

  /** @param recent a power of two, from 2 on */
  constructor(shape: RecordShape, bits: number, budget = new Budget(), beside: RecordPages | null = null, recent = RECENT) {
    this.beside = beside;
    this.live = new RecordPages(shape.stride - (beside?.stride ?? 0), bits, budget);
    this.#floats = new Float64Array(shape.stride >> 1);
    this.#record = new Int32Array(this.#floats.buffer);
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

  /**
   * Packs the live record `index`, with the record `besides` of those beside; they are free then. Returns the reference to what is packed, or `index`
   * where it cannot be packed.
   */
  pack(index: number, besides = -1): number {
    const { live, beside } = this;
    const code = this.#code;
    if (PAGE_WORDS - this.#used < code.longest) {
      if (this.#pages.length === MOST_PAGES) return index;
      this.#addPage();
    }
    copy(live.page(index), live.offset(index), this.#record, 0, live.stride);
    if (beside !== null) copy(beside.page(besides), beside.offset(besides), this.#record, live.stride, beside.stride);
    if (this.#pages.length === 1) code.vote(this.#record);
    const page = this.#pages.at(-1)!;
    const length = code.pack(this.#record, this.#floats, page, this.#used);
    if (length === 0) return index;
    live.release(index);
    beside?.release(besides);
    this.packed++;
    const ref = this.#placeFor(length, page.words);
    this.#forget(ref);
    return ref;
  }

  /** The packed record `ref` becomes a live one, whose index is returned. */
  unpack(ref: number): number {
    const { live, beside } = this;
    const index = live.add();
    this.#code.unpack(this.#page(ref), this.#at(ref), this.#record, this.#floats, 0);
    copy(this.#record, 0, live.page(index), live.offset(index), live.stride);
    if (beside !== null) {
      this.unpackedBeside = beside.add();
      copy(this.#record, live.stride, beside.page(this.unpackedBeside), beside.offset(this.unpackedBeside), beside.stride);
    }
    this.#free(ref);
    return index;
  }

  /** Gives a record back, of either kind. */
  release(ref: number): void {
    if (ref < PACKED) this.live.release(ref);
    else this.#free(ref);
  }

  /** A word of the record; of a packed one also of what lies beside. */
  word(ref: number, word: number): number {
    if (ref < PACKED) return this.live.page(ref)[this.live.offset(ref) + word]!;
    return this.#code.word(this.#page(ref), this.#at(ref), word);
  }

  /** A float64 of it, by its first word. */
  double(ref: number, word: number): number {
    if (ref < PACKED) return this.live.floatPage(ref)[(this.live.offset(ref) + word) >> 1]!;
    return this.#code.double(this.#page(ref), this.#at(ref), word);
  }

  /** Writes an open float64 of a packed record. Returns false where it has to be unpacked for that. */
  setDouble(ref: number, word: number, value: number): boolean {
    this.#forget(ref);
    return this.#code.setDouble(this.#page(ref), this.#at(ref), word, value);
  }

  /** A word of a packed record becomes a smaller one above zero; RecordCode.lower. */
  lower(ref: number, word: number, value: number): void {
    this.#code.lower(this.#page(ref), this.#at(ref), word, value);
    this.#forget(ref);
  }

  /** The page with the open words of a packed record, and where they begin there. To be written to after `change`. */
  openPage(ref: number): Int32Array {
    return this.#page(ref).words;
  }
  openOffset(ref: number): number {
    return this.#at(ref) + 1;
  }
  /** Open words of a packed record are about to be written. */
  change(ref: number): void {
    this.#forget(ref);
  }

  /** The page with the record, to be read; of a packed one also what lies beside, behind it. */
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
    return (this.#whose[slot] === ref ? slot : this.#read(ref)) * this.#recent.stride;
  }

  /**
   * The same for a walk over all records, which looks at one after the other: of a packed one only the words of the front are there, until the
   * next call.
   */
  glance(ref: number): number {
    if (ref < PACKED) return this.live.offset(ref);
    const at = this.#whose.length * this.#recent.stride;
    this.#code.unpackFront(this.#page(ref), this.#at(ref), this.#recent.page(0), this.#recent.floatPage(0), at);
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
    return WORD * (ref < PACKED ? this.live.stride : this.#code.lengthOf(this.#page(ref), this.#at(ref)));
  }

  /** Of all pages. */
  get octets(): number {
    return this.live.octets + this.#recent.octets + this.#pages.length * PAGE_WORDS * WORD;
  }

  /** Of what is packed. */
  get packedOctets(): number {
    const unused = PAGE_WORDS - this.#used + this.#spareWords;
    return (this.#pages.length * PAGE_WORDS - unused) * WORD;
  }

  #read(ref: number): number {
    const slot = this.#next;
    this.#next = (slot + 1) & (this.#whose.length - 1);
    this.#whose[slot] = ref;
    this.#byHash[this.#hash(ref)] = slot;
    this.#code.unpack(this.#page(ref), this.#at(ref), this.#recent.page(0), this.#recent.floatPage(0), slot * this.#recent.stride);
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
    return ref & PAGE_MASK;
  }

  /** Where a record stays that was packed behind all others: there, or in the place of one of its length. */
  #placeFor(length: number, words: Int32Array): number {
    const spare = this.#pages.length === 1 ? 0 : this.#spare[length]!;
    if (spare === 0) {
      const ref = PACKED + (this.#pages.length - 1) * PAGE_WORDS + this.#used;
      this.#used += length;
      return ref;
    }
    const { words: target } = this.#page(spare);
    const to = this.#at(spare);
    this.#spare[length] = target[to]!;
    this.#spareWords -= length;
    copy(words, this.#used, target, to, length);
    return spare;
  }

  #free(ref: number): void {
    const page = this.#page(ref);
    const at = this.#at(ref);
    const length = this.#code.lengthOf(page, at);
    this.#spareWords += length;
    this.packed--;
    this.#forget(ref);
    if (ref < PACKED + PAGE_WORDS) return; // in the first page other words are usual
    page.words[at] = this.#spare[length]!;
    this.#spare[length] = ref;
  }

  /** What is usual is known from the second page on, by the records of the first. */
  #addPage(): void {
    const words = newPage(PAGE_WORDS * WORD, this.#budget);
    const first = this.#pages.length === 0;
    const usual = first ? new Int32Array(this.#record.length) : (this.#pages[1]?.usual ?? this.#code.elected());
    this.#pages.push(packedPage(words, usual));
    this.#used = 0;
  }
}

function copy(from: Int32Array, at: number, to: Int32Array, there: number, words: number): void {
  for (let i = 0; i < words; i++) to[there + i] = from[at + i]!;
}
