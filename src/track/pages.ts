/**
 * Fixed-size records of int32 words in pages: the tracker's only storage.
 *
 * Why not an array per field: one packet touches a dozen fields of one connection, and here they share a cache line
 * or two. Why pages: growing never copies, so the peak is what is used. docs/decisions/0002-records-in-pages.md.
 */

/**
 * Memory that the garbage collector does not count. To it every 8 MiB of an ArrayBuffer are a reason to mark the whole heap, although
 * nothing in them refers to anything: 4 to 9 % of the time of reading. Nobody shares it.
 */
export const uncounted = (octets: number): SharedArrayBuffer => new SharedArrayBuffer(octets);

export class RecordPages {
  /** Words per record; even where there are float64 fields, which must stay aligned. */
  readonly stride: number;
  readonly bits: number;
  readonly mask: number;
  readonly ints: Int32Array[] = [];
  /** The same memory as float64, for fields at even word offsets: index = word offset / 2. */
  readonly floats: Float64Array[] = [];
  length = 0;

  constructor(stride: number, bits: number) {
    this.stride = stride;
    this.bits = bits;
    this.mask = (1 << bits) - 1;
    this.#addPage(); // it costs nothing before it is written to, and the lists have their final shape before code is optimised for it
  }

  /** A new record, all zero; returns its index. */
  add(): number {
    const index = this.length++;
    if (index >>> this.bits === this.ints.length) this.#addPage();
    return index;
  }

  #addPage(): void {
    const page = uncounted((this.stride << this.bits) * 4);
    this.ints.push(new Int32Array(page));
    this.floats.push(new Float64Array(page));
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
