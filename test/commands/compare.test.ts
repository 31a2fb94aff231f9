/** `compare`: what of two captures is new, gone, worse, better or as before, and what a pipeline makes of it. */
import { expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import { compare, type Compared } from '../../src/engine/compare.ts';
import { withOwnRules } from '../../src/engine/own-rules.ts';
import { isRegression, type Comparison } from '../../src/model/comparison.ts';
import type { Finding } from '../../src/model/finding.ts';
import { incident } from '../support/fake-analysis.ts';
import { tcpdiag } from '../support/fake-world.ts';

const fixture = (name: string): string => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const healthy = fixture('healthy_client_closes.pcap');
const leaking = fixture('close_wait_leak.pcap');

const of = (findings: readonly Partial<Finding>[], rules = incident.rules): Compared => ({
  report: { ...incident, findings: findings.map((f) => ({ ...incident.findings[0]!, ...f })), rules },
  connections: () => [],
});
const changes = (before: Compared, after: Compared) => compare(before, after).findings.map(({ id, change }) => [id, change]);

test('findings are matched by their ids', () => {
  const before = of([{ id: 'a/1' }, { id: 'b/1' }]);
  const after = of([{ id: 'b/1' }, { id: 'c/1' }]);
  expect(changes(before, after)).toEqual([
    ['c/1', 'appeared'],
    ['a/1', 'vanished'],
    ['b/1', 'same'],
  ]);
});

test.each<[string, Partial<Finding>, Partial<Finding>, string, boolean]>([
  ['a higher severity', { severity: 'notice', count: 9 }, { severity: 'critical', count: 1 }, 'worse', true],
  ['a lower one', { severity: 'critical', count: 1 }, { severity: 'info', count: 90 }, 'better', false],
  ['half as many again', { severity: 'warning', count: 20 }, { severity: 'warning', count: 30 }, 'worse', false],
  ['a few more', { severity: 'warning', count: 20 }, { severity: 'warning', count: 29 }, 'same', false],
  ['a third fewer', { severity: 'warning', count: 30 }, { severity: 'warning', count: 20 }, 'better', false],
  ['as many', { severity: 'warning', count: 0 }, { severity: 'warning', count: 0 }, 'same', false],
])('%s', (_, before, after, change, regression) => {
  const [found] = compare(of([{ id: 'a/1', ...before }]), of([{ id: 'a/1', ...after }])).findings;
  expect(found).toMatchObject({ change });
  expect(isRegression(found!)).toBe(regression);
});

test('what vanished because its rule could not answer may be there still', () => {
  const rule = incident.findings[0]!.rule;
  const mute = [{ id: rule, verdict: 'inconclusive' as const, because: 'only one direction was captured' }];
  const [found] = compare(of([{ id: `${rule}/1` }]), of([], mute)).findings;
  expect(found).toMatchObject({ change: 'vanished', unanswered: 'only one direction was captured' });
});

test('figures of real captures: outcomes and states as the kernel had them', async () => {
  const [before, after] = [await analyse([healthy]), await analyse([leaking])];
  const { before: a, after: b, services } = compare(before, after);
  expect(a.outcomes).toEqual({ ok: a.connections });
  expect(a.troubledShare).toBe(0);
  // ss on the host of the application: CLOSE_WAIT (fixtures/close_wait_leak.kernel.json)
  expect(b.endStates.CLOSE_WAIT).toBe([...after.connections()].filter((c) => c.outcome === 'leaked').length);
  expect(services.map(({ before: x, after: y }) => [x === null, y === null])).toContainEqual([true, false]);
  for (const side of [a, b]) expect(side.connectSeconds.p50!).toBeLessThanOrEqual(side.connectSeconds.p99!);
});

const real = { analyse, rules: withOwnRules };

test('exit status: 1 for what appeared or rose, not for what was there before', async () => {
  const status = async (...argv: string[]) => (await tcpdiag(['compare', ...argv, '-q'], real)).exitCode;
  expect(await status(healthy, leaking, '--fail-on', 'warning')).toBe(1);
  expect(await status(leaking, leaking, '--fail-on', 'info')).toBe(0);
  expect(await status(leaking, healthy, '--fail-on', 'info')).toBe(0);
  expect(await status(healthy, leaking)).toBe(0);
});

test('as text, as Markdown and as JSON', async () => {
  const text = (await tcpdiag(['compare', healthy, leaking, '-q'], real)).out;
  expect(text).toMatch(/^\d+ findings? appeared\.\n {2}before .*\n {2}after /);
  expect(text).toContain('outcome leaked');
  const markdown = (await tcpdiag(['compare', healthy, leaking, '-q', '-f', 'markdown'], real)).out;
  expect(markdown).toContain('## Appeared\n\n- ✖ CRITICAL: ');
  const json = JSON.parse((await tcpdiag(['compare', healthy, leaking, '-q', '--json'], real)).out) as Comparison;
  expect(json).toMatchObject({ type: 'comparison', findingsLeftOut: 0 });
});

test('nothing in either capture, and the wrong number of captures', async () => {
  expect((await tcpdiag(['compare', healthy, healthy, '-q', '--only', 'close-wait-stuck'], real)).out).toMatch(
    /^Nothing is wrong in either capture\.\n/,
  );
  for (const words of [[healthy], [healthy, healthy, healthy]]) {
    const { exitCode, err } = await tcpdiag(['compare', ...words], real);
    expect(exitCode).toBe(2);
    expect(err).toContain('compare takes two captures');
  }
});
