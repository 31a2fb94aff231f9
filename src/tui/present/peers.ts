/** The table of hosts and services: which columns fit, its header, its rows. */
import { PEER_GROUPS, type PeerGroup, type PeerRow, type PeerSort } from '../../engine/protocol.ts';
import { SS_NAMES, STATE_NAMES, type StateName } from '../../model/state.ts';
import { mark } from './findings.ts';
import { bytes, count } from './format.ts';
import { fitLine, type Line, type Span, span, stateStyle, type Style } from './line.ts';
import { fit } from './text.ts';

interface Column {
  readonly title: string;
  readonly width: number;
  readonly align: 'left' | 'right';
  /** 0 is always there; higher numbers leave first when the terminal is narrow. */
  readonly rank: number;
  readonly sort: PeerSort | null;
  readonly text: (row: PeerRow) => string;
  readonly style?: (row: PeerRow) => Style;
  /** Takes what is left. */
  readonly grows?: boolean;
}

/** `255.255.255.255:65535` */
const ENDPOINT_WIDTH = 21;
/** `[2001:db8:85a3:8d3:1319:8a2e:370:7348]:65535` */
const ENDPOINT_LIMIT = 45;
const NAME_WIDTH = 22;

const ssName = (state: StateName): string => SS_NAMES[STATE_NAMES.indexOf(state)] ?? state;
const some = (n: number): string => (n === 0 ? '–' : count(n));
const clientText = (row: PeerRow): string => (row.clients === undefined ? (row.client ?? '') : `${count(row.clients)} clients, 1 each`);

function columnsOf(group: PeerGroup, states: readonly StateName[]): readonly Column[] {
  const client: Column = {
    title: group === 'hosts' ? 'HOST' : 'CLIENT',
    width: ENDPOINT_WIDTH,
    align: 'left',
    rank: 0,
    sort: 'client',
    text: clientText,
    style: (r) => (r.clients === undefined ? 'plain' : 'dim'),
    grows: true,
  };
  const server: Column = {
    title: 'SERVICE',
    width: ENDPOINT_WIDTH,
    align: 'left',
    rank: 0,
    sort: 'server',
    text: (r) => r.server ?? '',
    grows: true,
  };
  return [
    ...(group === 'services' ? [] : [client]),
    ...(group === 'hosts' ? [] : [server]),
    { title: 'CONNS', width: 9, align: 'right', rank: 0, sort: 'connections', text: (r) => count(r.connections) },
    {
      title: 'TROUBLE',
      width: 9,
      align: 'right',
      rank: 1,
      sort: 'trouble',
      text: (r) => some(r.trouble),
      style: (r) => (r.trouble > 0 ? 'warning' : 'dim'),
    },
    ...states.map((state): Column => {
      const n = (r: PeerRow): number => r.states[state] ?? 0;
      return {
        title: ssName(state),
        width: Math.max(7, ssName(state).length + 1),
        align: 'right',
        // What is stuck or half open tells more than what has been closed.
        rank: state === 'CLOSE_WAIT' ? 2 : state === 'SYN_RCVD' || state === 'SYN_SENT' ? 3 : state === 'ESTABLISHED' ? 4 : 6,
        sort: state,
        text: (r) => some(n(r)),
        style: (r) => (n(r) > 0 ? stateStyle(state) : 'dim'),
      };
    }),
    { title: 'PACKETS', width: 9, align: 'right', rank: 8, sort: 'packets', text: (r) => count(r.packets) },
    { title: 'BYTES', width: 8, align: 'right', rank: 7, sort: 'bytes', text: (r) => bytes(r.bytes) },
    {
      title: 'NAME',
      width: NAME_WIDTH,
      align: 'left',
      rank: 5,
      sort: null,
      text: (r) => r.serverName ?? r.clientName ?? '',
      style: () => 'dim',
    },
  ];
}

const MARK_WIDTH = 2;
const GAP = 1;

/** @param named has any row a name? */
export function peerColumns(group: PeerGroup, states: readonly StateName[], named: boolean, width: number): readonly Column[] {
  let shown = columnsOf(group, states).filter((column) => named || column.title !== 'NAME');
  const total = (): number => MARK_WIDTH + shown.reduce((sum, column) => sum + column.width + GAP, -GAP);
  while (total() > width && shown.some((column) => column.rank > 0)) {
    const worst = Math.max(...shown.map((column) => column.rank));
    // One at a time, from the right: two states of one rank need not both go.
    const at = shown.findLastIndex((column) => column.rank === worst);
    shown = shown.filter((_, i) => i !== at);
  }
  const growing = shown.filter((column) => column.grows === true).length;
  const each = Math.min(Math.floor(Math.max(0, width - total()) / Math.max(1, growing)), ENDPOINT_LIMIT - ENDPOINT_WIDTH);
  return shown.map((column) => (column.grows === true ? { ...column, width: column.width + each } : column));
}

function rowOf(columns: readonly Column[], width: number, lead: Span, cell: (column: Column) => Span): Line {
  return fitLine([lead, ...columns.flatMap((column, i) => (i === 0 ? [cell(column)] : [span(' '), cell(column)]))], width);
}

export function peersHeader(columns: readonly Column[], width: number, sort: PeerSort, descending: boolean): Line {
  return rowOf(columns, width, span('  '), (column) => {
    const sorted = column.sort === sort;
    return span(
      fit(sorted ? `${descending ? '▼' : '▲'}${column.title}` : column.title, column.width, column.align),
      sorted ? 'accent' : 'dim',
    );
  });
}

export function peerLine(row: PeerRow, columns: readonly Column[], options: { width: number; current: boolean }): Line {
  return rowOf(columns, options.width, span(mark(options.current)), (column) =>
    // Of an endpoint the port is kept, of a number of clients the number.
    span(
      fit(column.text(row), column.width, column.align, column.grows === true && row.clients === undefined ? 'start' : 'end'),
      column.style?.(row) ?? 'plain',
    ),
  );
}

const GROUP_NAMES: Readonly<Record<PeerGroup, string>> = { pairs: 'clients and services', services: 'services', hosts: 'hosts' };
const COUNTED: Readonly<Record<PeerGroup, string>> = {
  pairs: 'sockets of both ends',
  services: 'sockets of the server',
  hosts: 'sockets of the host',
};

/** The groupings, and what the columns of states count. */
export function groupsLine(group: PeerGroup, width: number): Line {
  return fitLine(
    [
      ...PEER_GROUPS.map((name) =>
        span(name === group ? ` [${GROUP_NAMES[name]}]` : `  ${GROUP_NAMES[name]} `, name === group ? 'bold' : 'dim'),
      ),
      span(`   states: ${COUNTED[group]} at the end`, 'dim'),
    ],
    width,
  );
}
