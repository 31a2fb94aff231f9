/** The window that an end offers its peer (RFC 9293 §3.8.6, RFC 7323 §2): what lies beyond it, a receiver throws away. */
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { Half, HalfFlag, SynOption } from './layout.ts';

/** RFC 7323 §2.3 */
const MAX_SHIFT = 14;

/** What the receiver of the segment at hand offered last, octets; where its scale is not known, the most that it can mean. */
export function offeredWindow(x: Context): number {
  const mine = x.options(x.side);
  const theirs = x.options(1 - x.side);
  return Math.max(1, (x.pair[x.peer + Half.WINDOW_TTL]! & 0xffff) << shiftOf(mine, theirs));
}

function shiftOf(mine: number, theirs: number): number {
  const scale = (word: number): number => (word >>> SynOption.SCALE_SHIFT) & 15;
  if ((theirs & SynOption.SEEN) === 0) return MAX_SHIFT;
  if (scale(theirs) === SynOption.NO_SCALE) return 0;
  const refused = (mine & SynOption.SEEN) !== 0 && scale(mine) === SynOption.NO_SCALE;
  return refused ? 0 : Math.min(MAX_SHIFT, scale(theirs));
}

/** Does the segment begin beyond all that its receiver has offered? */
export function isBeyondWindow(x: Context, k: Packet): boolean {
  if (!x.flag(x.me, HalfFlag.UNA_KNOWN)) return false;
  return ((k.seq - x.pair[x.me + Half.UNA]!) | 0) > offeredWindow(x);
}
