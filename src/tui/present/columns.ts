/** Tables whose less important columns leave where the terminal is narrow: which fit, the header, a row. */
import { mark } from './findings.ts';
import { fitLine, type Line, type Span, span, type Style } from './line.ts';
import { fit } from './text.ts';

export interface Column<Row, Sort> {
  readonly title: string;
  readonly width: number;
  readonly align: 'left' | 'right';
  /** 0 is always there; higher numbers leave first when the terminal is narrow. */
  readonly rank: number;
  readonly sort: Sort | null;
  readonly text: (row: Row) => string;
  readonly style?: (row: Row) => Style;
  /** Gets its share of what is left. */
  readonly grows?: boolean;
  /** Where a text that is too long is cut; at its end unless said. */
  readonly cutAt?: (row: Row) => 'start' | 'end';
}

/** `255.255.255.255:65535` */
const ENDPOINT_WIDTH = 21;
/** `[2001:db8:85a3:8d3:1319:8a2e:370:7348]:65535` */
const ENDPOINT_LIMIT = 45;

/** Addresses, with their port or without: cut at the start, because the port is what tells two of them apart. */
export const endpointColumn = <Row, Sort>(
  column: Pick<Column<Row, Sort>, 'title' | 'sort' | 'text'> & Partial<Column<Row, Sort>>,
): Column<Row, Sort> => ({ width: ENDPOINT_WIDTH, align: 'left', rank: 0, grows: true, cutAt: () => 'start', ...column });

export const nameColumn = <Row, Sort>(rank: number, text: (row: Row) => string): Column<Row, Sort> => ({
  title: 'NAME',
  width: 22,
  align: 'left',
  rank,
  sort: null,
  text,
  style: () => 'dim',
});

const MARK_WIDTH = 2;
const GAP = 1;

/** Those that fit, with what is left given to those that grow. */
export function fitting<Row, Sort>(columns: readonly Column<Row, Sort>[], width: number): readonly Column<Row, Sort>[] {
  let shown = columns;
  const total = (): number => MARK_WIDTH + shown.reduce((sum, column) => sum + column.width + GAP, -GAP);
  while (total() > width && shown.some((column) => column.rank > 0)) {
    const worst = Math.max(...shown.map((column) => column.rank));
    // One at a time, from the right: two of one rank need not both go.
    const at = shown.findLastIndex((column) => column.rank === worst);
    shown = shown.filter((_, i) => i !== at);
  }
  const growing = shown.filter((column) => column.grows === true).length;
  const each = Math.min(Math.floor(Math.max(0, width - total()) / Math.max(1, growing)), ENDPOINT_LIMIT - ENDPOINT_WIDTH);
  return shown.map((column) => (column.grows === true ? { ...column, width: column.width + each } : column));
}

function rowOf<Row, Sort>(
  columns: readonly Column<Row, Sort>[],
  width: number,
  lead: Span,
  cell: (column: Column<Row, Sort>) => Span,
): Line {
  return fitLine([lead, ...columns.flatMap((column, i) => (i === 0 ? [cell(column)] : [span(' '), cell(column)]))], width);
}

export function tableHeader<Row, Sort>(columns: readonly Column<Row, Sort>[], width: number, sort: Sort, descending: boolean): Line {
  return rowOf(columns, width, span('  '), (column) => {
    const sorted = column.sort === sort;
    const title = sorted ? `${descending ? '▼' : '▲'}${column.title}` : column.title;
    return span(fit(title, column.width, column.align), sorted ? 'accent' : 'dim');
  });
}

export function tableRow<Row, Sort>(
  row: Row,
  columns: readonly Column<Row, Sort>[],
  { width, current }: { readonly width: number; readonly current: boolean },
): Line {
  return rowOf(columns, width, span(mark(current)), (column) =>
    span(fit(column.text(row), column.width, column.align, column.cutAt?.(row)), column.style?.(row) ?? 'plain'),
  );
}

/** A row whose page has not come yet. */
export const waitingRow = (width: number, current: boolean): Line => [span(fit(`${mark(current)}…`, width), 'dim')];
