/** Handshakes: regular, repeated, refused, abandoned, with packets lost before and behind the capture point. */
import { describe, expect, test } from 'vitest';
import { stateName } from '../../src/model/state.ts';
import { Pair } from '../../src/track/layout.ts';
import { facts, marks, play, playFrames, story } from '../support/play.ts';
import { scriptFrames } from '../support/script.ts';

describe('a handshake with a segment repeated', () => {
  // contract: the path without retries is the last SYN to its SYN-ACK and the last SYN-ACK to its ACK.
  test.each([
    ['SYN-ACK', '+.010 < S. 0:0(0) ack 1\n+1 < S. 0:0(0) ack 1\n+.020 > . 1:1(0) ack 1'],
    ['SYN', '+1 > S 0:0(0)\n+.010 < S. 0:0(0) ack 1\n+.020 > . 1:1(0) ack 1'],
    ['SYN, then the SYN-ACK', '+1 > S 0:0(0)\n+.010 < S. 0:0(0) ack 1\n+1 < S. 0:0(0) ack 1\n+.020 > . 1:1(0) ack 1'],
    ['SYN-ACK, then both', '+.010 < S. 0:0(0) ack 1\n+1 > S 0:0(0)\n+.010 < S. 0:0(0) ack 1\n+.020 > . 1:1(0) ack 1'],
  ])('the wait for a %s sent again is no part of the round trip', (_name, rest) => {
    const { last, tracker } = play(`+0 > S 0:0(0)\n${rest}`);
    expect(last.serverSideRtt).toBeCloseTo(0.01, 6);
    expect(last.clientSideRtt).toBeCloseTo(0.02, 6);
    expect(last.handshakeRtt).toBeCloseTo(0.03, 6);
    expect(tracker.tables.pairs.page(0)[Pair.RTT_MICROS]).toBe(30_000);
  });

  test('the SYN is sent again', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +1.02 > S  0:0(0)               # SYN_SENT / CLOSED
      +2.02 > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +0    > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(marks(last)).toEqual(['client syn-again', 'client syn-again']);
    // Round trips count from the SYN that was answered (the last), connecting from the first.
    expect(facts(last)).toMatchObject({ connectSeconds: 3.05, handshakeRtt: 0.01, client: { syn: 3, retransmissions: 2 } });
  });

  test('the SYN-ACK is sent again because it was lost behind us: the client was not ESTABLISHED yet', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.001 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +1    > S  0:0(0)               # SYN_SENT / SYN_RCVD, so the SYN-ACK did not arrive
      +.001 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(story(last)).toEqual(['0.000 client SYN_SENT', '0.001 server SYN_RCVD', '1.002 client ESTABLISHED', '1.012 server ESTABLISHED']);
  });

  test('the third ACK is lost behind us, and the SYN-ACK comes again after a second', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.020 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +0    > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +1    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD, it never got the ACK
      +0    > .  1:1(0) ack 1         # ESTABLISHED / -
      +.5   < P. 1:11(10) ack 1       # ESTABLISHED / ESTABLISHED, its own words prove it`);
    expect(mismatches).toEqual([]);
    expect(marks(last)).toContain('server handshake-ack-ignored');
    expect(story(last).filter((line) => line.includes('server'))).toEqual(['0.020 server SYN_RCVD', '1.520 server ESTABLISHED']);
  });

  test('a SYN-ACK repeated while the third ACK is under way says nothing', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +1    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +0    > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +.5   < S. 0:0(0) ack 1         # ESTABLISHED / ESTABLISHED, sent before the ACK can have arrived
      +.5   < P. 1:11(10) ack 1       # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(marks(last)).toEqual(['server syn-ack-again']);
  });
});

describe('the third ACK', () => {
  test('is lost before us, and data stands in for it', () => {
    const { mismatches } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.200 > P. 1:101(100) ack 1     # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
  });

  test('is lost before us, and a FIN stands in for it', () => {
    const { mismatches } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.200 > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +0    < F. 1:1(0) ack 2         # TIME_WAIT / LAST_ACK
      +0    > .  2:2(0) ack 2         # TIME_WAIT / CLOSED`);
    expect(mismatches).toEqual([]);
  });

  test('is ignored by a full accept queue, again and again, until the server gives up', () => {
    const { mismatches, last } = play(
      `
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +0    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.020 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +1    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.020 > .  1:1(0) ack 1         # ESTABLISHED / SYN_RCVD, fooled once
      +2    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.020 > P. 1:11(10) ack 1       # ESTABLISHED / SYN_RCVD
      +4    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD`,
      { until: 60 },
    );
    expect(mismatches).toEqual([]);
    expect(marks(last).filter((m) => m === 'server handshake-ack-ignored')).toHaveLength(1);
    expect(facts(last)).toMatchObject({ outcome: 'half-open', established: false });
    expect(story(last).at(-1)).toMatch(/^~15\.\d+ server CLOSED$/); // the SYN-ACK 8 s later did not come
  });

  test('is ignored once, and that of the repeated SYN-ACK is taken: TCP_DEFER_ACCEPT', () => {
    // As linux does it: fixtures/defer_accept_silent.pcap.
    const { mismatches, last } = play(
      `
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +0    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.040 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +1    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.040 > .  1:1(0) ack 1         # ESTABLISHED / SYN_RCVD`,
      { until: 10 },
    );
    expect(mismatches).toEqual([]);
    expect(story(last).at(-1)).toBe('~1.080 server ESTABLISHED'); // the SYN-ACK 2 s later did not come
    expect(last.transitions.at(-1)).toMatchObject({ frame: 5, assumed: true, cause: 'its SYN is acknowledged' });
    expect(facts(last)).toMatchObject({ outcome: 'open', established: true });
  });

  test.each([
    ['the client has said more, which nobody acknowledged', '+.040 > P. 1:11(10) ack 1'],
    ['the client closes', '+.040 > F. 1:1(0) ack 1'],
    ['the client was silent', ''],
  ])('is ignored, and so is what follows: %s', (_why, line) => {
    const { last } = play(
      `
      +0    > S  0:0(0)
      +0    < S. 0:0(0) ack 1
      +.040 > .  1:1(0) ack 1
      +1    < S. 0:0(0) ack 1
      ${line}`,
      { until: 10 },
    );
    expect(story(last).at(-1)).toMatch(/server CLOSED$/);
  });

  test('is ignored, and so is the FIN of a client that gives up, until there is room again', () => {
    // As linux does it: fixtures/accept_overflow_closed.pcap.
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +0    < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.030 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +.270 > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.240 > F. 1:1(0) ack 1         # FIN_WAIT_1 / CLOSE_WAIT
      +.480 < S. 0:0(0) ack 1         # FIN_WAIT_1 / SYN_RCVD, it took neither
      +.030 > .  2:2(0) ack 1         # FIN_WAIT_1 / SYN_RCVD
      +.210 > F. 1:1(0) ack 1         # FIN_WAIT_1 / SYN_RCVD
      +1.79 < S. 0:0(0) ack 1         # FIN_WAIT_1 / SYN_RCVD
      +.030 > .  2:2(0) ack 1         # FIN_WAIT_1 / SYN_RCVD
      +1.03 > F. 1:1(0) ack 1         # FIN_WAIT_1 / SYN_RCVD
      +.005 < .  1:1(0) ack 2         # FIN_WAIT_2 / CLOSE_WAIT`);
    expect(mismatches).toEqual([]);
    expect(story(last).filter((line) => line.includes('server'))).toEqual([
      '0.000 server SYN_RCVD',
      '4.115 server ESTABLISHED',
      '4.115 server CLOSE_WAIT',
    ]);
  });

  test('was ignored as often as the kernel ever asks: the entry is gone', () => {
    const copies = [1, 2, 4, 8, 16].map((s) => `+${s} < S. 0:0(0) ack 1\n+.040 > . 1:1(0) ack 1`).join('\n');
    const { last } = play(`+0 > S 0:0(0)\n+0 < S. 0:0(0) ack 1\n+.040 > . 1:1(0) ack 1\n${copies}`, { until: 90 });
    expect(story(last).at(-1)).toMatch(/^~63\.\d+ server CLOSED$/);
  });
});

describe('nobody answers', () => {
  test.each([
    ['linear, as Linux since 6.5 (tcp_syn_linear_timeouts = 4)', [1, 1, 1, 1, 1, 2, 4, 8, 16, 32], 131],
    ['exponential (tcp_syn_retries = 6)', [1, 2, 4, 8, 16, 32], 127],
  ])('%s: the client gives up when the next SYN is missing', (_name, waits, gone) => {
    const again = waits.map((s) => `+${s * 1.015} > S 0:0(0) # SYN_SENT / CLOSED`).join('\n');
    const { mismatches, last } = play(`+0 > S 0:0(0) # SYN_SENT / CLOSED\n${again}`, { until: 200 });
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'unanswered', connState: 'S0', client: { state: 0 } });
    const end = last.transitions.at(-1)!;
    expect(end).toMatchObject({ frame: null, assumed: true, cause: 'gives up: the next SYN is not sent' });
    expect(end.time / 1e9).toBeGreaterThan(gone);
    expect(end.time / 1e9).toBeLessThan(gone * 1.03);
  });

  test('as long as the next SYN may still come, the client waits', () => {
    const { states } = play('+0 > S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)', { until: 6.9 });
    expect(states.client).toBe('SYN_SENT');
  });

  test('an application that gives up after one second is seen by the SYN that does not come', () => {
    const { last } = play('+0 > S 0:0(0)', { until: 10 });
    expect(story(last)).toEqual(['0.000 client SYN_SENT', '~1.000 client CLOSED']);
  });
});

describe('the answer is no', () => {
  test('refused by the host', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < R. 0:0(0) ack 1 win 0   # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'refused', connState: 'REJ', closedBy: 'server' });
    expect(last.marks[0]!.rst).toMatchObject({ refusesSyn: true, accepted: true, hasAck: true, windowZero: true });
  });

  test('refused, and tried again with the same ISN, as Windows does three times', () => {
    const { mismatches, connections } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.001 < R. 0:0(0) ack 1         # CLOSED / CLOSED
      +.500 > S  0:0(0)               # SYN_SENT / CLOSED
      +.001 < R. 0:0(0) ack 1         # CLOSED / CLOSED
      +.500 > S  0:0(0)               # SYN_SENT / CLOSED
      +.001 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD, the service has started
      +0    > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(connections).toHaveLength(1);
    expect(facts(connections[0]!)).toMatchObject({ outcome: 'open', established: true });
  });

  test('a RST without an ACK of the SYN is ignored', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.001 < R  0:0(0)               # SYN_SENT / CLOSED, RFC 9293 3.10.7.3 second
      +.001 < R. 0:0(0) ack 0         # SYN_SENT / CLOSED, acknowledges nothing
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +0    > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(last.marks.flatMap((m) => (m.rst ? [m.rst.accepted] : []))).toEqual([false, false]);
    expect(facts(last)).toMatchObject({ outcome: 'open', client: { state: 4 }, server: { state: 4 } });
  });

  test.each([
    ['host unreachable', '3/1'],
    ['port unreachable', '3/3'],
    ['administratively prohibited', '3/13'],
    ['time to live exceeded, as in a routing loop', '11/0'],
  ])('ICMP: %s ends the attempt', (_name, error) => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < icmp ${error}           # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ outcome: 'refused' });
    expect(marks(last)).toEqual(['client icmp-error']);
  });

  test('ICMP: fragmentation needed ends nothing', () => {
    const { mismatches } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < icmp 3/4                # SYN_SENT / CLOSED`);
    expect(mismatches).toEqual([]);
  });

  test('ICMP: an established connection survives unreachable (RFC 9293 3.9.2.2: a soft error)', () => {
    const { mismatches } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.010 > .  1:1(0) ack 1         # ESTABLISHED / ESTABLISHED
      +.010 < icmp 3/1                # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
  });

  test('ICMP: an error about another SYN ends nothing (linux tcp_v4_err: OutOfWindowIcmps)', () => {
    const [, error] = scriptFrames('+0 > S 0:0(0)\n+1 < icmp 3/1', { clientIsn: 7 });
    const { connections } = playFrames([...scriptFrames('+0 > S 0:0(0)', { clientIsn: 9_000 }), error!], { until: 1 });
    expect(connections.map((c) => stateName(c.client.state))).toEqual(['SYN_SENT']);
  });

  test.each([
    [4, '3/0', 'CLOSED'],
    [4, '3/1', 'CLOSED'],
    [4, '3/3', 'SYN_RCVD'],
    [4, '3/13', 'SYN_RCVD'],
    [4, '11/0', 'CLOSED'],
    [6, '1/0', 'SYN_RCVD'],
    [6, '1/4', 'CLOSED'],
    [6, '3/0', 'SYN_RCVD'],
  ] as const)('IPv%d ICMP %s about a SYN-ACK leaves the server in %s (linux tcp_req_err)', (family, error, state) => {
    const { mismatches } = play(
      `
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1         # ESTABLISHED / SYN_RCVD
      +.010 > icmp ${error}           # - / ${state}`,
      { family },
    );
    expect(mismatches).toEqual([]);
  });

  test('ICMPv6: no route ends the attempt', () => {
    const { mismatches } = play(
      `
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.010 < icmp 1/0                # CLOSED / CLOSED`,
      { family: 6 },
    );
    expect(mismatches).toEqual([]);
  });

  test('the client has gone by the time the SYN-ACK comes', () => {
    const { mismatches, last } = play(`
      +0    > S  0:0(0)               # SYN_SENT / CLOSED
      +.500 < S. 0:0(0) ack 1         # - / SYN_RCVD
      +0    > R  1:1(0)               # CLOSED / CLOSED`);
    expect(mismatches).toEqual([]);
    expect(story(last)).toEqual(['0.000 client SYN_SENT', '0.500 server SYN_RCVD', '0.500 client CLOSED', '0.500 server CLOSED']);
    expect(facts(last)).toMatchObject({ outcome: 'abandoned', established: false });
  });
});

describe('a half-open entry', () => {
  const half = '+0 > S 0:0(0)\n+0 < S. 0:0(0) ack 1';
  const repeated = (waits: readonly number[]): string =>
    `${half}\n${waits.map((s) => `+${s * 1.015} < S. 0:0(0) ack 1 # - / SYN_RCVD`).join('\n')}`;

  test('lasts 63 s when the SYN-ACK is repeated five times (tcp_synack_retries = 5)', () => {
    const { mismatches, last } = play(repeated([1, 2, 4, 8, 16]), { until: 100 });
    expect(mismatches).toEqual([]);
    const end = last.transitions.at(-1)!;
    expect(end).toMatchObject({ side: 1, to: 0, frame: null, assumed: true });
    expect(end.time / 1e9).toBeGreaterThan(63);
    expect(end.time / 1e9).toBeLessThan(66);
  });

  test('is over earlier when the SYN-ACK is no longer repeated', () => {
    const { last } = play(repeated([1, 2]), { until: 100 });
    expect(story(last).at(-1)).toMatch(/^~7\.\d+ server CLOSED$/); // 1 + 2 + 4 s
  });

  test('stands while a repeat may still come', () => {
    expect(play(repeated([1, 2]), { until: 7 }).states.server).toBe('SYN_RCVD');
  });
});

describe('TCP Fast Open', () => {
  test('data in the SYN, answered before the third ACK (RFC 7413 §4.2)', () => {
    const { mismatches, last } = play(`
      +0    > S  0:20(20) <mss 1460,tfo 8>       # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 21 <mss 1460>        # ESTABLISHED / SYN_RCVD
      +0    < P. 1:101(100) ack 21               # ESTABLISHED / SYN_RCVD
      +.010 > .  21:21(0) ack 101                # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({
      client: { fastOpen: true, payloadBytes: 20, retransmissions: 0, missedBytes: 0 },
      server: { payloadBytes: 100 },
    });
  });

  const closing = (fin: string): string => `
      +0    > S  0:20(20) <mss 1460,tfo 8>
      +.040 < S. 0:0(0) ack 21 <mss 1460>
      +0    > .  21:21(0) ack 1
      ${fin} < FP. 1:101(100) ack 21
      +0    > .  21:21(0) ack 102`;
  const ofServer = (script: string): string[] => story(play(script).last).filter((line) => line.includes('server'));

  test('the FIN passes sooner after the third ACK than the server can have it: it closed in SYN_RCVD', () => {
    expect(ofServer(closing('+.020'))).toEqual(['0.040 server SYN_RCVD', '0.060 server FIN_WAIT_1', '0.060 server FIN_WAIT_2']);
    // The third ACK passed all the same, and connect() was done.
    const { connectSeconds, clientSideRtt, serverSideRtt } = play(closing('+.020')).last;
    expect({ connectSeconds, clientSideRtt, serverSideRtt }).toEqual({ connectSeconds: 0.04, clientSideRtt: 0, serverSideRtt: 0.04 });
  });

  test('the FIN comes a round trip after the third ACK', () => {
    expect(ofServer(closing('+.041'))).toEqual([
      '0.040 server SYN_RCVD',
      '0.040 server ESTABLISHED',
      '0.081 server FIN_WAIT_1',
      '0.081 server FIN_WAIT_2',
    ]);
  });

  test('the data of the SYN is not taken, and sent again', () => {
    const { mismatches, last } = play(`
      +0    > S  0:20(20) <mss 1460,tfo 8>       # SYN_SENT / CLOSED
      +.010 < S. 0:0(0) ack 1 <mss 1460>         # ESTABLISHED / SYN_RCVD
      +.010 > P. 1:21(20) ack 1                  # ESTABLISHED / ESTABLISHED`);
    expect(mismatches).toEqual([]);
    expect(facts(last)).toMatchObject({ client: { retransmissions: 1, missedBytes: 0 } });
  });
});
