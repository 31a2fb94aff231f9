/** A connection for every request, at a high and steady rate. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'no-connection-reuse';
const run = async (frames: readonly ScriptedFrame[], minConnections = 200): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(frames), { set: { [`${RULE}.minConnections`]: minConnections } }), RULE);

test('200 connections in 8 s, 25 per second', async () => {
  const [finding, ...more] = await run(connections(200, (i) => wholeConnection(i * 0.04)));
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'no-connection-reuse/10.0.0.1@10.0.0.2:80',
    severity: 'info',
    count: 200,
    metrics: { connections: 200, connectionsPerSecond: 25, medianConnectSeconds: 0.002 },
  });
});

describe('silent', () => {
  test('too few', async () => {
    expect(await run(connections(199, (i) => wholeConnection(i * 0.04)))).toEqual([]);
  });

  test('a burst', async () => {
    expect(await run(connections(200, (i) => wholeConnection(i * 0.01)))).toEqual([]);
  });

  test('slowly', async () => {
    expect(await run(connections(200, (i) => wholeConnection(i * 0.1)))).toEqual([]);
  });

  test('handshakes without an exchange', async () => {
    expect(await run(connections(200, (i) => `${handshake(i * 0.04)}\n  +.001 > R. 1:1(0) ack 1`))).toEqual([]);
  });

  test('requests and answers whose close is not in the capture', async () => {
    expect(await run(connections(200, (i) => `${handshake(i * 0.04)}\n  +.001 > P. 1:11(10) ack 1\n  +.001 < P. 1:21(20) ack 11`))).toEqual(
      [],
    );
  });

  test.each(['healthy_keepalive_http.pcap', 'reconnect_storm.pcap.gz', 'syn_flood_one_source.pcap', 'ephemeral_reuse.pcap.gz'])(
    '%s',
    async (name) => {
      expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
    },
  );
});

test.each([
  ['one direction', sentBy('client', healthy)],
  ['flags alone', flagsOnly(healthy)],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
