/** `--where` and `--from`: what of an analysis is reported. Expected values come from the rows of the same capture, read without them. */
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { Analysis, AnalysisOptions } from '../../src/engine/analysis.ts';
import { localSession } from '../../src/engine/session.ts';
import { parseTimeArgument } from '../../src/model/clock.ts';
import type { ConnectionRow, EndpointRow } from '../../src/model/report.ts';
import { fieldNamed, FIELDS } from '../../src/model/where/fields.ts';

const fixture = (name: string): string => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const read = (name: string, options: AnalysisOptions = {}): Promise<Analysis> => analyse([fixture(name)], options);
const idsOf = (analysis: Analysis): number[] => [...analysis.connections()].map(({ id }) => id);
const rowsWhere = (analysis: Analysis, test: (row: ConnectionRow) => boolean): number[] =>
  [...analysis.connections()].filter(test).map(({ id }) => id);
const ends = ({ client, server }: ConnectionRow): readonly EndpointRow[] => [client, server];
const at = (text: string): { from: NonNullable<AnalysisOptions['from']> } => ({ from: parseTimeArgument(text)! });

describe('connections', () => {
  const nearby = (ip: string): boolean => ip.startsWith('10.87.55.1');
  test.each<[string, (row: ConnectionRow) => boolean]>([
    ['server.port:3306', (c) => c.server.port === 3306],
    ['port:3306', (c) => ends(c).some((e) => e.port === 3306)],
    ['not port:3306', (c) => ends(c).every((e) => e.port !== 3306)],
    ['close-wait', (c) => ends(c).some((e) => e.state === 'CLOSE_WAIT')],
    ['client.state:close-wait or outcome:refused', (c) => c.client.state === 'CLOSE_WAIT' || c.outcome === 'refused'],
    ['rst', (c) => ends(c).some((e) => e.rst > 0)],
    ['server.rst>0 duration<0.1', (c) => c.server.rst > 0 && c.duration < 0.1],
    ['duration>=5s', (c) => c.duration >= 5],
    ['connectSeconds:null', (c) => c.connectSeconds === null],
    ['10.87.55.185:3306', (c) => ends(c).some((e) => e.ip === '10.87.55.185' && e.port === 3306)],
    ['not client.ip:10.87.0.0/16', (c) => !c.client.ip.startsWith('10.87.')],
    ['10.87.55.100/30', (c) => ends(c).some((e) => nearby(e.ip) && Math.floor(Number(e.ip.split('.')[3]) / 4) === 25)],
    ['history:R and not history:r', (c) => c.history.includes('R') && !c.history.includes('r')],
    ['finding:close-wait-stuck', (c) => c.findings.some((id) => id.startsWith('close-wait-stuck/'))],
    ['start>+10', (c) => Date.parse(c.start) - Date.parse('2026-11-20T09:12:53.164Z') > 10_000],
    ['basis:midstream', (c) => c.basis === 'midstream'],
    [
      'client.retransmissions>0 (syn-sent or closed)',
      (c) => c.client.retransmissions > 0 && ends(c).some((e) => e.state === 'SYN_SENT' || e.state === 'CLOSED'),
    ],
  ])('%s', async (where, test) => {
    const [all, some] = [await read('incident.pcap'), await read('incident.pcap', { where })];
    expect(idsOf(some)).toEqual(rowsWhere(all, test));
  });

  test('a part of a name, however it is written', async () => {
    const [all, some] = [await read('incident.pcap', HOSTS), await read('incident.pcap', { ...HOSTS, where: 'client.name:INS' })];
    expect(idsOf(some)).toEqual(rowsWhere(all, (c) => c.client.name === 'Inside'));
    expect(idsOf(some).length).toBeGreaterThan(0);
  });

  test('the rows themselves are the same', async () => {
    const [all, some] = [await read('incident.pcap'), await read('incident.pcap', { where: 'port:3306' })];
    const rows = [...some.connections()];
    expect(rows).toEqual([...all.connections()].filter(({ id }) => rows.some((r) => r.id === id)));
  });

  test('every id of a finding, beyond those that the report lists', async () => {
    const all = await read('syn_flood_rst_answers.pcap.gz');
    const large = all.report.findings.filter((f) => f.count > 1_000);
    expect(large.length).toBeGreaterThan(0);
    for (const { id, count, connections } of large) {
      const ids = idsOf(await read('syn_flood_rst_answers.pcap.gz', { where: `finding:${id}` }));
      expect([ids.length, ids.slice(0, 1_000)]).toEqual([count, connections]);
    }
  });
});

/** Names are in the rows where somebody says them. */
const HOSTS: AnalysisOptions = { hosts: { '10.0.0.0/8': { name: 'Inside' } } };

/** A row as the filter that only it passes: every key with its value, and null for those that it lacks. */
function asFilter(row: ConnectionRow): string {
  const flat = new Map<string, unknown>();
  const flatten = (value: unknown, name: string): void => {
    if (name === 'type' || name === 'transitions') return;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) flatten(inner, name === '' ? key : `${name}.${key}`);
    } else flat.set(name, value);
  };
  flatten(row, '');
  // A new key of a row needs its line in model/where/fields.ts.
  expect([...flat.keys()].filter((name) => fieldNamed(name) === undefined && !name.endsWith('.options'))).toEqual([]);
  const tests = FIELDS.filter((f) => f.either === null).flatMap(({ name }) => {
    const value = flat.get(name === 'finding' ? 'findings' : name) ?? null;
    if (Array.isArray(value)) return value.map((one) => `${name}:'${String(one)}'`);
    return name === 'history' && value === '' ? [] : [`${name}:'${typeof value === 'string' ? value : JSON.stringify(value)}'`];
  });
  return tests.join(' ');
}

test.each([
  'incident.pcap',
  'healthy_pcapng.pcapng',
  'duplicated_packets.pcap',
  'forwarding_any.pcap',
  'ip4_fragments.pcap',
  'capture_with_gaps.pcap',
])('every field is the one of the row, and holds what it holds there: %s', async (name) => {
  const rows = [...(await read(name, HOSTS)).connections()];
  for (const row of [rows[0]!, rows[rows.length >> 1]!, rows.at(-1)!]) {
    const where = asFilter(row);
    expect(idsOf(await read(name, { ...HOSTS, where }))).toEqual([row.id]);
  }
});

describe('a report', () => {
  test('has the findings that concern a selected connection, in full, and says what was left out', async () => {
    const [all, some] = [await read('incident.pcap'), await read('incident.pcap', { where: 'server.port:3306' })];
    const rows = new Map([...all.connections()].map((row) => [row.id, row]));
    const expected = all.report.findings.filter((f) => f.connections.some((id) => rows.get(id)?.server.port === 3306));
    expect(some.report.findings).toEqual(expected);
    expect(expected.length).toBeGreaterThan(0);
    const left = all.report.findings.length - expected.length;
    expect(left).toBeGreaterThan(0);
    expect(some.report.capture.caveats.at(-1)).toMatchObject({ code: 'report-filtered', count: left });
    expect(some.report.capture.caveats.at(-1)?.text).toMatch(/^--where "server\.port:3306" selects 16 of 874 connections: /);
    expect(some.report.capture).toMatchObject({ packets: all.report.capture.packets, connections: all.report.capture.connections });
    expect(some.report.series).toEqual(all.report.series);
    expect(some.report.rules.map((r) => [r.id, r.verdict])).toEqual(all.report.rules.map((r) => [r.id, r.verdict]));
    const silenced = some.report.rules.filter((r) => r.verdict === 'found' && !some.report.findings.some((f) => f.rule === r.id));
    expect(new Set(silenced.map((r) => r.because))).toEqual(new Set(['its findings are left out by --where']));
  });

  test('a finding about the capture itself concerns whatever is asked of it', async () => {
    const all = await read('forwarding_any.pcap');
    const about = all.report.findings.filter((f) => f.id.endsWith('/capture'));
    const some = await read('forwarding_any.pcap', { where: 'not port>0' });
    expect(some.report.findings.filter((f) => f.connections.length === 0)).toEqual(about.filter((f) => f.connections.length === 0));
  });

  test('where nothing was asked for has no such caveat', async () =>
    expect((await read('incident.pcap')).report.capture.caveats.map((c) => c.code)).not.toContain('report-filtered'));

  test('a filter that cannot be understood is refused before anything is read', async () =>
    expect(analyse(['/no/such/file'], { where: 'nonsense' })).rejects.toThrow('there is no word "nonsense"'));
});

describe('from a moment on', () => {
  test('connections that had a segment or a socket then or later', async () => {
    const [all, some] = [await read('incident.pcap'), await read('incident.pcap', at('+10'))];
    const moment = '2026-11-20T09:13:03.164';
    const open = (e: EndpointRow): boolean => e.state !== 'CLOSED' && e.state !== 'LISTEN';
    const expected = rowsWhere(all, (c) => c.end >= moment || ends(c).some(open) || c.transitions.some((t) => t.time > moment));
    expect(idsOf(some)).toEqual(expected);
    expect(expected.length).toBeLessThan(all.report.capture.connections);
    // The same in the words of ss: whoever has a socket at that moment is among them.
    const listed = new Set(expected);
    for (const socket of all.sockets(parseTimeArgument('+10'))) expect(listed.has(socket.connection)).toBe(true);
  });

  test('findings that were still so', async () => {
    const [all, some] = [await read('incident.pcap'), await read('incident.pcap', at('+10'))];
    const moment = '2026-11-20T09:13:03.164';
    const over = all.report.findings.filter((f) => f.until !== null && f.until < moment);
    expect(over.length).toBeGreaterThan(0);
    const ids = some.report.findings.map((f) => f.id);
    for (const { id } of over) expect(ids).not.toContain(id);
    for (const f of all.report.findings.filter((f) => f.until !== null && f.until >= moment)) expect(ids).toContain(f.id);
  });

  test('the first moment changes nothing', async () => {
    const [all, some] = [await read('incident.pcap'), await read('incident.pcap', at('+0'))];
    expect([some.report.findings, idsOf(some)]).toEqual([all.report.findings, idsOf(all)]);
  });
});

describe('sockets', () => {
  test('are those of selected connections', async () => {
    const [all, some] = [await read('incident.pcap'), await read('incident.pcap', { where: 'port:3306' })];
    const expected = [...all.sockets()].filter((s) => [s.local, s.remote].some((name) => name.endsWith(':3306')));
    expect([...some.sockets()]).toEqual(expected);
    expect(expected.length).toBe(32);
  });

  test('so are their counts, and hosts without any have no row', async () => {
    const some = await read('incident.pcap', { where: 'port:3306', ...at('+10') });
    const { rows, others } = some.stateCounts(5e9 as never);
    const counted = [...rows];
    expect(new Set(counted.map((r) => r.host))).toEqual(new Set(['10.87.55.40', '10.87.55.185']));
    expect(others).toBe(0);
    expect(new Set(counted.map((r) => r.at.slice(17, 19)))).toEqual(new Set(['03', '08', '13'])); // from 09:13:03 on
    expect(counted.every((r) => Object.values(r.counts).reduce((a, b) => a + b, 0) === 16)).toBe(true);
  });
});

test('a session shows the same connections', async () => {
  const where = 'port:3306';
  const session = localSession([fixture('incident.pcap')], { where });
  const report = await session.done;
  const ask = { finding: null, where: '', sort: 'id', descending: false, offset: 0, limit: 1_000 } as const;
  const page = await session.ask('connections', ask);
  expect(page.rows.map(({ id }) => id)).toEqual(idsOf(await read('incident.pcap', { where })));
  expect(session.snapshot().findings).toEqual(report.findings);
  await session.close();
});
