/**
 * `states -f table`: the columns and the spelling of `ss -tan` without its queues, which no capture shows, and since when, which ss
 * cannot say. With `--every`: the sockets of each host counted by state, a row per moment and host.
 */
import type { SocketRow, StateCountRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { SS_NAMES, STATE_NAMES, type StateName } from '../model/state.ts';
import { csv, type CsvField } from './csv.ts';
import type { Page } from './layout.ts';
import { clockText, countText, durationText, legMark, plural, secondsBetween } from './narrate.ts';
import { table, type Column } from './table.ts';

const SS_NAME = new Map<string, string>(STATE_NAMES.map((name, i) => [name, SS_NAMES[i] ?? name]));

const COLUMNS: readonly Column<SocketRow>[] = [
  { title: 'State', cell: (s) => SS_NAME.get(s.state) ?? sanitise(s.state) },
  { title: 'Local Address:Port', cell: (s) => sanitise(s.local) },
  { title: 'Peer Address:Port', cell: (s) => sanitise(s.remote) },
  { title: 'Local Name', importance: 0, hideEmpty: true, cell: (s) => sanitise(s.localName ?? '') },
  { title: 'Peer Name', importance: 0.5, hideEmpty: true, cell: (s) => sanitise(s.remoteName ?? '') },
  { title: 'Since', importance: 3, cell: (s) => clockText(s.since) },
  { title: 'For', align: 'right', importance: 2, cell: (s) => ageText(s) },
  { title: 'Connection', align: 'right', importance: 1, cell: (s) => `${String(s.connection)}${legMark(s)}` },
];

function ageText(s: SocketRow): string {
  const age = secondsBetween(s.since, s.at);
  return age === null ? '-' : durationText(age);
}

export function* socketTable(rows: Iterable<SocketRow>, page: Page): Generator<string> {
  yield* table(COLUMNS, rows, page, (s) => s.host);
}

const CSV_FIELDS: readonly CsvField<SocketRow>[] = [
  ['at', (s) => s.at],
  ['host', (s) => s.host],
  ['local', (s) => s.local],
  ['remote', (s) => s.remote],
  ['state', (s) => s.state],
  ['since', (s) => s.since],
  ['basis', (s) => s.basis],
  ['connection', (s) => s.connection],
  ['leg', (s) => s.leg ?? null],
  ['sameAs', (s) => s.sameAs ?? null],
  ['localName', (s) => s.localName ?? null],
  ['remoteName', (s) => s.remoteName ?? null],
];

export const socketCsv = (rows: Iterable<SocketRow>): Generator<string> => csv(CSV_FIELDS, rows);

export interface StateCountsView {
  readonly states: readonly StateName[];
  readonly hosts: number;
  readonly rows: Iterable<StateCountRow>;
}

export function* stateCountTable({ states, hosts, rows }: StateCountsView, page: Page): Generator<string> {
  const columns: Column<StateCountRow>[] = [
    { title: 'Time', cell: (r) => clockText(r.at) },
    { title: 'Host', cell: (r) => (r.hosts === undefined ? sanitise(r.host) : plural(r.hosts, 'other host')) },
    ...states.map((state): Column<StateCountRow> => {
      return {
        title: SS_NAME.get(state) ?? state,
        align: 'right',
        cell: ({ counts }) => (counts[state] === undefined ? '-' : countText(counts[state])),
      };
    }),
  ];
  yield* table(columns, hosts === 1 ? rows : withSockets(rows), page, (r) => (hosts === 1 ? '' : r.at));
}

/** Among many hosts, one that has no socket at the moment is only in the way. */
function* withSockets(rows: Iterable<StateCountRow>): Generator<StateCountRow> {
  for (const row of rows) if (Object.keys(row.counts).length > 0) yield row;
}

/** A column for each state that a socket ever is in; 0 is 0 here. */
export function stateCountCsv({ states, rows }: StateCountsView): Generator<string> {
  const counts = states.map((state): CsvField<StateCountRow> => [state, (r) => r.counts[state] ?? 0]);
  return csv<StateCountRow>([['at', (r) => r.at], ['host', (r) => r.host], ['hosts', (r) => r.hosts ?? null], ...counts], rows);
}
