/** What typing into the last row does: a filter works as it is typed, a search moves along, a command waits for Enter. */
import { runLine, completeLine } from './command-line.ts';
import type { Command } from './keymap.ts';
import { heightOf, textLines, topView, type TuiState } from './navigation.ts';
import { clean } from './present/text.ts';
import { completed, edited, EDITS, type Prompt, promptFor, type Purpose, recalled, textOfPrompt, typed, withoutLast } from './prompt.ts';
import type { Store } from './store.ts';
import { writeNamed } from './writing.ts';
import { completeWhere, whereProblem, type WhereProblem } from './where-completion.ts';

export const PROMPT_ACTIONS: Readonly<Partial<Record<Command, (store: Store) => void>>> = {
  filter: (store) => open(store, 'filter', store.filter()),
  search: (store) => open(store, 'search'),
  'next-match': (store) => nextMatch(store, 1),
  'previous-match': (store) => nextMatch(store, -1),
  'command-line': (store) => open(store, 'command'),
  'go-to-time': (store) => open(store, 'command', 'time '),
  accept,
  cancel,
  complete: (store) => change(store, (prompt) => completed(prompt, 1), true),
  'complete-back': (store) => change(store, (prompt) => completed(prompt, -1), true),
  older: (store) => change(store, (prompt) => recalled(prompt, store.history(prompt.purpose), 1)),
  newer: (store) => change(store, (prompt) => recalled(prompt, store.history(prompt.purpose), -1)),
  ...Object.fromEntries(
    Object.entries(EDITS).map(([command, edit]) => [command, (store: Store) => change(store, (prompt) => edited(prompt, edit))]),
  ),
  erase,
};

/** On an empty line it leaves the line, as in vi. */
function erase(store: Store): void {
  const { prompt } = store.state();
  if (prompt !== null && textOfPrompt(prompt) === '') cancel(store);
  else change(store, (line) => edited(line, withoutLast));
}

export function typeInto(store: Store, text: string): void {
  change(store, (prompt) => typed(prompt, text));
}

export function open(store: Store, purpose: Purpose, text = ''): void {
  store.update({ prompt: withChoices(store.state(), promptFor(purpose, text)), help: null });
}

/** @param choosing the line comes from the choices, which stay */
function change(store: Store, how: (prompt: Prompt) => Prompt, choosing = false): void {
  const { prompt } = store.state();
  if (prompt === null) return;
  const next = how(prompt);
  store.update({ prompt: choosing ? next : withChoices(store.state(), next) });
  live(store, next);
}

function live(store: Store, prompt: Prompt): void {
  const text = textOfPrompt(prompt);
  if (prompt.purpose === 'filter') {
    if (filterProblem(store.state(), text) === null) store.setFilter(text.trim());
  } else if (prompt.purpose === 'search') {
    store.update({ search: text, found: null });
    nextMatch(store, 0);
  }
}

/** What is wrong with a filter that is being typed; null where any words will do. */
export function filterProblem(state: TuiState, text: string): WhereProblem | null {
  if (topView(state).kind !== 'connections') return null;
  return whereProblem(
    text,
    state.rules?.map(({ id }) => id),
  );
}

function withChoices(state: TuiState, prompt: Prompt): Prompt {
  const { from, choices } = choicesFor(state, prompt);
  return { ...prompt, from, choices, chosen: -1 };
}

function choicesFor(state: TuiState, { purpose, before }: Prompt): Pick<Prompt, 'from' | 'choices'> {
  const ids = state.snapshot.findings.map(({ id }) => id);
  if (purpose === 'filter' && topView(state).kind === 'connections') return completeWhere(before, ids);
  if (purpose === 'command') return completeLine(before, ids);
  return { from: before.length, choices: [] };
}

function accept(store: Store): void {
  const state = store.state();
  const { prompt } = state;
  if (prompt === null) return;
  const text = clean(textOfPrompt(prompt).trim());
  // A filter with a mistake stays on the line, with the mistake pointed at.
  if (prompt.purpose === 'filter' && filterProblem(state, text) !== null) return;
  store.remember(prompt.purpose, text);
  store.update({ prompt: null });
  if (prompt.purpose === 'command') runLine(store, text);
  if (prompt.purpose === 'search') nextMatch(store, 0);
  if (prompt.purpose === 'file') writeNamed(store, textOfPrompt(prompt).trim());
}

function cancel(store: Store): void {
  const { prompt } = store.state();
  store.update({ prompt: null });
  if (prompt?.purpose === 'filter') store.setFilter('');
  if (prompt?.purpose === 'search') store.update({ search: '' });
  if (prompt?.purpose === 'file') store.update({ writing: null });
}

/** To the next line of the text that has what was searched for, round the end; 0: also the one under the cursor. */
export function nextMatch(store: Store, direction: 1 | -1 | 0): void {
  const state = store.state();
  const view = topView(state);
  const lines = textLines(view, state);
  if (lines === null || lines.length === 0 || state.search === '') return;
  const wanted = state.search.toLowerCase();
  const step = direction < 0 ? -1 : 1;
  // A text cannot be moved beyond its last page, so the match may stand below the first row.
  const { found } = state;
  const from = direction !== 0 && found !== null && found >= view.top && found < view.top + heightOf(view, state) ? found : view.cursor;
  for (let n = direction === 0 ? 0 : 1; n <= lines.length; n++) {
    const at = (((from + step * n) % lines.length) + lines.length) % lines.length;
    if (!lines[at]!.toLowerCase().includes(wanted)) continue;
    store.update({ found: at });
    store.replace({ ...view, cursor: at });
    return;
  }
  store.say(`“${state.search}” is not in this text.`);
}
