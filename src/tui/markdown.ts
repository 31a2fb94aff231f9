/** A screen, and what is marked for the report, as Markdown: headings, and the rows as they stand in a block of text. */
import { sanitise } from '../model/sanitise.ts';
import { placeFindings } from '../report/narrate.ts';
import { allFindings, crumbs, detailOf, itemsOf, shownFindings, textLines, topView, type TuiState } from './navigation.ts';
import { tableHeader, tableRow } from './present/columns.ts';
import { connectionColumns } from './present/connections.ts';
import { findingRow, findingsHeader } from './present/findings.ts';
import { ladderHeader, ladderRow } from './present/ladder.ts';
import { type Line, lineText } from './present/line.ts';
import { groupsLine, peerColumns } from './present/peers.ts';
import { socketLine, socketsHeader, timeHead } from './present/time.ts';
import { packetHeader, packetTree, treeRow } from './present/packet.ts';

/** Wide enough for every column, narrow enough for a ticket, cells. */
const WIDTH = 120;
/** A document that a person reads, rows. */
const MAX_ROWS = 2_000;
/** Of the time machine's chart. */
const CHART_ROWS = 8;
const UNCHOSEN = { width: WIDTH, current: false } as const;

export function markdownOf(state: TuiState): string {
  const title = crumbs(state)
    .map((crumb) => sanitise(crumb))
    .join(' › ');
  const rows = rowsOf(state);
  const cut = rows.length > MAX_ROWS ? `\n\n${String(rows.length - MAX_ROWS)} more rows are left out.` : '';
  return `## ${escaped(title)}\n\n${block(rows.slice(0, MAX_ROWS))}${cut}\n`;
}

/** The findings that the user marked, with their notes, in the order of the report. */
export function markedAsMarkdown(state: TuiState): string {
  const marked = allFindings(state).filter(({ id }) => state.marks.has(id));
  return marked
    .map((finding) => {
      const note = state.marks.get(finding.id) ?? '';
      const lines = detailOf(finding, state, WIDTH).map(({ line }) => lineText(line).trimEnd());
      return [`## ${escaped(sanitise(finding.title))}`, ...(note === '' ? [] : [`> ${escaped(sanitise(note))}`]), block(lines)].join(
        '\n\n',
      );
    })
    .join('\n\n')
    .concat('\n');
}

function rowsOf(state: TuiState): string[] {
  const view = topView(state);
  const texts = (lines: readonly Line[]): string[] => lines.map((line) => lineText(line).trimEnd());
  switch (view.kind) {
    case 'findings':
      return texts([
        findingsHeader(WIDTH),
        ...placeFindings(shownFindings(state, view.filter)).map(({ finding, depth }) =>
          findingRow(finding, { width: WIDTH, current: false, depth }),
        ),
      ]);
    case 'connections': {
      const { rows, left } = here(view.pages);
      const columns = connectionColumns(WIDTH, rows.some(isNamed));
      const header = tableHeader(columns, WIDTH, view.sort, view.descending);
      return [...texts([header, ...rows.map((row) => tableRow(row, columns, UNCHOSEN))]), ...left];
    }
    case 'peers': {
      const { rows, left } = here(view.pages);
      const columns = peerColumns(view.group, view.pages.answer?.states ?? [], rows.some(isNamed), WIDTH);
      const head = [groupsLine(view.group, WIDTH), tableHeader(columns, WIDTH, view.sort, view.descending)];
      return [...texts([...head, ...rows.map((row) => tableRow(row, columns, UNCHOSEN))]), ...left];
    }
    case 'time': {
      const chart = view.chart.value;
      if (chart === null) return [];
      const { rows, left } = here(view.pages);
      const head = timeHead(view, chart, state.snapshot.findings, { chartRows: CHART_ROWS, width: WIDTH });
      const sockets = rows.map((row) => socketLine(row, { ...UNCHOSEN, stale: false }));
      return [...texts([...head, socketsHeader(WIDTH), ...sockets]), ...left];
    }
    case 'ladder': {
      const ladder = view.data.value;
      if (ladder === null) return [];
      const proving = new Set(ladder.evidence.map(({ frame }) => frame));
      const rows = itemsOf(view).map((item, i) =>
        ladderRow(item, {
          width: WIDTH,
          current: false,
          first: i === 0,
          lastFrame: ladder.connection.lastFrame,
          evidence: item.kind === 'row' && item.row.frame !== null && proving.has(item.row.frame),
        }),
      );
      return texts([...ladderHeader(ladder, WIDTH), ...rows]);
    }
    case 'packet': {
      const detail = view.data.value;
      return detail === null
        ? []
        : texts([...packetHeader(detail, WIDTH), ...packetTree(detail).map((row) => treeRow(row, { width: WIDTH, current: false }))]);
    }
    default:
      return (textLines(view, state) ?? []).map((line) => line.trimEnd());
  }
}

/** The rows that are here, and how many are not: a list of a million is not fetched for it. */
function here<Row>(pages: { readonly total: number | null; row(at: number): Row | undefined }): { rows: Row[]; left: string[] } {
  const total = pages.total ?? 0;
  const rows: Row[] = [];
  for (let at = 0; at < total && rows.length < MAX_ROWS; at++) {
    const row = pages.row(at);
    if (row !== undefined) rows.push(row);
  }
  return { rows, left: rows.length < total ? [`… ${String(total - rows.length)} more`] : [] };
}

interface Named {
  readonly clientName?: string;
  readonly serverName?: string;
}
const isNamed = ({ clientName, serverName }: Named): boolean => clientName !== undefined || serverName !== undefined;

/** A fence longer than any row of backticks inside, so that nothing of a packet ends it. */
function block(rows: readonly string[]): string {
  const ticks = Math.max(2, ...rows.flatMap((row) => (row.match(/`+/g) ?? []).map((run) => run.length)));
  const fence = '`'.repeat(ticks + 1);
  return `${fence}text\n${rows.join('\n')}\n${fence}`;
}

const escaped = (text: string): string => text.replace(/[\\`*_{}[\]<>#|]/g, '\\$&');
