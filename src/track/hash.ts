/**
 * Four words to one hash, for the tracker's open-addressing tables. Multiplicative mixing, seeded per process: whoever
 * chooses addresses and ports cannot aim at one slot. Nothing that is reported depends on it.
 */
const SEED = (Math.random() * 0x7fffffff) | 1;

export function hash(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a ^ SEED, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ b, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ c, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16) ^ d, 0x27d4eb2f);
  return h ^ (h >>> 15);
}
