/** Everything about one finding, over the whole screen. */
import type { ReactNode } from 'react';
import { Rows } from '../components/rows.tsx';
import { detailOf, DETAIL_MARGIN, type FindingView, type TuiState } from '../navigation.ts';
import { mark } from '../present/findings.ts';
import { bodyRows, drawnWidth } from '../present/layout.ts';
import { marked, span } from '../present/line.ts';

export function FindingScreen({ view, state }: { readonly view: FindingView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = bodyRows(state.size);
  const lines = detailOf(view.finding, state, width - DETAIL_MARGIN)
    .slice(view.top, view.top + height)
    .map(({ line }, i) => [span(mark(view.top + i === view.cursor), 'accent'), ...marked(line, state.search)]);
  return <Rows lines={lines} height={height} width={width} />;
}
