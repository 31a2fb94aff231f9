/** One pass over the columns for connections whose opening was out of the ordinary: most are not, and cost two words each. */
import type { Openings } from '../model/capture-view.ts';
import { type ConnId, connId } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, Trait } from '../track/layout.ts';
import type { Tracker } from '../track/tracker.ts';

export function openingsOf(tracker: Tracker): Openings {
  const { cores, pairs } = tracker.tables;
  const lateSyn: ConnId[] = [];
  const repeatedSynAck: ConnId[] = [];
  for (let id = 0; id < tracker.connections; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const word = core[c + Core.STATE]!;
    if ((word & Trait.SAW_SYN) === 0) continue;
    const ref = core[c + Core.PAIR]!;
    let syns = core[c + Core.COUNTS]! & 0xffff;
    let synAcks = core[c + Core.COUNTS]! >>> 16;
    if (ref !== 0) {
      const pair = pairs.page(ref - 1);
      const client = pairs.offset(ref - 1);
      syns = pair[client + Half.SYN]!;
      synAcks = pair[client + HALF_STRIDE + Half.SYN_ACK]!;
    }
    if (syns > 1 && (word & Trait.COMPLETED) !== 0) lateSyn.push(connId(id));
    if (syns === 1 && synAcks > 1) repeatedSynAck.push(connId(id));
  }
  return { lateSyn, repeatedSynAck };
}
