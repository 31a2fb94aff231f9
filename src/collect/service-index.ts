/** Which service a connection is for: server address and port within an encapsulation, numbered as they come. */
import { type ConnIds, connIds } from '../model/units.ts';
import { Core, Trait, tupleMeta } from '../track/layout.ts';
import { bitsAreFewer, bitsFor, IdBits } from './id-bits.ts';
import { NarrowColumn } from './narrow-column.ts';
import type { Scratch } from './scratch.ts';

export class ServiceIndex {
  /** Address, port, encapsulation and number of those that share a hash. */
  readonly #buckets = new Map<number, number[]>();
  /** Per connection. */
  readonly #of: NarrowColumn;
  /** Where the service of the connection before is; mostly the next one is for the same. */
  #bucket: readonly number[] = [-1, -1, -1, -1];
  #at = 0;
  services = 0;

  constructor(connections: number, scratch: Scratch) {
    this.#of = new NarrowColumn(connections, scratch);
  }

  of(id: number): number {
    return this.#of.get(id);
  }

  put(id: number, service: number): void {
    this.#of.set(id, service);
  }

  /** The number of a connection's service; that of the last one where it is new. */
  find(core: Int32Array, c: number): number {
    const serverIsB = (core[c + Core.STATE]! & Trait.CLIENT_IS_B) === 0;
    const address = core[c + (serverIsB ? Core.ADDR_B : Core.ADDR_A)]!;
    const ports = core[c + Core.PORTS]!;
    const port = serverIsB ? ports & 0xffff : ports >>> 16;
    const meta = tupleMeta(core, c);
    if (!this.#isAt(this.#bucket, this.#at, address, port, meta)) this.#look(address, port, meta);
    return this.#bucket[this.#at + 3]!;
  }

  #isAt(bucket: readonly number[], i: number, address: number, port: number, meta: number): boolean {
    return bucket[i] === address && bucket[i + 1] === port && bucket[i + 2] === meta;
  }

  #look(address: number, port: number, meta: number): void {
    // A small integer as key (a float64 would be hashed slowly); what differs in address, port or encapsulation shares a bucket.
    const key = (address ^ Math.imul(port, 0x9e3779b1)) | 0;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, (bucket = []));
    let at = 0;
    while (at < bucket.length && !this.#isAt(bucket, at, address, port, meta)) at += 4;
    if (at === bucket.length) bucket.push(address, port, meta, this.services++);
    this.#bucket = bucket;
    this.#at = at;
  }

  /** Ids by service, of those that are counted in its total. Of most services they are a part of one column, of the few largest they are bits. */
  members(connections: number, totals: readonly number[], isLeftOut: (id: number) => boolean): ConnIds[] {
    const bits = totals.map((total) => (bitsAreFewer(total, connections) ? bitsFor(connections) : null));
    const small = totals.map((total, s) => (bits[s] === null ? total : 0));
    const sorted = new Int32Array(small.reduce((sum, total) => sum + total, 0));
    const offsets = new Int32Array(small.length);
    for (let s = 1; s < small.length; s++) offsets[s] = offsets[s - 1]! + small[s - 1]!;
    const next = offsets.slice();
    for (let id = 0; id < connections; id++) {
      if (isLeftOut(id)) continue;
      const s = this.#of.get(id);
      const words = bits[s]!;
      if (words === null) sorted[next[s]!++] = id;
      else words[id >>> 5] = words[id >>> 5]! | (1 << id);
    }
    return totals.map((total, s) => {
      const words = bits[s]!;
      return words === null ? connIds(sorted.subarray(offsets[s], offsets[s]! + total)) : new IdBits(words, total);
    });
  }
}
