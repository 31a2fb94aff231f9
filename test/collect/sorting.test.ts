import { expect, test } from 'vitest';
import { sortInts, sortTimes } from '../../src/collect/sorting.ts';

/** Numerical Recipes' linear congruential generator: every int32 in an order that looks like none. */
function scrambled(length: number): Int32Array {
  let seed = 1;
  return Int32Array.from({ length }, () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0));
}

test.each([0, 1, 100, 5_000, 70_000])('%i numbers of either sign in order', (length) => {
  const values = scrambled(length);
  if (length > 3) values.set([-0x80000000, 0x7fffffff, 0, -1]);
  const expected = [...values].sort((a, b) => a - b);
  expect(sortInts(values)).toBe(values);
  expect([...values]).toEqual(expected);
});

test('equal numbers stay together', () => {
  const values = scrambled(10_000).map((n) => n & 3);
  sortInts(values);
  expect(values.every((n, i) => i === 0 || values[i - 1]! <= n)).toBe(true);
});

test('times that are in order, and times that are not', () => {
  expect([...sortTimes(Float64Array.of(1, 2, 2, 3))]).toEqual([1, 2, 2, 3]);
  expect([...sortTimes(Float64Array.of(2.5, -1, 2, 3))]).toEqual([-1, 2, 2.5, 3]);
});
