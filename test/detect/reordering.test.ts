/** Segments that others overtake. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy } from '../support/traffic.ts';

const RULE = 'reordering';
const MSS = 1000;

/** `count` pairs of segments, the second ahead of the first; `late` seconds behind it, on a path of 2 ms. */
const swapped = (count: number, late = 0.0002): string =>
  [
    handshake(0),
    ...Array.from({ length: count }, (_, i) => {
      const seq = 1 + 2 * i * MSS;
      return `  +.003 > . ${seq + MSS}:${seq + 2 * MSS}(${MSS}) ack 1
  +${late.toFixed(6)} > . ${seq}:${seq + MSS}(${MSS}) ack 1
  +.001 < . 1:1(0) ack ${seq + 2 * MSS}`;
    }),
  ].join('\n');

describe('real captures', () => {
  test('22 segments of an upload are overtaken, none is lost', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('reordering.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'info',
      count: 1,
      atFault: null,
      // nstat: TcpRetransSegs 3, all for nothing
      metrics: { overtakenSegments: 22, fromClients: 22, spuriousRetransmissions: 3 },
    });
  });

  test.each(['packet_loss.pcap.gz', 'loss_behind_capture.pcap', 'healthy_offload.pcap', 'capture_with_gaps.pcap'])(
    '%s: none',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

test('ten swapped pairs', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(swapped(10)))), RULE);
  expect(finding).toMatchObject({
    id: 'reordering/10.0.0.2:80',
    severity: 'info',
    metrics: { overtakenSegments: 10, farthestOctets: 2 * MSS, latestSeconds: 0.0002 },
  });
});

test('of a connection that began before the capture', async () => {
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(swapped(12)).slice(3))), RULE)).toHaveLength(1);
});

describe('silent', () => {
  test('for nine', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(swapped(9)))), RULE).verdict).toBe('clear');
  });

  test('for what comes later than a round trip: it was lost and sent again', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(swapped(12, 0.02)))), RULE).verdict).toBe('clear');
  });

  test('for healthy connections', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where only SYN, FIN and RST were captured', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), RULE).verdict).toBe('inconclusive');
});
