/** Probes with flags that no stack sends, and lone segments of connections that never were. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, connections, handshake, lateExchange } from '../support/traffic.ts';

const RULE = 'flag-probe';

/** One probe per port; a closed port answers by RST. */
const probes = (count: number, flags: string, answer: string | null): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => `
  +${(i * 0.01).toFixed(6)} > ${flags}${answer === null ? '' : `\n  +.001 < ${answer}`}`,
    (i) => ({ serverPort: 100 + i }),
  );
const diagnose = (...frames: readonly (readonly ScriptedFrame[])[]): ReturnType<typeof diagnoseBytes> =>
  diagnoseBytes(captureOf(...frames, lateExchange(5)));

describe('real captures', () => {
  test('seven kinds of probes by nmap and hping3; ports 22 and 80 listen', async () => {
    const report = await diagnoseFixture('portscan_flags.pcap');
    const [finding, ...more] = findingsOf(report, RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'flag-probe/172.23.82.218@172.23.82.111',
      severity: 'critical',
      atFault: '172.23.82.111',
      count: 234, // 6 times 34, and 30 by hping3
      metrics: { impossibleFlags: 200, kinds: '64 Xmas, 34 FIN, 34 NULL, 34 SYN+FIN, 34 SYN+RST, 34 Maimon', silentPorts: '22, 80' },
    });
    expect(findingsOf(report, 'port-scan')).toEqual([]); // SYN with FIN is no SYN
  });

  test.each([
    'portscan_syn.pcap',
    'midstream_capture.pcapng',
    'half_open_reboot.pcap',
    'fin_wait2_orphan_timeout.pcap',
    'rst_every_state.pcap',
  ])('not in %s', async (fixture) => {
    expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
  });
});

describe('scripted', () => {
  test.each([
    ['none', 'NULL'],
    ['F', 'FIN'],
    ['FPU', 'Xmas'],
    ['SF', 'SYN+FIN'],
    ['SR', 'SYN+RST'],
  ])('five segments with flags %s, four not', async (flags, name) => {
    const [finding] = findingsOf(await diagnose(probes(5, `${flags} 0:0(0)`, null)), RULE);
    expect(finding).toMatchObject({ count: 5, atFault: '10.0.0.1', metrics: { kinds: `5 ${name}`, answered: 0 } });
    expect(verdictOf(await diagnose(probes(4, `${flags} 0:0(0)`, null)), RULE).verdict).toBe('clear');
  });

  test.each([
    ['. 1:1(0) ack 1', 'ACK'],
    ['F. 1:1(0) ack 1', 'Maimon'],
  ])('%s at 15 ports without a connection, each met by a bare RST', async (segment, name) => {
    const [finding] = findingsOf(await diagnose(probes(15, segment, 'R 1:1(0) win 0')), RULE);
    expect(finding).toMatchObject({ count: 15, metrics: { kinds: `15 ${name}`, impossibleFlags: 0 } });
    expect(verdictOf(await diagnose(probes(14, segment, 'R 1:1(0) win 0')), RULE).verdict).toBe('clear');
  });

  test('ends of connections that began before the capture: FINs that are acknowledged', async () => {
    expect(verdictOf(await diagnose(probes(30, 'F. 1:1(0) ack 1', '. 1:1(0) ack 2')), RULE).verdict).toBe('clear');
  });

  test('a host that restarted: data of its clients meet a bare RST', async () => {
    expect(verdictOf(await diagnose(probes(30, 'P. 1:11(10) ack 1', 'R 1:1(0) win 0')), RULE).verdict).toBe('clear');
  });

  test('odd flags inside connections that work are damage', async () => {
    const damaged = scriptFrames(`${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < .  1:1(0) ack 11
  +.001 > F  11:11(0)
  +.001 > F  11:11(0)
  +.001 > F  11:11(0)
  +.001 > F  11:11(0)
  +.001 > F  11:11(0)
  +.001 > F. 11:11(0) ack 1`);
    expect(verdictOf(await diagnose(damaged), RULE).verdict).toBe('clear');
  });
});
