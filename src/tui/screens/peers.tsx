/** Who talks to whom, and in which states their sockets are. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from '../components/rows.tsx';
import type { TuiState } from '../navigation.ts';
import type { PeersView } from '../peers-view.ts';
import { tableHeader, tableRow, waitingRow } from '../present/columns.ts';
import { drawnWidth, peerRows } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';
import { groupsLine, peerColumns } from '../present/peers.ts';

export function PeersScreen({ view, state }: { readonly view: PeersView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = peerRows(state.size);
  const { pages } = view;
  const indices = Array.from({ length: Math.max(0, Math.min(pages.total ?? 0, view.top + height) - view.top) }, (_, i) => view.top + i);
  const rows = indices.map((i) => pages.row(i));
  const named = rows.some((row) => row?.clientName !== undefined || row?.serverName !== undefined);
  const columns = peerColumns(view.group, pages.answer?.states ?? [], named, width);
  const lines = rows.map((row, i): Line => {
    const current = indices[i] === view.cursor;
    return row ? tableRow(row, columns, { width, current }) : waitingRow(width, current);
  });
  if (lines.length === 0) lines.push(fitLine([], width), fitLine([span(`  ${emptyText(view)}`)], width));
  return (
    <Box flexDirection="column">
      <Row line={groupsLine(view.group, width)} />
      <Row line={tableHeader(columns, width, view.sort, view.descending)} />
      <Rows lines={lines} height={height} width={width} selected={indices.length === 0 ? -1 : view.cursor - view.top} />
    </Box>
  );
}

function emptyText({ pages, filter }: PeersView): string {
  if (pages.error !== null) return pages.error;
  if (pages.total === null) return 'counting …';
  return filter === '' ? 'There are no connections here.' : `Nothing matches “${filter}”. Esc clears the filter.`;
}
