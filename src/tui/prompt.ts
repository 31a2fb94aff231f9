/** A line that is typed into: its text, the cursor in it, what was typed before, and what Tab makes of it. Pure. */

/** What the line is for. */
export const PURPOSES = ['filter', 'search', 'command', 'file'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** One way to go on with the word under the cursor. */
export interface Choice {
  /** In place of the word. */
  readonly text: string;
  readonly about: string;
}

export interface Prompt {
  readonly purpose: Purpose;
  readonly before: string;
  /** Behind the cursor. */
  readonly after: string;
  /** Where in `before` the word begins that the choices replace. */
  readonly from: number;
  readonly choices: readonly Choice[];
  /** -1: none of them was taken yet. */
  readonly chosen: number;
  /** How far back in the history; 0: a line of its own. */
  readonly back: number;
  /** What was typed before one went back in the history. */
  readonly draft: string;
}

/** A line longer than this is a paste gone wrong, characters. */
const LIMIT = 1_000;
/** Lines kept of each purpose. */
export const HISTORY_LIMIT = 100;

export const textOfPrompt = (prompt: Prompt): string => prompt.before + prompt.after;

export const promptFor = (purpose: Purpose, text = ''): Prompt => ({
  purpose,
  before: text,
  after: '',
  from: text.length,
  choices: [],
  chosen: -1,
  back: 0,
  draft: '',
});

type Edit = (prompt: Prompt) => Pick<Prompt, 'before' | 'after'>;

const characters = (text: string): string[] => Array.from(text);
const butLast = (text: string): string => characters(text).slice(0, -1).join('');

/** Erases the character before the cursor. */
export const withoutLast: Edit = ({ before, after }) => ({ before: butLast(before), after });
const WORD_BEHIND = /\S*\s*$/;

/** What editing keys do. */
export const EDITS: Readonly<Record<string, Edit>> = {
  erase: withoutLast,
  'erase-ahead': ({ before, after }) => ({ before, after: characters(after).slice(1).join('') }),
  'erase-word': ({ before, after }) => ({ before: before.replace(WORD_BEHIND, ''), after }),
  'erase-all': ({ after }) => ({ before: '', after }),
  'cursor-left': ({ before, after }) => ({ before: butLast(before), after: (characters(before).at(-1) ?? '') + after }),
  'cursor-right': ({ before, after }) => ({ before: before + (characters(after)[0] ?? ''), after: characters(after).slice(1).join('') }),
  'line-start': (prompt) => ({ before: '', after: textOfPrompt(prompt) }),
  'line-end': (prompt) => ({ before: textOfPrompt(prompt), after: '' }),
};

export function edited(prompt: Prompt, edit: Edit): Prompt {
  const { before, after } = edit(prompt);
  return { ...prompt, before, after: after.slice(0, Math.max(0, LIMIT - before.length)), back: 0 };
}

export const typed = (prompt: Prompt, text: string): Prompt =>
  edited(prompt, ({ before, after }) => ({ before: (before + text).slice(0, LIMIT), after }));

/** Tab (1) and Shift-Tab (-1): the next choice in place of the word, round and round. */
export function completed(prompt: Prompt, direction: 1 | -1): Prompt {
  const { choices, chosen, from, before } = prompt;
  if (choices.length === 0) return prompt;
  const next = chosen < 0 ? (direction > 0 ? 0 : choices.length - 1) : (chosen + direction + choices.length) % choices.length;
  return { ...prompt, before: before.slice(0, from) + choices[next]!.text, chosen: next };
}

/** Up (1) and down (-1) through earlier lines that begin as this one did. `history`: newest last. */
export function recalled(prompt: Prompt, history: readonly string[], direction: 1 | -1): Prompt {
  const draft = prompt.back === 0 ? textOfPrompt(prompt) : prompt.draft;
  const fitting = history.filter((line) => line.startsWith(draft) && line !== draft);
  const back = Math.max(0, Math.min(fitting.length, prompt.back + direction));
  const text = back === 0 ? draft : fitting[fitting.length - back]!;
  return { ...prompt, before: text, after: '', back, draft };
}

/** The line at the end of the history, once. */
export const remembered = (history: readonly string[], line: string): readonly string[] =>
  line === '' ? history : [...history.filter((other) => other !== line), line].slice(-HISTORY_LIMIT);
