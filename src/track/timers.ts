/**
 * Timers that no packet shows. All timers of one queue last equally long, so each queue is first in, first out, and the
 * hot path pays one comparison per packet.
 *
 * A retry timer is looked at later than it is due: kernels fire late (up to 3 % and 30 ms measured, tcp-facts), and only
 * the absence of the retry says that an end gave up. That of a connection's first SYN has no timer here, but due.ts.
 */
import type { Profile } from '../model/profiles.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { Budget } from './budget.ts';
import type { Sequels } from './sequels.ts';
import { Core, PROFILE_CODES, profileAt, Sequel, sequelOf } from './layout.ts';
import { type RecordPages, uncounted } from './pages.ts';

export const TimerKind = { TIME_WAIT: 0, FIN_WAIT_2: 1, ORPHAN: 2, RETRY: 3 } as const;
export type TimerKind = (typeof TimerKind)[keyof typeof TimerKind];
const KINDS = 4;

/** Retry intervals double from the initial RTO: 1, 2, 4 … 64 s (the last wait of a SYN, linux tcp_syn_retries = 6), 128 s for FINs. */
const RETRY_STEPS = 8;
/** Late by 10 % and 0.3 s at most, then the retry is missing. */
const LATE_FACTOR = 1.1;
const LATE_SECONDS = 0.3;

/** Timers whose records are looked at together; a processor has about as many waits for memory under way. A power of two. */
const AHEAD = 16;

/** Timers per page: 28 KiB. */
const PAGE_TIMERS = 2_048;
/** So many of a page's timers have to be void for the others to move up. */
const WORTH_ROOM = PAGE_TIMERS / 4;
/** Of a full page, one in so many timers is asked whether it is void: the records of all would be in no cache, and those of TIME_WAIT are hardly ever. */
const SAMPLED = 32;

class Page {
  readonly at = new Float64Array(uncounted(8 * PAGE_TIMERS));
  readonly ref = new Int32Array(uncounted(4 * PAGE_TIMERS));
  readonly generation = new Uint16Array(uncounted(2 * PAGE_TIMERS));
  behind: Page | null = null;
}

/** Pages that no queue needs at the moment: what one gives back, another fills. */
class SparePages {
  readonly #budget: Budget;
  #first: Page | null = null;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  take(): Page {
    const page = this.#first;
    if (page === null) {
      this.#budget.take(14 * PAGE_TIMERS);
      return new Page();
    }
    this.#first = page.behind;
    page.behind = null;
    return page;
  }

  give(page: Page): void {
    page.behind = this.#first;
    this.#first = page;
  }
}

/** Whose field says what time it is, and who knows which timers are the newest of their ends. */
interface Owner {
  readonly now: number;
  isArmed: (ref: number, generation: number) => boolean;
}

/** First in, first out, in a chain of pages: a flood's timers need room for those that run, never for a copy of them. */
class Queue {
  readonly kind: TimerKind;
  /** From arming to due, and from arming to the look; nanoseconds. */
  readonly nominal: number;
  readonly look: number;
  /** Time at which the oldest timer is looked at; Infinity when empty. */
  next = Infinity;
  readonly #owner: Owner;
  readonly #spare: SparePages;
  /** The oldest timer is the one at #first of #head; the next one goes to #behind of #tail. */
  #head: Page;
  #tail: Page;
  #first = 0;
  #behind = 0;

  constructor(kind: TimerKind, nominal: number, look: number, owner: Owner, spare: SparePages) {
    this.kind = kind;
    this.nominal = nominal;
    this.look = look;
    this.#owner = owner;
    this.#spare = spare;
    this.#head = this.#tail = spare.take();
  }

  /** Armed at the time of the clock: a float64 argument is boxed. */
  push(ref: number, generation: number): void {
    const { now } = this.#owner;
    if (this.#behind === PAGE_TIMERS) this.#makeRoom();
    const i = this.#behind++;
    const tail = this.#tail;
    tail.at[i] = now;
    tail.ref[i] = ref;
    tail.generation[i] = generation;
    if (this.next === Infinity) this.next = now + this.look;
  }

  /**
   * In the newest page, which is full: most timers are void soon, as a FIN is acknowledged and answered, and each that is not due for a minute
   * would lie here until then.
   */
  #makeRoom(): void {
    const { at, ref, generation } = this.#tail;
    const owner = this.#owner;
    const from = this.#tail === this.#head ? this.#first : 0;
    let armed = 0;
    for (let i = from; i < PAGE_TIMERS; i += SAMPLED) if (owner.isArmed(ref[i]!, generation[i]!)) armed += SAMPLED;
    if (PAGE_TIMERS - from - armed < WORTH_ROOM) {
      this.#tail = this.#tail.behind = this.#spare.take();
      this.#behind = 0;
      return;
    }
    this.#behind = from;
    for (let i = from; i < PAGE_TIMERS; i++) {
      if (!owner.isArmed(ref[i]!, generation[i]!)) continue;
      at[this.#behind] = at[i]!;
      ref[this.#behind] = ref[i]!;
      generation[this.#behind++] = generation[i]!;
    }
    if (this.#tail !== this.#head) return;
    this.next = this.#behind === from ? Infinity : at[from]! + this.look;
    if (this.#behind === from) this.#first = this.#behind = 0;
  }

  /** The connections have new ids; the timers of those that are no more are void. */
  renumber(ids: Int32Array): void {
    let from = this.#first;
    for (let page: Page | null = this.#head; page !== null; page = page.behind) {
      const to = page === this.#tail ? this.#behind : PAGE_TIMERS;
      for (let i = from; i < to; i++) {
        const ref = page.ref[i]!;
        const id = ref < 0 ? -1 : ids[ref >> 1]!;
        page.ref[i] = id < 0 ? -1 : id * 2 + (ref & 1);
      }
      from = 0;
    }
  }

  /** Calls for each timer, oldest first. @param visit due: when; look: when it is looked at */
  each(visit: (ref: number, generation: number, due: number, look: number) => void): void {
    let from = this.#first;
    for (let page: Page | null = this.#head; page !== null; page = page.behind) {
      for (let i = from; i < (page === this.#tail ? this.#behind : PAGE_TIMERS); i++)
        visit(page.ref[i]!, page.generation[i]!, page.at[i]! + this.nominal, page.at[i]! + this.look);
      from = 0;
    }
  }

  get isEmpty(): boolean {
    return this.next === Infinity;
  }

  /** Drops the oldest timer. */
  shift(): void {
    this.#first++;
    if (this.#head === this.#tail && this.#first === this.#behind) {
      this.#first = this.#behind = 0;
      this.next = Infinity;
      return;
    }
    if (this.#first === PAGE_TIMERS) {
      const { behind } = this.#head;
      this.#spare.give(this.#head);
      this.#head = behind!;
      this.#first = 0;
    }
    this.next = this.#head.at[this.#first]! + this.look;
  }

  /** Is it time to look at the next ones? They are `refs`, `from` and `until`. */
  get isAhead(): boolean {
    return (this.#first & (AHEAD - 1)) === 0;
  }
  get refs(): Int32Array {
    return this.#head.ref;
  }
  get from(): number {
    return this.#first;
  }
  get until(): number {
    return this.#head === this.#tail ? Math.min(this.#first + AHEAD, this.#behind) : this.#first + AHEAD;
  }

  /** When the oldest timer is due. */
  get due(): number {
    return this.#head.at[this.#first]! + this.nominal;
  }
  /** Whose it is, and which of its armings. */
  get ref(): number {
    return this.#head.ref[this.#first]!;
  }
  get generation(): number {
    return this.#head.generation[this.#first]!;
  }
}

/** Timers that are armed, of one queue, in the order in which they were: columns. */
export interface ArmedTimers {
  readonly kind: TimerKind;
  /** From arming to due, nanoseconds. */
  readonly nominal: number;
  readonly at: Float64Array;
  /** connection id * 2 + side */
  readonly ref: Int32Array;
  readonly generation: Uint16Array;
}

/** Called when a timer is due: which end (connection id * 2 + side). `Timers.due` says when it was due. */
export type Expire = (kind: TimerKind, ref: number) => void;

export class Timers {
  /** Those in use, in order of kind and duration: profiles that agree on a duration share its queue. */
  readonly #queues: Queue[] = [];
  /** By profile and kind. Filled as they are needed, like the next. */
  readonly #byKind = new Array<Queue | null>(PROFILE_CODES * KINDS).fill(null);
  /** By profile: steps of the retry schedule. */
  readonly #retries = new Array<Queue | null>(PROFILE_CODES * RETRY_STEPS).fill(null);
  readonly #cores: RecordPages;
  readonly #sequels: Sequels;
  readonly #spare: SparePages;
  /** Nothing has to be looked at before this time. */
  next = Infinity;
  /** When timers are armed; to be set before. A field, because a float64 argument may be boxed. -0: a float64 from the start. */
  now = -0;
  /** When the timer that fires was due. */
  due = -0;
  /** References to the sequels of the next timers. */
  readonly #ahead = new Int32Array(AHEAD);
  /** What these hold. What nobody kept would not be looked at. */
  fetched = 0;

  constructor(cores: RecordPages, sequels: Sequels, budget = new Budget()) {
    this.#cores = cores;
    this.#sequels = sequels;
    this.#spare = new SparePages(budget);
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. */
  renumber(ids: Int32Array): void {
    for (const queue of this.#queues) queue.renumber(ids);
  }

  /** Those that are the newest of their ends, for another process. */
  get armed(): readonly ArmedTimers[] {
    return this.#queues.map((queue) => {
      const [at, refs, generations]: [number[], number[], number[]] = [[], [], []];
      queue.each((ref, generation, due) => {
        if (!this.isArmed(ref, generation)) return;
        at.push(due - queue.nominal);
        refs.push(ref);
        generations.push(generation);
      });
      const { kind, nominal } = queue;
      return { kind, nominal, at: Float64Array.from(at), ref: Int32Array.from(refs), generation: Uint16Array.from(generations) };
    });
  }

  /** Takes these timers in place of its own, whoever armed them. */
  become(all: readonly ArmedTimers[]): void {
    for (const queue of this.#queues) while (!queue.isEmpty) queue.shift();
    this.next = Infinity;
    const left = new Set(all);
    for (const first of left) {
      const lists = [...left].filter(({ kind, nominal }) => kind === first.kind && nominal === first.nominal);
      for (const list of lists) left.delete(list);
      this.#enter(lists);
    }
  }

  /** Enters the timers of one queue in the order in which they were armed. */
  #enter(lists: readonly ArmedTimers[]): void {
    const at = Float64Array.from(lists.flatMap((list) => Array.from(list.at)));
    const refs = Int32Array.from(lists.flatMap((list) => Array.from(list.ref)));
    const generations = Uint16Array.from(lists.flatMap((list) => Array.from(list.generation)));
    const order = Uint32Array.from(at, (_, i) => i);
    if (lists.length > 1) order.sort((a, b) => at[a]! - at[b]!);
    const queue = this.#queue(lists[0]!.kind, lists[0]!.nominal / NANOS_PER_SECOND);
    for (const i of order) {
      this.now = at[i]!;
      this.#push(queue, refs[i]!, generations[i]!);
    }
  }

  /** Of retries, the first. @param profile code of the end's profile, as `profileAt` has it */
  arm(kind: TimerKind, profile: number, ref: number, generation: number): void {
    const slot = profile * KINDS + kind;
    const queue = this.#byKind[slot] ?? (this.#byKind[slot] = this.#queue(kind, durationOf(kind, profileAt(profile))));
    if (queue.nominal > 0) this.#push(queue, ref, generation);
  }

  /** A later retry that is due `seconds` after now (rounded up to the schedule of the profile). */
  armRetry(profile: number, seconds: number, ref: number, generation: number): void {
    const { initialRto } = profileAt(profile);
    const step = retryStep(initialRto, seconds);
    if (step >= RETRY_STEPS) return;
    const slot = profile * RETRY_STEPS + step;
    const queue = this.#retries[slot] ?? (this.#retries[slot] = this.#queue(TimerKind.RETRY, initialRto * 2 ** step));
    this.#push(queue, ref, generation);
  }

  #queue(kind: TimerKind, seconds: number): Queue {
    const nominal = seconds * NANOS_PER_SECOND;
    const known = this.#queues.find((q) => q.kind === kind && q.nominal === nominal);
    if (known) return known;
    const look = kind === TimerKind.RETRY ? lookAfter(seconds) * NANOS_PER_SECOND : nominal;
    const queue = new Queue(kind, nominal, look, this, this.#spare);
    this.#queues.push(queue);
    this.#queues.sort((a, b) => a.kind - b.kind || a.nominal - b.nominal);
    return queue;
  }

  #push(queue: Queue, ref: number, generation: number): void {
    queue.push(ref, generation);
    if (this.now + queue.look < this.next) this.next = this.now + queue.look;
  }

  /** Fires everything that is due at `now`. */
  advance(now: number, expire: Expire): void {
    this.now = now;
    this.fire(expire);
  }

  /** The same at the time of the field: a float64 argument is boxed. */
  fire(expire: Expire): void {
    const { now } = this;
    while (this.next <= now) {
      for (const queue of this.#queues) {
        while (queue.next <= now) {
          const { ref } = queue;
          this.due = queue.due;
          const isArmed = this.isArmed(ref, queue.generation);
          queue.shift();
          if (queue.isAhead) this.#fetch(queue);
          if (isArmed) expire(queue.kind, ref);
          // Nearly every timer is void when its time comes: those go now, so that nobody has to look again before a live one is due.
          while (!queue.isEmpty && !this.isArmed(queue.ref, queue.generation)) {
            queue.shift();
            if (queue.isAhead) this.#fetch(queue);
          }
        }
      }
      this.next = Infinity;
      for (const queue of this.#queues) if (queue.next < this.next) this.next = queue.next;
    }
  }

  /** The same at the end, also of timers behind such that are not due: a clock that was set back arms them so. */
  finish(now: number, expire: Expire): void {
    this.advance(now, expire);
    for (const queue of this.#queues)
      queue.each((ref, generation, due, look) => {
        if (look > now || !this.isArmed(ref, generation)) return;
        this.due = due;
        expire(queue.kind, ref);
      });
  }

  /**
   * Of a flood no cache has the records that a timer asks for. Looked at one right after the other, those of the next ones are waited for together;
   * no branch hangs on them.
   */
  #fetch(queue: Queue): void {
    const { refs, from, until } = queue;
    const ahead = this.#ahead;
    const n = until - from;
    for (let i = 0; i < n; i++) {
      const id = Math.max(0, refs[from + i]!) >> 1;
      ahead[i] = this.#cores.page(id)[this.#cores.offset(id) + Core.SEQUEL]!;
    }
    const last = this.#sequels.live.length - 1;
    let words = 0;
    for (let i = 0; i < n; i++) {
      const sequel = Math.max(0, Math.min(ahead[i]! - 1, last)); // a lone SYN has something else there, and what is packed is not waited for here
      words |= this.#sequels.page(sequel)[this.#sequels.offset(sequel) + Sequel.ARMED]!;
    }
    this.fetched |= words;
  }

  /** Is this the newest arming of its end? */
  isArmed(ref: number, generation: number): boolean {
    if (ref < 0) return false;
    const core = this.#cores.page(ref >> 1);
    const c = this.#cores.offset(ref >> 1);
    const sequel = sequelOf(core, c) - 1;
    if (sequel < 0) return false;
    const armed = this.#sequels.page(sequel)[this.#sequels.offset(sequel) + Sequel.ARMED]!;
    return ((armed >>> ((ref & 1) * 16)) & 0xffff) === generation;
  }
}

/** When a retry is missing that was due after so many seconds: seconds. */
export const lookAfter = (seconds: number): number => seconds * LATE_FACTOR + LATE_SECONDS;

/** By step: after how many initial timeouts a retry may be expected that is due with it. What is expected later than that by a tenth of a doubling is due with the next. */
const STEP_ENDS = Float64Array.from({ length: RETRY_STEPS }, (_, step) => 2 ** (step + 0.1));

/** RETRY_STEPS: beyond all. */
function retryStep(initialRto: number, seconds: number): number {
  let step = 0;
  while (step < RETRY_STEPS && seconds > initialRto * STEP_ENDS[step]!) step++;
  return step;
}

/** A later retry that is expected in so many seconds, by the schedule of a profile: seconds. */
export const retryDelay = (initialRto: number, seconds: number): number => initialRto * 2 ** retryStep(initialRto, seconds);

/** Seconds until the retry behind one that came after so many nanoseconds: twice as long, and never less than a second. */
export const retryAfterInterval = (interval: number): number => Math.max(1, (2 * interval) / NANOS_PER_SECOND);

/** Seconds; 0: never. */
function durationOf(kind: TimerKind, profile: Profile): number {
  switch (kind) {
    case TimerKind.TIME_WAIT:
      return profile.timeWait;
    case TimerKind.FIN_WAIT_2:
      return profile.finWait2;
    case TimerKind.ORPHAN:
      return profile.orphan;
    case TimerKind.RETRY:
      return profile.initialRto;
  }
}
