/**
 * 5-tuple (and encapsulation) → newest connection with it. Open addressing over slots of one word: as many low bits as a table of this size
 * has slots are id + 1 (0: empty), the others those of the tuple's hash, while its low bits say where the slot is. Comparing them first keeps a
 * miss from touching somebody else's record, which is where the time goes in a flood. docs/performance.md has the alternatives that were measured.
 */
import { Budget } from './budget.ts';
import { hash } from './hash.ts';
import { Core } from './layout.ts';
import { type RecordPages, uncounted } from './pages.ts';

const INITIAL_SLOTS = 1 << 12;

export class FlowTable {
  #slots: Int32Array = new Int32Array(INITIAL_SLOTS);
  /** Bits of a hash that say which slot, and of a slot that say which connection. */
  #mask = INITIAL_SLOTS - 1;
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
    return this.#slots.byteLength;
  }
  get octetsInUse(): number {
    return this.#used * 4;
  }
  /** Slots in use, 0 to 1. */
  get load(): number {
    return this.#used / (this.#mask + 1);
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
        page[offset + Core.META] === meta
      )
        return this.#lastId;
    }
    const slots = this.#slots;
    const mask = this.#mask;
    const cores = this.#cores;
    let slot = hash & mask;
    for (;;) {
      const entry = slots[slot]!;
      if (entry === 0) return -1;
      if (((entry ^ hash) & ~mask) === 0) {
        const id = (entry & mask) - 1;
        const core = cores.page(id);
        const at = cores.offset(id);
        if (core[at + Core.PORTS] === ports && core[at] === a && core[at + Core.ADDR_B] === b && core[at + Core.META] === meta) {
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
    let slot = hash & mask;
    for (;;) {
      const entry = slots[slot]!;
      if (entry === 0) {
        this.#used++;
        break;
      }
      if ((entry & mask) - 1 === replaces) break;
      slot = (slot + 1) & mask;
    }
    slots[slot] = (hash & ~mask) | (id + 1);
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. */
  renumber(ids: Int32Array): void {
    this.#fill(new Int32Array(this.#slots.length), ids);
  }

  /** Enters connections that were not tracked here, from this one on. */
  enter(from: number): void {
    const cores = this.#cores;
    for (let id = from; id < cores.length; id++) {
      const core = cores.page(id);
      const c = cores.offset(id);
      const [a, b, ports, meta] = [core[c]!, core[c + Core.ADDR_B]!, core[c + Core.PORTS]!, core[c + Core.META]!];
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

  /** Takes over what is in the table, under new ids if there are any. In the order of ids: their records are read one behind the other. */
  #fill(slots: Int32Array, ids: Int32Array | null): void {
    const old = this.#slots;
    const oldMask = this.#mask;
    const mask = slots.length - 1;
    const cores = this.#cores;
    const length = ids === null ? cores.length : ids.length;
    this.#used = 0;
    for (let before = 0; before < length; before++) {
      const id = ids === null ? before : ids[before]!;
      if (id < 0) continue;
      const core = cores.page(id);
      const c = cores.offset(id);
      const h = hash(core[c]!, core[c + Core.ADDR_B]!, core[c + Core.PORTS]!, core[c + Core.META]!);
      let slot = h & oldMask;
      while (old[slot] !== 0 && (old[slot]! & oldMask) - 1 !== before) slot = (slot + 1) & oldMask;
      if (old[slot] === 0) continue; // another connection of its tuple is newer
      slot = h & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = (h & ~mask) | (id + 1);
      this.#used++;
    }
    this.#slots = slots;
    this.#mask = mask;
    this.#lastId = -1;
  }
}
