/** Captures that hold what one end sent. */
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, healthy, lonelySyns, merged, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'one-way-capture';

test('whole connections: clear', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
});

test('29 real connections of which only the server was captured', async () => {
  const [finding] = findingsOf(await diagnoseFixture('one_direction_capture.pcap'), RULE);
  expect(finding).toMatchObject({ severity: 'info', count: 29, metrics: { capturedSide: 'servers' } });
});

test('one connection of many is not the capture', async () => {
  const lame = sentBy('server', scriptFrames(wholeConnection(1), { clientPort: 50000 }));
  expect(verdictOf(await diagnoseBytes(captureOf(merged(healthy, lame))), RULE).verdict).toBe('clear');
});

test('SYNs without an answer are not one-way', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(lonelySyns)), RULE).verdict).toBe('clear');
});
