/** Single frames that the network delivers twice. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, healthy, merged, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'duplicate-packets';
const MINE = ['duplicate-packets', 'duplicate-capture'];

describe('real captures', () => {
  test('five frames to the server came twice, 83 µs apart at most; the seven to the client were doubled behind the capture', async () => {
    const report = await diagnoseFixture('duplicated_packets.pcap');
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({
      id: 'duplicate-packets/capture',
      severity: 'info',
      count: 5,
      atFault: null,
      metrics: { samePoint: 5, otherInterface: 0, otherTtl: 0 },
    });
    expect(finding!.summary).toContain('the network delivered them twice');
    expect(verdictOf(report, 'duplicate-capture').verdict).toBe('clear');
  });

  test.each(['healthy_server_closes.pcap', 'last_ack_stuck.pcap', 'loss_behind_capture.pcap', 'syn_blackhole_linear.pcap'])(
    'none in %s',
    async (name) => {
      const report = await diagnoseFixture(name);
      expect(MINE.map((rule) => verdictOf(report, rule).verdict)).toEqual(['clear', 'clear']);
    },
  );
});

/** One segment in six of the clients once more, 50 µs later. */
const again = sentBy('client', healthy)
  .filter((_, i) => i % 6 === 3)
  .map((f) => ({ ...f, nanos: f.nanos + 50_000 }));

test('some segments twice at one point', async () => {
  const report = await diagnoseBytes(captureOf(merged(healthy, again)));
  expect(findingsOf(report, RULE)).toMatchObject([{ count: again.length, metrics: { samePoint: again.length } }]);
  expect(verdictOf(report, 'duplicate-capture').verdict).toBe('clear');
});

test('seen in one direction alone', async () => {
  const bytes = captureOf(merged(sentBy('client', healthy), again));
  expect(findingsOf(await diagnoseBytes(bytes), RULE)).toMatchObject([{ count: again.length }]);
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

test('no TCP: not applicable', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf()), RULE).verdict).toBe('not-applicable');
});
