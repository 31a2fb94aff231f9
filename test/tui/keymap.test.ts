import { expect, test } from 'vitest';
import { COMMANDS, commandFor, CONTEXTS, KEYMAP } from '../../src/tui/keymap.ts';

test('no key means two things on one screen', () => {
  for (const context of CONTEXTS) {
    const keys = KEYMAP.filter((row) => row.when.includes(context)).flatMap((row) => row.keys);
    expect(keys).toEqual([...new Set(keys)]);
  }
});

test('every command has a key', () => {
  expect(new Set(KEYMAP.map((row) => row.command))).toEqual(new Set(COMMANDS));
});

test('q and Ctrl-C leave from everywhere, but q is a letter while typing', () => {
  for (const context of CONTEXTS) {
    expect(commandFor('ctrl-c', context)).toBe('quit');
    expect(commandFor('q', context)).toBe(context === 'typing' ? undefined : context === 'menu' ? 'close-menu' : 'quit');
  }
});

test('Esc never leaves the program', () => {
  for (const context of CONTEXTS) expect(commandFor('escape', context)).not.toBe('quit');
});
