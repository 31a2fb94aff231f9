import { describe, expect, test } from 'vitest';
import type { Draft } from '../../src/detect/detector.ts';
import { Members } from '../../src/engine/members.ts';
import { type Explainable, rootCausesFirst } from '../../src/engine/root-causes.ts';
import type { ConnId, Nanos } from '../../src/model/units.ts';

const seconds = (s: number): Nanos => (s * 1e9) as Nanos;
const ids = (...list: number[]): ConnId[] => list as ConnId[];
const END = seconds(600);

function entry(rule: string, draft: Partial<Draft>): Explainable {
  const whole: Draft = {
    severity: 'warning',
    confidence: 'high',
    title: rule,
    summary: rule,
    subject: { host: '10.0.0.1', role: 'server', port: 80 },
    atFault: null,
    faultBecause: null,
    since: seconds(100),
    until: null,
    count: 1,
    connections: [],
    evidence: [],
    metrics: {},
    causes: [],
    remedies: [],
    ...draft,
  };
  return { rule, id: rule, draft: whole, members: new Members(whole.connections) };
}

/** `symptom < cause`, in the order of the report. */
const report = (...entries: readonly Explainable[]): readonly string[] =>
  rootCausesFirst(entries, END).map(({ entry: { id }, explainedBy }) => (explainedBy === null ? id : `${id} < ${explainedBy}`));

const killed = (draft: Partial<Draft> = {}): Explainable => entry('process-killed', { until: seconds(110), ...draft });
const refused = (draft: Partial<Draft> = {}): Explainable =>
  entry('connection-refused', { explainedByRules: ['process-killed'], ...draft });

describe('a finding is explained', () => {
  test('by one of a rule that it names, about the same service at the same time', () => {
    expect(report(refused(), killed())).toEqual(['process-killed', 'connection-refused < process-killed']);
  });

  test('not by one about another host, or another port of the host', () => {
    expect(report(refused(), killed({ subject: { host: '10.0.0.2', role: 'server', port: 80 } }))).toEqual([
      'connection-refused',
      'process-killed',
    ]);
    expect(report(refused(), killed({ subject: { host: '10.0.0.1', role: 'server', port: 8080 } }))).toEqual([
      'connection-refused',
      'process-killed',
    ]);
  });

  test('by one about the host as a client of something else: a leak towards the database stops the service', () => {
    const leak = entry('close-wait-stuck', {
      subject: { host: '10.0.0.1', role: 'client', peer: '10.0.0.9', port: 5432 },
      atFault: '10.0.0.1',
    });
    const slow = entry('slow-response', { explainedByRules: [{ rule: 'close-wait-stuck', atFault: '10.0.0.1' }] });
    expect(report(slow, leak)).toEqual(['close-wait-stuck', 'slow-response < close-wait-stuck']);
  });

  test('not by a leak of its clients, where it asks for one of its own', () => {
    const leak = entry('close-wait-stuck', {
      subject: { host: '10.0.0.7', role: 'client', peer: '10.0.0.1', port: 80 },
      atFault: '10.0.0.7',
    });
    const slow = entry('slow-response', { explainedByRules: [{ rule: 'close-wait-stuck', atFault: '10.0.0.1' }] });
    expect(report(slow, leak)).toEqual(['close-wait-stuck', 'slow-response']);
  });

  test('not by what came after it, or was over a minute before it', () => {
    expect(report(refused({ since: seconds(10), until: seconds(20) }), killed())).not.toContain('connection-refused < process-killed');
    expect(report(refused({ since: seconds(300) }), killed())).not.toContain('connection-refused < process-killed');
    expect(report(refused({ since: seconds(150) }), killed())).toContain('connection-refused < process-killed');
  });

  test('by one about the same connections, whenever it was noticed', () => {
    const late = entry('broken-pipe', { explainedByRules: ['process-killed'], since: seconds(500), connections: ids(3, 8) });
    expect(report(late, killed({ connections: ids(7, 8, 9) }))).toContain('broken-pipe < process-killed');
    expect(report(late, killed({ connections: ids(7, 9) }))).not.toContain('broken-pipe < process-killed');
  });

  test('never by its own consequence', () => {
    const a = entry('half-open', { explainedByRules: ['dead-peer'] });
    const b = entry('dead-peer', { explainedByRules: ['half-open'] });
    expect(report(a, b)).toEqual(['dead-peer', 'half-open < dead-peer']);
  });
});

describe('the order of the report', () => {
  test('a cause is as urgent as the worst that came of it', () => {
    const other = entry('zero-window', { severity: 'warning', count: 50, subject: { host: '10.0.0.5' } });
    const worst = entry('rst-injection', { severity: 'critical', count: 1, subject: { host: '10.0.0.6' } });
    expect(report(other, refused({ severity: 'critical', count: 90 }), killed({ count: 5 }), worst)).toEqual([
      'rst-injection',
      'process-killed',
      'connection-refused < process-killed',
      'zero-window',
    ]);
  });

  test('of the same weight, most connections, then the earliest', () => {
    const [few, many, early] = [entry('few', { count: 2 }), entry('many', { count: 9 }), entry('early', { count: 2, since: seconds(1) })];
    expect(report(few, many, early)).toEqual(['many', 'early', 'few']);
  });
});
