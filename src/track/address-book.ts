/**
 * IPv6 addresses as small ids, so that every flow key is a handful of int32. IPv4 addresses are their own id.
 * Ids are handed out in order of appearance; memory grows with distinct IPv6 addresses (about 30 octets each), until `sweep` frees those
 * of connections that were folded.
 */
import { ipv4Text, ipv6Text } from '../model/address.ts';
import { Budget } from './budget.ts';
import { hash } from './hash.ts';

const INITIAL_SLOTS = 1 << 10;
/** Of an address, its mark, and its share of the table. */
const ADDRESS_OCTETS = 32;
/** Texts kept: rules ask for the same few thousand hosts again and again; a flood's sources are asked for once. */
const MAX_TEXTS = 1 << 14;

export class AddressBook {
  #bytes = new Uint8Array(16 * 256);
  #view = new DataView(this.#bytes.buffer);
  #slots = new Int32Array(INITIAL_SLOTS); // id + 1
  #mask = INITIAL_SLOTS - 1;
  readonly #budget: Budget;
  /** By id: 1 where a table keeps it. */
  #pinned = new Uint8Array(256);
  /** Ids that are free again. */
  #free: Int32Array = new Int32Array(0);
  #frees = 0;
  readonly #texts4 = new Map<number, string>();
  readonly #texts6 = new Map<number, string>();
  length = 0;

  constructor(budget = new Budget()) {
    this.#budget = budget;
  }

  get octetsInUse(): number {
    return (this.length - this.#frees) * ADDRESS_OCTETS;
  }

  /** Forgets the addresses whose ids are neither marked nor in a table that keeps them. */
  sweep(marked: Uint8Array): void {
    for (let id = 0; id < this.length; id++) marked[id]! |= this.#pinned[id]!;
    const free = new Int32Array(this.length);
    let frees = 0;
    for (let id = this.length - 1; id >= 0; id--) if (marked[id] === 0) free[frees++] = id;
    this.#free = free.slice(0, frees);
    this.#frees = frees;
    this.#texts6.clear();
    this.#fill(this.#slots.fill(0), marked);
  }

  /** The id of the IPv6 address at `at`, for a table that keeps it. */
  intern(view: DataView, at: number): number {
    const id = this.ofTuple(view, at);
    this.#pinned[id] = 1;
    return id;
  }

  /** The same for a connection's tuple: once no connection has it any more, `sweep` may forget it. */
  ofTuple(view: DataView, at: number): number {
    const a = view.getInt32(at);
    const b = view.getInt32(at + 4);
    const c = view.getInt32(at + 8);
    const d = view.getInt32(at + 12);
    let slot = hash(a, b, c, d) & this.#mask;
    for (;;) {
      const id = this.#slots[slot]! - 1;
      if (id < 0) return this.#add(view, at, slot);
      const book = this.#view;
      const i = id * 16;
      if (book.getInt32(i) === a && book.getInt32(i + 4) === b && book.getInt32(i + 8) === c && book.getInt32(i + 12) === d) return id;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** All IPv6 addresses in the order of their ids, 16 octets each. */
  get octets(): Uint8Array {
    return this.#bytes.slice(0, this.length * 16);
  }

  /** Takes the addresses of another process in place of its own. */
  restore(octets: Uint8Array): void {
    this.length = octets.length / 16;
    this.#bytes = new Uint8Array(Math.max(this.#bytes.length, octets.length));
    this.#bytes.set(octets);
    this.#view = new DataView(this.#bytes.buffer);
    this.#pinned = new Uint8Array(this.#bytes.length / 16).fill(1, 0, this.length);
    let slots = INITIAL_SLOTS;
    while (slots < this.length * 2) slots *= 2;
    this.#fill(new Int32Array(slots), null);
  }

  /** Adds the addresses of another process; returns, by its ids, what they are here. */
  add(octets: Uint8Array): Int32Array {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    return Int32Array.from({ length: octets.length / 16 }, (_, id) => this.intern(view, id * 16));
  }

  text(id: number, ipv6: boolean): string {
    const known = ipv6 ? this.#texts6 : this.#texts4;
    let text = known.get(id);
    if (text === undefined) {
      text = ipv6 ? ipv6Text(this.#bytes, id * 16) : ipv4Text(id);
      if (known.size < MAX_TEXTS) known.set(id, text);
    }
    return text;
  }

  /** The nth 32 bits of an IPv6 address. */
  word(id: number, n: number): number {
    return this.#view.getInt32(id * 16 + n * 4);
  }

  #add(view: DataView, at: number, slot: number): number {
    const id = this.#frees > 0 ? this.#free[--this.#frees]! : this.length++;
    if (id * 16 === this.#bytes.length) {
      this.#budget.take(this.#bytes.length);
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
      const pinned = new Uint8Array(this.#pinned.length * 2);
      pinned.set(this.#pinned);
      this.#pinned = pinned;
    }
    for (let i = 0; i < 16; i++) this.#bytes[id * 16 + i] = view.getUint8(at + i);
    this.#slots[slot] = id + 1;
    if (this.length * 2 > this.#slots.length) this.#grow();
    return id;
  }

  #grow(): void {
    this.#budget.take(this.#slots.byteLength);
    this.#fill(new Int32Array(this.#slots.length * 2), null);
  }

  /** Makes `slots` the table of all addresses, or of those that are marked. */
  #fill(slots: Int32Array<ArrayBuffer>, marked: Uint8Array | null): void {
    const mask = slots.length - 1;
    const view = this.#view;
    for (let id = 0; id < this.length; id++) {
      if (marked !== null && marked[id] === 0) continue;
      const at = id * 16;
      let slot = hash(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#slots = slots;
    this.#mask = mask;
  }
}
