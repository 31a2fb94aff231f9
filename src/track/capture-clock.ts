/**
 * Did the clock that stamped the records run evenly? Where their time falls back, or stands still and jumps on, TCP timestamps of
 * connections that go on across that place tell what happened: they count a clock of their own in each sending host, which nobody
 * sets (RFC 7323 §5.4; linux: jiffies). If they went on as before, the capture's clock was set; if they went back as the time did,
 * the records are not in the order of capture.
 *
 * Timestamps are read from sampled segments and from those right behind such a place. Memory: one table of ends.
 */
import { decodeTcpOptions } from '../decode/index.ts';
import type { Packet } from '../decode/packet.ts';
import { Flag } from '../model/flags.ts';
import type { ClockFacts, ClockStep } from '../model/recording.ts';
import { connId, frameNo, nanos, NANOS_PER_SECOND, secondsOf } from '../model/units.ts';
import type { AddressBook } from './address-book.ts';
import type { Context } from './context.ts';

/** Steps back shorter than this are the disorder of several queues or interfaces; ntpd slews what is below 0.128 s. Nanoseconds. */
const SHORTEST_BACK = 100_000_000;
/** A silence as long as this may hide a step on; below it a delayed segment looks the same. Nanoseconds. */
export const LONGEST_QUIET = 1_000_000_000;
/** Frames behind such a place of which timestamps are read. */
const LOOK = 64;
const MAX_STEPS = 16;
const SLOTS = 512;
/** A clock's rate is measured over at least this long, nanoseconds. */
const BASELINE = 500_000_000;
/** Timestamp clocks, ticks per second: Linux 1,000 (4.13 and newer, else its HZ), microseconds on request; Windows, BSD 1,000; old systems 10. */
const RATES: readonly number[] = [10, 100, 250, 1_000, 1_000_000];
/** A measured rate is taken for one of these when it is as near, as a share. */
const RATE_TOLERANCE = 0.1;
/** Delays on the path make a host's clock look this much off, seconds, and as a share of the time passed (a wrong idea of its rate). */
const JITTER = 0.1;
const DRIFT = 0.05;

/** A place where time did not go on as usual. */
interface Place {
  readonly frame: number;
  readonly before: number;
  readonly time: number;
  /** Seconds by which the first clock says that the capture's was set. */
  by: number;
  address: number;
  connection: number;
  /** Clocks that say so, whether two hosts do, and clocks that saw nothing. */
  set: number;
  severalHosts: boolean;
  steady: number;
}

export class CaptureClock {
  readonly #addresses: AddressBook;
  /** Timestamps are worth reading up to this frame. */
  lookUntil = 0;
  #reversals = 0;
  /** Nanoseconds. */
  #largest = 0;
  readonly #steps: ClockStep[] = [];
  #open: Place | undefined;
  /** Frame of the place before. */
  #previous = 0;

  /** By slot: whose it is (connection << 1 | side, + 1), its timestamp and time when its rate's measure began and at the last look, and that frame. */
  readonly #owner = new Int32Array(SLOTS);
  readonly #firstValue = new Int32Array(SLOTS);
  readonly #firstTime = new Float64Array(SLOTS);
  readonly #lastValue = new Int32Array(SLOTS);
  readonly #lastTime = new Float64Array(SLOTS);
  readonly #lastFrame = new Int32Array(SLOTS);

  constructor(addresses: AddressBook) {
    this.#addresses = addresses;
  }

  /** The time of `frame` lies before that of the record before it, or more than LONGEST_QUIET behind. */
  place(frame: number, before: number, time: number): void {
    const back = before - time;
    if (back > 0) {
      this.#reversals++;
      if (back > this.#largest) this.#largest = back;
      if (back < SHORTEST_BACK) return;
    }
    const step = conclusion(this.#open);
    if (step !== undefined && this.#steps.length < MAX_STEPS) this.#steps.push(step);
    this.#previous = this.#open?.frame ?? 0;
    this.#open = { frame, before, time, by: 0, address: 0, connection: -1, set: 0, severalHosts: false, steady: 0 };
    this.lookUntil = frame + LOOK;
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. Whose clocks were looked at is not known any more. */
  renumber(ids: Int32Array): void {
    this.#owner.fill(0);
    const place = this.#open;
    if (place !== undefined && place.connection >= 0) place.connection = ids[place.connection]!;
    this.#steps.forEach((step, i) => {
      const id = step.connection === null ? -1 : ids[step.connection]!;
      this.#steps[i] = { ...step, connection: id < 0 ? null : connId(id) };
    });
  }

  /** A segment of the connection at which `x` stands. */
  note(x: Context, k: Packet): void {
    if ((k.flags & Flag.RST) !== 0) return;
    decodeTcpOptions(k);
    if (!k.options.hasTimestamp) return;
    const value = k.options.tsVal;
    const owner = ((x.id << 1) | x.side) + 1;
    const slot = owner % SLOTS;
    if (this.#owner[slot] !== owner) {
      this.#owner[slot] = owner;
      this.#begin(slot, value, x.now);
    } else if (this.#open !== undefined && this.#lastFrame[slot]! < this.#open.frame) {
      if (this.#lastFrame[slot]! >= this.#previous) this.#ask(this.#open, slot, value, x, k);
    }
    this.#lastValue[slot] = value;
    this.#lastTime[slot] = x.now;
    this.#lastFrame[slot] = x.frame;
  }

  get facts(): ClockFacts {
    const last = this.#steps.length < MAX_STEPS ? conclusion(this.#open) : undefined;
    return {
      reversals: this.#reversals,
      largestReversalSeconds: secondsOf(this.#largest),
      steps: last === undefined ? this.#steps : [...this.#steps, last],
    };
  }

  /** From here on the rate of the slot's clock is measured anew. */
  #begin(slot: number, value: number, now: number): void {
    this.#firstValue[slot] = value;
    this.#firstTime[slot] = now;
  }

  /** What does the clock in this slot say about the time between its last look and now? */
  #ask(place: Place, slot: number, value: number, x: Context, k: Packet): void {
    const baseline = this.#lastTime[slot]! - this.#firstTime[slot]!;
    if (Math.abs(baseline) < BASELINE) return;
    const rate = rateOf((this.#lastValue[slot]! - this.#firstValue[slot]!) | 0, baseline);
    if (rate === 0) {
      this.#begin(slot, value, x.now); // no clock, or one whose measure has a step of the capture's in it
      return;
    }
    const passed = ((value - this.#lastValue[slot]!) | 0) / rate;
    const off = (x.now - this.#lastTime[slot]!) / NANOS_PER_SECOND - passed;
    const doubt = JITTER + DRIFT * Math.abs(passed);
    if (place.connection < 0) place.connection = x.id;
    if (Math.abs(off) < doubt) {
      place.steady++;
      return;
    }
    this.#begin(slot, value, x.now);
    const address = k.ipVersion === 6 ? this.#addresses.intern(k.view, k.srcAt) : k.src;
    if (off > 0 !== place.time > place.before) {
      place.steady++; // set the other way: whatever that is, it is not what the times show
      return;
    }
    if (place.set === 0) {
      place.by = off;
      place.address = address;
    } else if (Math.abs(off - place.by) > doubt + DRIFT * Math.abs(off)) {
      place.steady++; // the clocks contradict each other
      return;
    } else if (address !== place.address) place.severalHosts = true;
    place.set++;
  }
}

/** What is to be said of a place; undefined: nothing. */
function conclusion(place: Place | undefined): ClockStep | undefined {
  if (place === undefined) return undefined;
  const { frame, time, before, steady, connection } = place;
  const set = place.set > 0 && steady === 0;
  // On: a host that was suspended is as silent, and its own clock stood still. Another host's did not.
  if (time > before && !(set && place.severalHosts)) return undefined;
  return {
    frame: frameNo(frame),
    time: nanos(time),
    before: nanos(before),
    kind: set ? 'set' : steady > 0 ? 'unsorted' : 'unknown',
    seconds: set ? place.by : secondsOf(time - before),
    witnesses: set ? place.set : steady,
    connection: connection < 0 ? null : connId(connection),
  };
}

/** Ticks per second of a clock that counted `ticks` in `time` nanoseconds; 0: none that is known. */
function rateOf(ticks: number, time: number): number {
  const measured = ticks / (time / NANOS_PER_SECOND);
  return RATES.find((rate) => Math.abs(measured - rate) <= rate * RATE_TOLERANCE) ?? 0;
}
