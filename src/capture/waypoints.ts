/**
 * Places in captures from which reading can go on, noted while they are read for the first time: whoever wants a few frames of them later
 * need not walk there. Only for files that lie on a disk as they are: what is compressed has to be unpacked from its beginning.
 *
 * Bounded: where a table is full, every other place is dropped, and from then on half as many are noted.
 */
import type { CaptureTime, Place } from './reader.ts';

/** Places of all files together, of 32 octets each, and the least of each: of a capture of 100 million packets one in 2,048. */
const MOST = 65_536;
const LEAST = 16;
/** Records from one place to the next of a small capture; of several files, from one stage to the next. */
const FIRST_STEP = 32;
const FIRST_STAGE = 512;

/** What a place is noted of. */
export interface Passed {
  /** Of the file; null where it was no file. */
  readonly identity: string | null;
  readonly format: string;
  /** Time of its first record; null without one. Who captures into the same file again begins later. */
  readonly begins: CaptureTime | null;
  /** Records delivered. */
  readonly delivered: number;
}

export class Waypoints {
  #files: readonly FilePlaces[] = [];
  /** Of several files, how far a reading of them had come: records delivered of each. */
  #stages: number[][] = [];
  #stageStep = FIRST_STAGE;
  /** Records up to places that were noted since the last stage. */
  #sinceStage = 0;

  /** Forgets what was noted: these are about to be read. */
  begin(files: readonly Passed[]): readonly FilePlaces[] {
    const most = Math.max(LEAST, Math.floor(MOST / files.length));
    this.#stages = [];
    this.#stageStep = FIRST_STAGE;
    this.#sinceStage = 0;
    return (this.#files = files.map((file) => new FilePlaces(file, most)));
  }

  /** Those of one file; null where it is another one now. */
  of(which: number, { identity, format, begins }: Passed): FilePlaces | null {
    const file = this.#files[which];
    if (file?.format !== format || file.begins?.seconds !== begins?.seconds || file.begins?.nanos !== begins?.nanos) return null;
    // Without an identity it was a stream, and this is our own copy of it.
    return file.identity === null || file.identity === identity ? file : null;
  }

  /** Of several files: records of each that precede a stage from which the record behind so many can be reached; null: none is known. */
  stageBefore(records: number): readonly number[] | null {
    return this.#stages[lastOf(this.#stages.length, (i) => sum(this.#stages[i]!) <= records)] ?? null;
  }

  /** A place was noted in one of several files, so many records behind the one before it. They are not kept: what reads them is large. */
  passed(files: readonly Passed[], records: number): void {
    this.#sinceStage += records;
    if (this.#sinceStage < this.#stageStep) return;
    this.#sinceStage = 0;
    if (this.#stages.length >= Math.max(LEAST, Math.floor(MOST / files.length ** 2))) {
      this.#stages = this.#stages.filter((_, i) => i % 2 === 0);
      this.#stageStep *= 2;
    }
    this.#stages.push(files.map((file) => file.delivered));
  }
}

/** Places of one file, in the order of the file. */
export class FilePlaces {
  readonly identity: string | null;
  readonly format: string;
  readonly begins: CaptureTime | null;
  readonly #most: number;
  #count = 0;
  #step = FIRST_STEP;
  /** Four of each: its offset, the records before it, seconds and nanoseconds of the last of these. */
  #columns = new Float64Array(4 * 256);
  /** What else the reader knew, and from which offset on. */
  #known: { readonly from: number; readonly known: unknown }[] = [];

  constructor({ identity, format, begins }: Passed, most: number) {
    this.identity = identity;
    this.format = format;
    this.begins = begins;
    this.#most = most;
  }

  /** Records after which the next place should be noted. */
  get due(): number {
    return (this.#count === 0 ? 0 : this.#columns[4 * this.#count - 3]!) + this.#step;
  }

  /** Returns how many records lie between it and the one before. */
  add({ offset, records, seconds, nanos, known }: Place): number {
    if (this.#count === this.#most) this.#thin();
    if (4 * this.#count === this.#columns.length) {
      const larger = new Float64Array(2 * this.#columns.length);
      larger.set(this.#columns);
      this.#columns = larger;
    }
    const since = records - (this.#count === 0 ? 0 : this.#columns[4 * this.#count - 3]!);
    const at = 4 * this.#count++;
    this.#columns[at] = offset;
    this.#columns[at + 1] = records;
    this.#columns[at + 2] = seconds;
    this.#columns[at + 3] = nanos;
    if (this.#known.at(-1)?.known !== known) this.#known.push({ from: offset, known });
    return since;
  }

  /** The number of the last place before which there are no more than so many records; -1: there is none. */
  before(records: number): number {
    return lastOf(this.#count, (i) => this.#columns[4 * i + 1]! <= records);
  }

  place(index: number): Place {
    const [offset = 0, records = 0, seconds = 0, nanos = 0] = this.#columns.subarray(4 * index, 4 * index + 4);
    const { known } = this.#known[lastOf(this.#known.length, (i) => this.#known[i]!.from <= offset)]!;
    return { offset, records, seconds, nanos, known };
  }

  offset(index: number): number {
    return index < this.#count ? this.#columns[4 * index]! : Infinity;
  }

  #thin(): void {
    for (let i = 1; 2 * i < this.#count; i++) this.#columns.copyWithin(4 * i, 8 * i, 8 * i + 4);
    this.#count = Math.ceil(this.#count / 2);
    this.#step *= 2;
    const known = this.#known;
    // What was known at no place any more is not asked for.
    this.#known = known.filter((_, i) => {
      const until = known[i + 1]?.from ?? Infinity;
      const last = lastOf(this.#count, (at) => this.#columns[4 * at]! < until);
      return last >= 0 && this.#columns[4 * last]! >= known[i]!.from;
    });
  }
}

/** The last of `count` things that holds, where all before it hold as well; -1: none does. */
function lastOf(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  for (let high = count; low < high;) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);
