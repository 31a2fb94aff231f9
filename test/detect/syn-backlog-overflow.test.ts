/** Real clients that starve because half-open entries fill the queue. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'syn-backlog-overflow';

/** `held` forged SYNs that are answered and asked again, and 200 that find the queue full. */
const flood = (held: number): ReturnType<typeof connections> =>
  connections(
    200 + held,
    (i) =>
      i < held
        ? `
  +${(1 + i * 0.01).toFixed(6)} > S  0:0(0) win 512
  +.0001 < S. 0:0(0) ack 1 win 65160 <mss 1460>
  +1.02 < S. 0:0(0) ack 1 win 65160 <mss 1460>
  +2.02 < S. 0:0(0) ack 1 win 65160 <mss 1460>`
        : `
  +${(1 + i * 0.01).toFixed(6)} > S  0:0(0) win 512`,
    (i) => ({ clientIp: `203.0.${String(113 + (i >> 8))}.${String(i & 255)}`, clientPort: 1_000 + i }),
  );

/** A new client whose SYN is repeated in vain. */
const starved = connections(
  2,
  (i) => `
  +${String(2 + i * 0.1)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +1.01 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +1.01 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>`,
  () => ({ clientIp: '10.0.0.50' }),
);
const known = connections(
  4,
  (i) => handshake(i),
  () => ({ clientIp: '10.0.0.60' }),
);

describe('real captures', () => {
  test('a flood without cookies: two connects of a new client fail, the known client goes on', async () => {
    const report = await diagnoseFixture('syn_flood_no_cookies.pcap.gz');
    const [finding, ...more] = findingsOf(report, RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'syn-backlog-overflow/10.204.10.136:80',
      severity: 'critical',
      atFault: 'attacker',
      explainedBy: 'syn-flood/10.204.10.136:80',
      count: 2,
      metrics: { starved: 2 },
    });
    expect(finding!.summary).toContain('10.204.10.144');
    expect(report.findings[0]!.rule).toBe('syn-flood');
  });

  test.each([
    ['syn_flood_one_source.pcap', 'nobody else tried'],
    ['reconnect_storm.pcap.gz', 'the accept queue, and no flood'],
    ['accept_overflow.pcap', 'the accept queue'],
  ])('not in %s: %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('two connects starve', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(flood(60), starved, known, lateExchange(9))), RULE);
    expect(finding).toMatchObject({ severity: 'critical', count: 2, metrics: { entriesHeld: 60, clients: 1 } });
  });

  test('nobody real tried: it is the flood alone', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(flood(60), known, lateExchange(9))), RULE)).toEqual([]);
  });

  test('nothing is held: a filter drops the SYNs, not a queue', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(flood(0), starved, known, lateExchange(9))), RULE)).toEqual([]);
  });

  test('one direction alone', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(sentBy('client', [...flood(60), ...starved]))), RULE)).toEqual([]);
  });
});
