/** The ends of connections: who closes, in which order, and what is lost on the way. */
import { describe, expect, test } from 'vitest';
import { facts, marks, play, story } from '../support/play.ts';

const OPEN = `
  +0    > S  0:0(0)               # SYN_SENT / CLOSED
  +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
  +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`;

describe('a regular close', () => {
  test('the server closes first', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > P. 1:101(100) ack 1     # ESTABLISHED / ESTABLISHED
      +.010 < P. 1:501(500) ack 101   # ESTABLISHED / ESTABLISHED
      +0    < F. 501:501(0) ack 101   # CLOSE_WAIT / FIN_WAIT_1
      +0    > .  101:101(0) ack 502   # CLOSE_WAIT / FIN_WAIT_2
      +.5   > F. 101:101(0) ack 502   # LAST_ACK / TIME_WAIT
      +.010 < .  502:502(0) ack 102   # CLOSED / TIME_WAIT`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'ok', closedBy: 'server', quietBeforeClose: 0, client: { closeWait: { frame: 6 } } });
  });

  test('in three segments: the second FIN acknowledges the first', () => {
    const { mismatches } = play(`${OPEN}
      +1    > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < F. 1:1(0) ack 2         # TIME_WAIT / LAST_ACK
      +0    > .  2:2(0) ack 2         # TIME_WAIT / CLOSED`);
    expect(mismatches).toEqual([]);
  });

  test('with data on the FIN', () => {
    const { mismatches, last } = play(`${OPEN}
      +1    > FP. 1:101(100) ack 1    # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 102       # FIN_WAIT_2 / CLOSE_WAIT
      +.010 < FP. 1:11(10) ack 102    # TIME_WAIT / LAST_ACK
      +0    > .  102:102(0) ack 12    # TIME_WAIT / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({
      outcome: 'ok',
      client: { payloadBytes: 100 },
      server: { payloadBytes: 10, payloadAfterPeerFin: 10 },
    });
  });

  test('an ACK that covers the data but not the FIN leaves FIN_WAIT_1', () => {
    const { mismatches } = play(`${OPEN}
      +1    > FP. 1:101(100) ack 1    # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 101       # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 102       # FIN_WAIT_2 / CLOSE_WAIT`);
    expect(mismatches).toEqual([]);
  });

  test('half-close: the answer comes after the FIN, and is acknowledged', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > FP. 1:101(100) ack 1    # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 102       # FIN_WAIT_2 / CLOSE_WAIT
      +1    < P. 1:1001(1000) ack 102 # FIN_WAIT_2 / CLOSE_WAIT
      +0    > .  102:102(0) ack 1001  # FIN_WAIT_2 / CLOSE_WAIT
      +1    < F. 1001:1001(0) ack 102 # TIME_WAIT / LAST_ACK
      +0    > .  102:102(0) ack 1002  # TIME_WAIT / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'ok', closedBy: 'client', server: { payloadAfterPeerFin: 1000 } });
  });
});

describe('segments lost while closing', () => {
  test('a FIN without ACK is dropped (RFC 9293 §3.10.7.4 fifth, linux tcp_rcv_established)', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > F  1:1(0)               # ESTABLISHED / ESTABLISHED
      +.1   > P. 1:101(100) ack 1     # ESTABLISHED / ESTABLISHED
      +.010 < .  1:1(0) ack 101       # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(last.closedBy).toBeNull();
    expect(facts(last)).toMatchObject({ client: { fin: 1, retransmissions: 0 } });
  });

  test("a FIN among octets acknowledged before is nobody's (linux tcp_data_queue: out of window)", () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 101
      +.1   > F. 50:50(0) ack 1       # ESTABLISHED / ESTABLISHED
      +.010 < .  1:1(0) ack 101       # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(last.closedBy).toBeNull();
  });

  test('a FIN beyond the window was forged when its sender goes on before it (RFC 9293 §3.10.7.4 first)', () => {
    const { mismatches, last } = play(`${OPEN}
      +.1   > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 101
      +.1   > F. 900000:900000(0) ack 1
      +.001 < .  1:1(0) ack 101
      +.1   > P. 101:201(100) ack 1
      +.010 < .  1:1(0) ack 201       # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(last.closedBy).toBeNull();
    expect(facts(last)).toMatchObject({ client: { missedBytes: 0, retransmissions: 0 }, outcome: 'open' });
  });

  test('and its own when it is acknowledged: the capture had missed what lay between', () => {
    const { mismatches } = play(`${OPEN}
      +.1   > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 101
      +.1   > F. 900000:900000(0) ack 1   # FIN_WAIT_1 / -
      +.010 < .  1:1(0) ack 900001        # FIN_WAIT_2 / CLOSE_WAIT`);
    expect(mismatches).toEqual([]);
  });

  test('the FIN comes again: its ACK was lost behind us, so FIN_WAIT_2 is taken back', () => {
    const { mismatches, last } = play(`${OPEN}
      +1    < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
      +.010 > .  1:1(0) ack 2         # CLOSE_WAIT / FIN_WAIT_2
      +.3   < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
      +.010 > .  1:1(0) ack 2         # CLOSE_WAIT / FIN_WAIT_2`);
    expect(mismatches).toEqual([]);
    expect(marks(last)).toEqual(['server fin-again']);
    expect(story(last).filter((s) => s.includes('server FIN'))).toEqual(['1.020 server FIN_WAIT_1', '1.340 server FIN_WAIT_2']);
  });

  test('the FIN comes again while its ACK is under way: nothing is taken back', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)
      +0    < S. 0:0(0) ack 1
      +.200 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED, 200 ms from the server to the client and back
      +1    < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
      +.201 < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
      +0    > .  1:1(0) ack 2         # CLOSE_WAIT / FIN_WAIT_2
      +.100 < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_2, the ACK is not there yet`);
    expect(mismatches).toEqual([]);
    expect(marks(last)).toEqual(['server fin-again', 'server fin-again']);
  });

  test('the last ACK never arrives: LAST_ACK, until the orphan gives up', () => {
    const retries = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6];
    const { mismatches, last } = play(
      `${OPEN}
      +1    > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < F. 1:1(0) ack 2         # TIME_WAIT / LAST_ACK
      ${retries.map((s) => `+${s} < F. 1:1(0) ack 2 # TIME_WAIT / LAST_ACK`).join('\n')}`,
      { until: 200 },
    );
    expect(mismatches).toEqual([]);
    const end = last.transitions.filter((t) => t.side === 1).at(-1)!;
    expect(end).toMatchObject({ from: 9, to: 0, frame: null, assumed: true }); // LAST_ACK → CLOSED
    expect((end.time - last.server.finTime!) / 1e9).toBeGreaterThan(102); // tcp_orphan_retries 0 means 8: 102.2 s
    expect((end.time - last.server.finTime!) / 1e9).toBeLessThan(110);
    // Every copy restarts the client's TIME_WAIT (RFC 9293 3.10.7.4 eighth).
    expect(last.transitions.filter((t) => t.side === 0).at(-1)!.time / 1e9).toBeGreaterThan(111);
  });

  test('the FIN overtakes data: no CLOSE_WAIT before the hole is filled', () => {
    const { mismatches, last } = play(`${OPEN}
      +1    < F. 101:101(0) ack 1     # ESTABLISHED / FIN_WAIT_1
      +.001 < P. 1:101(100) ack 1     # - / FIN_WAIT_1
      +.001 > .  1:1(0) ack 102       # CLOSE_WAIT / FIN_WAIT_2`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ server: { missedBytes: 0, outOfOrder: 1 } });
  });

  test('a FIN from an end that the capture lost segments of is received when it is acknowledged', () => {
    const { mismatches } = play(`${OPEN}
      +1    < F. 501:501(0) ack 1     # ESTABLISHED / FIN_WAIT_1
      +.001 > .  1:1(0) ack 1         # ESTABLISHED / FIN_WAIT_1
      +.1   > .  1:1(0) ack 502       # CLOSE_WAIT / FIN_WAIT_2`);
    expect(mismatches).toEqual([]);
  });
});

describe('one end goes on as if nothing had happened', () => {
  test('data to an end that has closed for good meets a RST', () => {
    const { mismatches, last } = play(`${OPEN}
      +1    < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
      +.010 > .  1:1(0) ack 2         # CLOSE_WAIT / FIN_WAIT_2
      +4    > P. 1:11(10) ack 2       # CLOSE_WAIT / FIN_WAIT_2
      +.010 < R  2:2(0)               # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(last.marks[0]!.rst).toMatchObject({ accepted: true, answersLastSegment: true, hasAck: false, afterOwnFin: true });
  });

  test('after 60 s of FIN_WAIT_2 the orphan is gone, and later data meets a RST', () => {
    const { mismatches, last } = play(`${OPEN}
      +1    < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
      +.010 > .  1:1(0) ack 2         # CLOSE_WAIT / FIN_WAIT_2
      +70   > P. 1:11(10) ack 2       # CLOSE_WAIT / -
      +.010 < R  2:2(0)               # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(story(last).slice(4)).toEqual([
      '1.020 server FIN_WAIT_1',
      '1.020 client CLOSE_WAIT',
      '1.030 server FIN_WAIT_2',
      '~61.030 server CLOSED',
      '71.040 client CLOSED',
    ]);
    expect(marks(last)).toEqual(['client data-after-close', 'server rst']);
  });

  test('an end that still reads after its FIN is no orphan', () => {
    const { mismatches, states } = play(
      `${OPEN}
      +1    > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 2         # FIN_WAIT_2 / CLOSE_WAIT
      +1    < P. 1:11(10) ack 2       # FIN_WAIT_2 / CLOSE_WAIT
      +0    > .  2:2(0) ack 11        # FIN_WAIT_2 / CLOSE_WAIT`,
      { until: 300 },
    );
    expect(mismatches).toEqual([]);
    expect(states).toEqual({ client: 'FIN_WAIT_2', server: 'CLOSE_WAIT' });
  });

  test('an answer to data after 60 s of FIN_WAIT_2 proves that the socket was there all the time', () => {
    const { mismatches, last } = play(`${OPEN}
      +1    > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 2         # FIN_WAIT_2 / CLOSE_WAIT
      +90   < P. 1:11(10) ack 2       # - / CLOSE_WAIT
      +0    > .  2:2(0) ack 11        # FIN_WAIT_2 / CLOSE_WAIT`);
    expect(mismatches).toEqual([]);
    expect(story(last).filter((s) => s.startsWith('~'))).toEqual([]);
  });

  test('a FIN after 60 s of FIN_WAIT_2 that is acknowledged found a socket', () => {
    const { mismatches, last } = play(`${OPEN}
      +1    > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 2         # FIN_WAIT_2 / CLOSE_WAIT
      +90   < F. 1:1(0) ack 2         # - / LAST_ACK
      +0    > .  2:2(0) ack 2         # TIME_WAIT / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(story(last).filter((s) => s.startsWith('~'))).toEqual([]);
  });

  test('CLOSE_WAIT lasts until the end of observation', () => {
    const { last } = play(
      `${OPEN}
      +1    < F. 1:1(0) ack 1
      +.010 > .  1:1(0) ack 2`,
      { until: 3600 },
    );
    expect(facts(last)).toMatchObject({ outcome: 'leaked', client: { state: 7, closeWait: { until: null } }, server: { state: 0 } });
  });

  test('a FIN of a moment ago is no leak', () => {
    const { last } = play(
      `${OPEN}
      +1    < F. 1:1(0) ack 1
      +.010 > .  1:1(0) ack 2`,
      { until: 1.2 },
    );
    expect(last.outcome).toBe('open');
  });
});

test("the ACK of its FIN is lost behind us together with the other end's FIN: both come again", () => {
  // As linux does it: fixtures/loss_behind_capture.pcap, made at the client.
  const { mismatches, last } = play(`${OPEN}
      +.1   < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
      +0    > F. 1:1(0) ack 2         # LAST_ACK / TIME_WAIT, lost
      +.230 > F. 1:1(0) ack 2         # LAST_ACK / TIME_WAIT, arrives
      +.020 < F. 1:1(0) ack 1         # LAST_ACK / FIN_WAIT_1, sent before that
      +0    > .  2:2(0) ack 2         # LAST_ACK / FIN_WAIT_2
      +0    < .  2:2(0) ack 2         # CLOSED / TIME_WAIT`);
  expect(mismatches).toEqual([]);
  expect(story(last).at(-1)).toMatch(/TIME_WAIT$/);
});

test('a socket connected to itself receives its own FIN', () => {
  // As linux does it: fixtures/loopback.pcapng.
  const self = { clientIp: '127.0.0.1', serverIp: '127.0.0.1', clientPort: 25593, serverPort: 25593, clientIsn: 1000, serverIsn: 1000 };
  const { mismatches } = play(
    `
      +0    > S  0:0(0)               # SYN_SENT / -
      +0    > S. 0:0(0) ack 1         # SYN_RCVD / -
      +0    > .  1:1(0) ack 1         # ESTABLISHED / -
      +0    > P. 1:18(17) ack 1       # ESTABLISHED / -
      +0    > .  18:18(0) ack 18      # ESTABLISHED / -
      +.5   > F. 18:18(0) ack 18      # CLOSING / -
      +0    > .  19:19(0) ack 19      # TIME_WAIT / -`,
    self,
  );
  expect(mismatches).toEqual([]);
});
