/** SYNs from addresses that no host can have. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, lateExchange, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'martian-source';

const from = (script: (at: number) => string, family: 4 | 6, ...ips: readonly string[]): readonly ScriptedFrame[] =>
  connections(
    ips.length,
    (i) => script(i * 0.1),
    (i) => ({ family, clientIp: ips[i]!, serverIp: family === 4 ? '10.0.0.2' : 'fd00::2' }),
  );
const syn = (at: number): string => `+${at.toFixed(6)} > S 0:0(0) win 512`;

test('four impossible sources beside a LAND attack', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('land_attack.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'martian-source/10.236.63.233:445',
    severity: 'warning',
    atFault: 'attacker',
    count: 4,
    metrics: { addresses: '0.0.0.0, 127.0.0.1, 224.0.0.1, 255.255.255.255' },
  });
});

test.each(['loopback.pcapng', 'portscan_syn.pcap', 'syn_flood_one_source.pcap'])('not in %s', async (fixture) => {
  expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
});

describe('scripted', () => {
  test('IPv6: the unspecified address, loopback and multicast', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(from(syn, 6, '::', '::1', 'ff02::1'), lateExchange(3))), RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 3 });
  });

  test('one such source may be a host without an address', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(from(syn, 4, '0.0.0.0'), lateExchange(3))), RULE);
    expect(finding).toMatchObject({ severity: 'info', atFault: null });
  });

  test.each([[['10.1.1.1', '192.168.0.1', '172.16.0.1', '100.64.0.1', '169.254.3.4', '223.255.255.1']]])(
    'private and other ordinary sources',
    async (ips) => {
      expect(verdictOf(await diagnoseBytes(captureOf(from(syn, 4, ...ips), lateExchange(3))), RULE).verdict).toBe('clear');
    },
  );

  test('a redirect on one host: 127.0.0.1 reaches 10.0.0.2, in whichever direction it was captured', async () => {
    const frames = from(wholeConnection, 4, '127.0.0.1', '127.0.0.2');
    for (const captured of [frames, sentBy('client', frames)])
      expect(verdictOf(await diagnoseBytes(captureOf(captured, lateExchange(3))), RULE).verdict).toBe('clear');
  });
});
