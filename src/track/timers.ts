/**
 * Timers that no packet shows. All timers of one queue last equally long, so each queue is first in, first out, and the
 * hot path pays one comparison per packet.
 *
 * A retry timer is looked at later than it is due: kernels fire late (up to 3 % and 30 ms measured, tcp-facts), and only
 * the absence of the retry says that an end gave up.
 */
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Profile } from './profiles.ts';

export const TimerKind = { TIME_WAIT: 0, FIN_WAIT_2: 1, ORPHAN: 2, RETRY: 3 } as const;
export type TimerKind = (typeof TimerKind)[keyof typeof TimerKind];

/** Retry intervals double from the initial RTO: 1, 2, 4 … 64 s (the last wait of a SYN, linux tcp_syn_retries = 6), 128 s for FINs. */
const RETRY_QUEUES = 8;
/** Late by 10 % and 0.3 s at most, then the retry is missing. */
const LATE_FACTOR = 1.1;
const LATE_SECONDS = 0.3;

const INITIAL_CAPACITY = 1024;

class Queue {
  readonly kind: TimerKind;
  /** From arming to due, and from arming to the look; nanoseconds. */
  readonly nominal: number;
  readonly look: number;
  #at = new Float64Array(INITIAL_CAPACITY);
  #ref = new Int32Array(INITIAL_CAPACITY * 2);
  #head = 0;
  #count = 0;

  constructor(kind: TimerKind, nominal: number, look: number) {
    this.kind = kind;
    this.nominal = nominal;
    this.look = look;
  }

  /** Time at which the oldest timer is looked at; Infinity when empty. */
  get next(): number {
    return this.#count === 0 ? Infinity : this.#at[this.#head]! + this.look;
  }

  push(now: number, ref: number, generation: number): void {
    if (this.#count === this.#at.length) this.#grow();
    const i = (this.#head + this.#count++) & (this.#at.length - 1);
    this.#at[i] = now;
    this.#ref[i * 2] = ref;
    this.#ref[i * 2 + 1] = generation;
  }

  shift(): number {
    const i = this.#head;
    this.#head = (i + 1) & (this.#at.length - 1);
    this.#count--;
    return i;
  }

  armedAt(i: number): number {
    return this.#at[i]!;
  }
  ref(i: number): number {
    return this.#ref[i * 2]!;
  }
  generation(i: number): number {
    return this.#ref[i * 2 + 1]!;
  }

  #grow(): void {
    const n = this.#at.length;
    const at = new Float64Array(n * 2);
    const ref = new Int32Array(n * 4);
    for (let k = 0; k < this.#count; k++) {
      const i = (this.#head + k) & (n - 1);
      at[k] = this.#at[i]!;
      ref[k * 2] = this.#ref[i * 2]!;
      ref[k * 2 + 1] = this.#ref[i * 2 + 1]!;
    }
    this.#at = at;
    this.#ref = ref;
    this.#head = 0;
  }
}

/** Called when a timer is due: which end (connection id * 2 + side), of which arming, and when it was due. */
export type Expire = (kind: TimerKind, ref: number, generation: number, due: number) => void;

export class Timers {
  readonly #queues: Queue[];
  readonly #retryBase: number;
  readonly #profile: Profile;
  /** Nothing has to be looked at before this time. */
  next = Infinity;

  constructor(profile: Profile) {
    const ns = NANOS_PER_SECOND;
    this.#profile = profile;
    const exact = (kind: TimerKind, s: number): Queue => new Queue(kind, s * ns, s * ns);
    this.#queues = [
      exact(TimerKind.TIME_WAIT, profile.timeWait),
      exact(TimerKind.FIN_WAIT_2, profile.finWait2),
      exact(TimerKind.ORPHAN, profile.orphan),
    ];
    this.#retryBase = this.#queues.length;
    for (let i = 0; i < RETRY_QUEUES; i++) {
      const s = profile.initialRto * 2 ** i;
      this.#queues.push(new Queue(TimerKind.RETRY, s * ns, (s * LATE_FACTOR + LATE_SECONDS) * ns));
    }
  }

  arm(kind: 0 | 1 | 2, now: number, ref: number, generation: number): void {
    if (kind === TimerKind.FIN_WAIT_2 && this.#profile.finWait2 === 0) return;
    this.#push(this.#queues[kind]!, now, ref, generation);
  }

  /** A retry that is due `seconds` after now (rounded up to the schedule). */
  armRetry(seconds: number, now: number, ref: number, generation: number): void {
    const step = Math.max(0, Math.ceil(Math.log2(seconds / this.#profile.initialRto) - 0.1));
    if (step < RETRY_QUEUES) this.#push(this.#queues[this.#retryBase + step]!, now, ref, generation);
  }

  #push(queue: Queue, now: number, ref: number, generation: number): void {
    queue.push(now, ref, generation);
    if (now + queue.look < this.next) this.next = now + queue.look;
  }

  /** Fires everything that is due at `now`. */
  advance(now: number, expire: Expire): void {
    while (this.next <= now) {
      for (const queue of this.#queues) {
        while (queue.next <= now) {
          const i = queue.shift();
          expire(queue.kind, queue.ref(i), queue.generation(i), queue.armedAt(i) + queue.nominal);
        }
      }
      this.next = Infinity;
      for (const queue of this.#queues) if (queue.next < this.next) this.next = queue.next;
    }
  }
}
