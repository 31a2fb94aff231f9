/** Port scans, and clients that knock at many doors for better reasons. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, lateExchange, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'port-scan';

const SYN = '> S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>';
const refused = (at: number): string => `
  +${at.toFixed(6)} ${SYN}
  +.001 < R. 0:0(0) ack 1 win 0`;
const silent = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 1024 <mss 1460>`;
/** A kernel's SYN, repeated on its schedule. */
const patient = (at: number): string => `
  +${at.toFixed(6)} ${SYN}
  +1.02 ${SYN}
  +1.02 ${SYN}`;
const grabbed = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 1024 <mss 1460>
  +.001 < S. 0:0(0) ack 1 win 64240 <mss 1460>
  +.001 > R  1:1(0) win 0`;
const ports = (count: number, script: (at: number) => string, step = 0.01): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => script(i * step),
    (i) => ({ serverPort: 1000 + i }),
  );
const hosts = (count: number, script: (at: number) => string, ip: (i: number) => string): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => script(i * 0.01),
    (i) => ({ serverIp: ip(i), serverPort: 22 }),
  );
const diagnose = (...frames: readonly (readonly ScriptedFrame[])[]): ReturnType<typeof diagnoseBytes> =>
  diagnoseBytes(captureOf(...frames, lateExchange(5)));

describe('real captures', () => {
  test('a SYN scan: 4 ports open, 21 filtered, the rest closed', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('portscan_syn.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'port-scan/172.28.230.73@172.28.230.224',
      severity: 'critical',
      atFault: '172.28.230.224',
      count: 531,
      metrics: { kind: 'SYN', ports: 531, openPorts: '22, 25, 143, 8080', filtered: 21, closed: 506 },
    });
  });

  test('a connect() scan, which leaves the open ports by close()', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('portscan_connect.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      atFault: 'fdbd:3b19:dde4:9c::1996',
      count: 348,
      subject: { host: 'fdbd:3b19:dde4:9c::2107' },
      metrics: { kind: 'connect', openPorts: '22, 80, 8080' },
    });
  });

  test('in the middle of an incident', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('incident.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ subject: { host: '10.87.55.185' }, atFault: '10.87.55.48', count: 79 });
  });

  test.each([
    'refused.pcapng',
    'reconnect_storm.pcap.gz',
    'syn_flood_one_source.pcap',
    'syn_flood_no_cookies.pcap.gz',
    'healthcheck_rst.pcap',
  ])('not in %s', async (fixture) => {
    expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
  });
});

describe('scripted', () => {
  test('15 closed ports of a host are a scan, 14 are not', async () => {
    expect(findingsOf(await diagnose(ports(15, refused)), RULE)).toMatchObject([{ count: 15, subject: { host: '10.0.0.2' } }]);
    expect(verdictOf(await diagnose(ports(14, refused)), RULE).verdict).toBe('clear');
    expect(findingsOf(await diagnoseBytes(captureOf(ports(14, refused)), { set: { 'port-scan.minPorts': 10 } }), RULE)).toHaveLength(1);
  });

  test('one port of 30 neighbours, answered or not', async () => {
    const [finding] = findingsOf(
      await diagnose(
        hosts(
          30,
          (at) => (at < 0.1 ? grabbed(at) : silent(at)),
          (i) => `10.9.0.${1 + i}`,
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({
      id: 'port-scan/10.0.0.1',
      atFault: '10.0.0.1',
      count: 30,
      metrics: { hosts: 30, ports: 1, open: 10, filtered: 20, kind: 'SYN' },
    });
  });

  test('one port of 30 hosts all over the world, asked as a kernel asks: a list that is out of date, or a network that is down', async () => {
    expect(verdictOf(await diagnose(hosts(30, patient, (i) => `198.51.${i}.7`)), RULE).verdict).toBe('clear');
    expect(verdictOf(await diagnose(hosts(30, refused, (i) => `198.51.${i}.7`)), RULE).verdict).toBe('clear');
  });

  test('a monitor that asks 20 closed ports again and again', async () => {
    const rounds = [0, 1, 2].flatMap((round) =>
      connections(
        20,
        (i) => refused(round + i * 0.01),
        (i) => ({ clientPort: 40_000 + 100 * round + i, serverPort: 1000 + i }),
      ),
    );
    expect(verdictOf(await diagnose(rounds), RULE).verdict).toBe('clear');
  });

  test('data ports that a firewall drops, while the control connection works: FTP', async () => {
    const control = connections(
      1,
      () => wholeConnection(0),
      () => ({ clientPort: 39_000, serverPort: 21 }),
    );
    expect(verdictOf(await diagnose(control, ports(20, patient)), RULE).verdict).toBe('clear');
  });

  test('20 silent ports asked as a kernel asks: the host may be down, so nobody knows', async () => {
    const { verdict, because } = verdictOf(await diagnose(ports(20, patient)), RULE);
    expect(verdict).toBe('inconclusive');
    expect(because).toContain('a host that is down');
  });

  test('what reaches the servers alone does not show whether they answered', async () => {
    const frames = [
      ...sentBy('client', ports(20, silent)),
      ...sentBy(
        'client',
        connections(10, (i) => wholeConnection(i)),
      ),
    ];
    expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
  });

  test('SYN-ACKs to nobody that asked are no knocks', async () => {
    const backscatter = ports(
      30,
      (at) => `
  +${at.toFixed(6)} < S. 0:0(0) ack 1 win 64240 <mss 1460>`,
    );
    expect(verdictOf(await diagnose(backscatter), RULE).verdict).toBe('clear');
  });
});
