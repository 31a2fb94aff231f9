/**
 * The moments at which a kernel repeats a SYN that nobody answers, and which kernel's they are. The numbers are those of
 * model/profiles.ts.
 *
 * Linux up to 6.4 doubles the wait from 1 s (tcp_syn_retries = 6: six repeats, ETIMEDOUT after 127 s). Linux 6.5 and newer
 * sends four more at a steady pace first (tcp_syn_linear_timeouts = 4: ten repeats, ETIMEDOUT after 131 s). FreeBSD and macOS
 * do the same and stop after 75 s; Windows stops after 21 s. An initial wait of 3 s (RFC 1122 §4.2.3.1) is older still.
 * "63 s", which many texts name, was the default before Linux 3.7 and is the SYN-ACK's.
 */
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import { Mark } from '../model/connection.ts';
import { EARLIEST_REPEAT, fitsSchedule, type Profile, profileNamed } from '../model/profiles.ts';
import { Side } from '../model/state.ts';
import { type FrameNo, type Nanos, nanosOf, secondsOf } from '../model/units.ts';

interface Schedule {
  readonly name: string;
  readonly profile: Profile;
  readonly kernels: string;
}

/** What is tried of a client of which nothing is known. */
export const SCHEDULES: readonly Schedule[] = [
  {
    name: 'linear',
    profile: profileNamed('linux'),
    kernels: 'Linux 6.5 and newer (tcp_syn_linear_timeouts=4, tcp_syn_retries=6)',
  },
  {
    name: 'exponential',
    profile: profileNamed('linux-3.7'),
    kernels: 'Linux before 6.5, or tcp_syn_linear_timeouts=0 (tcp_syn_retries=6)',
  },
  {
    name: 'exponential from 3 s',
    profile: profileNamed('linux-2.6'),
    kernels: 'Linux before 3.1 (tcp_syn_retries=5) and of old Windows (which stops at 21 s)',
  },
];

const SHORTEST_WAIT = nanosOf(EARLIEST_REPEAT);

/** Times of the SYN and its repeats. */
export function synTimes(c: ConnectionView): readonly { readonly time: Nanos; readonly frame: FrameNo }[] {
  const again = c.marks.filter((m) => m.mark === Mark.SYN_AGAIN && m.side === Side.CLIENT);
  const times = [{ time: c.start, frame: c.firstFrame }];
  for (const { time, frame } of again) if (time - times.at(-1)!.time >= SHORTEST_WAIT) times.push({ time, frame });
  return times;
}

const offsetsOf = (times: readonly { readonly time: Nanos }[]): number[] => times.slice(1).map((t) => secondsOf(t.time - times[0]!.time));

/** Schedules that these repeats fit, each at its place; empty when none does. One repeat fits both. */
export function schedulesOf(times: readonly { readonly time: Nanos }[]): readonly Schedule[] {
  const offsets = offsetsOf(times);
  return offsets.length === 0 ? [] : SCHEDULES.filter((s) => fitsSchedule(s.profile, offsets));
}

/** The schedule of the client's own profile, where that is known, is not one of SCHEDULES, and the repeats fit it; else null. */
export function ownSchedule(client: EndpointView, times: readonly { readonly time: Nanos }[]): Schedule | null {
  const profile = profileNamed(client.profile);
  if (client.profileFrom === 'default' || SCHEDULES.some((s) => s.profile === profile)) return null;
  if (!fitsSchedule(profile, offsetsOf(times))) return null;
  return { name: profile.name, profile, kernels: profile.about };
}

/** Seconds from the last repeat seen to the next one that was due on a schedule; null when it was the last. */
export function nextRepeat({ profile }: Schedule, repeats: number): number | null {
  const due = profile.syn.repeats;
  const next = due[repeats];
  // A limit of its own may end connect() before.
  if (next === undefined || next >= profile.syn.givesUp) return null;
  return next - (repeats === 0 ? 0 : due[repeats - 1]!);
}
