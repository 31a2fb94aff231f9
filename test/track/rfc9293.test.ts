/**
 * The figures of RFC 9293 §3.5 and §3.6, as a capture shows them. The states are the RFC's; where an observer cannot know
 * one yet, the comment beside it says so and the story asserts what is told in the end.
 */
import { describe, expect, test } from 'vitest';
import { facts, play, story } from '../support/play.ts';

const ESTABLISHED = `
  +0    > S  0:0(0)               # SYN_SENT / CLOSED
  +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
  +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`;

describe('RFC 9293', () => {
  test('figure 6: basic three-way handshake', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +0    > .  1:11(10) ack 1       # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ established: true, basis: 'handshake', rolesFrom: 'handshake', connectSeconds: 0.02 });
  });

  test('figure 7: simultaneous open', () => {
    const { mismatches, connections } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.001 < S  0:0(0)               # SYN_SENT / SYN_SENT
      +.010 > S. 0:0(0) ack 1         # SYN_RCVD / -
      +.001 < S. 0:0(0) ack 1         # ESTABLISHED / ESTABLISHED, its own SYN is acknowledged since the line before`);
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(1);
  });

  test('figure 8, captured at A: the answer to an old duplicate SYN is reset, and the SYN goes on', () => {
    const { mismatches, connections } = play(
      `
      +0    > S  10:10(0)             # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # SYN_SENT / SYN_RCVD, acknowledges the duplicate
      +0    > R  1:1(0)               # SYN_SENT / CLOSED
      +.020 < S. 100:100(0) ack 11    # ESTABLISHED / SYN_RCVD
      +0    > .  11:11(0) ack 101     # ESTABLISHED / ESTABLISHED`,
      { clientIsn: 90, serverIsn: 300 },
    );
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(1);
  });

  test('figure 8, captured at B: the duplicate is a connection of its own, and the real one follows', () => {
    const { mismatches, connections } = play(
      `
      +0    > S  0:0(0)               # SYN_SENT / CLOSED, the old duplicate
      +0    < S. 0:0(0) ack 1         # - / SYN_RCVD, nobody can tell yet that A did not ask
      +.020 > R  1:1(0)               # CLOSED / CLOSED
      +0    > S  10:10(0)             # SYN_SENT / CLOSED
      +0    < S. 100:100(0) ack 11    # ESTABLISHED / SYN_RCVD
      +.020 > .  11:11(0) ack 101     # ESTABLISHED / ESTABLISHED`,
      { clientIsn: 90, serverIsn: 300 },
    );
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(2);
    // The bare RST proves that A never became ESTABLISHED.
    expect(story(connections[0]!)).toEqual([
      '0.000 client SYN_SENT',
      '0.000 server SYN_RCVD',
      '0.020 client CLOSED',
      '0.020 server CLOSED',
    ]);
    expect(facts(connections[0]!)).toMatchObject({ established: false, outcome: 'abandoned' });
  });

  test('figure 9: half-open connection discovery', () => {
    const { mismatches, connections } = play(
      `
      ${ESTABLISHED}
      +10   > S  300:300(0)           # - / ESTABLISHED, after a reboot
      +.010 < .  1:1(0) ack 1         # - / ESTABLISHED
      +.010 > R  1:1(0)               # - / CLOSED
      +1    > S  300:300(0)           # SYN_SENT / CLOSED
      +.010 < S. 9000:9000(0) ack 301 # ESTABLISHED / SYN_RCVD
      +.010 > .  301:301(0) ack 9001  # ESTABLISHED / ESTABLISHED`,
      { clientIsn: 99, serverIsn: 299 },
    );
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(2);
    // The SYN that came first opened the second connection.
    expect(facts(connections[1]!)).toMatchObject({ firstFrame: 4, previous: 0 });
    expect(facts(connections[1]!.client)).toMatchObject({ syn: 2, retransmissions: 1 });
    expect(facts(connections[0]!.client)).toMatchObject({ syn: 1, firstSynFrame: 1 });
    expect(connections[0]!.outcome).toBe('reset');
  });

  test('figure 10: the active side finds the half-open connection', () => {
    const { mismatches, last } = play(`
      ${ESTABLISHED}
      +10   < .  1:11(10) ack 1       # ESTABLISHED / ESTABLISHED, to a host that rebooted
      +.010 > R  1:1(0)               # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(last.outcome).toBe('reset');
  });

  test('figure 11: an old duplicate SYN reaches a listener', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +0    < S. 0:0(0) ack 1         # - / SYN_RCVD
      +.010 > R  1:1(0)               # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ established: false, outcome: 'abandoned', closedBy: 'client' });
  });

  test('figure 12: normal close sequence', () => {
    const { mismatches, last } = play(
      `
      ${ESTABLISHED}
      +1    > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.010 < .  1:1(0) ack 2         # FIN_WAIT_2 / CLOSE_WAIT
      +.010 < F. 1:1(0) ack 2         # TIME_WAIT / LAST_ACK
      +.010 > .  2:2(0) ack 2         # TIME_WAIT / CLOSED`,
      { until: 100 },
    );
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'ok', closedBy: 'client' });
    expect(story(last).at(-1)).toBe('~61.040 client CLOSED'); // 60 s after it entered TIME_WAIT (TCP_TIMEWAIT_LEN)
  });

  test('figure 13: simultaneous close sequence', () => {
    const { mismatches, last } = play(`
      ${ESTABLISHED}
      +1    > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT, as far as one can know
      +.001 < F. 1:1(0) ack 1         # CLOSING / CLOSING
      +.010 > .  2:2(0) ack 2         # CLOSING / TIME_WAIT
      +.001 < .  2:2(0) ack 2         # TIME_WAIT / TIME_WAIT`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'ok', closedBy: 'both' });
    // The server never was in CLOSE_WAIT.
    expect(story(last).slice(4)).toEqual([
      '1.020 client FIN_WAIT_1',
      '1.021 server FIN_WAIT_1',
      '1.021 server CLOSING',
      '1.021 client CLOSING',
      '1.031 server TIME_WAIT',
      '1.032 client TIME_WAIT',
    ]);
  });
});
