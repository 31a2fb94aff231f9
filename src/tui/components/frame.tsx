/** The frame around every screen: breadcrumbs, status, body, and the last row with hints, filter or a notice. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { crumbs, lengthOf, topView, type TuiState } from '../navigation.ts';
import { breadcrumbs, filterLine, hints, position, statusLine } from '../present/chrome.ts';
import { bodyRows, drawnWidth } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';
import { Row } from './rows.tsx';

function lastRow(state: TuiState, width: number): Line {
  const view = topView(state);
  if (state.notice !== null) return fitLine([span(' '), span(state.notice, 'warning')], width);
  const filter = 'filter' in view ? view.filter : '';
  if (state.typing) return filterLine(filter, true, lengthOf(view, state), width);
  if (filter !== '') return filterLine(`${filter}  (Esc clears)`, false, lengthOf(view, state), width);
  return hints(view.kind, width);
}

/** Where one is in a list that is longer than the screen. */
function placeOf(state: TuiState): string | null {
  const view = topView(state);
  return view.kind === 'connections' ? `row ${position(view.cursor, view.pages.total ?? 0)}` : null;
}

export function Frame({
  state,
  title,
  children,
}: {
  readonly state: TuiState;
  readonly title: string;
  readonly children: ReactNode;
}): ReactNode {
  const width = drawnWidth(state.size);
  return (
    <Box flexDirection="column" width={state.size.columns} height={state.size.rows}>
      <Row line={breadcrumbs(crumbs(state), title, width)} />
      <Row line={statusLine(state.snapshot, placeOf(state), width)} />
      <Box flexDirection="column" height={bodyRows(state.size)}>
        {children}
      </Box>
      <Row line={lastRow(state, width)} />
    </Box>
  );
}
