/** On what ground the states of a connection stand, from its columns alone. model/connection.ts has the words. */
import type { Basis } from '../model/connection.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from './layout.ts';
import { countsOf } from './sequel.ts';
import type { Tables } from './tables.ts';

/** @param core the page with the connection's core record, at `c` */
export function basisOf(tables: Tables, core: Int32Array, c: number): Basis {
  const word = core[c + Core.STATE]!;
  const ref = pairOf(core, c) - 1;
  const oneSided = ref < 0 ? embryoIsOneSided(word, countsOf(tables, core, c)) : isOneSided(tables, word, ref);
  if (oneSided) return 'one-sided';
  return (word & Trait.MIDSTREAM) === 0 ? 'handshake' : 'midstream';
}

// A SYN that nobody answers is a handshake that failed; answers without their question are one-sided.
const isOneSided = ({ pairs }: Tables, word: number, ref: number): boolean => {
  const packets = pairs.word(ref, Half.PACKETS);
  if (packets !== 0 && pairs.word(ref, HALF_STRIDE + Half.PACKETS) !== 0) return false;
  return (word & Trait.SAW_SYN) === 0 || packets !== pairs.word(ref, Half.SYN);
};

/** All that it has are SYNs and SYN-ACKs. */
const embryoIsOneSided = (word: number, counts: number): boolean =>
  ((counts & 0xffff) === 0 || counts >>> 16 === 0) && (word & Trait.SAW_SYN) === 0;
