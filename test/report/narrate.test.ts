/** The words that every face shares. */
import { describe, expect, test } from 'vitest';
import type { LastSaid } from '../../src/model/said.ts';
import {
  bytesText,
  clockText,
  countText,
  durationText,
  plural,
  saidTexts,
  secondsBetween,
  spanText,
  whenText,
  wordsText,
} from '../../src/report/narrate.ts';

test.each([
  [0, '0 s'],
  [0.000_000_4, '400 ns'],
  [0.000_000_999_7, '1 µs'],
  [0.000_123, '123 µs'],
  [0.000_999_7, '1 ms'],
  [0.0011, '1.1 ms'],
  [0.2, '200 ms'],
  [0.999_9, '1 s'],
  [1.0062, '1.01 s'],
  [21.44, '21.4 s'],
  [59.94, '59.9 s'],
  [59.97, '1 min 00 s'],
  [312.4, '5 min 12 s'],
  [3_599.6, '1 h 00 min'],
  [11_040, '3 h 04 min'],
  [86_399, '1 d 0 h'],
  [183_600, '2 d 3 h'],
  [-2, '-2 s'],
])('%f s is said as %s', (seconds, text) => expect(durationText(seconds)).toBe(text));

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [1_234_567, '1,234,567'],
])('%i is written %s', (n, text) => expect(countText(n)).toBe(text));

test.each([
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [91_037, '91.0 kB'],
  [999_960, '1.0 MB'],
  [5_000_000_000_000_000, '5000.0 TB'],
])('%i octets are %s', (n, text) => expect(bytesText(n)).toBe(text));

test('one is singular', () =>
  expect([plural(1, 'packet'), plural(0, 'packet'), plural(2, 'entry', 'entries')]).toEqual(['1 packet', '0 packets', '2 entries']));

test('times keep their milliseconds as they were captured, cut and not rounded', () => {
  expect(clockText('2026-11-20T08:33:00.123999999Z')).toBe('08:33:00.123');
});

test('a span over midnight names both days', () => {
  expect(spanText('2026-11-20T23:59:59.000000000Z', '2026-11-21T00:00:01.000000000Z')).toBe(
    '2026-11-20 23:59:59.000 to 2026-11-21 00:00:01.000 UTC',
  );
});

test('times that no calendar holds are passed through', () => {
  expect(clockText('+12.000000000s')).toBe('+12.000000000s');
  expect(secondsBetween('+12.000000000s', '2026-11-20T23:59:59.000000000Z')).toBeNull();
});

test('when: an instant, a stay that ended, a stay that did not', () => {
  const [a, b] = ['2026-11-20T08:33:00.000000000Z', '2026-11-20T08:33:02.500000000Z'];
  expect(whenText({ since: a, until: a }, b)).toBe('at 08:33:00.000');
  expect(whenText({ since: a, until: b }, b)).toBe('from 08:33:00.000 until 08:33:02.500 (2.5 s)');
  expect(whenText({ since: a, until: null }, b)).toBe('since 08:33:00.000, still so at the end of the capture (2.5 s)');
  expect(whenText({ since: null, until: null }, b)).toBeNull();
});

describe('what was said last', () => {
  const said: LastSaid = {
    which: 'last',
    connections: 16,
    inTransaction: 14,
    inTransactionProven: 12,
    groups: [
      { side: 'client', protocol: 'MySQL', text: 'SELECT ? FOR UPDATE', count: 14 },
      { side: 'client', protocol: 'none', text: 'nothing', count: 2 },
      { side: 'server', protocol: 'text', text: 'ok', count: 16 },
    ],
    lines: [],
  };

  test('is told by side, with its protocol, and open transactions last', () => {
    expect(saidTexts(said, 16)).toEqual([
      'client: 14 `SELECT ? FOR UPDATE` (MySQL), 2 nothing',
      'server: all 16: `ok`',
      '14 of 16 connections with an open transaction, as the server says of 12',
    ]);
  });

  test('of many connections, it says how many were looked at', () => {
    expect(saidTexts(said, 400)[0]).toBe('of the first 16 of 400 connections');
  });

  test('octets and what was cut off are not quoted', () => {
    expect(wordsText({ protocol: 'binary', text: '4 octets: 00 01 02 ff' })).toBe('4 octets: 00 01 02 ff');
    expect(wordsText({ protocol: 'text', text: 'a\u001b[2J' })).toBe('`a\\x1b[2J`');
  });
});
