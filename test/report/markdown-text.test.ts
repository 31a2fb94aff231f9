/** Text in Markdown. What a reader of Markdown makes of it is in test/support/markdown.ts; the examples are what attacks one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { code, fenced, markdownTable, prose } from '../../src/report/markdown-text.ts';
import { HOSTILE } from '../support/hostile.ts';
import { cellsOf, markdownComplaints, plainText } from '../support/markdown.ts';

test.each([
  ['a sentence stands as it is', '16 connections were refused, 57 a second (100 %).', '16 connections were refused, 57 a second (100 %).'],
  ['states, options and addresses are code', '10.0.0.1:80 is in CLOSE_WAIT.', '`10.0.0.1:80` is in `CLOSE_WAIT`.'],
  ['IPv6 is no emoji', 'from [2001:a:b::1]:443, since 09:13:02.407', 'from `[2001:a:b::1]:443`, since 09:13:02.407'],
  ['parentheses stay with what they belong to', '(see shutdown(SHUT_WR), then read())', '(see `shutdown(SHUT_WR)`, then `read()`)'],
  ['quotes stay outside', '"to avoid TIME_WAIT"),', '"to avoid `TIME_WAIT`"),'],
  ['what a sentence quotes is one span', 'all 16: `SELECT * FROM t` (MySQL)', 'all 16: `SELECT * FROM t` (MySQL)'],
  ['nobody is mentioned', 'ask @everyone about #12 or !3 at a@b.example', 'ask `@everyone` about `#12` or `!3` at `a@b.example`'],
  [
    'nothing becomes a link',
    'http://evil.example www.evil.example evil.example',
    '`http://evil.example` `www.evil.example` `evil.example`',
  ],
  ['nothing becomes an emoji', 'a:100:b', '`a:100:b`'],
  ['no word begins a list or a heading', '1. first', '`1.` first'],
  ['nor a rule', '--- x', '`---` x'],
  ['comparisons are entities', 'a < b & c > d | e', 'a &lt; b &amp; c &gt; d &#124; e'],
  ['markup is code', '<b>bold</b> [x](javascript:alert(1))', '`<b>bold</b>` `[x](javascript:alert(1))`'],
  ['spans that touch are kept apart', 'CLOSE_WAIT`x`', '`CLOSE_WAIT` `x`'],
  ['backticks are inside longer ones', 'a``b', '```a``b```'],
])('%s', (_what, text, markdown) => {
  expect(prose(text)).toBe(markdown);
});

test('a pipe is never inside a span, where readers of tables disagree on what ends a cell', () => {
  expect(code('a|b\\|c')).toBe('`a`&#124;`b\\`&#124;`c`');
});

test('any text at all is text, in a sentence, a span and the cell of a table', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme-ascii' }),
    fc.constantFrom(...Object.values(HOSTILE)),
  );
  const special = fc.string({ unit: fc.constantFrom(...Array.from('`|\\<>[]()!#*_~$@:&"\' \n-=+.ab1')) });
  fc.assert(
    fc.property(fc.oneof(hostile, special), (text) => {
      for (const markdown of [prose(text), code(text)]) {
        expect(markdownComplaints(`x ${markdown} y`)).toEqual([]);
        expect(cellsOf(`| ${markdown} | ${markdown} |`)).toHaveLength(2);
      }
      expect(markdownComplaints(prose(text))).toEqual([]);
    }),
    { numRuns: 2_000, seed: 8 },
  );
});

test('a span says what it was given', () => {
  const text = fc
    .string({ unit: fc.constantFrom(...Array.from('`|\\<>[]&*ab ')) })
    .filter((t) => t.trim() !== '' && !/^ | $| \||\| /.test(t));
  fc.assert(
    fc.property(text, (t) => {
      expect(plainText(code(t))).toBe(t);
    }),
    { numRuns: 2_000, seed: 8 },
  );
});

test('what is in a fence cannot end it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('`~\n ab')) }), (text) => {
      expect(markdownComplaints(fenced('sh', text) + 'and a paragraph\n')).toEqual([]);
      expect(fenced('sh', text).split('\n').slice(1, -3).join('\n')).toBe(text);
    }),
    { numRuns: 1_000, seed: 8 },
  );
});

test('a table without rows is nothing', () => {
  expect(markdownTable(['a'], [])).toBe('');
  expect(markdownTable([{ right: 'Frame' }, 'b'], [['1', '`x`']])).toBe('| Frame | b |\n| --: | --- |\n| 1 | `x` |\n\n');
});
