/**
 * 5-tuple (and encapsulation) → newest connection with it. Open addressing over slots of one word: as many low bits as a table of this size
 * has slots are id + 1 (0: empty); three say how far it lies behind the slot of its hash; the others are those of the hash that do not say which slot
 * that is. Comparing them first keeps a miss from touching somebody else's record, and growing from reading each of them anew, which is where
 * the time goes in a flood. docs/performance.md has the alternatives that were measured.
 */
import { Budget } from './budget.ts';
import { hash } from './hash.ts';
import { Core, Meta, tupleMeta } from './layout.ts';
import { type RecordPages, uncounted } from './pages.ts';

const INITIAL_SLOTS = 1 << 12;
/** Slots: 8 MiB, the third-level cache that a core of a server has for itself. */
const LARGE = 1 << 21;
/** Of a table that was lent. */
const NO_SLOTS = new Int32Array(0);
/** Bits of the distance; the largest that they hold stands for all beyond. */
const FAR_BITS = 3;
/** Of a table of more slots than 2^26 an id needs them. */
const farBitsOf = (bits: number): number => (bits > 26 ? 0 : FAR_BITS);

export class FlowTable {
  #slots: Int32Array = new Int32Array(INITIAL_SLOTS);
  /** Bits of a hash that say which slot, and of a slot that say which connection; and how many these are. */
  #mask = INITIAL_SLOTS - 1;
  #bits = 31 - Math.clz32(INITIAL_SLOTS);
  /** Behind these and the distance. */
  #tagAt = this.#bits + FAR_BITS;
  #used = 0;
  /** What `find` found last: segments come in trains. */
  #lastHash = 0;
  #lastId = -1;
  readonly #cores: RecordPages;
  readonly #budget: Budget;

  constructor(cores: RecordPages, budget = new Budget()) {
    this.#cores = cores;
    this.#budget = budget;
    budget.take(this.octets);
  }

  get octets(): number {
    return 4 * (this.#mask + 1);
  }
  get octetsInUse(): number {
    return this.#used * 4;
  }
  /** Slots in use, 0 to 1. */
  get load(): number {
    return this.#used / (this.#mask + 1);
  }

  /** No cache holds it. */
  get isLarge(): boolean {
    return this.#mask >= LARGE;
  }

  /** Has the slot of this hash a connection, of whatever tuple? */
  isTaken(hash: number): boolean {
    return this.#slots[hash & this.#mask] !== 0;
  }

  /** Where `find` found the connection: its core record's page and word offset. */
  page: Int32Array = new Int32Array(0);
  offset = 0;

  /** The newest connection of this tuple, or -1. */
  find(hash: number, a: number, b: number, ports: number, meta: number): number {
    if (hash === this.#lastHash && this.#lastId >= 0) {
      const { page, offset } = this;
      if (
        page[offset + Core.PORTS] === ports &&
        page[offset] === a &&
        page[offset + Core.ADDR_B] === b &&
        (page[offset + Core.META]! & Meta.TUPLE) === meta
      )
        return this.#lastId;
    }
    const slots = this.#slots;
    const mask = this.#mask;
    const cores = this.#cores;
    const tagAt = this.#tagAt;
    const tag = (hash >>> this.#bits) << tagAt;
    let slot = hash & mask;
    for (;;) {
      const entry = slots[slot]!;
      if (entry === 0) return -1;
      if ((entry ^ tag) >>> tagAt === 0) {
        const id = (entry & mask) - 1;
        const core = cores.page(id);
        const at = cores.offset(id);
        if (core[at + Core.PORTS] === ports && core[at] === a && core[at + Core.ADDR_B] === b && tupleMeta(core, at) === meta) {
          this.page = core;
          this.offset = at;
          this.#lastHash = hash;
          this.#lastId = id;
          return id;
        }
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Makes `id` the newest connection of its tuple; `replaces` is the one before, or -1. */
  set(hash: number, id: number, replaces: number): void {
    this.#lastId = -1;
    if ((id + 1) * 4 > (this.#mask + 1) * 3) this.#grow(id);
    const slots = this.#slots;
    const mask = this.#mask;
    let far = 0;
    for (; ; far++) {
      const entry = slots[(hash + far) & mask]!;
      if (entry === 0) {
        this.#used++;
        break;
      }
      if ((entry & mask) - 1 === replaces) break;
    }
    slots[(hash + far) & mask] = entryOf(hash, far, id, this.#bits, this.#tagAt);
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. */
  renumber(ids: Int32Array): void {
    this.#fill(new Int32Array(this.#slots.length), ids);
  }

  /** Its memory, for whoever needs some when no segment comes any more. Nothing is found before `recover`. */
  lend(): ArrayBufferLike {
    const { buffer } = this.#slots;
    this.#slots = NO_SLOTS;
    this.#lastId = -1;
    return buffer;
  }

  /** Makes the table anew if it was lent. */
  recover(): void {
    if (this.#slots !== NO_SLOTS) return;
    this.#slots = new Int32Array(uncounted(this.octets));
    this.#used = 0;
    this.enter(0);
  }

  /** Enters connections that were not tracked here, from this one on. */
  enter(from: number): void {
    const cores = this.#cores;
    for (let id = from; id < cores.length; id++) {
      const core = cores.page(id);
      const c = cores.offset(id);
      const [a, b, ports, meta] = [core[c]!, core[c + Core.ADDR_B]!, core[c + Core.PORTS]!, tupleMeta(core, c)];
      const h = hash(a, b, ports, meta);
      this.set(h, id, this.find(h, a, b, ports, meta));
    }
  }

  /** Makes room for the id `newest`, which must fit into its bits. */
  #grow(newest: number): void {
    let slots = this.#mask + 1;
    // For a moment there are two tables. Where that is too much, connections are folded instead, unless the table is as good as full.
    if (this.#budget.lacks(2 * this.octets) && newest * 16 < slots * 15) return;
    while ((newest + 1) * 4 > slots * 3) slots *= 2;
    const { buffer } = this.#slots;
    this.#budget.take(4 * slots - this.octets);
    this.#fill(new Int32Array(uncounted(4 * slots)), null);
    this.#budget.outgrown.give(buffer);
  }

  /** Takes over what is in the table, under new ids if there are any. */
  #fill(slots: Int32Array, ids: Int32Array | null): void {
    const old = this.#slots;
    const oldMask = this.#mask;
    const oldBits = this.#bits;
    const mask = slots.length - 1;
    const oldTagAt = this.#tagAt;
    const farthest = (1 << (oldTagAt - oldBits)) - 1;
    const bits = 31 - Math.clz32(slots.length);
    const tagAt = bits + farBitsOf(bits);
    // All bits of a hash but those that the distance takes the place of; where that needs no room any more, the new slots hold these as well.
    const isKnown = tagAt - bits >= oldTagAt - oldBits;
    this.#used = 0;
    for (let i = 0; i < old.length; i++) {
      const entry = old[i]!;
      const before = (entry & oldMask) - 1;
      const id = ids === null || before < 0 ? before : ids[before]!;
      if (id < 0) continue;
      const distance = (entry >>> oldBits) & farthest;
      const h = isKnown && distance < farthest ? ((i - distance) & oldMask) | ((entry >>> oldTagAt) << oldBits) : this.#hashOf(id);
      let far = 0;
      while (slots[(h + far) & mask] !== 0) far++;
      slots[(h + far) & mask] = entryOf(h, far, id, bits, tagAt);
      this.#used++;
    }
    this.#slots = slots;
    this.#mask = mask;
    this.#bits = bits;
    this.#tagAt = tagAt;
    this.#lastId = -1;
  }

  #hashOf(id: number): number {
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    return hash(core[c]!, core[c + Core.ADDR_B]!, core[c + Core.PORTS]!, tupleMeta(core, c));
  }
}

/** What stands `far` slots behind that of a hash, in a table of 2^`bits` slots. */
const entryOf = (hash: number, far: number, id: number, bits: number, tagAt: number): number =>
  ((hash >>> bits) << tagAt) | (Math.min(far, (1 << (tagAt - bits)) - 1) << bits) | (id + 1);
