/**
 * Text in a Markdown document, as GitHub, GitLab and what one pastes Markdown into read it. Nothing is escaped with backslashes, which
 * some readers show and which stop neither a mention nor an autolink: a word that consists of letters, digits and plain punctuation
 * stands as it is, and every other word is a code span (code-words.ts), inside which nothing means anything.
 */
import { sanitise } from '../model/sanitise.ts';
import { codeWords } from './code-words.ts';

/** At the beginning of a line: a list, a rule, the underline of a heading. */
const BEGINS_A_BLOCK = /^(?:\d+[.)]|[-+=]+)$/;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['|', '&#124;'],
]);
/** Longer texts are cut. */
const MAX_CODE = 4_000;

/** A sentence or a part of one, on one line. Fits a paragraph, a heading, a list and the cell of a table. */
export function prose(text: string): string {
  return codeWords(text)
    .map((piece, i) =>
      piece.code || (i === 0 && BEGINS_A_BLOCK.test(piece.text)) ? code(piece.text) : (ENTITIES.get(piece.text) ?? piece.text),
    )
    .reduce(joined, '');
}

/** Two spans that touch would be one. */
const joined = (before: string, piece: string): string => before + (before.endsWith('`') && piece.startsWith('`') ? ' ' : '') + piece;

/**
 * A code span. No pipe is ever inside one: readers of tables disagree on what a backslash before it means, so that it stands between two
 * spans as an entity.
 */
export function code(text: string): string {
  return sanitise(text, MAX_CODE)
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
