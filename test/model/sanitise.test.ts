/** No text from a packet or a file name may steer a terminal, hide itself or turn the line round. */
import { expect, test } from 'vitest';
import { sanitise } from '../../src/model/sanitise.ts';

test.each([
  ['a colour and a bell', '\u001b[31mred\u0007', '\\x1b[31mred\\x07'],
  ['a C1 control, which some terminals obey like ESC [', '\u009b2J', '\\x9b2J'],
  ['a line break', 'one\r\ntwo', 'one\\x0d\\x0atwo'],
  ['DEL', 'a\u007f', 'a\\x7f'],
  ['a reversal of the line (CVE-2021-42574)', 'gpj.\u202eexe', 'gpj.\\u{202e}exe'],
  ['a zero-width space', 'pay\u200bpal', 'pay\\u{200b}pal'],
  ['half a surrogate pair', '\ud800x', '\\u{d800}x'],
])('%s is shown as an escape', (_name, text, shown) => {
  expect(sanitise(text)).toBe(shown);
});

test.each(['fixtures/incident.pcap', 'Zürich', '日本', '🚀'])('%s stays as it is', (text) => {
  expect(sanitise(text)).toBe(text);
});

test('what is too long is cut, and says so', () => {
  expect(sanitise('abcdef', 3)).toBe('abc…');
});
