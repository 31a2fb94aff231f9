/**
 * Fixed-size records of int32 words in pages: the tracker's only storage.
 *
 * Why not an array per field: one packet touches a dozen fields of one connection, and here they share a cache line
 * or two. Why pages: growing never copies, so the peak is what is used. docs/decisions/0002-records-in-pages.md.
 */
import { Budget } from './budget.ts';

/**
 * Memory that the garbage collector does not count. To it every 8 MiB of an ArrayBuffer are a reason to mark the whole heap, although
 * nothing in them refers to anything: 4 to 9 % of the time of reading. Nobody shares it.
 */
export const uncounted = (octets: number): SharedArrayBuffer => new SharedArrayBuffer(octets);

/** So many octets, all zero. */
export function newPage(octets: number, budget: Budget): Int32Array {
  budget.take(octets);
  return budget.outgrown.take(octets) ?? new Int32Array(uncounted(octets));
}

export class RecordPages {
  /** Words per record; even where there are float64 fields, which must stay aligned. */
  readonly stride: number;
  readonly bits: number;
  readonly mask: number;
  readonly ints: Int32Array[] = [];
  /** The same memory as float64, for fields at even word offsets: index = word offset / 2. */
  readonly floats: Float64Array[] = [];
  /** Records that were ever added, those given back included. */
  length = 0;
  readonly #budget: Budget;
  /** index + 1 of the record that was given back last, whose first word has the one before it; 0 none. And how many there are. */
  #spare = 0;
  #spares = 0;

  constructor(stride: number, bits: number, budget = new Budget()) {
    this.#budget = budget;
    this.stride = stride;
    this.bits = bits;
    this.mask = (1 << bits) - 1;
    this.#addPage(); // it costs nothing before it is written to, and the lists have their final shape before code is optimised for it
  }

  /** A new record, all zero; returns its index. */
  add(): number {
    if (this.#spare !== 0) return this.#again();
    const index = this.length++;
    if (index >>> this.bits === this.ints.length) this.#addPage();
    return index;
  }

  /** Records in use. */
  get inUse(): number {
    return this.length - this.#spares;
  }

  /** Gives a record back, for one of the next. */
  release(index: number): void {
    this.page(index)[this.offset(index)] = this.#spare;
    this.#spare = index + 1;
    this.#spares++;
  }

  #again(): number {
    const index = this.#spare - 1;
    const page = this.page(index);
    const at = this.offset(index);
    this.#spare = page[at]!;
    this.#spares--;
    page.fill(0, at, at + this.stride);
    return index;
  }

  /** Moves a record to a lower place. */
  move(from: number, to: number): void {
    const words = this.page(from);
    const target = this.page(to);
    const at = this.offset(from);
    const there = this.offset(to);
    for (let i = 0; i < this.stride; i++) target[there + i] = words[at + i]!;
  }

  /** Gives the records from `length` on back, for the next. */
  truncate(length: number): void {
    for (let n = length >>> this.bits; n < this.ints.length; n++)
      this.ints[n]!.fill(0, n === length >>> this.bits ? this.offset(length) : 0);
    this.length = length;
  }

  /** Pages as another process or thread has them, to be put behind these; returns what becomes of index 0. */
  append(pages: readonly Int32Array[], length: number): number {
    if (this.length === 0) this.ints.length = this.floats.length = 0;
    const base = this.ints.length << this.bits;
    this.#spares += base - this.length;
    for (const page of pages) this.#take(page);
    this.length = base + length;
    return base;
  }

  #addPage(): void {
    this.#take(newPage((this.stride << this.bits) * 4, this.#budget));
  }

  #take(page: Int32Array): void {
    this.ints.push(page);
    this.floats.push(new Float64Array(page.buffer, page.byteOffset, page.length / 2));
  }

  /** Of what is in use. */
  get octetsInUse(): number {
    return this.inUse * this.stride * 4;
  }

  /** Of all pages. */
  get octets(): number {
    return this.ints.length * (this.stride << this.bits) * 4;
  }

  page(index: number): Int32Array {
    return this.ints[index >>> this.bits]!;
  }

  floatPage(index: number): Float64Array {
    return this.floats[index >>> this.bits]!;
  }

  /** Word offset of a record inside its page. */
  offset(index: number): number {
    return (index & this.mask) * this.stride;
  }
}
