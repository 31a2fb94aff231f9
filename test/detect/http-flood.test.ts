/** One address that asks far more than all others. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame, ScriptOptions } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake } from '../support/traffic.ts';

const RULE = 'http-flood';
const TEXT = 'GET /search HTTP/1.1\r\n\r\n';

/** `count` requests of 10 octets, each `pause` after the answer before. */
const asks = (at: number, count: number, pause = 0.001): string =>
  handshake(at) +
  Array.from({ length: count }, (_, n) => {
    const [ask, say] = [1 + 10 * n, 1 + 20 * n];
    return `\n+${pause} > P. ${ask}:${ask + 10}(10) ack ${say}\n+.001 < P. ${say}:${say + 20}(20) ack ${ask + 10}`;
  }).join('');

const from =
  (clientIp: string, more: ScriptOptions = {}) =>
  () => ({ clientText: TEXT, clientIp, ...more });
/** 200 connections with two requests each within two seconds. */
const flood = (pause = 0.001) =>
  connections(
    200,
    (i) => asks(i * 0.01, 2, pause),
    (i) => ({ clientText: TEXT, clientIp: '10.9.9.9', clientPort: 20000 + i }),
  );
/** Clients that ask twice in those two seconds. */
const others = (count: number) =>
  connections(
    count,
    (i) => asks(i * 0.05, 2, 0.5),
    (i) => ({ clientText: TEXT, clientIp: `10.0.1.${String(i + 1)}` }),
  );

describe('real captures', () => {
  test('one address with 643 connections in 3.5 s, three others with 6 each: a warning, because four addresses say little', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('http_flood.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'http-flood/172.18.84.25:80',
      severity: 'warning',
      atFault: '172.18.84.145',
      count: 643,
      metrics: { requests: 1286, otherSources: 3, otherRequests: 18 },
      caveats: [{ code: 'few-sources' }],
    });
  });

  test.each(['slow_server.pcap.gz', 'slowloris.pcap.gz', 'reconnect_storm.pcap.gz', 'healthy_server_closes.pcap'])(
    '%s: none',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

test('among 25 other clients it is critical', async () => {
  expect(findingsOf(await diagnoseBytes(captureOf(flood(), others(25))), RULE)).toMatchObject([
    { severity: 'critical', count: 200, atFault: '10.9.9.9', metrics: { requests: 400, otherSources: 25 }, caveats: [] },
  ]);
});

describe('silent', () => {
  const verdict = async (...frames: (readonly ScriptedFrame[])[]) => verdictOf(await diagnoseBytes(captureOf(...frames)), RULE).verdict;

  test('when it thinks between its requests', async () => {
    expect(await verdict(flood(0.1), others(25))).toBe('clear');
  });

  test('for a pool that asks as much on few connections', async () => {
    const pool = connections(4, (i) => asks(i * 0.01, 100, 0.004), from('10.9.9.9'));
    expect(await verdict(pool, others(25))).toBe('clear');
  });

  test('for several hosts behind one address: their SYNs differ', async () => {
    const mixed = connections(
      200,
      (i) => (i % 2 === 0 ? asks(i * 0.01, 2) : asks(i * 0.01, 2).replace('mss 1460,sackOK,wscale 7', 'mss 1400,sackOK,wscale 8')),
      (i) => ({ clientText: TEXT, clientIp: '10.9.9.9', clientPort: 20000 + i }),
    );
    expect(await verdict(mixed, others(25))).toBe('clear');
  });

  test('where everybody asks as much', async () => {
    const busy = connections(
      800,
      (i) => asks(Math.floor(i / 4) * 0.01, 2),
      (i) => ({ clientText: TEXT, clientIp: `10.0.2.${String(i % 4)}`, clientPort: 20000 + i }),
    );
    expect(await verdict(busy, others(3))).toBe('clear');
  });

  test('for other protocols', async () => {
    const redis = connections(
      200,
      (i) => asks(i * 0.01, 2),
      (i) => ({ clientText: 'GET key00001\r\n', clientIp: '10.9.9.9', clientPort: 20000 + i }),
    );
    expect(await verdict(redis, others(25))).toBe('clear');
  });
});

test('inconclusive without clients to compare with, and without payload', async () => {
  const alone = verdictOf(await diagnoseBytes(captureOf(flood(), others(2))), RULE);
  expect(alone).toMatchObject({ verdict: 'inconclusive' });
  expect(alone.because).toContain('10.9.9.9');
  expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(flood()))), RULE).verdict).toBe('inconclusive');
});

test('connections that began before the capture do not show what they carry', async () => {
  const tails = connections(
    200,
    (i) =>
      asks(i * 0.01, 2)
        .split('\n')
        .slice(6)
        .join('\n'),
    (i) => ({ clientText: TEXT, clientIp: '10.9.9.9', clientPort: 20000 + i }),
  );
  expect(verdictOf(await diagnoseBytes(captureOf(tails, others(25))), RULE).verdict).toBe('clear');
});
