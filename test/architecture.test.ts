/** The import table and the few promises of docs/architecture.md that a compiler does not check, read from the source text. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = new URL('..', import.meta.url).pathname;

/** What a folder of src may import beside itself: folders, or single modules. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  capture: ['model'],
  decode: ['model'],
  track: ['model', 'decode'],
  collect: ['model', 'track'],
  detect: ['model'],
  report: ['model', 'detect/index', 'detect/detector'],
  engine: ['model', 'capture', 'decode', 'track', 'collect', 'detect'],
  tui: ['model', 'report/narrate', 'report/names', 'report/segment-words', 'engine/protocol'],
  commands: ['model', 'capture', 'decode', 'track', 'collect', 'detect', 'engine', 'report', 'tui'],
  'binary.ts': ['cli', 'commands'],
  'cli.ts': ['model', 'capture', 'detect', 'engine', 'report', 'commands'],
  'index.ts': ['model', 'detect', 'engine'],
};

/** Modules of Node beyond types. Everything else in src is a function of its arguments. */
const MAY_USE_NODE: Readonly<Record<string, readonly string[]>> = {
  'capture/source.ts': ['fs', 'net', 'os', 'tty', 'util'],
  'capture/unpack/gzip.ts': ['zlib'],
  'engine/partial-file.ts': ['fs', 'os', 'stream', 'v8', 'zlib'],
  'engine/partial-name.ts': ['fs', 'fs/promises'],
  'engine/analyse-partials.ts': ['fs'],
  'capture/programs.ts': ['fs', 'sea'],
  'capture/unpack/thread.ts': ['worker_threads'],
  'capture/unpack/unpacker.ts': ['worker_threads'],
  'capture/pcap-parser.d.ts': ['events'],
  'engine/spool.ts': ['crypto', 'fs', 'os', 'path'],
  'engine/anonymize/addresses.ts': ['crypto'],
  'engine/new-file.ts': ['crypto', 'fs', 'fs/promises', 'path', 'util'],
  'engine/remote.ts': ['worker_threads'],
  'engine/worker.ts': ['worker_threads'],
  'tui/run.tsx': ['fs', 'os', 'stream', 'string_decoder', 'tty'],
};
const mayUseAnyNode = (file: string): boolean => file === 'cli.ts' || file.startsWith('commands/');

/** `process`, the clock and chance: where the outside gets in. */
const MAY_USE: readonly { readonly what: RegExp; readonly files: readonly string[] }[] = [
  {
    what: /\bprocess\.(?!env\.NODE_ENV)/,
    files: ['binary.ts', 'cli.ts', 'commands/cross-reader.ts', 'commands/cross-reading.ts', 'tui/run.tsx', 'engine/spool.ts'],
  },
  { what: /\bDate\.now\b|\bnew Date\(\)/, files: ['engine/session.ts'] }, // whether packets come as they happen
  { what: /\bperformance\.now\b/, files: ['cli.ts', 'tui/run.tsx', 'engine/session.ts'] },
  { what: /\bMath\.random\b/, files: ['track/hash.ts'] }, // the seed of hashes, which order nothing
  { what: /\bconsole\./, files: [] },
  { what: /\btoLocale\w+\(|\bIntl\./, files: [] }, // the same capture reads the same everywhere
];

/** Packages, and where they may be imported from. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  react: /^tui\//,
  ink: /^tui\//,
  commander: /^(commands\/|cli\.ts$)/,
  'hyparquet-writer': /^report\/parquet\.ts$/,
  'pcap-parser': /^capture\/(cross-read\.ts|pcap-parser\.d\.ts)$/,
  'xz-decompress': /^capture\/unpack\/xz\.ts$/,
  zstddec: /^capture\/unpack\/zstd\.ts$/,
};

interface Import {
  readonly from: string;
  /** Path inside src without extension, package name, or `node:…`. */
  readonly to: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

const sources = filesIn('src').map((path) => ({ file: path.slice('src/'.length), text: readFileSync(join(ROOT, path), 'utf8') }));
const imports = sources.flatMap(({ file, text }) => importsOf(file, text));

describe('imports', () => {
  test('follow the table', () => {
    const wrong = imports
      .filter(({ from, to }) => {
        const here = folderOf(from);
        if (!isOurs(to) || folderOf(to) === here) return false;
        return !MAY_IMPORT[here]?.some((allowed) => to === allowed || to.startsWith(`${allowed}/`));
      })
      .map(({ from, to }) => `${from} -> ${to}`);
    expect(wrong).toEqual([]);
  });

  test('of the two programs and the library come from nowhere', () => {
    expect(imports.filter(({ from, to }) => (to === 'cli' && from !== 'binary.ts') || to === 'index').map(({ from }) => from)).toEqual([]);
  });

  test('of node: are where the table of I/O has them', () => {
    const wrong = imports
      .filter(({ from, to }) => to.startsWith('node:') && !mayUseAnyNode(from) && !MAY_USE_NODE[from]?.includes(to.slice('node:'.length)))
      .map(({ from, to }) => `${from} -> ${to}`);
    expect(wrong).toEqual([]);
  });

  test('of packages are where they belong, and every package is declared', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    expect(Object.keys(PACKAGES).sort()).toEqual(Object.keys(dependencies).sort());
    const wrong = imports
      .filter(({ from, to }) => !to.startsWith('node:') && !isOurs(to) && PACKAGES[to.split('/')[0]!]?.test(from) !== true)
      .map(({ from, to }) => `${from} -> ${to}`);
    expect(wrong).toEqual([]);
  });

  test('of the screen are dynamic: a report loads neither React nor Ink', () => {
    const wrong = imports.filter(
      ({ from, to, dynamic, typeOnly }) => to.startsWith('tui/') && !from.startsWith('tui/') && !dynamic && !typeOnly,
    );
    expect(wrong).toEqual([]);
  });

  test('name their file with its extension', () => {
    const wrong = sources.flatMap(({ file, text }) =>
      Array.from(text.matchAll(/(?:from|import\()\s*'(\.[^']*)'/g), (m) => m[1]!)
        .filter((to) => !/\.(tsx?|json)$/.test(to))
        .map((to) => `${file} -> ${to}`),
    );
    expect(wrong).toEqual([]);
  });
});

test('the outside gets in only where the table says', () => {
  const wrong = sources.flatMap(({ file, text }) => {
    const code = withoutCommentsAndStrings(text);
    return MAY_USE.filter(({ what, files }) => what.test(code) && !files.includes(file)).map(({ what }) => `${file}: ${what.source}`);
  });
  expect(wrong).toEqual([]);
});

test('no file is longer than 500 lines', () => {
  const long = [...filesIn('src'), ...filesIn('test')]
    .map((path) => ({ path, lines: readFileSync(join(ROOT, path), 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > 500);
  expect(long).toEqual([]);
});

test('every module says what it is for before anything else', () => {
  const silent = sources
    .filter(({ file, text }) => !/^(#!.*\n)?\/\*/.test(text) && text.split('\n').length > 60 && !file.endsWith('.d.ts'))
    .map(({ file }) => file);
  expect(silent).toEqual([]);
});

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesIn(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

function importsOf(file: string, text: string): Import[] {
  const statements = text.matchAll(/^(?:import|export)\b([^;'"]*?)\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm);
  return Array.from(statements, ([, clause, from, bare, dynamic]): Import => {
    const target = (from ?? bare ?? dynamic)!;
    return {
      from: file,
      to: target.startsWith('.') ? normalize(join(dirname(file), target)).replace(/\.tsx?$/, '') : target,
      typeOnly: clause !== undefined && (/^\s*type\b/.test(clause) || everyNameIsType(clause)),
      dynamic: dynamic !== undefined,
    };
  });
}

function everyNameIsType(clause: string): boolean {
  const names = /^\s*\{([^}]*)\}\s*$/
    .exec(clause)?.[1]
    ?.split(',')
    .filter((name) => name.trim() !== '');
  return names?.every((name) => /^\s*type\s/.test(name)) ?? false;
}

const folderOf = (path: string): string => (path.includes('/') ? path.split('/')[0]! : path.endsWith('.ts') ? path : `${path}.ts`);
const isOurs = (to: string): boolean => folderOf(to) in MAY_IMPORT && !(to in PACKAGES);

const withoutCommentsAndStrings = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, ' ');
