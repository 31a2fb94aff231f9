/** The connections of a finding, or all: a window over a list of any length. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from '../components/rows.tsx';
import type { ConnectionsView, TuiState } from '../navigation.ts';
import { connectionRow, connectionsHeader, waitingRow } from '../present/connections.ts';
import { connectionRows, drawnWidth } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';

export function ConnectionsScreen({ view, state }: { readonly view: ConnectionsView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = connectionRows(state.size);
  const total = view.pages.total;
  const lines: Line[] = [];
  const shown = Array.from({ length: height }, (_, i) => view.pages.row(view.top + i));
  const named = shown.some((row) => row?.clientName !== undefined || row?.serverName !== undefined);
  for (let i = view.top; i < Math.min(total ?? 0, view.top + height); i++) {
    const row = view.pages.row(i);
    const current = i === view.cursor;
    lines.push(row ? connectionRow(row, { width, current, named }) : waitingRow(width, current));
  }
  if (lines.length === 0) lines.push(fitLine([], width), fitLine([span(`  ${emptyText(view)}`)], width));
  return (
    <Box flexDirection="column">
      <Row line={connectionsHeader(width, view.sort, view.descending, named)} />
      <Rows lines={lines} height={height} width={width} selected={total === null || total === 0 ? -1 : view.cursor - view.top} />
    </Box>
  );
}

function emptyText(view: ConnectionsView): string {
  if (view.pages.error !== null) return view.pages.error;
  if (view.pages.total === null) return 'asking …';
  return view.filter === '' ? 'There are no connections here.' : `No connection matches “${view.filter}”. Esc clears the filter.`;
}
