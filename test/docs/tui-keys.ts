/** The section of docs/tui.md that is made from the key table and the table of `:` commands. */
import { LINE_COMMANDS } from '../../src/tui/command-line.ts';
import { type Context, CONTEXTS, KEYMAP, keyCap } from '../../src/tui/keymap.ts';

const BEGIN = '<!-- keys -->\n';
const END = '<!-- /keys -->';

/** Lines and menus have tables of their own: their keys mean nothing elsewhere. */
const MODES: readonly (readonly [Context, string])[] = [
  ['typing', 'While typing'],
  ['menu', 'In a menu'],
];
const SCREENS = CONTEXTS.filter((context) => !MODES.some(([mode]) => mode === context));

/** The page with this section as the program is now. */
export function withKeys(page: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/tui.md lacks ${BEGIN.trim()} or ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n${section()}\n${page.slice(to)}`;
}

function section(): string {
  const rows = KEYMAP.filter((row) => row.when.some((context) => SCREENS.includes(context)));
  const general = rows.map(({ keys, label, when, command }) => `| ${caps(keys)} | ${label} | ${places(when)} | \`${command}\` |`);
  const modes = MODES.map(([mode, title]) => {
    const lines = KEYMAP.filter((row) => row.when.includes(mode)).map(({ keys, label }) => `| ${caps(keys)} | ${label} |`);
    return `### ${title}\n\n| keys | what they do |\n| --- | --- |\n${lines.join('\n')}\n`;
  });
  const commands = LINE_COMMANDS.map(({ name, takes, text, words }) => {
    const list = words === undefined ? '' : `: ${words.map((word) => `\`${word}\``).join(', ')}`;
    return `| \`:${name}${takes === '' ? '' : ` ${takes}`}\` | ${text}${list} |`;
  });
  return [
    `### On the screens\n\n| keys | what they do | where | command |\n| --- | --- | --- | --- |\n${general.join('\n')}\n`,
    ...modes,
    `### Commands\n\nA number alone goes to that row. Names may be cut short where they stay clear.\n\n| command | what it does |\n| --- | --- |\n${commands.join('\n')}\n`,
  ].join('\n');
}

const caps = (keys: readonly string[]): string => keys.map((key) => `\`${keyCap(key)}\``).join(' ');

function places(when: readonly Context[]): string {
  const screens = SCREENS.filter((context) => when.includes(context));
  const missing = SCREENS.filter((context) => !when.includes(context));
  if (missing.length === 0) return 'everywhere';
  return missing.length <= 2 ? `everywhere but ${missing.join(' and ')}` : screens.join(', ');
}
