/** Silence in a capture that goes on: timers fire and durations grow without a packet. */
import { expect, test } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import { DEFAULT_START, pcapOf, scriptFrames } from '../support/script.ts';

async function after(script: string): Promise<Analyzer> {
  const analyzer = new Analyzer({});
  await readStream([pcapOf(scriptFrames(script))], { record: (record, file) => analyzer.record(record, file) });
  return analyzer;
}

const CLOSED_BY_CLIENT = `
+0    > S  0:0(0)
+.010 < S. 0:0(0) ack 1
+.010 > .  1:1(0) ack 1
+.010 > F. 1:1(0) ack 1
+.010 < F. 1:1(0) ack 2
+.010 > .  2:2(0) ack 2`;

test('TIME_WAIT ends after 60 s, as the kernel of the client would end it', async () => {
  const analyzer = await after(CLOSED_BY_CLIENT);
  analyzer.snapshot(0);
  expect(analyzer.row(0).client.state).toBe('TIME_WAIT');
  analyzer.snapshot(59);
  expect(analyzer.row(0).client.state).toBe('TIME_WAIT');
  analyzer.snapshot(61);
  expect(analyzer.row(0).client.state).toBe('CLOSED');
});

test('what is stuck becomes a finding once it has been so for long enough', async () => {
  const analyzer = await after(`
+0    > S  0:0(0)
+.010 < S. 0:0(0) ack 1
+.010 > .  1:1(0) ack 1
+.010 < F. 1:1(0) ack 1
+.010 > .  1:1(0) ack 2`);
  const rules = (quiet: number): string[] => analyzer.snapshot(quiet).findings.map(({ rule }) => rule);
  expect(rules(0)).not.toContain('close-wait-stuck');
  expect(rules(120)).toContain('close-wait-stuck');
});

test('the report covers the silence that was watched', async () => {
  const analyzer = await after(CLOSED_BY_CLIENT);
  analyzer.snapshot(61);
  expect(analyzer.finish([]).capture.durationSeconds).toBeCloseTo(61.05, 6);
});

test('who looks while reading sees who has given up, without a timer and without silence', async () => {
  const frames = [
    ...scriptFrames(`+0 > S 0:0(0)`),
    ...scriptFrames(`+0 > S 0:0(0)`, { clientPort: 40001, start: DEFAULT_START + 5 }), //
  ];
  const analyzer = new Analyzer({});
  await readStream([pcapOf(frames)], { record: (record, file) => analyzer.record(record, file) });
  analyzer.snapshot();
  expect(analyzer.row(0).client.state).toBe('CLOSED');
  expect(analyzer.row(1).client.state).toBe('SYN_SENT');
});

test('where the clock was set back, a look changes nothing: no timer fires before its time', async () => {
  const frames = [
    ...scriptFrames(`+0 > S 0:0(0)`, { clientPort: 40001, start: DEFAULT_START + 3600 }),
    ...scriptFrames(CLOSED_BY_CLIENT), //
  ];
  const analyzer = new Analyzer({});
  await readStream([pcapOf(frames)], { record: (record, file) => analyzer.record(record, file) });
  analyzer.snapshot();
  expect(analyzer.row(1).client.state).toBe('TIME_WAIT');
});
