/**
 * A part of a capture's connections: those whose addresses and ports fall to one of so many. Whoever analyses a part reads the whole
 * capture and counts what belongs to no connection like everybody else, so that parts put together (unite.ts) are the whole.
 *
 * Small tables that forget what is old are divided by `PARTS`, so that a part of two or four forgets just what the whole forgets.
 */

export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

export const WHOLE: Shard = { index: 0, count: 1 };
/** More would read a capture so often that reading is all they do. */
export const MAX_SHARDS = 1_024;

const PART_BITS = 2;
export const PARTS = 1 << PART_BITS;

/** Of a tuple, whoever of its ends sends, in whatever tags and tunnels. Not seeded as hash.ts is: every process must divide alike. */
export function tupleHash(a: number, b: number, ports: number): number {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(ports, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x27d4eb2f);
  return h ^ (h >>> 13);
}

/** The part of a table that a tuple has. */
export const partOf = (tuple: number): number => tuple >>> (32 - PART_BITS);

/** Whose it is, of `count`: equal ranges of hashes, so that two and four divide as `PARTS` does. */
export const shardOf = (tuple: number, count: number): number => Math.floor((tuple >>> 0) * (count / 2 ** 32));
