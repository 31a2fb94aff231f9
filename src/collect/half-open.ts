/** Half-open entries of a listener, and how many there were at once: a flood has millions of them, and no columns of their times. */
import { State } from '../model/state.ts';
import { connId, type ConnIds, type Nanos } from '../model/units.ts';
import { Core, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';
import { IdCursor } from './id-bits.ts';
import type { Scratch } from './scratch.ts';
import { sortTimes } from './sorting.ts';
import { forEachStay, type Stay } from './stays.ts';

/** Parts of the capture at most; and connections for each. */
const MOST_PARTS = 1 << 16;
const EACH = 16;
/** In place of the entries open before a part: the peak cannot be in it. (They may be fewer than none, where the clock was set back during entries.) */
const NOT_HERE = -(2 ** 31);

export interface Peak {
  readonly peak: number;
  readonly at: Nanos | null;
}

/** Entries last from the first SYN-ACK to the third ACK, the RST, or the kernel's giving up. */
export function peakHalfOpen(census: Census, ids: ConnIds): Peak {
  return mostAtOnce(
    (entry, take) => {
      forEachEntry(census, ids, entry, take);
    },
    ids.length,
    census.end,
    census.scratch,
  );
}

/** Fields, because float64 arguments may be boxed. -0: float64 from the start. */
export class Entry {
  since = -0;
  until = -0;
}

/**
 * The most entries at once, and since when.
 *
 * @param walk puts each entry into its first argument, in any order, and calls the second; it is called twice
 * @param entries about so many
 * @param end when most of them are over, nanoseconds
 * @param scratch nobody else may use it meanwhile
 */
export function mostAtOnce(walk: (entry: Entry, take: () => void) => void, entries: number, end: number, scratch: Scratch): Peak {
  const parts = new Parts(Math.min(MOST_PARTS, Math.ceil(entries / EACH)), end, scratch);
  const entry = new Entry();
  walk(entry, () => {
    parts.count(entry);
  });
  const crowd = parts.crowd();
  walk(entry, () => {
    crowd.add(entry);
  });
  return crowd.peak();
}

function forEachEntry(census: Census, ids: ConnIds, entry: Entry, take: () => void): void {
  const { cores, events } = census.tracker.tables;
  const { implied } = events;
  const stay: Stay = (_id, side, since, until) => {
    if (side !== 1) return;
    entry.since = since;
    entry.until = until;
    take();
  };
  const all = new IdCursor(ids);
  for (let id = all.next(); id >= 0; id = all.next()) {
    const core = cores.page(id);
    const c = cores.offset(id);
    if ((core[c + Core.STATE]! & Trait.SAW_SYN_ACK) === 0) continue;
    if (!implied.held(core, c)) {
      forEachStay(census, connId(id), State.SYN_RCVD, stay);
      continue;
    }
    entry.since = implied.since;
    entry.until = Math.min(implied.until, census.end);
    take();
  }
}

/** Entries that begin and end in each part of the capture: how many there are at once in it at the least and at the most. */
class Parts {
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** In which part the peak may be: entries open before it, or NOT_HERE. */
  readonly #open: Int32Array;
  readonly #scale: number;
  readonly #scratch: Scratch;

  constructor(parts: number, end: number, scratch: Scratch) {
    this.#scratch = scratch;
    const room = scratch.ints(3 * parts).fill(0);
    this.#starts = room.subarray(0, parts);
    this.#ends = room.subarray(parts, 2 * parts);
    this.#open = room.subarray(2 * parts);
    this.#scale = parts / Math.max(1, end);
  }

  of(time: number): number {
    return Math.min(this.#starts.length - 1, Math.max(0, Math.floor(time * this.#scale)));
  }

  count({ since, until }: Entry): void {
    this.#starts[this.of(since)]!++;
    this.#ends[this.of(until)]!++;
  }

  /** Those parts that may have the peak. */
  crowd(): Crowd {
    let surely = 0;
    this.#forEach((before, starts, ends) => {
      surely = Math.max(surely, before + starts - ends);
    });
    const open = this.#open.fill(NOT_HERE);
    let [starts, ends] = [0, 0];
    this.#forEach((before, begun, ended, part) => {
      if (before + begun < surely) return;
      open[part] = before;
      starts += begun;
      ends += ended;
    });
    const from = 4 * this.#starts.length; // behind the parts, and at an even place
    const { buffer, byteOffset } = this.#scratch.ints(from + 2 * (starts + ends)).subarray(from);
    return new Crowd(this, open, new Float64Array(buffer, byteOffset, starts), new Float64Array(buffer, byteOffset + 8 * starts, ends));
  }

  /** Of parts in which entries begin. */
  #forEach(visit: (before: number, starts: number, ends: number, part: number) => void): void {
    for (let part = 0, before = 0; part < this.#starts.length; part++) {
      const starts = this.#starts[part]!;
      const ends = this.#ends[part]!;
      if (starts > 0) visit(before, starts, ends, part);
      before += starts - ends;
    }
  }
}

/** The entries that begin and end in some of the parts. */
class Crowd {
  readonly #parts: Parts;
  readonly #open: Int32Array;
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  #begun = 0;
  #ended = 0;

  constructor(parts: Parts, open: Int32Array, starts: Float64Array, ends: Float64Array) {
    this.#parts = parts;
    this.#open = open;
    this.#starts = starts;
    this.#ends = ends;
  }

  add({ since, until }: Entry): void {
    if (this.#open[this.#parts.of(since)]! !== NOT_HERE) this.#starts[this.#begun++] = since;
    if (this.#open[this.#parts.of(until)]! !== NOT_HERE) this.#ends[this.#ended++] = until;
  }

  peak(): Peak {
    const starts = sortTimes(this.#starts);
    const ends = sortTimes(this.#ends);
    let peak = 0;
    let at: Nanos | null = null;
    let open = 0;
    let part = -1;
    for (let i = 0, k = 0; i < starts.length; i++) {
      const start = starts[i]!;
      if (this.#parts.of(start) !== part) {
        part = this.#parts.of(start);
        open = this.#open[part]!;
        while (k < ends.length && this.#parts.of(ends[k]!) < part) k++; // they were counted before it
      }
      for (; k < ends.length && ends[k]! <= start; k++) open--;
      open++;
      if (open > peak) {
        peak = open;
        at = start as Nanos;
      }
    }
    return { peak, at };
  }
}
