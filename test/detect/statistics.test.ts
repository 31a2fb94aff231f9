import { expect, test } from 'vitest';
import { largest, spread } from '../../src/detect/statistics.ts';

test('extremes of more values than a call may have arguments', () => {
  const values = Array.from({ length: 500_000 }, (_, i) => i - 3);
  expect(largest(values)).toBe(499_996);
  expect(spread(values)).toBe(499_999);
  expect(spread([])).toBe(0);
});
