/**
 * The examples of the library: taken out of the documents, checked by the compiler, and run in Node with the package found by its name.
 * What a comment `//=>` announces is what they print.
 */
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-library-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Example {
  readonly name: string;
  readonly code: string;
  readonly prints: string;
}

const examples = ['README.md', 'docs/library.md', 'docs/own-rules.md'].flatMap((page) => {
  const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([^]*?)^```/gm)];
  return blocks.map(([, code = ''], i): Example => {
    const prints = Array.from(code.matchAll(/^ *\/\/=> (.*)\n/gm), ([, text]) => `${text ?? ''}\n`).join('');
    return { name: `${page} ${String(i + 1)}`, code, prints };
  });
});

beforeAll(() => {
  execFileSync(process.execPath, ['.ci/bundle.mjs', join(folder, 'dist')], { cwd: root });
  // A module below a package may import that package by its name.
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'work'));
  copyFileSync(join(root, 'fixtures/incident.pcap'), join(folder, 'work/capture.pcap'));
  copyFileSync(join(root, 'docs/examples/session-too-long.js'), join(folder, 'work/session-too-long.js'));
  writeFileSync(join(folder, 'work/rotated-1.pcap.gz'), gzipSync(readFileSync(join(root, 'fixtures/incident.pcap'))));
});

test('there are examples of everything that the library promises', () => {
  const all = examples.map(({ code }) => code).join('');
  for (const name of ['analyze(', 'openSession(', 'defineDetector(', 'UsageError', 'worker_threads', 'createReadStream'])
    expect(all).toContain(name);
});

test.concurrent.each(examples)('$name prints what it says', { timeout: 60_000 }, async ({ name, code, prints }) => {
  const file = join(folder, 'work', `${name.replaceAll(/\W/g, '-')}.mjs`);
  writeFileSync(file, (await transform(code, { loader: 'ts', format: 'esm', target: 'node20' })).code);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: join(folder, 'work') });
  expect(stdout).toBe(prints);
});

test('and the compiler takes them with the types of the library', { timeout: 120_000 }, () => {
  const sources = new Map(examples.map(({ name, code }) => [join(root, 'docs/examples', `${name.replaceAll(/\W/g, '-')}.ts`), code]));
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    noEmit: true,
    noUncheckedIndexedAccess: true,
    allowJs: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    jsx: ts.JsxEmit.ReactJSX,
    paths: { tcpdiag: [join(root, 'src/index.ts')] },
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => sources.has(path) || disk.fileExists(path),
    readFile: (path) => sources.get(path) ?? disk.readFile(path),
    getSourceFile: (path, version, ...rest) => {
      const own = sources.get(path);
      return own === undefined ? disk.getSourceFile(path, version, ...rest) : ts.createSourceFile(path, own, version);
    },
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  const wrong = [...sources.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText, start }) =>
        `${path}:${String(file.getLineAndCharacterOfPosition(start ?? 0).line + 1)} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
  expect(wrong).toEqual([]);
});
