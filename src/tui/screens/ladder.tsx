/** One connection: the states of both ends, and the segments that moved them. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Divider, Row, Rows } from '../components/rows.tsx';
import { itemsOf, type LadderView, type TuiState } from '../navigation.ts';
import { position } from '../present/chrome.ts';
import { ladderHeader, ladderNotes, ladderRow } from '../present/ladder.ts';
import { bodyRows, drawnWidth, ladderLayout, previewRows, ruler, sideHexWidth } from '../present/layout.ts';
import { hexLines, packetTree, treeRow } from '../present/packet.ts';
import type { Preview } from '../preview.ts';
import { Waiting } from './waiting.tsx';

export function LadderScreen({ view, state }: { readonly view: LadderView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const ladder = view.data.value;
  if (ladder === null)
    return <Waiting data={view.data} what="the segments of this connection" height={bodyRows(state.size)} width={width} />;
  const { listRows, noteRows } = ladderLayout(state.size);
  const packetRows = previewRows(state.size);
  const items = itemsOf(view);
  const proving = new Set(ladder.evidence.map((evidence) => evidence.frame));
  const rows = items.slice(view.top, view.top + listRows).map((item, i) =>
    ladderRow(item, {
      width,
      current: view.top + i === view.cursor,
      first: i === 0,
      lastFrame: ladder.connection.lastFrame,
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
      {packetRows > 0 && <PacketPreview preview={state.preview} width={width} height={packetRows} />}
    </Box>
  );
}

/** The packet of the segment under the cursor: its layers, and its octets with those of the TCP header marked. */
function PacketPreview({
  preview,
  width,
  height,
}: {
  readonly preview: Preview | null;
  readonly width: number;
  readonly height: number;
}): ReactNode {
  const detail = preview?.kind === 'packet' ? preview.data.value : null;
  if (detail === null) return <Rows lines={[ruler('', width)]} height={height} width={width} />;
  const hexWidth = sideHexWidth(width);
  const treeWidth = width - hexWidth - 2;
  const layers = packetTree(detail, new Set(detail.layers.keys()));
  const transport = layers.find(({ name }) => name.startsWith('TCP')) ?? null;
  const rows = layers.map((row) => treeRow(row, { width: treeWidth, current: false }));
  return (
    <Box flexDirection="column">
      <Row line={ruler(`packet #${detail.frame}; Enter opens it`, width)} />
      <Box>
        <Rows lines={rows} height={height - 1} width={treeWidth} />
        <Divider height={height - 1} />
        <Rows lines={hexLines(detail.bytes, transport, { width: hexWidth, rows: height - 1 })} height={height - 1} width={hexWidth} />
      </Box>
    </Box>
  );
}
