import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HashedCounts } from '../../src/collect/hashed-counts.ts';

describe('counts by a hash', () => {
  test('are never less than how often a value came, and together no more than all', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })), (values) => {
        const counts = new HashedCounts(values.length);
        for (const value of values) counts.add(value);
        for (const value of values) expect(counts.of(value)).toBeGreaterThanOrEqual(values.filter((v) => v === value).length);
        expect(counts.most).toBeLessThanOrEqual(values.length);
        expect(counts.most).toBeGreaterThanOrEqual(Math.max(0, ...values.map((v) => counts.of(v))));
      }),
    );
  });

  test('tell addresses of one network apart', () => {
    const counts = new HashedCounts(1_000);
    for (let i = 0; i < 1_000; i++) counts.add(0x0a000000 + i);
    expect(counts.most).toBeLessThan(8);
  });

  test('say of what came too often to be counted that it may be any number', () => {
    const counts = new HashedCounts(2);
    counts.add(1, 65_534);
    expect([counts.of(1), counts.most]).toEqual([65_534, 65_534]);
    counts.add(1, 1_000_000);
    expect([counts.of(1), counts.most]).toEqual([Infinity, Infinity]);
  });
});
