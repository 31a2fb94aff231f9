/** What is wrong, worst first; what the finding under the cursor says stands beside or below where there is room. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Divider, Row, Rows } from '../components/rows.tsx';
import { detailOf, type FindingsView, selectedFinding, shownFindings, type TuiState } from '../navigation.ts';
import { emptyFindings, findingRow, findingsHeader } from '../present/findings.ts';
import { drawnWidth, findingsLayout, type FindingsLayout, ruler, TREND_ROWS } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';
import { trendLines, trendTitle } from '../present/trend.ts';

export function FindingsScreen({ view, state }: { readonly view: FindingsView; readonly state: TuiState }): ReactNode {
  const findings = shownFindings(state.snapshot, view.filter);
  const width = drawnWidth(state.size);
  const layout = findingsLayout(state.size, state.snapshot.findings.length);
  const { series } = state.snapshot;
  return (
    <Box flexDirection="column">
      {layout.trend && (
        <Rows lines={[...trendLines(series, width), ruler(trendTitle(series), width)]} height={TREND_ROWS + 1} width={width} />
      )}
      {findings.length === 0 ? (
        <Rows lines={emptyFindings(state.snapshot, state.rules, view.filter, width)} height={layout.bodyRows} width={width} />
      ) : (
        <ListAndDetails view={view} state={state} layout={layout} />
      )}
    </Box>
  );
}

function ListAndDetails({
  view,
  state,
  layout,
}: {
  readonly view: FindingsView;
  readonly state: TuiState;
  readonly layout: FindingsLayout;
}): ReactNode {
  const findings = shownFindings(state.snapshot, view.filter);
  const width = drawnWidth(state.size);
  const ids = new Set(findings.map((finding) => finding.id));
  const rows = findings.slice(view.top, view.top + layout.listRows).map((finding, i) =>
    findingRow(finding, {
      width: layout.listWidth,
      current: view.top + i === view.cursor,
      nested: finding.explainedBy !== null && ids.has(finding.explainedBy),
    }),
  );
  const list = (
    <Box flexDirection="column" width={layout.listWidth}>
      <Row line={findingsHeader(layout.listWidth)} />
      <Rows lines={rows} height={layout.listRows} width={layout.listWidth} selected={view.cursor - view.top} />
    </Box>
  );
  const finding = selectedFinding(state, view);
  if (layout.details === 'none' || !finding) return list;
  const lines = detailOf(finding, state.snapshot, layout.detailWidth).map((detail) => detail.line);
  const detail = (
    <Rows lines={pane(lines, view.paneTop, layout.detailRows, layout.detailWidth)} height={layout.detailRows} width={layout.detailWidth} />
  );
  if (layout.details === 'side') {
    return (
      <Box>
        {list}
        <Divider height={layout.detailRows} />
        {detail}
      </Box>
    );
  }
  return (
    <Box flexDirection="column">
      {list}
      <Row line={ruler('', width)} />
      {detail}
    </Box>
  );
}

/** The visible part; its last row says how to see what is cut off. */
function pane(lines: readonly Line[], top: number, height: number, width: number): Line[] {
  const shown = lines.slice(top, top + height);
  if (top + height >= lines.length) return shown;
  return [
    ...shown.slice(0, -1),
    fitLine([span(`… ${lines.length - top - height + 1} more lines: J and K scroll, d shows all`, 'dim')], width),
  ];
}
