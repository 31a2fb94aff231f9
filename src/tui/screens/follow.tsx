/** The conversation of a connection, as text or as octets. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from '../components/rows.tsx';
import { type FollowView, linesOfFollow } from '../follow-view.ts';
import type { TuiState } from '../navigation.ts';
import { followHeader } from '../present/follow.ts';
import { bodyRows, drawnWidth, followRows } from '../present/layout.ts';
import { marked } from '../present/line.ts';
import { Waiting } from './waiting.tsx';

export function FollowScreen({ view, state }: { readonly view: FollowView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const conversation = view.data.value;
  if (conversation === null)
    return <Waiting data={view.data} what="what this connection carried" height={bodyRows(state.size)} width={width} />;
  const height = followRows(state.size);
  const lines = linesOfFollow(view, state).slice(view.top, view.top + height);
  return (
    <Box flexDirection="column">
      <Row line={followHeader(conversation, { hex: view.hex, speakers: view.speakers, width })} />
      <Rows lines={lines.map(({ line }) => marked(line, state.search))} height={height} width={width} selected={view.cursor - view.top} />
    </Box>
  );
}
