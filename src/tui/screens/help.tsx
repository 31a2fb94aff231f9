/** The keys of the screen below, over everything. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from '../components/rows.tsx';
import { helpHeight, helpOf } from '../help.ts';
import type { TuiState } from '../navigation.ts';
import { hints } from '../present/chrome.ts';
import { drawnWidth } from '../present/layout.ts';

export function HelpScreen({ state }: { readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = helpHeight(state);
  const top = state.help ?? 0;
  return (
    <Box flexDirection="column" width={state.size.columns} height={state.size.rows}>
      <Rows lines={helpOf(state).slice(top, top + height)} height={height} width={width} />
      <Row line={hints('help', width, state.keymap)} />
    </Box>
  );
}
