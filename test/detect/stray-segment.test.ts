/** Segments of the connection before on the same ports. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'stray-segment';

/** The server closes first. */
const closed = `${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;
const opened = `
  +.5   > S  90000:90000(0)
  +.001 < S. 65559:65559(0) ack 90001
  +.001 > .  90001:90001(0) ack 65560`;
const goesOn = `
  +.1   > P. 90001:90011(10) ack 65560
  +.001 < P. 65560:65580(20) ack 90011
  +.001 > F. 90011:90011(0) ack 65580
  +.001 < F. 65580:65580(0) ack 90012
  +.001 > .  90012:90012(0) ack 65581`;

const diagnose = (script: string): ReturnType<typeof diagnoseBytes> => diagnoseBytes(captureOf(scriptFrames(script), lateExchange(20)));
const run = async (script: string): Promise<ReturnType<typeof findingsOf>> => findingsOf(await diagnose(script), RULE);

test('real: five copies of old data in the next connection, each answered by an ACK', async () => {
  const report = await diagnoseFixture('stray_segment.pcap.gz');
  const [finding, ...more] = findingsOf(report, RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'stray-segment/10.62.48.14@10.62.48.139:5432',
    severity: 'notice',
    count: 5,
    metrics: { segments: 5, resets: 0, oldOctets: 45, withTimestamps: 5 },
  });
  expect(finding!.evidence.map((e) => e.frame)).toContain(18);
});

describe('found', () => {
  test('old data, answered by an ACK of what is waited for', async () => {
    expect(await run(`${closed}${opened}\n  +.01 > P. 1:11(10) ack 1\n  +.001 < . 65560:65560(0) ack 90001${goesOn}`)).toMatchObject([
      { count: 1, metrics: { segments: 1, oldOctets: 10, withTimestamps: 0 } },
    ]);
  });

  test('the FIN of the connection before ends nothing', async () => {
    const report = await diagnose(`${closed}${opened}\n  +.01 > F. 11:11(0) ack 22\n  +.001 < . 65560:65560(0) ack 90001${goesOn}`);
    expect(findingsOf(report, RULE)).toMatchObject([{ count: 1, metrics: { oldOctets: 0 } }]);
    expect(report.findings.filter((f) => f.severity !== 'info' && f.rule !== RULE)).toEqual([]);
  });

  test('answered by a RST', async () => {
    expect(await run(`${closed}${opened}\n  +.01 < P. 1:21(20) ack 11\n  +.001 > R 11:11(0) win 0${goesOn}`)).toMatchObject([
      { metrics: { resets: 1, oldOctets: 20 } },
    ]);
  });
});

describe('silent', () => {
  test('nobody answers it', async () => {
    expect(await run(`${closed}${opened}\n  +.01 > P. 1:11(10) ack 1${goesOn}`)).toEqual([]);
  });

  test('the older connection is not in the capture: it may be a gap, or anything', async () => {
    expect(await run(`${opened}\n  +.01 > P. 1:11(10) ack 1\n  +.001 < . 65560:65560(0) ack 90001${goesOn}`)).toEqual([]);
  });

  test('numbers that its sender had not sent there either', async () => {
    expect(await run(`${closed}${opened}\n  +.01 > P. 100:110(10) ack 1\n  +.001 < . 65560:65560(0) ack 90001${goesOn}`)).toEqual([]);
  });

  test('data of the new connection sent again', async () => {
    expect(
      await run(`${closed}${opened}
  +.01  > P. 90001:90011(10) ack 65560
  +.3   > P. 90001:90011(10) ack 65560
  +.001 < .  65560:65560(0) ack 90011
  +.3   > P. 90001:90011(10) ack 65560
  +.001 < .  65560:65560(0) ack 90011`),
    ).toEqual([]);
  });

  test('TIME_WAIT that answers a SYN before the handshake', async () => {
    expect(findingsOf(await diagnoseFixture('time_wait_syn_challenge.pcapng'), RULE)).toEqual([]);
  });

  test.each([
    'capture_with_gaps.pcap',
    'port_reuse_server_tw.pcap',
    'paws_rejects.pcap',
    'half_open_reboot.pcap',
    'ephemeral_reuse.pcap.gz',
  ])('%s', async (name) => {
    expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
  });
});

test('a late segment is no retransmission of the connection that it meets', async () => {
  const report = await diagnose(`${closed}${opened}\n  +.01 > P. 1:11(10) ack 1\n  +.001 < . 65560:65560(0) ack 90001${goesOn}`);
  expect(report.series.retransmissions.reduce((a, b) => (a ?? 0) + (b ?? 0), 0)).toBe(0);
});

test.each([
  ['one direction', sentBy('client', healthy)],
  ['flags alone', flagsOnly(healthy)],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
