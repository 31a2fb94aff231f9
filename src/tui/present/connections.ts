/** The table of connections: its columns. */
import type { ConnectionSort, ConnectionSummary } from '../../engine/protocol.ts';
import { type Column, endpointColumn, fitting, nameColumn } from './columns.ts';
import { bytes, count, duration } from './format.ts';
import { stateStyle, type Style } from './line.ts';

type ConnectionColumn = Column<ConnectionSummary, ConnectionSort>;

const BAD_OUTCOMES: Readonly<Record<string, Style>> = {
  leaked: 'stateStuck',
  refused: 'critical',
  reset: 'critical',
  unanswered: 'warning',
  abandoned: 'warning',
  'half-open': 'warning',
};

const COLUMNS: readonly ConnectionColumn[] = [
  { title: 'ID', width: 7, align: 'right', rank: 2, sort: 'id', text: (r) => String(r.id) },
  endpointColumn({ title: 'CLIENT', sort: 'client', text: (r) => r.client }),
  endpointColumn({ title: 'SERVER', sort: 'server', text: (r) => r.server }),
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
  nameColumn(4.5, (r) => r.serverName ?? r.clientName ?? ''),
  { title: 'SEEN', width: 9, align: 'left', rank: 10, sort: null, text: (r) => r.basis },
];

/** Those that fit. @param named has any row on the screen a name? */
export const connectionColumns = (width: number, named = false): readonly ConnectionColumn[] =>
  fitting(
    COLUMNS.filter((column) => named || column.title !== 'NAME'),
    width,
  );
