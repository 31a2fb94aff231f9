/** Keepalives. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy } from '../support/traffic.ts';

const RULE = 'keepalive';

/** The server probes every 10 s, as Linux does: an empty segment with the sequence number before the next. */
const probed = (probes: number, window = 65535): string => `${handshake(0)}
  +.001 < P. 1:11(10) ack 1
  +.001 > .  1:1(0) ack 11 win ${String(window)}
${Array.from({ length: probes }, () => `  +10 < . 10:10(0) ack 1\n  +.001 > . 1:1(0) ack 11 win ${String(window)}`).join('\n')}`;

test('6 connections that are probed every 2 s, each answered', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('keepalive_ok.pcap'), RULE);
  expect(more).toEqual([]);
  // nstat: TCPKeepAlive 36
  expect(finding).toMatchObject({
    severity: 'info',
    count: 6,
    atFault: null,
    metrics: { keepAlives: 36, answered: 36, unansweredConnections: 0 },
  });
  expect(finding!.metrics.intervalSeconds).toBeCloseTo(2, 1);
});

test('20 s of idleness, then probes of which one peer answers all and the other none', async () => {
  const [finding] = findingsOf(await diagnoseFixture('timers_run_out.pcap'), RULE);
  expect(finding).toMatchObject({ severity: 'info', count: 2, metrics: { unansweredConnections: 1 } });
  expect(finding!.metrics.intervalSeconds).toBeCloseTo(20, 0);
});

test.each(['zero_window.pcap', 'packet_loss.pcap.gz', 'healthy_keepalive_http.pcap'])('%s: none', async (fixture) => {
  expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
});

test('three probes, every 10 s', async () => {
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(probed(3)))), RULE)).toMatchObject([
    { id: 'keepalive/10.0.0.2:80', metrics: { keepAlives: 3, answered: 3 } },
  ]);
});

test('of a connection that began before the capture', async () => {
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(probed(3)).slice(3))), RULE)).toHaveLength(1);
});

describe('silent', () => {
  const silent = async (script: string): Promise<void> =>
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(script))), RULE).verdict).toBe('clear');

  test('for one', () => silent(probed(1)));
  test('for probes of a closed window', () => silent(probed(3, 0)));
  test('for healthy connections', async () => expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear'));
});

test('inconclusive where only SYN, FIN and RST were captured', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), RULE).verdict).toBe('inconclusive');
});
