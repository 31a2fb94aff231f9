import { expect, test } from 'vitest';
import { commandFor, KEYMAP, rebound } from '../../src/tui/keymap.ts';

test('without changes the table is as it is', () => expect(rebound({})).toEqual(KEYMAP));

test('a command gets other keys instead of its own', () => {
  const table = rebound({ down: ['ctrl-n', 'space'], 'page-down': ['pagedown'] });
  expect(commandFor('ctrl-n', 'connections', table)).toBe('down');
  expect(commandFor(' ', 'connections', table)).toBe('down');
  expect(commandFor('j', 'connections', table)).toBeUndefined();
});

test('Ctrl-C leaves whatever is done to the table', () => {
  expect(commandFor('ctrl-c', 'ladder', rebound({ quit: ['Q'] }))).toBe('quit');
});

test.each([
  [{ dwon: ['j'] }, 'there is no command "dwon"; did you mean "down"?'],
  [{ down: ['pagedwn'] }, 'there is no key "pagedwn"; did you mean "pagedown"?'],
  [{ copy: ['f'] }, 'on the screen "connections" f would mean both follow and copy.'],
])('what cannot be is said', (changes, sentence) => {
  expect(() => rebound(changes as Record<string, readonly string[]>)).toThrow(sentence);
});
