import { describe, expect, test } from 'vitest';
import { Mark } from '../../src/model/connection.ts';
import { CORE_STRIDE } from '../../src/track/layout.ts';
import { SIDE_NAMES, State, stateName } from '../../src/model/state.ts';
import { ByCause, ByFrom, BySide, ByTo, EventLog, eventKind, markCode, markDetail, markKind, MARKS } from '../../src/track/events.ts';
import { FirstTimes } from '../../src/track/first-times.ts';
import { RecordPages } from '../../src/track/pages.ts';
import { Cause } from '../../src/track/transitions.ts';
import { marks, play, playFrames } from '../support/play.ts';
import { addWithSequel, sequelRecords } from '../support/records.ts';
import { scriptFrames } from '../support/script.ts';

const life = `+0 > S 0:0(0)
  +.01 < S. 0:0(0) ack 1
  +.01 > .  1:1(0) ack 1
  +.01 > F. 1:1(0) ack 1
  +.01 < F. 1:1(0) ack 2
  +.01 > .  2:2(0) ack 2`;

describe('the event log', () => {
  test.each([
    ['in microseconds', (i: number) => 5 + i * 1_000],
    ['in nanoseconds', (i: number) => i * 3],
    ['in fractions of them', (i: number) => i * 0.5],
    ['of a clock that jumps a day ahead and back', (i: number) => (i === 20_000 ? 86_400e9 : i * 1_000)],
    ['of a capture of years', (i: number) => 2 ** 57 + i * 1_000_000],
  ])('keeps each connection its own order, across pages, %s', (_unit, timeOf) => {
    const cores = new RecordPages(CORE_STRIDE, 12);
    const sequels = sequelRecords();
    const log = new EventLog(cores, new FirstTimes(cores), sequels);
    const ids = Array.from({ length: 3 }, () => addWithSequel(cores, sequels));
    for (let i = 0; i < 60_000; i++) {
      const id = ids[i % 3]!;
      log.now = timeOf(i);
      log.log(id, sequels.page(id), sequels.offset(id), i, markCode(markKind(Mark.RST), i & 1, i & 0xffff));
    }
    const wrong: number[] = [];
    ids.forEach((id, c) => {
      let n = c;
      for (let ref = log.first(id); ref !== 0; ref = log.next(ref), n += 3) {
        if (log.frame(ref) !== n || log.time(ref) !== timeOf(n) || markDetail(log.code(ref)) !== (n & 0xffff)) wrong.push(n);
      }
      expect(n).toBe(60_000 + c);
    });
    expect(wrong).toEqual([]);
  });

  test('every mark has a kind of its own, which fits its bits', () => {
    const kinds = MARKS.map((mark) => eventKind(markCode(markKind(mark), 1, 0x7ffffff)));
    expect(new Set(kinds).size).toBe(MARKS.length);
    expect(kinds).toEqual(MARKS.map(markKind));
  });
});

describe('what the log holds of a life', () => {
  const length = (script: string): number => play(script).tracker.tables.events.length;

  test('nothing of a SYN without an answer or an answer that is not taken, one entry for each segment that moves both ends', () => {
    expect(length('+0 > S 0:0(0)')).toBe(0);
    expect(length('+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1')).toBe(0);
    expect(length('+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1')).toBe(2);
    expect(length(life)).toBe(6); // the FIN that answers a FIN makes three transitions
  });

  const told = (script: string, profile?: string): string[] =>
    play(script, { until: 300, ...(profile === undefined ? {} : { profile }) }).connections.flatMap((c) =>
      c.transitions.map(
        (t) => `${(t.time / 1e9).toFixed(2)} ${t.frame ?? '-'} ${SIDE_NAMES[t.side]} ${stateName(t.to)}${t.assumed ? ' assumed' : ''}`,
      ),
    );

  test.each([
    ['linux', '1.00'], // TCP_TIMEOUT_INIT
    ['linux-2.6', '3.00'], // the same, before 3.1
    ['windows', '1.00'],
  ])('nor of the end of a lone SYN, which is told all the same: %s gives up after %s s', (profile, seconds) => {
    expect(told('+0 > S 0:0(0)', profile)).toEqual(['0.00 1 client SYN_SENT', `${seconds} - client CLOSED assumed`]);
  });

  test('which takes no entry either', () => {
    expect(play('+0 > S 0:0(0)', { until: 300 }).tracker.tables.events.length).toBe(0);
  });

  describe('nor of a handshake that nobody completes', () => {
    const ANSWERED = `+0 > S 0:0(0)
      +.01 < S. 0:0(0) ack 1`;
    const AGAIN = `${ANSWERED}
      +1 < S. 0:0(0) ack 1`;
    const TOLD = ['0.00 1 client SYN_SENT', '0.01 2 server SYN_RCVD', '0.01 2 client ESTABLISHED'];

    test.each([
      ['answered', ANSWERED, [...TOLD, '1.01 - server CLOSED assumed']],
      ['answered, and the SYN-ACK again', AGAIN, [...TOLD, '3.01 - server CLOSED assumed']],
    ])('%s, which is told all the same', (_what, script, transitions) => {
      expect(told(script)).toEqual(transitions);
      const { connections, tracker } = play(script, { until: 300 });
      expect(tracker.tables.events.length).toBe(0);
      const times = script === AGAIN ? [1.01e9] : [];
      expect(connections[0]!.marks.map(({ mark, frame, time }) => ({ mark, frame, time }))).toEqual(
        times.map((time) => ({ mark: Mark.SYN_ACK_AGAIN, frame: 3, time })),
      );
    });

    test.each([
      ['the SYN-ACK a third time', `${AGAIN}\n+3 < S. 0:0(0) ack 1`],
      ['the SYN again', `${ANSWERED}\n+1 > S 0:0(0)`],
      ['the SYN again behind the SYN-ACK', `${AGAIN}\n+.1 > S 0:0(0)`],
      ['a SYN-ACK after five seconds', `${ANSWERED}\n+5 < S. 0:0(0) ack 1`],
      ['the third ACK', `${AGAIN}\n+.1 > . 1:1(0) ack 1`],
      ['a RST', `${ANSWERED}\n+.1 > R 1:1(0)`],
      ['the server gave up, and yet comes again', `${AGAIN}\n+20 < S. 0:0(0) ack 1`],
      ['the server gave up, and the client refuses', `${AGAIN}\n+20 > R 1:1(0)`],
    ])('%s: what went before is told as if it had been logged', (_what, script) => {
      const logged = playFrames(scriptFrames(script), { until: 300, spelledOut: true });
      const implied = playFrames(scriptFrames(script), { until: 300 });
      expect(implied.connections).toEqual(logged.connections);
    });
  });

  test('of a SYN that was given up, once more follows, what it went through before', () => {
    expect(told('+0 > S 0:0(0)\n+5 < R. 0:0(0) ack 1')).toEqual(['0.00 1 client SYN_SENT', '1.00 - client CLOSED assumed']);
    expect(told('+0 > S 0:0(0)\n+5 > S 7000:7000(0)')).toEqual([
      '0.00 1 client SYN_SENT',
      '1.00 - client CLOSED assumed',
      '5.00 2 client SYN_SENT',
      '6.00 - client CLOSED assumed',
    ]);
  });

  test('and yet every transition, in order', () => {
    const { last } = play(life);
    expect(last.transitions.map((t) => `${t.frame ?? '-'} ${SIDE_NAMES[t.side]} ${stateName(t.to)}`)).toEqual([
      '1 client SYN_SENT',
      '2 server SYN_RCVD',
      '2 client ESTABLISHED',
      '3 server ESTABLISHED',
      '4 client FIN_WAIT_1',
      '4 server CLOSE_WAIT',
      '5 client FIN_WAIT_2',
      '5 server LAST_ACK',
      '5 client TIME_WAIT',
      '6 server CLOSED',
    ]);
  });

  test('what is taken back leaves the other transition of its segment, and the order', () => {
    // The SYN comes again, so the SYN-ACK did not reach the client; the server goes on waiting for the third ACK.
    const { last, states } = play('+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+1 > S 0:0(0)');
    expect(states).toEqual({ client: 'SYN_SENT', server: 'SYN_RCVD' });
    expect(last.transitions.map((t) => stateName(t.to))).toEqual(['SYN_SENT', 'SYN_RCVD']);
    expect(marks(last)).toEqual(['client syn-again']);
    const after = play('+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+1 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1');
    expect(after.last.transitions.map((t) => `${String(t.frame)} ${stateName(t.to)}`)).toEqual([
      '1 SYN_SENT',
      '2 SYN_RCVD',
      '4 ESTABLISHED',
      '5 ESTABLISHED',
    ]);
  });

  test('a SYN that was given up too early, and comes again, is still the first event', () => {
    const { last, states } = play('+0 > S 0:0(0)\n+3 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1');
    expect(states).toEqual({ client: 'ESTABLISHED', server: 'SYN_RCVD' });
    expect(last.transitions.map((t) => stateName(t.to))).toEqual(['SYN_SENT', 'SYN_RCVD', 'ESTABLISHED']);
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

describe('one event is found', () => {
  const { events } = play(life).tracker.tables;
  const frameOf = (ref: number): number => (ref === 0 ? -1 : events.frame(ref));

  test('by its end and its cause, or the states around it, whichever half of an entry has it', () => {
    expect(frameOf(events.find(0, ByCause.mask, ByCause.of(0, Cause.SENDS_SYN)))).toBe(1);
    expect(frameOf(events.find(0, ByTo.mask, ByTo.of(0, State.ESTABLISHED)))).toBe(2);
    expect(frameOf(events.find(0, ByTo.mask, ByTo.of(1, State.ESTABLISHED)))).toBe(3);
    expect(frameOf(events.find(0, ByCause.mask, ByCause.of(1, Cause.RECEIVES_FIN)))).toBe(4);
    expect(frameOf(events.find(0, ByCause.mask, ByCause.of(1, Cause.SENDS_FIN)))).toBe(5);
    expect(frameOf(events.find(0, ByFrom.mask, ByFrom.of(1, State.LAST_ACK)))).toBe(6);
    expect(frameOf(events.find(0, ByCause.mask, ByCause.of(0, Cause.SENDS_RST)))).toBe(-1);
  });

  test('the last of an end', () => {
    expect(frameOf(events.findLast(0, BySide.mask, BySide.of(0)))).toBe(5);
    expect(frameOf(events.findLast(0, BySide.mask, BySide.of(1)))).toBe(6);
  });
});
