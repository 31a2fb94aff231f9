/** What ends by itself, and when: kernel timers that no packet shows. */
import { describe, expect, test } from 'vitest';
import { Decoder } from '../../src/decode/index.ts';
import { stateName } from '../../src/model/state.ts';
import { Budget } from '../../src/track/budget.ts';
import { CORE_STRIDE, Sequel } from '../../src/track/layout.ts';
import { RecordPages } from '../../src/track/pages.ts';
import { TimerKind, Timers } from '../../src/track/timers.ts';
import { Views } from '../../src/track/views.ts';
import { play, playFrames, story } from '../support/play.ts';
import { scriptFrames } from '../support/script.ts';
import { addWithSequel, sequelRecords } from '../support/records.ts';

const CLOSED_BY_CLIENT = `
  +0    > S  0:0(0)
  +.010 < S. 0:0(0) ack 1
  +.010 > .  1:1(0) ack 1
  +1    > F. 1:1(0) ack 1
  +.010 < F. 1:1(0) ack 2
  +0    > .  2:2(0) ack 2         # TIME_WAIT / CLOSED`;

const HALF_CLOSED = `
  +0    > S  0:0(0)
  +.010 < S. 0:0(0) ack 1
  +.010 > .  1:1(0) ack 1
  +1    > F. 1:1(0) ack 1
  +.010 < .  1:1(0) ack 2         # FIN_WAIT_2 / CLOSE_WAIT`;

describe('TIME_WAIT', () => {
  test('is over after 60 s (linux TCP_TIMEWAIT_LEN)', () => {
    expect(play(CLOSED_BY_CLIENT, { until: 61 }).states.client).toBe('TIME_WAIT');
    const { last } = play(CLOSED_BY_CLIENT, { until: 62 });
    expect(last.transitions.at(-1)).toMatchObject({
      time: 61.03e9,
      frame: null,
      side: 0,
      from: 10,
      to: 0,
      cause: 'TIME_WAIT is over',
      assumed: true, // how long it lasts is the profile's
    });
  });

  test('is over after 240 s by the numbers of the RFC (2 MSL)', () => {
    expect(play(CLOSED_BY_CLIENT, { until: 241, profile: 'rfc' }).states.client).toBe('TIME_WAIT');
    expect(play(CLOSED_BY_CLIENT, { until: 242, profile: 'rfc' }).states.client).toBe('CLOSED');
  });

  test.each([
    ['windows', 120], // TcpTimedWaitDelay, Windows Server 2003
    ['freebsd', 60], // net.inet.tcp.msl 30000
    ['macos', 30], // net.inet.tcp.msl 15000
  ])('of %s lasts %d s', (profile, seconds) => {
    expect(play(CLOSED_BY_CLIENT, { until: seconds + 1, profile }).states.client).toBe('TIME_WAIT');
    expect(play(CLOSED_BY_CLIENT, { until: seconds + 1.1, profile }).states.client).toBe('CLOSED');
  });

  test('of each end lasts as its own kernel has it, in one capture', () => {
    const byClient = scriptFrames(CLOSED_BY_CLIENT, { clientIp: '10.1.0.1' });
    const byAnother = scriptFrames(CLOSED_BY_CLIENT, { clientIp: '10.2.0.1' });
    const frames = [...byClient, ...byAnother].sort((a, b) => a.segment.at - b.segment.at);
    const { connections } = playFrames(frames, { until: 1000, profile: '10.1.0.0/16=windows,10.0.0.0/8=macos' });
    const ends = connections.map((c) => `${c.client.ip} ${story(c).at(-1)!}`);
    expect(ends.sort()).toEqual(['10.1.0.1 ~121.030 client CLOSED', '10.2.0.1 ~31.030 client CLOSED']);
  });

  test('starts again with every FIN that comes again', () => {
    const { last } = play(`${CLOSED_BY_CLIENT}\n+30 < F. 1:1(0) ack 2 # TIME_WAIT / -\n+0 > . 2:2(0) ack 2 # TIME_WAIT / -`, {
      until: 200,
    });
    expect(
      story(last)
        .filter((s) => s.includes('client'))
        .at(-1),
    ).toBe('~91.030 client CLOSED');
  });
});

test('TIME_WAIT starts again with every ACK (linux tcp_timewait_state_process: inet_twsk_reschedule)', () => {
  const { last } = play(`${CLOSED_BY_CLIENT}\n+29 < . 2:2(0) ack 2 # TIME_WAIT / CLOSED\n+0 > . 2:2(0) ack 2 # TIME_WAIT / CLOSED`, {
    until: 200,
  });
  expect(story(last).at(-1)).toBe('~90.030 client CLOSED');
});

describe('data that nobody acknowledges', () => {
  // 200 ms doubling up to TCP_RTO_MAX; tcp_retries2: the first timeout later than 924.6 s after the first repeat ends it.
  const repeats = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, ...new Array<number>(7).fill(120)];
  const silent = (n: number): string => `
    +0    > S  0:0(0)
    +.010 < S. 0:0(0) ack 1
    +.010 > .  1:1(0) ack 1
    +.980 > P. 1:101(100) ack 1
    ${repeats
      .slice(0, n)
      .map((seconds) => `+${seconds} > P. 1:101(100) ack 1 # ESTABLISHED / ESTABLISHED`)
      .join('\n')}`;

  test('is sent again for 924.6 s at least (linux tcp_retries2), and then the socket is gone without a word', () => {
    const { mismatches, last } = play(silent(16), { until: 2000 });
    expect(mismatches).toEqual([]);
    expect(story(last).at(-1)).toBe('~1045.600 client CLOSED'); // 1 + 204.6 + 7 × 120
    expect(last.transitions.at(-1)).toMatchObject({ cause: 'gives up: its data is not sent again', assumed: true });
  });

  test('may be acknowledged after the last repeat', () => {
    expect(play(`${silent(16)}\n+1 < . 1:1(0) ack 101`, { until: 2000 }).states.client).toBe('ESTABLISHED');
  });

  test('and what the other end sends later meets a RST', () => {
    const { mismatches } = play(`${silent(16)}
      +500 < P. 1:11(10) ack 101          # CLOSED / ESTABLISHED
      +0   > R  101:101(0)                # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
  });

  test('stops sooner for other reasons: nothing is assumed', () => {
    expect(play(silent(12), { until: 2000 }).states.client).toBe('ESTABLISHED');
  });
});

describe('FIN_WAIT_2', () => {
  test('of an orphan is over after 60 s (tcp_fin_timeout), which is an assumption', () => {
    const { last } = play(HALF_CLOSED, { until: 100 });
    expect(last.transitions.at(-1)).toMatchObject({ time: 61.03e9, frame: null, from: 6, to: 0, assumed: true });
  });

  test('never ends by itself by the numbers of the RFC', () => {
    expect(play(HALF_CLOSED, { until: 10_000, profile: 'rfc' }).states.client).toBe('FIN_WAIT_2');
  });
});

describe('an unacknowledged FIN', () => {
  test('whose retries were not captured: an orphan gives up after 102 s', () => {
    const { last } = play('+0 > P. 1:11(10) ack 1\n+.01 < . 1:1(0) ack 11\n+1 > F. 11:11(0) ack 1', { until: 200 });
    // Without an ACK nobody knows that the server received it; it is taken to have.
    expect(
      story(last)
        .filter((s) => s.includes('client'))
        .at(-1),
    ).toBe('~103.010 client CLOSED');
  });
});

describe('the first SYN, which arms no timer', () => {
  const SEEN_BY_A_ROUTER = `
    +0    > S  0:0(0)               # SYN_SENT / CLOSED
    +.010 < icmp 3/4                # SYN_SENT / CLOSED`;

  test.each([
    ['alone', '+0 > S 0:0(0)'],
    ['after an ICMP error that ends nothing', SEEN_BY_A_ROUTER],
  ])('%s: its sender gave up when the retry was due (linux TCP_TIMEOUT_INIT: 1 s), if that is late by 10 % and 0.3 s', (_, script) => {
    expect(play(script, { until: 1.3 }).states.client).toBe('SYN_SENT');
    const { last, mismatches } = play(script, { until: 1.5 });
    expect(mismatches).toEqual([]);
    expect(story(last)).toEqual(['0.000 client SYN_SENT', '~1.000 client CLOSED']);
  });

  test('and its sender had, when something comes later for it', () => {
    const { mismatches, last } = play(`${SEEN_BY_A_ROUTER}
      +5    < icmp 3/4                # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(story(last)).toEqual(['0.000 client SYN_SENT', '~1.000 client CLOSED']);
  });

  test('nobody has to wait for the end to be told', () => {
    const { tracker } = play('+0 > S 0:0(0)');
    tracker.advance(10e9);
    expect(stateName(new Views(tracker.tables, new Decoder().encapsulations).connection(0).client.state)).toBe('CLOSED');
  });
});

describe('the end of observation', () => {
  test('is the last record when nothing else is known: no transition lies behind it', () => {
    const { last } = play(CLOSED_BY_CLIENT);
    expect(Math.max(...last.transitions.map((t) => t.time))).toBe(last.end);
  });

  test('is later when the capture is known to have run on', () => {
    const { last } = play(CLOSED_BY_CLIENT, { until: 3600 });
    expect(last.transitions.at(-1)!.time).toBe(61.03e9);
  });

  test('a timer that is due at that very moment has fired', () => {
    expect(play(CLOSED_BY_CLIENT, { until: 61.03 }).states.client).toBe('CLOSED');
  });
});

test('a timer fires at its own time, though the next segment of anybody comes much later', () => {
  const first = scriptFrames(CLOSED_BY_CLIENT);
  const second = scriptFrames('+500 > S 0:0(0)', { clientPort: 40001 });
  const { connections } = playFrames([...first, ...second]);
  expect(story(connections[0]!).at(-1)).toBe('~61.030 client CLOSED');
});

test('many timers at once keep their order', () => {
  const frames = Array.from({ length: 3000 }, (_, i) =>
    scriptFrames(CLOSED_BY_CLIENT, { clientPort: 10_000 + i, start: 1_795_163_580 + i }),
  ).flat();
  // Each script tells its times from its own beginning; in one capture they follow each other.
  const { connections } = playFrames(
    frames
      .map((f, i) => ({ ...f, segment: { ...f.segment, at: f.segment.at + Math.floor(i / 6) * 1e8 } }))
      .sort((a, b) => a.segment.at - b.segment.at),
    { until: 1000 },
  );
  expect(connections).toHaveLength(3000);
  connections.forEach((c) => expect(c.transitions.at(-1)!.time - c.start).toBeCloseTo(61.03e9, 0));
});

test('a clock that steps back stops no timer and starts none', () => {
  const frames = scriptFrames(CLOSED_BY_CLIENT);
  const back = frames.map((f, i) => (i >= 3 ? { ...f, segment: { ...f.segment, at: f.segment.at - 30e9 } } : f));
  const { connections } = playFrames(back, { until: 100 });
  expect(connections).toHaveLength(1);
  expect(story(connections[0]!).at(-1)).toBe('~31.030 client CLOSED');
});

describe('many timers', () => {
  /** The profile that nothing is known of is Linux's: TIME_WAIT 60 s (TCP_TIMEWAIT_LEN), the first retry after 1 s. */
  const UNKNOWN = 0;
  const SECOND = 1e9;

  test('that a clock which ran ahead has armed hold nobody back at the end', () => {
    const cores = new RecordPages(CORE_STRIDE, 12);
    const sequels = sequelRecords();
    const timers = new Timers(cores, sequels);
    for (const armed of [1_000, 5]) {
      const id = addWithSequel(cores, sequels);
      timers.now = armed * SECOND;
      timers.arm(TimerKind.TIME_WAIT, UNKNOWN, id * 2, 0);
    }
    const fired: [ref: number, due: number][] = [];
    timers.advance(100 * SECOND, () => expect.unreachable('the oldest is not due'));
    timers.finish(100 * SECOND, (_, ref) => fired.push([ref, timers.due / SECOND]));
    expect(fired).toEqual([[2, 65]]);
  });

  test('fire once each, in the order of their arming, when they are due; also where the room of earlier ones is used again', () => {
    const cores = new RecordPages(CORE_STRIDE, 12);
    const sequels = sequelRecords();
    const timers = new Timers(cores, sequels);
    const fired: string[] = [];
    const expected: string[] = [];
    for (let round = 0; round < 3; round++) {
      const start = round * 100 * SECOND;
      for (let i = 0; i < 10_000; i++) {
        const id = addWithSequel(cores, sequels);
        sequels.page(id)[sequels.offset(id) + Sequel.ARMED] = 7 << 16; // the server's newest arming
        timers.now = start + i;
        timers.arm(i % 3 === 0 ? TimerKind.RETRY : TimerKind.TIME_WAIT, UNKNOWN, id * 2 + 1, i % 10 === 0 ? 6 : 7);
        timers.advance(start + i, () => expect.unreachable('nothing is due'));
      }
      timers.advance(start + 99 * SECOND, (kind, ref) => fired.push(`${String(kind)} ${String(ref)} ${String(timers.due)}`));
      for (const kind of [TimerKind.RETRY, TimerKind.TIME_WAIT])
        for (let i = 0; i < 10_000; i++) {
          if (i % 10 === 0 || (i % 3 === 0) !== (kind === TimerKind.RETRY)) continue; // armed anew since, or another kind
          const due = start + i + (kind === TimerKind.RETRY ? 1 : 60) * SECOND;
          expected.push(`${String(kind)} ${String((round * 10_000 + i) * 2 + 1)} ${String(due)}`);
        }
    }
    const order = (of: readonly string[], kind: TimerKind): string[] => of.filter((line) => line.startsWith(`${String(kind)} `));
    for (const kind of [TimerKind.RETRY, TimerKind.TIME_WAIT]) expect(order(fired, kind)).toEqual(order(expected, kind));
    expect(fired).toHaveLength(expected.length);
    expect(timers.next).toBe(Infinity);
  });

  test('that others of their ends have replaced take no room for long, also where one is armed between them', () => {
    const cores = new RecordPages(CORE_STRIDE, 12);
    const sequels = sequelRecords();
    const budget = new Budget();
    const timers = new Timers(cores, sequels, budget);
    const fired: number[] = [];
    const expected: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      const id = addWithSequel(cores, sequels);
      const isKept = i % 1_000 === 0;
      timers.now = i;
      timers.arm(TimerKind.ORPHAN, UNKNOWN, id * 2, 1);
      timers.arm(TimerKind.FIN_WAIT_2, UNKNOWN, id * 2 + 1, 1);
      // The client's second timer; of most connections there is a second one of the server's too.
      sequels.page(id)[sequels.offset(id) + Sequel.ARMED] = 2 | ((isKept ? 1 : 2) << 16);
      if (isKept) expected.push(id * 2 + 1);
    }
    expect(budget.used).toBeLessThan(100_000); // 20,000 of each kind would take 560,000 octets
    timers.finish(100 * SECOND, (_, ref) => fired.push(ref));
    expect(fired).toEqual(expected);
  });

  test('are void where their connections are no more, and the others fire', () => {
    const cores = new RecordPages(CORE_STRIDE, 12);
    const sequels = sequelRecords();
    const timers = new Timers(cores, sequels);
    for (let i = 0; i < 100; i++) {
      timers.now = i;
      timers.arm(TimerKind.TIME_WAIT, UNKNOWN, addWithSequel(cores, sequels) * 2, 0);
    }
    // The last one is left, as the first.
    timers.renumber(Int32Array.from({ length: 100 }, (_, id) => (id === 99 ? 0 : -1)));
    cores.truncate(1);
    sequels.live.truncate(1);
    const fired: number[] = [];
    addWithSequel(cores, sequels);
    timers.advance(100 * SECOND, (_, ref) => fired.push(ref));
    expect(fired).toEqual([0]);
  });
});
