/** Segments that are lost and sent again. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, merged } from '../support/traffic.ts';

const RULE = 'packet-loss';
const MSS = 1000;

/** `count` times: two segments, of which the first is reported missing and comes again after a round trip. */
const lossy = (count: number, clean = 0): string => {
  const lines = [handshake(0)];
  let seq = 1;
  for (let i = 0; i < count; i++, seq += 4 * MSS) {
    for (let n = 0; n < 4; n++) lines.push(`  +.0001 > . ${seq + n * MSS}:${seq + (n + 1) * MSS}(${MSS}) ack 1`);
    for (let n = 1; n < 4; n++) lines.push(`  +.0005 < . 1:1(0) ack ${seq} <nop,nop,sack ${seq + MSS}:${seq + (n + 1) * MSS}>`);
    lines.push(`  +.0005 > . ${seq}:${seq + MSS}(${MSS}) ack 1`);
    lines.push(`  +.001 < . 1:1(0) ack ${seq + 4 * MSS}`);
  }
  for (let i = 0; i < clean; i++, seq += MSS) {
    lines.push(`  +.0001 > . ${seq}:${seq + MSS}(${MSS}) ack 1`);
    lines.push(`  +.001 < . 1:1(0) ack ${seq + MSS}`);
  }
  return lines.join('\n');
};

describe('real captures', () => {
  // 42 data segments were lost; two of the repeats, tail loss probes, were the first copy that the receiver saw (nstat: 42 and 2).
  test('two uploads over a path that loses 4.9 %, captured at the receiver', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('packet_loss.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'warning',
      count: 2,
      atFault: 'path',
      subject: { host: 'fd41:4b3e:237b:9b::fe1f', role: 'server', port: 8584 },
      metrics: { lostSegments: 40, lostFromServer: 0, lostBeforeCapture: 40 },
    });
    expect(finding!.metrics.lostShare).toBeCloseTo(0.047, 2);
  });

  test.each([
    'reordering.pcap.gz',
    'zero_window.pcap',
    'keepalive_ok.pcap',
    'pmtu_blackhole.pcap',
    'pmtu_discovery.pcap',
    'firewall_idle_cut.pcap',
    'last_ack_stuck.pcap',
    'capture_with_gaps.pcap',
    'tcp_fast_open.pcap',
    'connect_timeout.pcap',
    'healthy_offload.pcap',
  ])('%s: none', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('twelve segments are reported missing and sent again', () => {
  test('seen here before they were lost: behind the capture point', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(lossy(12)))), RULE);
    expect(finding).toMatchObject({
      id: 'packet-loss/10.0.0.2:80',
      severity: 'warning',
      confidence: 'high',
      metrics: { lostSegments: 12, lostFromClients: 12, fastRetransmissions: 12, timeouts: 0, lostBeforeCapture: 0 },
    });
    expect(finding!.summary).toContain('behind the capture point');
  });

  test('the first copies lost before they came here', async () => {
    const frames = scriptFrames(lossy(12));
    const seen = new Set<number>();
    const kept = frames.filter(({ segment: s }) => {
      if (s.kind !== 'tcp' || s.from !== 'client' || s.length === 0 || (s.seq - 1) % (4 * MSS) !== 0 || seen.has(s.seq)) return true;
      seen.add(s.seq);
      return false;
    });
    const [finding] = findingsOf(await diagnoseBytes(captureOf(kept)), RULE);
    expect(finding).toMatchObject({ severity: 'warning', metrics: { lostSegments: 12, lostBeforeCapture: 12 } });
  });

  test('below 1 % of the segments it is no more than information', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(lossy(12, 2000)))), RULE);
    expect(finding).toMatchObject({ severity: 'info', atFault: null });
  });

  test('of a connection that began before the capture', async () => {
    const frames = scriptFrames(lossy(12)).slice(3);
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)).toHaveLength(1);
  });
});

describe('silent', () => {
  const silent = async (...scripts: string[]): Promise<void> => {
    const frames = merged(...scripts.map((script, i) => scriptFrames(script, { clientPort: 40000 + 2 * i })));
    expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('clear');
  };

  test('for nine', () => silent(lossy(9)));

  test('for what nobody acknowledges until the end', () =>
    silent(`${handshake(0)}
  +.001 > P. 1:101(100) ack 1
${Array.from({ length: 12 }, (_, i) => `  +${String(0.2 * 2 ** i)} > P. 1:101(100) ack 1`).join('\n')}`));

  test('for repeats of what had been acknowledged', () =>
    silent(`${handshake(0)}
  +.001 > P. 1:101(100) ack 1
  +.001 < . 1:1(0) ack 101
${Array.from({ length: 12 }, () => `  +.3 > P. 1:101(100) ack 1\n  +.001 < . 1:1(0) ack 101`).join('\n')}`));

  test('for healthy connections', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where only SYN, FIN and RST were captured', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), RULE).verdict).toBe('inconclusive');
});
