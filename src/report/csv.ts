/** Rows for a spreadsheet or a loader. */
import { sanitise } from '../model/sanitise.ts';

export type Cell = string | number | null;
export type CsvField<Row> = readonly [title: string, read: (row: Row) => Cell];

/** RFC 4180: CRLF, a header, quotes where needed. */
export function* csv<Row>(fields: readonly CsvField<Row>[], rows: Iterable<Row>): Generator<string> {
  yield `${fields.map(([title]) => title).join(',')}\r\n`;
  for (const row of rows) yield `${fields.map(([, read]) => csvCell(read(row))).join(',')}\r\n`;
}

/** A spreadsheet runs a text that begins like a formula (OWASP "CSV Injection"); the apostrophe makes it text again. */
const FORMULA = /^[=+\-@\t\r]/;

export function csvCell(value: Cell): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = sanitise(FORMULA.test(value) ? `'${value}` : value, 4_000);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
