/** When connections of a service began, and what preceded their end. */
import { describe, expect, test } from 'vitest';
import { nanosOf } from '../../src/model/units.ts';
import { collected, type Life } from './collected.ts';

const OPEN = '+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1\n';
const REFUSED = '+0 > S 0:0(0)\n+.01 < R. 0:0(0) ack 1\n';
const UNANSWERED = '+0 > S 0:0(0)\n+1 > S 0:0(0)\n';
const EXCHANGE = `${OPEN}+0 > P. 1:11(10) ack 1\n+.01 < P. 1:21(20) ack 11\n+.01 > . 11:11(0) ack 21\n`;

describe('answered around a stretch of time', () => {
  const around = (lives: readonly Life[], from: number, to: number): unknown =>
    collected(
      lives.map((life, i) => ({ clientPort: 40_000 + i, ...life })),
      30,
    ).services[0]!.answeredAround(nanosOf(from), nanosOf(to));

  test('the last before it, how many within, the first after', () => {
    const lives = [0, 1, 4, 5, 6, 19, 20].map((at) => ({ script: OPEN, at }));
    expect(around(lives, 4, 6)).toEqual({ before: 1, between: 3, after: 5 });
    expect(around(lives, 4.5, 18)).toEqual({ before: 2, between: 2, after: 5 });
  });

  test('SYNs without a SYN-ACK do not count, whether refused or met by silence', () => {
    const lives = [
      { script: OPEN, at: 0 },
      { script: REFUSED, at: 3 },
      { script: UNANSWERED, at: 5 },
      { script: OPEN, at: 6 },
      { script: REFUSED, at: 8 },
      { script: UNANSWERED, at: 10 },
      { script: OPEN, at: 12 },
    ];
    expect(around(lives, 4, 9)).toEqual({ before: 0, between: 1, after: 6 });
  });

  test('nothing before, nothing after', () => {
    expect(around([{ script: REFUSED }, { script: OPEN, at: 1 }], 0, 2)).toEqual({ before: null, between: 1, after: null });
    expect(around([{ script: REFUSED }], 0, 2)).toEqual({ before: null, between: 0, after: null });
  });

  test('one that began with the stretch is within, as is one at its end', () => {
    const lives = [0, 2, 4].map((at) => ({ script: OPEN, at }));
    expect(around(lives, 2, 4)).toEqual({ before: 0, between: 2, after: null });
  });

  test('what a scan got for an answer does not show that the service works', () => {
    // 15 ports of one host that do not answer make a scan (Zeek's policy); the client is another than that of the first.
    const scan = Array.from({ length: 15 }, (_, i) => ({ script: REFUSED, at: 2, serverPort: 1_000 + i, clientIp: '10.0.0.66' }));
    const lives = [{ script: OPEN }, ...scan, { script: OPEN, at: 3, clientIp: '10.0.0.66' }, { script: OPEN, at: 4 }];
    expect(around(lives, 1, 10)).toEqual({ before: 0, between: 1, after: null });
  });
});

describe('closed when idle', () => {
  const closed = (minSeconds: number, ...lives: readonly Life[]): readonly number[] =>
    collected(
      lives.map((life, i) => ({ clientPort: 40_000 + i, ...life })),
      100,
    ).services[0]!.closedWhenIdle(minSeconds);

  const fin = (silence: number): string =>
    `${EXCHANGE}+${silence} < F. 21:21(0) ack 11\n+.01 > F. 11:11(0) ack 22\n+0 < . 22:22(0) ack 12\n`;
  const rst = (silence: number): string => `${EXCHANGE}+${silence} > R. 11:11(0) ack 21\n`;

  test('first FIN or RST after so much silence, whoever sent it', () => {
    expect(closed(10, { script: fin(1) }, { script: fin(20) }, { script: rst(20) }, { script: rst(1) })).toEqual([1, 2]);
  });

  test('the silence counts from the last data, not from its acknowledgment', () => {
    // The acknowledgment comes 10 ms after the data, the FIN 9.99 s after that.
    expect(closed(10, { script: fin(9.99) })).toEqual([0]);
    expect(closed(10.001, { script: fin(9.99) })).toEqual([]);
  });

  test('what was silent and is still open was not closed', () => {
    expect(closed(1, { script: EXCHANGE }, { script: fin(2) })).toEqual([1]);
  });

  test('without data there is no silence that follows it, and attempts that failed were never open', () => {
    expect(closed(1, { script: `${OPEN}+20 < F. 1:1(0) ack 1\n` }, { script: REFUSED }, { script: UNANSWERED })).toEqual([]);
  });

  test('a data segment that comes with the FIN ends the silence', () => {
    expect(closed(10, { script: `${EXCHANGE}+20 < P. 21:31(10) ack 11\n+0 < F. 31:31(0) ack 11\n` })).toEqual([]);
  });

  test('of TLS connections all are named: close_notify is data, and hides the silence before it', () => {
    const goodbye = `${EXCHANGE}+20 < P. 21:45(24) ack 11\n+0 < F. 45:45(0) ack 11\n`;
    expect(closed(10, { script: goodbye, tls: true }, { script: goodbye })).toEqual([0]);
  });
});
