/** The help over a screen: its lines, and how one moves in them. */
import { LINE_COMMANDS } from './command-line.ts';
import { topView, type TuiState } from './navigation.ts';
import { drawnWidth } from './present/layout.ts';
import type { Line } from './present/line.ts';
import { helpLines } from './present/prose.ts';
import type { Store } from './store.ts';

export const helpOf = (state: TuiState): readonly Line[] =>
  helpLines(topView(state).kind, drawnWidth(state.size), state.keymap, LINE_COMMANDS);

/** All rows but the last, which names the keys. */
export const helpHeight = (state: TuiState): number => Math.max(1, state.size.rows - 1);

export function scrollHelp(store: Store, step: number): void {
  const state = store.state();
  store.update({ help: Math.max(0, Math.min((state.help ?? 0) + step, helpOf(state).length - helpHeight(state))) });
}
