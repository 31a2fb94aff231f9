/** No text from a packet or a file name may steer a terminal, hide itself or turn the line round. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sanitise, shellWord } from '../../src/model/sanitise.ts';
import { HOSTILE, UNPRINTABLE } from '../support/hostile.ts';

test.each([
  ['a colour and a bell', '\u001b[31mred\u0007', '\\x1b[31mred\\x07'],
  ['a C1 control, which some terminals obey like ESC [', '\u009b2J', '\\x9b2J'],
  ['a line break', 'one\r\ntwo', 'one\\x0d\\x0atwo'],
  ['DEL', 'a\u007f', 'a\\x7f'],
  ['a reversal of the line (CVE-2021-42574)', 'gpj.\u202eexe', 'gpj.\\u{202e}exe'],
  ['a zero-width space', 'pay\u200bpal', 'pay\\u{200b}pal'],
  ['a soft hyphen', 'pay\u00adpal', 'pay\\xadpal'],
  ['a variation selector', 'a\ufe0f', 'a\\u{fe0f}'],
  ['a Hangul filler', 'a\u3164', 'a\\u{3164}'],
  ['a tag, invisible and beyond the BMP', 'a\u{e0041}', 'a\\u{e0041}'],
  ['half a surrogate pair', '\ud800x', '\\u{d800}x'],
])('%s is shown as an escape', (_name, text, shown) => {
  expect(sanitise(text)).toBe(shown);
});

test.each(['fixtures/incident.pcap', 'Zürich', '日本', '🚀', 'é', 'naïve – “quoted” …'])('%s stays as it is', (text) => {
  expect(sanitise(text)).toBe(text);
});

test('what is too long is cut, and says so', () => {
  expect(sanitise('abcdef', 3)).toBe('abc…');
});

test('each of the first 256 characters, alone and in the middle', () => {
  for (let code = 0; code < 256; code++) {
    const c = String.fromCharCode(code);
    const printable = (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code !== 0xad);
    const shown = printable ? c : `\\x${code.toString(16).padStart(2, '0')}`;
    expect([sanitise(c), sanitise(`a${c}b`)]).toEqual([shown, `a${shown}b`]);
  }
});

test.each(Object.entries(HOSTILE))('what attacks %s is printable', (_what, text) => {
  expect(sanitise(text)).not.toMatch(/\n/);
  expect(sanitise(text)).not.toMatch(UNPRINTABLE);
});

test('whatever the text and wherever it is cut, what comes out is printable, and safe a second time', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((c) => String.fromCharCode(...c)),
  );
  fc.assert(
    fc.property(anything, fc.integer({ min: 0, max: 40 }), (text, limit) => {
      const shown = sanitise(text, limit);
      expect(shown).not.toMatch(UNPRINTABLE);
      expect(shown).not.toContain('\n');
      expect(sanitise(shown)).toBe(shown);
    }),
    { numRuns: 2_000, seed: 6 },
  );
});

describe('a name as a word of a command', () => {
  test.each([
    ['capture.pcap', 'capture.pcap'],
    ['a b.pcap', "'a b.pcap'"],
    ["it's", String.raw`'it'\''s'`],
    ['$(id);x', "'$(id);x'"],
    ['-rf', './-rf'],
    ['~root', "'~root'"],
    ['', "''"],
    ['-', 'FILE'],
    ['a\u001b[31m', 'FILE'],
    ['x'.repeat(2_000), 'FILE'],
  ])('%j', (name, word) => expect(shellWord(name)).toBe(word));

  test('a shell takes it for that name, whatever is in it', () => {
    const any = fc.sample(fc.string({ unit: 'grapheme', maxLength: 40 }), { numRuns: 500, seed: 6 });
    const shell = fc.sample(fc.string({ unit: fc.constantFrom(...Array.from('$`"\\\'!;|&<>(){}[]*?~# =-a')), maxLength: 12 }), {
      numRuns: 500,
      seed: 6,
    });
    const names = [...Object.values(HOSTILE), ...any, ...shell];
    const script = `printf '%s\\0' ${names.map(shellWord).join(' ')}`;
    const words = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
    expect(words).toEqual(names.map((name) => (shellWord(name) === 'FILE' ? 'FILE' : name.startsWith('-') ? `./${name}` : name)));
  });
});
