/**
 * The moments at which a kernel repeats a SYN that nobody answers, and which kernel's they are.
 *
 * Linux up to 6.4 and most others double the wait from 1 s (tcp_syn_retries = 6: six repeats, ETIMEDOUT after 127 s). Linux
 * 6.5 and newer sends four more at a steady pace first (tcp_syn_linear_timeouts = 4: ten repeats, ETIMEDOUT after 131 s).
 * An initial wait of 3 s (RFC 1122 §4.2.3.1) is older still. "63 s", which many texts name, was the default before Linux
 * 3.7 and is the SYN-ACK's.
 */
import type { ConnectionView } from '../model/connection.ts';
import { Mark } from '../model/connection.ts';
import { Side } from '../model/state.ts';
import { type FrameNo, type Nanos, nanosOf, secondsOf } from '../model/units.ts';

/** Timers fire late, never early: 5 % and 30 ms (measured on Linux 6.18: 3 %). The other way only the capture's clock errs. */
const LATE_SHARE = 0.05;
const LATE_SECONDS = 0.03;
const EARLY_SECONDS = 0.01;

interface Schedule {
  readonly name: string;
  /** Seconds since the first SYN. */
  readonly repeats: readonly number[];
  readonly givesUp: number;
  /** A coarse clock may also be early by this much. */
  readonly earlySeconds: number;
  readonly kernels: string;
}

export const SCHEDULES: readonly Schedule[] = [
  {
    name: 'linear',
    repeats: [1, 2, 3, 4, 5, 7, 11, 19, 35, 67],
    givesUp: 131,
    earlySeconds: EARLY_SECONDS,
    kernels: 'Linux 6.5 and newer (tcp_syn_linear_timeouts=4, tcp_syn_retries=6)',
  },
  {
    name: 'exponential',
    repeats: [1, 3, 7, 15, 31, 63],
    givesUp: 127,
    earlySeconds: EARLY_SECONDS,
    kernels: 'Linux before 6.5, or tcp_syn_linear_timeouts=0 (tcp_syn_retries=6)',
  },
  {
    name: 'exponential from 3 s',
    repeats: [3, 9, 21, 45, 93],
    givesUp: 189,
    earlySeconds: 0.5,
    kernels: 'Linux before 3.1 (tcp_syn_retries=5) and of old Windows (which stops at 21 s)',
  },
];

/** A copy this soon is a duplicate of the capture or of the network: no kernel repeats a SYN so fast. */
const EARLIEST_REPEAT = nanosOf(0.5);

/** Times of the SYN and its repeats. */
export function synTimes(c: ConnectionView): readonly { readonly time: Nanos; readonly frame: FrameNo }[] {
  const again = c.marks.filter((m) => m.mark === Mark.SYN_AGAIN && m.side === Side.CLIENT);
  const times = [{ time: c.start, frame: c.firstFrame }];
  for (const { time, frame } of again) if (time - times.at(-1)!.time >= EARLIEST_REPEAT) times.push({ time, frame });
  return times;
}

/** Schedules that these repeats fit, each at its place; empty when none does. One repeat fits both. */
export function schedulesOf(times: readonly { readonly time: Nanos }[]): readonly Schedule[] {
  const offsets = times.slice(1).map((t) => secondsOf(t.time - times[0]!.time));
  if (offsets.length === 0) return [];
  const fits = (s: Schedule): boolean =>
    offsets.length <= s.repeats.length &&
    offsets.every((at, i) => at >= s.repeats[i]! - s.earlySeconds && at <= s.repeats[i]! * (1 + LATE_SHARE) + LATE_SECONDS);
  return SCHEDULES.filter(fits);
}

/** Seconds from the last repeat seen to the next one that was due on a schedule; null when it was the last. */
export function nextRepeat(schedule: Schedule, repeats: number): number | null {
  const next = schedule.repeats[repeats];
  return next === undefined ? null : next - (repeats === 0 ? 0 : schedule.repeats[repeats - 1]!);
}
