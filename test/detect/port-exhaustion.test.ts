/** A client that runs out of ports. Linux takes ports of one parity first, and the others when none of them is left. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, lateExchange } from '../support/traffic.ts';

const RULE = 'port-exhaustion';

const short = (at: number, first: '<' | '>' = '>'): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  ${first === '>' ? '+.001 > F. 11:11(0) ack 21\n  +.001 < F. 21:21(0) ack 12\n  +.001 > .  12:12(0) ack 22' : '+.001 < F. 21:21(0) ack 11\n  +.001 > F. 11:11(0) ack 22\n  +.001 < .  22:22(0) ack 12'}`;

/** Connections 10 ms apart from these ports in turn. */
const from = (ports: readonly number[], first: '<' | '>' = '>', every = 0.01): readonly ScriptedFrame[] =>
  connections(
    ports.length,
    (i) => short(i * every, first),
    (i) => ({ clientPort: ports[i]!, clientIsn: 1_000_000 * (i + 1) }),
  );

const range = (low: number, count: number, step: number): number[] => Array.from({ length: count }, (_, i) => low + i * step);
/** A range of 120 ports as Linux walks it. */
const halves = [...range(40000, 60, 2), ...range(40001, 60, 2)];

describe('real captures', () => {
  test('139 ports, all in TIME_WAIT, and connects stop', async () => {
    const [finding] = findingsOf(await diagnoseFixture('ephemeral_exhaustion.pcap'), RULE);
    expect(finding).toMatchObject({
      id: 'port-exhaustion/192.168.10.58@192.168.10.203:9200',
      severity: 'critical',
      atFault: '192.168.10.58',
      count: 139,
      metrics: { ports: 139, lowestPort: 37672, highestPort: 37810, range: 139, busyPorts: 139 },
    });
  });

  test('tcp_tw_reuse at work over 41 ports is no exhaustion', async () => {
    expect(findingsOf(await diagnoseFixture('ephemeral_reuse.pcap.gz'), RULE)).toEqual([]);
  });
});

test('all ports of a range, half by half, then silence while they wait', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(from(halves), lateExchange(10))), RULE);
  expect(finding).toMatchObject({ severity: 'critical', confidence: 'medium', count: 120, metrics: { range: 120, busyPorts: 120 } });
  expect(finding!.caveats.map((c) => c.code)).toEqual(['silence-only']);
});

test('the first odd ports of a client that began with even ones are a warning', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(from([...range(40000, 60, 2), ...range(50001, 20, 2)]))), RULE);
  expect(finding).toMatchObject({ severity: 'warning', since: expect.stringContaining('08:33:00.6') as string });
  expect(finding!.summary).toContain('Its first 60 ports were even');
});

describe('the numbers are those of the kernel of the client', () => {
  test('a Windows that is named: 120 s in TIME_WAIT', async () => {
    const busy = captureOf(from(halves, '>', 0.6), lateExchange(100));
    // At the last connect the first ports are 71 s old: free again on Linux.
    const [linux] = findingsOf(await diagnoseBytes(busy, { profile: 'linux' }), RULE);
    const [windows] = findingsOf(await diagnoseBytes(busy, { profile: 'windows' }), RULE);
    expect(linux?.metrics.busyPorts ?? null).toBe(null);
    expect(windows).toMatchObject({ severity: 'critical', metrics: { busyPorts: 120 } });
    expect(windows!.faultBecause).toContain('each port waits 120 s in TIME_WAIT (profile windows, named by --profile)');
  });

  test('odd ports after even ones mean nothing on other kernels than Linux', async () => {
    const bytes = captureOf(from([...range(40000, 60, 2), ...range(50001, 20, 2)]));
    expect(findingsOf(await diagnoseBytes(bytes, { profile: 'windows' }), RULE)).toEqual([]);
  });
});

test('ports that come back as soon as TIME_WAIT is over are a sign of the limit', async () => {
  const ports = range(40000, 120, 2);
  const [finding] = findingsOf(await diagnoseBytes(captureOf(from([...ports, ...ports], '>', 0.502))), RULE);
  expect(finding).toMatchObject({ severity: 'critical', count: 240 });
  expect(Number(finding!.metrics.reuseGapSeconds)).toBeCloseTo(60.2, 0);
});

test('a rate that the ports cannot last for is a warning', async () => {
  // 500 per second over 2 s; 28,232 ports last for 470.
  const fast = from(range(40000, 1_000, 2), '>', 0.002);
  expect(findingsOf(await diagnoseBytes(captureOf(fast), { set: { 'port-exhaustion.rateSeconds': 1.9 } }), RULE)).toMatchObject([
    { severity: 'warning' },
  ]);
  expect(findingsOf(await diagnoseBytes(captureOf(fast)), RULE)).toEqual([]);
});

describe('silent', () => {
  test.each([
    ['a burst of even ports that ends', from(range(40000, 200, 2))],
    ['a burst of consecutive ports, as other systems take them', from(range(50000, 200, 1))],
    ['a server that closes first', from(halves, '<')],
    ['few ports', from([...range(40000, 10, 2), ...range(40001, 10, 2)])],
    ['a lone odd port that an application bound', from([...range(40000, 60, 2), 45001, ...range(41000, 60, 2)])],
    ['ports that come back after a second while connects go on', from(Array.from({ length: 6 }, () => halves).flat(), '>', 0.01)],
  ])('with %s', async (_name, frames) => {
    expect(verdictOf(await diagnoseBytes(captureOf(frames, lateExchange(12))), RULE).verdict).toBe('clear');
  });

  test('where only flags were captured', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(from(halves)))), RULE).verdict).toBe('inconclusive');
  });
});
