/** FINs that cross (RFC 9293 figure 13). */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, handshake, healthy, sentBy } from '../support/traffic.ts';

const RULE = 'simultaneous-close';

const crossing = (at: number): string => `${handshake(at)}
  +.1   > F. 1:1(0) ack 1             # FIN_WAIT_1 / *
  +.002 < F. 1:1(0) ack 1             # CLOSING / CLOSING
  +.003 > .  2:2(0) ack 2
  +.001 < .  2:2(0) ack 2             # TIME_WAIT / TIME_WAIT`;

test('8 connections of a real capture', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('simultaneous_close.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity: 'info', count: 8, atFault: null });
});

test('both FINs are shown, and how far apart they were', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(crossing(0)))), RULE);
  expect(finding).toMatchObject({
    id: 'simultaneous-close/10.0.0.2:80',
    count: 1,
    evidence: [{ frame: 4 }, { frame: 5 }],
    metrics: { mostApartSeconds: 0.002 },
  });
});

test('a connection that began before the capture counts: both FINs are in it', async () => {
  const tail = crossing(0).split('\n').slice(4).join('\n');
  const before = '+0 > P. 1:1(0) ack 1\n+.001 < . 1:1(0) ack 1\n';
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(before + tail))), RULE)).toHaveLength(1);
});

describe('silent', () => {
  test('when the second FIN acknowledges the first, however quick it is', async () => {
    const quick = `${handshake(0)}
      +.1      > F. 1:1(0) ack 1
      +.000001 < F. 1:1(0) ack 2
      +.001    > .  2:2(0) ack 2`;
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(quick))), RULE).verdict).toBe('clear');
  });

  test.each(['half_close.pcap', 'healthy_server_closes.pcap', 'last_ack_stuck.pcap'])('%s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });

  test('for ordinary closes', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive in one direction', async () => {
  const frames = sentBy(
    'client',
    connections(3, (i) => crossing(i)),
  );
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
