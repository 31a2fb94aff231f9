/** CLOSE_WAIT that ended by close(), but late. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'slow-close';

/** The server closes, the client `seconds` later. */
const closes = (at: number, seconds: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > .  11:11(0) ack 22          # CLOSE_WAIT / FIN_WAIT_2
  +${String(seconds)} > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;

test('8 s, where its neighbours take 2 ms', async () => {
  const prompt = connections(4, (i) => closes(i * 0.1, 0.002));
  const late = scriptFrames(closes(1, 8), { clientPort: 40100 });
  const [finding, ...more] = findingsOf(await diagnoseBytes(captureOf(prompt, late)), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'slow-close/10.0.0.1@10.0.0.2:80',
    severity: 'info',
    count: 1,
    atFault: null,
    metrics: { longestSeconds: 8.001 },
  });
});

test('a pool that sweeps its idle connections closes them together', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(4, (i) => closes(i * 0.5, 5 - i * 0.5)))), RULE);
  expect(finding).toMatchObject({ count: 4, metrics: { sweptTogether: 1 } });
});

test('of a connection that began before the capture', async () => {
  const tail = closes(0, 4).split('\n').slice(5).join('\n');
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(tail))), RULE)).toHaveLength(1);
});

describe('silent', () => {
  test.each([
    'close_wait_leak.pcap',
    'close_wait_then_killed.pcap',
    'half_close.pcap',
    'healthy_server_closes.pcap',
    'fin_wait2_orphan_timeout.pcap',
  ])('%s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });

  const silent = async (...scripts: (readonly ScriptedFrame[])[]): Promise<void> =>
    expect(findingsOf(await diagnoseBytes(captureOf(...scripts)), RULE)).toEqual([]);

  test('when all its neighbours take as long', () => silent(connections(6, (i) => closes(i * 0.1, 0.8))));
  test('for a socket that still waits: close-wait-stuck', () =>
    silent(scriptFrames(closes(0, 4).split('\n').slice(0, -2).join('\n')), lateExchange(9)));
  test('for a half-close in use', () =>
    silent(
      scriptFrames(`${handshake(0)}
        +.001 > F. 1:1(0) ack 1
        +.001 < .  1:1(0) ack 2
        +3    < P. 1:21(20) ack 2
        +.001 > .  2:2(0) ack 21
        +.001 < F. 21:21(0) ack 2
        +.001 > .  2:2(0) ack 22`),
    ));

  test('for ordinary closes', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where data or the other direction is missing', async () => {
  const frames = connections(3, (i) => closes(i, 4));
  for (const part of [flagsOnly(frames), sentBy('client', frames)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
