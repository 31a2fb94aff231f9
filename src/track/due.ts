/** What becomes of an end when a timer is due that no packet shows (timers.ts). */
import type { Side } from '../model/state.ts';
import { nextFinAt } from './closing.ts';
import type { Context } from './context.ts';
import { loneGivesUp } from './embryo.ts';
import { HalfFlag } from './layout.ts';
import { lastAckWasTaken } from './opening.ts';
import { dataGivenUpAt } from './repairs.ts';
import { TimerKind } from './timers.ts';
import { Cause } from './transitions.ts';

/** @param ref connection id * 2 + side */
export function expire(x: Context, kind: TimerKind, ref: number): void {
  if (kind === TimerKind.RETRY && loneGivesUp(x.tables, ref >> 1)) return;
  const { due } = x.tables.timers;
  const side = (ref & 1) as Side;
  const saved = x.now;
  x.load(ref >> 1, side);
  x.now = due;
  switch (kind) {
    case TimerKind.TIME_WAIT:
      x.stepAt(side, Cause.TIME_WAIT_OVER, 0, due, false);
      break;
    case TimerKind.FIN_WAIT_2:
      if (!x.paired || !x.flag(x.me, HalfFlag.READS_AFTER_FIN)) x.stepAt(side, Cause.ORPHAN_OVER, 0, due, true);
      break;
    case TimerKind.ORPHAN:
      x.stepAt(side, Cause.GIVES_UP_FIN, 0, due, true);
      break;
    case TimerKind.RETRY:
      missed(x, side, due);
      break;
  }
  x.now = saved;
}

/** The retry that was due did not come. */
function missed(x: Context, side: Side, due: number): void {
  if (lastAckWasTaken(x)) return;
  if (x.stepAt(side, Cause.GIVES_UP_SYN, 0, Math.min(due, x.connectEnds(side)), true)) return;
  if (x.stepAt(side, Cause.GIVES_UP_SYN_ACK, 0, due, true)) return;
  if (x.stepAt(side, Cause.GIVES_UP_FIN, 0, Math.min(due, nextFinAt(x)), true)) return;
  const end = dataGivenUpAt(x);
  if (end >= 0) x.stepAt(side, Cause.GIVES_UP_DATA, 0, end, true);
}
