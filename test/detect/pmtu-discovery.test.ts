/** ICMP "too large", and smaller segments after it. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, handshake, healthy } from '../support/traffic.ts';

const RULE = 'pmtu-discovery';

const refused = (icmp: string): string => `${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < .  1:1401(1400) ack 11
  +.001 > icmp ${icmp}
  +.001 < .  1:1201(1200) ack 11
  +.001 > .  11:11(0) ack 1201
  +.001 < .  1201:1401(200) ack 11
  +.001 > .  11:11(0) ack 1401`;

test('a router has an MTU of 1,420 and says so; the transfers complete', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('pmtu_discovery.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    severity: 'info',
    atFault: null,
    subject: { host: '192.168.235.118', role: 'server', port: 8080 },
    metrics: { pathMtu: 1420, segmentsSentAgain: 15 }, // nstat: TcpRetransSegs 15
  });
});

test.each(['pmtu_blackhole.pcap', 'icmp_reject.pcap', 'packet_loss.pcap.gz'])('%s: none', async (fixture) => {
  expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
});

describe('scripted', () => {
  test('fragmentation needed, of a router that names no MTU (before RFC 1191)', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(refused('3/4')))), RULE)).toMatchObject([
      { id: 'pmtu-discovery/10.0.0.2:80', count: 1, metrics: { pathMtu: null } },
    ]);
  });

  test('IPv6: packet too big', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(refused('2/0'), { family: 6 }))), RULE)).toHaveLength(1);
  });

  test('of a connection that began before the capture', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(refused('3/4')).slice(3))), RULE)).toHaveLength(1);
  });

  test('other ICMP errors are none', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(refused('3/1')))), RULE).verdict).toBe('clear');
  });

  test('nor is the black hole, where the same size is repeated in vain', async () => {
    const script = `${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < . 1:1401(1400) ack 11
  +.001 > icmp 3/4
${Array.from({ length: 5 }, (_, i) => `  +${String(0.4 * 2 ** i)} < . 1:1401(1400) ack 11`).join('\n')}`;
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(script))), RULE).verdict).toBe('clear');
  });

  test('healthy connections', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});
