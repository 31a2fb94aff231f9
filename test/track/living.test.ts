/** Tuples of folded connections that may go on: what was added is known until it is taken, and memory has a bound. */
import { expect, test } from 'vitest';
import { Budget } from '../../src/track/budget.ts';
import { Living } from '../../src/track/living.ts';

const MIB = 2 ** 20;

test('what was added is taken once, with its facts', () => {
  const living = new Living(new Budget());
  expect(living.add(0, 7)).toBe(true);
  expect(living.add(-5, 9)).toBe(true);
  expect(living.add(-5, 3)).toBe(false); // one hash, two tuples: the second is not known
  expect([living.take(0), living.take(-5), living.take(12)]).toEqual([7, 9, 0]);
  expect([living.take(0), living.take(-5)]).toEqual([0, 0]);
  expect(living.add(-5, 3)).toBe(true);
});

test('like a map, through growth and as many that leave', () => {
  const living = new Living(new Budget());
  const map = new Map<number, number>();
  let wrong = 0;
  for (let i = 1; i < 200_000; i++) {
    const hash = Math.imul(i, 0x9e3779b1);
    if (!living.add(hash, (i % 500) + 1)) wrong++;
    map.set(hash, (i % 500) + 1);
    const other = Math.imul((i * 7) % 200_000, 0x9e3779b1);
    if (i % 2 === 0) {
      if (living.take(other) !== (map.get(other) ?? 0)) wrong++;
      map.delete(other);
    }
  }
  for (const [hash, facts] of map) if (living.take(hash) !== facts) wrong++;
  expect(wrong).toBe(0);
});

test('takes a sixteenth of the budget, and what leaves makes room', () => {
  const budget = new Budget(16 * MIB);
  const living = new Living(budget);
  let added = 0;
  while (living.add(Math.imul(added + 1, 0x9e3779b1), 1)) added++;
  expect(budget.used).toBeLessThan(MIB);
  expect(added).toBeGreaterThan(90_000);
  for (let i = 1; i <= added; i += 2) living.take(Math.imul(i, 0x9e3779b1));
  expect(living.add(1, 1)).toBe(true);
});

test('whom there is no room for is refused without a walk through the table', () => {
  const living = new Living(new Budget(16 * MIB));
  let added = 0;
  for (let i = 1; i <= 1_000_000; i++) if (living.add(Math.imul(i, 0x9e3779b1), 1)) added++;
  expect(added).toBeLessThan(100_000);
});
