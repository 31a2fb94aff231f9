/** A FIN that is repeated and never acknowledged. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'last-ack-stuck';

/** The client closes, the server closes too, and the client's last ACK never comes: linux repeats the FIN after 0.2, 0.4, 0.8 … s. */
const stuck = (at: number, copies = 5): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < .  1:1(0) ack 11
  +.001 > F. 11:11(0) ack 1
  +.001 < F. 1:1(0) ack 12            # FIN_WAIT_2 / LAST_ACK
${Array.from({ length: copies }, (_, i) => `  +${String(0.2 * 2 ** i)} < F. 1:1(0) ack 12`).join('\n')}`;

describe('real captures', () => {
  test('4 servers repeat their FIN: the last ACK of their client is lost on the way', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('last_ack_stuck.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'warning',
      count: 4,
      subject: { host: 'fd5f:a88f:753f:e6::fbf9', role: 'server' },
      atFault: 'path',
      metrics: { copies: 24, gaveUp: 0 },
    });
  });

  test('2 orphans that the kernel dropped after 8 retries and more', async () => {
    const [finding] = findingsOf(await diagnoseFixture('timers_run_out.pcap'), RULE);
    expect(finding).toMatchObject({
      severity: 'warning',
      count: 2,
      subject: { host: '192.168.192.10' },
      metrics: { gaveUp: 2, copies: 18 },
    });
  });

  test.each([
    'close_wait_leak.pcap',
    'simultaneous_close.pcap',
    'keepalive_dead_peer.pcap',
    'firewall_idle_cut.pcap',
    'capture_with_gaps.pcap',
  ])('%s: none', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('5 copies over 6.2 s', () => {
  test('nothing more comes from the client: a dead host and a dead path look the same', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(stuck(0)), lateExchange(10))), RULE);
    expect(finding).toMatchObject({
      id: 'last-ack-stuck/10.0.0.2:80',
      severity: 'warning',
      confidence: 'high',
      count: 1,
      atFault: null,
      metrics: { copies: 5, longestSeconds: 6.2 },
    });
  });

  test('the client speaks on another connection: the path loses its ACK', async () => {
    const other = scriptFrames(`${handshake(3)}\n+.001 > P. 1:11(10) ack 1`, { clientPort: 40100 });
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(stuck(0)), other, lateExchange(10))), RULE);
    expect(finding).toMatchObject({ atFault: 'path' });
    expect(finding!.faultBecause).toContain('10.0.0.1:40100');
  });

  test('of a connection that began before the capture', async () => {
    const tail = stuck(0).split('\n').slice(4).join('\n');
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(tail), lateExchange(10))), RULE)).toHaveLength(1);
  });
});

describe('silent', () => {
  const silent = async (script: string, end = 20): Promise<void> =>
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(end))), RULE).verdict).toBe('clear');

  test('for a single copy, as a tail loss probe makes it', () => silent(stuck(0, 1)));
  test('for copies within less than a second', () => silent(stuck(0, 2)));
  test('when the ACK comes at last', () => silent(`${stuck(0)}\n+.05 > . 12:12(0) ack 2`));
  test('when the peer answers by RST', () => silent(`${stuck(0)}\n+.05 > R 12:12(0)`));

  test('when the last FIN is younger than a retransmission timeout', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(stuck(0)))), RULE).verdict).toBe('clear');
  });

  test('for ordinary closes', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where plain ACKs or the other direction are missing', async () => {
  const frames = connections(3, (i) => stuck(i));
  for (const part of [flagsOnly(frames), sentBy('server', frames)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
