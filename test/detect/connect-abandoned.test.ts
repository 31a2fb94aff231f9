/** Connects that the server answered and nobody waited for any more. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'connect-abandoned';

/** The SYN-ACK comes after `delay` seconds and meets a RST. */
const refusedLate = (at: number, delay: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +${delay} < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.0001 > R  1:1(0) win 0`;

/** Five SYN-ACKs on a kernel's schedule, and not a word. */
const leftAlone = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +1.02 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +2.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +4.16 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +8.20 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>`;

describe('real captures', () => {
  test('a connect timeout of 0.5 s, named exactly by the retries', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('connect_timeout.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'connect-abandoned/[fd97:eb4e:a7f4:42::80e9]@[fd97:eb4e:a7f4:42::1c6f]:9042',
      severity: 'warning',
      atFault: 'fd97:eb4e:a7f4:42::80e9',
      count: 21,
      metrics: { handshakesCompleted: 27 },
    });
    // truth: the next SYN leaves 0.500 s after the one given up; the kernel's timer is late by up to a millisecond.
    expect(finding!.metrics.timeoutSeconds).toBeCloseTo(0.5, 2);
  });

  test('six SYN-ACKs and no answer', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('timers_run_out.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'notice', atFault: null, count: 1, metrics: { leftAlone: 1 } });
  });

  test.each([
    'lost_third_ack.pcap',
    'portscan_syn.pcap',
    'syn_flood_one_source.pcap',
    'syn_flood_no_cookies.pcap.gz',
    'healthcheck_rst.pcap',
  ])('not in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('without a retry at once, only bounds of the timeout are known', async () => {
    const slow = connections(4, (i) => refusedLate(i * 3, 0.8 + i * 0.1));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(slow, lateExchange(15))), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 4, metrics: { timeoutSeconds: null, slowestAcceptedSeconds: null } });
    expect(finding!.metrics.fastestRefusedSeconds).toBeCloseTo(0.8001, 6);
    expect(finding!.summary).toContain('at most 800 ms');
  });

  test('a RST at once is a scan or a health check', async () => {
    const probes = connections(6, (i) => refusedLate(i, 0.002));
    expect(findingsOf(await diagnoseBytes(captureOf(probes, healthy)), RULE)).toEqual([]);
  });

  test('RFC 9293 figure 8: the RST refuses an old duplicate SYN', async () => {
    const script = `
  +0    > S  90:90(0) win 64240 <mss 1460>
  +.001 < S. 0:0(0) ack 91 win 65160 <mss 1460>
  +.001 > R  91:91(0) win 0
  +.001 > S  1000:1000(0) win 64240 <mss 1460>
  +.001 < S. 5000:5000(0) ack 1001 win 65160 <mss 1460>
  +.001 > .  1001:1001(0) ack 5001`;
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(1, () => script),
          lateExchange(3),
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'info', atFault: null, metrics: { oldDuplicates: 1 } });
  });

  test('three silent clients of one address are a warning; a dozen addresses with one each are background', async () => {
    const one = connections(3, (i) => leftAlone(i));
    expect(findingsOf(await diagnoseBytes(captureOf(one, lateExchange(20))), RULE)[0]).toMatchObject({
      severity: 'warning',
      count: 3,
      atFault: null,
    });
    const many = connections(
      12,
      (i) => leftAlone(i * 0.1),
      (i) => ({ clientIp: `203.0.113.${i + 1}` }),
    );
    const severities = findingsOf(await diagnoseBytes(captureOf(many, lateExchange(20))), RULE).map((f) => f.severity);
    expect(new Set(severities)).toEqual(new Set(['info']));
  });

  test('one SYN-ACK repeated once at the end of the capture is too young', async () => {
    const young = leftAlone(0).split('\n').slice(0, 4).join('\n');
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            connections(1, () => young),
            lateExchange(1.5),
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });

  test('of one direction, or of the flags alone, nothing is said of the silent', async () => {
    const frames = connections(3, (i) => leftAlone(i));
    expect(findingsOf(await diagnoseBytes(captureOf(sentBy('server', frames))), RULE)).toEqual([]);
    const whole = connections(
      2,
      (i) => `${handshake(i)}
  +.01 > F. 1:1(0) ack 1
  +.01 < F. 1:1(0) ack 2`,
      () => ({ clientIp: '10.0.0.77' }),
    );
    expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(frames), flagsOnly(whole))), RULE).verdict).toBe('inconclusive');
  });
});
