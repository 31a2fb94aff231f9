/** RST: which end dies of it (RFC 9293 §3.10.7, RFC 5961 §3.2), what it says of its sender, and how forged ones show. */
import { describe, expect, test } from 'vitest';
import { facts, marks, play, story } from '../support/play.ts';

const OPEN = `
  +0    > S  0:0(0)               # SYN_SENT / CLOSED
  +.010 < S. 0:0(0) ack 1 win 1000 # ESTABLISHED / SYN_RCVD
  +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
  +.010 > P. 1:101(100) ack 1     # ESTABLISHED / ESTABLISHED
  +.010 < .  1:1(0) ack 101 win 1000 # ESTABLISHED / ESTABLISHED`;

describe('a RST inside a connection', () => {
  test('with exactly the next sequence number ends both ends', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > R. 101:101(0) ack 1     # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(last.marks[0]!.rst).toMatchObject({ accepted: true, seqExact: true, seqInWindow: false, hasAck: true, afterOwnFin: false });
    expect(facts(last)).toMatchObject({ outcome: 'reset', closedBy: 'client', connState: 'RSTO' });
  });

  test('elsewhere in the window is challenged, and the connection survives', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > R  501:501(0)           # - / ESTABLISHED, forged
      +.001 < .  1:1(0) ack 101       # - / ESTABLISHED, challenge ACK
      +.1   > P. 101:201(100) ack 1   # ESTABLISHED / ESTABLISHED, the client had nothing to do with it
      +.010 < .  1:1(0) ack 201       # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(last.marks[0]!.rst).toMatchObject({ accepted: false, seqExact: false, seqInWindow: true });
    expect(marks(last)).toEqual(['client rst', 'server challenge-ack', 'client sent-after-rst']);
    expect(story(last)).toHaveLength(4);
    expect(facts(last)).toMatchObject({ outcome: 'open', client: { missedBytes: 0, retransmissions: 0 } });
  });

  test('outside the window is dropped in silence', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > R  50000:50000(0)       # - / ESTABLISHED
      +.1   > P. 101:201(100) ack 1   # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(last.marks[0]!.rst).toMatchObject({ accepted: false, seqExact: false, seqInWindow: false });
  });

  test('several forged ones in a row are each held against what the client really sent', () => {
    const { last } = play(`${OPEN}
      +.1   > R  301:301(0)
      +.1   > R  601:601(0)
      +.1   > R  901:901(0)
      +.1   > P. 101:201(100) ack 1   # ESTABLISHED / ESTABLISHED`);
    expect(last.marks.flatMap((m) => (m.rst ? [[m.rst.seqExact, m.rst.seqInWindow, m.rst.accepted]] : []))).toEqual([
      [false, true, false],
      [false, true, false],
      [false, true, false],
    ]);
  });

  test('a forged SYN behind forged RSTs does not open a connection', () => {
    const { mismatches, connections } = play(`${OPEN}
      +.1   > R  501:501(0)           # - / ESTABLISHED
      +.1   > S  400:400(0)           # - / ESTABLISHED
      +.001 < .  1:1(0) ack 101       # - / ESTABLISHED
      +.1   > P. 101:201(100) ack 1   # ESTABLISHED / ESTABLISHED
      +.1   > F. 201:201(0) ack 1     # FIN_WAIT_1 / CLOSE_WAIT
      +.001 < F. 1:1(0) ack 202       # TIME_WAIT / LAST_ACK
      +.001 > .  202:202(0) ack 2     # TIME_WAIT / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(1);
    expect(facts(connections[0]!)).toMatchObject({ client: { missedBytes: 0, retransmissions: 0 } });
  });

  test('an exact one that the other end survived was not accepted after all', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > R  101:101(0)           # CLOSED / CLOSED
      +1    < P. 1:51(50) ack 101     # - / ESTABLISHED, so much later nothing can be under way
      +.010 > .  101:101(0) ack 51    # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'open' });
  });

  // RFC 5961 §3.2: only a RST with exactly RCV.NXT is taken. Who acknowledges more than that afterwards has not died of it.
  test.each([
    ['behind data under way, so it was challenged', 1],
    ['exact, and lost behind us', 1001],
  ])('the other end only acknowledges what came since: the RST was %s', (_name, seq) => {
    const { mismatches, last } = play(`${OPEN}
      +.1   < .  1:1001(1000) ack 101
      +.001 < R  ${seq}:${seq}(0)
      +.010 > .  101:101(0) ack 1001
      +.1   < .  1001:2001(1000) ack 101
      +.010 > .  101:101(0) ack 2001      # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(story(last).filter((line) => line.endsWith('CLOSED'))).toEqual([]);
  });

  test('data that was under way when the RST passed does not bring its sender back', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   < P. 1:51(50) ack 101     # ESTABLISHED / ESTABLISHED
      +0    > R. 101:101(0) ack 1     # CLOSED / CLOSED, closed with unread data
      +.005 < P. 51:101(50) ack 101   # CLOSED / CLOSED
      +0    > R  101:101(0)           # CLOSED / CLOSED, no socket`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'reset' });
  });

  test('the segment that the RST overtook does not bring its sender back', () => {
    const { mismatches } = play(`${OPEN}
      +.1   > R. 301:301(0) ack 1     # CLOSED / -
      +.001 > P. 101:201(100) ack 1   # - / ESTABLISHED`);
    expect(mismatches).toEqual([]);
  });
});

describe('a RST at the end of a connection', () => {
  test('TIME_WAIT ignores a late one with an old number', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > F. 101:101(0) ack 1     # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < F. 1:1(0) ack 102       # TIME_WAIT / LAST_ACK
      +.010 > .  102:102(0) ack 2     # TIME_WAIT / CLOSED
      +.010 < R  1:1(0)               # TIME_WAIT / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'ok' });
    expect(last.marks[0]!.rst).toMatchObject({ accepted: false, afterOwnFin: true, afterPeerFin: true });
  });

  test('a FIN with unread data behind it: FIN, then RST', () => {
    const { mismatches } = play(`${OPEN}
      +.1   < F. 1:1(0) ack 101       # CLOSE_WAIT / FIN_WAIT_1
      +.001 > P. 101:201(100) ack 2   # CLOSE_WAIT / FIN_WAIT_2
      +.001 < R  2:2(0)               # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
  });

  test('a RST that does not acknowledge the FIN crossed it: its sender was never in CLOSE_WAIT', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   < F. 1:1(0) ack 101       # CLOSE_WAIT / FIN_WAIT_1
      +.001 > R. 101:101(0) ack 1     # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(story(last).filter((s) => s.includes('client'))).toEqual([
      '0.000 client SYN_SENT',
      '0.010 client ESTABLISHED',
      '0.141 client CLOSED',
    ]);
  });

  test('a FIN that was under way when the RST passed comes first in the life of its sender', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > F. 101:101(0) ack 1     # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < P. 1:25(24) ack 102     # FIN_WAIT_2 / CLOSE_WAIT
      +0    > R  102:102(0)           # CLOSED / CLOSED, nobody reads any more
      +.001 < F. 25:25(0) ack 102     # CLOSED / CLOSED
      +0    > R  102:102(0)           # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(
      story(last)
        .filter((s) => s.includes('server'))
        .slice(2),
    ).toEqual(['0.140 server CLOSE_WAIT', '0.151 server LAST_ACK', '0.151 server CLOSED']);
  });

  test('a RST in LAST_ACK ends it', () => {
    const { mismatches } = play(`${OPEN}
      +.1   < F. 1:1(0) ack 101       # CLOSE_WAIT / FIN_WAIT_1
      +.001 > F. 101:101(0) ack 2     # LAST_ACK / TIME_WAIT
      +.001 < R  2:2(0)               # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
  });
});

describe('what a RST looks like', () => {
  test('an answer without a socket: no ACK flag, the number that was asked for, window 0', () => {
    const { last } = play(`${OPEN}
      +.1   < R  1:1(0) win 0`);
    expect(last.marks[0]!.rst).toMatchObject({ hasAck: false, windowZero: true, answersLastSegment: true, seqExact: true });
  });

  test('timestamps that were negotiated and are missing', () => {
    const { last } = play(`
      +0    > S  0:0(0) <mss 1460,TS val 1 ecr 0>
      +.010 < S. 0:0(0) ack 1 <mss 1460,TS val 9 ecr 1>
      +.010 > .  1:1(0) ack 1 <nop,nop,TS val 2 ecr 9>
      +.010 > R. 1:1(0) ack 1`);
    expect(last.marks[0]!.rst).toMatchObject({ hasTimestamp: false, lacksNegotiatedTimestamp: true });
  });
});

describe('a RST without a connection', () => {
  test('a RST alone proves nothing', () => {
    const { mismatches, last } = play('+0 > R 1:1(0) # CLOSED / CLOSED');
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ established: false, basis: 'one-sided' });
  });

  test.each(['S', 'F', 'FPU', 'none'])('a probe (%s) that is refused leaves no state', (flags) => {
    const { mismatches, last } = play(`+0 > ${flags} 0:0(0)\n+.001 < R. 0:0(0) ack 1 # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(last.established).toBe(false);
  });
});

test('a blind RST far outside the window leaves a half-open entry alone (linux tcp_check_req)', () => {
  const { mismatches } = play(`
    +0    > S  0:0(0) win 1000           # SYN_SENT / CLOSED
    +.010 < S. 0:0(0) ack 1 win 1000     # ESTABLISHED / SYN_RCVD
    +.010 > R  900000000:900000000(0)    # - / SYN_RCVD, forged
    +.010 > R  1:1(0)                    # - / CLOSED`);
  expect(mismatches).toEqual([]);
});
