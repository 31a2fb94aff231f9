/**
 * When the pair record of a connection is packed, together with its sequel, and unpacked: most connections of a long capture are over, and only those that have spoken
 * lately need a record that can be written to. A hand goes round the live records, a few with each one that is added, and packs
 * what has been silent for long, with its trouble record and its list of events. So the live ones are about as many as speak at a time, and stay in the cache.
 *
 * That is all that packing is: nobody who asks for a connection can tell.
 */
import type { EventLog } from './events.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Pair, pairOf, Sequel } from './layout.ts';
import { PACKED, type PackedRecords } from './packed-records.ts';
import type { RecordPages } from './pages.ts';

export interface Packing {
  /** Live pair records below which nothing is packed: 112 MiB, and more than most captures have. */
  readonly from: number;
  /** The same in a capture that will have so many connections, as far as one can tell (`expect`). */
  readonly fromOfMany: number;
  readonly many: number;
  /** Frames without one of its own, after which a connection is silent. */
  readonly silent: number;
  /** Live records looked at for each that is added. */
  readonly looks: number;
  /**
   * The first few are packed as soon as they are silent for so many frames: V8 throws optimised code away, and all that it was inlined into, where
   * a branch is taken for the first time.
   */
  readonly first: number;
  readonly firstSilent: number;
}

export const PACKING: Packing = { from: 262_144, fromOfMany: 16_384, many: 524_288, silent: 32_768, looks: 2, first: 64, firstSilent: 256 };

export class Packer {
  readonly #cores: RecordPages;
  /** Live ones. */
  readonly #sequels: RecordPages;
  readonly #pairs: PackedRecords;
  readonly #troubles: PackedRecords;
  readonly #events: EventLog;
  readonly #packing: Packing;
  /** By live pair record: id + 1 of its connection. */
  #owners = new Int32Array(1_024);
  #hand = 0;
  /** Of the first few, those that are to come. */
  #left: number;
  #stopped = false;
  /** Live pair records below which nothing is packed. */
  #from: number;

  constructor(cores: RecordPages, sequels: RecordPages, pairs: PackedRecords, troubles: PackedRecords, events: EventLog, packing: Packing) {
    this.#cores = cores;
    this.#sequels = sequels;
    this.#pairs = pairs;
    this.#troubles = troubles;
    this.#events = events;
    this.#packing = packing;
    this.#left = packing.first;
    this.#from = packing.from;
  }

  /** So much of the capture was read, 0 to 1. Memory that live records once took is not given back, so that it is better known early that there will be many. */
  expect(share: number): void {
    const { fromOfMany, many } = this.#packing;
    if (this.#from > fromOfMany && this.#pairs.live.inUse >= fromOfMany && this.#cores.length > many * share) this.#from = fromOfMany;
  }

  /** A pair record for connection `id`, by the segment of that frame; returns its index. */
  add(id: number, frame: number): number {
    const { live } = this.#pairs;
    const { silent, looks, firstSilent } = this.#packing;
    if ((this.#left > 0 || live.inUse >= this.#from) && !this.#stopped) {
      const since = frame - (this.#left > 0 ? firstSilent : silent);
      for (let i = 0; i < looks; i++) this.#look(since);
    }
    return this.#own(this.#pairs.add(), id);
  }

  /** The packed pair record of connection `id` becomes a live one, whose index is returned, and so does its sequel; and its log a list again. */
  open(id: number, ref: number): number {
    this.#events.unpack(id);
    const index = this.#own(this.#pairs.unpack(ref), id);
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    core[c + Core.PAIR] = index + 1;
    core[c + Core.SEQUEL] = this.#pairs.unpackedBeside + 1;
    return index;
  }

  /** Everything becomes live and stays so: records are to be read by others, page by page, or are from others. */
  stop(): void {
    this.#stopped = true;
    const troubles = this.#troubles;
    if (this.#pairs.packed + troubles.packed === 0) return;
    const { live } = this.#pairs;
    for (let id = 0; id < this.#cores.length; id++) {
      const core = this.#cores.page(id);
      const c = this.#cores.offset(id);
      if (pairOf(core, c) === 0) continue;
      if (pairOf(core, c) > PACKED) this.open(id, pairOf(core, c) - 1);
      const index = pairOf(core, c) - 1;
      const trouble = live.offset(index) + Pair.TROUBLE;
      const ref = live.page(index)[trouble]! - 1;
      if (ref >= PACKED) live.page(index)[trouble] = troubles.unpack(ref) + 1;
    }
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. */
  renumber(ids: Int32Array): void {
    for (let i = 0; i < this.#owners.length; i++) {
      const owner = this.#owners[i]!;
      if (owner !== 0) this.#owners[i] = ids[owner - 1]! + 1;
    }
  }

  #own(index: number, id: number): number {
    if (index >= this.#owners.length) {
      const owners = new Int32Array(Math.max(index + 1, 2 * this.#owners.length));
      owners.set(this.#owners);
      this.#owners = owners;
    }
    this.#owners[index] = id + 1;
    return index;
  }

  /** Packs what the hand points at, if its last frame is no later than `since`. */
  #look(since: number): void {
    const pairs = this.#pairs;
    const index = this.#hand;
    if (++this.#hand >= pairs.live.length) this.#hand = 0;
    const owner = index < this.#owners.length ? this.#owners[index]! : 0;
    if (owner === 0) return;
    const core = this.#cores.page(owner - 1);
    const c = this.#cores.offset(owner - 1);
    if (core[c + Core.LAST_FRAME]! > since) return;
    const trouble = pairs.live.offset(index) + Pair.TROUBLE;
    const words = pairs.live.page(index);
    const ref = words[trouble]! - 1;
    if (ref >= 0 && ref < PACKED) words[trouble] = this.#troubles.pack(ref) + 1;
    const sequel = core[c + Core.SEQUEL]! - 1;
    this.#forget(index, sequel);
    const packed = pairs.pack(index, sequel);
    if (packed < PACKED) return;
    core[c + Core.PAIR] = core[c + Core.SEQUEL] = packed + 1;
    this.#events.pack(owner - 1);
    this.#owners[index] = 0;
    this.#left--;
  }

  /** What nobody will read becomes what packs best; and the sequel's last time that of the connection (`lastTimeOf`). */
  #forget(index: number, sequel: number): void {
    const { live } = this.#pairs;
    const [pair, pairF, p] = [live.page(index), live.floatPage(index), live.offset(index)];
    const last = (this.#sequels.offset(sequel) + Sequel.LAST_TIME) >> 1;
    const sequelF = this.#sequels.floatPage(sequel);
    for (let half = p; half <= p + HALF_STRIDE; half += HALF_STRIDE) {
      const time = pairF[(half + Half.LAST_TIME) >> 1]!;
      if (time >= 0 && time > sequelF[last]!) sequelF[last] = time;
      if ((pair[half + Half.FLAGS]! & HalfFlag.TIMING) !== 0) continue;
      pair[half + Half.RTT_END] = pair[half + Half.NXT]!;
      pairF[(half + Half.RTT_TIME) >> 1] = pairF[(half + Half.LAST_DATA_TIME) >> 1]!;
    }
  }
}
