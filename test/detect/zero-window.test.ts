/** A receiver that stopped reading. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'zero-window';

/** The server's window closes; the client probes as Linux does, with an empty segment of an old number; it opens after `seconds`. */
const stalled = (seconds: number): string => `${handshake(0)}
  +.001 < .  1:1(0) ack 1
  +.001 > P. 1:1001(1000) ack 1
  +.001 < .  1:1(0) ack 1001 win 0
  +${String(seconds / 3)} > .  1000:1000(0) ack 1
  +.001 < .  1:1(0) ack 1001 win 0
  +${String((2 * seconds) / 3)} < .  1:1(0) ack 1001 win 65535
  +.001 > P. 1001:2001(1000) ack 1
  +.001 < .  1:1(0) ack 2001`;

describe('real captures', () => {
  test('a server stops reading: one connection for 8.7 s, the other to the end', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('zero_window.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'critical',
      confidence: 'high',
      count: 2,
      subject: { host: '192.168.166.7', role: 'server', port: 5840 },
      atFault: '192.168.166.7',
      until: null,
      // nstat: TCPWinProbe 10 at the client, TCPToZeroWindowAdv 2 at the server
      metrics: { windowProbes: 10, closures: 2, stillStalled: 1 },
    });
  });

  test.each([
    'packet_loss.pcap.gz',
    'keepalive_ok.pcap',
    'edge_of_capture.pcap',
    'healthy_offload.pcap',
    'sequence_wrap.pcap',
    'pmtu_blackhole.pcap',
  ])('%s: none', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('a window that closes and opens', () => {
  const findings = async (seconds: number, drop = 0) =>
    findingsOf(await diagnoseBytes(captureOf(scriptFrames(stalled(seconds)).slice(drop))), RULE);

  test('after 3 s: critical, the receiver is at fault', async () => {
    expect(await findings(3)).toMatchObject([
      {
        id: 'zero-window/10.0.0.2:80',
        severity: 'critical',
        atFault: '10.0.0.2',
        metrics: { closures: 1, windowProbes: 1, stillStalled: 0 },
      },
    ]);
  });

  test('after 1 s: a warning', async () => expect(await findings(1)).toMatchObject([{ severity: 'warning' }]));
  test('after 0.4 s: nothing', async () => expect(await findings(0.4)).toEqual([]));
  test('of a connection that began before the capture', async () => expect(await findings(3, 3)).toHaveLength(1));

  test('seen from the receiver alone', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(sentBy('server', scriptFrames(stalled(3))))), RULE)).toHaveLength(1);
  });
});

describe('silent', () => {
  const silent = async (script: string): Promise<void> =>
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(20))), RULE).verdict).toBe('clear');

  test('for a receiver that has closed', () =>
    silent(`${handshake(0)}
  +.001 > P. 1:1001(1000) ack 1
  +.001 < F. 1:1(0) ack 1001
  +.001 < .  2:2(0) ack 1001 win 0
  +5    < .  2:2(0) ack 1001 win 65535`));

  test('for a closed window after which nobody sends anything: how long it lasted is not known', () =>
    silent(`${handshake(0)}
  +.001 > P. 1:1001(1000) ack 1
  +.001 < .  1:1(0) ack 1001 win 0`));

  test('for a RST with window 0', () =>
    silent(`${handshake(0)}
  +.001 > P. 1:1001(1000) ack 1
  +.001 < R. 1:1(0) ack 1001 win 0`));

  test('for healthy connections', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where only SYN, FIN and RST were captured', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), RULE).verdict).toBe('inconclusive');
});
