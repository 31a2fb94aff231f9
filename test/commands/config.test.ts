/** The configuration: what it may hold, how its mistakes are said, and how it meets the command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { CONFIG_SCHEMA, mistakeIn } from '../../src/commands/config-schema.ts';
import { DETECTORS } from '../../src/detect/index.ts';
import { incident } from '../support/fake-analysis.ts';
import { type Seen, tcpdiag } from '../support/fake-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
const capture = join(folder, 'incident.pcap');
writeFileSync(capture, 'any bytes: the engine is a fake');
const CONFIG = join(folder, 'tcpdiag.config.json');

/** The command line in a folder with this configuration. */
async function configured(config: unknown, argv: readonly string[] = ['report', capture], name = 'tcpdiag.config.json'): Promise<Seen> {
  const file = join(folder, name);
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  const seen = await tcpdiag(argv, { folder });
  rmSync(file);
  return seen;
}

/** Each configuration, and its first mistake; null: none. */
const TABLE: readonly (readonly [config: unknown, mistake: string | null])[] = [
  [{}, null],
  [
    { $schema: 'x', only: ['syn-flood'], skip: [], set: { 'close-wait-stuck.minSeconds': 30 }, profile: 'windows', failOn: 'warning' },
    null,
  ],
  [{ hosts: { '10.0.0.0/8': { name: 'inside', role: 'nat' }, '10.0.0.5': {} }, services: { '10.0.0.9:3306': 'db', '443': 'web' } }, null],
  [{ rules: ['./my-rules.js'] }, null],
  [[], ' must be an object, not a list'],
  ['{}', ' must be an object, not "{}"'],
  [null, ' must be an object, not null'],
  [{ hots: {} }, 'hots is not known; did you mean "hosts"?'],
  [{ zzz: 1 }, 'zzz is not known; there are $schema, only, skip, set, profile, failOn, maxMemory, rules, hosts, services, tui'],
  [{ only: 'syn-flood' }, 'only must be a list, not "syn-flood"'],
  [{ only: ['syn-flood', 7] }, 'only[1] must be a text, not 7'],
  [{ skip: [''] }, 'skip[0] must not be empty'],
  [{ set: { 'syn-flood.x': '3' } }, 'set["syn-flood.x"] must be a number, not "3"'],
  [{ set: { 'syn-flood.x': -3 } }, 'set["syn-flood.x"] must be at least 0, not -3'],
  [{ set: [] }, 'set must be an object, not a list'],
  [{ profile: null }, 'profile must be a text, not null'],
  [{ failOn: 'error' }, 'failOn must be one of critical, warning, notice, info, not "error"'],
  [{ hosts: { '10.0.0.5': 'edge' } }, 'hosts["10.0.0.5"] must be an object, not "edge"'],
  [{ hosts: { '10.0.0.5': { name: '' } } }, 'hosts["10.0.0.5"].name must not be empty'],
  [{ hosts: { '10.0.0.5': { name: 'x'.repeat(101) } } }, 'hosts["10.0.0.5"].name has more than 100 characters'],
  [
    { hosts: { '10.0.0.5': { role: 'balance' } } },
    'hosts["10.0.0.5"].role must be one of proxy, balancer, nat, health-checker, monitor, scanner, not "balance"; did you mean "balancer"?',
  ],
  [{ hosts: { '10.0.0.5': { rol: 'proxy' } } }, 'hosts["10.0.0.5"].rol is not known; did you mean "role"?'],
  [{ services: { '443': true } }, 'services["443"] must be a text, not true'],
  [{ rules: [{}] }, 'rules[0] must be a text, not an object'],
];

describe('its schema', () => {
  test.each(TABLE)('%j', (config, expected) => {
    const mistake = mistakeIn(config, CONFIG_SCHEMA);
    expect(mistake === null ? null : `${mistake.key} ${mistake.problem}`).toBe(expected);
  });

  test('as it is published means the same to an independent validator', () => {
    // ESLint's: the package has none of its own.
    const Ajv = createRequire(createRequire(import.meta.url).resolve('eslint/package.json'))('ajv') as new () => {
      validate(schema: unknown, value: unknown): boolean;
    };
    const published: unknown = JSON.parse(readFileSync(new URL('../../docs/schema/config.schema.json', import.meta.url), 'utf8'));
    for (const [config, mistake] of TABLE) expect([config, new Ajv().validate(published, config)]).toEqual([config, mistake === null]);
  });
});

describe('in the working directory', () => {
  test('it is taken, and -v says so', async () => {
    const config = {
      only: ['syn-flood'],
      skip: ['close-wait-stuck'],
      set: { 'syn-flood.minSynsPerSecond': 7 },
      profile: 'windows',
      hosts: { '10.0.0.1': { name: 'app' } },
      services: { '80': 'web' },
    };
    const { asked, err } = await configured(config, ['report', capture, '-v']);
    expect(asked[0]!.options).toEqual(config);
    expect(err).toContain('tcpdiag: configuration: tcpdiag.config.json\n');
    expect((await configured(config)).err).toBe('');
  });

  test('failOn decides on the exit status', async () => {
    expect((await configured({ failOn: 'warning' })).exitCode).toBe(1);
    expect((await configured({ failOn: 'warning' }, ['report', capture, '--no-config'])).exitCode).toBe(0);
    expect(incident.findings.some((f) => f.severity === 'critical')).toBe(true);
  });

  test('the command line counts before it', async () => {
    const config = {
      only: ['syn-flood'],
      set: { 'syn-flood.minSynsPerSecond': 7, 'close-wait-stuck.minGroup': 9 },
      profile: 'windows',
      failOn: 'warning',
    };
    const argv = ['report', capture, '--skip', 'close-wait-stuck', '--set', 'syn-flood.minSynsPerSecond=8', '--profile', 'linux'];
    expect((await configured(config, argv)).asked[0]!.options).toEqual({
      skip: ['close-wait-stuck'],
      set: { 'syn-flood.minSynsPerSecond': 8, 'close-wait-stuck.minGroup': 9 },
      profile: 'linux',
    });
  });

  test('--config takes another, --no-config takes none', async () => {
    writeFileSync(join(folder, 'other.json'), '{"only":["syn-flood"]}');
    const asked = async (...words: string[]) =>
      (await configured({ skip: ['syn-flood'] }, ['report', capture, ...words])).asked[0]!.options;
    expect(await asked('--config', 'other.json')).toEqual({ only: ['syn-flood'] });
    expect(await asked('--no-config')).toEqual({});
  });

  test('rules of its own are code: they are loaded only where --config names the file', async () => {
    const refused = await configured({ rules: ['./my.js'] });
    expect(refused).toMatchObject({ exitCode: 2, out: '', asked: [] });
    expect(refused.err).toMatch(/rules names code to run.*\n--config tcpdiag\.config\.json says that it may; --no-config/);
    const { asked } = await configured({ rules: ['./my.js'] }, ['report', capture, '--config', CONFIG, '--rules', 'other.mjs']);
    expect(asked[0]!.options.rules).toEqual(['my.js', 'other.mjs'].map((name) => pathToFileURL(join(folder, name)).href));
  });
});

describe('what is broken ends with 2 and a sentence that points at the key', () => {
  test.each<[unknown, string]>([
    ['{"only":\n  [}', `is not JSON: Unexpected token '}' in "{"only":\\x0a  [}".`],
    ['{"only":[],\n  skip', 'in line 2, column 3.'],
    ['', 'is not JSON: Unexpected end of JSON input.'],
    [{ hots: {} }, '"tcpdiag.config.json": hots is not known; did you mean "hosts"?'],
    [{ only: ['syn-floods'] }, 'only[0] cannot be: there is no rule "syn-floods"; did you mean "syn-flood"?'],
    [{ set: { 'syn-flood.x': 3 } }, 'set["syn-flood.x"] cannot be: the rule syn-flood has no parameter "x"; it has minSynsPerSecond.'],
    [{ set: { minSeconds: 3 } }, 'set.minSeconds cannot be: "minSeconds" is not RULE.PARAM'],
    [{ profile: 'plan9' }, 'profile cannot be: there is no kernel profile "plan9"'],
    [{ hosts: { db1: { name: 'x' } } }, 'hosts.db1 is no address and no prefix.'],
    [{ services: { 'db1:80': 'x' } }, 'services["db1:80"] is neither address:port nor a port.'],
    [{ services: { '99999': 'x' } }, 'services["99999"] is neither address:port nor a port.'],
    [{ ['\u001b[31m']: 1 }, '["\\x1b[31m"] is not known'],
  ])('%j', async (config, sentence) => {
    const { exitCode, out, err, asked } = await configured(config);
    expect(err).toContain(sentence);
    expect({ exitCode, out, asked }).toEqual({ exitCode: 2, out: '', asked: [] });
    expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|\.\.$/m);
  });

  test('a file that is named and not there', async () => {
    expect((await tcpdiag(['report', capture, '--config', 'none.json'], { folder })).err).toBe(
      'tcpdiag: cannot read the configuration "none.json": there is no such file.\n',
    );
  });
});

test('the example of the page is a configuration that counts, and the page names every key', async () => {
  const page = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8');
  const example = /```json\n([^]*?)```/.exec(page)?.[1] ?? '';
  writeFileSync(CONFIG, example);
  const { exitCode, err } = await tcpdiag(['config'], { folder, rules: () => Promise.resolve(DETECTORS) });
  rmSync(CONFIG);
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  const keys = Object.keys(CONFIG_SCHEMA.properties ?? {}).filter((key) => key !== '$schema');
  expect(keys.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
});

describe('config prints what counts and who said so', () => {
  interface Row {
    readonly key: string;
    readonly value: unknown;
    readonly from: string;
    readonly default?: unknown;
  }
  const shown = async (config: unknown, ...words: string[]): Promise<ReadonlyMap<string, Row>> => {
    const { out, err, asked } = await configured(config, ['config', '-f', 'json', ...words]);
    expect({ err, asked }).toEqual({ err: '', asked: [] });
    return new Map((JSON.parse(out) as Row[]).map((row) => [row.key, row]));
  };

  test('nothing is configured: every setting is a default', async () => {
    const { out } = await tcpdiag(['config', '-f', 'json'], { folder, memory: () => 8 * 2 ** 30 });
    const rows = JSON.parse(out) as Row[];
    expect(new Set(rows.map(({ from }) => from))).toEqual(new Set(['default']));
    // Whatever a configuration may say stands here, too.
    const keys = Object.keys(CONFIG_SCHEMA.properties ?? {}).filter((key) => key !== '$schema');
    expect(keys.filter((key) => !rows.some((row) => row.key === key || row.key.startsWith(`${key}.`)))).toEqual([]);
    expect(rows).toContainEqual({ key: 'maxMemory', value: 4 * 2 ** 30, from: 'default' });
  });

  test('the command line counts before the configuration', async () => {
    const rows = await shown(
      { only: ['syn-flood'], set: { 'close-wait-stuck.minSeconds': 30 }, profile: 'windows', failOn: 'notice', tui: { mouse: false } },
      ...['--set', 'syn-flood.minSynsPerSecond=5', '--fail-on', 'warning', '--no-tui'],
    );
    expect(rows.get('config')).toMatchObject({ value: 'tcpdiag.config.json', from: 'working directory' });
    expect(rows.get('only')).toMatchObject({ value: ['syn-flood'], from: 'configuration' });
    expect(rows.get('set["close-wait-stuck.minSeconds"]')).toMatchObject({ value: 30, from: 'configuration', default: 60 });
    expect(rows.get('set["syn-flood.minSynsPerSecond"]')).toMatchObject({ value: 5, from: 'command line' });
    expect(rows.get('profile')).toMatchObject({ value: 'windows', from: 'configuration' });
    expect(rows.get('failOn')).toMatchObject({ value: 'warning', from: 'command line' });
    expect(rows.get('tui.off')).toMatchObject({ value: true, from: 'command line', default: false });
    expect(rows.get('tui.mouse')).toMatchObject({ value: false, from: 'configuration', default: true });
  });

  test('one threshold in both is that of the command line', async () =>
    expect(
      (await shown({ set: { 'close-wait-stuck.minSeconds': 30 } }, '--set', 'close-wait-stuck.minSeconds=5')).get(
        'set["close-wait-stuck.minSeconds"]',
      ),
    ).toMatchObject({ value: 5, from: 'command line' }));

  test('a choice of rules on the command line replaces both lists', async () => {
    const rows = await shown({ only: ['syn-flood'], skip: ['close-wait-stuck'] }, '--skip', 'filtered-capture');
    expect(rows.get('only')).toEqual({ key: 'only', value: null, from: 'default' });
    expect(rows.get('skip')).toEqual({ key: 'skip', value: ['filtered-capture'], from: 'command line' });
  });

  test('as a table, which nothing in a name can steer', async () => {
    const { out, exitCode } = await configured({ hosts: { '10.0.0.5': { name: 'edge\u001b[31m', role: 'nat' } } }, ['config']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^SETTING +VALUE +FROM +DEFAULT\n/);
    expect(out).toMatch(/^hosts\["10\.0\.0\.5"\]\.name +edge\\x1b\[31m +configuration$/m);
    expect(out).toMatch(/^profile +guessed from the SYNs of each host +default$/m);
  });

  test('what is broken ends as it would before a capture is read', async () =>
    expect(await configured({ only: ['syn-floods'] }, ['config'])).toMatchObject({ exitCode: 2, out: '' }));
});
