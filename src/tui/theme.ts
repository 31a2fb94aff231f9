/**
 * From meaning to SGR codes. Only the 16 colours of the terminal's own theme, no red against green; without colour the
 * attributes bold, dim and inverse remain, and every severity also has its glyph and its word.
 *
 * Everything that is drawn passes `paint`, which lets no control character through: the last of three barriers behind the
 * model's boundary and `present/`.
 */
import type { Severity } from '../model/finding.ts';
import { sanitise } from '../model/sanitise.ts';
import { SEVERITY_MARK } from '../report/narrate.ts';
import { asciiOf } from './present/ascii.ts';
import type { Line, Style } from './present/line.ts';

type Sgr = readonly [on: number, off: number];
const BOLD: Sgr = [1, 22];
const DIM: Sgr = [2, 22];
const UNDERLINE: Sgr = [4, 24];
const INVERSE: Sgr = [7, 27];
/** ECMA-48 foreground 30-37, bright ones 90-97. */
const colour = (code: number): Sgr => [code, 39];
const isColour = ([on]: Sgr): boolean => on >= 30;

const LOOKS: Readonly<Record<Style, readonly Sgr[]>> = {
  plain: [],
  dim: [DIM],
  bold: [BOLD],
  heading: [BOLD, colour(36)],
  accent: [colour(36)],
  critical: [BOLD, colour(31)],
  warning: [colour(33)],
  notice: [colour(35)],
  info: [colour(94)],
  command: [colour(36)],
  highlight: [INVERSE],
  mistake: [BOLD, UNDERLINE, colour(31)],
  stateOpening: [colour(36)],
  stateOpen: [colour(94)],
  stateClosing: [colour(35)],
  stateStuck: [BOLD, colour(33)],
  stateGone: [colour(90)],
};

const CONTROL = /[\x00-\x1f\x7f-\x9f]/;

/** A row as one string for the terminal. A selected row is inverse as a whole: colours inside would tear it apart. */
export function paint(line: Line, options: { readonly color: boolean; readonly ascii?: boolean; readonly selected?: boolean }): string {
  let out = '';
  for (const { text, style } of line) {
    const printable = CONTROL.test(text) ? sanitise(text) : text;
    const safe = options.ascii === true ? asciiOf(printable) : printable;
    const looks = options.selected === true ? [] : LOOKS[style].filter((sgr) => options.color || !isColour(sgr));
    for (const [on] of looks) out += `\x1b[${on}m`;
    out += safe;
    for (const [, off] of [...looks].reverse()) out += `\x1b[${off}m`;
  }
  return options.selected === true ? `\x1b[1m\x1b[7m${out}\x1b[27m\x1b[22m` : out;
}

/** Glyph and word, six cells. */
export function severityLabel(severity: Severity): string {
  const { glyph, short } = SEVERITY_MARK[severity];
  return `${glyph} ${short}`;
}
