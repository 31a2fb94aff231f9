/** ICMP errors about connections: who says what, and whether a connect failed of it. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, healthy } from '../support/traffic.ts';

const RULE = 'icmp-unreachable';

/** The script's ICMP errors come from the address that the quoted segment was sent to. */
const rejected = (at: number, error: string): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < icmp ${error}`;

describe('real captures', () => {
  test('a packet filter of the host rejects two ports in two ways', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('icmp_reject.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'icmp-unreachable/172.16.173.49',
      severity: 'warning',
      atFault: '172.16.173.49',
      count: 4,
      metrics: { failedConnects: 4, ports: '6488, 8468', kinds: 'administratively prohibited, port unreachable' },
    });
  });

  test.each(['refused.pcapng', 'syn_blackhole_linear.pcap', 'healthy_keepalive_http.pcap'])('not in %s', async (fixture) => {
    const report = await diagnoseFixture(fixture);
    expect(findingsOf(report, RULE)).toEqual([]);
    expect(verdictOf(report, RULE).verdict).toBe('clear');
  });
});

describe('scripted', () => {
  test.each([
    [4, '3/1', 'host unreachable'],
    [4, '3/13', 'administratively prohibited'],
    [6, '1/0', 'no route to destination'],
    [6, '1/4', 'port unreachable'],
  ] as const)('IPv%d %s is %s', async (family, error, words) => {
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(
            2,
            (i) => rejected(i, error),
            () => ({ family }),
          ),
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'warning', count: 2, metrics: { kinds: words } });
  });

  test('ten failed connects are critical, and so are two at a service that had answered', async () => {
    const ten = captureOf(connections(10, (i) => rejected(i * 0.1, '3/13')));
    expect(findingsOf(await diagnoseBytes(ten), RULE)[0]).toMatchObject({ severity: 'critical', count: 10 });
    const down = captureOf(
      healthy,
      connections(
        2,
        (i) => rejected(5 + i, '3/1'),
        (i) => ({ clientPort: 50_000 + i }),
      ),
    );
    expect(findingsOf(await diagnoseBytes(down), RULE)[0]).toMatchObject({
      id: 'icmp-unreachable/10.0.0.2:80',
      severity: 'critical',
      count: 2,
      metrics: { answeredBefore: 1 },
    });
  });

  test('about an established connection it is a hint that changes nothing', async () => {
    const script = `${handshake(0)}
  +.1   > P. 1:11(10) ack 1
  +.001 < icmp 3/1
  +.2   > P. 1:11(10) ack 1
  +.001 < .  1:1(0) ack 11`;
    expect(findingsOf(await diagnoseBytes(captureOf(connections(1, () => script))), RULE)[0]).toMatchObject({
      severity: 'info',
      atFault: null,
      metrics: { failedConnects: 0 },
    });
  });

  test('time exceeded is a traceroute, fragmentation needed is path MTU discovery', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(connections(3, (i) => rejected(i, '11/0')))), RULE)[0]).toMatchObject({
      severity: 'info',
    });
    const script = `${handshake(0)}
  +.1   > P. 1:1401(1400) ack 1
  +.001 < icmp 3/4`;
    expect(findingsOf(await diagnoseBytes(captureOf(connections(1, () => script))), RULE)).toEqual([]);
  });

  test('no route to many hosts is one finding about the way out of their client', async () => {
    const bytes = captureOf(
      connections(
        5,
        (i) => rejected(i, '1/0'),
        (i) => ({ family: 6, serverIp: `2001:db8:1::${i + 1}` }),
      ),
    );
    const [finding, ...more] = findingsOf(await diagnoseBytes(bytes), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'icmp-unreachable/[2001:db8::1]', severity: 'warning', count: 5, metrics: { ports: '80' } });
    expect(finding!.summary).not.toContain('Ports');
    // The way to what could not be reached, not to the client who asks.
    expect(finding!.remedies[0]!.command).toBe('mtr -T -P 80 2001:db8:1::1; ip route get 2001:db8:1::1');
  });

  test('begun before the capture: still a hint', async () => {
    const script = `
  +0    > P. 1:11(10) ack 1
  +.001 < icmp 3/1`;
    expect(findingsOf(await diagnoseBytes(captureOf(connections(1, () => script))), RULE)[0]).toMatchObject({ severity: 'info', count: 1 });
  });
});
