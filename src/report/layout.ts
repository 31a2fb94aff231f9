/**
 * Lines on a page of a given width: wrapping, hanging labels and the sixteen colours of the reader's own terminal.
 * Widths count UTF-16 units: what is laid out here are our own sentences, addresses and numbers.
 */

export interface Page {
  /** Columns to wrap to. */
  readonly width: number;
  /** May colours be used? */
  readonly colour: boolean;
}

/** Width where nobody says otherwise: fits a mail, a ticket and half a screen. */
export const DEFAULT_WIDTH = 100;
/** Longer lines are hard to read, however wide the terminal is. */
const MAX_TEXT_WIDTH = 120;
const MIN_TEXT_WIDTH = 40;

export const textWidth = (columns: number): number => Math.max(MIN_TEXT_WIDTH, Math.min(MAX_TEXT_WIDTH, columns));

/** SGR codes (ECMA-48 §8.3.117), only those that follow the terminal's own theme. */
const CODES = { bold: '1', dim: '2', red: '31', yellow: '33', blue: '34', cyan: '36' } as const;
export type Style = keyof typeof CODES;

export function paint(page: Pick<Page, 'colour'>, text: string, ...styles: Style[]): string {
  return page.colour && text !== '' && styles.length > 0 ? `\u001b[${styles.map((s) => CODES[s]).join(';')}m${text}\u001b[0m` : text;
}

/** A space, but not the one between a number and its unit: `(20.2` at the end of a line says nothing. */
const BREAK = /(?<!\d) | (?!(?:ns|µs|ms|s|min|h|d|%|B|kB|MB|GB|TB)(?![\p{L}\d]))/u;

/** Breaks at spaces; a word longer than the line stands alone, whole, so that it can be copied. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(BREAK)) {
    if (word === '') continue;
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** A paragraph that hangs beside its first words: `lead` once, then spaces of the same length. */
export function hang(lead: string, text: string, width: number): string[] {
  return wrap(text, Math.max(20, width - lead.length)).map((line, i) => (i === 0 ? lead : ' '.repeat(lead.length)) + line);
}
