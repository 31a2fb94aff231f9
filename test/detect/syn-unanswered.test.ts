/** SYNs into the void, and whose schedule they follow (linux tcp_syn_retries, tcp_syn_linear_timeouts). */
import { describe, expect, test } from 'vitest';
import { schedulesOf } from '../../src/detect/syn-schedule.ts';
import { nanosOf } from '../../src/model/units.ts';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, handshake, lateExchange, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'syn-unanswered';

const SYN = '> S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>';
/** Another host is well to the end. */
const lateExchangeElsewhere = scriptFrames(wholeConnection(20), { clientIp: '10.0.0.99', serverIp: '10.0.0.98' });
const syns = (at: number, ...waits: readonly number[]): string => [at, ...waits].map((s) => `  +${s} ${SYN}`).join('\n');

describe('schedules', () => {
  const at = (...seconds: readonly number[]): readonly { time: ReturnType<typeof nanosOf> }[] =>
    [0, ...seconds].map((s) => ({ time: nanosOf(s) }));
  test.each([
    // measured on Linux 6.18
    ['linear', at(1.03, 2.06, 3.08, 4.11, 5.13, 7.14, 11.24, 19.44, 35.56, 68.84)],
    ['exponential', at(1.03, 3.05, 7.24, 15.43, 31.56)],
    ['exponential from 3 s', at(2.92, 8.93)],
  ])('%s', (name, times) => {
    expect(schedulesOf(times).map((s) => s.name)).toEqual([name]);
  });

  test('one repeat fits both of today', () => {
    expect(schedulesOf(at(1.01)).map((s) => s.name)).toEqual(['linear', 'exponential']);
  });

  test.each([[at(0.5, 1)], [at(1, 2.5)], [at(0.9, 3)], [at(1.2, 3.4)], [at()]])('none of them: %#', (times) => {
    expect(schedulesOf(times)).toEqual([]);
  });
});

describe('real captures', () => {
  test.each([
    ['syn_blackhole_linear.pcap', 'syn-unanswered/[fd05:38c9:a1a8:ca::6ce9]:3306', 3, 'linear', 131, 'critical'],
    ['syn_blackhole_exponential.pcap', 'syn-unanswered/172.31.97.29:5432', 2, 'exponential', 127, 'critical'],
    ['timers_run_out.pcap', 'syn-unanswered/192.168.192.10:6042', 1, 'linear', 131, 'warning'],
  ])('%s', async (fixture, id, count, schedule, givesUpAfterSeconds, severity) => {
    const [finding, ...more] = findingsOf(await diagnoseFixture(fixture), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id, count, severity, atFault: 'path', metrics: { schedule, givesUpAfterSeconds } });
  });

  test.each([
    'edge_of_capture.pcap',
    'accept_overflow.pcap',
    'portscan_syn.pcap',
    'syn_flood_no_cookies.pcap.gz',
    'connect_timeout.pcap',
    'reconnect_storm.pcap.gz',
  ])('not in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('one SYN and one repeat: a warning, and both schedules possible', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(syns(0, 1.01)), lateExchange(2.5))), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 1 });
    expect(finding!.metrics.schedule).toBe('exponential or linear');
  });

  test('a client whose SYN is of Windows gives up when Windows does', async () => {
    const windows = syns(0, 1, 2, 4, 8).replaceAll('mss 1460,sackOK,wscale 7', 'mss 1460,nop,wscale 8,nop,nop,sackOK');
    const report = await diagnoseBytes(captureOf(scriptFrames(windows, { clientTtl: 128 }), lateExchange(40)));
    const [finding] = findingsOf(report, RULE);
    expect(finding!.metrics).toMatchObject({ schedule: 'windows', givesUpAfterSeconds: 21 });
    expect(finding!.summary).toContain('(profile windows, guessed from its SYN and its repeats), whose connect() gives up after 21 s.');
  });

  test('a SYN whose repeat was not due before the end', async () => {
    const report = await diagnoseBytes(captureOf(lateExchange(0), scriptFrames(syns(2))));
    expect(verdictOf(report, RULE).verdict).toBe('clear');
  });

  test('the same SYN captured twice is not a repeat', async () => {
    const report = await diagnoseBytes(captureOf(scriptFrames(syns(0, 0.00001)), lateExchange(3)));
    expect(findingsOf(report, RULE)).toEqual([]);
  });

  test('the service answers others: its queue may be full, and no firewall is blamed', async () => {
    const report = await diagnoseBytes(
      captureOf(
        connections(
          2,
          (i) => syns(i * 0.1, 1.01, 2.04),
          () => ({ clientIp: '10.0.0.7' }),
        ),
        connections(
          5,
          (i) => handshake(i * 0.5),
          (i) => ({ clientPort: 50_000 + i }),
        ),
        lateExchange(6),
      ),
    );
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({ severity: 'critical', atFault: null, count: 2 });
    expect(finding!.causes[0]!.text).toContain('accept queue');
  });

  test('a host that answered and then nobody any more: it went down, and no queue is suspected', async () => {
    const served = connections(
      5,
      (i) => wholeConnection(i * 0.5),
      (i) => ({ clientPort: 50_000 + i }),
    );
    const silent = connections(2, (i) => syns(10 + i * 0.1, 1.01, 2.04));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(served, silent, lateExchangeElsewhere)), RULE);
    expect(finding).toMatchObject({ severity: 'critical', atFault: 'path', count: 2, metrics: { answeredBySameServiceMeanwhile: 0 } });
    expect(finding!.summary).toContain('none since');
    expect(finding!.causes[0]).toMatchObject({ text: expect.stringContaining('host is down') as unknown, likelihood: 'high' });
  });

  test('one attempt at a host that never spoke is a warning, however long: a stale address is no outage', async () => {
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(1, () => syns(0, 1.01, 2.03, 4.1, 8.2, 16.4, 33)),
          lateExchangeElsewhere,
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'warning', confidence: 'high', count: 1 });
  });

  test('nine silent hosts are one finding about the client', async () => {
    const report = await diagnoseBytes(
      captureOf(
        connections(
          9,
          () => syns(0, 1.01, 2.03),
          (i) => ({ serverIp: `198.51.100.${1 + i}` }),
        ),
      ),
    );
    const [finding, ...more] = findingsOf(report, RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'syn-unanswered/10.0.0.1', atFault: 'path', count: 9 });
  });

  test('two such clients are two findings, and who misses one of their hosts is told of that service', async () => {
    const report = await diagnoseBytes(
      captureOf(
        connections(
          19,
          () => syns(0, 1.01, 2.03),
          (i) => ({ clientIp: `10.0.1.${1 + Math.floor(i / 9)}`, serverIp: `198.51.100.${1 + (i % 9)}` }),
        ),
      ),
    );
    expect(findingsOf(report, RULE).map(({ id, count }) => [id, count])).toEqual([
      ['syn-unanswered/10.0.1.1', 9],
      ['syn-unanswered/10.0.1.2', 9],
      ['syn-unanswered/198.51.100.1:80', 1],
    ]);
  });

  test('what the client sent alone: the ACK and data behind the SYN prove the answer that was not captured', async () => {
    const frames = connections(
      5,
      (i) => `${syns(i, 1.01)}\n  +.001 < S. 0:0(0) ack 1\n  +.001 > .  1:1(0) ack 1\n  +.001 > P. 1:11(10) ack 1`,
    );
    expect(findingsOf(await diagnoseBytes(captureOf(sentBy('client', frames))), RULE)).toEqual([]);
  });
});
