import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMANDS, commandFor, type Context, CONTEXTS, KEYMAP, keyCap } from '../../src/tui/keymap.ts';

const NAMES: Readonly<Record<Context, string>> = {
  findings: 'Findings',
  finding: 'One finding',
  connections: 'Connections',
  ladder: 'One connection (ladder)',
  packet: 'One packet',
  explain: 'The explanation of a rule',
  time: 'The time machine',
  capture: 'The capture itself',
  help: 'Help',
  typing: 'While typing a filter',
};

function table(context: Context): string {
  const rows = KEYMAP.filter((row) => row.when.includes(context));
  const lines = rows.map((row) => `| ${row.keys.map((key) => `\`${keyCap(key)}\``).join(' ')} | ${row.label} |`);
  return `### ${NAMES[context]}\n\n| keys | what they do |\n| --- | --- |\n${lines.join('\n')}\n`;
}

test('docs/tui.md lists the keys of the table', () => {
  const documented = /<!-- keys -->\n(.*)<!-- \/keys -->/s.exec(readFileSync(new URL('../../docs/tui.md', import.meta.url), 'utf8'))?.[1];
  // When the table changes, this is the text to put between the two marks.
  expect(documented).toBe(`\n${CONTEXTS.map(table).join('\n')}\n`);
});

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
    expect(commandFor('q', context)).toBe(context === 'typing' ? undefined : 'quit');
  }
});

test('Esc never leaves the program', () => {
  for (const context of CONTEXTS) expect(commandFor('escape', context)).not.toBe('quit');
});
