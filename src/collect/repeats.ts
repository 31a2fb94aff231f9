/**
 * What comes again among all connections: the initial sequence numbers of clients, and their addresses. One walk over the records for both, so that
 * the waits for memory overlap. Of a flood next to nothing comes again, and nobody need count or sort what comes once.
 */
import type { Tables } from '../track/tables.ts';
import { Core, Trait } from '../track/layout.ts';
import { HashedCounts } from './hashed-counts.ts';
import type { Scratch } from './scratch.ts';
import { Twice } from './twice.ts';

export class Repeats {
  /** Of connections with a SYN. */
  readonly isns: Twice;
  readonly clients: ClientCounts;
  /** Has any handshake only its answers in the capture? */
  answersOnly = false;

  constructor({ cores }: Tables, connections: number, scratch: Scratch) {
    const words = Twice.words(connections);
    const room = scratch.ints(2 * words);
    this.isns = new Twice(room.subarray(0, words));
    this.clients = new ClientCounts(connections, room.subarray(words));
    for (let id = 0; id < connections; id++) {
      const core = cores.page(id);
      const c = cores.offset(id);
      const word = core[c + Core.STATE]!;
      if ((word & Trait.SAW_SYN) !== 0) this.isns.add(core[c + Core.ISS]!);
      else this.answersOnly ||= (word & Trait.SAW_SYN_ACK) !== 0;
      this.clients.add(core[c + ((word & Trait.CLIENT_IS_B) !== 0 ? Core.ADDR_B : Core.ADDR_A)]!);
    }
  }
}

/** Connections by client: of no address less than it has. (An IPv6 id may equal an IPv4 address.) */
export class ClientCounts {
  readonly #twice: Twice;
  /** Without the first one of each client. */
  readonly #others: HashedCounts;

  constructor(connections: number, room: Int32Array) {
    this.#twice = new Twice(room);
    this.#others = new HashedCounts(connections);
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
