/** `states --diff`: the sockets that the capture tells of beside those that ss listed; the table shows where they are not the same. */
import type { SocketDiffRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { SS_NAMES, STATE_NAMES } from '../model/state.ts';
import { plural } from '../model/wording.ts';
import { csv, type CsvField } from './csv.ts';
import type { Page } from './layout.ts';
import { clockText, durationText, secondsBetween } from './narrate.ts';
import { ndjsonRows } from './ndjson.ts';
import { table, type Column } from './table.ts';

const SS_NAME = new Map<string, string>(STATE_NAMES.map((name, i) => [name, SS_NAMES[i] ?? name]));
const stateText = (state: string | null): string => (state === null ? '-' : (SS_NAME.get(state) ?? sanitise(state)));

const COLUMNS: readonly Column<SocketDiffRow>[] = [
  { title: 'Is', cell: (r) => WORDS[r.verdict] },
  { title: 'ss', cell: (r) => stateText(r.ss) },
  { title: 'Capture', cell: (r) => stateText(r.capture) },
  { title: 'Local Address:Port', cell: (r) => sanitise(r.local) },
  { title: 'Peer Address:Port', cell: (r) => sanitise(r.remote) },
  { title: 'Since', importance: 2, cell: (r) => (r.since === null ? '-' : clockText(r.since)) },
  { title: 'For', align: 'right', importance: 3, cell: (r) => ageText(r) },
  { title: 'Connection', align: 'right', importance: 1, cell: (r) => (r.connection === null ? '-' : String(r.connection)) },
];

const WORDS: Readonly<Record<SocketDiffRow['verdict'], string>> = {
  agrees: 'the same',
  differs: 'different',
  'only-capture': 'only in the capture',
  'only-ss': 'only in ss',
};

function ageText({ since, at }: SocketDiffRow): string {
  const age = since === null ? null : secondsBetween(since, at);
  return age === null ? '-' : durationText(age);
}

export function* socketDiffTable(rows: Iterable<SocketDiffRow>, page: Page): Generator<string> {
  const counts = { agrees: 0, differs: 0, 'only-capture': 0, 'only-ss': 0 };
  const others: SocketDiffRow[] = [];
  for (const row of rows) {
    counts[row.verdict]++;
    if (row.verdict !== 'agrees') others.push(row);
  }
  if (others.length > 0) {
    yield* table(COLUMNS, others, page);
    yield '\n';
  }
  const { agrees, differs } = counts;
  const same = `${plural(agrees, 'socket')} ${agrees === 1 ? 'is' : 'are'} the same`;
  yield others.length === 0
    ? `${same} in ss and in the capture.\n`
    : `${same}, ${String(differs)} differ, ${String(counts['only-capture'])} only in the capture, ${String(counts['only-ss'])} only in ss.\n`;
}

export const socketDiffNdjson = (rows: Iterable<SocketDiffRow>): Iterable<string> => ndjsonRows(rows);

const CSV_FIELDS: readonly CsvField<SocketDiffRow>[] = [
  ['at', (r) => r.at],
  ['verdict', (r) => r.verdict],
  ['host', (r) => r.host],
  ['local', (r) => r.local],
  ['remote', (r) => r.remote],
  ['ss', (r) => r.ss],
  ['capture', (r) => r.capture],
  ['since', (r) => r.since],
  ['basis', (r) => r.basis],
  ['connection', (r) => r.connection],
];

export const socketDiffCsv = (rows: Iterable<SocketDiffRow>): Iterable<string> => csv(CSV_FIELDS, rows);
