/** A row of the screen as data: pieces of text, each with the meaning that decides its looks. Theme turns it into a string. */
import { cut, fit, widthOf } from './text.ts';

export type Style =
  | 'plain'
  | 'dim'
  | 'bold'
  | 'heading'
  | 'accent'
  | 'critical'
  | 'warning'
  | 'notice'
  | 'info'
  | 'command'
  | 'highlight'
  | 'mistake'
  | 'stateOpening'
  | 'stateOpen'
  | 'stateClosing'
  | 'stateStuck'
  | 'stateGone';

export interface Span {
  readonly text: string;
  readonly style: Style;
}
export type Line = readonly Span[];

/** Text must be clean already when its width matters; `fitSpan` and `fitLine` see to it. */
export const span = (text: string, style: Style = 'plain'): Span => ({ text, style });
export const fitSpan = (text: string, width: number, style: Style = 'plain', align: 'left' | 'right' = 'left'): Span =>
  span(fit(text, width, align), style);

export const lineText = (line: Line): string => line.map((s) => s.text).join('');

/** Exactly `width` cells: cut at the end, or padded. */
export function fitLine(line: Line, width: number): Line {
  const out: Span[] = [];
  let left = width;
  for (const s of line) {
    if (left <= 0) break;
    const text = cut(s.text, left);
    const used = widthOf(text);
    out.push({ text, style: s.style });
    left -= used;
  }
  if (left > 0) out.push(span(' '.repeat(left)));
  return out;
}

/** The line with every place marked that has `wanted` in it, in any case. */
export function marked(line: Line, wanted: string): Line {
  if (wanted === '') return line;
  const needle = wanted.toLowerCase();
  const text = lineText(line);
  // Where case changes the length of a text, places in the one are not those in the other.
  if (text.toLowerCase().length !== text.length || !text.toLowerCase().includes(needle)) return line;
  const out: Span[] = [];
  let from = 0;
  for (const s of line) {
    let at = from;
    const end = from + s.text.length;
    while (at < end) {
      const hit = text.toLowerCase().indexOf(needle, Math.max(0, at - needle.length + 1));
      const inside = hit >= 0 && hit <= at;
      const to = hit < 0 ? end : Math.min(end, inside ? hit + needle.length : hit);
      out.push(span(text.slice(at, to), inside ? 'highlight' : s.style));
      at = to;
    }
    from = end;
  }
  return out;
}

/** Left and right part on one row; the right one goes when there is no room for it. */
export function spread(left: Line, right: Line, width: number): Line {
  const rightWidth = widthOf(lineText(right));
  const leftWidth = widthOf(lineText(left));
  if (leftWidth + 1 + rightWidth > width) return fitLine(left, width);
  return [...fitLine(left, width - rightWidth), ...right];
}

const STATE_STYLES: Readonly<Record<string, Style>> = {
  SYN_SENT: 'stateOpening',
  SYN_RCVD: 'stateOpening',
  ESTABLISHED: 'stateOpen',
  FIN_WAIT_1: 'stateClosing',
  FIN_WAIT_2: 'stateClosing',
  CLOSING: 'stateClosing',
  LAST_ACK: 'stateClosing',
  CLOSE_WAIT: 'stateStuck',
  TIME_WAIT: 'stateGone',
  CLOSED: 'stateGone',
  LISTEN: 'stateGone',
};
export const stateStyle = (state: string): Style => STATE_STYLES[state] ?? 'plain';
