/** A service with more connections than a rule looks at: the finding says how many were left. */
import { expect, test } from 'vitest';
import { idsByService, MAX_PER_SERVICE, sampledCaveats } from '../../src/detect/ids-by-service.ts';
import type { CaptureView, ServiceView } from '../../src/model/capture-view.ts';
import { connId } from '../../src/model/units.ts';

const busy = { name: '10.0.0.2:80' } as ServiceView;
const quiet = { name: '10.0.0.2:443' } as ServiceView;
/** Every tenth connection is to the quiet one; the first hundred are a scan's. */
const capture = {
  serviceOf: (id) => (id % 10 === 0 ? quiet : busy),
  isScan: (id) => id < 100,
} as CaptureView;
const ids = (count: number) => Array.from({ length: count }, (_, i) => connId(i));

test('so many are looked at, and the rest is told', () => {
  const some = ids(30_000);
  expect(idsByService(capture, some, () => false).get(busy)).toHaveLength(MAX_PER_SERVICE);
  const left = 27_000 - 90 - MAX_PER_SERVICE;
  expect(sampledCaveats(capture, some, [busy])).toMatchObject([
    { code: 'sampled', count: left, text: expect.stringContaining('the first 20,000 of 26,910 connections') as string },
  ]);
  expect(sampledCaveats(capture, some, [busy, quiet])).toMatchObject([{ count: left }]);
});

test('nothing to tell where all were looked at', () => {
  expect(sampledCaveats(capture, ids(30_000), [quiet])).toEqual([]);
  expect(sampledCaveats(capture, ids(MAX_PER_SERVICE), [busy])).toEqual([]);
});
