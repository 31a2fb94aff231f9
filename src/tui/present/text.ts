/**
 * How wide a piece of text is on a terminal, and how to make it exactly as wide as its place.
 *
 * Not a general grapheme library: what terminals disagree on (combining marks, flags, skin tones, joiners) is replaced by a
 * visible escape first, so that every remaining character is one or two cells everywhere.
 */
import { sanitise } from '../../model/sanitise.ts';

const PLAIN = /^[\x20-\x7e]*$/;
const DISPUTED = /[\p{M}\p{Cf}\p{Cn}\p{Co}\p{Emoji_Modifier}\u{1f1e6}-\u{1f1ff}]/gu;
const EMOJI = /\p{Emoji_Presentation}/u;

/** Longest text that a screen takes from one field, characters; more is cut with `…`. */
const LIMIT = 4_000;

/** Text from anywhere, safe to print and of known width. Sanitised once more here, whatever the model did. */
export function clean(text: string): string {
  if (text.length <= LIMIT && PLAIN.test(text)) return text;
  return sanitise(text, LIMIT)
    .normalize('NFC')
    .replace(DISPUTED, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Unicode's East Asian Wide and Fullwidth blocks (UAX #11), first and last code point; emoji are asked of the engine. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18dff],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
];

function cells(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x1100) return 1;
  if (WIDE.some(([first, last]) => code >= first && code <= last)) return 2;
  return EMOJI.test(char) ? 2 : 1;
}

/** Cells that cleaned text takes. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += cells(char);
  return width;
}

/** The longest beginning of cleaned text that fits into `width` cells. */
function head(text: string, width: number): string {
  let used = 0;
  let out = '';
  for (const char of text) {
    used += cells(char);
    if (used > width) break;
    out += char;
  }
  return out;
}

/** The longest end of cleaned text that fits. */
function tail(text: string, width: number): string {
  let used = 0;
  let out = '';
  for (const char of Array.from(text).reverse()) {
    used += cells(char);
    if (used > width) break;
    out = char + out;
  }
  return out;
}

/** Cut to at most `width` cells, the cut marked with `…`. `start` keeps the end: an endpoint's port matters more than its network. */
export function cut(text: string, width: number, side: 'start' | 'end' = 'end'): string {
  const safe = clean(text);
  if (width <= 0) return '';
  if (widthOf(safe) <= width) return safe;
  return side === 'end' ? `${head(safe, width - 1)}…` : `…${tail(safe, width - 1)}`;
}

const blanks = (n: number): string => ' '.repeat(Math.max(0, n));

/** Exactly `width` cells. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left', side: 'start' | 'end' = 'end'): string {
  const shown = cut(text, width, side);
  const gap = blanks(width - widthOf(shown));
  return align === 'left' ? shown + gap : gap + shown;
}

/** Paragraph into lines of at most `width` cells, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(1, width);
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (let word of clean(paragraph).split(' ')) {
      if (line !== '' && widthOf(line) + 1 + widthOf(word) > room) {
        lines.push(line);
        line = '';
      }
      while (widthOf(word) > room) {
        if (line !== '') lines.push(line);
        line = '';
        const part = head(word, room);
        if (part === '') break;
        lines.push(part);
        word = word.slice(part.length);
      }
      line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
