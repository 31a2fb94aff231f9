/** A threshold may be set to 0: a rule may then find much, but it neither fails nor states a figure that is none. */
import { expect, test } from 'vitest';
import { DETECTORS } from '../../src/detect/index.ts';
import { diagnoseFixture } from '../support/diagnose.ts';

test.each(['incident.pcap', 'ephemeral_exhaustion.pcap'])('every threshold at 0, %s', async (fixture) => {
  const set = Object.fromEntries(DETECTORS.flatMap((d) => Object.keys(d.params).map((name) => [`${d.id}.${name}`, 0])));
  const report = await diagnoseFixture(fixture, { set });
  expect(report.capture.caveats.filter((c) => c.code === 'rule-failed')).toEqual([]);
  const texts = report.findings.flatMap((f) => [f.title, f.summary, ...f.causes.map((c) => c.because)]);
  expect(texts.filter((t) => /\b(NaN|Infinity|undefined)\b/.test(t))).toEqual([]);
});
