import { expect, test } from 'vitest';
import { bytes, count, dateTime, duration, metric, plural, ruleLabel, timeOfDay } from '../../../src/tui/present/format.ts';

test.each([
  [0, '0 s'],
  [0.00043, '430 µs'],
  [0.0011, '1.1 ms'],
  [0.201, '201 ms'],
  [0.9996, '1.0 s'],
  [20, '20.0 s'],
  [312.4, '5m12s'],
  [7500, '2h05m'],
])('%d seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

test.each([
  [78, '78 B'],
  [999, '999 B'],
  [1448, '1.4 kB'],
  [3_200_000, '3.2 MB'],
  [999_960, '1.0 MB'],
])('%d bytes are %s', (n, text) => expect(bytes(n)).toBe(text));

test.each([
  ['close-wait-stuck', 'CLOSE_WAIT stuck'],
  ['time-wait-excess', 'TIME_WAIT excess'],
  ['syn-flood', 'SYN flood'],
  ['fin-wait2-lingering', 'FIN_WAIT_2 lingering'],
  ['rst-after-close', 'RST after close'],
  ['connection-refused', 'Connection refused'],
])('the rule %s is called %s', (rule, label) => expect(ruleLabel(rule)).toBe(label));

test.each([
  ['longestSeconds', 312.4, 'longest: 5m12s'],
  ['descriptorLimit', 1024, 'descriptor limit: 1,024'],
  ['sharePercent', 12.3456, 'share: 12.35 %'],
  ['peakAt', '2026-11-20T08:33:00.123456789Z', 'peak at: 08:33:00.123'],
])('the figure %s of %s reads %s', (key, value, text) => expect(metric(key, value)).toBe(text));

test('numbers and times', () => {
  expect(count(100_000)).toBe('100,000');
  expect(plural(1, 'connection')).toBe('1 connection');
  expect(timeOfDay('2026-11-20T08:33:00.123456789Z')).toBe('08:33:00.123');
  expect(timeOfDay('2026-11-20T08:33:00.123456789Z', 9)).toBe('08:33:00.123456789');
  expect(dateTime('2026-11-20T08:33:00.123456789Z')).toBe('2026-11-20 08:33:00 UTC');
});
