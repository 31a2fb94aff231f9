/**
 * A record in few octets, and back, word by word as it was; and single words of it without the rest. Two thirds of the words are zero, equal to
 * another one, or what they are in most records; and most of the others are near another. What is left of a word is kept in 1, 2 or 4 octets.
 *
 * What the words mean is not known here, only which are float64, what they count, which are near which, and which are the same in most
 * records (`RecordShape`). Packed: a word with the length in words (8 bits) and which groups of sixteen words have something left (16 bits); the words
 * and float64s that stay open to be written to, these as a number of their units if they all are, else as they are (one bit of the first word says which);
 * the octets; two bits for each word of those groups. The words are in an order of their own.
 */

/** Of one kind of record (layout.ts). */
export interface RecordShape {
  readonly stride: number;
  /** Words that a walk over all records reads: they are packed in front of the others, and unpacked without them. Near to none. */
  readonly front: readonly number[];
  /** Words that are mostly zero: they are packed behind the others. */
  readonly rare: readonly number[];
  /** Words that are the same in most records. */
  readonly usual: readonly number[];
  /** Words and float64s that are found without a search, and may be written to while the record is packed; near to none, or to an open one before them. */
  readonly openWords: readonly number[];
  readonly openDoubles: readonly Double[];
  /** Words that are near another, which is not near to one that follows here. */
  readonly nearWords: readonly (readonly [word: number, other: number])[];
  /** The other float64s. */
  readonly doubles: readonly Double[];
}

/** A float64, by its first word. */
export interface Double {
  readonly word: number;
  /** What it is mostly a small multiple of. */
  readonly unit: number;
  /** Another float64 that it is near to, which is not near to one that follows; or a word that has as many of the unit. */
  readonly double?: number;
  readonly units?: number;
}

/** Words of the record for each word of bits, and its logarithm. */
const GROUP = 16;
const GROUP_SHIFT = 4;
/** In place of the word that another is near to. */
const NONE = -1;
/** And below it, of what is open: OPEN less its place among the words that are. */
const OPEN = -2;
/** The first word. */
const LENGTH_MASK = (1 << 8) - 1;
const PRESENT_SHIFT = 8;
const PRESENT_MASK = (1 << 16) - 1;
/** Open float64s are kept as they are. */
const WIDE = 1 << 24;
/** Of a float64; RecordCode.#doubles. */
const DOUBLE = 4;
/** Of an open one; RecordCode.#openDoubles. */
const OPEN_DOUBLE = 3;
/** By two bits: octets that are left of a word, and these in an int32. */
const SIZES = Uint8Array.of(0, 1, 2, 4);
const MASKS = Int32Array.of(0, 0xff, 0xffff, -1);
/** By leading zeros. */
const BITS_OF = Uint8Array.from({ length: 33 }, (_, zeros) => (zeros === 32 ? 0 : zeros >= 24 ? 1 : zeros >= 16 ? 2 : 3));

/** A page of packed records. */
export interface PackedPage {
  readonly words: Int32Array;
  readonly view: DataView;
  /** What the usual words are here, by place; zero where a word is not one. */
  readonly usual: Int32Array;
}

export const packedPage = (words: Int32Array, usual: Int32Array): PackedPage => ({
  words,
  view: new DataView(words.buffer, words.byteOffset, words.byteLength),
  usual,
});

interface Found {
  octet: number;
  /** Octets. */
  size: number;
  /** Of an int32 that is read there. */
  mask: number;
}

export class RecordCode {
  readonly stride: number;
  /** Words that a packed record may take while it is written. */
  readonly longest: number;
  /** By place in the packed record: the word; and by word: its place. */
  readonly #order: Int16Array;
  readonly #places: Int16Array;
  /** Places of the front, whole groups. */
  readonly #front: number;
  readonly #shape: RecordShape;
  /** Pairs of words. */
  readonly #nearWords: Int32Array;
  /** By word: what it is near to, NONE, or where it is among the open ones. */
  readonly #others: Int16Array;
  /** Of each float64 that is not open, DOUBLE numbers: its first word, unit, and what it is near to, a float64 and a word, or NONE. Those in front come first. */
  readonly #doubles: Int32Array;
  readonly #frontDoubles: number;
  /** By index of a float64: where it is there, or NONE. */
  readonly #doubleAt: Int16Array;
  readonly #openWords: number;
  /** Of each open float64, OPEN_DOUBLE numbers: first word, unit, the float64 that it is near to. */
  readonly #openDoubles: Int32Array;
  /** Octets in front of what is left, where open float64s are not kept as they are. */
  readonly #octets: number;
  /** Words of bits of the record that is being packed. */
  readonly #bits: Int32Array;
  /** By place: the usual word of those that were packed so far, and by how much it leads. */
  readonly #candidates: Int32Array;
  readonly #leads: Int32Array;
  readonly #found: Found = { octet: 0, size: 0, mask: 0 };
  readonly #double = new Float64Array(1);
  readonly #words = new Int32Array(this.#double.buffer);

  constructor(shape: RecordShape) {
    const { stride, front, rare, openWords, openDoubles, nearWords, doubles } = shape;
    this.#shape = shape;
    this.stride = stride;
    const all = Array.from({ length: stride }, (_, word) => word);
    const last = new Set([...rare, ...openWords, ...openDoubles.flatMap(({ word }) => [word, word + 1])]);
    this.#order = Int16Array.from(new Set([...front, ...all.filter((word) => !last.has(word)), ...all]));
    this.#places = new Int16Array(stride);
    this.#order.forEach((word, place) => (this.#places[word] = place));
    this.#front = Math.floor(front.length / GROUP) * GROUP;
    const inFront = ({ word }: Double): boolean => this.#places[word]! < this.#front;
    const sorted = [...doubles.filter(inFront), ...doubles.filter((one) => !inFront(one))];
    this.#doubles = Int32Array.from(sorted.flatMap(({ word, unit, double = NONE, units = NONE }) => [word, unit, double, units]));
    this.#frontDoubles = DOUBLE * doubles.filter(inFront).length;
    this.#doubleAt = new Int16Array(stride >> 1).fill(NONE);
    sorted.forEach(({ word }, i) => (this.#doubleAt[word >> 1] = i * DOUBLE));
    this.#nearWords = Int32Array.from(nearWords.flat());
    this.#others = new Int16Array(stride).fill(NONE);
    for (const [word, other] of nearWords) this.#others[word] = other;
    this.#openWords = openWords.length;
    openWords.forEach((word, i) => (this.#others[word] = OPEN - i));
    this.#openDoubles = Int32Array.from(openDoubles.flatMap(({ word, unit, double = NONE }) => [word, unit, double]));
    openDoubles.forEach(({ word }, i) => (this.#doubleAt[word >> 1] = OPEN - i * OPEN_DOUBLE));
    this.#octets = (1 + openWords.length + openDoubles.length) * 4;
    const groups = Math.ceil(stride / GROUP);
    this.#bits = new Int32Array(groups);
    this.longest = 1 + openWords.length + 2 * openDoubles.length + stride + groups + 1;
    this.#candidates = new Int32Array(stride);
    this.#leads = new Int32Array(stride);
  }

  /**
   * Packs the record at the beginning of `record`, which is lost, to the word `at` of a page, where there is room for the longest. Returns its
   * length in words; or 0, where a float64 cannot be kept as it is.
   */
  pack(record: Int32Array, floats: Float64Array, page: PackedPage, at: number): number {
    if (!this.#takeApart(record, floats)) return 0;
    const open = this.#takeOpen(record, floats, page.words, at);
    const { words, view, usual } = page;
    const { stride } = this;
    const order = this.#order;
    const own = this.#bits;
    let n = open * 4;
    let groups = 0;
    let present = 0;
    for (let group = 0, i = 0; i < stride; group++) {
      let bits = 0;
      for (let shift = 0; shift < 2 * GROUP && i < stride; shift += 2, i++) {
        const rest = record[order[i]!]! ^ usual[i]!;
        if (rest === 0) continue;
        const two = BITS_OF[Math.clz32(rest)]!;
        view.setInt32(n, rest, true); // more than is kept: the next is written over it
        n += SIZES[two]!;
        bits |= two << shift;
      }
      if (bits === 0) continue;
      own[groups++] = bits;
      present |= 1 << group;
    }
    let end = (n + 3) >> 2;
    for (let i = 0; i < groups; i++) words[end++] = own[i]!;
    const length = end - at;
    words[at] = length | (present << PRESENT_SHIFT) | (open * 4 === at * 4 + this.#octets ? 0 : WIDE);
    return length;
  }

  /** What words are usual is made out from the records that are about to be packed: Boyer and Moore's majority vote, by word. */
  vote(record: Int32Array): void {
    for (const word of this.#shape.usual) {
      const place = this.#places[word]!;
      if (this.#leads[place] === 0) this.#candidates[place] = record[word]!;
      this.#leads[place] = this.#leads[place]! + (this.#candidates[place] === record[word] ? 1 : -1);
    }
  }

  /** By place, for a page. */
  elected(): Int32Array {
    return this.#candidates.slice();
  }

  /** What is open goes to its place. Returns the word behind. */
  #takeOpen(record: Int32Array, floats: Float64Array, words: Int32Array, at: number): number {
    const { openWords } = this.#shape;
    let to = at + 1;
    for (let i = 0; i < openWords.length; i++) {
      words[to++] = record[openWords[i]!]!;
      record[openWords[i]!] = 0;
    }
    const open = this.#openDoubles;
    let isWide = false;
    for (let i = 0; i < open.length; i += OPEN_DOUBLE) {
      const [word, unit, near] = [open[i]!, open[i + 1]!, open[i + 2]!];
      const other = near === NONE ? 0 : floats[near >> 1]!;
      const value = floats[word >> 1]!;
      const n = ((value - other) / unit) | 0;
      isWide ||= other + n * unit !== value || (value === 0 && 1 / value < 0);
      words[to + i / OPEN_DOUBLE] = n;
    }
    for (let i = 0; i < open.length; i += OPEN_DOUBLE) {
      const word = open[i]!;
      if (isWide) {
        words[to++] = record[word]!;
        words[to] = record[word + 1]!;
      }
      to++;
      record[word] = record[word + 1] = 0;
    }
    return to;
  }

  /** Words and float64s that are near to others become the distance, its sign in the lowest bit. False: one is not exact. */
  #takeApart(record: Int32Array, floats: Float64Array): boolean {
    const doubles = this.#doubles;
    for (let i = doubles.length - DOUBLE; i >= 0; i -= DOUBLE) {
      const word = doubles[i]!;
      const unit = doubles[i + 1]!;
      const value = floats[word >> 1]!;
      const [near, units] = [doubles[i + 2]!, doubles[i + 3]!];
      const other = near !== NONE ? floats[near >> 1]! : units !== NONE ? record[units]! * unit : 0;
      const apart = value - other;
      // A zero does not come back with its sign.
      if (other + apart !== value || (value === 0 && 1 / value < 0)) return false;
      const n = (apart / unit) | 0;
      if (n * unit === apart) {
        record[word] = (n << 1) ^ (n >> 31);
        record[word + 1] = 0;
      } else {
        floats[word >> 1] = apart;
        if (record[word + 1] === 0) return false;
      }
    }
    const nearWords = this.#nearWords;
    for (let i = nearWords.length - 2; i >= 0; i -= 2) {
      const word = nearWords[i]!;
      const apart = (record[word]! - record[nearWords[i + 1]!]!) | 0;
      record[word] = (apart << 1) ^ (apart >> 31);
    }
    return true;
  }

  /** Of the packed record at the word `at`, in words. */
  lengthOf({ words }: PackedPage, at: number): number {
    return words[at]! & LENGTH_MASK;
  }

  /** Unpacks what is packed at the word `at`, over whatever is in the record at `to`. */
  unpack(page: PackedPage, at: number, record: Int32Array, floats: Float64Array, to: number): void {
    const { openWords } = this.#shape;
    this.#unpackWords(page, at, record, to, this.stride);
    for (let i = 0; i < openWords.length; i++) record[to + openWords[i]!] = page.words[at + 1 + i]!;
    const open = this.#openDoubles;
    for (let i = 0; i < open.length; i += OPEN_DOUBLE) {
      this.#readOpen(page, at, i);
      floats[(to + open[i]!) >> 1] = this.#double[0]!;
    }
    const nearWords = this.#nearWords;
    for (let i = 0; i < nearWords.length; i += 2) {
      const z = record[to + nearWords[i]!]!;
      record[to + nearWords[i]!] = record[to + nearWords[i + 1]!]! + ((z >>> 1) ^ -(z & 1));
    }
    this.#unpackDoubles(record, floats, to, this.#doubles.length);
  }

  /** The same of the words of the front alone. */
  unpackFront(page: PackedPage, at: number, record: Int32Array, floats: Float64Array, to: number): void {
    this.#unpackWords(page, at, record, to, this.#front);
    this.#unpackDoubles(record, floats, to, this.#frontDoubles);
  }

  #unpackDoubles(record: Int32Array, floats: Float64Array, to: number, count: number): void {
    const doubles = this.#doubles;
    for (let i = 0; i < count; i += DOUBLE) {
      const [word, unit, near, units] = [to + doubles[i]!, doubles[i + 1]!, doubles[i + 2]!, doubles[i + 3]!];
      const z = record[word]!;
      const apart = record[word + 1] === 0 ? ((z >>> 1) ^ -(z & 1)) * unit : floats[word >> 1]!;
      const other = near !== NONE ? floats[(to + near) >> 1]! : units !== NONE ? record[to + units]! * unit : 0;
      floats[word >> 1] = other + apart;
    }
  }

  /** What is kept of so many words. */
  #unpackWords({ words, view, usual }: PackedPage, at: number, record: Int32Array, to: number, count: number): void {
    const order = this.#order;
    let present = (words[at]! >>> PRESENT_SHIFT) & PRESENT_MASK;
    let bitsAt = this.#bitsAt(words, at);
    let n = this.#octetsAt(words, at);
    for (let i = 0; i < count; present >>>= 1) {
      const end = Math.min(i + GROUP, count);
      if ((present & 1) === 0) {
        for (; i < end; i++) record[to + order[i]!] = usual[i]!;
        continue;
      }
      for (let bits = words[bitsAt++]!; i < end; i++, bits >>>= 2) {
        const two = bits & 3;
        // A branch that nobody can foresee costs more than reading what is not there.
        record[to + order[i]!] = (view.getInt32(n, true) & MASKS[two]!) ^ usual[i]!;
        n += SIZES[two]!;
      }
    }
  }

  /** Where the words of bits begin: at the end. */
  #bitsAt(words: Int32Array, at: number): number {
    const word = words[at]!;
    return at + (word & LENGTH_MASK) - ones((word >>> PRESENT_SHIFT) & PRESENT_MASK);
  }

  /** Where the octets begin. */
  #octetsAt(words: Int32Array, at: number): number {
    return at * 4 + this.#octets + ((words[at]! & WIDE) === 0 ? 0 : (4 * this.#openDoubles.length) / OPEN_DOUBLE);
  }

  /** Reads an open float64 into #double: one that is returned, or an argument, may be an object. */
  #readOpen({ words }: PackedPage, at: number, i: number): void {
    const open = this.#openDoubles;
    const first = at + 1 + this.#openWords;
    const nth = i / OPEN_DOUBLE;
    if ((words[at]! & WIDE) !== 0) {
      this.#words[0] = words[first + 2 * nth]!;
      this.#words[1] = words[first + 2 * nth + 1]!;
      return;
    }
    const near = open[i + 2]!;
    const from = near === NONE ? NONE : OPEN - this.#doubleAt[near >> 1]!;
    const other = from === NONE ? 0 : words[first + from / OPEN_DOUBLE]! * open[from + 1]!;
    this.#double[0] = other + words[first + nth]! * open[i + 1]!;
  }

  /** A word of the record that is packed at the word `at`. */
  word(page: PackedPage, at: number, word: number): number {
    const other = this.#others[word]!;
    if (other <= OPEN) return page.words[at + 1 + OPEN - other]!;
    const rest = this.#rest(page, at, word);
    return other === NONE ? rest : (this.word(page, at, other) + ((rest >>> 1) ^ -(rest & 1))) | 0;
  }

  /** A float64 of it, by its first word. */
  double(page: PackedPage, at: number, word: number): number {
    this.#read(page, at, word);
    return this.#double[0]!;
  }

  /** Reads it into #double. */
  #read(page: PackedPage, at: number, word: number): void {
    const i = this.#doubleAt[word >> 1]!;
    if (i <= OPEN) {
      this.#readOpen(page, at, OPEN - i);
      return;
    }
    if (i === NONE) {
      this.#words[0] = this.word(page, at, word);
      this.#words[1] = this.word(page, at, word + 1);
      return;
    }
    const [unit, near, units] = [this.#doubles[i + 1]!, this.#doubles[i + 2]!, this.#doubles[i + 3]!];
    if (near !== NONE) this.#read(page, at, near);
    const other = near !== NONE ? this.#double[0]! : units === NONE ? 0 : this.word(page, at, units) * unit;
    const lower = this.#rest(page, at, word);
    const upper = this.#rest(page, at, word + 1);
    if (upper === 0) {
      this.#double[0] = other + ((lower >>> 1) ^ -(lower & 1)) * unit;
      return;
    }
    this.#words[0] = lower;
    this.#words[1] = upper;
    this.#double[0] = other + this.#double[0]!;
  }

  /** Writes an open float64. Returns whether there is room for it as it is. */
  setDouble(page: PackedPage, at: number, word: number, value: number): boolean {
    const { words } = page;
    const i = OPEN - this.#doubleAt[word >> 1]!;
    const unit = this.#openDoubles[i + 1]!;
    const near = this.#openDoubles[i + 2]!;
    const first = at + 1 + this.#openWords;
    const nth = i / OPEN_DOUBLE;
    if ((words[at]! & WIDE) === 0) {
      if (near !== NONE) this.#read(page, at, near);
      const other = near === NONE ? 0 : this.#double[0]!;
      const n = ((value - other) / unit) | 0;
      if (other + n * unit !== value || (value === 0 && 1 / value < 0)) return false;
      words[first + nth] = n;
      return true;
    }
    this.#double[0] = value;
    words[first + 2 * nth] = this.#words[0]!;
    words[first + 2 * nth + 1] = this.#words[1]!;
    return true;
  }

  /** A word that is near to none, nor usual, becomes a smaller one above zero: there is room for that. */
  lower(page: PackedPage, at: number, word: number, value: number): void {
    const { size, octet } = this.#find(page, at, this.#places[word]!);
    for (let i = 0; i < size; i++) page.view.setUint8(octet + i, value >>> (8 * i));
  }

  /** What is kept of a word. */
  #rest(page: PackedPage, at: number, word: number): number {
    const place = this.#places[word]!;
    const { mask, octet } = this.#find(page, at, place);
    return (mask === 0 ? 0 : page.view.getInt32(octet, true) & mask) ^ page.usual[place]!;
  }

  /** Where the octets of a word are that are left of it. One object for all. */
  #find({ words }: PackedPage, at: number, place: number): Found {
    const found = this.#found;
    const group = place >> GROUP_SHIFT;
    const present = (words[at]! >>> PRESENT_SHIFT) & PRESENT_MASK;
    found.size = found.mask = 0;
    if (((present >>> group) & 1) === 0) return found;
    let bitsAt = this.#bitsAt(words, at);
    let octet = this.#octetsAt(words, at);
    for (let before = ones(present & ((1 << group) - 1)); before > 0; before--) octet += octetsOf(words[bitsAt++]!);
    const shift = 2 * (place & (GROUP - 1));
    const bits = words[bitsAt]!;
    found.octet = octet + octetsOf(bits & ((1 << shift) - 1));
    found.size = SIZES[(bits >>> shift) & 3]!;
    found.mask = MASKS[(bits >>> shift) & 3]!;
    return found;
  }
}

/** That are left of the words of these bits. */
function octetsOf(bits: number): number {
  const lower = bits & 0x55555555;
  const upper = (bits >>> 1) & 0x55555555;
  return ones(lower) + 2 * ones(upper) + ones(lower & upper);
}

/** Bits that are set. */
function ones(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
