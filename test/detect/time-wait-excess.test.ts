import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, handshake, merged, sentBy } from '../support/traffic.ts';

const RULE = 'time-wait-excess';
const LOW = { set: { 'time-wait-excess.perDestination': 20, 'time-wait-excess.perHost': 50 } };

/** A short connection that `first` closes first. */
const short = (at: number, first: '<' | '>' = '>'): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  ${first === '>' ? '+.001 > F. 11:11(0) ack 21\n  +.001 < F. 21:21(0) ack 12\n  +.001 > .  12:12(0) ack 22' : '+.001 < F. 21:21(0) ack 11\n  +.001 > F. 11:11(0) ack 22\n  +.001 < .  22:22(0) ack 12'}`;

const many = (count: number, first: '<' | '>' = '>', every = 0.01): readonly ScriptedFrame[] =>
  connections(count, (i) => short(i * every, first));

test('more than 1,000 at once on the connecting side: a warning for the client, which closes first', async () => {
  const [finding, ...more] = findingsOf(await diagnoseBytes(captureOf(many(1_010))), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'time-wait-excess/10.0.0.1@10.0.0.2:80',
    severity: 'warning',
    atFault: '10.0.0.1',
    count: 1_010,
    metrics: { peakAtOnce: 1_010, connections: 1_010 },
  });
  // 100 connections per second
  expect(Number(finding!.metrics.closesPerSecond)).toBeCloseTo(100, 0);
  expect(finding!.connections).toHaveLength(1_000);
});

test('1,000 at once are not more than that', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(many(1_000))), RULE).verdict).toBe('clear');
});

describe('with lower limits', () => {
  test('the accepting side gets a notice: memory, and no port', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(many(30, '<')), LOW), RULE);
    expect(finding).toMatchObject({ id: 'time-wait-excess/10.0.0.2:80', severity: 'notice', atFault: '10.0.0.2' });
    expect(finding!.summary).toContain('no port');
  });

  test('and a warning when its table is nearly full', async () => {
    const [finding] = findingsOf(
      await diagnoseBytes(captureOf(many(30, '<')), { set: { ...LOW.set, 'time-wait-excess.tableLimit': 32 } }),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'warning' });
  });

  test('ports and seconds are those of the kernel of the client', async () => {
    const windows = connections(
      30,
      (i) => short(i * 5).replace('mss 1460,sackOK,wscale 7', 'mss 1460,nop,wscale 8,nop,nop,sackOK'),
      () => ({ clientTtl: 128 }),
    );
    // 120 s hold 24 or 25 of them.
    const [finding] = findingsOf(await diagnoseBytes(captureOf(windows), LOW), RULE);
    expect(finding!.summary).toContain('for 120 s: 0.1 % of the 16,384 default ports (profile windows, guessed from its SYN)');
    expect(finding!.metrics.peakAtOnce).toBe(24);
  });

  test('what has waited for 60 s does not count any more', async () => {
    // Never more than 13 within 60 s.
    expect(verdictOf(await diagnoseBytes(captureOf(many(30, '>', 5)), LOW), RULE).verdict).toBe('clear');
  });

  test('several services of one host add up', async () => {
    const services = [80, 81, 82].map((serverPort) =>
      connections(
        18,
        (i) => short(i * 0.01),
        (i) => ({ clientPort: 40000 + 2 * i, serverPort }),
      ),
    );
    const [finding, ...more] = findingsOf(await diagnoseBytes(captureOf(merged(...services)), LOW), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'time-wait-excess/10.0.0.1', count: 54, metrics: { peakAtOnce: 54 } });
  });

  describe('connections that began before the capture', () => {
    const midstream = connections(30, (i) =>
      short(i * 0.01)
        .split('\n')
        .slice(4)
        .join('\n')
        .replace('+.001', `+${i * 0.01}`),
    );

    test('count: their FINs are in it; how long they lived is not', async () => {
      const [finding] = findingsOf(await diagnoseBytes(captureOf(midstream), LOW), RULE);
      expect(finding).toMatchObject({ count: 30, atFault: '10.0.0.1', metrics: { medianLifeSeconds: null } });
      expect(JSON.stringify(finding)).not.toContain(' lived ');
    });

    test('beside others, how long those lived is said', async () => {
      // Two seconds from the SYN to the end, and other ports.
      const whole = connections(
        21,
        (i) => short(i * 0.01).replace('+.001 < P.', '+2 < P.'),
        (i) => ({ clientPort: 50_000 + i }),
      );
      const [finding] = findingsOf(await diagnoseBytes(captureOf(merged(midstream, whole)), LOW), RULE);
      expect(finding!.count).toBe(51);
      expect(Number(finding!.metrics.medianLifeSeconds)).toBeCloseTo(2, 1);
    });
  });

  test('one direction does not show who closed first', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(sentBy('server', many(30))), LOW), RULE).verdict).toBe('inconclusive');
  });

  test('a real client with 139 ports in TIME_WAIT', async () => {
    const [finding] = findingsOf(
      await diagnoseFixture('ephemeral_exhaustion.pcap', { set: { 'time-wait-excess.perDestination': 100 } }),
      RULE,
    );
    expect(finding).toMatchObject({ count: 139, atFault: '192.168.10.58', subject: { peer: '192.168.10.203', port: 9200 } });
  });
});
