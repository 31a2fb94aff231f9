/** The rule behind a finding, in its own words. */
import type { ReactNode } from 'react';
import { Rows } from '../components/rows.tsx';
import type { ExplainView, TuiState } from '../navigation.ts';
import { bodyRows, drawnWidth } from '../present/layout.ts';
import { marked } from '../present/line.ts';
import { explanationLines } from '../present/prose.ts';
import { Waiting } from './waiting.tsx';

export function ExplainScreen({ view, state }: { readonly view: ExplainView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = bodyRows(state.size);
  if (view.data.value === null) return <Waiting data={view.data} what={`the rule ${view.rule}`} height={height} width={width} />;
  const lines = explanationLines(view.data.value, view.finding, width).slice(view.top, view.top + height);
  return <Rows lines={lines.map((line) => marked(line, state.search))} height={height} width={width} />;
}
