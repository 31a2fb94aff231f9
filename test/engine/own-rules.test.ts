/** Rules of the user's own: loaded, checked, run beside ours, in this thread and in a worker. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DETECTORS } from '../../src/detect/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { joined, withOwnRules } from '../../src/engine/own-rules.ts';
import { remoteSession } from '../../src/engine/remote.ts';
import { UsageError } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const capture = join(root, 'fixtures/incident.pcap');
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

const example = join(folder, 'example.mjs');
const worker = join(folder, 'dist', 'worker.js');
const banner = { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" };
beforeAll(async () => {
  // The library as it is, and not as it was built last.
  const common = { bundle: true, format: 'esm', platform: 'node', banner, alias: { tcpdiag: join(root, 'src/index.ts') } } as const;
  await build({ ...common, entryPoints: [join(root, 'docs/examples/session-too-long.js')], outfile: example });
  await build({ ...common, entryPoints: [join(root, 'src/engine/worker.ts')], outfile: worker });
});

/** A rule in full; `more` replaces its keys. */
const rule = (more: object = {}): object => ({
  id: 'my-rule',
  title: 'Mine',
  severity: 'info',
  category: 'path',
  docs: { what: 'What.', why: 'Why.', how: 'How.', never: 'Never.', limits: 'Limits.', references: ['RFC 9293'] },
  params: { minBytes: { default: 1, text: 'octets' } },
  detect: () => ({ verdict: 'clear' }),
  ...more,
});
const draft = (more: object = {}): object => ({
  severity: 'info',
  confidence: 'high',
  title: 'Title',
  summary: 'Summary.',
  subject: { host: '10.0.0.1' },
  atFault: null,
  faultBecause: null,
  since: null,
  until: null,
  count: 1,
  connections: [0],
  evidence: [{ connection: 0, frame: 1, time: 0, note: 'here' }],
  metrics: { share: 0.5, who: 'x', none: null },
  causes: [{ text: 'c', likelihood: 'low', because: 'b' }],
  remedies: [{ text: 'r', command: null, appliesTo: '' }],
  ...more,
});
const finding = (more: object): object => rule({ detect: () => ({ verdict: 'found', findings: [draft(more)] }) });
const run = async (...rules: readonly object[]): Promise<Report> =>
  (await analyse([capture], { only: ['my-rule', 'session-too-long'] }, { detectors: rules as never })).report;

describe('the example of the documentation', () => {
  const set = { 'session-too-long.maxSeconds': 5 };
  const expected = { id: 'session-too-long/10.87.55.185:3306', count: 16, title: '16 sessions of 10.87.55.185:3306 are older than 5 s' };

  test('stands there in full', () => {
    expect(readFileSync(join(root, 'docs/own-rules.md'), 'utf8')).toContain(
      readFileSync(join(root, 'docs/examples/session-too-long.js'), 'utf8'),
    );
  });

  test('is loaded, runs with its parameters, and finds', async () => {
    const options = { rules: [pathToFileURL(example).href], only: ['session-too-long'], set };
    const analysis = await analyse([capture], options);
    const { report } = analysis;
    expect(report.findings).toMatchObject([expected]);
    // 16 connections to port 3306, all leaked and older than 5 s (fixtures/README.md).
    expect([...analysis.connections()].filter((c) => c.server.port === 3306 && c.duration > 5).map((c) => c.id)).toEqual(
      report.findings[0]!.connections,
    );
    expect((await analyse([capture], { ...options, set: {} })).report.rules).toEqual([
      { id: 'session-too-long', verdict: 'clear', because: null },
    ]);
  });

  test('works in a worker, which also explains it', async () => {
    const options = { rules: [pathToFileURL(example).href], only: ['session-too-long'], set };
    const session = remoteSession([capture], options, pathToFileURL(worker));
    expect((await session.done).findings).toMatchObject([expected]);
    const { title, sections } = await session.ask('explain', { rule: 'session-too-long' });
    expect(title).toBe('Database sessions older than the pool may let them grow');
    expect(sections.map((s) => s.heading)).toContain('Parameters');
    await session.close();
  });
});

describe('a module', () => {
  let written = 0;
  const load = async (text: string): Promise<unknown> => {
    const file = join(folder, `rule-${String(written++)}.mjs`);
    writeFileSync(file, text);
    return withOwnRules([pathToFileURL(file).href]);
  };
  const source = `{ id: 'a-rule', title: 'A', severity: 'info', category: 'path', params: {}, detect: () => ({ verdict: 'clear' }),
    docs: { what: 'a', why: 'b', how: 'c', never: 'd', limits: 'e', references: [] } }`;

  test('may export one rule or several', async () => {
    const idsOf = (rules: unknown): string[] => (rules as { id: string }[]).slice(DETECTORS.length).map(({ id }) => id);
    expect(idsOf(await load(`export default ${source}`))).toEqual(['a-rule']);
    expect(idsOf(await load(`export default [${source}, ${source.replace('a-rule', 'b-rule')}]`))).toEqual(['a-rule', 'b-rule']);
  });

  test.each([
    ['export const x = 1', 'has no default export'],
    ['export default {', 'cannot load the rules of "rule-'],
    [`throw new Error('no \\u001b[31m luck')`, 'no \\x1b[31m luck'],
    [`import 'tcpdiag/nothing'; export default 1`, 'cannot load the rules'],
    ['export default 1', 'it must be an object'],
    [`export default [${source}, ${source}]`, 'there is a rule "a-rule" already'],
    [`export default [${source}, {}]`, 'rule 2: id must be a text of lower-case words with hyphens'],
    [`export default ${source.replace('a-rule', 'syn-flood')}`, 'there is a rule "syn-flood" already'],
  ])('%s', async (text, sentence) => {
    await expect(load(text)).rejects.toThrow(UsageError);
    await expect(load(text)).rejects.toThrow(sentence);
  });

  test('that is not there', async () => {
    await expect(withOwnRules([pathToFileURL(join(folder, 'none.mjs')).href])).rejects.toThrow('cannot load the rules of "none.mjs": ');
  });
});

describe('its shape is checked before anything is read', () => {
  test.each<[object, string]>([
    [{ id: 'My Rule' }, 'id must be a text of lower-case words with hyphens'],
    [{ title: '' }, 'title must be a text'],
    [{ severity: 'error' }, 'severity must be one of critical, warning, notice, info, not "error"'],
    [{ category: 'mine' }, 'category must be one of close, time-wait'],
    [{ docs: undefined }, 'docs must be an object'],
    [{ docs: { what: 'a', why: 'b', how: 'c', never: 7, limits: 'e', references: [] } }, 'docs.never must be a text'],
    [{ docs: { what: 'a', why: 'b', how: 'c', never: 'd', limits: 'e', references: 'RFC' } }, 'docs.references must be a list'],
    [{ params: { min: 3 } }, 'params.min must be an object'],
    [{ params: { min: { default: '3', text: 'x' } } }, 'params.min.default must be a number'],
    [{ said: 'everything' }, 'said must be one of silence, end, answer'],
    [{ detect: null }, 'detect must be a function'],
  ])('%j', (more, sentence) => expect(() => joined(DETECTORS, [rule(more)], 'mine.js')).toThrow(`mine.js: ${sentence}`));
});

describe('what it returns', () => {
  test('becomes a finding like ours', async () => {
    expect((await run(finding({}))).findings).toMatchObject([
      { id: 'my-rule/10.0.0.1', rule: 'my-rule', evidence: [{ frame: 1, note: 'here' }] },
    ]);
  });

  test.each<[object, string]>([
    [finding({ severity: 'bad' }), 'findings[0].severity must be one of'],
    [finding({ connections: undefined }), 'findings[0].connections must be a list'],
    [finding({ connections: [0, 874] }), 'findings[0].connections[1] must be the id of a connection, from 0 to 873'],
    [finding({ evidence: [{ connection: 0.5, frame: 1, time: 0, note: 'x' }] }), 'findings[0].evidence[0].connection must be the id'],
    [finding({ since: Number.NaN }), 'findings[0].since must be a number'],
    [finding({ metrics: { x: true } }), 'findings[0].metrics.x must be a number'],
    [finding({ subject: { port: '80' } }), 'findings[0].subject.port must be a number'],
    [finding({ causes: [{ text: 'x', likelihood: 'sure', because: 'y' }] }), 'findings[0].causes[0].likelihood must be one of'],
    [finding({ remedies: ['restart'] }), 'findings[0].remedies[0] must be an object'],
    [rule({ detect: () => ({ verdict: 'found', findings: [] }) }), 'findings must not be empty'],
    [rule({ detect: () => ({ verdict: 'inconclusive' }) }), 'because must be a text'],
    [rule({ detect: () => undefined }), 'what detect returns must be an object'],
    [rule({ detect: () => Promise.resolve({ verdict: 'clear' }) }), 'detect must answer at once'],
    [
      rule({
        detect: () => {
          throw new Error('my own mistake');
        },
      }),
      'my own mistake',
    ],
  ])('a mistake is a caveat that names the rule, and the others go on (%#)', async (broken, sentence) => {
    const report = await run(broken, rule({ id: 'session-too-long' }));
    const caveat = report.capture.caveats.find((c) => c.code === 'rule-failed');
    expect(caveat?.text).toContain('the rule my-rule failed and was left out: ');
    expect(caveat?.text).toContain(sentence);
    expect(report.rules).toMatchObject([
      { id: 'my-rule', verdict: 'inconclusive' },
      { id: 'session-too-long', verdict: 'clear' },
    ]);
  });
});
