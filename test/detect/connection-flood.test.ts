/** Connections that nobody means to use, and those that wait for good reasons. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, lateExchange, wholeConnection } from '../support/traffic.ts';

const RULE = 'connection-flood';

const opened = (count: number, ip: (i: number) => string, script = handshake): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => script(i * 0.01),
    (i) => ({ clientIp: ip(i), clientPort: 20_000 + i }),
  );
const diagnose = (...frames: readonly (readonly ScriptedFrame[])[]): ReturnType<typeof diagnoseBytes> =>
  diagnoseBytes(captureOf(...frames, lateExchange(20)));
const one = (): string => '192.0.2.7';

test.each(['portscan_connect.pcap', 'healthcheck_rst.pcap', 'reconnect_storm.pcap.gz', 'defer_accept_silent.pcap'])(
  'not in %s',
  async (fixture) => {
    expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
  },
);

describe('scripted', () => {
  test('a hundred handshakes of one address, and then silence', async () => {
    const [finding, ...more] = findingsOf(
      await diagnose(
        opened(100, one),
        opened(9, () => '10.0.0.5', wholeConnection),
      ),
      RULE,
    );
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'connection-flood/10.0.0.2:80',
      severity: 'warning',
      atFault: '192.0.2.7',
      count: 100,
      metrics: { sources: 1, otherConnections: 9 },
    });
  });

  test('from many addresses', async () => {
    expect(findingsOf(await diagnose(opened(120, (i) => `192.0.2.${1 + (i % 40)}`)), RULE)).toMatchObject([
      { atFault: 'attacker', count: 120 },
    ]);
  });

  test('the request is sent, and then the window stays closed', async () => {
    const stopped = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:1001(1000) ack 11
  +.001 > .  11:11(0) ack 1001 win 0`;
    expect(findingsOf(await diagnose(opened(100, one, stopped)), RULE)).toMatchObject([{ count: 100 }]);
  });

  test.each([
    ['99 are too few', opened(99, one)],
    [
      'a pool: the same client also uses some',
      [
        ...opened(100, one),
        ...connections(
          1,
          () => wholeConnection(2),
          () => ({ clientIp: one(), clientPort: 19_000 }),
        ),
      ],
    ],
    ['pools of five hosts', opened(150, (i) => `10.2.0.${i % 5}`)],
    [
      'long polling: each has sent its request',
      opened(150, one, (at) => `${handshake(at)}\n  +.001 > P. 1:101(100) ack 1\n  +.001 < . 1:1(0) ack 101`),
    ],
    [
      'opened and closed at once',
      opened(150, one, (at) => `${handshake(at)}\n  +.001 > F. 1:1(0) ack 1\n  +.001 < F. 1:1(0) ack 2\n  +.001 > . 2:2(0) ack 2`),
    ],
  ])('%s', async (_, frames) => {
    expect(verdictOf(await diagnose(frames), RULE).verdict).toBe('clear');
  });

  test('the flags alone do not show whether anybody spoke', async () => {
    const frames = flagsOnly([...opened(100, one), ...opened(9, () => '10.0.0.5', wholeConnection)]);
    expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
  });
});
