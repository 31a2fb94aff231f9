/**
 * What becomes of an end when a timer is due that no packet shows (timers.ts).
 *
 * The SYN that opens a connection arms none, because a flood is made of them: whether its retry is overdue is asked when the
 * connection's next segment comes (`settle`), when somebody looks, and at the end (`settleAll`).
 */
import { Side, State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { nextFinAt } from './closing.ts';
import type { Context } from './context.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, profileAt, PROFILE_CODES, profileCode, Sequel, Trait } from './layout.ts';
import { lastAckWasTaken } from './opening.ts';
import { dataGivenUpAt } from './repairs.ts';
import { givenUpAt } from './sequel.ts';
import { lookAfter, TimerKind } from './timers.ts';
import { Cause } from './transitions.ts';

/** By code of the client's profile: how long the first SYN's retry may take, nanoseconds. */
const OVERDUE_AFTER = Float64Array.from({ length: PROFILE_CODES }, (_, code) => lookAfter(profileAt(code).initialRto) * NANOS_PER_SECOND);

/** The client at which `x` stands has given up, if the retry of its first SYN is overdue at x.now. */
export function settle(x: Context): void {
  const { core, c } = x;
  if ((core[c + Core.STATE]! & 15) !== State.SYN_SENT || !x.has(Trait.SAW_SYN)) return;
  if (x.hasSequel && (x.sequel[x.s + Sequel.ARMED]! & 0xffff) !== 0) return; // it has a timer
  if (x.now - x.tables.firstTimes.of(x.id) < OVERDUE_AFTER[profileCode(x.options(0))]!) return;
  if (x.hasSequel) givesUp(x);
  else core[c + Core.STATE] = core[c + Core.STATE]! & ~15; // its record tells when: `givenUpAt`
}

/** Apart from the question whether it does: what a rare call gets as a float64 would be made an object before the question is asked. */
function givesUp(x: Context): void {
  x.stepAt(Side.CLIENT, Cause.GIVES_UP_SYN, 0, givenUpAt(x.tables.firstTimes.of(x.id), x.options(0)), true);
}

/** The same of all connections at `now`. */
export function settleAll(x: Context, now: number): void {
  const { cores } = x.tables;
  const saved = x.now;
  x.now = now;
  for (let id = 0; id < cores.length; id++) {
    if ((cores.page(id)[cores.offset(id) + Core.STATE]! & 15) !== State.SYN_SENT) continue;
    x.load(id, Side.CLIENT);
    settle(x);
  }
  x.now = saved;
}

/** Time goes on to `now`, for one connection with tables of timers of its own. */
export function letPass(x: Context, id: number, now: number): void {
  x.tables.timers.advance(now, (kind, ref) => expire(x, kind, ref));
  const saved = x.now;
  x.now = now;
  x.load(id, Side.CLIENT);
  settle(x);
  x.now = saved;
}

/** @param ref connection id * 2 + side */
export function expire(x: Context, kind: TimerKind, ref: number): void {
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
  if (packed < 0 || !stepped || x.tables.pairs.setDouble(packed, side * HALF_STRIDE + Half.STATE_TIME, due)) return;
  x.load(id, side);
  x.pairF[(x.me + Half.STATE_TIME) >> 1] = due;
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
