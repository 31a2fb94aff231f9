/** The transition table, row by row: every state and every row is reachable, and says where it stands. */
import { describe, expect, test } from 'vitest';
import { State, STATE_NAMES } from '../../src/model/state.ts';
import { Cause, CAUSE_TEXT, CAUSES, NEXT, STAY, TRANSITIONS } from '../../src/track/transitions.ts';
import { play } from '../support/play.ts';

const name = (state: number): string => STATE_NAMES[state]!;

describe('the table', () => {
  test('has no two rows for one state and cause', () => {
    const keys = TRANSITIONS.map(([from, cause]) => `${name(from)} ${CAUSE_TEXT[cause]}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('cites where every row stands', () => {
    for (const [from, , to, source] of TRANSITIONS) {
      expect(source, `${name(from)} → ${name(to)}`).toMatch(/3\.\d+\.\d+|RFC \d+|linux \w+|observer: /);
    }
  });

  test('says every cause in words, each once', () => {
    expect(CAUSE_TEXT).toHaveLength(CAUSES);
    expect(new Set(CAUSE_TEXT).size).toBe(CAUSES);
    expect(Object.values(Cause)).toEqual([...CAUSE_TEXT.keys()]);
  });

  test('never enters LISTEN, and reaches every other state from CLOSED', () => {
    const reached = new Set<number>([State.CLOSED]);
    for (let grew = true; grew;) {
      grew = false;
      for (const [from, , to] of TRANSITIONS) {
        if (!reached.has(from) || reached.has(to)) continue;
        reached.add(to);
        grew = true;
      }
    }
    expect([...reached].sort((a, b) => a - b)).toEqual(Object.values(State).filter((s) => s !== State.LISTEN));
  });

  test.each(Object.values(State).filter((s) => s !== State.CLOSED && s !== State.LISTEN))(
    'a RST ends state %i, sent or received',
    (state) => {
      expect(NEXT[state * CAUSES + Cause.RECEIVES_RST]).toBe(State.CLOSED);
      expect(NEXT[state * CAUSES + Cause.SENDS_RST]).toBe(State.CLOSED);
    },
  );

  test('leaves the state alone where it has no row', () => {
    expect(NEXT[State.CLOSED * CAUSES + Cause.RECEIVES_RST]).toBe(STAY);
    expect(NEXT[State.ESTABLISHED * CAUSES + Cause.SENDS_SYN]).toBe(STAY);
  });

  // RFC 9293 figure 5 without LISTEN and without the calls that no segment shows; RST and timers are tested above and below.
  test.each([
    ['CLOSED', 'SENDS_SYN', 'SYN_SENT'],
    ['SYN_SENT', 'SENDS_SYN_ACK', 'SYN_RCVD'],
    ['SYN_SENT', 'RECEIVES_SYN_ACK', 'ESTABLISHED'],
    ['SYN_RCVD', 'SYN_ACKED', 'ESTABLISHED'],
    ['SYN_RCVD', 'SENDS_FIN', 'FIN_WAIT_1'],
    ['ESTABLISHED', 'SENDS_FIN', 'FIN_WAIT_1'],
    ['ESTABLISHED', 'RECEIVES_FIN', 'CLOSE_WAIT'],
    ['FIN_WAIT_1', 'FIN_ACKED', 'FIN_WAIT_2'],
    ['FIN_WAIT_1', 'RECEIVES_FIN', 'CLOSING'],
    ['FIN_WAIT_2', 'RECEIVES_FIN', 'TIME_WAIT'],
    ['CLOSING', 'FIN_ACKED', 'TIME_WAIT'],
    ['CLOSE_WAIT', 'SENDS_FIN', 'LAST_ACK'],
    ['LAST_ACK', 'FIN_ACKED', 'CLOSED'],
    ['TIME_WAIT', 'TIME_WAIT_OVER', 'CLOSED'],
  ] as const)('figure 5: %s, %s: %s', (from, cause, to) => {
    expect(NEXT[State[from] * CAUSES + Cause[cause]]).toBe(State[to]);
  });
});

/** A trace for every row; the end that goes through it is found by itself. */
const OPEN = '+0 > S 0:0(0)\n+.010 < S. 0:0(0) ack 1\n+.010 > . 1:1(0) ack 1\n';
const RESET = { client: '+.010 > R. ack 1\n', server: '+.010 < R. ack 1\n' };
const to: Readonly<Record<string, string>> = {
  SYN_SENT: '+0 > S 0:0(0)\n',
  SYN_RCVD: '+0 > S 0:0(0)\n+.010 < S. 0:0(0) ack 1\n',
  ESTABLISHED: OPEN,
  FIN_WAIT_1: `${OPEN}+1 > F. 1:1(0) ack 1\n`,
  FIN_WAIT_2: `${OPEN}+1 > F. 1:1(0) ack 1\n+.010 < . 1:1(0) ack 2\n`,
  CLOSING: `${OPEN}+1 > F. 1:1(0) ack 1\n+.001 < F. 1:1(0) ack 1\n`,
  LAST_ACK: `${OPEN}+1 > F. 1:1(0) ack 1\n+.010 < F. 1:1(0) ack 2\n`,
  TIME_WAIT: `${OPEN}+1 > F. 1:1(0) ack 1\n+.010 < F. 1:1(0) ack 2\n+.010 > . 2:2(0) ack 2\n`,
};

/** Waits of RTO.MIN doubling up to RTO.MAX, until tcp_retries2 is over. */
const WAITS = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 120, 120, 120, 120, 120, 120];
const again = (segment: string): string => WAITS.map((seconds) => `+${seconds} ${segment}\n`).join('');

const TRACES: readonly [string, number][] = [
  // opening and closing
  [to.TIME_WAIT!, 100],
  [`${OPEN}+1 > F. 1:1(0) ack 1\n+.010 < . 1:1(0) ack 2\n+.010 < F. 1:1(0) ack 2\n+0 > . 2:2(0) ack 2`, 2],
  [`${to.CLOSING!}+.010 > . 2:2(0) ack 2\n+.010 < . 2:2(0) ack 2`, 2],
  ['+0 > S 0:0(0)\n+.001 < S 0:0(0)\n+.010 > S. 0:0(0) ack 1\n+.001 < S. 0:0(0) ack 1', 2],
  ['+0 > S 0:0(0)\n+.010 > . 1:1(0) ack 1\n+.010 < P. 1:11(10) ack 1', 2], // the SYN-ACK is missing
  ['+0 > S 0:0(0)\n+.010 < S. 0:0(0) ack 1\n+.500 < P. 1:11(10) ack 1', 2], // the third ACK is missing
  ['+0 > S 0:20(20) <tfo 8>\n+.010 < S. 0:0(0) ack 21\n+0 < F. 1:1(0) ack 21', 1], // Fast Open, closed before the third ACK
  ['+0 > S 0:0(0)\n+.010 < icmp 3/1', 1],
  ['+0 > S 0:0(0)\n+.010 < S. 0:0(0) ack 1\n+.010 > icmp 3/1', 1],
  // timers
  [to.SYN_SENT!, 200],
  [to.SYN_RCVD!, 200],
  [to.FIN_WAIT_1!, 500],
  [to.FIN_WAIT_2!, 500],
  [to.CLOSING!, 500],
  [to.LAST_ACK!, 500],
  [`${OPEN}+1 > P. 1:11(10) ack 1\n${again('> P. 1:11(10) ack 1')}`, 2000],
  [`${OPEN}+1 < F. 1:1(0) ack 1\n+0 > P. 1:11(10) ack 2\n${again('> P. 1:11(10) ack 2')}`, 2000],
  // RST, sent by either end in every state
  ...Object.values(to).flatMap((trace) => [RESET.client, RESET.server].map((rst): [string, number] => [trace + rst, 3])),
  [`${to.SYN_SENT!}+.010 < R. 0:0(0) ack 1`, 3],
  [`${to.SYN_RCVD!}+.010 > R 1:1(0)`, 3],
  [`${to.FIN_WAIT_2!}+.010 < R. 1:1(0) ack 2`, 3],
  [`${to.FIN_WAIT_2!}+.010 > R. 2:2(0) ack 1`, 3],
  // the tuple again, in every state
  ...Object.values(to).map((trace): [string, number] => [`${trace}+.010 > S 70000:70000(0)\n+.010 < S. 80000:80000(0) ack 70001`, 10]),
  ...Object.values(to).map((trace): [string, number] => [`${trace}+.010 < S 80000:80000(0)\n+.010 > S. 70000:70000(0) ack 80001`, 10]),
];

test('every row is taken by some trace, and no trace takes a step that has no row', () => {
  const rows = new Map(TRANSITIONS.map(([from, cause, state]) => [`${name(from)}, ${CAUSE_TEXT[cause]}: ${name(state)}`, false]));
  for (const [trace, until] of TRACES) {
    for (const c of play(trace, { until }).connections) {
      const state = [State.CLOSED, State.CLOSED] as number[];
      for (const t of c.transitions) {
        expect(t.from, trace).toBe(state[t.side]);
        state[t.side] = t.to;
        const row = `${name(t.from)}, ${t.cause}: ${name(t.to)}`;
        expect([...rows.keys()]).toContain(row);
        rows.set(row, true);
      }
      expect([c.client.state, c.server.state]).toEqual(state);
    }
  }
  expect([...rows].filter(([, taken]) => !taken).map(([row]) => row)).toEqual([]);
});
