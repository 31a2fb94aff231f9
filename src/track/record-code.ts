/**
 * A record in few octets, and back, word by word as it was; and single words of it without the rest. Half of the words are zero or equal
 * to another one, and of the others the upper half is mostly zero: what is kept are the halves (16 bits) that are not.
 *
 * What the words mean is not known here, only which are float64, and which are near which (`RecordShape`): of those the distance is kept.
 * Packed: the float64s that stay open to be written to (8 octets each); two bits for each word, of its lower and its upper half; how many
 * halves lie before those of every sixteenth word (an octet each), and the length in units of 8 octets (one more); the halves. The words are in
 * an order of their own.
 */

/** Of one kind of record (layout.ts). */
export interface RecordShape {
  readonly stride: number;
  /** Words that a walk over all records reads: they are packed in front of the others, and unpacked without them. Near to none. */
  readonly front: readonly number[];
  /** First words of float64s that may be written to while the record is packed. */
  readonly open: readonly number[];
  /** Words that are near another, which is not near to one that follows here. */
  readonly nearWords: readonly Near[];
  /** The same of float64s, by their first words. */
  readonly nearDoubles: readonly Near[];
}
type Near = readonly [word: number, other: number];

/** Of a packed record's length, octets. */
export const UNIT = 8;
export const WORDS_PER_UNIT = UNIT / 4;
const HALVES_PER_UNIT = UNIT / 2;
/** Words of the record for each word of bits, and its logarithm. */
const GROUP = 16;
const GROUP_SHIFT = 4;
/** In place of the word that another is near to. */
const NONE = -1;
/** And below it, of what is open: FIRST_OPEN less its place among these. */
const FIRST_OPEN = -2;

/** A page of packed records. */
export interface PackedPage {
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  readonly octets: Uint8Array;
  readonly doubles: Float64Array;
}

export const packedPage = (words: Int32Array): PackedPage => ({
  words,
  halves: new Uint16Array(words.buffer, words.byteOffset, words.length * 2),
  octets: new Uint8Array(words.buffer, words.byteOffset, words.length * 4),
  doubles: new Float64Array(words.buffer, words.byteOffset, words.length / 2),
});

export class RecordCode {
  readonly stride: number;
  /** Units of the longest packed record. */
  readonly longest: number;
  /** By place in the packed record: the word; and by word: its place. */
  readonly #order: Int16Array;
  readonly #places: Int16Array;
  /** Places of the front, whole groups. */
  readonly #front: number;
  /** Pairs of words, and of indexes of float64s; indexes of float64s. */
  readonly #nearWords: Int32Array;
  readonly #nearDoubles: Int32Array;
  readonly #open: Int32Array;
  /** By word, and by index of a float64: what it is near to, NONE, or what it is among the open ones. */
  readonly #others: Int16Array;
  readonly #otherDoubles: Int16Array;
  readonly #groups: number;
  /** Where they begin in a packed record: bits (words), counts (octets), halves. */
  readonly #bits: number;
  readonly #counts: number;
  readonly #halves: number;
  readonly #double = new Float64Array(1);
  readonly #words = new Int32Array(this.#double.buffer);

  constructor({ stride, front, open, nearWords, nearDoubles }: RecordShape) {
    this.stride = stride;
    this.#order = Int16Array.from(new Set([...front, ...Array.from({ length: stride }, (_, word) => word)]));
    this.#places = new Int16Array(stride);
    this.#order.forEach((word, place) => (this.#places[word] = place));
    this.#front = Math.floor(front.length / GROUP) * GROUP;
    this.#nearWords = Int32Array.from(nearWords.flat());
    this.#nearDoubles = Int32Array.from(nearDoubles.flat(), (word) => word >> 1);
    this.#open = Int32Array.from(open, (word) => word >> 1);
    this.#others = new Int16Array(stride).fill(NONE);
    this.#otherDoubles = new Int16Array(stride >> 1).fill(NONE);
    for (const [word, other] of nearWords) this.#others[word] = other;
    for (const [word, other] of nearDoubles) this.#otherDoubles[word >> 1] = other >> 1;
    open.forEach((word, i) => (this.#otherDoubles[word >> 1] = FIRST_OPEN - i));
    this.#groups = Math.ceil(stride / GROUP);
    this.#bits = open.length * WORDS_PER_UNIT;
    this.#counts = (this.#bits + this.#groups) * 4;
    this.#halves = Math.ceil((this.#counts + this.#groups + 1) / 2);
    this.longest = Math.ceil((this.#halves + 2 * stride + 1) / HALVES_PER_UNIT);
  }

  /**
   * Packs the record at `from` to the word `at` of a page, where there is room for the longest. Returns its length in units, and the record is
   * lost; or 0, where a distance is not exact, and nothing has happened.
   */
  pack(record: Int32Array, floats: Float64Array, from: number, page: PackedPage, at: number): number {
    if (!this.#takeApart(record, floats, from, page, at)) return 0;
    const { words, halves, octets } = page;
    const { stride } = this;
    const order = this.#order;
    const first = at * 2 + this.#halves;
    const counts = at * 4 + this.#counts;
    let n = first;
    for (let group = 0, i = 0; i < stride; group++) {
      octets[counts + group] = n - first;
      let bits = 0;
      for (let shift = 0; shift < 2 * GROUP && i < stride; shift += 2, i++) {
        const word = record[from + order[i]!]!;
        if (word === 0) continue;
        // What is written and not counted is written over: a branch that nobody can foresee costs more.
        const lower = word & 0xffff;
        const upper = word >>> 16;
        const hasLower = (lower + 0xffff) >>> 16;
        const hasUpper = (upper + 0xffff) >>> 16;
        halves[n] = lower;
        n += hasLower;
        halves[n] = upper;
        n += hasUpper;
        bits |= (hasLower | (hasUpper << 1)) << shift;
      }
      words[at + this.#bits + group] = bits;
    }
    const units = ((n + HALVES_PER_UNIT - 1) >> 2) - (at >> 1);
    octets[counts + this.#groups] = units;
    return units;
  }

  /** Words that are near to others become the distance, its sign in the lowest bit; what is open goes to its place. False: one is not exact. */
  #takeApart(record: Int32Array, floats: Float64Array, from: number, page: PackedPage, at: number): boolean {
    const fromF = from >> 1;
    const nearDoubles = this.#nearDoubles;
    for (let i = 0; i < nearDoubles.length; i += 2) {
      const value = floats[fromF + nearDoubles[i]!]!;
      const other = floats[fromF + nearDoubles[i + 1]!]!;
      const apart = value - other;
      // A zero does not come back with its sign.
      if (other + apart !== value || (value === 0 && 1 / value < 0)) return false;
    }
    for (let i = nearDoubles.length - 2; i >= 0; i -= 2) {
      const word = fromF + nearDoubles[i]!;
      floats[word] = floats[word]! - floats[fromF + nearDoubles[i + 1]!]!;
    }
    const nearWords = this.#nearWords;
    for (let i = nearWords.length - 2; i >= 0; i -= 2) {
      const word = from + nearWords[i]!;
      const apart = (record[word]! - record[from + nearWords[i + 1]!]!) | 0;
      record[word] = (apart << 1) ^ (apart >> 31);
    }
    const open = this.#open;
    for (let i = 0; i < open.length; i++) {
      page.doubles[(at >> 1) + i] = floats[fromF + open[i]!]!;
      floats[fromF + open[i]!] = 0;
    }
    return true;
  }

  /** Of the packed record at the word `at`, units. */
  lengthOf({ octets }: PackedPage, at: number): number {
    return octets[at * 4 + this.#counts + this.#groups]!;
  }

  /** Unpacks what is packed at the word `at`, over whatever is in the record at `to`. */
  unpack(page: PackedPage, at: number, record: Int32Array, floats: Float64Array, to: number): void {
    this.#unpackWords(page, at, record, to, this.stride);
    const nearWords = this.#nearWords;
    for (let i = 0; i < nearWords.length; i += 2) {
      const z = record[to + nearWords[i]!]!;
      record[to + nearWords[i]!] = record[to + nearWords[i + 1]!]! + ((z >>> 1) ^ -(z & 1));
    }
    const toF = to >> 1;
    const nearDoubles = this.#nearDoubles;
    for (let i = 0; i < nearDoubles.length; i += 2)
      floats[toF + nearDoubles[i]!] = floats[toF + nearDoubles[i + 1]!]! + floats[toF + nearDoubles[i]!]!;
    const open = this.#open;
    for (let i = 0; i < open.length; i++) floats[toF + open[i]!] = page.doubles[(at >> 1) + i]!;
  }

  /** The same of the words of the front alone. */
  unpackFront(page: PackedPage, at: number, record: Int32Array, to: number): void {
    this.#unpackWords(page, at, record, to, this.#front);
  }

  /** What is kept of so many words. */
  #unpackWords({ words, halves }: PackedPage, at: number, record: Int32Array, to: number, count: number): void {
    const order = this.#order;
    let n = at * 2 + this.#halves;
    let bitsAt = at + this.#bits;
    for (let i = 0; i < count; bitsAt++) {
      let bits = words[bitsAt]!;
      for (let w = 0; w < GROUP && i < count; w += 4, i += 4, bits >>>= 8) {
        if ((bits & 0xff) === 0) {
          for (let k = 0; k < 4; k++) record[to + order[i + k]!] = 0;
          continue;
        }
        for (let k = 0; k < 4; k++) {
          const b = bits >>> (2 * k);
          const lower = halves[n]! & -(b & 1);
          n += b & 1;
          const upper = halves[n]! & -((b >>> 1) & 1);
          n += (b >>> 1) & 1;
          record[to + order[i + k]!] = lower | (upper << 16);
        }
      }
    }
  }

  /** A word of the record that is packed at the word `at`, which is not of an open float64. */
  word(page: PackedPage, at: number, word: number): number {
    const rest = this.#rest(page, at, word);
    const other = this.#others[word]!;
    return other === NONE ? rest : (this.word(page, at, other) + ((rest >>> 1) ^ -(rest & 1))) | 0;
  }

  /** A float64 of it, by its first word. */
  double(page: PackedPage, at: number, word: number): number {
    const other = this.#otherDoubles[word >> 1]!;
    if (other <= FIRST_OPEN) return page.doubles[(at >> 1) + FIRST_OPEN - other]!;
    this.#words[0] = this.#rest(page, at, word);
    this.#words[1] = this.#rest(page, at, word + 1);
    const rest = this.#double[0]!;
    return other === NONE ? rest : this.double(page, at, 2 * other) + rest;
  }

  setOpen(page: PackedPage, at: number, word: number, value: number): void {
    page.doubles[(at >> 1) + FIRST_OPEN - this.#otherDoubles[word >> 1]!] = value;
  }

  /** What is kept of a word. */
  #rest({ words, halves, octets }: PackedPage, at: number, word: number): number {
    const place = this.#places[word]!;
    const group = place >> GROUP_SHIFT;
    const shift = 2 * (place & (GROUP - 1));
    const bits = words[at + this.#bits + group]!;
    const own = (bits >>> shift) & 3;
    if (own === 0) return 0;
    const n = at * 2 + this.#halves + octets[at * 4 + this.#counts + group]! + ones(bits & ((1 << shift) - 1));
    if (own === 1) return halves[n]!;
    return own === 2 ? halves[n]! << 16 : halves[n]! | (halves[n + 1]! << 16);
  }
}

/** Bits that are set. */
function ones(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
