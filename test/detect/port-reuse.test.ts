/** Tuples opened again while the connection before was in TIME_WAIT. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'port-reuse';

/** The server closes first and holds TIME_WAIT; both have sent up to 12 and 22. */
const closed = `${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;

/** A connection with these ISNs, `wait` seconds later. */
const again = (wait: number, client: number, server: number): string => `
  +${wait} > S  ${client}:${client}(0) win 64240 <mss 1460>
  +.001 < S. ${server}:${server}(0) ack ${client + 1} <mss 1460>
  +.001 > .  ${client + 1}:${client + 1}(0) ack ${server + 1}`;

const run = async (script: string): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(90))), RULE);

describe('real captures', () => {
  test('tcp_tw_reuse: 445 connections over 41 ports; the kernel counted 404 TIME_WAITs recycled', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('ephemeral_reuse.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'port-reuse/10.238.83.68@10.238.83.205:3306',
      severity: 'info',
      confidence: 'high',
      count: 445,
      metrics: { reuses: 404, ports: 41, heldByClient: 404, heldByServer: 0, isnProven: 404, refusedFirst: 0 },
    });
    // tcp_tw_reuse takes no TIME_WAIT younger than a second
    expect(finding!.metrics.shortestSeconds).toBeGreaterThanOrEqual(1);
  });

  test('ten connections from one port; the server held TIME_WAIT (RFC 6191)', async () => {
    const [finding] = findingsOf(await diagnoseFixture('port_reuse_server_tw.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'info', count: 10, metrics: { reuses: 9, ports: 1, heldByServer: 9, isnProven: 9 } });
  });

  test('refused first, for 26 ms: no warning', async () => {
    const [finding] = findingsOf(await diagnoseFixture('time_wait_syn_challenge.pcapng'), RULE);
    expect(finding).toMatchObject({ severity: 'info', metrics: { reuses: 2, refusedFirst: 2, isnProven: 0 } });
  });

  test.each(['healthy_server_closes.pcap', 'syn_odd.pcap', 'half_open_reboot.pcap', 'rst_linger0.pcapng'])('not in %s', async (name) => {
    expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('accepted for its higher sequence number; the ISN says that Linux took the TIME_WAIT', async () => {
    const [finding] = await run(`${closed}${again(5, 90_000, 22 + 65_537)}`);
    expect(finding).toMatchObject({ count: 2, severity: 'info', metrics: { heldByServer: 1, isnProven: 1, shortestSeconds: 5.002 } });
  });

  test('an ISN one beside it proves nothing', async () => {
    const [finding] = await run(`${closed}${again(5, 90_000, 22 + 65_538)}`);
    expect(finding).toMatchObject({ confidence: 'medium', metrics: { isnProven: 0 } });
  });

  test('refused, reset, and sent again after a second: a warning', async () => {
    const [finding] = await run(`${closed}
  +5    > S  90000:90000(0) win 64240 <mss 1460>
  +.001 < .  22:22(0) ack 12
  +.001 > R  12:12(0) win 0${again(1, 90_000, 700_000)}`);
    expect(finding).toMatchObject({ severity: 'warning', metrics: { refusedFirst: 1, longestDelaySeconds: 1.003 } });
  });

  test('ports of five clients that meet by chance are one finding of the service', async () => {
    const script = `${closed}${again(5, 90_000, 22 + 65_537)}`;
    const all = [1, 2, 3, 4, 5].map((i) => scriptFrames(script, { clientIp: `10.0.1.${String(i)}` }));
    const found = findingsOf(await diagnoseBytes(captureOf(...all, lateExchange(90))), RULE);
    expect(found).toMatchObject([{ id: 'port-reuse/10.0.0.2:80', count: 10, metrics: { reuses: 5, ports: 5 } }]);
    expect(found[0]!.title).toContain('of 5 clients');
  });

  test('after TIME_WAIT is over, it is a port like any other', async () => {
    expect(await run(`${closed}${again(61, 90_000, 700_000)}`)).toEqual([]);
  });

  test('a connection that ended by RST left no TIME_WAIT', async () => {
    expect(await run(`${handshake(0)}\n  +.001 > R. 1:1(0) ack 1${again(1, 90_000, 700_000)}`)).toEqual([]);
  });

  test('of a connection that began before the capture', async () => {
    const tail = closed.split('\n').slice(4).join('\n');
    expect(await run(`${tail}${again(5, 90_000, 22 + 65_537)}`)).toHaveLength(1);
  });

  test('one direction: who waited is not seen', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(sentBy('client', healthy))), RULE).verdict).toBe('inconclusive');
  });
});
