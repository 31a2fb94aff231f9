/**
 * What is counted per end while the capture is read. The scripts play what a sender and a receiver of RFC 5681, RFC 6298, RFC 6675,
 * RFC 8985 and RFC 2883 send; the round trip is 20 ms, seen at the sender unless a comment says otherwise.
 */
import { describe, expect, test } from 'vitest';
import type { SequenceFacts } from '../../src/model/sequence.ts';
import { play } from '../support/play.ts';

const OPEN = `
+0    > S  0:0(0) win 64240 <mss 1000,sackOK,wscale 7>
+.020 < S. 0:0(0) ack 1 win 64240 <mss 1000,sackOK,wscale 7>
+0    > .  1:1(0) ack 1 win 502`;
/** The same without SACK: no tail loss probes, and three duplicate ACKs for a report. */
const OPEN_WITHOUT_SACK = OPEN.replaceAll('sackOK,', '');

const client = (script: string, opening = OPEN): ReturnType<typeof play>['last']['client'] => play(`${opening}\n${script}`).last.client;
const server = (script: string, opening = OPEN): ReturnType<typeof play>['last']['server'] => play(`${opening}\n${script}`).last.server;

const kinds = (s: SequenceFacts): readonly number[] => [
  s.fastRetransmissions,
  s.timeoutRetransmissions,
  s.tailLossProbes,
  s.spuriousRetransmissions,
];

describe('repeats are told apart: [fast, timeout, tail loss probe, spurious]', () => {
  test.each([
    [
      'SACK reports a hole',
      [1, 0, 0, 0],
      `
      +0    > . 1:1001(1000) ack 1
      +0    > . 1001:2001(1000) ack 1
      +0    > . 2001:3001(1000) ack 1
      +.020 < . 1:1(0) ack 1 win 502 <sack 1001:2001>
      +0    < . 1:1(0) ack 1 win 502 <sack 1001:3001>
      +.001 > . 1:1001(1000) ack 1`,
    ],
    [
      'on a path of 600 ms too, where the answer to the report passes late (at the receiver)',
      [1, 0, 0, 0],
      `
      +0    > . 1001:2001(1000) ack 1
      +0    < . 1:1(0) ack 1 win 502 <sack 1001:2001>
      +.600 > . 1:1001(1000) ack 1`,
      OPEN.replace('+.020', '+0').replace('+0    > .  1:1', '+.600 > .  1:1'),
    ],
    [
      'the last segment is lost: probe after two round trips, then the timer',
      [0, 1, 1, 0],
      `
      +0    > . 1:1001(1000) ack 1
      +0    > . 1001:2001(1000) ack 1
      +.020 < . 1:1(0) ack 1001 win 502
      +.042 > . 1001:2001(1000) ack 1
      +.220 > . 1001:2001(1000) ack 1
      +.020 < . 1:1(0) ack 2001 win 502`,
    ],
    [
      'one segment in flight: Linux probes at the time of the retransmission timer, and then the timer starts anew',
      [0, 2, 1, 0],
      `
      +0    > P. 1:101(100) ack 1
      +.207 > P. 1:101(100) ack 1
      +.208 > P. 1:101(100) ack 1
      +.416 > P. 1:101(100) ack 1`,
    ],
    [
      'a timer that doubles from the first repeat was no probe',
      [0, 3, 0, 0],
      `
      +0    > P. 1:101(100) ack 1
      +.300 > P. 1:101(100) ack 1
      +.600 > P. 1:101(100) ack 1
      +1.2  > P. 1:101(100) ack 1`,
    ],
    [
      'without SACK there are no probes',
      [0, 1, 0, 0],
      `
      +0    > P. 1:101(100) ack 1
      +.220 > P. 1:101(100) ack 1`,
      OPEN_WITHOUT_SACK,
    ],
    [
      'what is sent in the wake of a timeout belongs to it',
      [0, 3, 0, 0],
      `
      +0    > . 1:1001(1000) ack 1
      +0    > . 1001:2001(1000) ack 1
      +0    > . 2001:3001(1000) ack 1
      +.220 > . 1:1001(1000) ack 1
      +.020 < . 1:1(0) ack 1001 win 502
      +0    > . 1001:2001(1000) ack 1
      +0    > . 2001:3001(1000) ack 1
      +.020 < . 1:1(0) ack 3001 win 502`,
    ],
    [
      'three duplicate ACKs, no SACK',
      [1, 0, 0, 0],
      `
      +0    > . 1:1001(1000) ack 1
      +0    > . 1001:2001(1000) ack 1
      +0    > . 2001:3001(1000) ack 1
      +0    > . 3001:4001(1000) ack 1
      +0    > . 4001:5001(1000) ack 1
      +.020 < . 1:1(0) ack 1001 win 502
      +0    < . 1:1(0) ack 1001 win 502
      +0    < . 1:1(0) ack 1001 win 502
      +0    < . 1:1(0) ack 1001 win 502
      +.001 > . 1001:2001(1000) ack 1`,
      OPEN_WITHOUT_SACK,
    ],
    [
      'acknowledged before, and the D-SACK for it is no second one',
      [0, 0, 0, 1],
      `
      +0    > . 1:1001(1000) ack 1
      +.020 < . 1:1(0) ack 1001 win 502
      +.220 > . 1:1001(1000) ack 1
      +.020 < . 1:1(0) ack 1001 win 502 <sack 1:1001>`,
    ],
    [
      'a D-SACK says afterwards that the timeout was for nothing',
      [0, 0, 0, 1],
      `
      +0    > . 1:1001(1000) ack 1
      +0    > . 1001:2001(1000) ack 1
      +.220 > . 1:1001(1000) ack 1
      +.005 < . 1:1(0) ack 2001 win 502
      +.015 < . 1:1(0) ack 2001 win 502 <sack 1:1001>`,
    ],
    [
      'a copy that the network made comes sooner than any timer',
      [0, 0, 0, 1],
      `
      +0    > P. 1:101(100) ack 1
      +.0001 > P. 1:101(100) ack 1`,
    ],
    [
      'lost before the capture point (at the receiver): it passes here once, a round trip late',
      [1, 0, 0, 0],
      `
      +0    > . 1001:2001(1000) ack 1
      +0    < . 1:1(0) ack 1 win 502 <sack 1001:2001>
      +.021 > . 1:1001(1000) ack 1`,
    ],
  ])('%s', (_name, expected, script, opening = OPEN) => {
    const end = client(script, opening);
    expect(kinds(end.sequence)).toEqual(expected);
    expect(end.retransmissions).toBe(expected.reduce((a, b) => a + b));
    expect(end.outOfOrder).toBe(0);
    expect(end.missedBytes).toBe(0);
  });

  test('timeouts cost the silence before them', () => {
    const { sequence } = client(
      `
      +0    > P. 1:101(100) ack 1
      +.220 > P. 1:101(100) ack 1
      +.440 > P. 1:101(100) ack 1
      +.020 < .  1:1(0) ack 101 win 502`,
      OPEN_WITHOUT_SACK,
    );
    expect(sequence.timeoutSeconds).toBeCloseTo(0.66, 9);
    expect(sequence.firstRetransmission).toMatchObject({ frame: 5 });
    expect(sequence.lastRetransmission).toMatchObject({ frame: 6 });
  });

  test('large segments that never arrive while small ones do: a path with a smaller MTU', () => {
    const { sequence } = client(`
      +0    > P. 1:101(100) ack 1
      +.020 < .  1:1(0) ack 101 win 502
      +0    > .  101:1501(1400) ack 1
      +.220 > .  101:1501(1400) ack 1
      +.440 > .  101:1501(1400) ack 1
      +.880 > .  101:1501(1400) ack 1`);
    expect(sequence).toMatchObject({ largeResentInVain: 3, largeNeverAcknowledged: true });
  });
});

describe('order', () => {
  test('a segment overtaken by two others is late by time and octets, and nothing was lost', () => {
    const end = client(`
      +0    > . 1001:2001(1000) ack 1
      +.001 > . 2001:3001(1000) ack 1
      +.004 > . 1:1001(1000) ack 1`);
    expect(end).toMatchObject({ outOfOrder: 1, retransmissions: 0, holeBytes: 0, missedBytes: 0 });
    expect(end.sequence).toMatchObject({ reorderedOctets: 3000, reorderedSeconds: 0.005 });
  });

  test('timestamps overrule the clock: an older one was overtaken however late it comes', () => {
    const end = client(`
      +0    > . 1001:2001(1000) ack 1 <TS val 105 ecr 1>
      +.100 > . 1:1001(1000) ack 1 <TS val 104 ecr 1>`);
    expect(end).toMatchObject({ outOfOrder: 1, retransmissions: 0 });
  });

  test('and a younger one was sent again however soon', () => {
    const end = client(`
      +0    > . 1001:2001(1000) ack 1 <TS val 105 ecr 1>
      +.010 > . 1:1001(1000) ack 1 <TS val 109 ecr 1>`);
    expect(end).toMatchObject({ outOfOrder: 0, retransmissions: 1 });
  });

  test('of holes at once each is followed: two filled, one acknowledged unseen, one still open', () => {
    const end = client(`
      +0    > . 1001:2001(1000) ack 1
      +0    > . 3001:4001(1000) ack 1
      +0    > . 5001:6001(1000) ack 1
      +.001 > . 1:1001(1000) ack 1
      +.001 > . 4001:5001(1000) ack 1
      +.020 < . 1:1(0) ack 6001 win 502
      +0    > . 7001:8001(1000) ack 1`);
    expect(end).toMatchObject({ outOfOrder: 2, missedBytes: 1000, holeBytes: 1000, retransmissions: 0 });
  });
});

describe('what the receiver reports', () => {
  test('duplicate ACKs, SACK and D-SACK; a window update and an ACK with nothing in flight are none', () => {
    const { sequence } = server(`
      +0    > . 1:1001(1000) ack 1
      +0    > . 2001:3001(1000) ack 1
      +.020 < . 1:1(0) ack 1001 win 502
      +0    < . 1:1(0) ack 1001 win 502 <sack 2001:3001>
      +0    < . 1:1(0) ack 1001 win 510
      +.020 > . 1001:2001(1000) ack 1
      +.020 < . 1:1(0) ack 3001 win 510
      +.020 > . 1001:2001(1000) ack 1
      +.020 < . 1:1(0) ack 3001 win 510 <sack 1001:2001>`);
    expect(sequence).toMatchObject({ duplicateAcks: 1, sacks: 2, dsacks: 1 });
  });
});

describe('closed windows and probes', () => {
  test('the window says whether a probe is a keepalive', () => {
    const { last } = play(`${OPEN}
      +0    > P. 1:101(100) ack 1
      +.020 < .  1:1(0) ack 101 win 0
      +.220 > .  100:100(0) ack 1
      +0    < .  1:1(0) ack 101 win 0
      +.440 > .  100:100(0) ack 1
      +0    < .  1:1(0) ack 101 win 0
      +1    < .  1:1(0) ack 101 win 502
      +60   > .  100:100(0) ack 1
      +.020 < .  1:1(0) ack 101 win 502
      +75   > .  100:100(0) ack 1
      +75   > .  100:100(0) ack 1`);
    expect(last.client.sequence).toMatchObject({ windowProbes: 2, keepAlives: 3, keepAlivesAnswered: 1, keepAlivesInVain: 2 });
    expect(last.client.sequence.keepAliveInterval).toBeCloseTo(75, 9);
    expect(last.client.retransmissions).toBe(0);
    expect(last.server.sequence).toMatchObject({ zeroWindowEpisodes: 1, duplicateAcks: 0 });
    expect(last.server.sequence.longestZeroWindow).toMatchObject({ begin: { frame: 5 }, end: { frame: 10 } });
    expect(last.server.sequence.zeroWindowSeconds).toBeCloseTo(1.66, 9);
    expect(last.longestIdle).toMatchObject({ end: { frame: 13 } });
    expect(last.longestIdle!.seconds).toBeCloseTo(75, 9);
  });

  test('a window that stays closed lasts to the end of observation', () => {
    const { last } = play(`${OPEN}\n+0 > P. 1:101(100) ack 1\n+.020 < . 1:1(0) ack 101 win 0`, { until: 5.04 });
    expect(last.server.sequence.longestZeroWindow).toMatchObject({ begin: { frame: 5 }, end: null });
    expect(last.server.sequence.longestZeroWindow!.seconds).toBeCloseTo(5, 9);
  });

  test('data that ends where the scaled window does fills it', () => {
    const { sequence } = client(`
      +0    < .  1:1(0) ack 1 win 10
      +0    > .  1:1001(1000) ack 1
      +0    > .  1001:1281(280) ack 1`);
    expect(sequence.windowFull).toBe(1);
  });
});

describe('measured', () => {
  test("round trips of an end's first data and of its every eighth segment", () => {
    const end = client(`
      +0    > . 1:1001(1000) ack 1
      +.020 < . 1:1(0) ack 1001 win 502
      +0    > . 1001:2001(1000) ack 1
      +0    > . 2001:3001(1000) ack 1
      +0    > . 3001:4001(1000) ack 1
      +0    > . 4001:5001(1000) ack 1
      +.025 < . 1:1(0) ack 5001 win 502
      +0    > . 5001:6001(1000) ack 1
      +.040 < . 1:1(0) ack 6001 win 502`);
    expect(end.rtt).toEqual({ smallest: 0.02, mean: 0.03, largest: 0.04, samples: 2 });
    expect(end).toMatchObject({ maxInFlight: 4000, largestPayload: 1000 });
  });

  test('never of a segment that was sent again (Karn)', () => {
    const end = client(`
      +0    > . 1:501(500) ack 1
      +.250 > . 1:501(500) ack 1
      +.020 < . 1:1(0) ack 501 win 502`);
    expect(end.rtt).toBeNull();
  });

  test('nothing where nothing was sent', () => {
    const end = server('');
    expect(end).toMatchObject({ rtt: null, maxInFlight: 0, largestPayload: 0 });
    expect(kinds(end.sequence)).toEqual([0, 0, 0, 0]);
  });
});
