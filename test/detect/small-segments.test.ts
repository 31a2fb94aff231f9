/** Messages in small pieces, the last of which waits for a delayed ACK. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'small-segments';

/** `count` requests of two pieces: the ACK of the first comes after `ack`, the second `then` later. Captured at the client, round trip 2 ms. */
const writes = (count: number, ack = 0.042, then = 0.0001, size = 50): string =>
  handshake(0) +
  Array.from({ length: count }, (_, n) => {
    const [ask, say] = [1 + 2 * size * n, 1 + 20 * n];
    return `
    +.01 > P. ${ask}:${ask + size}(${size}) ack ${say}
    +${ack} < . ${say}:${say}(0) ack ${ask + size}
    +${then.toFixed(6)} > P. ${ask + size}:${ask + 2 * size}(${size}) ack ${say}
    +.003 < P. ${say}:${say + 20}(20) ack ${ask + 2 * size}
    +.0001 > . ${ask + 2 * size}:${ask + 2 * size}(0) ack ${say + 20}`;
  }).join('');

describe('real captures', () => {
  test('a client that writes each request in two pieces, to a server that delays ACKs by 40 ms and to one that does by 200 ms', async () => {
    const findings = findingsOf(await diagnoseFixture('nagle_delayed_ack.pcap.gz'), RULE);
    expect(findings).toMatchObject([
      {
        id: 'small-segments/10.247.238.201@10.247.238.144:3000',
        severity: 'notice',
        atFault: '10.247.238.201',
        count: 58,
        metrics: { stallsBelow120Milliseconds: 58, stallsAbove120Milliseconds: 0 },
      },
      { id: 'small-segments/10.247.238.201@10.247.238.209:11211', metrics: { stallsBelow120Milliseconds: 0 } },
    ]);
    // 14 by the application's clock: one second piece was sent by the client's own timer, just before the ACK came.
    expect(findings[1]!.count).toBeGreaterThanOrEqual(13);
  });

  test.each(['slow_server.pcap.gz', 'slowloris.pcap.gz', 'urgent_data.pcap', 'healthy_keepalive_http.pcap', 'keepalive_dead_peer.pcap'])(
    '%s: none',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

test('twelve requests of two pieces lose 42 ms each', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(writes(12)), lateExchange(9))), RULE);
  expect(finding).toMatchObject({ id: 'small-segments/10.0.0.1@10.0.0.2:80', count: 12, atFault: '10.0.0.1', metrics: { messages: 12 } });
  expect(finding!.metrics.lostSeconds).toBeCloseTo(12 * 0.0421, 3);
  expect(finding!.evidence).toMatchObject([{ frame: 4 }, { frame: 6 }]);
});

describe('silent', () => {
  const verdict = async (script: string) => verdictOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(60))), RULE).verdict;

  test('for nine of them, one fewer than minStalls', async () => {
    expect(await verdict(writes(9))).toBe('clear');
  });

  test('when the application itself pauses: the second piece does not follow the ACK', async () => {
    expect(await verdict(writes(12, 0.001, 0.05))).toBe('clear');
  });

  test('when the ACK comes as soon as the path allows', async () => {
    expect(await verdict(writes(12, 0.002))).toBe('clear');
  });

  test('for full segments that wait for the window', async () => {
    expect(await verdict(writes(12, 0.042, 0.0001, 1440))).toBe('clear');
  });

  test('where the handshake, and with it the round trip, was not captured', async () => {
    expect(await verdict(writes(12).split('\n').slice(4).join('\n'))).toBe('clear');
  });

  test('for ordinary connections', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where payload or the other direction is missing', async () => {
  const frames: readonly ScriptedFrame[] = scriptFrames(writes(12));
  const several = [frames, scriptFrames(writes(12), { clientPort: 40002 })];
  for (const part of [several.map(flagsOnly), several.map((f) => sentBy('client', f))])
    expect(verdictOf(await diagnoseBytes(captureOf(...part)), RULE).verdict).toBe('inconclusive');
});
