/** `states -f table`: the columns and the spelling of `ss -tan`, and since when (which ss cannot say). */
import type { SocketRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { SS_NAMES, STATE_NAMES, type StateName } from '../model/state.ts';
import type { Page } from './layout.ts';
import { clockText, durationText, secondsBetween } from './narrate.ts';
import { table, type Column } from './table.ts';

const SS_NAME = new Map<string, string>(STATE_NAMES.map((name: StateName, i) => [name, SS_NAMES[i] ?? name]));

const COLUMNS: readonly Column<SocketRow>[] = [
  { title: 'State', cell: (s) => SS_NAME.get(s.state) ?? sanitise(s.state) },
  { title: 'Local Address:Port', cell: (s) => sanitise(s.local) },
  { title: 'Peer Address:Port', cell: (s) => sanitise(s.remote) },
  { title: 'Since', importance: 3, cell: (s) => clockText(s.since) },
  { title: 'For', align: 'right', importance: 2, cell: (s) => ageText(s) },
  { title: 'Connection', align: 'right', importance: 1, cell: (s) => String(s.connection) },
];

function ageText(s: SocketRow): string {
  const age = secondsBetween(s.since, s.at);
  return age === null ? '-' : durationText(age);
}

export function* socketTable(rows: Iterable<SocketRow>, page: Page): Generator<string> {
  yield* table(COLUMNS, rows, page);
}
