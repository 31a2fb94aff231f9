/**
 * What a damaged record leaves: the search for the next place where records follow each other.
 *
 * A place counts only when PROOF records in a row make sense there, so accidents are not taken for it. Where that cannot be shown, near
 * the end of a file or after LIMIT octets, reading ends as if nothing had been looked for.
 */
import { plural } from '../model/wording.ts';
import type { Damage } from './reader.ts';
import type { ByteWindow } from './window.ts';

/** Records: at most 8 MiB of them. */
const PROOF = 32;
/** Octets looked through: more than any cache, journal or disk loses at a time; looking takes a tenth of a second. */
const LIMIT = 16 * 1024 * 1024;
/** Octets asked for beyond what is needed, so that the window does not move for each of them. */
const AHEAD = 1024 * 1024;
/**
 * The length of the record at `at`, 0 when what is there makes no sense, or minus the octets that it takes to tell. `first`: the
 * chain begins here.
 */
export type LengthAt = (window: ByteWindow, at: number, first: boolean) => number;

export class Search {
  readonly damage: Damage;
  #looked = 0;

  constructor(damage: Damage) {
    this.damage = damage;
  }

  /** `found`: the window stands at a record. `more`: push and ask again. `nothing`: give up. */
  run(window: ByteWindow, lengthAt: LengthAt): 'found' | 'more' | 'nothing' {
    for (; this.#looked <= LIMIT; this.#looked++, window.at++) {
      const verdict = chain(window, lengthAt);
      if (verdict !== 'none') return verdict;
    }
    return 'nothing';
  }
}

function chain(window: ByteWindow, lengthAt: LengthAt): 'found' | 'more' | 'none' {
  let to = 0;
  for (let records = 0; records < PROOF;) {
    const length = lengthAt(window, window.at + to, records === 0);
    if (length === 0) return 'none';
    if (length > 0) {
      to += length;
      records++;
    } else if (!reach(window, to - length)) return 'more';
  }
  return 'found';
}

/** True when `count` octets from `at` lie in the window. */
function reach(window: ByteWindow, count: number): boolean {
  if (window.end - window.at < count) window.gather(count + AHEAD);
  return window.end - window.at >= count;
}

/** What was skipped, in one sentence however often it happened. */
export class Skipped {
  #first = '';
  #count = 0;
  #octets = 0;

  add({ recordsBefore, what }: Damage, octets: number): void {
    this.#count++;
    this.#octets += octets;
    if (this.#count === 1) this.#first = `after packet ${recordsBefore}, ${plural(octets, 'damaged byte')} were skipped: ${what}`;
  }

  get warnings(): readonly string[] {
    if (this.#count === 0) return [];
    return [
      this.#count === 1 ? this.#first : `${this.#first} (and ${this.#count - 1} more such places, ${plural(this.#octets, 'byte')} in all)`,
    ];
  }
}
