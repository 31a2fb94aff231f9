/** Copies that the capture made: several points, or everything twice. */
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, healthy, merged, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'duplicate-capture';

test('a host that forwards, captured on every interface', async () => {
  const report = await diagnoseFixture('forwarding_any.pcap');
  const [finding] = findingsOf(report, RULE);
  expect(finding).toMatchObject({
    id: 'duplicate-capture/capture',
    severity: 'info',
    atFault: null,
    metrics: { samePoint: 0, interfaces: 3 },
  });
  expect(finding!.summary).toContain('on another interface (3 interfaces: index 2, 3, 4)');
  expect(verdictOf(report, 'duplicate-packets').verdict).toBe('clear');
});

/** Everything once more, 50 µs later. */
const again = healthy.map((f) => ({ ...f, nanos: f.nanos + 50_000 }));

test('everything twice at one point: a mirror port that shows a frame coming and going', async () => {
  const report = await diagnoseBytes(captureOf(merged(healthy, again)));
  expect(findingsOf(report, RULE)).toMatchObject([
    { title: 'Nearly every TCP segment was captured twice or more', count: healthy.length, metrics: { samePoint: healthy.length } },
  ]);
  expect(verdictOf(report, 'duplicate-packets').verdict).toBe('clear');
});

test('one segment in five twice at one point is the network', async () => {
  const some = again.filter((_, i) => i % 5 === 0);
  expect(verdictOf(await diagnoseBytes(captureOf(merged(healthy, some))), RULE).verdict).toBe('clear');
});

test('of one direction alone', async () => {
  const bytes = captureOf(merged(sentBy('client', healthy), sentBy('client', again)));
  expect(findingsOf(await diagnoseBytes(bytes), RULE)).toHaveLength(1);
});

test('open when the capture began', async () => {
  const open = (frames: typeof healthy): typeof healthy => frames.filter(({ segment }) => segment.at % 1e8 > 2_500_000);
  const report = await diagnoseBytes(captureOf(merged(open(healthy), open(again))));
  expect(verdictOf(report, 'mid-stream').verdict).toBe('found');
  expect(findingsOf(report, RULE)).toHaveLength(1);
});

test('fewer than five are not worth a line', async () => {
  const frames = connections(1, () => wholeConnection(0));
  const few = frames.slice(3, 7).map((f) => ({ ...f, nanos: f.nanos + 50_000 }));
  expect(verdictOf(await diagnoseBytes(captureOf(frames, few)), RULE).verdict).toBe('clear');
  expect(verdictOf(await diagnoseBytes(captureOf()), RULE).verdict).toBe('not-applicable');
});
