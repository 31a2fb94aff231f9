/**
 * What readers of records (or blocks) that follow each other share: the window, what was odd, what was damaged, the search behind
 * damage, and how a record is filled.
 */
import { Direction } from '../model/vantage.ts';
import { plural } from '../model/wording.ts';
import type { CaptureInterface, CaptureReader, CaptureTime, Damage, Place, RawRecord } from './reader.ts';
import { type LengthAt, Search, Skipped } from './search.ts';
import { Warnings } from './warnings.ts';
import { ByteWindow } from './window.ts';

/** What records that follow each other behind damage may be apart, in seconds; and when the first of them may be, 1990-01-01. */
const MAX_STEP_BACK = 1;
const MAX_STEP = 86_400;
const FIRST_SECOND = 631_152_000;

export abstract class RecordReader implements CaptureReader {
  abstract readonly format: string;
  abstract readonly reportedDrops: number;
  readonly interfaces: CaptureInterface[] = [];
  endTime: CaptureTime | null = null;
  damage: Damage | null = null;

  protected readonly window = new ByteWindow();
  protected readonly odd = new Warnings();
  /** Delivered so far. */
  protected records = 0;
  /** The window stands at a record: the file header is behind us and no damage before us. */
  protected reading = false;

  /** No more bytes will come. A record is held back until it is known what follows it. */
  protected ended = false;
  #holding = false;

  /** After `pass`: how many records there had been then, and the time of the last of them. */
  protected passedRecords = -1;
  protected passedSeconds = 0;

  readonly #skipped = new Skipped();
  /** Behind a damaged record, while none that makes sense has been found. */
  #search: Search | null = null;
  /** Of the record before the damage, and of the one before in the chain that is looked at; 0 without one. */
  #lastSeconds = 0;
  #chainSeconds = 0;
  /** Of the first record; 0: it was passed over. */
  #firstSeconds = 0;

  abstract next(record: RawRecord): boolean;
  /** Sets `reading` once the file header has come; false before that, and when it is damaged. */
  protected abstract readFileHeader(): boolean;
  /** What is missing where the input ends; null when nothing is. */
  protected abstract unfinished(): string | null;
  /** For the search behind damage. */
  protected abstract readonly lengthAt: LengthAt;

  get warnings(): readonly string[] {
    return [...this.odd.list, ...this.#skipped.warnings];
  }

  push(chunk: Uint8Array): void {
    if (this.damage === null) this.window.push(chunk);
  }

  end(): void {
    this.ended = true;
    if (this.damage !== null || this.#holding) return;
    if (this.#search !== null) {
      this.#giveUp(this.#search);
      return;
    }
    const what = this.unfinished();
    if (what !== null) this.fail(what);
  }

  get offset(): number {
    return this.window.offset;
  }

  get left(): number {
    return this.window.left;
  }

  resume({ offset, records, seconds }: Place): void {
    this.window.restart(offset);
    this.records = records;
    this.passedRecords = records;
    this.passedSeconds = seconds;
    this.#holding = false;
    this.#search = null;
    this.reading = true;
  }

  /** Where `reading` is false: true once it is not any more. */
  protected ready(): boolean {
    if (this.damage !== null) return false;
    if (this.#search === null) return this.readFileHeader();
    const verdict = this.#search.run(this.window, this.lengthAt);
    if (verdict === 'nothing') return this.#giveUp(this.#search);
    if (verdict === 'more') return false;
    this.#skipped.add(this.#search.damage, this.window.offset - this.#search.damage.fileOffset);
    this.#search = null;
    this.reading = true;
    return true;
  }

  /** All of it but its time, of the `header` octets at the window's place and the frame behind them. */
  protected fill(record: RawRecord, header: number, linkType: number, interfaceId: number, capLen: number, origLen: number): void {
    const { window } = this;
    record.linkType = linkType;
    record.interfaceId = interfaceId;
    record.direction = Direction.UNKNOWN;
    record.capLen = capLen;
    record.origLen = origLen;
    if (record.view !== window.view) {
      record.view = window.view;
      record.bytes = window.bytes;
    }
    record.at = window.at + header;
    record.fileOffset = window.base + window.at;
    if (this.records++ === 0) this.#firstSeconds = record.seconds;
  }

  /** Of the record before the one at hand, which `record` still holds unless it was passed over; 0 without one. */
  protected secondsBefore(record: RawRecord): number {
    return this.records === this.passedRecords ? this.passedSeconds : this.records > 0 ? record.seconds : 0;
  }

  /**
   * Are so many octets here, of the record at the window's place and of what follows it? null: there are not so many. Otherwise the
   * record is held back until they are, and `next` has to return false.
   */
  protected lookAhead(octets: number): boolean | null {
    const isHere = this.window.gather(octets);
    this.#holding = !isHere && !this.ended;
    return isHere ? true : this.#holding ? false : null;
  }

  /** Nothing marks the next record: it is looked for, not far in time from `record`, the one before. */
  protected lose(record: RawRecord, what: string): void {
    this.#search = new Search(this.#damaged(what));
    this.#lastSeconds = this.secondsBefore(record);
    this.reading = false;
  }

  /** A record of `octets` that makes no sense, while it is certain where it ends. */
  protected leaveOut(what: string, octets: number): void {
    this.#skipped.add(this.#damaged(what), octets);
  }

  protected fail(what: string): false {
    this.damage = this.#damaged(what);
    this.reading = false;
    return false;
  }

  /** Of a chain that is looked at behind damage: does a record of this time follow the one before it? */
  protected followsInTime(seconds: number, first: boolean): boolean {
    const before = first ? this.#lastSeconds : this.#chainSeconds;
    this.#chainSeconds = seconds;
    if (before === 0) return seconds >= FIRST_SECOND;
    if (isStep(before, seconds)) return true;
    // A length that lies by a little makes one record of what is none: then its time is no guide, and that of the first record is.
    return first && this.#firstSeconds !== 0 && !isStep(this.#firstSeconds, before) && isStep(this.#firstSeconds, seconds);
  }

  protected cutShort(header: number): string | null {
    const { left } = this.window;
    if (left === 0) return null;
    const rest = left < header ? `${plural(left, 'byte')} of its record header` : `${plural(left - header, 'byte')} of its frame`;
    return `packet ${this.records + 1} is cut short: only ${rest}`;
  }

  protected warnFraction(): void {
    this.odd.add('fraction', () => `packet ${this.records + 1} has a fraction of a second above one; it was carried into the seconds`);
  }

  /** The captured bytes are there, so their number is believed; the wire cannot have carried fewer. */
  protected warnCaptured(capLen: number, origLen: number): void {
    this.odd.add(
      'caplen',
      () => `packet ${this.records + 1} has ${capLen} captured bytes of ${origLen} on the wire; the captured length was believed`,
    );
  }

  #damaged(what: string): Damage {
    return { fileOffset: this.window.offset, recordsBefore: this.records, what };
  }

  #giveUp({ damage }: Search): false {
    this.#search = null;
    this.damage = damage;
    return false;
  }
}

const isStep = (before: number, seconds: number): boolean => seconds >= before - MAX_STEP_BACK && seconds <= before + MAX_STEP;

/** Are these times so near each other, in seconds, that nothing is odd about them? Clocks are set, and records of several processors overtake each other. */
export const isNear = (before: number, seconds: number): boolean => Math.abs(seconds - before) <= MAX_STEP;
