import { expect, test } from 'vitest';
import { Outgrown } from '../../src/track/outgrown.ts';

test('pages are cut out of what was given, one behind the other and all zero, until the rest is too small', () => {
  const outgrown = new Outgrown();
  expect(outgrown.take(64)).toBeNull();
  const table = new Int32Array(40).fill(-1);
  outgrown.give(table.buffer);
  const first = outgrown.take(64)!;
  const second = outgrown.take(64)!;
  expect([first.byteOffset, first.length, second.byteOffset]).toEqual([0, 16, 64]);
  expect([...first, ...second]).toEqual(new Array(32).fill(0));
  expect(outgrown.take(64)).toBeNull();
});

test('a smaller table is used where the larger one has no room left', () => {
  const outgrown = new Outgrown();
  const [small, large] = [new Int32Array(16), new Int32Array(32)];
  outgrown.give(small.buffer);
  outgrown.give(large.buffer);
  expect([outgrown.take(128)?.buffer, outgrown.take(64)?.buffer, outgrown.take(64)]).toEqual([large.buffer, small.buffer, null]);
});
