/** The table of connections: which columns fit, its header, its rows. */
import type { ConnectionSort, ConnectionSummary } from '../../engine/protocol.ts';
import { bytes, count, duration } from './format.ts';
import { mark } from './findings.ts';
import { type Line, type Span, span, stateStyle, type Style } from './line.ts';
import { fit } from './text.ts';

interface Column {
  readonly title: string;
  readonly width: number;
  readonly align: 'left' | 'right';
  /** 0 is always there; higher numbers leave first when the terminal is narrow. */
  readonly rank: number;
  readonly sort: ConnectionSort | null;
  readonly text: (row: ConnectionSummary) => string;
  readonly style?: (row: ConnectionSummary) => Style;
  /** Cut at the start: the port is what tells two endpoints apart. */
  readonly keepEnd?: boolean;
}

/** `255.255.255.255:65535` */
const ENDPOINT_WIDTH = 21;
/** `[2001:db8:85a3:8d3:1319:8a2e:370:7348]:65535` */
const ENDPOINT_LIMIT = 45;

const BAD_OUTCOMES: Readonly<Record<string, Style>> = {
  leaked: 'stateStuck',
  refused: 'critical',
  reset: 'critical',
  unanswered: 'warning',
  abandoned: 'warning',
  'half-open': 'warning',
};

export const COLUMNS: readonly Column[] = [
  { title: 'ID', width: 7, align: 'right', rank: 2, sort: 'id', text: (r) => String(r.id) },
  { title: 'CLIENT', width: ENDPOINT_WIDTH, align: 'left', rank: 0, sort: 'client', text: (r) => r.client, keepEnd: true },
  { title: 'SERVER', width: ENDPOINT_WIDTH, align: 'left', rank: 0, sort: 'server', text: (r) => r.server, keepEnd: true },
  {
    title: 'CLIENT IS',
    width: 11,
    align: 'left',
    rank: 0,
    sort: 'state',
    text: (r) => r.clientState,
    style: (r) => stateStyle(r.clientState),
  },
  {
    title: 'SERVER IS',
    width: 11,
    align: 'left',
    rank: 1,
    sort: null,
    text: (r) => r.serverState,
    style: (r) => stateStyle(r.serverState),
  },
  {
    title: 'OUTCOME',
    width: 10,
    align: 'left',
    rank: 3,
    sort: null,
    text: (r) => r.outcome,
    style: (r) => BAD_OUTCOMES[r.outcome] ?? 'plain',
  },
  { title: 'LASTED', width: 8, align: 'right', rank: 4, sort: 'duration', text: (r) => duration(r.duration) },
  { title: 'PACKETS', width: 8, align: 'right', rank: 5, sort: 'packets', text: (r) => count(r.packets) },
  { title: 'BYTES', width: 7, align: 'right', rank: 6, sort: 'bytes', text: (r) => bytes(r.bytes) },
  {
    title: 'RETR',
    width: 6,
    align: 'right',
    rank: 7,
    sort: 'retransmissions',
    text: (r) => (r.retransmissions === 0 ? '–' : count(r.retransmissions)),
  },
  {
    title: 'CONNECT',
    width: 8,
    align: 'right',
    rank: 8,
    sort: 'connect',
    text: (r) => (r.connectSeconds === null ? '–' : duration(r.connectSeconds)),
  },
  { title: 'STARTED', width: 10, align: 'right', rank: 9, sort: null, text: (r) => `+${r.startSeconds.toFixed(3)}` },
  {
    title: 'NAME',
    width: 22,
    align: 'left',
    rank: 4.5,
    sort: null,
    text: (r) => r.serverName ?? r.clientName ?? '',
    style: () => 'dim',
  },
  { title: 'SEEN', width: 9, align: 'left', rank: 10, sort: null, text: (r) => r.basis },
];

const MARK_WIDTH = 2;
const GAP = 1;

/** The columns that fit, endpoints widened with what is left. */
/** @param named has any row on the screen a name? */
export function columnsFor(width: number, named = false): readonly Column[] {
  let shown = COLUMNS.filter((column) => named || column.title !== 'NAME');
  const total = (): number => MARK_WIDTH + shown.reduce((sum, column) => sum + column.width + GAP, -GAP);
  while (total() > width && shown.some((column) => column.rank > 0)) {
    const worst = Math.max(...shown.map((column) => column.rank));
    shown = shown.filter((column) => column.rank < worst);
  }
  const spare = Math.max(0, width - total());
  const each = Math.min(Math.floor(spare / 2), ENDPOINT_LIMIT - ENDPOINT_WIDTH);
  return shown.map((column) => (column.keepEnd === true ? { ...column, width: column.width + each } : column));
}

function rowOf(columns: readonly Column[], width: number, lead: Span, cell: (column: Column) => Span): Line {
  const line: Span[] = [lead];
  columns.forEach((column, i) => {
    if (i > 0) line.push(span(' '));
    line.push(cell(column));
  });
  const used = MARK_WIDTH + columns.reduce((sum, column) => sum + column.width + GAP, -GAP);
  return [...line, span(' '.repeat(Math.max(0, width - used)))];
}

export function connectionsHeader(width: number, sort: ConnectionSort, descending: boolean, named = false): Line {
  return rowOf(columnsFor(width, named), width, span('  '), (column) => {
    const sorted = column.sort === sort;
    const title = sorted ? `${descending ? '▼' : '▲'}${column.title}` : column.title;
    return span(fit(title, column.width, column.align), sorted ? 'accent' : 'dim');
  });
}

export function connectionRow(row: ConnectionSummary, options: { width: number; current: boolean; named?: boolean }): Line {
  return rowOf(columnsFor(options.width, options.named), options.width, span(mark(options.current)), (column) =>
    span(fit(column.text(row), column.width, column.align, column.keepEnd === true ? 'start' : 'end'), column.style?.(row) ?? 'plain'),
  );
}

/** A row whose page has not come yet. */
export const waitingRow = (width: number, current: boolean): Line => [span(fit(`${mark(current)}…`, width), 'dim')];
