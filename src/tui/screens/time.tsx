/** The capture at one moment: its states over time with the moment on it, and the sockets that there were. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from '../components/rows.tsx';
import type { TuiState } from '../navigation.ts';
import { waitingRow } from '../present/columns.ts';
import { bodyRows, drawnWidth } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';
import { socketLine, socketsHeader, timeHead, timeLayout } from '../present/time.ts';
import type { TimeView } from '../time-view.ts';
import { Waiting } from './waiting.tsx';

export function TimeScreen({ view, state }: { readonly view: TimeView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const chart = view.chart.value;
  if (chart === null) return <Waiting data={view.chart} what="the states of all sockets" height={bodyRows(state.size)} width={width} />;
  const { chartRows, listRows } = timeLayout(state.size);
  const { pages } = view;
  const head = timeHead(view, chart, state.snapshot.findings, { chartRows, width });
  const rows: Line[] = [];
  for (let i = view.top; i < Math.min(pages.total ?? 0, view.top + listRows); i++) {
    const row = pages.row(i);
    const current = i === view.cursor;
    rows.push(row ? socketLine(row, { width, current, stale: !pages.isCurrent }) : waitingRow(width, current));
  }
  if (rows.length === 0)
    rows.push(
      fitLine([span(`  ${pages.error ?? (pages.total === null ? 'asking …' : 'There is no socket at this moment.')}`, 'dim')], width),
    );
  return (
    <Box flexDirection="column">
      <Rows lines={head} height={head.length} width={width} />
      <Row line={socketsHeader(width)} />
      <Rows
        lines={rows}
        height={listRows}
        width={width}
        selected={pages.total === null || pages.total === 0 ? -1 : view.cursor - view.top}
      />
    </Box>
  );
}
