import { describe, expect, test } from 'vitest';
import { Mark } from '../../src/model/connection.ts';
import { EventLog, eventKind, markCode, markDetail, markKind, MARKS } from '../../src/track/events.ts';
import { marks, play } from '../support/play.ts';

describe('the event log', () => {
  test('keeps each connection its own order, across pages', () => {
    const log = new EventLog();
    const tails = [0, 0, 0];
    const heads = [0, 0, 0];
    for (let i = 0; i < 60_000; i++) {
      const c = i % 3;
      tails[c] = log.append(tails[c]!, i * 0.5, i, markCode(markKind(Mark.RST), i & 1, i & 0xffff));
      if (heads[c] === 0) heads[c] = tails[c]!;
    }
    heads.forEach((head, c) => {
      let n = c;
      for (let ref = head; ref !== 0; ref = log.next(ref), n += 3) {
        expect([log.frame(ref), log.time(ref), markDetail(log.code(ref))]).toEqual([n, n * 0.5, n & 0xffff]);
      }
      expect(n).toBe(60_000 + c);
    });
  });

  test('every mark has a kind of its own, which fits its bits', () => {
    const kinds = MARKS.map((mark) => eventKind(markCode(markKind(mark), 1, 0x7ffffff)));
    expect(new Set(kinds).size).toBe(MARKS.length);
    expect(kinds).toEqual(MARKS.map(markKind));
  });
});

const open = '+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1\n';

describe('marks of one connection', () => {
  test('are bounded: a flood of stray segments does not fill the log', () => {
    const { last, tracker } = play(open + '+.01 > R 60000:60000(0)\n'.repeat(5000));
    expect(marks(last).length).toBeLessThanOrEqual(48);
    expect(tracker.tables.events.length).toBeLessThan(100);
    expect(last.client.rst).toBe(5000); // counted all the same
  });

  test('leave room for the transitions behind them', () => {
    const { last, states } = play(`${open}${'+.01 > R 60000:60000(0)\n'.repeat(500)}
      +1    > F. 1:1(0) ack 1
      +.010 < F. 1:1(0) ack 2
      +.010 > .  2:2(0) ack 2         # TIME_WAIT / CLOSED`);
    expect(states).toEqual({ client: 'TIME_WAIT', server: 'CLOSED' });
    expect(last.transitions.at(-1)!.to).toBe(0);
  });
});

describe('a log that would grow with every segment', () => {
  test('one SYN refused for ever becomes several connections', () => {
    const { connections } = play('+.001 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1\n'.repeat(1000));
    expect(connections.length).toBeGreaterThan(1);
    expect(connections.length).toBeLessThan(20);
    expect(connections.reduce((n, c) => n + c.client.syn, 0)).toBe(1000);
    expect(Math.max(...connections.map((c) => c.transitions.length))).toBeLessThanOrEqual(256);
  });

  test('a SYN-ACK reset again and again, and a FIN acknowledged in vain, stay bounded', () => {
    const { last } = play('+.001 < S. 0:0(0) ack 1\n+.001 > R 1:1(0)\n'.repeat(1000));
    expect(last.transitions.length).toBeLessThanOrEqual(256);
    const { tracker } = play(`${open}${'+.05 < F. 1:1(0) ack 1\n+.001 > . 1:1(0) ack 2\n'.repeat(1000)}`);
    expect(tracker.tables.events.length).toBeLessThan(400);
  });
});
