/** `connections`: one row per connection, as a table to read and as CSV to load. (ndjson is the row itself; report/ndjson.ts) */
import { endpointText } from '../model/address.ts';
import type { ConnectionRow, EndpointRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { csv, type CsvField } from './csv.ts';
import type { Page } from './layout.ts';
import { bytesText, clockText, countText, durationText, legMark } from './narrate.ts';
import { table, type Column } from './table.ts';

const name = (e: EndpointRow): string => sanitise(endpointText(e.ip, e.port));

const COLUMNS: readonly Column<ConnectionRow>[] = [
  { title: 'ID', align: 'right', cell: (c) => String(c.id) },
  { title: 'CLIENT', cell: (c) => name(c.client) },
  { title: 'SERVER', cell: (c) => name(c.server) },
  { title: 'CLIENT NAME', importance: 0, hideEmpty: true, cell: (c) => sanitise(c.client.name ?? '') },
  { title: 'SERVER NAME', importance: 0.5, hideEmpty: true, cell: (c) => sanitise(c.server.name ?? '') },
  { title: 'OUTCOME', cell: (c) => `${sanitise(c.outcome)}${legMark(c)}` },
  { title: 'CLIENT STATE', cell: (c) => sanitise(c.client.state) },
  { title: 'SERVER STATE', cell: (c) => sanitise(c.server.state) },
  { title: 'START', importance: 7, cell: (c) => clockText(c.start) },
  { title: 'DURATION', align: 'right', importance: 6, cell: (c) => durationText(c.duration) },
  { title: 'PACKETS', align: 'right', importance: 3, cell: (c) => countText(c.client.packets + c.server.packets) },
  { title: 'PAYLOAD', align: 'right', importance: 4, cell: (c) => bytesText(c.client.payloadBytes + c.server.payloadBytes) },
  { title: 'RETRANS', align: 'right', importance: 2, cell: (c) => countText(c.client.retransmissions + c.server.retransmissions) },
  { title: 'CONNECT', align: 'right', importance: 5, cell: (c) => (c.connectSeconds === null ? '-' : durationText(c.connectSeconds)) },
  { title: 'FINDINGS', align: 'right', importance: 1, cell: (c) => (c.findings.length === 0 ? '-' : String(c.findings.length)) },
];

export function* connectionTable(rows: Iterable<ConnectionRow>, page: Page): Generator<string> {
  yield* table(COLUMNS, rows, page);
}

const ENDPOINT_FIELDS = [
  'ip',
  'port',
  'state',
  'stateSince',
  'packets',
  'ipBytes',
  'payloadBytes',
  'syn',
  'synAck',
  'fin',
  'rst',
  'firstSynFrame',
  'firstSynAckFrame',
  'firstFinFrame',
  'firstRstFrame',
  'retransmissions',
  'outOfOrder',
  'missedBytes',
  'sequenceBytes',
  'endSent',
  'delaySeconds',
  'profile',
  'profileFrom',
  'name',
  'nameFrom',
] as const satisfies (keyof EndpointRow)[];

/** contract.md's names, dotted where they are nested. The transitions are a list of objects and stay in ndjson. */
const CSV_FIELDS: readonly CsvField<ConnectionRow>[] = [
  ['id', (c) => c.id],
  ...ENDPOINT_FIELDS.map((key) => [`client.${key}`, (c: ConnectionRow) => c.client[key] ?? null] as const),
  ...ENDPOINT_FIELDS.map((key) => [`server.${key}`, (c: ConnectionRow) => c.server[key] ?? null] as const),
  ['encapsulation', (c) => c.encapsulation.join(' ')],
  ['basis', (c) => c.basis],
  ['rolesFrom', (c) => c.rolesFrom],
  ['start', (c) => c.start],
  ['end', (c) => c.end],
  ['duration', (c) => c.duration],
  ['firstFrame', (c) => c.firstFrame],
  ['lastFrame', (c) => c.lastFrame],
  ['connectSeconds', (c) => c.connectSeconds],
  ['handshakeRtt', (c) => c.handshakeRtt],
  ['clientSideRtt', (c) => c.clientSideRtt],
  ['serverSideRtt', (c) => c.serverSideRtt],
  ['outcome', (c) => c.outcome],
  ['closedBy', (c) => c.closedBy],
  ['connState', (c) => c.connState],
  ['history', (c) => c.history],
  ['completeness', (c) => c.completeness],
  ['copies', (c) => c.copies ?? null],
  ['leg', (c) => c.leg ?? null],
  ['sameAs', (c) => c.sameAs ?? null],
  ['findings', (c) => c.findings.join(' ')],
];

export const connectionCsv = (rows: Iterable<ConnectionRow>): Generator<string> => csv(CSV_FIELDS, rows);
