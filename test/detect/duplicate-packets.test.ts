/** Copies: made by the network, or by the capture. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, healthy, merged, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'duplicate-packets';

describe('real captures', () => {
  test('five frames to the server came twice, 83 µs apart at most; the seven to the client were doubled behind the capture', async () => {
    const [finding] = findingsOf(await diagnoseFixture('duplicated_packets.pcap'), RULE);
    expect(finding).toMatchObject({
      id: 'duplicate-packets/capture',
      severity: 'info',
      count: 5,
      atFault: null,
      metrics: { samePoint: 5, otherInterface: 0, otherTtl: 0 },
    });
    expect(finding!.summary).toContain('the network delivered them twice');
  });

  test('a host that forwards, captured on every interface: the capture made them', async () => {
    const [finding] = findingsOf(await diagnoseFixture('forwarding_any.pcap'), RULE);
    expect(finding!.severity).toBe('info');
    expect(finding!.summary).toContain('The capture made them');
    expect(finding!.metrics.otherInterface).toBeGreaterThan(0);
  });

  test.each(['healthy_server_closes.pcap', 'last_ack_stuck.pcap', 'loss_behind_capture.pcap', 'syn_blackhole_linear.pcap'])(
    'none in %s',
    async (name) => {
      expect(verdictOf(await diagnoseFixture(name), RULE).verdict).toBe('clear');
    },
  );
});

/** Everything once more, 50 µs later. */
const again = healthy.map((f) => ({ ...f, nanos: f.nanos + 50_000 }));

test('everything twice at one point: a mirror port that shows a frame coming and going', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(merged(healthy, again))), RULE);
  expect(finding!.summary).toContain('nearly everything was captured twice');
});

test('of one direction alone', async () => {
  const bytes = captureOf(merged(sentBy('client', healthy), sentBy('client', again)));
  expect(findingsOf(await diagnoseBytes(bytes), RULE)).toHaveLength(1);
});

test('fewer than five are not worth a line', async () => {
  const frames = connections(3, (i) => wholeConnection(i * 0.1));
  const few = frames.slice(3, 5).map((f) => ({ ...f, nanos: f.nanos + 50_000 }));
  expect(verdictOf(await diagnoseBytes(captureOf(frames, few)), RULE).verdict).toBe('clear');
});

test('data that its sender sends again is no copy', async () => {
  const script = `${wholeConnection(0).split('\n').slice(0, 6).join('\n')}${'\n  +.3 > P. 1:11(10) ack 1'.repeat(6)}`;
  expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(script))), RULE).verdict).toBe('clear');
});
