/** What programs read: every format is read back with a parser of its own. */
import { expect, test } from 'vitest';
import { DETECTORS } from '../../src/detect/index.ts';
import type { ConnectionRow, Report, SocketRow } from '../../src/model/report.ts';
import { connectionCsv, connectionTable } from '../../src/report/connection-rows.ts';
import { csvCell } from '../../src/report/csv.ts';
import { findingCsv } from '../../src/report/finding-rows.ts';
import { jsonReport } from '../../src/report/json.ts';
import type { Page } from '../../src/report/layout.ts';
import { ndjsonReport, ndjsonRows } from '../../src/report/ndjson.ts';
import { ruleCsv, ruleTable } from '../../src/report/rule-rows.ts';
import { socketTable } from '../../src/report/socket-table.ts';
import { table } from '../../src/report/table.ts';
import { connectionRow, incident } from '../support/fake-analysis.ts';

const NAME = 'x\u001b]0;owned\u0007\u202e\u0085.pcap';
const hostile: Report = { ...incident, capture: { ...incident.capture, files: [{ ...incident.capture.files[0]!, path: NAME }] } };

test('json says exactly the report', () => {
  expect(JSON.parse([...jsonReport(incident)].join(''))).toEqual(incident);
});

test('json keeps the order of its keys, however the report was built, and does not lose a key that it does not know', () => {
  const reversed = Object.fromEntries(
    Object.entries({ ...incident.findings[0]!, later: 1 }).reverse(),
  ) as unknown as Report['findings'][number];
  const read = JSON.parse([...jsonReport({ ...incident, findings: [reversed] })].join('')) as Report;
  expect(Object.keys(read)).toEqual(['schemaVersion', 'tool', 'capture', 'series', 'findings', 'rules']);
  expect(Object.keys(read.findings[0]!)).toEqual([...Object.keys(incident.findings[0]!), 'later']);
});

test('json puts one finding on a line, so that reports can be compared with diff', () => {
  const lines = [...jsonReport(incident)].join('').split('\n');
  expect(lines.filter((l) => l.startsWith('{"id":"close-wait-stuck/'))).toHaveLength(1);
});

test('a report without findings and rules is still JSON', () => {
  expect(JSON.parse([...jsonReport({ ...incident, findings: [], rules: [] })].join(''))).toEqual({ ...incident, findings: [], rules: [] });
});

test('strings that steer a terminal are neutral even after they are decoded', () => {
  const text = [...jsonReport(hostile)].join('');

  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|\\u00/);
  expect((JSON.parse(text) as Report).capture.files[0]!.path).toBe('x\\x1b]0;owned\\x07\\u{202e}\\x85.pcap');
});

test('ndjson is the same as lines: capture, findings, rules', () => {
  const rows = [...ndjsonReport(incident)].map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map((r) => r.type)).toEqual(['capture', 'finding', 'finding', 'finding', ...incident.rules.map(() => 'rule')]);
  expect(rows[0]).toEqual({
    type: 'capture',
    status: 'final',
    schemaVersion: 1,
    tool: incident.tool,
    ...incident.capture,
    series: incident.series,
  });
  expect(rows[1]).toEqual({ type: 'finding', status: 'final', ...incident.findings[0] });
  expect(rows.at(-1)).toEqual({ type: 'rule', ...incident.rules.at(-1) });
});

test('a connection as a line is the row itself', () => {
  expect([...ndjsonRows([connectionRow(7)])].map((l) => JSON.parse(l) as ConnectionRow)).toEqual([connectionRow(7)]);
});

/** RFC 4180 §2, written for this test. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  for (let rest = text; rest !== '';) {
    const row: string[] = [];
    for (;;) {
      const m = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest);
      if (!m) throw new Error(`not CSV: ${rest.slice(0, 40)}`);
      row.push(m[1]?.replaceAll('""', '"') ?? m[2] ?? '');
      rest = rest.slice(m[0].length);
      if (m[3] === '\r\n') break;
    }
    rows.push(row);
  }
  return rows;
}

test('csv: one header, the same number of cells in every row, values as in the row', () => {
  const [header, first, ...more] = parseCsv([...connectionCsv([connectionRow(0), connectionRow(1)])].join(''));
  expect(more).toHaveLength(1);
  expect(first).toHaveLength(header!.length);
  const cells = Object.fromEntries(header!.map((key, i) => [key, first![i]]));
  expect(cells).toMatchObject({
    id: '0',
    'client.ip': '10.0.0.1',
    'client.port': '54200',
    'client.firstFinFrame': '',
    'server.state': 'FIN_WAIT_2',
    encapsulation: 'vlan:7',
    duration: '21.4',
    handshakeRtt: '0.0011',
    clientSideRtt: '',
    closedBy: 'server',
    findings: 'close-wait-stuck/10.0.0.1@10.0.0.9:3306',
  });
});

test('csv: every key of a row is a column, but for its lists of objects and what its SYNs offered', () => {
  const row: ConnectionRow = { ...connectionRow(0), copies: 2, leg: 1, sameAs: 0 };
  const flat = (o: object, before: string): string[] =>
    Object.entries(o).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) ? flat(value, `${before}${key}.`) : [`${before}${key}`],
    );
  const elsewhere = /^type$|^transitions$|\.options/;
  const [header, cells] = parseCsv([...connectionCsv([row])].join(''));
  expect(header).toEqual(expect.arrayContaining(flat(row, '').filter((key) => !elsewhere.test(key))));
  expect(['copies', 'leg', 'sameAs'].map((key) => cells![header!.indexOf(key)])).toEqual(['2', '1', '0']);
});

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-2+3', "'-2+3"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\tx', "'\\x09x"],
  ['a,b', '"a,b"'],
  ['say "x"', '"say ""x"""'],
  ['two\r\nlines', 'two\\x0d\\x0alines'],
  [-5, '-5'],
  [null, ''],
])('csv cell %j is written %s', (value, text) => expect(csvCell(value)).toBe(text));

test('the table drops the least important columns until it fits, never who and with whom', () => {
  const lines = (width: number): string[] =>
    [...connectionTable([connectionRow(0)], { width, colour: false })].join('').trimEnd().split('\n');
  for (const width of [60, 80, 100, 140]) for (const line of lines(width)) expect(line.length).toBeLessThanOrEqual(width);
  expect(lines(80)[0]).toMatch(/^ID +CLIENT +SERVER +OUTCOME/);
  expect(lines(200)[0]).toContain('FINDINGS');
});

const socket: SocketRow = {
  type: 'socket',
  at: '2026-11-20T08:38:00.000000000Z',
  host: '10.0.0.1',
  local: '10.0.0.1:54200',
  remote: '[2001:db8:1111:2222:3333:4444:5555:6666]:3306',
  state: 'CLOSE_WAIT',
  since: '2026-11-20T08:33:00.000000000Z',
  basis: 'handshake',
  connection: 7,
};
const wide = { ...connectionRow(0), client: { ...connectionRow(0).client, ip: '2001:db8:1111:2222:3333:4444:5555:6666', port: 54200 } };

test.each([
  ['connections', (page: Page) => connectionTable([connectionRow(0), wide], page)],
  ['rules', (page: Page) => ruleTable(DETECTORS, page)],
  ['sockets', (page: Page) => socketTable([socket], page)],
] as const)('at 40 columns the table of %s fits, too', (_, draw) => {
  const lines = [...draw({ width: 40, colour: false })].map((line) => line.trimEnd());
  expect(lines.filter((line) => line.length > 40)).toEqual([]);
});

test('an address that must be cut keeps its beginning and its port', () => {
  const columns = [{ title: 'CLIENT', cell: (text: string) => text }];
  const [, line] = [...table(columns, ['[2001:db8:1111:2222:3333:4444:5555:6666]:54200'], { width: 20, colour: false })];
  expect(line).toBe('[2001:db8:…66]:54200\n');
  expect([...table(columns, ['10.0.0.1:54200'], { width: 14, colour: false })][1]).toBe('10.0.0.1:54200\n');
});

test('a table without rows is its heading', () => {
  expect([...connectionTable([], { width: 100, colour: false })]).toHaveLength(1);
});

test('a table of many rows is written as they come', () => {
  let made = 0;
  const rows = function* (): Generator<number> {
    for (; made < 1_000_000; made++) yield made;
  };
  const lines = table([{ title: 'N', align: 'right', cell: String }], rows(), { width: 80, colour: false });
  for (let i = 0; i < 5_000; i++) lines.next();
  expect(made).toBeLessThan(5_001);
});

test('csv of findings: one row each, numbered as the text report counts, and a formula is text', () => {
  const [found] = incident.findings;
  const odd = { ...found!, id: 'x/y', title: '=HYPERLINK("http://x")', atFault: null };
  const [header, ...rows] = parseCsv([...findingCsv({ ...incident, findings: [found!, odd] })].join(''));
  const cells = rows.map((row) => Object.fromEntries(header!.map((key, i) => [key, row[i]])));
  expect(cells).toMatchObject([
    { number: '1', id: found!.id, severity: found!.severity, count: String(found!.count), 'subject.host': found!.subject.host },
    { number: '2', id: 'x/y', title: `'=HYPERLINK("http://x")`, atFault: '' },
  ]);
});

test('csv of rules: one row per threshold, and one for a rule without any', () => {
  const [header, ...rows] = parseCsv([...ruleCsv(DETECTORS)].join(''));
  expect(rows).toHaveLength(DETECTORS.reduce((sum, { params }) => sum + Math.max(1, Object.keys(params).length), 0));
  expect(new Set(rows.map(([id]) => id))).toEqual(new Set(DETECTORS.map(({ id }) => id)));
  expect(new Set(rows.map((row) => row.length))).toEqual(new Set([header!.length]));
});
