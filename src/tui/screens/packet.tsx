/** One packet: what its fields say, and the bytes that say it. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Divider, Row, Rows } from '../components/rows.tsx';
import { packetLayoutOf, type PacketView, type TuiState } from '../navigation.ts';
import { bodyRows, drawnWidth, ruler } from '../present/layout.ts';
import { hexLines, packetHeader, packetTree, treeRow } from '../present/packet.ts';
import { Waiting } from './waiting.tsx';

export function PacketScreen({ view, state }: { readonly view: PacketView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const detail = view.data.value;
  if (detail === null) return <Waiting data={view.data} what={`frame ${view.frame}`} height={bodyRows(state.size)} width={width} />;
  const layout = packetLayoutOf(detail, state.size);
  const tree = packetTree(detail, view.closed);
  const chosen = tree[view.cursor] ?? null;
  const rows = tree
    .slice(view.top, view.top + layout.treeRows)
    .map((row, i) => treeRow(row, { width: layout.treeWidth, current: view.top + i === view.cursor }));
  const left = <Rows lines={rows} height={layout.treeRows} width={layout.treeWidth} selected={view.cursor - view.top} />;
  const dump = hexLines(detail.bytes, chosen === null || chosen.length === 0 ? null : chosen, {
    width: layout.hexWidth,
    rows: layout.hexRows,
  });
  const right = <Rows lines={dump} height={layout.hexRows} width={layout.hexWidth} />;
  return (
    <Box flexDirection="column">
      {packetHeader(detail, width).map((line, i) => (
        <Row key={i} line={line} />
      ))}
      {layout.hex === 'side' ? (
        <Box>
          {left}
          <Divider height={layout.treeRows} />
          {right}
        </Box>
      ) : (
        <Box flexDirection="column">
          {left}
          <Row
            line={ruler(
              chosen === null ? '' : `${chosen.name}, bytes ${chosen.offset} to ${chosen.offset + Math.max(0, chosen.length - 1)}`,
              width,
            )}
          />
          {right}
        </Box>
      )}
    </Box>
  );
}
