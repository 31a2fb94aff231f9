/** Handshake, then RST, at a fixed period. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, merged, sentBy } from '../support/traffic.ts';

const RULE = 'health-check-rst';

const check = (at: number): string => `${handshake(at)}\n+.0001 > R. 1:1(0) ack 1`;
const every = (seconds: number, count = 10) => connections(count, (i) => check(i * seconds));

test('16 checks of a balancer in a real capture, the requests beside them left out', async () => {
  const report = await diagnoseFixture('healthcheck_rst.pcap');
  const [finding, ...more] = findingsOf(report, RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity: 'info', count: 16, subject: { host: '10.14.41.51', role: 'client' }, atFault: null });
  expect(finding!.metrics.periodSeconds).toBeCloseTo(0.616, 2);
});

test('10 checks, one every 2 s', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(every(2))), RULE);
  expect(finding).toMatchObject({
    id: 'health-check-rst/10.0.0.1@10.0.0.2:80',
    severity: 'info',
    count: 10,
    metrics: { periodSeconds: 2, agreeingShare: 1 },
  });
});

test('a checker that resets straight after the SYN-ACK', async () => {
  const half = connections(10, (i) => `+${String(i * 2)} > S 0:0(0) win 64240 <mss 1460>\n+.001 < S. 0:0(0) ack 1\n+.001 > R 1:1(0)`);
  expect(findingsOf(await diagnoseBytes(captureOf(half)), RULE)).toHaveLength(1);
});

describe('silent', () => {
  const verdict = async (...scripts: (readonly ScriptedFrame[])[]) => verdictOf(await diagnoseBytes(captureOf(...scripts)), RULE).verdict;

  test('for irregular times', async () => {
    const moments = [0, 0.4, 3, 3.3, 9, 9.1, 11, 17, 17.2, 30];
    expect(await verdict(connections(10, (i) => check(moments[i]!)))).toBe('clear');
  });

  test('for fewer than 5', async () => expect(await verdict(every(2, 4))).toBe('clear'));

  test('for connections with data', async () => {
    const used = connections(10, (i) => `${handshake(i * 2)}\n+.001 > P. 1:11(10) ack 1\n+.001 > R. 11:11(0) ack 1`);
    expect(await verdict(used)).toBe('clear');
  });

  test('when the server resets', async () => {
    expect(await verdict(connections(10, (i) => `${handshake(i * 2)}\n+.001 < R. 1:1(0) ack 1`))).toBe('clear');
  });

  test('when twenty sources do the same: SYN-ACKs answered by the owners of spoofed addresses', async () => {
    const flood = Array.from({ length: 20 }, (_, source) =>
      connections(
        6,
        (i) => check(i * 2 + source * 0.05),
        () => ({ clientIp: `10.0.1.${String(source + 1)}` }),
      ),
    );
    expect(await verdict(...flood)).toBe('clear');
  });

  test.each(['portscan_syn.pcap', 'tls_close_rst.pcap.gz', 'connect_timeout.pcap'])('%s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });

  test('for handshakes before the capture began', async () => {
    const tails = connections(10, (i) => `+${String(i * 2)} > . 1:1(0) ack 1\n+.0001 > R. 1:1(0) ack 1`);
    expect(findingsOf(await diagnoseBytes(captureOf(tails, healthy)), RULE)).toEqual([]);
  });
});

test('inconclusive where data or the other direction is missing', async () => {
  for (const part of [flagsOnly(merged(every(2), healthy)), sentBy('client', every(2))])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
