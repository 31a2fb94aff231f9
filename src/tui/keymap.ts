/**
 * The one table of keys. Dispatch, the help screen, the hints in the last line and docs/tui.md are all made from it, so that
 * none of them can lie about another.
 */
import { UsageError } from '../model/errors.ts';
import { didYouMean } from '../model/nearest.ts';
import { sanitise } from '../model/sanitise.ts';

/** Where a key counts: the screen on top, or a mode that lies over it. */
export const CONTEXTS = [
  'findings',
  'finding',
  'connections',
  'ladder',
  'packet',
  'explain',
  'time',
  'capture',
  'follow',
  'peers',
  'help',
  'menu',
  'typing',
] as const;
export type Context = (typeof CONTEXTS)[number];

export const COMMANDS = [
  'down',
  'up',
  'page-down',
  'page-up',
  'half-down',
  'half-up',
  'first',
  'last',
  'open',
  'back',
  'details',
  'connections',
  'evidence',
  'pane-down',
  'pane-up',
  'explain',
  'filter',
  'clear-filter',
  'sort',
  'reverse',
  'fold',
  'fold-all',
  'next-frame',
  'previous-frame',
  'capture',
  'peers',
  'next-group',
  'previous-group',
  'time-machine',
  'earlier',
  'later',
  'much-earlier',
  'much-later',
  'go-to-time',
  'capture-start',
  'capture-end',
  'previous-change',
  'next-change',
  'previous-own-change',
  'next-own-change',
  'previous-finding',
  'next-finding',
  'previous-host',
  'next-host',
  'help',
  'close-help',
  'redraw',
  'suspend',
  'quit',
  'follow',
  'toggle-hex',
  'next-speaker',
  'further',
  'less-far',
  'write',
  'search',
  'next-mark',
  'previous-mark',
  'next-match',
  'previous-match',
  'command-line',
  'copy',
  'mark',
  'freeze',
  'choose',
  'close-menu',
  'accept',
  'cancel',
  'complete',
  'complete-back',
  'older',
  'newer',
  'cursor-left',
  'cursor-right',
  'line-start',
  'line-end',
  'erase',
  'erase-ahead',
  'erase-word',
  'erase-all',
] as const;
export type Command = (typeof COMMANDS)[number];

export interface KeyRow {
  readonly keys: readonly string[];
  readonly command: Command;
  /** For the help screen and the documentation. */
  readonly label: string;
  /** For the last line, which has room for those that come first in the table; without it the key is not advertised there. */
  readonly hint?: string;
  readonly when: readonly Context[];
}

/** What lies over a screen. */
const MODES: readonly Context[] = ['help', 'menu', 'typing'];
const SCREENS: readonly Context[] = CONTEXTS.filter((context) => !MODES.includes(context));
const LISTS: readonly Context[] = [...SCREENS, 'help'];
/** Screens from which `back` leads, and where ← has no other meaning. */
const BELOW: readonly Context[] = SCREENS.filter((context) => context !== 'findings' && context !== 'time');
/** Screens that are read and not chosen from. */
const TEXTS: readonly Context[] = ['finding', 'explain', 'capture', 'follow'];

export const KEYMAP: readonly KeyRow[] = [
  {
    keys: ['enter', 'l', 'right'],
    command: 'open',
    label: 'open what the cursor is on',
    hint: 'open',
    when: ['findings', 'finding', 'connections', 'ladder', 'peers'],
  },
  { keys: ['escape', 'h', 'left', 'backspace'], command: 'back', label: 'go back one level', hint: 'back', when: BELOW },
  { keys: ['enter'], command: 'open', label: 'open the connection of the socket, at this moment', hint: 'open', when: ['time'] },
  { keys: ['escape', 'backspace'], command: 'back', label: 'go back one level', hint: 'back', when: ['time'] },
  { keys: ['left', 'h'], command: 'earlier', label: 'a column of the chart earlier', hint: 'earlier', when: ['time'] },
  { keys: ['right', 'l'], command: 'later', label: 'a column later', hint: 'later', when: ['time'] },
  { keys: ['H'], command: 'much-earlier', label: 'ten columns earlier', when: ['time'] },
  { keys: ['L'], command: 'much-later', label: 'ten columns later', when: ['time'] },
  { keys: [']'], command: 'next-change', label: 'to the next change of any state', hint: 'next change', when: ['time'] },
  { keys: ['['], command: 'previous-change', label: 'to the change before', when: ['time'] },
  { keys: ['}'], command: 'next-own-change', label: 'to the next change of the connection under the cursor', when: ['time'] },
  { keys: ['{'], command: 'previous-own-change', label: 'to its change before', when: ['time'] },
  { keys: ['.'], command: 'next-finding', label: 'to where the next finding begins or ends', hint: 'next finding', when: ['time'] },
  { keys: [','], command: 'previous-finding', label: 'to where one before began or ended', when: ['time'] },
  { keys: ['tab'], command: 'next-host', label: 'the sockets of the next host alone', hint: 'host', when: ['time'] },
  { keys: ['shift-tab'], command: 'previous-host', label: 'of the one before', when: ['time'] },
  { keys: ['@'], command: 'go-to-time', label: 'type a time: RFC 3339, seconds since 1970, or +SECONDS', hint: 'time', when: ['time'] },
  { keys: ['^'], command: 'capture-start', label: 'to the beginning of the capture', when: ['time'] },
  { keys: ['$'], command: 'capture-end', label: 'to its end', when: ['time'] },
  { keys: ['escape'], command: 'clear-filter', label: 'clear the filter', when: ['findings'] },
  { keys: ['d'], command: 'details', label: 'everything about the finding', hint: 'details', when: ['findings'] },
  {
    keys: ['e'],
    command: 'evidence',
    label: 'go to the proving frame (of the line under the cursor, or the first)',
    hint: 'evidence',
    when: ['findings', 'finding'],
  },
  { keys: ['c'], command: 'connections', label: 'all connections of the capture', hint: 'connections', when: ['findings'] },
  {
    keys: ['t'],
    command: 'time-machine',
    label: 'the time machine: all sockets at the moment of what the cursor is on',
    hint: 'time',
    when: ['findings', 'finding', 'connections', 'ladder'],
  },
  {
    keys: ['/'],
    command: 'filter',
    label: 'filter (connections: the language of --where, elsewhere words of the row)',
    hint: 'filter',
    when: ['findings', 'connections', 'ladder', 'peers'],
  },
  { keys: ['f'], command: 'follow', label: 'what both ends said', hint: 'follow', when: ['connections', 'ladder'] },
  { keys: ['s'], command: 'sort', label: 'sort by the next column', hint: 'sort', when: ['connections', 'peers'] },
  { keys: ['S'], command: 'reverse', label: 'reverse the order', hint: 'reverse', when: ['connections', 'peers'] },
  { keys: ['o'], command: 'explain', label: 'explain the rule behind it', hint: 'explain', when: ['findings', 'finding', 'connections'] },
  {
    keys: ['i'],
    command: 'capture',
    label: 'the capture itself: files, where it was taken, caveats, what each rule concluded',
    hint: 'capture',
    when: ['findings'],
  },
  { keys: ['v'], command: 'peers', label: 'hosts and services: who talks to whom', hint: 'hosts', when: ['findings', 'connections'] },
  { keys: ['tab'], command: 'next-group', label: 'clients and services, services, hosts', hint: 'grouping', when: ['peers'] },
  { keys: ['shift-tab'], command: 'previous-group', label: 'the grouping before', when: ['peers'] },
  { keys: ['enter'], command: 'fold', label: 'close the layer under the cursor, or open it', hint: 'close layer', when: ['packet'] },
  { keys: ['z'], command: 'fold-all', label: 'close all layers, or open them', when: ['packet'] },
  { keys: ['n'], command: 'next-frame', label: 'next segment of the connection', hint: 'next', when: ['packet'] },
  { keys: ['p'], command: 'previous-frame', label: 'previous segment of the connection', hint: 'previous', when: ['packet'] },
  { keys: ['/'], command: 'search', label: 'search in the text', hint: 'search', when: TEXTS },
  { keys: ['n'], command: 'next-match', label: 'next match of the search', when: TEXTS },
  { keys: ['N'], command: 'previous-match', label: 'the match before', when: TEXTS },
  { keys: ['n'], command: 'next-mark', label: 'next segment with a mark (★ ↻ ✗)', hint: 'next mark', when: ['ladder'] },
  { keys: ['N'], command: 'previous-mark', label: 'the one before', when: ['ladder'] },
  { keys: ['y'], command: 'copy', label: 'copy: filters, addresses, commands, the view as Markdown', hint: 'copy', when: SCREENS },
  { keys: ['enter'], command: 'open', label: 'the packet with which the turn began', hint: 'packet', when: ['follow'] },
  { keys: ['x'], command: 'toggle-hex', label: 'text or octets', hint: 'hex', when: ['follow'] },
  { keys: ['tab'], command: 'next-speaker', label: 'both directions, the client alone, the server alone', hint: 'who', when: ['follow'] },
  { keys: [']'], command: 'further', label: 'the next octets of a long conversation', when: ['follow'] },
  { keys: ['['], command: 'less-far', label: 'the octets before', when: ['follow'] },
  { keys: ['w'], command: 'write', label: 'write the evidence as a capture, or the view as Markdown', hint: 'write', when: SCREENS },
  { keys: ['m'], command: 'mark', label: 'mark the finding for the report, or take the mark away', when: ['findings', 'finding'] },
  { keys: ['F'], command: 'freeze', label: 'freeze the screen while packets come, and let it go on', when: SCREENS },
  { keys: [':'], command: 'command-line', label: 'a command by its name; Tab completes it', when: SCREENS },
  { keys: ['j', 'down', 'wheeldown'], command: 'down', label: 'down', when: LISTS },
  { keys: ['k', 'up', 'wheelup'], command: 'up', label: 'up', when: LISTS },
  { keys: ['pagedown', ' '], command: 'page-down', label: 'a page down', when: LISTS },
  { keys: ['pageup'], command: 'page-up', label: 'a page up', when: LISTS },
  { keys: ['ctrl-d'], command: 'half-down', label: 'half a page down', when: LISTS },
  { keys: ['ctrl-u'], command: 'half-up', label: 'half a page up', when: LISTS },
  { keys: ['g', 'home'], command: 'first', label: 'to the first row', when: LISTS },
  { keys: ['G', 'end'], command: 'last', label: 'to the last row', when: LISTS },
  { keys: ['J'], command: 'pane-down', label: 'scroll the details beside or below the list', when: ['findings'] },
  { keys: ['K'], command: 'pane-up', label: 'scroll them back', when: ['findings'] },
  { keys: ['?'], command: 'help', label: 'this help', hint: 'help', when: SCREENS },
  {
    keys: ['escape', '?', 'h', 'left', 'backspace', 'enter'],
    command: 'close-help',
    label: 'close the help',
    hint: 'close',
    when: ['help'],
  },
  { keys: ['ctrl-l'], command: 'redraw', label: 'draw the screen again', when: LISTS },
  { keys: ['ctrl-z'], command: 'suspend', label: 'suspend; the shell command fg returns', when: [...LISTS, 'menu', 'typing'] },
  { keys: ['q'], command: 'quit', label: 'leave tcpdiag', hint: 'quit', when: LISTS },
  { keys: ['ctrl-c'], command: 'quit', label: 'leave tcpdiag', when: [...LISTS, 'menu', 'typing'] },
  { keys: ['enter'], command: 'choose', label: 'do what the cursor is on (or press the letter before it)', hint: 'choose', when: ['menu'] },
  { keys: ['escape', 'left', 'backspace', 'q'], command: 'close-menu', label: 'close the menu', hint: 'close', when: ['menu'] },
  { keys: ['down', 'tab'], command: 'down', label: 'down', when: ['menu'] },
  { keys: ['up', 'shift-tab'], command: 'up', label: 'up', when: ['menu'] },
  { keys: ['enter'], command: 'accept', label: 'keep what was typed', hint: 'keep', when: ['typing'] },
  { keys: ['escape'], command: 'cancel', label: 'leave the line; clears a filter', hint: 'clear', when: ['typing'] },
  { keys: ['tab'], command: 'complete', label: 'the next word that fits here', when: ['typing'] },
  { keys: ['shift-tab'], command: 'complete-back', label: 'the one before', when: ['typing'] },
  { keys: ['up', 'ctrl-p'], command: 'older', label: 'the line typed before that begins like this one', when: ['typing'] },
  { keys: ['down', 'ctrl-n'], command: 'newer', label: 'the one after it', when: ['typing'] },
  { keys: ['left', 'ctrl-b'], command: 'cursor-left', label: 'left', when: ['typing'] },
  { keys: ['right', 'ctrl-f'], command: 'cursor-right', label: 'right', when: ['typing'] },
  { keys: ['home', 'ctrl-a'], command: 'line-start', label: 'to the beginning', when: ['typing'] },
  { keys: ['end', 'ctrl-e'], command: 'line-end', label: 'to the end', when: ['typing'] },
  { keys: ['backspace'], command: 'erase', label: 'erase the character before the cursor', when: ['typing'] },
  { keys: ['delete'], command: 'erase-ahead', label: 'erase the character behind it', when: ['typing'] },
  { keys: ['ctrl-w'], command: 'erase-word', label: 'erase the word before it', when: ['typing'] },
  { keys: ['ctrl-u'], command: 'erase-all', label: 'erase everything before it', when: ['typing'] },
];

export const commandFor = (name: string, context: Context, keymap: readonly KeyRow[] = KEYMAP): Command | undefined =>
  keymap.find((row) => row.when.includes(context) && row.keys.includes(name))?.command;

/** Keys that have a name; all others are the character that they type, or `ctrl-` and a letter. */
const NAMED: ReadonlySet<string> = new Set([
  ...['enter', 'escape', 'tab', 'shift-tab', 'backspace', 'delete', 'home', 'end', 'pageup', 'pagedown'],
  ...['up', 'down', 'left', 'right', 'wheelup', 'wheeldown', 'space'],
]);

/**
 * The table with other keys for some commands. What a command has on further screens or in a line stays, so that Ctrl-C always leaves.
 *
 * @throws UsageError for a command or a key that does not exist, and where a key would mean two things
 */
export function rebound(changes: Readonly<Record<string, readonly string[]>>): readonly KeyRow[] {
  const table = [...KEYMAP];
  for (const [name, keys] of Object.entries(changes)) {
    const at = table.findIndex((row) => row.command === name);
    if (at < 0) throw new UsageError(`tui.keys: there is no command "${sanitise(name, 100)}"${didYouMean(name, COMMANDS)}.`);
    const wrong = keys.find((key) => !NAMED.has(key) && !/^ctrl-[a-z]$/.test(key) && Array.from(key).length !== 1);
    if (wrong !== undefined) throw new UsageError(`tui.keys: there is no key "${sanitise(wrong, 100)}"${didYouMean(wrong, NAMED)}.`);
    table[at] = { ...table[at]!, keys: keys.map((key) => (key === 'space' ? ' ' : key)) };
  }
  for (const context of CONTEXTS) {
    const commands = new Map<string, Command>();
    for (const { keys, command } of table.filter((row) => row.when.includes(context)))
      for (const key of keys) {
        const other = commands.get(key);
        if (other !== undefined)
          throw new UsageError(`tui.keys: on the screen "${context}" ${keyCap(key)} would mean both ${other} and ${command}.`);
        commands.set(key, command);
      }
  }
  return table;
}

const CAPS: Readonly<Record<string, string>> = {
  enter: 'Enter',
  escape: 'Esc',
  left: '←',
  right: '→',
  up: '↑',
  down: '↓',
  backspace: 'Backspace',
  delete: 'Delete',
  pagedown: 'PgDn',
  pageup: 'PgUp',
  home: 'Home',
  end: 'End',
  wheelup: 'wheel up',
  wheeldown: 'wheel down',
  tab: 'Tab',
  'shift-tab': 'Shift-Tab',
  ' ': 'Space',
};

/** A key as it is printed on the keyboard: `Enter`, `Ctrl-D`, `j`. */
export function keyCap(name: string): string {
  if (name.startsWith('ctrl-')) return `Ctrl-${name.slice(5).toUpperCase()}`;
  return CAPS[name] ?? name;
}
