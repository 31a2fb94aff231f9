/**
 * What comes again among all connections: the initial sequence numbers of clients, and their addresses. One walk over the records for both. Of a flood
 * next to nothing comes again, and nobody need count or sort what comes once.
 */
import type { Tables } from '../track/tables.ts';
import { Core, Trait } from '../track/layout.ts';
import { issOf } from '../track/sequel.ts';
import { HashedCounts } from './hashed-counts.ts';
import type { Scratch } from './scratch.ts';
import { Twice } from './twice.ts';

/** Connections for each client of which others come than the first. */
const OTHERS_EACH = 4;
/** Connections whose values are gathered before their bits are asked: in loops as short as that, the waits for memory overlap. */
export const BATCH = 1 << 12;

export class Repeats {
  /** Of connections with a SYN. */
  readonly isns: Twice;
  readonly clients: ClientCounts;
  /** Has any handshake only its answers in the capture? */
  answersOnly = false;

  constructor(tables: Tables, connections: number, scratch: Scratch) {
    const { cores } = tables;
    const words = Twice.words(connections);
    const room = scratch.ints(2 * words);
    this.isns = new Twice(room.subarray(0, words), scratch);
    this.clients = new ClientCounts(connections, room.subarray(words), scratch);
    const isns = new Int32Array(BATCH);
    const addresses = new Int32Array(BATCH);
    for (let from = 0; from < connections; from += BATCH) {
      const count = Math.min(BATCH, connections - from);
      let syns = 0;
      for (let i = 0; i < count; i++) {
        const core = cores.page(from + i);
        const c = cores.offset(from + i);
        const word = core[c + Core.STATE]!;
        if ((word & Trait.SAW_SYN) !== 0) isns[syns++] = issOf(tables, core, c, 0);
        else this.answersOnly ||= (word & Trait.SAW_SYN_ACK) !== 0;
        addresses[i] = core[c + ((word & Trait.CLIENT_IS_B) !== 0 ? Core.ADDR_B : Core.ADDR_A)]!;
      }
      for (let i = 0; i < syns; i++) this.isns.add(isns[i]!);
      for (let i = 0; i < count; i++) this.clients.add(addresses[i]!);
    }
  }
}

/** Connections by client: of no address less than it has. (An IPv6 id may equal an IPv4 address.) */
export class ClientCounts {
  readonly #twice: Twice;
  /** Without the first one of each client. */
  readonly #others: HashedCounts;

  constructor(connections: number, room: Int32Array, scratch: Scratch) {
    this.#twice = new Twice(room, scratch);
    this.#others = new HashedCounts(connections / OTHERS_EACH, scratch);
  }

  add(address: number): void {
    if (this.#twice.add(address)) this.#others.add(address);
  }

  /** At least as many as the client has. */
  of(address: number): number {
    return this.mayHaveMore(address) ? this.#others.of(address) + 1 : 1;
  }

  /** May the client have more than one? */
  mayHaveMore(address: number): boolean {
    return this.#twice.may(address);
  }

  /** The largest count; Infinity: it may be any. */
  get most(): number {
    return this.#others.most + 1;
  }
}
