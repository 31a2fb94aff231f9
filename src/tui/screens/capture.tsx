/** What is known of the capture itself. */
import type { ReactNode } from 'react';
import { Rows } from '../components/rows.tsx';
import type { CaptureView, TuiState } from '../navigation.ts';
import { captureLines } from '../present/capture.ts';
import { bodyRows, drawnWidth } from '../present/layout.ts';
import { marked } from '../present/line.ts';

export function CaptureScreen({ view, state }: { readonly view: CaptureView; readonly state: TuiState }): ReactNode {
  const width = drawnWidth(state.size);
  const height = bodyRows(state.size);
  const lines = captureLines(state.snapshot, state.rules, width);
  return <Rows lines={lines.slice(view.top, view.top + height).map((line) => marked(line, state.search))} height={height} width={width} />;
}
