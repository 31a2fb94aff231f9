/** A screen, and what is marked for the report, as Markdown: headings, and the rows as they stand in a block of text. */
import { sanitise } from '../model/sanitise.ts';
import { placeFindings } from '../report/narrate.ts';
import { allFindings, crumbs, detailOf, itemsOf, shownFindings, textLines, topView, type TuiState } from './navigation.ts';
import { tableHeader, tableRow } from './present/columns.ts';
import { connectionColumns } from './present/connections.ts';
import { findingRow, findingsHeader } from './present/findings.ts';
import { ladderHeader, ladderRow } from './present/ladder.ts';
import { type Line, lineText } from './present/line.ts';
import { packetHeader, packetTree, treeRow } from './present/packet.ts';

/** Wide enough for every column, narrow enough for a ticket, cells. */
const WIDTH = 120;
/** A document that a person reads, rows. */
const MAX_ROWS = 2_000;

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
      const columns = connectionColumns(WIDTH);
      const rows: Line[] = [tableHeader(columns, WIDTH, view.sort, view.descending)];
      // Those that are here: a list of a million is not fetched for it.
      for (let at = 0; at < (view.pages.total ?? 0) && rows.length <= MAX_ROWS; at++) {
        const row = view.pages.row(at);
        if (row) rows.push(tableRow(row, columns, { width: WIDTH, current: false }));
      }
      const left = (view.pages.total ?? 0) - rows.length + 1;
      return [...texts(rows), ...(left > 0 ? [`… ${String(left)} more`] : [])];
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

/** A fence longer than any row of backticks inside, so that nothing of a packet ends it. */
function block(rows: readonly string[]): string {
  const ticks = Math.max(2, ...rows.flatMap((row) => (row.match(/`+/g) ?? []).map((run) => run.length)));
  const fence = '`'.repeat(ticks + 1);
  return `${fence}text\n${rows.join('\n')}\n${fence}`;
}

const escaped = (text: string): string => text.replace(/[\\`*_{}[\]<>#|]/g, '\\$&');
