/** What only few connections have beside their pair record, for who looks at them afterwards: nothing where there is no record of it. */
import { Pair, Rare, Trouble, TROUBLE_HALF } from './layout.ts';
import type { Tables } from './tables.ts';

/** A word of the rare record. @param pairRef Core.PAIR, not 0 */
export function rareWord(tables: Tables, pairRef: number, word: (typeof Rare)[keyof typeof Rare]): number {
  const ref = tables.pairs.word(pairRef - 1, Pair.RARE) - 1;
  return ref < 0 ? 0 : tables.rares.page(ref)[tables.rares.offset(ref) + word]!;
}

/** A float64 of the rare record. */
export function rareDouble(tables: Tables, pairRef: number, word: (typeof Rare)[keyof typeof Rare]): number {
  const ref = tables.pairs.word(pairRef - 1, Pair.RARE) - 1;
  return ref < 0 ? 0 : tables.rares.floatPage(ref)[(tables.rares.offset(ref) + word) >> 1]!;
}

/** A word of one end in the trouble record. @param troubleRef Pair.TROUBLE */
export function troubleWord(tables: Tables, troubleRef: number, side: number, word: (typeof Trouble)[keyof typeof Trouble]): number {
  const ref = troubleRef - 1;
  return ref < 0 ? 0 : tables.troubles.word(ref, side * TROUBLE_HALF + word);
}
