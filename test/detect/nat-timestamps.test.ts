/** Several clocks behind one address, and a server that drops SYNs for it. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'nat-timestamps';

const syn = (at: number, timestamp: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,TS val ${timestamp >>> 0} ecr 0,wscale 7>`;
/** The server closes first. */
const served = (at: number, timestamp: number): string => `${syn(at, timestamp)}
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 1 ecr ${timestamp >>> 0},wscale 7>
  +.001 > .  1:1(0) ack 1
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;
const dropped = (at: number, timestamp: number): string => `${syn(at, timestamp)}
  +1    > S  0:0(0) win 64240 <mss 1460,sackOK,TS val ${(timestamp + 1000) >>> 0} ecr 0,wscale 7>`;
/** A clock of 1000 ticks per second, read at `at`. */
const clock = (offset: number, at: number): number => offset + Math.round(1000 * at);
const report = (...frames: readonly (readonly ScriptedFrame[])[]): ReturnType<typeof diagnoseBytes> =>
  diagnoseBytes(captureOf(...frames, lateExchange(100)));
const run = async (...frames: readonly (readonly ScriptedFrame[])[]): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await report(...frames), RULE);

describe('real', () => {
  test('three clocks behind one address are information', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('nat_timestamps.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'nat-timestamps/10.201.94.81',
      severity: 'info',
      atFault: null,
      count: 48,
      metrics: { clocks: 3, ticksPerSecond: 1000, onNoClock: 0 },
    });
  });

  test('which the user may know already', async () => {
    const hosts = { '10.201.94.0/24': { role: 'nat' as const } };
    expect(findingsOf(await diagnoseFixture('nat_timestamps.pcap.gz', { hosts }), RULE)).toEqual([]);
  });

  test('tcp_tw_recycle drops the SYNs of the older clock, and explains the connects without an answer', async () => {
    const whole = await diagnoseFixture('tw_recycle.pcap.gz');
    const [finding, ...more] = findingsOf(whole, RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'warning',
      atFault: '172.22.189.167',
      count: 5,
      metrics: { olderDropped: 5, newerDropped: 0, newerAnswered: 12, clocks: 2 },
    });
    expect(findingsOf(whole, 'syn-unanswered')).toMatchObject([{ explainedBy: finding!.id }]);
    expect(whole.findings[0]!.rule).toBe(RULE);
  });
});

describe('clocks', () => {
  const two = (second: (i: number) => number, gap = 1): readonly ScriptedFrame[] =>
    connections(16, (i) => served(i * gap, i % 2 === 0 ? clock(5_000_000, i * gap) : second(i)));

  test('two of them, one of which wraps', async () => {
    expect(await run(two((i) => clock(2 ** 32 - 6_000, i)))).toMatchObject([{ severity: 'info', count: 16, metrics: { clocks: 2 } }]);
  });

  test('a clock of 100 ticks per second beside another', async () => {
    const slow = connections(16, (i) => served(i * 3, (i % 2) * 90_000_000 + 300 * i));
    expect(await run(slow)).toMatchObject([{ metrics: { clocks: 2, ticksPerSecond: 100 } }]);
  });

  test('an offset of its own for each connection is no clock', async () => {
    expect(await run(two((i) => i * 0x13579bdf))).toEqual([]);
  });

  test('one clock that was set anew', async () => {
    expect(await run(connections(16, (i) => served(i, i < 8 ? clock(900_000_000, i) : clock(1_000, i))))).toEqual([]);
  });

  test('bursts of a clock with an unknown rate', async () => {
    expect(
      await run(connections(24, (i) => served(Math.floor(i / 4) * 10 + (i % 4) * 0.01, Math.floor(i / 4) * 3_000 + (i % 4) * 3))),
    ).toEqual([]);
  });
});

describe('tcp_tw_recycle', () => {
  /** Hosts behind one address: 12 connections of the newer clock, and a SYN of the older after every second one. */
  const two = (older: (at: number, timestamp: number) => string): readonly ScriptedFrame[] =>
    connections(18, (i) => (i % 3 === 2 ? older(i, clock(1_000, i)) : served(i, clock(900_000_000, i))));

  test('every SYN of the older clock is dropped', async () => {
    expect(await run(two(dropped))).toMatchObject([{ severity: 'warning', metrics: { olderDropped: 6, newerAnswered: 12 } }]);
  });

  test('dropped, whatever came of the SYN that was sent again', async () => {
    const late = (at: number, timestamp: number): string =>
      `${dropped(at, timestamp)}\n  +.001 < S. 0:0(0) ack 1 <mss 1460>\n  +.001 > . 1:1(0) ack 1`;
    expect(await run(two(late))).toMatchObject([{ metrics: { olderDropped: 6 } }]);
  });

  test('clients that draw an offset for each connection are dropped by it without any translator', async () => {
    const stamps = [9, 3, 12, 5, 15, 2, 18, 7, 21, 8, 24, 6, 27, 4, 30, 1];
    const frames = connections(16, (i) => (i % 2 === 0 ? served : dropped)(i * 2, stamps[i]! * 10_000_000));
    expect(await run(frames)).toMatchObject([{ severity: 'warning', metrics: { olderDropped: 8, clocks: 0 } }]);
  });

  test('not where the older ones are answered as well', async () => {
    expect(await run(two(served))).toMatchObject([{ severity: 'info' }]);
  });

  test('not where one of the older ones is answered', async () => {
    expect(await run(two((at, timestamp) => (at < 3 ? served : dropped)(at, timestamp)))).toMatchObject([{ severity: 'info' }]);
  });

  test('not where newer ones are dropped as well: the server went down', async () => {
    const frames = connections(24, (i) => (i < 12 ? served : dropped)(i, i % 2 === 0 ? clock(900_000_000, i) : clock(1_000, i)));
    expect(await run(frames)).toMatchObject([{ severity: 'info' }]);
  });

  test('not 60 s after the last close', async () => {
    const frames = connections(14, (i) => (i < 10 ? served(i * 0.2, clock(900_000_000, i * 0.2)) : dropped(63 + i, clock(1_000, 63 + i))));
    expect(await run(frames)).toEqual([]);
  });
});

test.each([
  'paws_rejects.pcap',
  'ephemeral_reuse.pcap.gz',
  'syn_flood_no_cookies.pcap.gz',
  'accept_overflow.pcap',
  'syn_blackhole_linear.pcap',
])('not in %s', async (name) => {
  expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
});

test('one direction is inconclusive, and so are SYNs without timestamps', async () => {
  const frames = connections(16, (i) => served(i, clock(1, i)));
  expect(verdictOf(await diagnoseBytes(captureOf(sentBy('client', frames))), RULE).verdict).toBe('inconclusive');
  expect(verdictOf(await diagnoseFixture('midstream_capture.pcapng'), RULE).verdict).toBe('inconclusive');
});
