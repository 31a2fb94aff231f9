/** A host that closes first and has no socket left for the other end's FIN. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'tw-bucket-overflow';

/** The server closes first and acknowledges the client's FIN. */
const closed = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > .  11:11(0) ack 22
  +.001 > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;
const again = (seconds: number): string => `
  +${seconds} > F. 11:11(0) ack 22
  +.001 < R  22:22(0) win 0`;
const run = async (...frames: readonly (readonly ScriptedFrame[])[]): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(...frames, lateExchange(20))), RULE);

test('real: tcp_max_tw_buckets is 2, and 14 FINs meet a RST', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('tw_bucket_overflow.pcap.gz'), RULE);
  expect(more).toEqual([]);
  // nstat: TCPTimeWaitOverflow rose by 16; tshark: 14 RSTs, 4 of them after a FIN sent again.
  expect(finding).toMatchObject({
    id: 'tw-bucket-overflow/10.109.228.9:80',
    severity: 'warning',
    confidence: 'high',
    atFault: '10.109.228.9',
    count: 14,
    metrics: { finsSentAgain: 4, peers: 1 },
  });
});

describe('found', () => {
  test('three FINs sent again, 200 ms after their ACK', async () => {
    expect(await run(connections(3, (i) => closed(i) + again(0.2)))).toMatchObject([{ count: 3, metrics: { finsSentAgain: 3 } }]);
  });

  test('the FIN comes 10 ms after the ACK of the close, and meets a RST', async () => {
    const [finding] = await run(
      connections(
        3,
        (i) => `${handshake(i)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > .  11:11(0) ack 22
  +.01  > F. 11:11(0) ack 22
  +.001 < R  22:22(0) win 0`,
      ),
    );
    expect(finding).toMatchObject({ count: 3, confidence: 'medium', metrics: { finsSentAgain: 0 } });
  });
});

describe('silent', () => {
  test('two are too few', async () => {
    expect(await run(connections(2, (i) => closed(i) + again(0.2)))).toEqual([]);
  });

  test('TIME_WAIT acknowledges the FIN again', async () => {
    expect(await run(connections(5, (i) => `${closed(i)}\n  +.2 > F. 11:11(0) ack 22\n  +.001 < . 22:22(0) ack 12`))).toEqual([]);
  });

  test('the FIN comes again when TIME_WAIT may be over', async () => {
    expect(await run(connections(5, (i) => closed(i) + again(61)))).toEqual([]);
  });

  test('the FIN of the end that closed first comes again to one that has no socket any more', async () => {
    expect(await run(connections(5, (i) => `${closed(i)}\n  +.2 < F. 21:21(0) ack 11\n  +.001 > R 12:12(0) win 0`))).toEqual([]);
  });

  test('data after close() ends FIN_WAIT_2 rightly; the FIN behind it meets a RST as well', async () => {
    expect(
      await run(
        connections(
          5,
          (i) => `${handshake(i)}
  +.001 > P. 1:11(10) ack 1
  +.001 < F. 1:1(0) ack 11
  +.001 > .  11:11(0) ack 2
  +.001 > P. 11:21(10) ack 2
  +.001 < R  2:2(0) win 0
  +.001 > F. 21:21(0) ack 2
  +.001 < R  2:2(0) win 0`,
        ),
      ),
    ).toEqual([]);
  });

  test('an end that resets in place of its last ACK says so with an ACK flag', async () => {
    expect(
      await run(
        connections(
          5,
          (i) => `${handshake(i)}
  +.001 < F. 1:1(0) ack 1
  +.001 > .  1:1(0) ack 2
  +.001 > F. 1:1(0) ack 2
  +.001 < R. 2:2(0) ack 2`,
        ),
      ),
    ).toEqual([]);
  });

  test.each([
    'fin_wait2_orphan_timeout.pcap',
    'last_ack_stuck.pcap',
    'tls_close_rst.pcap.gz',
    'broken_pipe.pcap',
    'time_wait_assassination.pcap',
  ])('%s', async (name) => {
    expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
  });
});

test('begun before the capture: the close is all that counts', async () => {
  const midstream = (i: number): string => `
  +${i} > P. 1:11(10) ack 1
  +.001 < F. 1:1(0) ack 11
  +.001 > .  11:11(0) ack 2
  +.001 > F. 11:11(0) ack 2
  +.001 < .  2:2(0) ack 12
  +.2   > F. 11:11(0) ack 2
  +.001 < R  2:2(0) win 0`;
  expect(await run(connections(3, midstream))).toMatchObject([{ count: 3 }]);
});

test.each([
  ['one direction', sentBy('client', healthy)],
  ['flags alone', flagsOnly(healthy)],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
