/** Where results go: files that appear only when they are complete, and big results in pieces. */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConnectionRow, Report } from '../../src/model/report.ts';
import { connectionRow, fakeAnalysis } from '../support/fake-analysis.ts';
import { tcpdiag } from '../support/fake-world.ts';

let folder: string;
let capture: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tcpdiag-output-'));
  capture = join(folder, 'a.pcap');
  writeFileSync(capture, 'bytes');
});
afterEach(() => rmSync(folder, { recursive: true }));

const manyRows = (count: number) =>
  function* (): Generator<ConnectionRow> {
    for (let i = 0; i < count; i++) yield connectionRow(i);
  };

test('-o writes the file and nothing to stdout', async () => {
  const file = join(folder, 'r.json');
  const { exitCode, out, err } = await tcpdiag(['report', capture, '--json', '-o', file]);
  expect({ exitCode, out, err }).toEqual({ exitCode: 0, out: '', err: '' });
  expect((JSON.parse(readFileSync(file, 'utf8')) as Report).schemaVersion).toBe(1);
  expect(readdirSync(folder).sort()).toEqual(['a.pcap', 'r.json']);
});

test('an older file keeps its rights, and a link stays a link', async () => {
  const [file, link] = [join(folder, 'r.txt'), join(folder, 'link.txt')];
  writeFileSync(file, 'old');
  chmodSync(file, 0o600);
  symlinkSync(file, link);
  expect((await tcpdiag(['report', capture, '-o', link])).exitCode).toBe(0);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toContain('CLOSE_WAIT');
});

test('a device is written to and stays a device', async () => {
  expect((await tcpdiag(['report', capture, '-o', '/dev/null'])).exitCode).toBe(0);
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
});

test.runIf(readdirSync('/dev').includes('full'))('a full disk under -o is said, 2', async () => {
  const { exitCode, err } = await tcpdiag(['report', capture, '-o', '/dev/full']);
  expect(exitCode).toBe(2);
  expect(err).toContain('cannot write to "/dev/full": no space left on the device');
});

test('an interrupted write leaves the older file as it was, and no half one', async () => {
  const file = join(folder, 'rows.ndjson');
  writeFileSync(file, 'old');
  const interrupt = new AbortController();
  const rows = function* (): Generator<ConnectionRow> {
    yield* manyRows(500)();
    interrupt.abort(2);
    yield* manyRows(500)();
  };
  const analyse = () => Promise.resolve(fakeAnalysis(undefined, rows));
  const { exitCode } = await tcpdiag(['connections', capture, '--json', '-o', file], { analyse, interrupted: interrupt.signal });
  expect(exitCode).toBe(130);
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(folder).sort()).toEqual(['a.pcap', 'rows.ndjson']);
});

test('a big result leaves in pieces of about 64 KiB, whole rows in order', async () => {
  const analyse = () => Promise.resolve(fakeAnalysis(undefined, manyRows(2_000)));
  const { out, writes } = await tcpdiag(['connections', capture, '--json'], { analyse });
  expect(Math.max(...writes)).toBeLessThan(70_000);
  expect(writes.length).toBeGreaterThan(10);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((l) => (JSON.parse(l) as ConnectionRow).id),
  ).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
});

test('rows are made only as fast as they are written', async () => {
  let made = 0;
  const rows = function* (): Generator<ConnectionRow> {
    for (; made < 1_000_000; made++) yield connectionRow(made);
  };
  const { exitCode } = await tcpdiag(['connections', capture, '--json'], {
    analyse: () => Promise.resolve(fakeAnalysis(undefined, rows)),
    stdoutError: 'EPIPE',
  });
  expect(exitCode).toBe(0);
  expect(made).toBeLessThan(200);
});

test('--checksum adds the SHA-256 of the file, and standard input has none', async () => {
  const sum = createHash('sha256').update('bytes').digest('hex');
  const shaOf = async (path: string): Promise<string | null> =>
    (JSON.parse((await tcpdiag(['report', path, '--json', '--checksum'])).out) as Report).capture.files[0]!.sha256;
  expect(await shaOf(capture)).toBe(sum);
  expect(await shaOf('-')).toBeNull();
});
