import { expect, test } from 'vitest';
import { Scratch } from '../../src/collect/scratch.ts';
import { Outgrown } from '../../src/track/outgrown.ts';

const spareOf = (words: number): { readonly spare: Outgrown; readonly buffer: ArrayBufferLike } => {
  const { buffer } = new Int32Array(words).fill(-1);
  const spare = new Outgrown();
  spare.give(buffer);
  return { spare, buffer };
};

test('columns lie in what is spare, all zero and none over another, and elsewhere where it ends', () => {
  const { spare, buffer } = spareOf(64);
  const scratch = new Scratch(16, spare);
  const [one, two, three] = [scratch.column(1), scratch.column(17), scratch.column(1)];
  expect([one.byteOffset, two.byteOffset]).toEqual([64, 128]);
  expect([one.buffer, two.buffer, three.buffer === buffer]).toEqual([buffer, buffer, false]);
  expect([...one, ...two, ...three]).toEqual(new Array(19).fill(0));
});

test('more room than there was at first is other room: what was asked for before keeps what is in it', () => {
  const scratch = new Scratch(4, spareOf(16).spare);
  const first = scratch.ints(3).fill(7);
  expect(scratch.ints(4)).toEqual(Int32Array.of(7, 7, 7, 0));
  scratch.ints(5).fill(8);
  expect(first).toEqual(Int32Array.of(7, 7, 7));
});
