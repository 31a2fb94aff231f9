/** Connections that were there before the capture. */
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, healthy, merged } from '../support/traffic.ts';

const RULE = 'mid-stream';

test('whole connections: clear', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
});

test('7 real connections that were open before', async () => {
  expect(findingsOf(await diagnoseFixture('midstream_capture.pcapng'), RULE)).toMatchObject([{ severity: 'info', count: 7 }]);
});

test('a probe that meets a RST is no connection', async () => {
  const probe = scriptFrames('+0 > F. 0:0(0) ack 0\n+.001 < R 0:0(0)', { clientPort: 50000 });
  expect(verdictOf(await diagnoseBytes(captureOf(merged(healthy, probe))), RULE).verdict).toBe('clear');
});
