/** Connections with loss, closed windows, probes or fragments, straight from the columns: the few that rules about the path look at. */
import type { Troubles } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import { type ConnId, connId } from '../model/units.ts';
import { eventKind, markKind } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, Pair, Trait, Trouble, TROUBLE_HALF } from '../track/layout.ts';
import type { Census } from './census.ts';

const PATH_MTU = markKind(Mark.PATH_MTU);
const FRAGMENTED = markKind(Mark.FRAGMENTED);

/** One pass over all connections; only those with a trouble record are looked into. */
export function troublesOf(census: Census): Troubles {
  const { cores, pairs, troubles } = census.tracker.tables;
  const inFragments = census.quality.fragments + census.quality.reassembled > 0;
  const out = {
    resent: [] as ConnId[],
    overtaken: [] as ConnId[],
    closedWindow: [] as ConnId[],
    keptAlive: [] as ConnId[],
    unanswered: [] as ConnId[],
    largeInVain: [] as ConnId[],
    tooBig: [] as ConnId[],
    fragmented: [] as ConnId[],
  };
  for (let n = 0; n < census.tracker.connections; n++) {
    if (census.legs.isFollower(n)) continue;
    const id = connId(n);
    const core = cores.page(n);
    const c = cores.offset(n);
    if (inFragments && hasMark(census, core[c + Core.HEAD]!, FRAGMENTED)) out.fragmented.push(id);
    if ((core[c + Core.STATE]! & Trait.ICMP_ERROR) !== 0 && hasMark(census, core[c + Core.HEAD]!, PATH_MTU)) out.tooBig.push(id);
    const ref = core[c + Core.PAIR]!;
    if (ref === 0) continue;
    const pair = pairs.page(ref - 1);
    const p = pairs.offset(ref - 1);
    const trouble = pair[p + Pair.TROUBLE]!;
    if (trouble === 0) continue;
    const words = troubles.page(trouble - 1);
    const t = troubles.offset(trouble - 1);
    const either = (name: number): boolean => words[t + name]! > 0 || words[t + TROUBLE_HALF + name]! > 0;
    if (either(Trouble.FIRST_FRAME)) out.resent.push(id);
    if (pair[p + Half.OUT_OF_ORDER]! > 0 || pair[p + HALF_STRIDE + Half.OUT_OF_ORDER]! > 0) out.overtaken.push(id);
    if (either(Trouble.ZERO_EPISODES)) out.closedWindow.push(id);
    if (either(Trouble.KEEP_ALIVES)) out.keptAlive.push(id);
    if (either(Trouble.KEEP_ALIVES_IN_VAIN) || inVain(pair, p, words, t) || inVain(pair, p + HALF_STRIDE, words, t + TROUBLE_HALF))
      out.unanswered.push(id);
    if (words[t + Trouble.LONGEST_FULL_RUN]! > 1 || words[t + TROUBLE_HALF + Trouble.LONGEST_FULL_RUN]! > 1) out.largeInVain.push(id);
  }
  return out;
}

/** What was repeated last is not acknowledged. */
const inVain = (pair: Int32Array, half: number, words: Int32Array, t: number): boolean =>
  words[t + Trouble.VAIN_RUN]! > 0 && pair[half + Half.UNA] === words[t + Trouble.LAST_UNA];

function hasMark(census: Census, head: number, kind: number): boolean {
  const { events } = census.tracker.tables;
  for (let ref = head; ref !== 0; ref = events.next(ref)) if (eventKind(events.code(ref)) === kind) return true;
  return false;
}
