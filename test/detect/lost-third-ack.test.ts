/** SYN-ACKs that are repeated because the ACK of them got lost. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, flagsOnly, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'lost-third-ack';

/** The SYN-ACK again after 1 s; its answer arrives, and the server greets. */
const rescued = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +1.02 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1
  +.001 < P. 1:12(11) ack 1
  +.001 > .  1:1(0) ack 12`;

describe('real captures', () => {
  // truth: 4 connections; of one the request came 0.3 s after the SYN-ACK, which a kernel that delays its ACK may also do.
  test('one rescued by the repeat, two given up; the fourth came within the time of a delayed ACK', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('lost_third_ack.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'lost-third-ack/[fd27:c049:7a26:79::1f57]:3306',
      severity: 'warning',
      atFault: 'path',
      count: 3,
      metrics: { rescuedByRepeatedSynAck: 1, givenUpByServer: 1, neverHeardAgain: 1 },
    });
  });

  test.each([
    ['accept_overflow.pcap', 'its ACKs are in the capture'],
    ['reconnect_storm.pcap.gz', 'the accept queue is full'],
    ['edge_of_capture.pcap', 'too young'],
    ['syn_flood_no_cookies.pcap.gz', 'nobody sends a third ACK'],
    ['connect_timeout.pcap', 'the client refuses the SYN-ACK'],
    ['timers_run_out.pcap', 'nothing shows that the client got the SYN-ACK'],
    ['healthy_keepalive_http.pcap', 'healthy'],
  ])('not in %s: %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('two of eight handshakes', async () => {
    const lost = connections(
      2,
      (i) => rescued(i),
      (i) => ({ clientPort: 50_000 + i }),
    );
    const [finding] = findingsOf(await diagnoseBytes(captureOf(lost, healthy, lateExchange(5))), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 2, metrics: { rescuedByRepeatedSynAck: 2 } });
    expect(finding!.metrics.longestHalfOpenSeconds).toBeCloseTo(1.021, 6);
  });

  test('data in the place of the ACK, after the SYN-ACK was repeated', async () => {
    const script = `
  +0    > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +1.02 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.5   > P. 1:11(10) ack 1
  +.001 < .  1:1(0) ack 11`;
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(1, () => script),
          lateExchange(5),
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'info', count: 1, metrics: { rescuedByData: 1 } });
  });

  test('one in two hundred is the ordinary loss of a path', async () => {
    const many = connections(
      200,
      (i) => `
  +${(0.02 * i).toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1`,
    );
    const one = connections(
      1,
      () => rescued(1),
      () => ({ clientPort: 50_000 }),
    );
    expect(findingsOf(await diagnoseBytes(captureOf(many, one, lateExchange(6))), RULE)[0]).toMatchObject({ severity: 'info', count: 1 });
  });

  test('a SYN that was repeated as well: the SYN-ACK was lost, not its ACK', async () => {
    const script = `
  +0    > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +1.00 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.02  < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1`;
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            connections(3, () => script),
            lateExchange(5),
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });

  test('a SYN-ACK that the network doubled', async () => {
    const script = rescued(0).replace('+1.02', '+.0005');
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            connections(3, () => script),
            lateExchange(5),
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });

  test('without plain ACKs, or from the server alone, nothing can be said', async () => {
    const lost = connections(3, (i) => rescued(i));
    for (const frames of [flagsOnly(lost), sentBy('server', lost)])
      expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)).toEqual([]);
    const closed = connections(
      3,
      (i) => `${rescued(i)}
  +.001 > R. 1:1(0) ack 12`,
    );
    expect(verdictOf(await diagnoseBytes(captureOf(closed)), RULE).verdict).toBe('found');
  });
});
