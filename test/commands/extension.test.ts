/** Which format a result gets by the name of its file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tcpdiag } from '../support/fake-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-extension-'));
afterAll(() => rmSync(folder, { recursive: true }));
const capture = join(folder, 'a.pcap');
writeFileSync(capture, 'bytes');

async function written(words: readonly string[], name: string): Promise<string> {
  const file = join(folder, name);
  const { exitCode, err } = await tcpdiag([...words, '-o', file]);
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  return readFileSync(file, 'utf8');
}

test.each([
  [['report', capture], 'a.md', /^# TCP diagnosis/],
  [['report', capture], 'a.MARKDOWN', /^# TCP diagnosis/],
  [['report', capture], 'a.json', /^\{"schemaVersion":1,/],
  [['report', capture], 'a.jsonl', /^\{"type":"capture"/],
  [['report', capture], 'a.txt', /^tcpdiag 9\.9\.9: /],
  [['report', capture], 'a.log', /^tcpdiag 9\.9\.9: /],
  [[capture], 'b.md', /^# TCP diagnosis/],
  [[capture], 'b.htm', /^<!DOCTYPE html>/],
  [['connections', capture], 'a.csv', /^id,client\.ip,/],
  [['connections', capture], 'a.json', /^\{"type":"connection"/],
  [['connections', capture], 'conn.log', /^#separator /],
  [['connection', capture, '1'], 'a.mmd', /^sequenceDiagram\n/],
  [['states', capture], 'a.ndjson', /^\{"type":"socket"/],
  [['states', capture, '--every', '1m', '-q'], 'b.ndjson', /^\{"type":"states"/],
  [['check', capture], 'c.json', /^\{"schemaVersion":1,/],
  [['report', capture], 'a.csv', /^number,id,rule,severity,/],
  [['rules'], 'rules.csv', /^rule,title,severity,category,parameter,default,text\r\n/],
  [['rules'], 'rules.json', /^\[\n\{"id"/],
])('tcpdiag %j -o %s', async (words, name, expected) => {
  expect(await written(words, name)).toMatch(expected);
});

test.each(['report', 'report.out', 'report.pcap.bak', '.md', 'x.constructor', 'x.__proto__'])(
  '%s says nothing: the standard one',
  async (name) => {
    expect(await written(['report', capture], name)).toMatch(/^tcpdiag 9\.9\.9: /);
  },
);

test('-f and --json are stronger than a name', async () => {
  expect(await written(['report', capture, '-f', 'text'], 'a.md')).toMatch(/^tcpdiag 9\.9\.9: /);
  expect(await written(['report', capture, '--json'], 'a.md')).toMatch(/^\{"schemaVersion":1,/);
});

test('a name that asks for a format which the command does not have is refused, and nothing is written', async () => {
  const { exitCode, out, err } = await tcpdiag(['report', capture, '-o', join(folder, 'never.parquet')]);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toBe(
    'tcpdiag: report has no format "parquet", which the name "never.parquet" asks for.\nIt has text, markdown, html, json, ndjson, csv, partial; -f says which of them to write, whatever the file is called.\n',
  );
});
