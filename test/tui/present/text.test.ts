import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clean, cut, fit, widthOf, wrap } from '../../../src/tui/present/text.ts';

describe('width on a terminal', () => {
  test.each([
    ['10.0.0.1:80', 11],
    ['äöü', 3],
    ['日本', 4],
    ['한국', 4],
    ['ﾊﾝｶｸ', 4],
    ['😀', 2],
    ['→ ● ▲ ✖ ◆ ▸ ★ ┃ ─ … ×', 21],
  ])('%s takes %i cells', (text, cells) => expect(widthOf(clean(text))).toBe(cells));
});

describe('what terminals draw differently is made visible instead', () => {
  test.each([
    ['a family of joined emoji', '👩‍👩‍👧', '👩\\u{200d}👩\\u{200d}👧'],
    ['a skin tone', '👍🏽', '👍\\u{1f3fd}'],
    ['a flag', '🇩🇪', '\\u{1f1e9}\\u{1f1ea}'],
    ['a combining mark that has no composed form', 'q̈', 'q\\u{308}'],
    ['one that has', 'u\u0308', 'ü'],
    ['an escape sequence', '\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['a reversed name', 'cap\u202egnp.pcap', 'cap\\u{202e}gnp.pcap'],
  ])('%s', (_name, from, to) => expect(clean(from)).toBe(to));
});

test('cutting keeps the end of an endpoint and the beginning of a sentence', () => {
  expect(cut('192.168.100.200:54321', 12, 'start')).toBe('…0.200:54321');
  expect(cut('connections stuck', 8)).toBe('connect…');
  expect(fit('日本語', 4)).toBe('日… ');
});

test('any text fits exactly', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 40 }), (text, width) => {
      expect(widthOf(fit(text, width))).toBe(width);
      expect(widthOf(fit(text, width, 'right', 'start'))).toBe(width);
      for (const line of wrap(text, Math.max(2, width))) expect(widthOf(line)).toBeLessThanOrEqual(Math.max(2, width));
    }),
  );
});

test('wrapping breaks at spaces, and breaks a word only when it must', () => {
  expect(wrap('its application never calls close()', 16)).toEqual(['its application', 'never calls', 'close()']);
  expect(wrap('tcp.port==3306&&ip.addr==10.0.0.1', 12)).toEqual(['tcp.port==33', '06&&ip.addr=', '=10.0.0.1']);
});
