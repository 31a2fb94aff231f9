/** Ids of very many connections, as of a flood: a bit for each connection of the capture takes a thirty-second of what a column of them takes. */
import { type ConnId, connId, type ConnIds, connIds } from '../model/units.ts';

/** Ids between two whose places are known. */
const STEP_BITS = 6;

/** A column of so few ids has none of it. */
const FEW = 64;

const NO_WORDS = new Int32Array(0);

/** A list that grows becomes bits when it has a hundred-and-twenty-eighth of all: each column that it outgrows before waits for a garbage collection. */
const GROWING_SHIFT = 7;

/** Does a bit for each of `connections` take less than a column of `length` ids? */
export const bitsAreFewer = (length: number, connections: number): boolean => length > connections >>> 5;

/** Bits for ids below `connections`. */
export const bitsFor = (connections: number): Int32Array => new Int32Array((connections + 31) >>> 5);

export class IdBits implements ConnIds {
  readonly length: number;
  readonly words: Int32Array;
  /** The word with every 64th id, and how many lie before it. */
  readonly #wordOf: Int32Array;
  readonly #before: Int32Array;

  /** @param words a bit for each id; they stay as they are from here on */
  constructor(words: Int32Array, length: number) {
    this.words = words;
    this.length = length;
    this.#wordOf = new Int32Array((length >>> STEP_BITS) + 1);
    this.#before = new Int32Array(this.#wordOf.length);
    for (let word = 0, before = 0, step = 0; word < words.length; word++) {
      const count = bitCount(words[word]!);
      // A word has no more ids than lie between two steps.
      if (step << STEP_BITS < before + count) {
        this.#wordOf[step] = word;
        this.#before[step++] = before;
      }
      before += count;
    }
  }

  has(id: number): boolean {
    return (this.words[id >>> 5]! & (1 << id)) !== 0; // no word, no bit
  }

  at(index: number): ConnId | undefined {
    if (index >= this.length || index < -this.length) return undefined;
    const nth = index < 0 ? index + this.length : index;
    let word = this.#wordOf[nth >>> STEP_BITS]!;
    let left = nth - this.#before[nth >>> STEP_BITS]!;
    for (let count = bitCount(this.words[word]!); left >= count; count = bitCount(this.words[++word]!)) left -= count;
    let bits = this.words[word]!;
    for (; left > 0; left--) bits &= bits - 1;
    return connId((word << 5) + lowest(bits));
  }

  forEach(visit: (id: ConnId) => void): void {
    const { words } = this;
    for (let word = 0; word < words.length; word++)
      for (let bits = words[word]!; bits !== 0; bits &= bits - 1) visit(connId((word << 5) + lowest(bits)));
  }

  filter(test: (id: ConnId) => boolean): ConnIds {
    const list = new IdList(this.words.length << 5);
    this.forEach((id) => {
      if (test(id)) list.add(id);
    });
    return list.ids;
  }

  some(test: (id: ConnId) => boolean): boolean {
    const all = new IdCursor(this);
    for (let id = all.next(); id >= 0; id = all.next()) if (test(connId(id))) return true;
    return false;
  }

  slice(from = 0, to = this.length): ConnIds {
    const place = (index: number): number => Math.min(this.length, Math.max(0, index < 0 ? index + this.length : index));
    const first = place(from);
    const column = new Int32Array(Math.max(0, place(to) - first));
    const all = new IdCursor(this, first);
    for (let i = 0; i < column.length; i++) column[i] = all.next();
    return connIds(column);
  }

  *[Symbol.iterator](): Iterator<ConnId> {
    const all = new IdCursor(this);
    for (let id = all.next(); id >= 0; id = all.next()) yield connId(id);
  }
}

/** One id after the other, without an object for each. */
export class IdCursor {
  /** An array or a column; null: bits. */
  readonly #column: ArrayLike<number> | null;
  readonly #words: Int32Array;
  #bits = 0;
  /** The word with these bits, or the index of the next id in the column. */
  #at = 0;

  /** @param index of the first */
  constructor(ids: ConnIds, index = 0) {
    this.#column = ids instanceof IdBits ? null : (ids as Iterable<ConnId> as ConnId[]);
    this.#words = ids instanceof IdBits ? ids.words : NO_WORDS;
    if (this.#column !== null) {
      this.#at = index;
      return;
    }
    const from = ids.at(index) ?? this.#words.length << 5;
    this.#at = from >>> 5;
    this.#bits = (this.#words[this.#at] ?? 0) & (-1 << from);
  }

  /** -1 behind the last. */
  next(): number {
    if (this.#column !== null) return this.#at < this.#column.length ? this.#column[this.#at++]! : -1;
    const words = this.#words;
    while (this.#bits === 0) {
      if (this.#at + 1 >= words.length) return -1;
      this.#bits = words[++this.#at]!;
    }
    const bits = this.#bits;
    this.#bits = bits & (bits - 1);
    return (this.#at << 5) + lowest(bits);
  }
}

/** Ids that come one by one, ascending: a column while they are few, then bits. */
export class IdList {
  readonly #connections: number;
  #column: Int32Array;
  #bits: Int32Array | null;
  #length = 0;

  /** @param connections of the capture: every id is less. @param length so many will come, where that is known */
  constructor(connections: number, length = 0) {
    this.#connections = connections;
    const areBits = bitsAreFewer(length, connections);
    this.#bits = areBits ? bitsFor(connections) : null;
    this.#column = new Int32Array(areBits ? 0 : length);
  }

  add(id: number): void {
    if (this.#bits === null && this.#length === this.#column.length) this.#grow();
    if (this.#bits === null) this.#column[this.#length] = id;
    else this.#bits[id >>> 5] = this.#bits[id >>> 5]! | (1 << id);
    this.#length++;
  }

  get length(): number {
    return this.#length;
  }

  /** Nothing may be added any more. */
  get ids(): ConnIds {
    return this.#bits === null ? connIds(this.#column.subarray(0, this.#length)) : new IdBits(this.#bits, this.#length);
  }

  #grow(): void {
    const room = Math.max(FEW, 2 * this.#length);
    if (room > FEW && room > this.#connections >>> GROWING_SHIFT) {
      this.#bits = bitsFor(this.#connections);
      for (const id of this.#column) this.#bits[id >>> 5] = this.#bits[id >>> 5]! | (1 << id);
      this.#column = new Int32Array(0);
      return;
    }
    const larger = new Int32Array(room);
    larger.set(this.#column);
    this.#column = larger;
  }
}

/** Of which bits is the lowest? */
const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits);

/** How many bits are set (Warren, Hacker's Delight, §5-1). */
function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
