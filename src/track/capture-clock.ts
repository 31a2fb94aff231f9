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
import { type Move, movedMeta } from './move.ts';

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
  /** Whose clock was asked first, and at which frame; null: nobody's. */
  witness: { readonly from: Sender; readonly frame: number } | null;
  /** Clocks that say so, whether two hosts do, and clocks that saw nothing. */
  set: number;
  severalHosts: boolean;
  steady: number;
}

/** A segment's tuple as a core record has it, and a hash of it that differs for its two ends. */
export interface Sender {
  readonly a: number;
  readonly b: number;
  readonly ports: number;
  readonly meta: number;
  readonly sender: number;
}

/** A step, and whose segment tells of it. */
type Step = Omit<ClockStep, 'connection'> & Pick<Place, 'witness'>;

export interface ClockState {
  readonly reversals: number;
  /** Nanoseconds. */
  readonly largest: number;
  readonly steps: readonly Step[];
}

export class CaptureClock {
  readonly #addresses: AddressBook;
  /** Timestamps are worth reading up to this frame. */
  lookUntil = 0;
  #reversals = 0;
  /** Nanoseconds. */
  #largest = 0;
  readonly #steps: Step[] = [];
  #open: Place | undefined;
  /** Frame of the place before. */
  #previous = 0;

  /** By slot: whose it is (0 nobody's), its timestamp and time when its rate's measure began and at the last look, and that frame. */
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
    this.#open = { frame, before, time, by: 0, address: 0, witness: null, set: 0, severalHosts: false, steady: 0 };
    this.lookUntil = frame + LOOK;
  }

  /** What was found, for another process. */
  get state(): ClockState {
    const last = this.#steps.length < MAX_STEPS ? conclusion(this.#open) : undefined;
    return { reversals: this.#reversals, largest: this.#largest, steps: last === undefined ? this.#steps : [...this.#steps, last] };
  }
  restore({ reversals, largest, steps }: ClockState): void {
    this.#reversals = reversals;
    this.#largest = largest;
    this.#steps.push(...steps);
  }

  /** Adds those of a capture that follows. */
  join({ reversals, largest, steps }: ClockState, move: Move): void {
    this.#reversals += reversals;
    this.#largest = Math.max(this.#largest, largest);
    for (const step of steps.slice(0, Math.max(0, MAX_STEPS - this.#steps.length))) this.#steps.push(movedStep(step, move));
  }

  note(k: Packet, frame: number, now: number, from: Sender): void {
    if ((k.flags & Flag.RST) !== 0) return;
    decodeTcpOptions(k);
    if (!k.options.hasTimestamp) return;
    const value = k.options.tsVal;
    const owner = from.sender === 0 ? SLOTS : from.sender;
    const slot = from.sender & (SLOTS - 1);
    if (this.#owner[slot] !== owner) {
      this.#owner[slot] = owner;
      this.#begin(slot, value, now);
    } else if (this.#open !== undefined && this.#lastFrame[slot]! < this.#open.frame) {
      if (this.#lastFrame[slot]! >= this.#previous) this.#ask(this.#open, slot, value, k, frame, now, from);
    }
    this.#lastValue[slot] = value;
    this.#lastTime[slot] = now;
    this.#lastFrame[slot] = frame;
  }

  /** @param connectionOf the connection of a tuple that a frame belongs to; -1 none */
  facts(connectionOf: (of: Sender, frame: number) => number): ClockFacts {
    const { reversals, largest, steps } = this.state;
    return {
      reversals,
      largestReversalSeconds: secondsOf(largest),
      steps: steps.map(({ witness, ...step }) => {
        const id = witness === null ? -1 : connectionOf(witness.from, witness.frame);
        return { ...step, connection: id < 0 ? null : connId(id) };
      }),
    };
  }

  /** From here on the rate of the slot's clock is measured anew. */
  #begin(slot: number, value: number, now: number): void {
    this.#firstValue[slot] = value;
    this.#firstTime[slot] = now;
  }

  /** What does the clock in this slot say about the time between its last look and now? */
  #ask(place: Place, slot: number, value: number, k: Packet, frame: number, now: number, from: Sender): void {
    const baseline = this.#lastTime[slot]! - this.#firstTime[slot]!;
    if (Math.abs(baseline) < BASELINE) return;
    const rate = rateOf((this.#lastValue[slot]! - this.#firstValue[slot]!) | 0, baseline);
    if (rate === 0) {
      this.#begin(slot, value, now); // no clock, or one whose measure has a step of the capture's in it
      return;
    }
    const passed = ((value - this.#lastValue[slot]!) | 0) / rate;
    const off = (now - this.#lastTime[slot]!) / NANOS_PER_SECOND - passed;
    const doubt = JITTER + DRIFT * Math.abs(passed);
    if (place.witness === null) {
      place.witness = { from, frame };
      if (k.ipVersion === 6) for (const at of [k.srcAt, k.dstAt]) this.#addresses.intern(k.view, at);
    }
    if (Math.abs(off) < doubt) {
      place.steady++;
      return;
    }
    this.#begin(slot, value, now);
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

const movedStep = (step: Step, move: Move): Step => ({
  ...step,
  frame: frameNo(step.frame + move.frames),
  time: nanos(step.time + move.nanos),
  before: nanos(step.before + move.nanos),
  witness: step.witness === null ? null : { from: movedSender(step.witness.from, move), frame: step.witness.frame + move.frames },
});

/** IPv6 addresses have other ids there, and so perhaps another order. */
function movedSender({ a, b, ports, meta, sender }: Sender, move: Move): Sender {
  const ipv6 = (meta & 1) !== 0;
  const [first, second] = [move.address(a, ipv6), move.address(b, ipv6)];
  const turned = ipv6 && first > second;
  return {
    a: turned ? second : first,
    b: turned ? first : second,
    ports: turned ? (ports << 16) | (ports >>> 16) : ports,
    meta: movedMeta(meta, move),
    sender,
  };
}

/** What is to be said of a place; undefined: nothing. */
function conclusion(place: Place | undefined): Step | undefined {
  if (place === undefined) return undefined;
  const { frame, time, before, steady, witness } = place;
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
    witness,
  };
}

/** Ticks per second of a clock that counted `ticks` in `time` nanoseconds; 0: none that is known. */
function rateOf(ticks: number, time: number): number {
  const measured = ticks / (time / NANOS_PER_SECOND);
  return RATES.find((rate) => Math.abs(measured - rate) <= rate * RATE_TOLERANCE) ?? 0;
}
