/** A few seconds of `npm run fuzz`, always the same ones: nothing throws, nothing hangs, every output keeps its promises. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { Cases } from './cases.ts';
import { complaintsAbout, csvRows } from './outputs.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));
const cases = new Cases(fileURLToPath(new URL('../../fixtures/', import.meta.url)));

test('100 mutants of the fixtures, in every container, through every output', async () => {
  const containers = new Set<string>();
  let [read, outputs, heard] = [0, 0, 0];
  for (let seed = 1; seed <= 100; seed++) {
    const { complaints, container, fixture, ...counts } = await cases.run(seed, join(folder, 'case'));
    if (complaints.length > 0) expect({ seed, container, fixture, complaints }).toBeNull();
    containers.add(container.replace(', gzip', ''));
    read += Number(counts.read);
    outputs += counts.outputs;
    heard += Number(counts.heard);
  }
  expect(containers.size).toBeGreaterThanOrEqual(9);
  expect(read).toBeGreaterThan(80); // most are still captures: what is refused at the door tests nothing behind it
  expect(outputs).toBeGreaterThan(80 * 12);
  expect(heard).toBeGreaterThan(50); // and in most documents somebody's text stands who would break it
}, 120_000);

test('a case is made from its number alone', async () => {
  const file = join(folder, 'again');
  expect(await cases.run(7, file)).toEqual(await cases.run(7, file));
});

test.each([
  ['text', 'a\u001b]0;x\u0007'],
  ['text', 'lasted NaN s'],
  ['json', '{"a":"\\u001b"}'],
  ['json', '{"a":'],
  ['ndjson', '{"a":1}\n{"a":"\\u202e"}\n'],
  ['csv', 'a,b\r\n1,=2\r\n'],
  ['csv', 'a,b\r\n1\r\n'],
  ['zeek', '#fields\ta\tb\n1\n'],
  ['mermaid', 'sequenceDiagram\n    Note over client: x; y\n'],
])('the checks see what they are for: %s %j', (format, output) => {
  expect(complaintsAbout(format, output)).not.toEqual([]);
});

test.each([
  ['text', 'a \u001b[1;31mred\u001b[0m → b\n'],
  ['csv', 'a,b\r\n"1,""2""",-3\r\n'],
  ['zeek', '#fields\ta\tb\n1\t2\n'],
  ['mermaid', 'sequenceDiagram\n    participant a as client #35;1\n    a->>b: x\n    Note left of a: x<br/>y\n'],
])('and do not see more: %s %j', (format, output) => {
  expect(complaintsAbout(format, output)).toEqual([]);
});

test('CSV is read as RFC 4180 says', () => {
  expect(csvRows('a,"b,""c""",\n1,2,3\n')).toEqual([
    ['a', 'b,"c"', ''],
    ['1', '2', '3'],
  ]);
});
