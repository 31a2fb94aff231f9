/**
 * Connections that were open when they were folded (fold.ts), by hashes of their tuples: one that goes on is known again, and not
 * counted twice. Six octets a slot, and no more of them than a share of the budget. Two tuples have the same hash once in four thousand million.
 */
import type { Budget } from './budget.ts';

const INITIAL_SLOTS = 1 << 10;
const SLOT = 6; // octets
/** Of what records and tables may take. */
const SHARE = 1 / 16;

export class Living {
  /** Open addressing; a slot whose facts are 0 and whose hash is not was left. */
  #hashes: Int32Array = new Int32Array(INITIAL_SLOTS);
  #facts: Uint16Array = new Uint16Array(INITIAL_SLOTS);
  #used = 0;
  /** Those of them that were not left. */
  #there = 0;
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** @param facts of the caller, not 0. False: there is no room, or a tuple with the same hash. */
  add(hash: number, facts: number): boolean {
    if (this.#used * 4 >= this.#hashes.length * 3 && !this.#makeRoom()) return false;
    const slot = this.#find(hash);
    if (this.#facts[slot] !== 0) return false;
    if (this.#hashes[slot] === 0) this.#used++;
    this.#there++;
    this.#hashes[slot] = hash || 1;
    this.#facts[slot] = facts;
    return true;
  }

  /** Forgets a tuple; returns the facts that it was added with, 0 where it was not. */
  take(hash: number): number {
    const slot = this.#find(hash);
    const facts = this.#facts[slot]!;
    if (facts !== 0) this.#there--;
    this.#facts[slot] = 0;
    return facts;
  }

  /** The slot of a hash, or the one where it would be. */
  #find(hash: number): number {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    const wanted = hash || 1; // 0: nobody's
    let slot = wanted & mask;
    while (hashes[slot] !== 0 && hashes[slot] !== wanted) slot = (slot + 1) & mask;
    return slot;
  }

  /** Larger, or without those that left. */
  #makeRoom(): boolean {
    const [hashes, facts] = [this.#hashes, this.#facts];
    let slots = hashes.length;
    if (this.#there * 2 > slots) {
      if (2 * slots * SLOT > this.#budget.limit * SHARE) return false;
      this.#budget.take(slots * SLOT);
      slots *= 2;
    }
    this.#hashes = new Int32Array(slots);
    this.#facts = new Uint16Array(slots);
    this.#used = this.#there;
    for (let i = 0; i < hashes.length; i++) {
      if (facts[i] === 0) continue;
      const slot = this.#find(hashes[i]!);
      this.#hashes[slot] = hashes[i]!;
      this.#facts[slot] = facts[i]!;
    }
    return true;
  }
}
