/**
 * HTML and SVG that is escaped unless it was made here: a template's own text is markup, and every value put into it is text, on its own or in
 * an attribute (always in double quotes), after it was made safe to show. There is no way around it but another template.
 */
import { sanitise } from '../../model/sanitise.ts';
import { codeWords } from '../code-words.ts';

/** Display filters and commands are the longest that we write. */
const MAX_TEXT = 8_000;

export class Markup {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  static of(strings: TemplateStringsArray, values: readonly Value[]): Markup {
    return new Markup(strings.map((own, i) => own + (i < values.length ? rendered(values[i]!) : '')).join(''));
  }
}

export type Value = string | number | Markup | readonly Markup[];

export const markup = (strings: TemplateStringsArray, ...values: readonly Value[]): Markup => Markup.of(strings, values);

export const NOTHING = markup``;

function rendered(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string') return escaped(sanitise(value, MAX_TEXT));
  if (typeof value === 'number') return String(value);
  return value.map(({ text }) => text).join('');
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES.get(c) ?? c);

/** A sentence, with addresses, states and the like as code. */
export const phrase = (text: string): Markup =>
  markup`${codeWords(text).map((piece) => (piece.code ? markup`<code>${piece.text}</code>` : markup`${piece.text}`))}`;

/** Numbers with as many decimals as a drawing needs. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);
