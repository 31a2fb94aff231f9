import { expect, test } from 'vitest';
import { largest, sample, sampleOf, spread } from '../../src/detect/statistics.ts';
import { connId } from '../../src/model/units.ts';

test('extremes of more values than a call may have arguments', () => {
  const values = Array.from({ length: 500_000 }, (_, i) => i - 3);
  expect(largest(values)).toBe(499_996);
  expect(spread(values)).toBe(499_999);
  expect(spread([])).toBe(0);
});

test.each([0, 1, 2, 7, 30, 100])('%d of several lists are those of the lists joined', (count) => {
  const lists = [Array.from({ length: 10 }, (_, i) => connId(3 * i)), [], Array.from({ length: 20 }, (_, i) => connId(100 + i))];
  const isEven = (id: number): boolean => id % 2 === 0;
  expect(sampleOf(lists, count)).toEqual(sample(lists.flat(), count));
  expect(sampleOf(lists, count, isEven)).toEqual(sample(lists.flat().filter(isEven), count));
});
