/** The progress line: only for a person, only when it takes long, and gone before the result. */
import { expect, test } from 'vitest';
import { nearest } from '../../src/model/nearest.ts';
import type { AnalyseHooks } from '../../src/commands/world.ts';
import type { Analysis, AnalysisOptions } from '../../src/engine/analysis.ts';
import { fakeAnalysis } from '../support/fake-analysis.ts';
import { tcpdiag, type Surroundings } from '../support/fake-world.ts';

/** An engine that reports at these milliseconds. */
function slow(...times: number[]): Surroundings {
  let now = 0;
  return {
    stderrTty: true,
    now: () => now,
    analyse: (_paths: readonly string[], _options: AnalysisOptions, hooks?: AnalyseHooks): Promise<Analysis> => {
      for (now of times)
        hooks?.progress?.({ phase: 'reading', bytesRead: now * 10, bytesTotal: 10_000, packets: now, connections: 7, captureSeconds: 1 });
      return Promise.resolve(fakeAnalysis());
    },
  };
}

test('a short analysis says nothing', async () => expect((await tcpdiag(['report', '-'], slow(10, 100, 290))).err).toBe(''));

test('a long one says how far it is, at most ten times a second, and cleans up', async () => {
  const { err, out } = await tcpdiag(['report', '-'], slow(100, 310, 320, 350, 420, 1_000));
  expect(err.split('\r\u001b[K')).toEqual([
    '',
    'reading 31 %, 310 packets, 7 connections',
    'reading 42 %, 420 packets, 7 connections',
    'reading 100 %, 1,000 packets, 7 connections',
    '',
  ]);
  expect(out).toContain('CLOSE_WAIT');
});

test.each([
  ['--no-progress', ['--no-progress'], {}],
  ['-q', ['-q'], {}],
  ['stderr is a file', [], { stderrTty: false }],
  ['TERM=dumb', [], { env: { TERM: 'dumb' } }],
])('never with %s', async (_why, words, surroundings) =>
  expect((await tcpdiag(['report', '-', ...words], { ...slow(500, 900), ...surroundings })).err).toBe(''),
);

test('is gone before an error is said', async () => {
  const engine = slow(500);
  const { err } = await tcpdiag(['report', '-'], {
    ...engine,
    analyse: async (...args) => {
      await engine.analyse?.(...args);
      throw new TypeError('boom');
    },
  });
  expect(err).toMatch(/\r\u001b\[Ktcpdiag: internal fault/);
});

test.each([
  ['conections', 'connections'],
  ['raport', 'report'],
  ['sates', 'states'],
  ['rlues', 'rules'],
  ['CHECK', 'check'],
  ['x', undefined],
  ['completion', undefined],
])('nearest command to %s: %s', (word, expected) =>
  expect(nearest(word, ['report', 'connections', 'states', 'check', 'rules', 'explain'])).toBe(expected),
);
