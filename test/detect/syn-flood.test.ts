/** SYN floods, and everything that looks like one; numbers of the fixtures are the lab's. */
import { describe, expect, test } from 'vitest';
import { Flag } from '../../src/model/flags.ts';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, type ScriptOptions, scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'syn-flood';

/** Forged sources all over, ports from 1024 up, as packet generators choose them. */
const forged = (i: number): ScriptOptions => ({
  clientIp: `203.0.${i % 200}.${1 + (i % 250)}`,
  clientPort: 1024 + ((i * 7919) % 64_000),
  clientIsn: i * 65_537,
});
const real = (i: number): ScriptOptions => ({ clientIp: `10.1.0.${1 + (i % 200)}`, clientPort: 40_000 + 2 * i });

/** A SYN without options; the listener answers and repeats its SYN-ACK. */
const halfOpen = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 512
  +.001 < S. 0:0(0) ack 1 win 64240 <mss 1460>
  +1.02 < S. 0:0(0) ack 1 win 64240 <mss 1460>`;
const unanswered = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 512`;
/** A kernel's SYN, repeated on its schedule and never answered. */
const blackholed = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +1.02 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +2.04 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>`;

const flood = (count: number, script: (at: number) => string, seconds = 2): readonly ScriptedFrame[] =>
  connections(count, (i) => script((i * seconds) / count), forged);
const clients = (count: number): readonly ScriptedFrame[] => connections(count, (i) => handshake(i * 0.1), real);

describe('real captures', () => {
  test('one host that never sends its third ACK', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('syn_flood_one_source.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'syn-flood/192.168.248.106:80',
      severity: 'critical',
      atFault: '192.168.248.251',
      count: 353,
      subject: { host: '192.168.248.106', port: 80 },
    });
    expect(finding!.metrics).toMatchObject({ syns: 353, sources: 1, peakHalfOpen: 353, filterSharePercent: 100 });
    expect(finding!.metrics.filterTcpdump).toContain('src host 192.168.248.251');
  });

  test('without SYN cookies a new client starves and a known one gets through', async () => {
    const [finding] = findingsOf(await diagnoseFixture('syn_flood_no_cookies.pcap.gz'), RULE);
    expect(finding).toMatchObject({ severity: 'critical', count: 3334, atFault: 'attacker', subject: { host: '10.204.10.136', port: 80 } });
    expect(finding!.metrics).toMatchObject({ syns: 3334, realClientsStarved: 1, realConnectionsLost: 2, filterRealConnectionsHit: 0 });
    expect(finding!.summary).toContain('10.204.10.144');
    expect(finding!.remedies.map((r) => r.command)).toContain('sysctl -w net.ipv4.tcp_syncookies=1');
  });

  test('in the middle of an incident: the flood alone, not the outage or the scan beside it', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('incident.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ count: 670, subject: { host: '10.87.55.161', port: 6379 } });
    expect(finding!.metrics).toMatchObject({ filterRealConnectionsHit: 0, filterSharePercent: 100 });
  });

  test.each([
    'reconnect_storm.pcap.gz',
    'portscan_syn.pcap',
    'accept_overflow.pcap',
    'connect_timeout.pcap',
    'healthcheck_rst.pcap',
    'syn_blackhole_linear.pcap',
  ])('not in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('forged sources, answered: what the listener did, and a filter that spares the real clients', async () => {
    const report = await diagnoseBytes(captureOf(flood(300, halfOpen), clients(20), lateExchange(5)));
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({ id: 'syn-flood/10.0.0.2:80', count: 300, atFault: 'attacker' });
    // SYNs without options are 40 octets; the real ones carry 12 more.
    expect(finding!.metrics).toMatchObject({
      synAckRepeated: 300,
      realConnectionsCompleted: 20,
      filterSharePercent: 100,
      filterRealConnectionsHit: 0,
    });
    expect(finding!.metrics.filterTcpdump).toContain('ip[2:2] == 40');
    expect(finding!.until).not.toBeNull();
  });

  test('a flood that looks like the SYNs of the real clients: no filter drops these with it', async () => {
    const imitated = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 64240 <mss 1460>
  +1.02 < S. 0:0(0) ack 1 win 64240 <mss 1460>`;
    const report = await diagnoseBytes(captureOf(flood(300, imitated), clients(20), lateExchange(5)));
    const [finding] = findingsOf(report, RULE);
    expect(finding!.metrics).toMatchObject({ realConnectionsCompleted: 20, filterTcpdump: null });
  });

  test('below the threshold, and with it lowered', async () => {
    const bytes = captureOf(flood(60, halfOpen), lateExchange(5));
    expect(verdictOf(await diagnoseBytes(bytes), RULE).verdict).toBe('clear');
    const [finding] = findingsOf(await diagnoseBytes(bytes, { set: { 'syn-flood.minAttempts': 50 } }), RULE);
    expect(finding).toMatchObject({ count: 60 });
  });

  test('three SYNs a second fill a queue of 128 as well: each holds its entry for 63 s', async () => {
    const held = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460>
  +.001 < S. 0:0(0) ack 1 win 64240 <mss 1460>${[1, 2, 4, 8, 16].map((s) => `\n  +${s} < S. 0:0(0) ack 1 win 64240 <mss 1460>`).join('')}`;
    const [finding] = findingsOf(await diagnoseBytes(captureOf(flood(180, held, 60), clients(20), lateExchange(95))), RULE);
    expect(finding).toMatchObject({ count: 180 });
    expect(finding!.metrics).toMatchObject({ synAckRepeated: 180, filterRealConnectionsHit: 0 });
    expect(Number(finding!.metrics.peakHalfOpen)).toBeGreaterThanOrEqual(178);
  });

  test('many real clients before a black hole repeat their SYN: no flood', async () => {
    const report = await diagnoseBytes(
      captureOf(
        connections(
          200,
          (i) => blackholed(i * 0.01),
          (i) => ({ ...real(i), clientPort: 50_000 + i }),
        ),
        clients(5),
        lateExchange(8),
      ),
    );
    expect(findingsOf(report, RULE)).toEqual([]);
    expect(findingsOf(report, 'syn-unanswered')[0]).toMatchObject({ count: 200 });
  });

  test('SYNs of the last second may still be repeated', async () => {
    const report = await diagnoseBytes(
      captureOf(
        clients(20),
        connections(200, (i) => unanswered(3 + i * 0.004), forged),
      ),
    );
    expect(findingsOf(report, RULE)).toEqual([]);
  });

  test('many real connections, of which only flags or one direction were captured', async () => {
    const busy = connections(30, (i) => `${handshake(i * 0.01)}\n  +1 > F. 1:1(0) ack 1\n  +.001 < F. 1:1(0) ack 2`, real);
    const open = connections(
      300,
      (i) => handshake(i * 0.01),
      (i) => ({ clientIp: `10.2.0.${1 + (i % 250)}`, clientPort: 50_000 + i }),
    );
    for (const part of [flagsOnly([...busy, ...open]), sentBy('client', [...busy, ...open]), sentBy('server', [...busy, ...open])]) {
      expect(findingsOf(await diagnoseBytes(captureOf(part)), RULE)).toEqual([]);
    }
    const verdict = verdictOf(await diagnoseBytes(captureOf(flagsOnly([...busy, ...open]))), RULE);
    expect(verdict).toMatchObject({ verdict: 'inconclusive' });
    expect(verdict.because).toContain('SYN, FIN or RST');
  });

  test('a capture of SYNs alone shows no answers that may have been there', async () => {
    const syns = connections(300, (i) => handshake(i * 0.01), real).filter(
      ({ segment }) => segment.kind === 'tcp' && segment.flags === Flag.SYN,
    );
    expect(verdictOf(await diagnoseBytes(captureOf(syns)), RULE).verdict).toBe('inconclusive');
  });

  test('SYNs to many ports are a scan', async () => {
    const frames = Array.from({ length: 300 }, (_, i) =>
      scriptFrames(unanswered(i * 0.01), { serverPort: 1 + i, clientPort: 40_000 + i }),
    ).flat();
    expect(findingsOf(await diagnoseBytes(captureOf(frames, lateExchange(6))), RULE)).toEqual([]);
  });
});
