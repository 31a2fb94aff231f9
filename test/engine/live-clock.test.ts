import { expect, test } from 'vitest';
import { LiveClock } from '../../src/engine/live-clock.ts';

test('silence counts once packets have come as they happened, beyond what may still be on its way', () => {
  const clock = new LiveClock();
  expect(clock.quiet(5, 1_000, 0, 1_000.2)).toBe(0);
  expect(clock.quiet(5, 1_000, 1_500, 1_001.7)).toBe(0);
  expect(clock.quiet(5, 1_000, 62_000, 1_062)).toBe(60);
  expect(clock.live).toBe(true);
});

test('a packet ends it', () => {
  const clock = new LiveClock();
  clock.quiet(5, 1_000, 0, 1_000);
  expect(clock.quiet(6, 1_059, 60_000, 1_060)).toBe(0);
  expect(clock.quiet(6, 1_059, 63_000, 1_063)).toBe(1);
});

test('an old capture in a pipe that stalls stands still', () => {
  const clock = new LiveClock();
  expect(clock.quiet(5, 1_000, 0, 500_000)).toBe(0);
  expect(clock.quiet(5, 1_000, 60_000, 500_060)).toBe(0);
  expect(clock.live).toBe(false);
});
