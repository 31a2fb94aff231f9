/** The keys of the screen below, over everything. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { helpHeight } from '../commands.ts';
import { Row, Rows } from '../components/rows.tsx';
import { topView, type TuiState } from '../navigation.ts';
import { hints } from '../present/chrome.ts';
import { drawnWidth } from '../present/layout.ts';
import { helpLines } from '../present/prose.ts';

export function HelpScreen({ state }: { readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = helpHeight(state);
  const top = state.help ?? 0;
  return (
    <Box flexDirection="column" width={state.size.columns} height={state.size.rows}>
      <Rows lines={helpLines(topView(state).kind, width, state.keymap).slice(top, top + height)} height={height} width={width} />
      <Row line={hints('help', width, state.keymap)} />
    </Box>
  );
}
