/** Handshakes that the application does not take (linux sk_acceptq_is_full). */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, isRst, lateExchange, withTtl } from '../support/traffic.ts';

const RULE = 'accept-queue-overflow';

/** Accepted by the kernel, data acknowledged, never answered. */
const unread = (at: number): string => `${handshake(at)}
  +.001 > P. 1:19(18) ack 1
  +.001 < .  1:1(0) ack 19`;
/** tcp_abort_on_overflow=0: the third ACK is there, and the SYN-ACK comes again. */
const ignored = (at: number): string => `${handshake(at)}
  +1.02 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1
  +2.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>`;
/** tcp_abort_on_overflow=1 */
const reset = (at: number): string => `${handshake(at)}
  +.0001 < R  1:1(0) win 0`;
const dropped = (at: number): string => `
  +${at} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +1.02 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>`;

const group = (count: number, port: number, script: (at: number) => string, from = 0): ReturnType<typeof connections> =>
  connections(
    count,
    (i) => script(from + i * 0.01),
    (i) => ({ clientPort: port + 2 * i }),
  );

describe('real captures', () => {
  test('third ACKs ignored, later SYNs dropped: 9 connections', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('accept_overflow.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'accept-queue-overflow/192.168.92.192:8080',
      severity: 'critical',
      atFault: '192.168.92.192',
      count: 9,
    });
    // backlog 3 admits 4
    expect(finding!.metrics).toMatchObject({ thirdAcksIgnored: 3, synsDroppedConnections: 6, backlogAtMost: 3 });
  });

  test('with tcp_abort_on_overflow=1: 4 resets, 3 SYNs dropped', async () => {
    const [finding] = findingsOf(await diagnoseFixture('accept_overflow_rst.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'critical', atFault: '172.23.163.239', count: 7 });
    expect(finding!.metrics).toMatchObject({ resetAfterThirdAck: 4, synsDroppedConnections: 3, backlogAtMost: 4 });
  });

  test.each([
    'lost_third_ack.pcap',
    'syn_flood_one_source.pcap',
    'syn_flood_no_cookies.pcap.gz',
    'syn_blackhole_linear.pcap',
    'healthcheck_rst.pcap',
    'half_open_reboot.pcap',
    'defer_accept_silent.pcap',
    // A device on the path resets to either end in the name of the other.
    'two_points_reset.client.pcap',
    'two_points_reset.server.pcap',
  ])('not in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('dropped SYNs beside connections with unread data', async () => {
    const report = await diagnoseBytes(captureOf(group(3, 40000, unread), group(4, 42000, dropped, 1), lateExchange(6)));
    const [finding] = findingsOf(report, RULE);
    // Nobody was answered, as when the host goes down meanwhile: not certain, and not said of its kernel.
    expect(finding).toMatchObject({ severity: 'critical', confidence: 'medium', count: 4 });
    expect(finding!.caveats).toHaveLength(1);
    expect(finding!.summary).not.toContain('kernel answers');
    expect(finding!.metrics).toMatchObject({ waitingWithUnreadData: 3 });
    expect(findingsOf(report, 'syn-unanswered')).toEqual([]);
  });

  test('ignored third ACKs without anything that waits: a warning that names the other reading', async () => {
    const report = await diagnoseBytes(
      captureOf(
        connections(2, (i) => ignored(i * 0.1).replaceAll('+.001 <', '+.030 <')),
        lateExchange(6),
      ),
    );
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({ severity: 'warning', confidence: 'medium', count: 2 });
    expect(finding!.caveats[0]!.text).toContain('third ACKs');
  });

  test('resets straight after the third ACK', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(group(3, 40000, reset), lateExchange(4))), RULE)[0]).toMatchObject({
      count: 3,
      atFault: '10.0.0.2',
    });
  });

  test('RSTs straight after the third ACK from nearer than the server are not its own', async () => {
    const near = withTtl(55, group(3, 40000, reset), isRst);
    expect(verdictOf(await diagnoseBytes(captureOf(near, lateExchange(4))), RULE).verdict).toBe('clear');
    // Beside others that are.
    const [finding] = findingsOf(await diagnoseBytes(captureOf(near, group(2, 42000, reset), lateExchange(4))), RULE);
    expect(finding).toMatchObject({ count: 2 });
  });

  test('clients of TCP_DEFER_ACCEPT that say nothing yet', async () => {
    const deferred = (at: number): string => `${handshake(at)}
      +1.02 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
      +.030 > .  1:1(0) ack 1`;
    expect(verdictOf(await diagnoseBytes(captureOf(group(3, 40000, deferred), lateExchange(6))), RULE).verdict).toBe('clear');
    // One whose data is ignored as well is none of them.
    const talks = (at: number): string => `${handshake(at)}
      +.010 > P. 1:19(18) ack 1
      +.300 > P. 1:19(18) ack 1
      +.720 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
      +.030 > P. 1:19(18) ack 1
      +.001 < .  1:1(0) ack 19`;
    const report = await diagnoseBytes(captureOf(group(3, 40000, deferred), group(1, 42000, talks), lateExchange(6)));
    expect(findingsOf(report, RULE)[0]).toMatchObject({ count: 4 });
  });

  test('one ignored third ACK may be a lost one', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(group(1, 40000, ignored), lateExchange(6))), RULE).verdict).toBe('clear');
  });

  test('SYNs dropped while the application answers others are no full queue', async () => {
    const served = group(3, 44000, (at) => `${unread(at)}\n  +.010 < P. 1:21(20) ack 19\n  +.001 > .  19:19(0) ack 21`, 5);
    const report = await diagnoseBytes(captureOf(group(3, 40000, dropped, 1), served, lateExchange(8)));
    expect(findingsOf(report, RULE)).toEqual([]);
  });
});
