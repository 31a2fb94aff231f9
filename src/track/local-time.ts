/**
 * When an end itself went through its transitions. A frame's time is that of the capture point: an end sent its segment
 * half of its side's round trip earlier, and received one half a round trip later. The round trip is that of the
 * handshake, split at the capture point.
 *
 * An estimate: it takes the path as equally long both ways and its delay as constant. docs/states.md has how good it is.
 */
import type { Transition } from '../model/connection.ts';
import { type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { Delays } from '../model/vantage.ts';

type Timed = Pick<Transition, 'time' | 'frame' | 'side' | 'travel'>;

/** One time per transition, each end's in its order; that of the capture point where the delay is not known. */
export function localTimes(transitions: readonly Timed[], delays: Delays): readonly Nanos[] {
  const reached = [-Infinity, -Infinity];
  const last: [Timed | undefined, Timed | undefined] = [undefined, undefined];
  const lastSent = [0, 0];
  return transitions.map((t) => {
    const before = last[t.side];
    // FINs (or SYNs) that crossed: its own segment shows that it had not yet received the other end's, which had passed long before.
    const crossed = t.travel === 1 && before?.travel === -1 && t.frame !== null && before.frame === t.frame;
    const passed = crossed ? lastSent[1 - t.side]! : t.time;
    const local = Math.max(reached[t.side]!, Math.round(passed + t.travel * (delays[t.side] ?? 0) * NANOS_PER_SECOND));
    last[t.side] = t;
    if (t.travel === -1) lastSent[t.side] = t.time;
    reached[t.side] = local;
    return nanos(local);
  });
}
