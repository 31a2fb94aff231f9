/** A peer that no longer answers. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'dead-peer';

/** A request that is repeated after 0.2, 0.4, 0.8 … s and never answered. */
const repeated = (at: number, copies = 6): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
${Array.from({ length: copies }, (_, i) => `  +${String(0.2 * 2 ** i)} > P. 1:11(10) ack 1`).join('\n')}`;

const probed = (probes: number): string => `${handshake(0)}
  +.001 < P. 1:11(10) ack 1
  +.001 > .  1:1(0) ack 11
${Array.from({ length: probes }, () => '  +2 < . 10:10(0) ack 1').join('\n')}`;

describe('real captures', () => {
  test('3 of 4 clients disappear: keepalive gives up; the fourth shows that the host lives', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('keepalive_dead_peer.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'critical',
      count: 3,
      subject: { host: '10.64.127.38', role: 'client', peer: '10.64.127.94', port: 22 },
      atFault: 'path',
      metrics: { triesInVain: 12, gaveUp: 3, withData: 0 },
    });
    expect(finding!.faultBecause).toContain('10.64.127.38:57614');
  });

  test('a firewall forgot 3 idle connections and drops what comes', async () => {
    const [finding] = findingsOf(await diagnoseFixture('firewall_idle_cut.pcap'), RULE);
    expect(finding).toMatchObject({
      severity: 'critical',
      count: 3,
      subject: { host: '192.168.119.63' },
      metrics: { withData: 3, idleBefore: 3 },
    });
    expect(finding!.metrics.longestIdleSeconds).toBeCloseTo(5.5, 0);
  });

  test('one of two peers answers its probes, the other does not', async () => {
    expect(findingsOf(await diagnoseFixture('timers_run_out.pcap'), RULE)).toMatchObject([
      { severity: 'warning', count: 1, subject: { host: '192.168.192.162' }, metrics: { triesInVain: 3, gaveUp: 1 } },
    ]);
  });

  test.each([
    'keepalive_ok.pcap',
    'zero_window.pcap',
    'pmtu_blackhole.pcap',
    'half_open_reboot.pcap',
    'last_ack_stuck.pcap',
    'accept_overflow.pcap',
    'capture_with_gaps.pcap',
    'edge_of_capture.pcap',
    'packet_loss.pcap.gz',
  ])('%s: none', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('a request that is repeated six times and never answered', () => {
  test('nothing else is heard of the server: a dead host and a dead path look the same', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(repeated(0)))), RULE)).toMatchObject([
      { id: 'dead-peer/10.0.0.2:80', severity: 'warning', atFault: null, count: 1, metrics: { triesInVain: 6, withData: 1 } },
    ]);
  });

  test('the server speaks on another connection: the path', async () => {
    const other = scriptFrames(`${handshake(3)}\n+.001 > P. 1:11(10) ack 1\n+.001 < P. 1:11(10) ack 11`, { clientPort: 40100 });
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(repeated(0)), other)), RULE);
    expect(finding).toMatchObject({ atFault: 'path', metrics: { hostAliveElsewhere: 1 } });
  });

  test('on three connections: critical', async () => {
    const frames = connections(3, (i) => repeated(i));
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)).toMatchObject([{ severity: 'critical', count: 3 }]);
  });

  test('of a connection that began before the capture', async () => {
    const script = `+0 < P. 1:11(10) ack 1
  +.001 > . 1:1(0) ack 11
${repeated(0).split('\n').slice(4).join('\n').replaceAll('ack 1', 'ack 11')}`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(script))), RULE)).toHaveLength(1);
  });
});

test('four keepalives without an answer', async () => {
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(probed(4)))), RULE)).toMatchObject([
    { id: 'dead-peer/10.0.0.1@10.0.0.2:80', metrics: { triesInVain: 4, withData: 0, gaveUp: 0 } },
  ]);
});

describe('silent', () => {
  const silent = async (script: string): Promise<void> =>
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(30))), RULE).verdict).toBe('clear');

  test('for two keepalives', () => silent(probed(2)));
  test('for keepalives that are answered at last', () => silent(`${probed(4)}\n  +.001 > . 1:1(0) ack 11`));
  test('for three repeats', () => silent(repeated(0, 3)));
  test('when the ACK comes at last', () => silent(`${repeated(0)}\n  +.001 < . 1:1(0) ack 11`));
  test('when the peer speaks meanwhile, without acknowledging', () => silent(`${repeated(0)}\n  +.001 < P. 1:11(10) ack 1`));
  test('for healthy connections', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where plain ACKs or the other direction are missing', async () => {
  for (const part of [
    flagsOnly(healthy),
    sentBy(
      'client',
      connections(3, (i) => repeated(i)),
    ),
  ])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
