/** Where a click landed: on a row of the list (the first click puts the cursor there, the second opens it), or on an entry of a menu. */
import { chooseByKey, move } from './commands.ts';
import { runCommand } from './dispatch.ts';
import { findingsLayoutOf, heightOf, lengthOf, packetLayoutOf, topView, type TuiState } from './navigation.ts';
import { bodyRows } from './present/layout.ts';
import { overlayRows } from './present/overlay.ts';
import { timeLayout } from './present/time.ts';
import type { Store } from './store.ts';

/** Breadcrumbs and status. */
const ROWS_ABOVE = 2;

export function clicked(store: Store, { column, row }: { readonly column: number; readonly row: number }): void {
  const state = store.state();
  if (state.help !== null || state.prompt !== null) return;
  if (state.menu !== null) {
    // Its title stands above the entries.
    const item = state.menu.items[row - ROWS_ABOVE - (bodyRows(state.size) - overlayRows(state)) - 1];
    if (item) chooseByKey(store, item.key);
    return;
  }
  const view = topView(state);
  const list = listOf(state);
  const at = view.top + row - list.top;
  if (row < list.top || row >= list.top + heightOf(view, state) || column >= list.right || at >= lengthOf(view, state)) return;
  if (at === view.cursor) runCommand(store, 'open', null);
  else move(store, at - view.cursor);
}

/** The first row of the list on the screen, and the column at which it ends. */
function listOf(state: TuiState): { readonly top: number; readonly right: number } {
  const view = topView(state);
  const right = state.size.columns;
  switch (view.kind) {
    case 'findings': {
      const layout = findingsLayoutOf(state);
      return { top: ROWS_ABOVE + bodyRows(state.size) - layout.bodyRows + 1, right: layout.listWidth };
    }
    case 'connections':
      return { top: ROWS_ABOVE + 1, right };
    case 'peers':
    case 'ladder':
      return { top: ROWS_ABOVE + 2, right };
    case 'packet': {
      const layout = packetLayoutOf(view.data.value, state.size);
      return { top: ROWS_ABOVE + ((view.data.value?.notes.length ?? 0) > 0 ? 2 : 1), right: layout.treeWidth };
    }
    case 'time':
      return { top: ROWS_ABOVE + bodyRows(state.size) - timeLayout(state.size).listRows, right };
    default:
      return { top: ROWS_ABOVE, right };
  }
}
