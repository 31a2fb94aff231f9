/**
 * Logs of connections that have been silent for long, each a run of octets instead of a list of entries: nobody adds to it, and who reads it
 * gets entries again (events.ts). A regular life takes 30 octets instead of 96.
 *
 * A run is its length, and of each event its code, how many frames and how much time after the event before it, or after the connection's first segment.
 * Anything can be said: what does not fit stands there in full.
 */
import { NANOS_PER_MICRO } from '../model/units.ts';
import { Budget } from './budget.ts';
import { newPage } from './pages.ts';

/** Lengths are in units of a word. */
const UNIT = 4;
/** 128 KiB. */
const PAGE_BITS = 15;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

/** The first octet: units of the run; and is its time in nanoseconds, or in microseconds? */
const LENGTH = 63;
const IN_NANOS = 64;
/** Octets of the longest event: code, frame and time in full. */
const LONGEST_EVENT = 1 + 4 + 1 + 4 + 1 + 8;

/** Codes: 0 the end (where it has no octet, the run is full), from 1 on those of the dictionary, and one that is not there, in full. */
const END = 0;
const CODES = 254;
const OTHER_CODE = 255;
const SLOT_BITS = 9;

/** Frames: 0 no segment; 1 in full, as it is before the last one; otherwise frames after that, + 2. */
const NO_FRAME = 0;
const OTHER_FRAME = 1;
const FRAMES_AFTER = 2;
/** Times: 0 in full; otherwise after the last event, + 1. */
const OTHER_TIME = 0;
const TIME_AFTER = 1;
/** What is after it by more is in full. */
const FARTHEST = 2 ** 31 - 2;

export class EventRuns {
  /** Runs in use. */
  length = 0;
  /** The event that is written or read: its code, frame (0: no segment), and time. -0: a float64 from the start. */
  code = 0;
  frame = 0;
  time = -0;

  readonly #budget: Budget;
  readonly #words: Int32Array[] = [];
  readonly #octets: Uint8Array[] = [];
  /** Units of the newest page that are used. */
  #used = 1 << PAGE_BITS;
  /** By length: the run that was given back last, in whose word is the one before it; 0 none. And units that are free so. */
  readonly #spare = new Int32Array(LENGTH + 1);
  #spareUnits = 0;

  /** Codes by their number, and the numbers by a hash of the code. */
  readonly #codes = new Int32Array(CODES + 1);
  #known = 0;
  readonly #numbers = new Uint8Array(1 << SLOT_BITS);

  /** What is written, before it has its place. */
  readonly #draft = new Uint8Array(LENGTH * UNIT + LONGEST_EVENT);
  readonly #draftWords = new Int32Array(this.#draft.buffer, 0, LENGTH);
  /** Where the next octet is written or read, and the page, end and unit of time of the run that is read. */
  #at = 0;
  #page: Uint8Array = this.#draft;
  #end = 0;
  #tick = NANOS_PER_MICRO;
  #lastFrame = 0;
  #lastTime = -0;
  /** A float64, octet by octet. */
  readonly #double = new Float64Array(1);
  readonly #inDouble = new Uint8Array(this.#double.buffer);

  constructor(budget = new Budget()) {
    this.#budget = budget;
  }

  /** A new run, of a connection whose first segment has that frame and the time of the field. */
  begin(frame: number, inNanos: boolean): void {
    this.#at = 1;
    this.#draft[0] = inNanos ? IN_NANOS : 0;
    this.#tick = inNanos ? 1 : NANOS_PER_MICRO;
    this.#lastFrame = frame;
    this.#lastTime = this.time;
  }

  /** Writes the event of the fields. Returns false where the run becomes too long: it is not. */
  add(): boolean {
    this.#addCode();
    this.#addFrame();
    this.#addTime();
    return this.#at <= LENGTH * UNIT;
  }

  /** Gives what was written its place, and returns it: above 0. */
  end(): number {
    const draft = this.#draft;
    while (this.#at % UNIT !== 0) draft[this.#at++] = END;
    const units = this.#at / UNIT;
    draft[0] = draft[0]! | units;
    const run = this.#place(units);
    const page = this.#words[(run - 1) >>> PAGE_BITS]!;
    const at = (run - 1) & PAGE_MASK;
    for (let i = 0; i < units; i++) page[at + i] = this.#draftWords[i]!;
    this.length++;
    return run;
  }

  /** Before the first event of a run, of a connection whose first segment has that frame and the time of the field. */
  open(run: number, frame: number): void {
    const page = this.#octets[(run - 1) >>> PAGE_BITS]!;
    const at = ((run - 1) & PAGE_MASK) * UNIT;
    const first = page[at]!;
    this.#page = page;
    this.#at = at + 1;
    this.#end = at + (first & LENGTH) * UNIT;
    this.#tick = (first & IN_NANOS) === 0 ? NANOS_PER_MICRO : 1;
    this.#lastFrame = frame;
    this.#lastTime = this.time;
  }

  /** Reads the next event into the fields. Returns false behind the last. */
  next(): boolean {
    const code = this.#at < this.#end ? this.#page[this.#at++]! : END;
    if (code === END) return false;
    this.code = code === OTHER_CODE ? this.#word() : this.#codes[code]!;
    const frames = this.#number();
    if (frames === NO_FRAME) this.frame = 0;
    else this.frame = this.#lastFrame = frames === OTHER_FRAME ? this.#word() : this.#lastFrame + frames - FRAMES_AFTER;
    const after = this.#number();
    this.time = this.#lastTime = after === OTHER_TIME ? this.#float() : this.#lastTime + (after - TIME_AFTER) * this.#tick;
    return true;
  }

  /** Gives a run back. */
  release(run: number): void {
    const page = this.#words[(run - 1) >>> PAGE_BITS]!;
    const at = (run - 1) & PAGE_MASK;
    const units = this.#octets[(run - 1) >>> PAGE_BITS]![at * UNIT]! & LENGTH;
    page[at] = this.#spare[units]!;
    this.#spare[units] = run;
    this.#spareUnits += units;
    this.length--;
  }

  get octetsInUse(): number {
    return this.octets - ((1 << PAGE_BITS) - this.#used + this.#spareUnits) * UNIT;
  }

  /** Of all pages. */
  get octets(): number {
    return this.#words.length * (UNIT << PAGE_BITS);
  }

  #place(units: number): number {
    const spare = this.#spare[units]!;
    if (spare !== 0) {
      this.#spare[units] = this.#words[(spare - 1) >>> PAGE_BITS]![(spare - 1) & PAGE_MASK]!;
      this.#spareUnits -= units;
      return spare;
    }
    if (this.#used + units > 1 << PAGE_BITS) this.#addPage();
    const run = ((this.#words.length - 1) << PAGE_BITS) + this.#used + 1;
    this.#used += units;
    return run;
  }

  #addPage(): void {
    const page = newPage(UNIT << PAGE_BITS, this.#budget);
    this.#spareUnits += (1 << PAGE_BITS) - this.#used; // too few for the next one, and lost
    this.#words.push(page);
    this.#octets.push(new Uint8Array(page.buffer, page.byteOffset, page.byteLength));
    this.#used = 0;
  }

  #addCode(): void {
    const number = this.#numberOf(this.code);
    this.#draft[this.#at++] = number;
    if (number === OTHER_CODE) this.#addWord(this.code);
  }

  #addFrame(): void {
    const { frame } = this;
    if (frame === 0) {
      this.#addNumber(NO_FRAME);
      return;
    }
    const frames = frame - this.#lastFrame;
    this.#lastFrame = frame;
    if (frames >= 0 && frames < FARTHEST) {
      this.#addNumber(frames + FRAMES_AFTER);
      return;
    }
    this.#addNumber(OTHER_FRAME);
    this.#addWord(frame);
  }

  #addTime(): void {
    const { time } = this;
    const last = this.#lastTime;
    const after = (time - last) / this.#tick;
    const ticks = after | 0;
    this.#lastTime = time;
    if (after >= 0 && after < FARTHEST && last + ticks * this.#tick === time) {
      this.#addNumber(ticks + TIME_AFTER);
      return;
    }
    this.#addNumber(OTHER_TIME);
    this.#double[0] = time;
    for (let i = 0; i < 8; i++) this.#draft[this.#at++] = this.#inDouble[i]!;
  }

  /** Seven bits to an octet, the lowest first. */
  #addNumber(number: number): void {
    const draft = this.#draft;
    let at = this.#at;
    let rest = number;
    for (; rest > 127; rest >>>= 7) draft[at++] = (rest & 127) | 128;
    draft[at++] = rest;
    this.#at = at;
  }

  #number(): number {
    const page = this.#page;
    let at = this.#at;
    let octet = page[at++]!;
    let number = octet & 127;
    for (let shift = 7; octet > 127; shift += 7) {
      octet = page[at++]!;
      number |= (octet & 127) << shift;
    }
    this.#at = at;
    return number;
  }

  #addWord(word: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#draft[this.#at++] = word >>> shift;
  }

  #word(): number {
    let word = 0;
    for (let shift = 0; shift < 32; shift += 8) word |= this.#page[this.#at++]! << shift;
    return word;
  }

  #float(): number {
    for (let i = 0; i < 8; i++) this.#inDouble[i] = this.#page[this.#at++]!;
    return this.#double[0]!;
  }

  /** The number of a code in the dictionary, into which it goes while there is room. */
  #numberOf(code: number): number {
    let slot = Math.imul(code, 0x9e3779b1) >>> (32 - SLOT_BITS);
    for (; this.#numbers[slot] !== 0; slot = (slot + 1) & ((1 << SLOT_BITS) - 1)) {
      const number = this.#numbers[slot]!;
      if (this.#codes[number] === code) return number;
    }
    if (this.#known === CODES) return OTHER_CODE;
    this.#codes[++this.#known] = code;
    return (this.#numbers[slot] = this.#known);
  }
}
