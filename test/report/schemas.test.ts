/**
 * The published schemas (docs/schema) hold for what the commands print of captures of all kinds, and know every key of it: a
 * validator that is not ours decides.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { withOwnRules } from '../../src/engine/own-rules.ts';
import { localSession } from '../../src/engine/session.ts';
import { tcpdiag } from '../support/fake-world.ts';

const root = new URL('../../', import.meta.url).pathname;

/** As published; `strict` lets no key through that it does not name. */
function schema(file: string, strict: boolean): ValidateFunction {
  const text = readFileSync(`${root}docs/schema/${file}`, 'utf8');
  return new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(text, (_, value: unknown) => (strict ? closed(value) : value)) as object,
  );
}

/** Objects with properties that say nothing of others. Members of a choice stay open: `extends` is told by `allOf` and `anyOf`. */
const closed = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'properties' in value && !('additionalProperties' in value)
    ? { ...value, additionalProperties: false }
    : value;

const real = {
  analyse,
  session: (paths: readonly string[], options: AnalysisOptions) => Promise.resolve(localSession(paths, options)),
  rules: withOwnRules,
};

async function printed(...argv: string[]): Promise<string> {
  const { exitCode, out, err } = await tcpdiag(argv, real);
  expect({ exitCode, err: exitCode === 0 ? '' : err }).toEqual({ exitCode: 0, err: '' });
  return out;
}

const lines = (out: string): readonly unknown[] => out.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));

function holds(file: string, values: readonly unknown[]): void {
  for (const strict of [false, true]) {
    const validate = schema(file, strict);
    const wrong = values.flatMap((value) =>
      validate(value) ? [] : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message ?? ''} ${JSON.stringify(e.params)}`),
    );
    expect([...new Set(wrong)]).toEqual([]);
  }
}

const FIXTURES = [
  'incident.pcap',
  'accept_overflow.pcap',
  'duplicated_packets.pcap',
  'healthy_pcapng.pcapng',
  'icmp_reject.pcap',
  'midstream_capture.pcapng',
  'forwarding_any.pcap',
  'http_flood.pcap.gz',
];

test.each(FIXTURES)('%s', { timeout: 60_000 }, async (name) => {
  const path = `${root}fixtures/${name}`;
  holds('report.schema.json', [JSON.parse(await printed('report', path, '-f', 'json', '--checksum'))]);
  holds('report-line.schema.json', lines(await printed('report', path, '-f', 'ndjson')));
  holds('connection-row.schema.json', lines(await printed('connections', path, '-f', 'ndjson')));
  holds('connection.schema.json', [JSON.parse(await printed('connection', path, '0', '-f', 'json'))]);
  holds('socket-row.schema.json', lines(await printed('states', path, '--at', '+0', '-f', 'ndjson')));
  holds('state-count-row.schema.json', lines(await printed('states', path, '--every', '5s', '-f', 'ndjson')));
  holds('check.schema.json', [JSON.parse(await printed('check', path, '-f', 'json'))]);
});

test('a comparison', { timeout: 60_000 }, async () => {
  const [before, after] = ['healthy_client_closes.pcap', 'incident.pcap'].map((name) => `${root}fixtures/${name}`);
  holds('comparison.schema.json', [JSON.parse(await printed('compare', before!, after!, '-f', 'json'))]);
});

test('the rules', async () => holds('rule-row.schema.json', JSON.parse(await printed('rules', '-f', 'json')) as unknown[]));

test('the settings', async () =>
  holds(
    'setting-row.schema.json',
    JSON.parse(await printed('config', '--set', 'syn-flood.ratio=2', '--only', 'syn-flood', '-f', 'json')) as unknown[],
  ));

test.each(['loss', 'reset', 'nat'])('two captures: %s', async (name) => {
  const [client, server] = ['client', 'server'].map((side) => `${root}fixtures/two_points_${name}.${side}.pcap`);
  holds('correlation.schema.json', [JSON.parse(await printed('correlate', client!, server!, '-f', 'json'))]);
});

test('sockets beside those of ss', async () => {
  const name = `${root}fixtures/zero_window.pcap`;
  const list = join(mkdtempSync(join(tmpdir(), 'tcpdiag-schemas-')), 'ss.txt');
  const sockets = lines(await printed('states', name, '-f', 'ndjson')) as readonly { readonly local: string; readonly remote: string }[];
  writeFileSync(list, sockets.map(({ local, remote }) => `ESTAB 0 0 ${local} ${remote}\n`).join(''));
  const { out } = await tcpdiag(['states', name, '--diff', list, '-f', 'ndjson'], real);
  holds('socket-diff-row.schema.json', lines(out));
  rmSync(dirname(list), { recursive: true });
});

test('a schema refuses what is not so', () => {
  const socket = {
    type: 'socket',
    at: '',
    host: '',
    local: '',
    remote: '',
    state: 'HALF_OPEN',
    since: '',
    basis: 'handshake',
    connection: 1,
  };
  expect(schema('socket-row.schema.json', false)(socket)).toBe(false);
  expect(schema('socket-row.schema.json', false)({ ...socket, state: 'TIME_WAIT', new: 1 })).toBe(true);
  expect(schema('socket-row.schema.json', true)({ ...socket, state: 'TIME_WAIT', new: 1 })).toBe(false);
});
