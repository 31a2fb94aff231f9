/** What a lone SYN is, which its core record says alone, written down in the sequel that its connection gets with the second segment. */
import { State } from '../model/state.ts';
import type { Context } from './context.ts';
import { GIVES_UP } from './events.ts';
import { ONE_SYN } from './embryo-word.ts';
import { Core, lengthOfSyn, Meta, ONE_TRANSITION, Sequel, Trait, ttlOfLone } from './layout.ts';
import { givenUpAt } from './sequel.ts';

/** Gives the connection at which `x` stands its sequel record. Some words of its core record mean something else from here on. */
export function addSequel(x: Context): void {
  const { core, c } = x;
  const { sequels, events, firstTimes } = x.tables;
  const ref = sequels.add();
  const sequel = sequels.page(ref);
  const s = sequels.offset(ref);
  x.hasSequel = true;
  x.sequel = sequel;
  x.sequelF = sequels.floatPage(ref);
  x.s = s;
  const first = firstTimes.of(x.id);
  const options = core[c + Core.OPTIONS]!;
  sequel[s + Sequel.ISS] = core[c + Core.ISS]!;
  sequel[s + Sequel.OPTIONS] = options;
  sequel[s + Sequel.SYN_TIMESTAMP] = core[c + Core.SYN_TIMESTAMP]!;
  x.sequelF[(s + Sequel.LAST_TIME) >> 1] = first;
  sequel[s + Sequel.EMBRYO] = lengthOfSyn(core, c);
  let ttls = ttlOfLone(core, c);
  core[c + Core.META] = (core[c + Core.META]! & (Meta.TUPLE | Meta.LENGTH_MASK)) | Meta.HAS_SEQUEL;
  core[c + Core.PAIR] = 0;
  core[c + Core.SEQUEL] = ref + 1;
  core[c + Core.LAST_FRAME] = core[c + Core.FIRST_FRAME]!;
  const state = core[c + Core.STATE]!;
  const sawSyn = (state & Trait.SAW_SYN) !== 0;
  const gaveUp = sawSyn && (state & 15) === State.CLOSED;
  if (sawSyn) {
    sequel[s + Sequel.EMBRYO] = sequel[s + Sequel.EMBRYO]! + ONE_SYN;
    ttls += gaveUp ? 2 * ONE_TRANSITION : ONE_TRANSITION;
    events.opened(x.id, sequel, s);
  }
  sequel[s + Sequel.TTLS] = ttls;
  if (!gaveUp) return;
  events.now = givenUpAt(first, options);
  events.log(x.id, sequel, s, 0, GIVES_UP);
}
