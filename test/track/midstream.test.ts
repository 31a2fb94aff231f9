/** Captures that begin late, see one side, or miss segments. */
import { describe, expect, test } from 'vitest';
import { facts, play, story } from '../support/play.ts';

describe('the capture began later', () => {
  test('with data: both ends are taken for ESTABLISHED', () => {
    const { mismatches, last } = play(`
      +0    > P. 501:601(100) ack 201 # ESTABLISHED / ESTABLISHED
      +.010 < .  201:201(0) ack 601   # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ basis: 'midstream', rolesFrom: 'port', established: false, connectSeconds: null, outcome: 'open' });
  });

  test('with data of the server: the well-known port is still the server', () => {
    const { mismatches, last } = play(`
      +0    < P. 501:601(100) ack 201 # ESTABLISHED / ESTABLISHED
      +.010 > .  201:201(0) ack 601   # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect([last.client.port, last.server.port]).toEqual([40000, 80]);
  });

  test('between two high ports: who speaks first is called the client, and the roles say that it is a guess', () => {
    const { last } = play('+0 < P. 501:601(100) ack 201', { clientPort: 40000, serverPort: 50000 });
    expect(facts(last)).toMatchObject({ rolesFrom: 'first-seen', client: { port: 50000 } });
  });

  test('with a FIN', () => {
    const { mismatches, last } = play(`
      +0    < F. 501:501(0) ack 201   # CLOSE_WAIT / FIN_WAIT_1
      +.010 > F. 201:201(0) ack 502   # LAST_ACK / TIME_WAIT
      +.010 < .  502:502(0) ack 202   # CLOSED / TIME_WAIT`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ closedBy: 'server', outcome: 'ok' });
  });

  test('with a RST', () => {
    const { mismatches } = play(`
      +0    < R. 501:501(0) ack 201   # CLOSED / CLOSED
      +.010 > P. 201:301(100) ack 501 # - / CLOSED`);
    expect(mismatches).toEqual([]);
  });

  test('with a SYN-ACK: a handshake, its SYN not captured', () => {
    const { mismatches, last } = play(`
      +0    < S. 0:0(0) ack 1         # - / SYN_RCVD
      +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +.010 > P. 1:101(100) ack 1     # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ rolesFrom: 'handshake', client: { port: 40000 } });
  });

  test('without the SYN-ACK: what the client acknowledges proves it', () => {
    const { mismatches } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 > .  1:1(0) ack 1         # ESTABLISHED / -
      +.010 < P. 1:101(100) ack 1     # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
  });
});

describe('one direction only', () => {
  test('the client alone', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 > .  1:1(0) ack 1         # ESTABLISHED / -
      +.010 > P. 1:101(100) ack 1     # ESTABLISHED / -
      +.010 > F. 101:101(0) ack 501   # FIN_WAIT_1 / -`);
    expect(mismatches).toEqual([]);
    expect(last.basis).toBe('one-sided');
  });

  test('the server alone', () => {
    const { mismatches, last } = play(`
      +0    < S. 0:0(0) ack 1         # - / SYN_RCVD
      +.020 < .  1:1(0) ack 101       # - / ESTABLISHED
      +.010 < P. 1:501(500) ack 101   # - / ESTABLISHED
      +.010 < F. 501:501(0) ack 101   # - / FIN_WAIT_1
      +.010 < .  502:502(0) ack 102   # - / FIN_WAIT_1, an ACK of one octet more may be of data as well`);
    expect(mismatches).toEqual([]);
    expect(last.basis).toBe('one-sided');
    expect(facts(last)).toMatchObject({ client: { packets: 0 } });
  });

  test('the server alone, and it speaks first', () => {
    const { mismatches } = play(`
      +0    < S. 0:0(0) ack 1         # - / SYN_RCVD
      +.020 < P. 1:51(50) ack 1       # - / ESTABLISHED`);
    expect(mismatches).toEqual([]);
  });

  test('a SYN alone is a handshake that failed', () => {
    expect(play('+0 > S 0:0(0)').last.basis).toBe('handshake');
  });
});

describe('sequence space', () => {
  test('numbers wrap past 2^32 and nothing is lost or repeated', () => {
    const { last } = play(
      `
      +0    > S  0:0(0)
      +.010 < S. 0:0(0) ack 1
      +0    > .  1:1(0) ack 1
      +0    > P. 1:1461(1460) ack 1
      +0    > P. 1461:2921(1460) ack 1
      +.010 < .  1:1(0) ack 2921
      +0    < P. 1:1001(1000) ack 2921
      +.010 > .  2921:2921(0) ack 1001`,
      { clientIsn: 0xffff_ff00, serverIsn: 0xffff_fffe },
    );
    const quiet = { retransmissions: 0, outOfOrder: 0, missedBytes: 0 };
    expect(facts(last)).toMatchObject({ client: { ...quiet, payloadBytes: 2920 }, server: { ...quiet, payloadBytes: 1000 } });
  });

  test('an ISN of 2^31 is no border', () => {
    const { mismatches } = play(
      `
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +0    > P. 1:11(10) ack 1       # ESTABLISHED / ESTABLISHED
      +0    > F. 11:11(0) ack 1       # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < F. 1:1(0) ack 12        # TIME_WAIT / LAST_ACK
      +0    > .  12:12(0) ack 2       # TIME_WAIT / CLOSED`,
      { clientIsn: 0x7fff_fffc, serverIsn: 0x7fff_ffff },
    );
    expect(mismatches).toEqual([]);
  });

  test('a segment sent twice, one overtaken, and one that the capture missed are told apart', () => {
    const { last } = play(`
      +0    > S  0:0(0)
      +.010 < S. 0:0(0) ack 1
      +0    > P. 1:101(100) ack 1
      +.2   > P. 1:101(100) ack 1       # again
      +.1   > P. 201:301(100) ack 1     # overtakes
      +0    > P. 101:201(100) ack 1     # overtaken
      +.1   > P. 401:501(100) ack 1     # 301:401 was never captured
      +.010 < .  1:1(0) ack 501`);
    expect(facts(last)).toMatchObject({ client: { retransmissions: 1, outOfOrder: 1, missedBytes: 100, payloadBytes: 500 } });
  });

  test('octets that the other end acknowledges and nobody saw were missed by the capture', () => {
    const { last } = play(`
      +0    > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 1101
      +1    > P. 1101:1111(10) ack 1`);
    expect(last.client.missedBytes).toBe(1000);
  });

  test('and more of them than an int32 counts is never less than none', () => {
    const gigabytes = [1, 2, 3, 4, 5].map((n) => n * 1_000_000_000);
    const { last } = play(
      `+0 > P. 1:101(100) ack 1\n${gigabytes.map((n) => `+1 < . 1:1(0) ack ${n}\n+0 > P. ${n}:${n + 1}(1) ack 1`).join('\n')}`,
    );
    expect(last.client.missedBytes).toBe(2 ** 31 - 1);
  });

  test.each([
    ['nothing more comes of their sender', ''],
    ['their sender goes on before them: the ACK passed here first', '+.001 > P. 101:1101(1000) ack 1'],
    ['their sender sends a challenge ACK: the ACK was forged', '+.001 > . 101:101(0) ack 1'],
    ['their sender has no such connection', '+.001 > R 1101:1101(0)'],
  ])('they were not missed when %s', (_case, next) => {
    const { last } = play(`
      +0    > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 1101
      ${next}`);
    expect(last.client).toMatchObject({ missedBytes: 0, retransmissions: 0, outOfOrder: 0 });
  });

  test('nor when a segment beyond the window was not of their sender, who goes on before it', () => {
    const { last } = play(`
      +0    > S  0:0(0)
      +.010 < S. 0:0(0) ack 1 win 1000
      +0    > .  1:1(0) ack 1
      +0    > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 101 win 1000
      +.1   > P. 900000:900100(100) ack 1   # forged
      +.001 < .  1:1(0) ack 101 win 1000
      +.1   > P. 101:201(100) ack 1
      +0    > P. 201:301(100) ack 1
      +.010 < .  1:1(0) ack 301 win 1000`);
    expect(last.client).toMatchObject({ missedBytes: 0, retransmissions: 0, outOfOrder: 0 });
  });

  test('a keep-alive is no retransmission', () => {
    const { last } = play(`
      +0    > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 101
      +60   > .  100:100(0) ack 1
      +.010 < .  1:1(0) ack 101
      +60   > .  100:101(1) ack 1       # with an octet of garbage, as old stacks do (RFC 9293 3.8.4)
      +.010 < .  1:1(0) ack 101`);
    expect(last.client.retransmissions).toBe(0);
  });
});

describe('time', () => {
  test('that goes backwards is told as it was captured, and nothing breaks', () => {
    const { last, mismatches } = play(`
      +10   > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(story(last)).toHaveLength(4);
  });
});
