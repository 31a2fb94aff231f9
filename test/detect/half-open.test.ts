/** One end believes in a connection that the other has forgotten. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, segments, sentBy } from '../support/traffic.ts';
import { Flag } from '../../src/model/flags.ts';

const RULE = 'half-open';

/** An exchange, `idle` seconds of silence, and a request that a server without a socket answers by RST. */
const forgotten = (at: number, idle = 5): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21
  +${idle} > P. 11:21(10) ack 21
  +.001 < R  21:21(0) win 0`;

describe('real captures', () => {
  test('an IPv6 address in a command is no pattern of the shell', async () => {
    const [finding] = findingsOf(await diagnoseFixture('user_timeout.pcap'), RULE);
    expect(finding!.remedies.map((r) => r.command)).toContain("ss -tno dst '[fdea:557f:1b6:da::17ae]'");
  });

  test('a server that restarted while its clients were idle: four of them write', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('half_open_reboot.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'half-open/172.18.27.134:5672',
      severity: 'critical',
      atFault: '172.18.27.134',
      count: 4,
      metrics: { lostWrites: 4 },
    });
    expect(finding!.causes[0]!.text).toContain('restarted');
    // Whoever wrote was told; the fifth connection, on which the server had spoken last, is still half-open.
    expect(finding!.summary).toContain('4 of the 4 affected carried their last data from the client, and 0 of the 1 other.');
  });

  test('a server that gave up waiting for the third ACK', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('lost_third_ack.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', atFault: 'path', count: 1, metrics: { neverEstablishedAtServer: 1 } });
    expect(finding!.explainedBy).toBe('lost-third-ack/[fd27:c049:7a26:79::1f57]:3306');
  });

  test.each([
    ['broken_pipe.pcap', 'the other end had closed'],
    ['rst_linger0.pcapng', 'live sockets, aborted'],
    ['rst_injection_exact.pcap', 'in the middle of an exchange'],
    ['accept_overflow_rst.pcap', 'straight after the third ACK'],
    ['fin_wait2_orphan_timeout.pcap', 'after a FIN'],
    ['capture_with_gaps.pcap', 'only the capture is incomplete'],
    ['tls_close_rst.pcap.gz', 'a normal TLS close'],
  ])('not in %s: %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('one connection is a warning, three of one host are critical', async () => {
    const of = async (n: number): Promise<unknown> =>
      findingsOf(await diagnoseBytes(captureOf(connections(n, (i) => forgotten(i * 0.3, 3 + i)))), RULE)[0];
    expect(await of(1)).toMatchObject({ severity: 'warning', count: 1, atFault: '10.0.0.2' });
    expect(await of(3)).toMatchObject({ severity: 'critical', count: 3 });
  });

  test('the same silence each time is one idle timeout', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(4, (i) => forgotten(i * 0.3)))), RULE);
    expect(finding!.causes[0]!.text).toContain('balancer');
  });

  test('RFC 9293 figure 9: the client restarted, and its SYN on the old port meets a challenge ACK', async () => {
    const script = `${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21
  +9    > S  5000:5000(0) win 64240 <mss 1460>
  +.001 < .  21:21(0) ack 11
  +.001 > R  11:11(0) win 0`;
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(1, () => script))), RULE);
    expect(finding).toMatchObject({
      id: 'half-open/10.0.0.1@10.0.0.2:80',
      atFault: '10.0.0.1',
      metrics: { metByChallengeAck: 1 },
    });
  });

  test('begun before the capture: the same', async () => {
    const frames = segments(
      connections(3, (i) => forgotten(i)),
      (flags) => (flags & Flag.SYN) === 0,
    );
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)[0]).toMatchObject({ severity: 'critical', count: 3 });
  });

  test.each([
    ['in the middle of an exchange', forgotten(0, 0.2)],
    ['a live socket that aborts', forgotten(0).replace('< R  21:21(0) win 0', '< R. 21:21(0) ack 21 win 100')],
    [
      'after its own FIN',
      forgotten(0).replace('  +5 >', '  +.5 < F. 21:21(0) ack 11\n  +.001 > . 11:11(0) ack 22\n  +5 >').replace('R  21:21', 'R  22:22'),
    ],
    ['not an answer to the last segment', forgotten(0).replace('< R  21:21(0)', '< R  500:500(0)')],
  ])('not %s', async (_, script) => {
    expect(findingsOf(await diagnoseBytes(captureOf(connections(1, () => script))), RULE)).toEqual([]);
  });

  test('one direction alone shows no connection that was forgotten', async () => {
    const report = await diagnoseBytes(
      captureOf(
        sentBy(
          'server',
          connections(3, (i) => forgotten(i)),
        ),
      ),
    );
    expect(findingsOf(report, RULE)).toEqual([]);
    expect(verdictOf(report, RULE).verdict).not.toBe('found');
  });
});
