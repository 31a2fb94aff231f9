/** What lies over the lower part of a screen: the words that fit while something is typed, or a menu with what its entry holds. */
import type { TuiState } from '../navigation.ts';
import { bodyRows, drawnWidth, ruler } from './layout.ts';
import { fitLine, type Line, span } from './line.ts';
import { cut, wrap } from './text.ts';

/** Rows of choices: enough to see where one is, few enough to see the list behind. */
const CHOICE_ROWS = 8;
const CHOICE_WIDTH = 28;
const KEY_WIDTH = 2;
/** Rows of the text of an entry; what is longer is copied whole and shown cut. */
const TEXT_ROWS = 6;

export function overlayLines(state: TuiState): Line[] {
  const width = drawnWidth(state.size);
  const most = Math.max(0, bodyRows(state.size) - 2);
  if (state.menu !== null) return menuLines(state.menu, width).slice(0, most);
  if (state.prompt !== null) return choiceLines(state.prompt, width).slice(0, most);
  return [];
}

export const overlayRows = (state: TuiState): number => overlayLines(state).length;

function choiceLines({ choices, chosen }: NonNullable<TuiState['prompt']>, width: number): Line[] {
  if (choices.length === 0) return [];
  const top = Math.max(0, Math.min(chosen - CHOICE_ROWS + 1, choices.length - CHOICE_ROWS));
  const rows = choices.slice(top, top + CHOICE_ROWS).map(({ text, about }, i): Line => {
    const current = top + i === chosen;
    const name = cut(text, CHOICE_WIDTH - 1).padEnd(CHOICE_WIDTH);
    return fitLine([span(current ? '▸ ' : '  '), span(name, current ? 'highlight' : 'accent'), span(about, 'dim')], width);
  });
  const more = choices.length - CHOICE_ROWS;
  return [ruler(more > 0 ? `Tab: ${String(choices.length)} words fit` : 'Tab', width), ...rows];
}

function menuLines({ title, items, cursor }: NonNullable<TuiState['menu']>, width: number): Line[] {
  const label = Math.max(...items.map((item) => item.label.length)) + 2;
  const rows = items.map((item, i): Line => {
    const lead = i === cursor ? '▸ ' : '  ';
    const room = width - 2 - KEY_WIDTH - label;
    const text = item.text.split('\n', 1)[0] ?? '';
    return fitLine(
      [
        span(lead),
        span(item.key.padEnd(KEY_WIDTH), 'accent'),
        span(item.label.padEnd(label), i === cursor ? 'bold' : 'plain'),
        span(cut(text, room), 'dim'),
      ],
      width,
    );
  });
  const full = wrap(items[cursor]?.text ?? '', width - 2).map((line) => fitLine([span(` ${line}`, 'command')], width));
  const shown =
    full.length > TEXT_ROWS
      ? [...full.slice(0, TEXT_ROWS - 1), fitLine([span(` … ${String(full.length - TEXT_ROWS + 1)} more lines`, 'dim')], width)]
      : full;
  return [ruler(title, width), ...rows, ruler('', width), ...shown];
}
