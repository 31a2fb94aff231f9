/**
 * The program as a process: what only a real system can show. Closed pipes, full disks, signals, exit statuses. Bundled as for a
 * release, with a fake engine.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-program-'));
const cli = join(folder, 'dist', 'cli.js');
const small = join(folder, 'small.pcap');
const big = join(folder, 'big.pcap');
const endless = join(folder, 'endless.pcap');
const unending = join(folder, 'unending.pcap');

beforeAll(async () => {
  for (const path of [small, big, endless, unending]) writeFileSync(path, '');
  await build({
    entryPoints: [join(root, 'src/cli.ts')],
    outdir: join(folder, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    alias: { 'react-devtools-core': join(root, 'src/tui/no-devtools.ts') },
    plugins: [
      {
        name: 'fake engine',
        setup: (bundler) =>
          bundler.onResolve({ filter: /engine\/analyse\.ts$/ }, () => ({ path: join(root, 'test/support/fake-engine.ts') })),
      },
    ],
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

interface Around {
  /** A file for standard output instead of a pipe. */
  readonly stdout?: number;
  /** Close our end of its standard output after this many octets. */
  readonly readOnly?: number;
  /** Send this once it has said that it reads. */
  readonly signal?: NodeJS.Signals;
}

const program = (words: readonly string[], { stdout, readOnly, signal }: Around = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...words], { stdio: ['ignore', stdout ?? 'pipe', 'pipe'], cwd: folder });
    let [out, err] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (readOnly !== undefined && out.length >= readOnly) child.stdout?.destroy();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      if (signal !== undefined && err.includes('reading')) child.kill(signal);
    });
    child.on('close', (status) => resolve({ status, out, err }));
  });

test('--version is the version of package.json', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(await program(['--version'])).toEqual({ status: 0, out: `${version}\n`, err: '' });
});

test('a report through a pipe', async () => {
  const { status, out, err } = await program([small]);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(out).toContain('39 connections stuck in CLOSE_WAIT');
});

test('a result larger than any pipe buffer arrives whole', async () => {
  const { status, out } = await program(['connections', big, '--json']);
  expect(status).toBe(0);
  expect(out.trimEnd().split('\n')).toHaveLength(20_000);
});

test('| head: the reader leaves, the program stops quietly', async () => {
  const { status, err } = await program(['connections', big, '--json'], { readOnly: 1 });
  expect({ status, err }).toEqual({ status: 0, err: '' });
});

test('> file: everything is in it', async () => {
  const file = join(folder, 'rows.ndjson');
  expect((await program(['connections', big, '--json'], { stdout: openSync(file, 'w') })).status).toBe(0);
  expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(20_000);
});

test.runIf(existsSync('/dev/full'))('a full disk is one sentence and 2', async () => {
  const { status, err } = await program([small], { stdout: openSync('/dev/full', 'w') });
  expect({ status, err }).toEqual({ status: 2, err: 'tcpdiag: cannot write the result to standard output: no space left on the device\n' });
});

test.each([
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends it with %i, quietly, and leaves no file behind', async (signal, status) => {
  const ended = await program([endless, '-o', join(folder, 'never.txt')], { signal });
  expect(ended).toEqual({ status, out: '', err: 'reading\n' });
  expect(readdirSync(folder).filter((name) => name.includes('never'))).toEqual([]);
});

test('SIGINT ends reading: what there is goes where it was to go, 130', async () => {
  const ended = await program([endless, '-o', join(folder, 'partial.txt')], { signal: 'SIGINT' });
  expect(ended).toEqual({ status: 130, out: '', err: 'reading\n' });
  expect(readFileSync(join(folder, 'partial.txt'), 'utf8')).toContain('39 connections stuck in CLOSE_WAIT');
});

test('> file: Ctrl-C ends rows that would never end', async () => {
  const file = join(folder, 'unending.ndjson');
  const ended = await program(['connections', unending, '--json'], { stdout: openSync(file, 'w'), signal: 'SIGINT' });
  expect(ended).toEqual({ status: 130, out: '', err: 'reading\n' });
});

test('no capture and nothing on standard input: standard input is read, not waited for', async () => {
  expect((await program([])).status).toBe(0);
});
