/** SYNs answered by RST. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, lateExchange } from '../support/traffic.ts';

const RULE = 'connection-refused';

const refused = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < R. 0:0(0) ack 1 win 0`;
const served = (at: number): string => `${handshake(at)}
  +.001 > F. 1:1(0) ack 1
  +.001 < F. 1:1(0) ack 2
  +.001 > .  2:2(0) ack 2`;

describe('real captures', () => {
  test('four closed ports of one host are one finding', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('refused.pcapng'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'connection-refused/172.29.177.137', severity: 'critical', atFault: '172.29.177.137', count: 16 });
    expect(finding!.metrics.ports).toBe('6379, 8080, 8443, 11211');
  });

  test('a cache that goes down and comes back; a scan of another host in the same capture is left out', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('incident.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'connection-refused/10.87.55.161:6379', severity: 'critical', count: 17 });
    // truth: listen() again at 1795165985.109908
    expect(finding!.until).toMatch(/^2026-11-20T09:13:05\.[1-3]/);
  });

  test('117 early reconnects after the service was killed', async () => {
    expect(findingsOf(await diagnoseFixture('reconnect_storm.pcap.gz'), RULE)[0]).toMatchObject({
      severity: 'critical',
      count: 117,
      subject: { host: '172.26.27.181', port: 1883 },
    });
  });

  test.each([
    ['process_killed.pcap', '10.68.155.97', 1],
    ['vlan_ipv6.pcap', 'fdc8:326d:23e9:62::865f', 1],
    ['icmp_reject.pcap', '172.16.173.49', 2],
  ])('a single refusal is a warning: %s', async (fixture, host, count) => {
    const [finding, ...more] = findingsOf(await diagnoseFixture(fixture), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', atFault: host, count });
  });

  test.each(['portscan_syn.pcap', 'connect_timeout.pcap', 'accept_overflow_rst.pcap', 'rst_linger0.pcapng'])(
    'not in %s',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

describe('scripted', () => {
  test('down for three attempts, then back', async () => {
    const script = (i: number): string => (i < 2 || i > 4 ? served(i) : refused(i));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(7, script))), RULE);
    expect(finding).toMatchObject({ severity: 'critical', count: 3 });
    expect(finding!.metrics.downSeconds).toBeCloseTo(3, 3);
    expect(finding!.causes[0]!.text).toContain('stopped');
  });

  test('the flags alone say the same', async () => {
    const script = (i: number): string => (i < 2 || i > 4 ? served(i) : refused(i));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(flagsOnly(connections(7, script)))), RULE);
    expect(finding).toMatchObject({ severity: 'critical', count: 3 });
  });

  /** A health check: handshake and RST. */
  const check = (at: number): string => `${handshake(at)}\n  +.001 > R. 1:1(0) ack 1`;
  const checksAnd = (...rest: readonly (readonly ScriptedFrame[])[]): Uint8Array =>
    captureOf(
      connections(
        13,
        (i) => (i < 6 || i > 9 ? check(2 * i) : refused(2 * i)),
        (i) => ({ clientIp: '10.0.0.250', clientPort: 41000 + i }),
      ),
      ...rest,
    );

  test('a restart behind a balancer that only its health checks meet is information', async () => {
    const [finding] = findingsOf(await diagnoseBytes(checksAnd()), RULE);
    expect(finding).toMatchObject({ severity: 'info', count: 4 });
    expect(finding!.summary).toContain('health checks of 10.0.0.250');
  });

  test('a client that is refused meanwhile makes it an outage again', async () => {
    const client = connections(1, () => refused(14.5));
    const [finding] = findingsOf(await diagnoseBytes(checksAnd(client)), RULE);
    expect(finding).toMatchObject({ severity: 'critical', count: 5 });
  });

  test('refusals among answers: one of several hosts behind the address', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(12, (i) => (i % 2 === 0 ? served(i) : refused(i))))), RULE);
    expect(finding!.metrics).toMatchObject({ answeredInBetween: 5, downSeconds: null });
    expect(finding!.causes[0]!.text).toContain('One of several');
  });

  test('Windows repeats its SYN twice after a refusal: one attempt', async () => {
    const script = `${refused(0)}
  +.5   > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < R. 0:0(0) ack 1 win 0
  +.5   > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < R. 0:0(0) ack 1 win 0`;
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(2))), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 1 });
  });

  test('localhost: ::1 refuses, 127.0.0.1 answers', async () => {
    const v6 = scriptFrames(refused(0), { family: 6, clientIp: '::1', serverIp: '::1', serverPort: 8000 });
    const v4 = scriptFrames(served(0.01), { clientIp: '127.0.0.1', serverIp: '127.0.0.1', serverPort: 8000 });
    const [finding] = findingsOf(await diagnoseBytes(captureOf(v6, v4)), RULE);
    expect(finding).toMatchObject({ id: 'connection-refused/[::1]:8000', severity: 'notice' });
    expect(finding!.causes[0]!.because).toContain('127.0.0.1:8000');
  });

  test('a client that fails at 15 ports of a host scans it; at 14 it does not', async () => {
    const ports = (n: number): Uint8Array =>
      captureOf(
        connections(
          n,
          (i) => refused(i * 0.01),
          (i) => ({ serverPort: 1000 + i }),
        ),
      );
    expect(findingsOf(await diagnoseBytes(ports(15)), RULE)).toEqual([]);
    expect(findingsOf(await diagnoseBytes(ports(14)), RULE)[0]).toMatchObject({ id: 'connection-refused/10.0.0.2', count: 14 });
  });

  test('one refusal each of many hosts is about the list of the client', async () => {
    const bytes = captureOf(
      connections(
        6,
        (i) => refused(i),
        (i) => ({ serverIp: `198.51.100.${1 + i}`, serverPort: 6881 + i }),
      ),
    );
    const [finding, ...more] = findingsOf(await diagnoseBytes(bytes), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'connection-refused/10.0.0.1', severity: 'notice', atFault: null, count: 6 });
  });

  test('a RST from another distance than the host: the path is at fault, and nobody says that nothing listens', async () => {
    const rejected = connections(
      3,
      (i) => refused(5 + i),
      () => ({ serverPort: 25 }),
    ).map((f) => {
      if (f.segment.from === 'client') return f;
      const bytes = Uint8Array.from(f.bytes);
      bytes[14 + 8] = 255; // the IPv4 TTL behind 14 octets of Ethernet
      return { ...f, bytes };
    });
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(served(0), { serverPort: 80 }), rejected)), RULE);
    expect(finding).toMatchObject({ subject: { port: 25 }, atFault: 'path', confidence: 'medium' });
    expect(finding!.summary).not.toContain('nothing listens');
  });
});
