/**
 * Columns of text for a terminal. Widths are measured on the first rows only, because there may be a million of them;
 * a later, longer cell pushes its line out rather than being cut, and nothing is held back.
 *
 * A page that is too narrow loses columns first. Only where those that must stay do not fit either, the widest are
 * narrowed, and their cells lose their middle: both ends of an address and port, or of a name and value, tell most.
 */
import { paint, type Page } from './layout.ts';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'right';
  /** Lowest goes first when the page is too narrow; columns without it always stay. */
  readonly importance?: number;
  /** Not shown while none of the first rows has anything in it. */
  readonly hideEmpty?: boolean;
  readonly cell: (row: Row) => string;
}

/** Rows measured before the first line is written. */
const MEASURED_ROWS = 1_000;
const GAP = '  ';

/** @param groupOf an empty line stands between rows of different groups */
export function* table<Row>(
  columns: readonly Column<Row>[],
  rows: Iterable<Row>,
  page: Page,
  groupOf: (row: Row) => string = () => '',
): Generator<string> {
  const iterator = rows[Symbol.iterator]();
  const head: { readonly cells: string[]; readonly group: string }[] = [];
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    const { value } = next;
    head.push({ cells: columns.map((c) => c.cell(value)), group: groupOf(value) });
    if (head.length === MEASURED_ROWS) break;
  }
  const contents = columns.map((_, i) => Math.max(0, ...head.map(({ cells }) => cells[i]?.length ?? 0)));
  const widths = columns.map((c, i) => Math.max(c.title.length, contents[i] ?? 0));
  const shown = columns.flatMap((c, i) => (c.hideEmpty === true && contents[i] === 0 ? [] : [i]));
  const kept = fit(columns, shown, widths, page.width);
  const drawn = narrowed(
    kept.map((i) => widths[i] ?? 0),
    page.width,
  );
  const cell = (text: string, i: number, width: number): string => {
    const shown = width < (widths[i] ?? 0) ? cut(text, width) : text;
    return columns[i]?.align === 'right' ? shown.padStart(width) : shown.padEnd(width);
  };
  const line = (cells: readonly string[]): string =>
    kept
      .map((i, k) => cell(cells[i] ?? '', i, drawn[k] ?? 0))
      .join(GAP)
      .trimEnd();

  yield `${paint(page, line(columns.map((c) => c.title)), 'bold')}\n`;
  let last = head[0]?.group;
  const gap = (group: string): string => {
    const changed = group !== last;
    last = group;
    return changed ? '\n' : '';
  };
  for (const { cells, group } of head) yield `${gap(group)}${line(cells)}\n`;
  if (head.length < MEASURED_ROWS) return;
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    const { value } = next;
    yield `${gap(groupOf(value))}${line(columns.map((c, i) => (kept.includes(i) ? c.cell(value) : '')))}\n`;
  }
}

/** Of `shown`, the indices of the columns that fit, dropping the least important first. */
function fit<Row>(columns: readonly Column<Row>[], shown: readonly number[], widths: readonly number[], width: number): readonly number[] {
  let kept = shown;
  const total = (): number => kept.reduce((sum, i) => sum + (widths[i] ?? 0) + GAP.length, -GAP.length);
  const droppable = kept
    .filter((i) => columns[i]?.importance !== undefined)
    .sort((a, b) => (columns[a]?.importance ?? 0) - (columns[b]?.importance ?? 0));
  for (const victim of droppable) {
    if (total() <= width) break;
    kept = kept.filter((i) => i !== victim);
  }
  return kept;
}

/** The same columns with the widest made narrower until they fit. */
function narrowed(widths: readonly number[], width: number): readonly number[] {
  const drawn = [...widths];
  let excess = drawn.reduce((sum, w) => sum + w + GAP.length, -GAP.length) - width;
  for (; excess > 0; excess--) {
    const widest = Math.max(...drawn);
    if (widest <= 1) break;
    drawn[drawn.indexOf(widest)] = widest - 1;
  }
  return drawn;
}

function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}
