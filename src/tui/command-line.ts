/**
 * The commands behind `:`. One table: what is carried out, what Tab offers, what the help and docs/tui.md list.
 */
import { CONNECTION_SORTS } from '../engine/protocol.ts';
import { parseTimeArgument } from '../model/clock.ts';
import { didYouMean } from '../model/nearest.ts';
import { findingOfScreen, goToRow, openCapture, openLadder, openPacket } from './commands.ts';
import { openFollow } from './follow-view.ts';
import { topView } from './navigation.ts';
import { openPeers } from './peers-view.ts';
import { clean } from './present/text.ts';
import type { Choice } from './prompt.ts';
import type { Store } from './store.ts';
import { goToTime, openTime } from './time-view.ts';
import { completeWhere, whereProblem } from './where-completion.ts';
import { openWriteMenu } from './writing.ts';

export interface LineCommand {
  readonly name: string;
  /** As the help writes what follows the name. */
  readonly takes: string;
  readonly text: string;
  /** Words that may follow. */
  readonly words?: readonly string[];
  readonly run: (store: Store, rest: string) => void;
}

const SETTINGS: Readonly<Record<string, (store: Store, on: boolean) => void>> = {
  ascii: (store, ascii) => store.set({ ascii }),
  color: (store, color) => store.set({ color }),
  mouse: (store, mouse) => store.set({ mouse }),
};

export const LINE_COMMANDS: readonly LineCommand[] = [
  { name: 'connections', takes: '[EXPR]', text: 'the connections that match, or all', run: connections },
  {
    name: 'connection',
    takes: 'ID',
    text: 'one connection',
    run: (store, rest) => withNumber(store, rest, 'connection', (id) => openLadder(store, id, null, null)),
  },
  {
    name: 'frame',
    takes: 'N',
    text: 'one packet',
    run: (store, rest) => withNumber(store, rest, 'frame', (frame) => openPacket(store, frame)),
  },
  {
    name: 'follow',
    takes: 'ID',
    text: 'what the ends of a connection said',
    run: (store, rest) => withNumber(store, rest, 'connection', (id) => openFollow(store, id)),
  },
  { name: 'time', takes: 'TIME', text: 'all sockets at this moment: RFC 3339, epoch seconds, +SECONDS', run: time },
  { name: 'capture', takes: '', text: 'the capture itself, and what each rule concluded', run: openCapture },
  { name: 'filter', takes: '[WORDS]', text: 'filter the list on the screen', run: filter },
  { name: 'sort', takes: 'COLUMN', text: 'sort the connections', words: CONNECTION_SORTS, run: sort },
  {
    name: 'set',
    takes: '[no]NAME',
    text: 'switch something on or off',
    words: Object.keys(SETTINGS).flatMap((name) => [name, `no${name}`]),
    run: set,
  },
  { name: 'note', takes: 'TEXT', text: 'mark the finding, with a note for the report', run: note },
  { name: 'help', takes: '', text: 'the keys of this screen', run: (store) => store.update({ help: 0 }) },
  { name: 'hosts', takes: '[WORDS]', text: 'who talks to whom', run: hosts },
  { name: 'write', takes: '', text: 'write the evidence, the view or what is marked', run: openWriteMenu },
  { name: 'quit', takes: '', text: 'leave tcpdiag', run: (store) => store.effects.quit() },
];

/** As in vi, whatever else begins like them. */
const SHORT: ReadonlySet<string> = new Set(['q', 'h', 'w']);

/** A number alone goes to the row; a name may be cut short where it stays clear. */
export function runLine(store: Store, line: string): void {
  if (line === '') return;
  if (/^\d+$/.test(line)) {
    goToRow(store, Number(line));
    return;
  }
  const [name, rest = ''] = parted(line);
  const known = LINE_COMMANDS.find((command) => command.name === name);
  const begun = LINE_COMMANDS.filter((command) => command.name.startsWith(name));
  const command = known ?? (begun.length === 1 || SHORT.has(name) ? begun[0] : undefined);
  if (command) command.run(store, rest);
  else if (begun.length > 1) store.say(`:${clean(name)} may be ${begun.map((other) => other.name).join(' or ')}.`);
  else
    store.say(
      `There is no command “${clean(name)}”${didYouMean(
        name,
        LINE_COMMANDS.map((other) => other.name),
      )}.`,
    );
}

export function completeLine(before: string, findings: readonly string[]): { from: number; choices: readonly Choice[] } {
  const [name, rest] = parted(before);
  if (rest === undefined) {
    const choices = LINE_COMMANDS.filter((command) => command.name.startsWith(before)).map((command) => ({
      text: command.takes === '' ? command.name : `${command.name} `,
      about: `${command.takes === '' ? '' : `${command.takes}: `}${command.text}`,
    }));
    return { from: 0, choices };
  }
  const from = before.length - rest.length;
  if (name === 'connections') {
    const inner = completeWhere(rest, findings);
    return { from: from + inner.from, choices: inner.choices };
  }
  const words = LINE_COMMANDS.find((command) => command.name === name)?.words ?? [];
  return { from, choices: words.filter((word) => word.startsWith(rest) && word !== rest).map((text) => ({ text, about: '' })) };
}

/** `[name]`, or `[name, what follows]`. */
function parted(line: string): [string, string?] {
  const at = line.indexOf(' ');
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at + 1).trimStart()];
}

function withNumber(store: Store, rest: string, what: string, then: (n: number) => void): void {
  if (/^#?\d+$/.test(rest)) then(Number(rest.replace('#', '')));
  else store.say(`Which ${what}? A number must follow.`);
}

function connections(store: Store, rest: string): void {
  const problem = whereProblem(
    rest,
    store.state().rules?.map(({ id }) => id),
  );
  if (problem) store.say(problem.problem);
  else store.pushConnections(null, rest);
}

function time(store: Store, rest: string): void {
  const view = topView(store.state());
  if (rest !== '' && parseTimeArgument(rest) === undefined)
    store.say('A time is 2026-11-20T08:33:00Z, seconds since 1970, or +SECONDS since the first packet.');
  else if (view.kind === 'time' && rest !== '') goToTime(store, view, rest);
  else openTime(store, rest === '' ? null : rest, null);
}

function hosts(store: Store, rest: string): void {
  openPeers(store);
  store.setFilter(rest);
}

function filter(store: Store, rest: string): void {
  const state = store.state();
  const problem = topView(state).kind === 'connections' ? whereProblem(rest, undefined) : null;
  if (problem) store.say(problem.problem);
  else store.setFilter(rest);
}

function sort(store: Store, rest: string): void {
  const view = topView(store.state());
  const column = CONNECTION_SORTS.find((name) => name === rest);
  if (view.kind !== 'connections') store.say('Only connections are sorted.');
  else if (column === undefined) store.say(`There are ${CONNECTION_SORTS.join(', ')}.`);
  else store.requery({ ...view, sort: column, descending: false });
}

function set(store: Store, rest: string): void {
  const off = rest.startsWith('no');
  const setting = SETTINGS[off ? rest.slice(2) : rest];
  if (setting) setting(store, !off);
  else store.say(`There are ${Object.keys(SETTINGS).join(', ')}, and no before each.`);
}

function note(store: Store, rest: string): void {
  const finding = findingOfScreen(store);
  if (finding === undefined) {
    store.say('A note belongs to a finding; there is none here.');
    return;
  }
  store.update({ marks: new Map(store.state().marks).set(finding.id, rest) });
  store.say('Noted for the report.');
}
