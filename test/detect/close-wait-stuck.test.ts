/** Sockets whose application never closes; numbers of the fixtures are the kernel's (ss) and the lab's. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, lateExchange, merged } from '../support/traffic.ts';

const RULE = 'close-wait-stuck';

/** The server answers, then closes when idle; the client acknowledges the FIN and does nothing more. */
const leak = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21
  +5    < F. 21:21(0) ack 11
  +.040 > .  11:11(0) ack 22          # CLOSE_WAIT / FIN_WAIT_2`;

/** The same, and the client closes `after` seconds later. */
const closes = (at: number, after: number): string => `${leak(at)}
  +${after} > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12          # CLOSED / TIME_WAIT`;

const client = (i: number): { clientPort: number } => ({ clientPort: 41000 + 2 * i });

describe('real captures', () => {
  test('a pool that does not notice that its balancer closed: 39 sockets of the client', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('close_wait_leak.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'close-wait-stuck/192.168.58.216@192.168.58.119:3306',
      severity: 'critical',
      subject: { host: '192.168.58.216', role: 'client', peer: '192.168.58.119', port: 3306 },
      atFault: '192.168.58.216',
      count: 39,
      until: null,
    });
    expect(Number(finding!.metrics.longestSeconds)).toBeGreaterThan(16.1);
    expect(finding!.causes[0]!.because).toMatch(/^the peer closed 39 of 39 in one moment/);
    expect(finding!.summary).toContain('39 of the 39 affected were closed first by the server, and 0 of the 10 others');
  });

  test('a server that leaks 24 of its connections while it closes others at once', async () => {
    const [finding] = findingsOf(await diagnoseFixture('close_wait_leak_server.pcap'), RULE);
    expect(finding).toMatchObject({
      severity: 'critical',
      count: 24,
      atFault: 'fd45:aab5:5f1:67::2b3f',
      subject: { role: 'server', port: 8081 },
    });
    expect(finding!.metrics).toMatchObject({ otherConnections: 11, unansweredRequests: 24 });
  });

  test('a kill ends 18 of them in one instant, 9 by FIN and 9 by RST', async () => {
    const [finding] = findingsOf(await diagnoseFixture('close_wait_then_killed.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 18, atFault: '10.230.244.144' });
    // truth: SIGKILL at 1795165874.47
    expect(finding!.until).toMatch(/^2026-11-20T09:11:14\.47/);
    expect(finding!.summary).toContain('9 by FIN, 9 by RST');
  });

  test('two sockets for 200 s are enough without a group', async () => {
    const [finding] = findingsOf(await diagnoseFixture('timers_run_out.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 2, atFault: '192.168.192.10' });
  });

  test('a capture that ends with the FINs proves nothing, until it is told how long it ran', async () => {
    const silent = await diagnoseFixture('close_wait_leak_silent.pcap');
    expect(findingsOf(silent, RULE)).toEqual([]);
    expect(verdictOf(silent, RULE)).toMatchObject({
      verdict: 'inconclusive',
      because: expect.stringContaining('--captured-until') as string,
    });

    const told = await diagnoseFixture('close_wait_leak_silent.pcap', {
      capturedUntil: { kind: 'absolute', seconds: 1795170156, nanos: 543_000_000 },
    });
    expect(findingsOf(told, RULE)).toMatchObject([
      { severity: 'critical', count: 40, atFault: '192.168.182.220', subject: { peer: '192.168.182.221' } },
    ]);
  });

  test.each([
    'close_wait_halfclose_active.pcap',
    'edge_of_capture.pcap',
    'half_close.pcap',
    'last_ack_stuck.pcap',
    'broken_pipe.pcap',
    'capture_with_gaps.pcap',
    'one_direction_capture.pcap',
  ])('%s: nothing is stuck', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('one socket', () => {
  test('is stuck after 60 s', async () => {
    const report = await diagnoseBytes(captureOf(scriptFrames(leak(0)), lateExchange(66)));
    expect(findingsOf(report, RULE)).toMatchObject([
      {
        severity: 'warning',
        count: 1,
        title: '1 connection stuck in CLOSE_WAIT on 10.0.0.1',
        evidence: [{ frame: 4 }, { frame: 7 }, { frame: 8 }],
      },
    ]);
  });

  test('is not yet after 59 s', async () => {
    const report = await diagnoseBytes(captureOf(scriptFrames(leak(0)), lateExchange(64)));
    expect(verdictOf(report, RULE).verdict).toBe('inconclusive');
  });

  test('may have its own limit', async () => {
    const report = await diagnoseBytes(captureOf(scriptFrames(leak(0)), lateExchange(64)), { set: { 'close-wait-stuck.minSeconds': 30 } });
    expect(findingsOf(report, RULE)).toHaveLength(1);
  });

  test('that sends data after the FIN is a half-close in use', async () => {
    const answers = `${leak(0)}
      +1    > P. 11:31(20) ack 22
      +.001 < .  22:22(0) ack 31`;
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(answers), lateExchange(90))), RULE).verdict).toBe('clear');
  });

  test('whose data crossed the FIN is stuck all the same', async () => {
    const crossing = `${handshake(0)}
      +.001 < F. 1:1(0) ack 1
      +.0005 > P. 1:11(10) ack 1
      +.001 > .  11:11(0) ack 2
      +.001 < .  2:2(0) ack 11`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(crossing), lateExchange(90))), RULE)).toHaveLength(1);
  });

  test('that began before the capture counts, and says so', async () => {
    const midstream = `
      +0    > P. 1:11(10) ack 1
      +.001 < P. 1:21(20) ack 11
      +5    < F. 21:21(0) ack 11
      +.040 > .  11:11(0) ack 22`;
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(midstream), lateExchange(90))), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 1 });
    expect(finding!.caveats.map((c) => c.code)).toContain('mid-stream');
  });

  test('whose FIN the capture lost is not blamed', async () => {
    // The ACK of 12 covers a FIN at 11 that is not in the capture.
    const lost = `${leak(0)}
      +.010 < .  22:22(0) ack 12`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(lost), lateExchange(90))), RULE)).toEqual([]);
  });

  test('that the peer resets has ended', async () => {
    const reset = `${leak(0)}
      +70   < R. 22:22(0) ack 11`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(reset), lateExchange(90))), RULE)).toEqual([]);
  });
});

describe('a group', () => {
  test('of five is stuck after 20 times the time of its neighbours', async () => {
    const neighbours = connections(6, (i) => closes(i * 0.1, 0.05));
    const stuck = connections(5, (i) => leak(i * 0.01), client);
    // 20 x 0.09 s is 1.8 s
    expect(findingsOf(await diagnoseBytes(captureOf(neighbours, stuck, lateExchange(8))), RULE)).toMatchObject([
      { severity: 'warning', count: 5 },
    ]);
    const slow = connections(6, (i) => closes(i * 0.1, 0.4));
    expect(verdictOf(await diagnoseBytes(captureOf(slow, stuck, lateExchange(8))), RULE).verdict).toBe('inconclusive');
  });

  test('is critical after 10 s', async () => {
    const stuck = connections(5, (i) => leak(i * 0.01));
    expect(findingsOf(await diagnoseBytes(captureOf(stuck, lateExchange(16))), RULE)).toMatchObject([{ severity: 'critical', count: 5 }]);
  });

  test('of four is no group', async () => {
    const stuck = connections(4, (i) => leak(i * 0.01));
    expect(findingsOf(await diagnoseBytes(captureOf(stuck, lateExchange(16))), RULE)).toEqual([]);
  });

  test('that grows is told with its rate and the time until the descriptors run out', async () => {
    const stuck = connections(6, (i) => leak(i * 20));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(stuck, lateExchange(130))), RULE);
    expect(finding).toMatchObject({ severity: 'critical', count: 6 });
    // Five more in 100 s after the first; (1,024 - 6) / 3 per minute
    expect(finding!.metrics).toMatchObject({ growthPerMinute: 3, secondsToDescriptorLimit: 20_360 });
  });

  test('is one finding per host and service', async () => {
    const one = connections(5, (i) => leak(i * 0.01));
    const other = connections(
      5,
      (i) => leak(i * 0.01),
      (i) => ({ ...client(i), clientIp: '10.0.0.7', serverPort: 3306 }),
    );
    const ids = findingsOf(await diagnoseBytes(captureOf(one, other, lateExchange(20))), RULE).map((f) => f.id);
    expect(ids.sort()).toEqual(['close-wait-stuck/10.0.0.1@10.0.0.2:80', 'close-wait-stuck/10.0.0.7@10.0.0.2:3306']);
  });

  test('of requests that were never answered waits for 10 s where no neighbour was closed', async () => {
    const asks = (at: number): string => `${handshake(at)}
      +.001 > P. 1:11(10) ack 1
      +.001 < .  1:1(0) ack 11
      +2    > F. 11:11(0) ack 1
      +.040 < .  1:1(0) ack 12          # FIN_WAIT_2 / CLOSE_WAIT`;
    const stuck = connections(6, (i) => asks(i * 0.01));
    expect(verdictOf(await diagnoseBytes(captureOf(stuck, lateExchange(8))), RULE).verdict).toBe('inconclusive');
    const [finding] = findingsOf(await diagnoseBytes(captureOf(stuck, lateExchange(14))), RULE);
    expect(finding).toMatchObject({ id: 'close-wait-stuck/10.0.0.2:80', severity: 'critical', count: 6 });
    expect(finding!.causes[0]!.because).toContain('6 of 6 had sent a request that was never answered');
  });
});

describe('the end of many at once', () => {
  /** All leave CLOSE_WAIT at second 15. */
  const ends = (i: number, flags: string): string => `${leak(i * 0.5)}
      +${(15 - i * 0.5 - 5.044).toFixed(4)} > ${flags} 11:11(0) ack 22`;

  test('by FIN alone is a pool that sweeps out stale connections: silent', async () => {
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            connections(6, (i) => ends(i, 'F.')),
            lateExchange(20),
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });

  test('with resets for unread data is the end of the process', async () => {
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(6, (i) => ends(i, i % 2 === 0 ? 'F.' : 'R.')),
          lateExchange(20),
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({
      severity: 'warning',
      count: 6,
      since: expect.stringMatching(/08:33:05/) as string,
      until: expect.stringMatching(/08:33:15/) as string,
    });
  });
});

describe('captures that cannot tell', () => {
  const stuck = merged(
    connections(5, (i) => leak(i * 0.01)),
    lateExchange(90),
  );

  test('SYN, FIN and RST alone', async () => {
    const report = await diagnoseBytes(captureOf(flagsOnly(stuck)));
    expect(findingsOf(report, RULE)).toEqual([]);
    expect(verdictOf(report, RULE)).toMatchObject({ verdict: 'inconclusive' });
  });

  test('nothing of TCP', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf()), RULE).verdict).toBe('not-applicable');
  });
});
