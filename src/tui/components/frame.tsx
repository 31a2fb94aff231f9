/** The frame around every screen: breadcrumbs, status, body, and the last row with hints, filter or a notice. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { crumbs, heightOf, lengthOf, topView, type TuiState } from '../navigation.ts';
import { breadcrumbs, filterLine, firstHint, hints, position, promptLine, statusLine } from '../present/chrome.ts';
import { count, plural } from '../present/format.ts';
import { bodyRows, drawnWidth } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';
import { overlayLines } from '../present/overlay.ts';
import { textOfPrompt } from '../prompt.ts';
import { filterProblem } from '../prompting.ts';
import { Row } from './rows.tsx';

function lastRow(state: TuiState, width: number): Line {
  const view = topView(state);
  if (state.notice !== null) return fitLine([span(' '), span(state.notice, 'warning')], width);
  const { prompt } = state;
  if (prompt !== null) {
    const matches = prompt.purpose === 'filter' ? plural(lengthOf(view, state), 'match', 'matches') : '';
    const problem = prompt.purpose === 'filter' ? filterProblem(state, textOfPrompt(prompt)) : null;
    return promptLine(prompt, problem, matches, width);
  }
  if (state.count !== '')
    return fitLine([span(` ${state.count}`, 'bold'), span('  G goes to this row, j and k move by as many', 'dim')], width);
  if (state.menu !== null) return hints('menu', width, state.keymap);
  const filter = 'filter' in view ? view.filter : '';
  if (filter !== '') return filterLine(filter, lengthOf(view, state), width);
  if (!state.frozen) return hints(view.kind, width, state.keymap);
  return fitLine([span(' frozen, F goes on ', 'warning'), ...hints(view.kind, width, state.keymap)], width);
}

/** Where one is in a list that is longer than the screen. */
function placeOf(state: TuiState): string | null {
  const view = topView(state);
  const total = lengthOf(view, state);
  const height = heightOf(view, state);
  switch (view.kind) {
    case 'connections':
    case 'peers':
    case 'time':
      return `row ${position(view.cursor, total)}`;
    // Texts without a cursor.
    case 'explain':
    case 'capture':
      return total > height ? `lines ${view.top + 1}-${view.top + height} of ${count(total)}` : null;
    // Below its rows the ladder says it itself.
    case 'ladder':
      return null;
    default:
      return total > height ? `row ${position(view.cursor, total)}` : null;
  }
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
  const over = overlayLines(state);
  return (
    <Box flexDirection="column" width={state.size.columns} height={state.size.rows}>
      <Row line={breadcrumbs(crumbs(state), title, width, state.untouched ? firstHint(state.keymap) : '')} />
      <Row line={statusLine(state.snapshot, placeOf(state), width)} />
      <Box flexDirection="column" height={bodyRows(state.size) - over.length} overflowY="hidden">
        <Box flexDirection="column" flexShrink={0}>
          {children}
        </Box>
      </Box>
      {over.map((line, i) => (
        <Row key={i} line={line} />
      ))}
      <Row line={lastRow(state, width)} />
    </Box>
  );
}
