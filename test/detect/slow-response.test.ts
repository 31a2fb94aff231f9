/** Requests that arrived at once and were answered late. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, sentBy } from '../support/traffic.ts';

const RULE = 'slow-response';

/** A request of ten octets, acknowledged within a millisecond, answered after `seconds`; the `n`th of its connection. */
const exchange = (n: number, seconds: number): string => {
  const [ask, say] = [1 + 10 * n, 1 + 20 * n];
  return `
    +.1 > P. ${ask}:${ask + 10}(10) ack ${say}
    +.001 < .  ${say}:${say}(0) ack ${ask + 10}
    +${seconds.toFixed(3)} < P. ${say}:${say + 20}(20) ack ${ask + 10}
    +.001 > .  ${ask + 10}:${ask + 10}(0) ack ${say + 20}`;
};
const asks = (at: number, ...seconds: number[]): string => handshake(at) + seconds.map((s, n) => exchange(n, s)).join('');

/** Eight clients that ask five times, and wait 1.5 s for the last answer. */
const slow = connections(8, (i) => asks(i * 0.05, 0.004, 0.004, 0.004, 0.004, 1.5));

describe('real captures', () => {
  test('an application that needs 1 to 2 s for one of its pages, and milliseconds for the others', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('slow_server.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'slow-response/[fda7:ec8b:4937:14::3ea3]:8080',
      severity: 'warning',
      atFault: 'fda7:ec8b:4937:14::3ea3',
      count: 49,
      metrics: { answers: 435, slowFromSeconds: 1 },
    });
    // The lab's application measured 1.9897 s; the request's way and the answer's add 8 ms.
    expect(finding!.metrics.longestSeconds).toBeCloseTo(1.998, 2);
  });

  test.each(['nagle_delayed_ack.pcap.gz', 'timers_run_out.pcap', 'healthy_keepalive_http.pcap', 'half_close.pcap', 'incident.pcap'])(
    '%s: none',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

test('eight answers after 1.5 s among forty', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(slow)), RULE);
  expect(finding).toMatchObject({
    id: 'slow-response/10.0.0.2:80',
    count: 8,
    atFault: '10.0.0.2',
    metrics: { answers: 40, slowAnswers: 8, longestSeconds: 1.501 },
  });
  expect(finding!.evidence).toHaveLength(10);
});

test('the split of the time: 5 round trips of 1 ms behind the capture point are not the server’s', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(slow)), RULE);
  // Eight times (4 * 5 ms + 1501 ms - 5 * 1 ms); the client waits 101 ms before each of its other requests, 1 ms of it the path's.
  expect(finding!.metrics.waitForServerSeconds).toBeCloseTo(8 * 1.516, 3);
  expect(finding!.metrics.waitForClientSeconds).toBeCloseTo(8 * 4 * 0.1, 3);
});

describe('silent', () => {
  const verdict = async (...frames: (readonly ScriptedFrame[])[]) => verdictOf(await diagnoseBytes(captureOf(...frames)), RULE).verdict;

  test('when four answers are late, fewer than minAnswers', async () => {
    const ordinary = connections(
      20,
      (i) => asks(1 + i * 0.01, 0.004, 0.004),
      (i) => ({ clientPort: 50000 + i }),
    );
    expect(
      await verdict(
        connections(4, () => asks(0, 0.004, 1.5)),
        ordinary,
      ),
    ).toBe('clear');
  });

  test('when one connection alone waits, again and again: a tunnel, a queue', async () => {
    const quick = Array.from({ length: 20 }, () => 0.004);
    expect(await verdict(connections(2, () => asks(0, ...quick, 1.5, 1.5, 1.5, 1.5, 1.5)))).toBe('clear');
  });

  test('when the service is slow for everybody: it has no usual time', async () => {
    expect(await verdict(connections(30, (i) => asks(i * 0.05, 1.5)))).toBe('clear');
  });

  test('for long polling: the same connections wait again and again, others have quick answers', async () => {
    const polls = connections(8, (i) => asks(i * 0.05, 5, 5, 5, 5));
    const ordinary = connections(
      40,
      (i) => asks(i * 0.1, 0.004, 0.004),
      (i) => ({ clientPort: 50000 + i }),
    );
    expect(await verdict(polls, ordinary)).toBe('clear');
  });

  test('for polls with a connection each: a kind of request of its own, late from the beginning to the end', async () => {
    const poll = (at: number): string => `${handshake(at)}
      +.001 > P. 1:61(60) ack 1
      +.001 < .  1:1(0) ack 61
      +2.5  < P. 1:21(20) ack 61`;
    const quick = connections(
      60,
      (i) => asks(i * 0.5, 0.004),
      (i) => ({ clientPort: 30000 + i }),
    );
    const polls = connections(11, (i) => poll(i * 2.7));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(polls, quick)), RULE);
    expect(finding).toMatchObject({ severity: 'info', atFault: null, count: 11 });
    const onset = connections(11, (i) => poll(15 + i));
    expect(findingsOf(await diagnoseBytes(captureOf(onset, quick)), RULE)).toMatchObject([{ severity: 'warning' }]);
  });

  test('for push: the server speaks on by itself', async () => {
    const push = connections(
      8,
      (i) => `${asks(i * 0.05, 0.004, 0.004, 0.004, 0.004, 1.5)}\n+3 < P. 101:121(20) ack 51\n+.001 > . 51:51(0) ack 121`,
    );
    expect(await verdict(push)).toBe('clear');
  });

  test('where the request itself came late: nothing acknowledges it before the answer does', async () => {
    const late = connections(8, (i) =>
      asks(i * 0.05, 0.004, 0.004, 0.004, 0.004, 1.5).replace(/\n +\+\.001 < \. {2}81:81\(0\) ack 51/, ''),
    );
    expect(await verdict(late)).toBe('clear');
  });

  test('for ordinary connections', async () => {
    expect(await verdict(healthy)).toBe('clear');
  });
});

test('a connection that began before the capture counts', async () => {
  const tails = connections(
    8,
    (i) => `+${i * 0.05} > . 1:1(0) ack 1` + [0.004, 0.004, 0.004, 0.004, 1.5].map((s, n) => exchange(n, s)).join(''),
  );
  expect(findingsOf(await diagnoseBytes(captureOf(tails)), RULE)).toMatchObject([{ count: 8 }]);
});

test('inconclusive where payload or the other direction is missing', async () => {
  for (const part of [flagsOnly(slow), sentBy('client', slow), sentBy('server', slow)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
