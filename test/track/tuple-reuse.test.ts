/** The same addresses and ports once more: when a SYN opens a new connection, and when it does not. */
import { describe, expect, test } from 'vitest';
import { stateName } from '../../src/model/state.ts';
import { facts, marks, play, story } from '../support/play.ts';

const OPEN = `
  +0    > S  0:0(0)               # SYN_SENT / CLOSED
  +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
  +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`;

const CLOSED_BY_SERVER = `${OPEN}
  +.1   < F. 1:1(0) ack 1         # CLOSE_WAIT / FIN_WAIT_1
  +0    > F. 1:1(0) ack 2         # LAST_ACK / TIME_WAIT
  +.010 < .  2:2(0) ack 2         # CLOSED / TIME_WAIT`;

describe('a tuple that is used again', () => {
  test('while the server is in TIME_WAIT, with a higher ISN: accepted at once (RFC 6191)', () => {
    const { mismatches, connections } = play(`${CLOSED_BY_SERVER}
      +1    > S  90000:90000(0)           # SYN_SENT / CLOSED
      +.010 < S. 80000:80000(0) ack 90001 # ESTABLISHED / SYN_RCVD
      +.010 > .  90001:90001(0) ack 80001 # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(connections.map((c) => [c.id, c.previous, c.outcome])).toEqual([
      [0, null, 'ok'],
      [1, 0, 'open'],
    ]);
    // TIME_WAIT ended when its host accepted the new SYN.
    expect(connections[0]!.transitions.at(-1)).toMatchObject({
      side: 1,
      from: 10,
      to: 0,
      frame: 8,
      cause: 'the same addresses and ports are used again',
    });
  });

  test('while the client itself is in TIME_WAIT (tcp_tw_reuse): it ends there', () => {
    const { mismatches, connections } = play(`${OPEN}
      +.1   > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < F. 1:1(0) ack 2         # TIME_WAIT / LAST_ACK
      +0    > .  2:2(0) ack 2         # TIME_WAIT / CLOSED
      +1.5  > S  90000:90000(0)       # SYN_SENT / CLOSED
      +.010 < S. 80000:80000(0) ack 90001 # ESTABLISHED / SYN_RCVD`);
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(2);
    expect(story(connections[0]!).at(-1)).toBe('1.630 client CLOSED');
  });

  test('with a lower ISN, while the server is in TIME_WAIT: ACK, RST, and the SYN again', () => {
    const { mismatches, connections } = play(
      `
      +0    > S  500:500(0)
      +.010 < S. 0:0(0) ack 501
      +.010 > .  501:501(0) ack 1
      +.1   < F. 1:1(0) ack 501
      +0    > F. 501:501(0) ack 2
      +.010 < .  2:2(0) ack 502         # CLOSED / TIME_WAIT
      +1    > S  100:100(0)             # SYN_SENT / CLOSED
      +.010 < .  2:2(0) ack 502         # SYN_SENT / CLOSED, the TIME_WAIT of the old one answers
      +0    > R  502:502(0)             # SYN_SENT / CLOSED
      +.010 > S  100:100(0)             # SYN_SENT / CLOSED
      +.010 < S. 9000:9000(0) ack 101   # ESTABLISHED / SYN_RCVD
      +.010 > .  101:101(0) ack 9001    # ESTABLISHED / ESTABLISHED`,
    );
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(2);
    expect(facts(connections[1]!)).toMatchObject({ client: { syn: 2, missedBytes: 0 }, server: { missedBytes: 0, retransmissions: 0 } });
    // The RST killed the TIME_WAIT, as RFC 1337 warns and Linux does with tcp_rfc1337 = 0.
    expect(connections[0]!.transitions.at(-1)).toMatchObject({ side: 1, from: 10, to: 0, cause: 'receives RST' });
  });

  test('after a refusal, with another ISN: another attempt', () => {
    const { connections } = play(`
      +0    > S  0:0(0)
      +.010 < R. 0:0(0) ack 1
      +1    > S  70000:70000(0)
      +.010 < R. 0:0(0) ack 70001`);
    expect(connections.map((c) => c.outcome)).toEqual(['refused', 'refused']);
  });

  test('while SYN_SENT, with another ISN: another connect()', () => {
    const { mismatches, connections } = play(`
      +0    > S  0:0(0)                   # SYN_SENT / CLOSED
      +5    > S  70000:70000(0)           # SYN_SENT / CLOSED
      +.010 < S. 80000:80000(0) ack 70001 # ESTABLISHED / SYN_RCVD`);
    expect(mismatches).toEqual([]);
    expect(connections.map((c) => stateName(c.client.state))).toEqual(['CLOSED', 'ESTABLISHED']);
  });

  test('with the same ISN after a full life: another connection all the same', () => {
    const { connections } = play(`${CLOSED_BY_SERVER}
      +1    > S  0:0(0)                   # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1             # ESTABLISHED / SYN_RCVD`);
    expect(connections).toHaveLength(2);
  });
});

describe('a SYN while both ends are ESTABLISHED', () => {
  test('is a stray one as long as nobody answers it with a SYN-ACK', () => {
    const { mismatches, connections } = play(`${OPEN}
      +1    > S  5000:5000(0)         # ESTABLISHED / ESTABLISHED
      +.010 < .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED, challenge ACK
      +.010 > P. 1:11(10) ack 1       # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(1);
    expect(marks(connections[0]!)).toEqual(['client stray-syn', 'server challenge-ack']);
    expect(facts(connections[0]!)).toMatchObject({ client: { missedBytes: 0, outOfOrder: 0, retransmissions: 0 } });
  });

  test('opened a new connection when the SYN-ACK answers it, copies included', () => {
    const { mismatches, connections } = play(`${OPEN}
      +9    > S  5000:5000(0)             # ESTABLISHED / ESTABLISHED
      +1    > S  5000:5000(0)             # ESTABLISHED / ESTABLISHED
      +.010 < S. 9000:9000(0) ack 5001    # ESTABLISHED / SYN_RCVD
      +.010 > .  5001:5001(0) ack 9001    # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(2);
    expect(facts(connections[0]!)).toMatchObject({ client: { syn: 1, packets: 2 } });
    expect(facts(connections[1]!)).toMatchObject({ firstFrame: 4, lastFrame: 7, previous: 0, client: { syn: 2, packets: 3 } });
    expect(story(connections[1]!)[0]).toBe('9.020 client SYN_SENT');
    // What the old connection was is over where the new one begins.
    expect(story(connections[0]!).slice(-2)).toEqual(['9.020 client CLOSED', '10.030 server CLOSED']);
  });

  test('inside a half-open entry: the request socket answers by an ACK, and dies of the RST that this meets (linux tcp_check_req)', () => {
    const { mismatches, connections } = play(`
      +0    > S  0:0(0)                   # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1             # ESTABLISHED / SYN_RCVD, lost behind us: the application gives up
      +1    > S  5000:5000(0)             # - / SYN_RCVD
      +.010 < .  1:1(0) ack 1             # - / SYN_RCVD
      +0    > R  1:1(0)                   # CLOSED / CLOSED
      +1    > S  5000:5000(0)             # SYN_SENT / CLOSED
      +.010 < S. 7000:7000(0) ack 5001    # ESTABLISHED / SYN_RCVD`);
    expect(mismatches).toEqual([]);
    expect(connections.map((c) => [c.established, c.outcome])).toEqual([
      [false, 'abandoned'],
      [false, 'half-open'],
    ]);
  });

  test('its octets are not counted twice when it moves to the new connection', () => {
    const { connections } = play(`${OPEN}
      +9    > S  5000:5000(0)
      +.010 < S. 9000:9000(0) ack 5001
      +.010 > .  5001:5001(0) ack 9001`);
    const octets = connections.flatMap((c) => [c.client.ipBytes, c.server.ipBytes]).reduce((a, b) => a + b, 0);
    expect(octets).toBe(6 * 40); // six segments without options: 20 octets of IP, 20 of TCP
  });
});

test('IPv4 and IPv6, and the two directions of a port pair, are connections of their own', () => {
  expect(play(OPEN).connections).toHaveLength(1);
  expect(play(OPEN, { family: 6 }).connections).toHaveLength(1);
});

test('a connection of a host with itself on one port (a LAND packet) is one connection', () => {
  const { connections } = play('+0 > S 0:0(0)\n+0 > S 0:0(0)', {
    clientIp: '10.0.0.1',
    serverIp: '10.0.0.1',
    clientPort: 80,
    serverPort: 80,
  });
  expect(connections).toHaveLength(1);
});

test('a forged SYN in a half-close in use opens nothing: the data goes on in the same connection', () => {
  const { mismatches, connections } = play(`${OPEN}
    +.010 > F. 1:1(0) ack 1             # FIN_WAIT_1 / CLOSE_WAIT
    +.010 < P. 1:101(100) ack 2         # FIN_WAIT_2 / CLOSE_WAIT
    +.010 > .  2:2(0) ack 101           # FIN_WAIT_2 / CLOSE_WAIT
    +.5   > S  70000:70000(0)           # FIN_WAIT_2 / CLOSE_WAIT
    +.001 < .  101:101(0) ack 2         # FIN_WAIT_2 / CLOSE_WAIT, challenge ACK
    +.5   < P. 101:201(100) ack 2       # FIN_WAIT_2 / CLOSE_WAIT
    +.010 < F. 201:201(0) ack 2         # TIME_WAIT / LAST_ACK
    +.010 > .  2:2(0) ack 202           # TIME_WAIT / CLOSED`);
  expect(mismatches).toEqual([]);
  expect(connections).toHaveLength(1);
});
