/** Connections with segments larger than their receiver takes, by sender. */
import type { Oversized } from '../model/recording.ts';
import type { ConnId } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, SynOption, Trait } from '../track/layout.ts';
import type { Tables } from '../track/tables.ts';
import { optionsOf } from '../track/sequel.ts';

/** Ids kept of each sender: as many as a finding lists. */
const MAX_IDS = 1_000;
const MAX_SENDERS = 1_024;

interface Sender {
  largest: number;
  mss: number;
  count: number;
  readonly ids: ConnId[];
}

/** Fills the groups while the census walks over all connections. */
export class OversizedTally {
  readonly #tables: Tables;
  readonly #senders = new Map<string, Sender>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** @param core the page with the connection's core record, at `c`. @param pair that of its pair record, at `client`. */
  note(id: ConnId, core: Int32Array, c: number, pair: Int32Array, client: number): void {
    for (let side = 0; side < 2; side++) {
      const largest = pair[client + side * HALF_STRIDE + Half.LARGEST]!;
      const announced = optionsOf(this.#tables, core, c, 1 - side);
      if (largest > (announced & 0xffff) && (announced & SynOption.HAS_MSS) !== 0)
        this.#add(id, core, c, side, largest, announced & 0xffff);
    }
  }

  /** Most connections first. */
  list(): Oversized[] {
    return [...this.#senders].map(([ip, sender]) => ({ ip, ...sender })).sort((a, b) => b.count - a.count || b.largest - a.largest);
  }

  #add(id: ConnId, core: Int32Array, c: number, side: number, largest: number, mss: number): void {
    const isB = ((core[c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0) === (side === 0);
    const ip = this.#tables.addresses.text(core[c + (isB ? Core.ADDR_B : Core.ADDR_A)]!, (core[c + Core.META]! & 1) !== 0);
    let sender = this.#senders.get(ip);
    if (sender === undefined) {
      if (this.#senders.size >= MAX_SENDERS) return;
      this.#senders.set(ip, (sender = { largest: 0, mss, count: 0, ids: [] }));
    }
    sender.count++;
    sender.largest = Math.max(sender.largest, largest);
    sender.mss = Math.min(sender.mss, mss);
    if (sender.ids.length < MAX_IDS) sender.ids.push(id);
  }
}
