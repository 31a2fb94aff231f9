/** Nine decimals are the record's own, however far from the first record it lies. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Clock } from '../../src/model/clock.ts';

const SECONDS = fc.integer({ min: 0, max: 0xffffffff });
const text = (seconds: number, nanos: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;

test('microseconds are exact from 1970 to 2106, whatever the first record', () => {
  const micros = fc.integer({ min: 0, max: 999_999 }).map((n) => n * 1000);
  fc.assert(
    fc.property(SECONDS, micros, SECONDS, micros, (a, an, b, bn) => {
      fc.pre(a <= b);
      const clock = new Clock(a, an);
      expect(clock.text(clock.relative(b, bn))).toBe(text(b, bn));
    }),
    { numRuns: 2000 },
  );
});

test('nanoseconds are exact within 104 days', () => {
  const nanos = fc.integer({ min: 0, max: 999_999_999 });
  fc.assert(
    fc.property(SECONDS, nanos, fc.integer({ min: 0, max: 104 * 86_400 }), nanos, (a, an, later, bn) => {
      const clock = new Clock(a, an);
      expect(clock.text(clock.relative(a + later, bn))).toBe(text(a + later, bn));
    }),
    { numRuns: 2000 },
  );
});

test('a nanosecond record of the year after is not taken for a microsecond', () => {
  const clock = new Clock(1_700_000_000, 0);
  const t = clock.relative(1_700_000_000 + 366 * 86_400, 123_456_789);
  expect(Math.abs(Number(clock.text(t).slice(-10, -1)) - 123_456_789)).toBeLessThanOrEqual(4);
});
