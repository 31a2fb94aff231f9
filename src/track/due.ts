/** What becomes of an end when a timer is due that no packet shows (timers.ts). */
import type { Side } from '../model/state.ts';
import { nextFinAt } from './closing.ts';
import type { Context } from './context.ts';
import { loneGivesUp } from './embryo.ts';
import { Half, HALF_STRIDE, HalfFlag } from './layout.ts';
import { lastAckWasTaken } from './opening.ts';
import { dataGivenUpAt } from './repairs.ts';
import { TimerKind } from './timers.ts';
import { Cause } from './transitions.ts';

/** @param ref connection id * 2 + side */
export function expire(x: Context, kind: TimerKind, ref: number): void {
  if (kind === TimerKind.RETRY && loneGivesUp(x.tables, ref >> 1)) return;
  const { due } = x.tables.timers;
  const side = (ref & 1) as Side;
  if (kind === TimerKind.TIME_WAIT) {
    timeWaitOver(x, ref >> 1, side, due);
    return;
  }
  x.load(ref >> 1, side);
  const saved = x.now;
  x.now = due;
  switch (kind) {
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

/** Where the connection's pair record is packed, as it mostly is by then, it stays so. */
function timeWaitOver(x: Context, id: number, side: Side, due: number): void {
  const packed = x.loadDue(id, side);
  const stepped = x.stepAt(side, Cause.TIME_WAIT_OVER, 0, due, false);
  if (packed >= 0 && stepped) x.tables.pairs.setOpen(packed, side * HALF_STRIDE + Half.STATE_TIME, due);
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
