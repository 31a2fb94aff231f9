/** How the filter language helps whoever types it: what the word under the cursor can become, and what is wrong with the line. */
import { BARE_WORDS, exampleOf, type Field, fieldNamed, FIELDS } from '../model/where/fields.ts';
import { WhereError } from '../model/where/error.ts';
import { parseWhere } from '../model/where/parse.ts';
import type { Choice } from './prompt.ts';

/** More are found by typing on. */
const MAX_CHOICES = 40;
const JOINS: readonly Choice[] = [
  { text: 'and', about: 'both' },
  { text: 'or', about: 'one or the other' },
  { text: 'not', about: 'the opposite of what follows' },
];

export interface Completion {
  /** Where the word begins that a choice replaces. */
  readonly from: number;
  readonly choices: readonly Choice[];
}

/** @param findings ids that `finding:` can name */
export function completeWhere(before: string, findings: readonly string[]): Completion {
  const word = /[^\s()<>]*$/.exec(before)?.[0] ?? '';
  const from = before.length - word.length;
  // Behind a comparison stands a number, between quotes anything.
  if (/[<>]=?$/.test(before.slice(0, from)) || isQuoted(before)) return { from, choices: [] };
  const colon = word.indexOf(':');
  if (colon < 0) return { from, choices: fitting(word, NAMES) };
  const field = fieldNamed(word.slice(0, colon));
  if (field === undefined) return { from, choices: [] };
  return { from: from + colon + 1, choices: fitting(word.slice(colon + 1), valuesOf(field, findings)) };
}

/** Behind a quote that is still open, or at one just closed. */
const isQuoted = (before: string): boolean => /^(?:[^'"]|"[^"]*"|'[^']*')*["'][^"']*$/.test(before) || /["']$/.test(before);

const NAMES: readonly Choice[] = [
  ...BARE_WORDS.map((word) => ({
    text: word,
    about: `either end ${/^(syn|syn-ack|fin|rst)$/.test(word) ? 'sent one' : 'was in this state'}`,
  })),
  // A comparison may follow a number, so the colon is left to whoever types.
  ...FIELDS.map((field) => ({
    text: isOrdered(field) ? field.name : `${field.name}:`,
    about: `${field.text}, as ${field.name}${exampleOf(field)}`,
  })),
  ...JOINS,
];

function isOrdered({ type }: Field): boolean {
  return type.kind === 'number' || type.kind === 'seconds' || type.kind === 'time';
}

function valuesOf({ type, text }: Field, findings: readonly string[]): Choice[] {
  switch (type.kind) {
    case 'words':
      return type.words.map((word) => ({ text: word.toLowerCase().replaceAll('_', '-'), about: text }));
    case 'yes-no':
      return ['true', 'false'].map((word) => ({ text: word, about: text }));
    case 'finding':
      return [...new Set([...findings.map((id) => id.split('/', 1)[0]!), ...findings])].map((id) => ({
        text: id,
        about: id.includes('/') ? 'one finding' : 'a rule',
      }));
    default:
      return [];
  }
}

/** What begins with the word, then what has it inside; nothing to say about a finished word. */
function fitting(word: string, choices: readonly Choice[]): Choice[] {
  const wanted = word.toLowerCase();
  const begins = choices.filter(({ text }) => text.toLowerCase().startsWith(wanted));
  const holds =
    wanted.length < 2
      ? []
      : choices.filter(({ text }) => text.toLowerCase().includes(wanted) && !begins.some((other) => other.text === text));
  const all = [...begins, ...holds].filter(({ text }) => text !== word);
  return all.slice(0, MAX_CHOICES);
}

export interface WhereProblem {
  readonly problem: string;
  readonly at: number;
  readonly length: number;
}

/** null: the expression can be asked; an empty one asks for everything. */
export function whereProblem(text: string, rules: readonly string[] | undefined): WhereProblem | null {
  if (text.trim() === '') return null;
  try {
    parseWhere(text, rules);
    return null;
  } catch (error) {
    if (error instanceof WhereError) return { problem: error.problem, at: error.at, length: error.length };
    throw error;
  }
}
