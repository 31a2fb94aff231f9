/**
 * Text in a Markdown document, as GitHub, GitLab and what one pastes Markdown into read it. Nothing is escaped with backslashes, which
 * some readers show and which stop neither a mention nor an autolink: a word that consists of letters, digits and plain punctuation
 * stands as it is, and every other word is a code span, inside which nothing means anything. That is also how names of states, addresses and
 * options should look.
 */
import { sanitise } from '../model/sanitise.ts';

/** Letters, digits, and punctuation that means nothing inside a word. */
const PLAIN = /^[\p{L}\p{N}.,;:'"()?/+\-=–—…→↔×±°µ·’“”✖▲◆●★]*%?$/u;
/** Plain, and yet read as something, or better not plain: URLs, calls, emoji, host names, addresses, references to issues. */
const MEANS_SOMETHING = /\/\/|\(\)|:[\p{L}\p{N}+-]*:|\p{L}\.\p{L}{2}|\p{N}\.\p{L}{2}|^\d+\.\d+\.\d+\.\d+|^\p{L}+-\d+$/u;
/** Looks like an emoji, and is none. */
const TIME_OF_DAY = /^\d\d:\d\d:\d\d(?:\.\d+)?$/;
/** At the beginning of a line: a list, a rule, the underline of a heading. */
const BEGINS_A_BLOCK = /^(?:\d+[.)]|[-+=]+)$/;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['|', '&#124;'],
]);
/** Longer texts are cut. */
const MAX_PROSE = 4_000;

/** A sentence or a part of one, on one line. Fits a paragraph, a heading, a list and the cell of a table. */
export function prose(text: string, limit = MAX_PROSE): string {
  // What our own sentences quote with backticks is one span.
  return sanitise(text, limit)
    .trim()
    .split(/(`[^`]+`)/)
    .map((piece, i) => (i % 2 === 1 ? code(piece.slice(1, -1)) : words(piece, i === 0)))
    .reduce(joined, '');
}

/** Two spans that touch would be one. */
const joined = (before: string, piece: string): string => before + (before.endsWith('`') && piece.startsWith('`') ? ' ' : '') + piece;

function words(text: string, first: boolean): string {
  return text
    .split(/(\s+)/)
    .map((word, i) => (i % 2 === 1 ? ' ' : first && i === 0 && BEGINS_A_BLOCK.test(word) ? code(word) : oneWord(word)))
    .join('');
}

function oneWord(word: string): string {
  const entity = ENTITIES.get(word);
  if (entity !== undefined) return entity;
  if (word === '') return '';
  const before = /^[("'“]*/.exec(word)?.[0] ?? '';
  const after = punctuationBehind(word.slice(before.length));
  const core = word.slice(before.length, word.length - after.length);
  if (core === '' || TIME_OF_DAY.test(core) || (PLAIN.test(core) && !MEANS_SOMETHING.test(core))) return word;
  return `${before}${code(core)}${after}`;
}

/** Full stops, quotes and the like at the end of a word, and parentheses that were opened before it. */
function punctuationBehind(word: string): string {
  const count = (text: string, c: string): number => text.split(c).length - 1;
  let end = word.length;
  for (; end > 0; end--) {
    const rest = word.slice(0, end);
    if (!/[.,;:"'”?!)]$/.test(rest) || (rest.endsWith(')') && count(rest, ')') <= count(rest, '('))) break;
  }
  return word.slice(end);
}

/**
 * A code span. No pipe is ever inside one: readers of tables disagree on what a backslash before it means, so that it stands between two
 * spans as an entity.
 */
export function code(text: string): string {
  return sanitise(text, MAX_PROSE)
    .split('|')
    .map((part) => (part === '' ? '' : span(part)))
    .join('&#124;');
}

function span(text: string): string {
  const ticks = '`'.repeat(longestRun(text) + 1);
  const pad = /^`|`$|^ .* $/.test(text) ? ' ' : '';
  return ticks + pad + text + pad + ticks;
}

/** A block of its own, with an empty line after it. Lines are kept; what is in it cannot end it. */
export function fenced(language: string, text: string): string {
  const lines = text.split('\n').map((line) => sanitise(line, 8_000));
  const ticks = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${ticks}${language}\n${lines.join('\n')}\n${ticks}\n\n`;
}

const longestRun = (text: string): number => Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));

/** A column's title; `right` where numbers stand in it. */
export type Heading = string | { readonly right: string };

/** @param rows cells that are Markdown already. A table is a block of its own, with an empty line after it; without rows it is nothing. */
export function markdownTable(head: readonly Heading[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const titles = line(head.map((h) => (typeof h === 'string' ? h : h.right)));
  return `${titles}${line(head.map((h) => (typeof h === 'string' ? '---' : '--:')))}${rows.map(line).join('')}\n`;
}
