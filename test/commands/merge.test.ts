/** `report -f partial` and `merge` as typed: what is refused before anything is read, and what a merged document says of its captures. */
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { Report } from '../../src/model/report.ts';
import { tcpdiag, type Seen } from '../support/fake-world.ts';

let folder: string;
let capture: string;
const at = (name: string): string => join(folder, name);
const typed = (...argv: readonly string[]): Promise<Seen> => tcpdiag(argv, { analyse, folder });
const findings = ({ out }: Seen): Report['findings'] => (JSON.parse(out) as Report).findings;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tcpdiag-merge-'));
  capture = at('incident.pcap');
  copyFileSync(fileURLToPath(new URL('../../fixtures/incident.pcap', import.meta.url)), capture);
  for (const i of [1, 2]) await typed('report', capture, '--shard', `${String(i)}/2`, '-f', 'partial', '-o', at(`${String(i)}.partial`));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a merged document says of its captures', () => {
  const sum = (): string => createHash('sha256').update(readFileSync(capture)).digest('hex');

  test('the SHA-256 of the capture, not of the partial result', async () => {
    const { out } = await typed('merge', at('1.partial'), at('2.partial'), '-f', 'markdown');
    expect(out).toContain(sum());
    expect(out).not.toContain(
      createHash('sha256')
        .update(readFileSync(at('1.partial')))
        .digest('hex'),
    );
  });

  test('no SHA-256 where another file lies under its name', async () => {
    const before = readFileSync(capture);
    appendFileSync(capture, 'more');
    const { out } = await typed('merge', at('1.partial'), at('2.partial'), '-f', 'markdown');
    writeFileSync(capture, before);
    expect(out).toContain('`incident.pcap`');
    expect(out).not.toMatch(/[0-9a-f]{64}/);
  });
});

test('the kernel that a configuration names is for captures: parts that were tracked with it are merged', async () => {
  writeFileSync(at('tcpdiag.config.json'), '{ "profile": "linux" }');
  const { exitCode, err } = await typed('merge', at('1.partial'), at('2.partial'));
  rmSync(at('tcpdiag.config.json'));
  expect([exitCode, err]).toEqual([0, '']);
});

test('one part that was tracked with --no-payload: nothing of what was sent is in the whole', async () => {
  const said = (seen: Seen): number => findings(seen).filter(({ lastSaid }) => lastSaid !== undefined).length;
  expect(said(await typed('merge', at('1.partial'), at('2.partial'), '--json'))).toBeGreaterThan(0);
  await typed('report', capture, '--shard', '1/2', '-f', 'partial', '--no-payload', '-o', at('quiet.partial'));
  expect(said(await typed('merge', at('2.partial'), at('quiet.partial'), '--json'))).toBe(0);
  await typed('merge', at('quiet.partial'), '-o', at('again.partial'));
  expect(said(await typed('merge', at('2.partial'), at('again.partial'), '--json'))).toBe(0);
});

test('an anonymised part is not read again, and does not complain of it', async () => {
  await typed('report', capture, '--anonymize', '-o', at('anonymous.partial'));
  const { err, out } = await typed('merge', at('anonymous.partial'), '--json');
  expect(err).toBe('');
  expect((JSON.parse(out) as Report).capture.caveats).toEqual([]);
});

describe('refused with a sentence', () => {
  test.each<[string, readonly string[], RegExp]>([
    [
      'a name that merge would not take',
      ['report', 'CAPTURE', '-f', 'partial', '-o', 'part.bin'],
      /ends in \.partial.*"part\.bin" does not/,
    ],
    ['a choice of findings', ['report', 'CAPTURE', '-f', 'partial', '-o', 'x.partial', '--only', 'rst-abort'], /--only is about a report/],
    ['a filter', ['merge', 'PART', '-f', 'partial', '-o', 'x.partial', '--where', 'open'], /--where is about a report/],
    ['a part that is not there', ['merge', 'nothing.partial'], /there is no file "nothing\.partial"/],
    ['what only a capture has', ['check', 'PART', '--cross-read'], /--cross-read compares two readers of a capture/],
    ['a capture', ['merge', 'CAPTURE'], /is no partial result, or not named as one/],
  ])('%s', async (_what, words, sentence) => {
    const argv = words.map((word) => ({ CAPTURE: capture, PART: at('1.partial') })[word] ?? word);
    const { exitCode, err } = await typed(...argv);
    expect([exitCode, err]).toEqual([2, expect.stringMatching(sentence)]);
  });
});
