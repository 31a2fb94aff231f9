/** TCP segments in IP fragments. */
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, healthy } from '../support/traffic.ts';

const RULE = 'ip-fragments';

test('requests of 3 connections, cut at 16 octets and more', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('ip4_fragments.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    severity: 'info',
    count: 3,
    atFault: null,
    subject: { host: '10.118.66.189', port: 80 },
    // The first: 20 octets of header, 12 of options and 1,118 of payload in pieces of 16.
    metrics: { mostFragments: 72, tinyConnections: 3, refusedConnections: 0 },
  });
});

test('of connections that began before the capture', async () => {
  let n = 0;
  const report = await diagnoseFixture('ip4_fragments.pcap', {}, () => ++n > 3);
  expect(findingsOf(report, RULE).length).toBeGreaterThan(0);
});

test('a fragment that is missing: no segment, and nothing to tell', async () => {
  let n = 0;
  // One of the 72 fragments of the first request.
  const report = await diagnoseFixture('ip4_fragments.pcap', {}, () => ++n !== 60);
  expect(findingsOf(report, RULE)).toMatchObject([{ count: 2 }]);
});

test.each(['packet_loss.pcap.gz', 'pmtu_discovery.pcap', 'healthy_offload.pcap'])('%s: none', async (fixture) => {
  expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
});

test('clear where nothing is in fragments', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
});
