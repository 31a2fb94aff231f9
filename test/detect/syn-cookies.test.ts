/** SYN-ACKs that are never repeated. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, flagsOnly, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'syn-cookies';

/** `n` SYNs of different sources, each answered `times` times. */
const unanswered = (n: number, times: 1 | 2): ReturnType<typeof connections> =>
  connections(
    n,
    (i) => `
  +${(i * 0.01).toFixed(6)} > S  0:0(0) win 64240 <mss 1460>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460>${times === 2 ? '\n  +1.02 < S. 0:0(0) ack 1 win 65160 <mss 1460>' : ''}`,
    (i) => ({ clientIp: `203.0.113.${String(i)}`, clientPort: 50_000 + times }),
  );

describe('real captures', () => {
  // nstat on the server: TcpExtSyncookiesSent 560
  test('a flood on a small backlog', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('incident.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'syn-cookies/10.87.55.161:6379',
      severity: 'info',
      atFault: null,
      explainedBy: 'syn-flood/10.87.55.161:6379',
      metrics: { repeated: 0 },
    });
  });

  test.each([
    'syn_flood_no_cookies.pcap.gz',
    'syn_flood_one_source.pcap',
    'portscan_syn.pcap',
    'edge_of_capture.pcap',
    'lost_third_ack.pcap',
  ])('not in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('thirty SYN-ACKs without a repeat, five with one', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(unanswered(30, 1), unanswered(5, 2), healthy, lateExchange(9))), RULE);
    expect(finding).toMatchObject({ severity: 'info', atFault: null, count: 30, metrics: { neverRepeated: 30, repeated: 5 } });
  });

  test('nineteen are too few', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(unanswered(19, 1), healthy, lateExchange(9))), RULE)).toEqual([]);
  });

  test('the repeats were not due yet', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(unanswered(30, 1), healthy, lateExchange(2))), RULE)).toEqual([]);
  });

  test('the server without its clients, and the flags alone, say nothing of third ACKs', async () => {
    const frames = [...unanswered(30, 1), ...healthy, ...lateExchange(9)];
    expect(findingsOf(await diagnoseBytes(captureOf(sentBy('server', frames))), RULE)).toEqual([]);
    expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(frames))), RULE).verdict).toBe('inconclusive');
  });
});
