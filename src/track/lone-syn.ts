/** What a lone SYN is, which its core record says alone, written down in the sequel that its connection gets with the second segment. */
import { State } from '../model/state.ts';
import { GIVES_UP } from './events.ts';
import { Core, lengthOfLone, Meta, ONE_TRANSITION, Sequel, Trait, ttlOfLone, tupleMeta } from './layout.ts';
import { givenUpAt } from './sequel.ts';
import type { Tables } from './tables.ts';

/** Gives connection `id` its sequel record; `core` at `c` is its core record, of which some words mean something else from here on. */
export function addSequel({ sequels, events, firstTimes }: Tables, id: number, core: Int32Array, c: number): void {
  const ref = sequels.add();
  const sequel = sequels.page(ref);
  const s = sequels.offset(ref);
  const first = firstTimes.of(id);
  const options = core[c + Core.OPTIONS]!;
  sequel[s + Sequel.ISS] = core[c + Core.ISS]!;
  sequel[s + Sequel.OPTIONS] = options;
  sequel[s + Sequel.SYN_TIMESTAMP] = core[c + Core.SYN_TIMESTAMP]!;
  sequels.floatPage(ref)[(s + Sequel.LAST_TIME) >> 1] = first;
  sequel[s + Sequel.LENGTHS] = lengthOfLone(core, c);
  sequel[s + Sequel.TTLS] = ttlOfLone(core, c);
  core[c + Core.META] = tupleMeta(core, c) | Meta.HAS_SEQUEL;
  core[c + Core.PAIR] = 0;
  core[c + Core.SEQUEL] = ref + 1;
  core[c + Core.LAST_FRAME] = core[c + Core.FIRST_FRAME]!;
  const state = core[c + Core.STATE]!;
  if ((state & Trait.SAW_SYN) === 0) return;
  sequel[s + Sequel.COUNTS] = 1;
  sequel[s + Sequel.TTLS] = sequel[s + Sequel.TTLS]! + ONE_TRANSITION;
  events.opened(id, sequel, s);
  if ((state & 15) !== State.CLOSED) return;
  sequel[s + Sequel.TTLS] = sequel[s + Sequel.TTLS]! + ONE_TRANSITION;
  events.now = givenUpAt(first, options);
  events.log(id, sequel, s, 0, GIVES_UP);
}
