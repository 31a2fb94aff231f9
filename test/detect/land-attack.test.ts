/** Packets from a host to itself that it did not send. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptOptions, scriptFrames } from '../support/script.ts';
import { captureOf, lateExchange } from '../support/traffic.ts';

const RULE = 'land-attack';

const toItself = (ip: string, family: 4 | 6 = 4): ScriptOptions => ({
  family,
  clientIp: ip,
  serverIp: ip,
  clientPort: 445,
  serverPort: 445,
});
const two = `
  +0  > S  0:0(0) win 512
  +.1 > S  0:0(0) win 512`;

test('17 packets to 10.236.63.233:445, beside a healthy connection', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('land_attack.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ id: 'land-attack/10.236.63.233:445', severity: 'critical', atFault: 'attacker', count: 17 });
});

test.each(['loopback.pcapng', 'simultaneous_open.pcap', 'portscan_syn.pcap'])('not in %s', async (fixture) => {
  expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
});

describe('scripted', () => {
  test.each([
    ['10.0.0.2', 4],
    ['fd00::2', 6],
  ] as const)('two SYNs of %s to itself', async (ip, family) => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(two, toItself(ip, family)), lateExchange(3))), RULE);
    expect(finding).toMatchObject({ count: 2, subject: { host: ip, port: 445 } });
  });

  test('one SYN may be damage, unless the user says otherwise', async () => {
    const bytes = captureOf(scriptFrames('+0 > S 0:0(0)', toItself('10.0.0.2')), lateExchange(3));
    expect(verdictOf(await diagnoseBytes(bytes), RULE).verdict).toBe('clear');
    expect(findingsOf(await diagnoseBytes(bytes, { set: { 'land-attack.minPackets': 1 } }), RULE)).toHaveLength(1);
  });

  test('a socket that connects to itself answers: RFC 9293 figure 7 with one socket', async () => {
    const self = scriptFrames(
      `
  +0    > S  0:0(0) win 64240
  +.001 > S. 0:0(0) ack 1 win 64240
  +.001 > .  1:1(0) ack 1`,
      toItself('10.0.0.2'),
    );
    expect(verdictOf(await diagnoseBytes(captureOf(self, lateExchange(3))), RULE).verdict).toBe('clear');
  });

  test.each([
    ['127.0.0.1', 4],
    ['::1', 6],
  ] as const)('%s speaks to itself by nature', async (ip, family) => {
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(two, toItself(ip, family)), lateExchange(3))), RULE).verdict).toBe('clear');
  });

  test('other ports of the same address are ordinary', async () => {
    const local = scriptFrames(two, { ...toItself('10.0.0.2'), clientPort: 40_000 });
    expect(verdictOf(await diagnoseBytes(captureOf(local, lateExchange(3))), RULE).verdict).toBe('clear');
  });
});
