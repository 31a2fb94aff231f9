/**
 * What npm would publish: built as it is now, packed, and used as somebody would who installed it. Nothing is fetched: the program carries what
 * it needs in its own files.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The package's folder with nothing of this one's `dist`, and somebody's project that has it installed. */
const source = join(folder, 'source');
const project = join(folder, 'project');
const installed = join(project, 'node_modules/tcpdiag');
const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}`, npm_config_loglevel: 'error' };
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string; scripts: Record<string, string> };

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed;

beforeAll(() => {
  mkdirSync(source);
  for (const name of ['package.json', 'package-lock.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'docs', 'tsconfig.json', '.ci'])
    cpSync(join(root, name), join(source, name), { recursive: true });
  for (const name of ['src', 'node_modules']) symlinkSync(join(root, name), join(source, name));
  for (const step of ['build:js', 'build:types', 'build:notices'])
    execFileSync('sh', ['-c', manifest.scripts[step]!], { cwd: source, env });
  const said = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: source,
    env,
    encoding: 'utf8',
  });
  packed = (JSON.parse(said) as Packed[])[0]!;
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, packed.filename), '--strip-components=1', '-C', installed]);
  cpSync(join(root, 'fixtures/incident.pcap'), join(project, 'incident.pcap'));
}, 180_000);

describe('the package', () => {
  test('is what publint wants', { timeout: 60_000 }, () => {
    const { status, stdout } = spawnSync('publint', [installed, '--strict', '--pack', 'false'], { env, encoding: 'utf8' });
    expect(stdout).toContain('All good!');
    expect(status).toBe(0);
  });

  test('holds the program, its documents and the types of the library, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    const strange = paths.filter(
      (path) =>
        !/^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(path) &&
        !/^dist\/(THIRD-PARTY-NOTICES\.txt|(cli|index|worker|unpacker|cross-reader)\.js|chunks\/[\w-]+\.js|types\/[\w/-]+\.d\.ts)$/.test(
          path,
        ) &&
        !/^docs\/[\w/-]+(\.md|\.schema\.json|\.svg|\.1|\/[\w-]+\.(js|txt))$/.test(path),
    );
    expect(strange).toEqual([]);
    for (const path of ['dist/cli.js', 'dist/index.js', 'dist/worker.js', 'dist/types/index.d.ts', 'docs/tcpdiag.1'])
      expect(paths).toContain(path);
  });

  test('names every package whose code it carries, with its licence', () => {
    const notices = readFileSync(join(installed, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const shipped = Object.entries(packages).flatMap(([path, { dev }]) =>
      path === '' || dev === true ? [] : [path.replace(/^.*node_modules\//, '')],
    );
    expect(shipped.length).toBeGreaterThan(10);
    expect(shipped.filter((name) => !notices.includes(`\n${name} `))).toEqual([]);
    expect(notices).toContain('Permission is hereby granted');
  });

  test('is small', () => {
    // Bounds with some room: what exceeds them should be meant.
    expect(packed.size).toBeLessThan(1.4 * 2 ** 20);
    expect(packed.unpackedSize).toBeLessThan(5 * 2 ** 20);
    expect(packed.files.length).toBeLessThan(320);
  });

  test('carries nothing that opens a connection', () => {
    const chunks = readdirSync(join(installed, 'dist/chunks')).map((name) => readFileSync(join(installed, 'dist/chunks', name), 'utf8'));
    expect(chunks.filter((text) => /node_modules\/ws\/|\bfrom\s*["'](node:)?(http|https|http2|tls|dns|dgram)["']/.test(text))).toEqual([]);
  });
});

describe('where it is installed', () => {
  const run = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [join(installed, 'dist/cli.js'), ...words], { cwd: project, encoding: 'utf8' });

  test('the program says its version, reports, and writes what it can write', () => {
    expect(run('--version')).toMatchObject({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
    expect(run('report', 'incident.pcap', '-q')).toMatchObject({ status: 0, stderr: '' });
    for (const name of ['incident.html', 'incident.md', 'incident.json'])
      expect(run('report', 'incident.pcap', '-q', '-o', name).status).toBe(0);
    expect(run('connections', 'incident.pcap', '-q', '-o', 'connections.parquet').status).toBe(0);
    expect(run('check', 'incident.pcap', '--cross-read', '-q')).toMatchObject({ status: 0, stderr: '' });
  });

  test('the library is found by its name, in this thread and in a worker', () => {
    writeFileSync(
      join(project, 'use.mjs'),
      `import { analyze, openSession } from 'tcpdiag';
      const { report } = await analyze('incident.pcap');
      const session = openSession('incident.pcap', { worker: true });
      console.log(report.findings.length === (await session.done).findings.length);
      await session.close();`,
    );
    expect(execFileSync(process.execPath, ['use.mjs'], { cwd: project, encoding: 'utf8' })).toBe('true\n');
  });

  test.each(['nodenext', 'bundler'])(
    'its types are complete, for a project with module resolution %s',
    { timeout: 120_000 },
    (resolution) => {
      writeFileSync(
        join(project, 'use.ts'),
        `import { analyze, type Finding, type Questions, openSession, type Session, UsageError } from 'tcpdiag';
      const findings: readonly Finding[] = (await analyze(new Uint8Array())).report.findings;
      const session: Session = openSession('x');
      const ask: Questions['explain']['ask'] = { rule: findings[0]?.rule ?? '' };
      console.log((await session.ask('explain', ask)).title, UsageError);
      // @ts-expect-error: there is no such option
      await analyze('x', { onlyy: [] });`,
      );
      writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
      const module = resolution === 'bundler' ? 'esnext' : resolution;
      const words = ['use.ts', '--noEmit', '--strict', '--target', 'es2023', '--module', module, '--moduleResolution', resolution];
      const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
      const { stdout } = spawnSync('tsc', [...words, ...types], { cwd: project, env, encoding: 'utf8' });
      expect(stdout).toBe('');
    },
  );
});

describe('a release', () => {
  const notes = (version: string): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(join(root, '.ci/release-notes'), [version], { encoding: 'utf8' });

  test('has the notes that the change log has for its version', () => {
    const { status, stdout } = notes(`v${manifest.version}`);
    expect(status).toBe(0);
    expect(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')).toContain(stdout.trimEnd());
  });

  test('of another version than the package has is refused', () =>
    expect(notes('v99.0.0')).toMatchObject({ status: 1, stdout: '', stderr: 'release-notes: package.json is not at 99.0.0\n' }));
});
