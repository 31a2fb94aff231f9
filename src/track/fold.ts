/**
 * Makes room when the tracker's tables have reached their limit: connections are folded into counts (folded.ts), and those that stay
 * close up, so that ids are what they always are: 0-based, without gaps, in the order of first frames.
 *
 * Folded is what can be missed most easily, the oldest first: closed connections of which nothing is to be told and attempts that
 * have ended; where that frees too little, all that is closed, and attempts that still wait; at last what has been silent longest. The first
 * connections of each service stay, so that rules have something to show.
 *
 * One pass over all connections each time, and each time frees a quarter at least, so a connection is looked at a few times in its life.
 */
import { State } from '../model/state.ts';
import { Folded } from './folded.ts';
import { Core, CORE_STRIDE, Pair, pairOf, Rare, Sequel, SEQUEL_STRIDE, sequelOf, Trait, Trouble, TROUBLE_HALF, Turn } from './layout.ts';
import { isImplied, movedRef } from './implied.ts';
import { outcomeOf } from './outcome.ts';
import { PACKED } from './packed-records.ts';
import { lastTimeOf, previousOf } from './sequel.ts';
import { ofSequel } from './shapes.ts';
import type { Tables } from './tables.ts';

/** How easily a connection can be missed. */
const Loss = { LITTLE: 1, SOME: 2, MUCH: 3 } as const;
const STAYS = 0;
const FOLDED = 255;

/** Connections of each service that stay, as long as they are no more than this share of all. */
const KEPT = 8;
const KEPT_SHARE = 1 / 8;
/** Of what is in use: enough, and all that is taken at once. */
const ENOUGH = 1 / 4;
const GOAL = 1 / 2;
/** Connections looked at to find how long the quieter half has been silent. */
const SAMPLE = 1_001;

/** Of these traits rules have something to tell. */
const REMARKABLE =
  Trait.MIDSTREAM |
  Trait.HAS_RST |
  Trait.REFUSED |
  Trait.LONG_CLOSE_WAIT |
  Trait.ICMP_ERROR |
  Trait.ACK_IGNORED |
  Trait.ODD_FLAGS |
  Trait.EVENTS_CUT |
  Trait.STRAY_SYN;

export class Folder {
  readonly folded: Folded;
  readonly #tables: Tables;
  /** So many may stay only because they are the first of their service. */
  #stay = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.folded = new Folded(tables);
  }

  /** Is room needed, or only a page of another kind than those that have become free? */
  isNeeded(): boolean {
    return this.#inUse() * 2 >= this.#tables.budget.limit;
  }

  /** Folds, and returns the new ids by the old ones: -1 of those that are no more. */
  fold(now: number): Int32Array {
    const losses = this.#choose(now);
    const ids = this.#closeUp(losses, now);
    const { flows, packer, timers, tags, recorded, icmpReporters, takenForOld, openedLate, beginnings } = this.#tables;
    openedLate.clear(); // what was folded is never united with other shards, nor joined
    beginnings.clear();
    flows.renumber(ids);
    packer.renumber(ids);
    timers.renumber(ids);
    tags.renumber(ids);
    recorded.renumber(ids);
    const reporters = [...icmpReporters];
    icmpReporters.clear();
    for (const [id, reporter] of reporters) if (ids[id]! >= 0) icmpReporters.set(ids[id]!, reporter);
    const old = [...takenForOld];
    takenForOld.clear();
    for (const id of old) if (ids[id]! >= 0) takenForOld.add(ids[id]!);
    this.#forgetAddresses();
    return ids;
  }

  /** Octets of all records in use. */
  #inUse(): number {
    const { cores, sequels, pairs, rares, copied, troubles, holes, delays, events, flows, addresses } = this.#tables;
    let octets = events.octetsInUse + flows.octetsInUse + addresses.octetsInUse;
    for (const records of [cores, sequels.live, pairs, rares, copied, troubles, holes, delays]) octets += records.octetsInUse;
    return octets;
  }

  /** By id: FOLDED, or something else. */
  #choose(now: number): Uint8Array {
    const n = this.#tables.cores.length;
    const losses = new Uint8Array(n);
    let total = 0;
    this.#stay = n * KEPT_SHARE;
    for (const service of this.folded.services) service.kept = 0;
    for (let id = 0; id < n; id++) {
      losses[id] = this.#loss(id);
      total += this.#octetsOf(id);
    }
    let freed = 0;
    for (const loss of [Loss.LITTLE, Loss.SOME, Loss.MUCH]) {
      const since = loss === Loss.MUCH ? this.#quietSince() : now;
      for (let id = 0; id < n && freed < total * GOAL; id++) {
        if (losses[id] !== loss || (loss === Loss.MUCH && lastTimeOf(this.#tables, id) > since)) continue;
        losses[id] = FOLDED;
        freed += this.#octetsOf(id);
      }
      if (freed >= total * ENOUGH) break;
    }
    return losses;
  }

  #loss(id: number): number {
    const { cores, pairs } = this.#tables;
    const core = cores.page(id);
    const c = cores.offset(id);
    const service = this.folded.serviceOf(core, c);
    if (service !== null && service.kept < KEPT && this.#stay >= 1) {
      service.kept++;
      this.#stay--;
      return STAYS;
    }
    const word = core[c + Core.STATE]!;
    const closed = (word & 0xff) === State.CLOSED;
    const ref = pairOf(core, c) - 1;
    if (ref < 0) return closed && (word & REMARKABLE) === 0 ? Loss.LITTLE : Loss.SOME;
    if (!closed) return Loss.MUCH;
    const plain = (word & REMARKABLE) === 0 && pairs.word(ref, Pair.TROUBLE) === 0;
    return plain && outcomeOf(this.#tables, id, 0) === 'ok' ? Loss.LITTLE : Loss.SOME;
  }

  /** The half of the connections has been silent since then. */
  #quietSince(): number {
    const n = this.#tables.cores.length;
    const times = Float64Array.from({ length: Math.min(n, SAMPLE) }, (_, i) =>
      lastTimeOf(this.#tables, Math.floor((i * n) / Math.min(n, SAMPLE))),
    );
    return times.sort()[times.length >> 1]!;
  }

  /** Of a connection's records. */
  #octetsOf(id: number): number {
    const { cores, pairs, troubles } = this.#tables;
    const core = cores.page(id);
    const c = cores.offset(id);
    if (sequelOf(core, c) === 0) return CORE_STRIDE * 4;
    const ref = pairOf(core, c) - 1;
    if (ref < 0) return (CORE_STRIDE + SEQUEL_STRIDE) * 4;
    const trouble = pairs.word(ref, Pair.TROUBLE) - 1;
    return (CORE_STRIDE + (ref < PACKED ? SEQUEL_STRIDE : 0)) * 4 + pairs.octetsOf(ref) + (trouble < 0 ? 0 : troubles.octetsOf(trouble));
  }

  /** Counts those to be folded, gives back their records, and lets the others close up. */
  #closeUp(losses: Uint8Array, now: number): Int32Array {
    const { cores, firstTimes, sequels } = this.#tables;
    const n = cores.length;
    const ids = new Int32Array(n);
    let next = 0;
    for (let id = 0; id < n; id++) {
      const core = cores.page(id);
      const c = cores.offset(id);
      const ref = sequelOf(core, c) - 1;
      if (losses[id] === FOLDED) {
        ids[id] = -1;
        this.folded.add(id, this.folded.serviceOf(core, c), now);
        if (ref >= 0) this.#release(pairOf(core, c) - 1, ref);
        continue;
      }
      if (ref >= 0) {
        const sequel = sequels.page(ref);
        const s = sequels.offset(ref);
        const tail = sequel[s + Sequel.TAIL]!;
        if (tail < 0) sequel[s + Sequel.TAIL] = ~next;
        else if (isImplied(tail)) sequel[s + Sequel.TAIL] = movedRef(tail, next);
        const previous = previousOf(this.#tables, core, c) - 1;
        if (previous >= 0) this.#setPrevious(ref, ids[previous]! + 1);
      }
      if (next !== id) {
        cores.move(id, next);
        firstTimes.move(id, next);
      }
      ids[id] = next++;
    }
    cores.truncate(next);
    return ids;
  }

  /** @param ref of the sequel record. @param previous less than it was */
  #setPrevious(ref: number, previous: number): void {
    const { sequels, pairs } = this.#tables;
    if (ref < PACKED) sequels.page(ref)[sequels.offset(ref) + Sequel.PREVIOUS] = previous;
    else pairs.lower(ref, ofSequel(Sequel.PREVIOUS), previous);
  }

  /** @param pair reference to the pair record, or -1. @param sequel the same if they are packed */
  #release(pair: number, sequel: number): void {
    const { sequels, pairs, delays, events } = this.#tables;
    events.release(sequels.page(sequel), sequels.offset(sequel));
    if (sequel < PACKED) sequels.live.release(sequel);
    if (pair < 0) return;
    const [rare, trouble, delay] = [Pair.RARE, Pair.TROUBLE, Turn.DELAYS].map((word) => pairs.word(pair, word) - 1);
    if (rare! >= 0) this.#releaseRare(rare!);
    if (trouble! >= 0) this.#releaseTrouble(trouble!);
    if (delay! >= 0) delays.release(delay!);
    pairs.release(pair);
  }

  #releaseRare(rare: number): void {
    const { rares, copied } = this.#tables;
    const copies = rares.page(rare)[rares.offset(rare) + Rare.COPIES]!;
    if (copies !== 0) copied.release(copies - 1);
    rares.release(rare);
  }

  #releaseTrouble(trouble: number): void {
    const { troubles, holes } = this.#tables;
    for (let side = 0; side < 2; side++) {
      const list = troubles.word(trouble, side * TROUBLE_HALF + Trouble.HOLE_LIST);
      if (list !== 0) holes.release(list - 1);
    }
    troubles.release(trouble);
  }

  /** IPv6 addresses of nobody who is left. */
  #forgetAddresses(): void {
    const { cores, addresses } = this.#tables;
    if (addresses.length === 0) return;
    const marked = new Uint8Array(addresses.length);
    for (let id = 0; id < cores.length; id++) {
      const core = cores.page(id);
      const c = cores.offset(id);
      if ((core[c + Core.META]! & 1) === 0) continue;
      marked[core[c + Core.ADDR_A]!] = 1;
      marked[core[c + Core.ADDR_B]!] = 1;
    }
    for (const { address, meta } of this.folded.services) if ((meta & 1) !== 0) marked[address] = 1;
    addresses.sweep(marked);
  }
}
