/** Source addresses that are not their sender's. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, lateExchange, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'spoofed-source';

const unanswered = (at: number): string => `+${at.toFixed(6)} > S 0:0(0) win 512`;
/** The owner of the address refuses what it did not ask for. */
const refusedByOwner = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 512
  +.001 < S. 0:0(0) ack 1 win 64240 <mss 1460>
  +.001 > R  1:1(0) win 0`;
const SYN = 0x02;
const TTL = 14 + 8; // of IPv4, behind 14 octets of Ethernet

/** The SYNs come from farther away than everything else of the same address. */
const fromFarther = (frames: readonly ScriptedFrame[]): readonly ScriptedFrame[] =>
  frames.map((f) => {
    if (f.segment.kind !== 'tcp' || f.segment.flags !== SYN) return f;
    const bytes = Uint8Array.from(f.bytes);
    bytes[TTL] = 49;
    return { ...f, bytes };
  });
const sources = (count: number, script: (at: number) => string, ip: (i: number) => string): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => script(i * 0.01),
    (i) => ({ clientIp: ip(i), clientPort: 1024 + 13 * i, clientIsn: i * 65_537 }),
  );
const neighbour = (i: number): string => `192.0.2.${1 + i}`;
const anywhere = (i: number): string => `${1 + ((i * 37) % 200)}.${(i * 101) % 256}.${(i * 7) % 256}.${1 + (i % 250)}`;

test('59 real hosts answer for what was sent in their names', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('syn_flood_rst_answers.pcap.gz'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'spoofed-source/192.168.70.190:443',
    severity: 'warning',
    atFault: 'attacker',
    count: 1135,
    explainedBy: 'syn-flood/192.168.70.190:443',
    metrics: { sources: 59, resetBySource: 1135, commonTtl: 49 },
  });
  expect(finding!.evidence.map((e) => e.note).join()).toContain('TTL 64');
});

test.each(['syn_flood_one_source.pcap', 'connect_timeout.pcap', 'portscan_syn.pcap', 'reconnect_storm.pcap.gz', 'healthcheck_rst.pcap'])(
  'not in %s',
  async (fixture) => {
    expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
  },
);

describe('scripted', () => {
  test('the owners of ten addresses refuse the SYN-ACKs, and stand nearer than the sender', async () => {
    const report = await diagnoseBytes(captureOf(fromFarther(sources(10, refusedByOwner, neighbour)), lateExchange(3)));
    expect(findingsOf(report, RULE)).toMatchObject([
      { severity: 'warning', confidence: 'high', count: 10, metrics: { sources: 10, resetBySource: 10 } },
    ]);
  });

  test('nine of them are too few', async () => {
    const report = await diagnoseBytes(captureOf(fromFarther(sources(9, refusedByOwner, neighbour)), lateExchange(3)));
    expect(verdictOf(report, RULE).verdict).toBe('clear');
  });

  test('the same distance: clients that had given up', async () => {
    const report = await diagnoseBytes(captureOf(sources(20, refusedByOwner, neighbour), lateExchange(3)));
    expect(verdictOf(report, RULE).verdict).toBe('clear');
  });

  test('one source: its own kernel refuses what a raw-socket tool asked for', async () => {
    const report = await diagnoseBytes(captureOf(fromFarther(sources(50, refusedByOwner, () => '192.0.2.7')), lateExchange(3)));
    expect(verdictOf(report, RULE).verdict).toBe('clear');
  });

  test('a hundred sources all over the world with one TTL and one form of SYN; not where they are neighbours', async () => {
    const diagnose = (ip: (i: number) => string): ReturnType<typeof diagnoseBytes> =>
      diagnoseBytes(captureOf(sources(120, unanswered, ip), lateExchange(3)));
    expect(findingsOf(await diagnose(anywhere), RULE)).toMatchObject([{ severity: 'info', count: 120 }]);
    expect(verdictOf(await diagnose(neighbour), RULE).verdict).toBe('clear');
  });

  test('what reaches the servers alone', async () => {
    const frames = [
      ...sentBy('client', sources(120, unanswered, anywhere)),
      ...sentBy(
        'client',
        connections(9, (i) => wholeConnection(i)),
      ),
    ];
    expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
  });
});
