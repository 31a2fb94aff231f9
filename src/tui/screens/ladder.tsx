/** One connection: the states of both ends, and the segments that moved them. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from '../components/rows.tsx';
import { itemsOf, type LadderView, type TuiState } from '../navigation.ts';
import { position } from '../present/chrome.ts';
import { ladderHeader, ladderNotes, ladderRow } from '../present/ladder.ts';
import { bodyRows, drawnWidth, ladderLayout, ruler } from '../present/layout.ts';
import { Waiting } from './waiting.tsx';

export function LadderScreen({ view, state }: { readonly view: LadderView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const ladder = view.data.value;
  if (ladder === null)
    return <Waiting data={view.data} what="the segments of this connection" height={bodyRows(state.size)} width={width} />;
  const { listRows, noteRows } = ladderLayout(state.size);
  const items = itemsOf(view);
  const proving = new Set(ladder.evidence.map((evidence) => evidence.frame));
  const rows = items.slice(view.top, view.top + listRows).map((item, i) =>
    ladderRow(item, {
      width,
      current: view.top + i === view.cursor,
      first: i === 0,
      evidence: item.kind === 'row' && item.row.frame !== null && proving.has(item.row.frame),
    }),
  );
  return (
    <Box flexDirection="column">
      {ladderHeader(ladder, width).map((line, i) => (
        <Row key={i} line={line} />
      ))}
      <Rows lines={rows} height={listRows} width={width} selected={items.length === 0 ? -1 : view.cursor - view.top} />
      <Row line={ruler(`row ${position(view.cursor, items.length)}`, width)} />
      <Rows lines={ladderNotes(items[view.cursor], ladder, width, noteRows)} height={noteRows} width={width} />
    </Box>
  );
}
