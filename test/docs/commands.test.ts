/**
 * Every command that a document, a help text or the manual page shows is run here, by bash, with the built program: a line that does
 * not work is worse than none. Captures have the names that the documents use; what is not ours (tcpdump, a pager) is played.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXAMPLES } from '../../src/commands/examples.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-commands-'));
const bin = join(folder, 'bin');
const work = join(folder, 'work');

/** The names that documents give to captures. */
const CAPTURES: Readonly<Record<string, string>> = {
  'capture.pcap': 'incident.pcap',
  'before.pcap': 'healthy_client_closes.pcap',
  'after.pcap': 'close_wait_leak.pcap',
  'client.pcap': 'two_points_loss.client.pcap',
  'server.pcap': 'two_points_loss.server.pcap',
};
/** What a document may call and we do not have: it reads its input to the end, or gives a capture. */
const PLAYED: Readonly<Record<string, string>> = { tcpdump: 'exec cat capture.pcap', less: 'exec cat', page: 'exit 0' };
/** A line that begins with one of these is about the reader's machine, not about our program. */
const ELSEWHERE = /^(npm|npx|apt|brew|ssh|kubectl|docker|sbatch|srun|sudo|wireshark|git|cd)\b/;
/** Words whose absence here skips the line. */
const OPTIONAL = ['jq', 'duckdb', 'python3', 'parallel', 'tshark', 'zeek-cut', 'man', 'zsh', 'fish', 'openssl'];

beforeAll(() => {
  mkdirSync(bin);
  mkdirSync(work);
  execFileSync(process.execPath, ['.ci/bundle.mjs', join(folder, 'dist')], { cwd: root });
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json')); // so that rules find the library by its name
  shim('tcpdiag', `exec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(folder, 'dist/cli.js'))} "$@"`);
  for (const [name, script] of Object.entries(PLAYED)) shim(name, script);
  for (const [name, fixture] of Object.entries(CAPTURES)) copyFileSync(join(root, 'fixtures', fixture), join(work, name));
  for (const n of [1, 2]) writeFileSync(join(work, `rotated-${n}.pcap.gz`), gzipSync(readFileSync(join(work, 'capture.pcap'))));
  ['one', 'two'].forEach((name, i) => {
    const argv = ['report', 'capture.pcap', '--shard', `${i + 1}/2`, '-f', 'partial', '-o', `${name}.partial`];
    execFileSync(join(bin, 'tcpdiag'), argv, { cwd: work });
  });
  for (const name of readdirSync(join(root, 'docs/examples'))) copyFileSync(join(root, 'docs/examples', name), join(work, name));
  for (const name of ['fixtures', 'docs']) symlinkSync(join(root, name), join(work, name));
});
afterAll(() => rmSync(folder, { recursive: true }));

function shim(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

const shown = [...documents(), ...Object.values(EXAMPLES).flatMap((all) => all.map(([line]) => ['--help', line] as const))];
const runnable = shown.filter(([, line]) => !ELSEWHERE.test(line));

test('the documents show commands', () => expect(runnable.length).toBeGreaterThan(20));

const python = documentBlocks('python');
test.concurrent.each(python)('%s, python: %s', { timeout: 60_000 }, async (_, block) => {
  const modules = [...block.matchAll(/^import (\w+)/gm)].map(([, name = '']) => name);
  if ((await run(`python3 -c 'import ${modules.join(', ')}'`)).status !== 0) return;
  for (const file of ['connections.ndjson', 'connections.parquet', 'conn.log']) {
    if (block.includes(file)) expect(await run(`tcpdiag connections capture.pcap -q -o ${file}`)).toEqual({ status: 0, err: '' });
  }
  expect(await run(`python3 -W error::DeprecationWarning -c "$0"`, block)).toEqual({ status: 0, err: '' });
});

test.concurrent.each(runnable)('%s: %s', { timeout: 60_000 }, async (_, line) => {
  if (OPTIONAL.some((word) => new RegExp(`(^|[|&;(] *)${word}\\b`).test(line) && !installed(word))) return;
  const { status, err } = await run(line);
  const worked = status === 0 || (status === 1 && line.includes('--fail-on'));
  expect(worked ? '' : `${String(status)}: ${err}`).toBe('');
});

/** Lines of the `sh` blocks: continued ones joined, comments and blank ones left out. */
function documents(): readonly (readonly [string, string])[] {
  return documentBlocks('sh').flatMap(([page, block]) => {
    const lines = block.replaceAll('\\\n', ' ').split('\n');
    return lines.filter((line) => /^[^#\s]/.test(line)).map((line) => [page, line.trim()] as const);
  });
}

function documentBlocks(language: string): readonly (readonly [string, string])[] {
  const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  return ['README.md', ...pages.sort().map((name) => join('docs', name))].flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8');
    return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(([, block = '']) => [page, block] as const);
  });
}

const installed = (word: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${word}`]);
    return true;
  } catch {
    return false;
  }
};

/** @param words `$0`, `$1` … of the line */
const run = (line: string, ...words: string[]): Promise<{ status: number; err: string }> =>
  new Promise((resolve) => {
    const child = spawn('bash', ['-o', 'pipefail', '-c', line, ...words], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
    });
    let err = '';
    child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
    child.on('close', (status) => resolve({ status: status ?? -1, err }));
  });
