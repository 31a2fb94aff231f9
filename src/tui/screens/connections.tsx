/** The connections of a finding, or all: a window over a list of any length. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from '../components/rows.tsx';
import type { ConnectionsView, TuiState } from '../navigation.ts';
import { tableHeader, tableRow, waitingRow } from '../present/columns.ts';
import { connectionColumns } from '../present/connections.ts';
import { connectionRows, drawnWidth, previewRows, ruler } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';
import { figuresLine, stateLadder } from '../present/state-ladder.ts';
import { endpointText } from '../../model/address.ts';

export function ConnectionsScreen({ view, state }: { readonly view: ConnectionsView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = connectionRows(state.size);
  const total = view.pages.total;
  const belowRows = previewRows(state.size);
  const lines: Line[] = [];
  const shown = Array.from({ length: height }, (_, i) => view.pages.row(view.top + i));
  const named = shown.some((row) => row?.clientName !== undefined || row?.serverName !== undefined);
  const columns = connectionColumns(width, named);
  for (let i = view.top; i < Math.min(total ?? 0, view.top + height); i++) {
    const row = view.pages.row(i);
    const current = i === view.cursor;
    lines.push(row ? tableRow(row, columns, { width, current }) : waitingRow(width, current));
  }
  if (lines.length === 0) lines.push(fitLine([], width), fitLine([span(`  ${emptyText(view)}`)], width));
  return (
    <Box flexDirection="column">
      <Row line={tableHeader(columns, width, view.sort, view.descending)} />
      <Rows lines={lines} height={height} width={width} selected={total === null || total === 0 ? -1 : view.cursor - view.top} />
      {belowRows > 0 && <Rows lines={previewLines(state, width, belowRows)} height={belowRows} width={width} />}
    </Box>
  );
}

/** What both ends of the connection under the cursor sent, and the states that they went through. */
function previewLines({ preview }: TuiState, width: number, height: number): Line[] {
  if (preview?.kind !== 'connection') return [ruler('', width)];
  const row = preview.data.value;
  if (row === null) return [ruler(preview.data.error ?? '', width)];
  const ends = `${endpointText(row.client.ip, row.client.port)} → ${endpointText(row.server.ip, row.server.port)}`;
  return [
    ruler(`connection ${row.id}  ${ends}  ${row.outcome}; Enter shows every segment`, width),
    figuresLine(row, width),
    ...stateLadder(row, width, height - 2),
  ];
}

function emptyText(view: ConnectionsView): string {
  if (view.pages.error !== null) return view.pages.error;
  if (view.pages.total === null) return 'asking …';
  return view.filter === '' ? 'There are no connections here.' : `No connection matches “${view.filter}”. Esc clears the filter.`;
}
