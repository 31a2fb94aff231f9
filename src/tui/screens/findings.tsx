/** What is wrong, worst first; what the finding under the cursor says stands beside or below where there is room. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Divider, Row, Rows } from '../components/rows.tsx';
import { detailOf, findingsLayoutOf, type FindingsView, overSince, selectedFinding, shownFindings, type TuiState } from '../navigation.ts';
import { emptyFindings, findingRow, findingsHeader } from '../present/findings.ts';
import { drawnWidth, type FindingsLayout, ruler } from '../present/layout.ts';
import { fitLine, type Line, span } from '../present/line.ts';
import { placeFindings } from '../../report/narrate.ts';
import { trendLines, trendTitle } from '../present/trend.ts';
import { factsLine, verdictLines, verdictOf } from '../present/verdict.ts';

export function FindingsScreen({ view, state }: { readonly view: FindingsView; readonly state: TuiState }): ReactNode {
  const findings = shownFindings(state, view.filter);
  const width = drawnWidth(state.size);
  const layout = findingsLayoutOf(state);
  const { series } = state.snapshot;
  const head = [
    ...verdictLines(verdictOf(state.snapshot, state.rules), layout.verdictRows, width),
    ...(layout.facts ? [factsLine(state.snapshot, width)] : []),
    ...trendLines(series, width, layout.trendRows),
    ...(layout.rule ? [ruler(trendTitle(series), width)] : []),
  ];
  return (
    <Box flexDirection="column">
      <Rows lines={head} height={head.length} width={width} />
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
  const findings = shownFindings(state, view.filter);
  const width = drawnWidth(state.size);
  const depths = new Map(placeFindings(findings).map(({ finding, depth }) => [finding, depth]));
  const rows = findings.slice(view.top, view.top + layout.listRows).map((finding, i) =>
    findingRow(finding, {
      width: layout.listWidth,
      current: view.top + i === view.cursor,
      marked: state.marks.has(finding.id),
      over: overSince(state, finding) !== undefined,
      depth: depths.get(finding) ?? 0,
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
  const lines = detailOf(finding, state, layout.detailWidth).map((detail) => detail.line);
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
