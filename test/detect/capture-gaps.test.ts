/** Octets that were acknowledged and that nobody captured. */
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { ethernet, fragment, ipv6, udp } from '../support/frames.ts';
import { pcapOf, scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, segments } from '../support/traffic.ts';

const RULE = 'capture-gaps';

test('whole connections: clear', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
});

test('segments that were taken out of a real capture', async () => {
  expect(findingsOf(await diagnoseFixture('capture_with_gaps.pcap'), RULE)).toMatchObject([{ severity: 'info', atFault: null }]);
});

test('an acknowledgment of octets that nobody saw', async () => {
  const frames = segments(healthy, (_flags, length) => length !== 1000);
  expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)).toMatchObject([{ count: 6, metrics: { missedBytes: 6_000 } }]);
});

test('loss that was repaired is the path, also with several holes at once', async () => {
  const lossy = `${handshake(0)}
    +.001 < P. 1:1001(1000) ack 1
    +.001 < P. 2001:3001(1000) ack 1
    +.001 < P. 4001:5001(1000) ack 1
    +.001 > .  1:1(0) ack 1001
    +.3   < P. 1001:2001(1000) ack 1
    +.001 < P. 3001:4001(1000) ack 1
    +.001 > .  1:1(0) ack 5001`;
  expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(lossy))), RULE).verdict).toBe('clear');
});

test('fragments may hold what is missing', async () => {
  const frames = segments(healthy, (_flags, length) => length !== 1000);
  const part = { seconds: 1795163590, nanos: 0, bytes: ethernet(ipv6({}, fragment(udp(), { offset: 8 }))) };
  expect(verdictOf(await diagnoseBytes(pcapOf([...frames, part])), RULE)).toMatchObject({ verdict: 'inconclusive' });
});

test('captures that lack everything on purpose', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), RULE).verdict).toBe('not-applicable');
  expect(verdictOf(await diagnoseFixture('one_direction_capture.pcap'), RULE).verdict).toBe('not-applicable');
});
