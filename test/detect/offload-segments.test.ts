/** Segments larger than their receiver takes. */
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptCapture } from '../support/script.ts';
import { captureOf, handshake, healthy, lonelySyns } from '../support/traffic.ts';

const RULE = 'offload-segments';

test('a real upload with offload on: 65,160 octets in one segment where 1,460 are allowed', async () => {
  const [finding] = findingsOf(await diagnoseFixture('healthy_offload.pcap'), RULE);
  expect(finding).toMatchObject({
    id: 'offload-segments/capture',
    severity: 'info',
    atFault: null,
    count: 1,
    metrics: { largestPayload: 65_160, mss: 1_460 },
  });
  expect(finding!.causes[0]!.text).toContain('TSO');
});

test('real full-size segments that no offload touched', async () => {
  expect(verdictOf(await diagnoseFixture('damaged_segments.pcap.gz'), RULE).verdict).toBe('clear');
});

const upload = (octets: number, mss: number): string => `
  +0    > S  0:0(0) win 64240 <mss ${mss},sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss ${mss},sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1
  +.001 > P. 1:${1 + octets}(${octets}) ack 1
  +.001 < .  1:1(0) ack ${1 + octets}`;

test('above the MSS, and just as large as it', async () => {
  expect(findingsOf(await diagnoseBytes(scriptCapture(upload(1_461, 1_460))), RULE)).toMatchObject([{ count: 1 }]);
  expect(verdictOf(await diagnoseBytes(scriptCapture(upload(1_460, 1_460))), RULE).verdict).toBe('clear');
});

test('jumbo frames', async () => {
  expect(verdictOf(await diagnoseBytes(scriptCapture(upload(8_960, 8_960))), RULE).verdict).toBe('clear');
});

test('without a handshake there is no MSS to compare with', async () => {
  const script = `
    +0    > P. 1:4001(4000) ack 1
    +.001 < .  1:1(0) ack 4001`;
  expect(verdictOf(await diagnoseBytes(scriptCapture(script)), RULE)).toMatchObject({ verdict: 'inconclusive' });
});

test('no payload, no TCP: not applicable', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(lonelySyns)), RULE).verdict).toBe('not-applicable');
  expect(verdictOf(await diagnoseBytes(captureOf()), RULE).verdict).toBe('not-applicable');
});

test('a finding that counts segments of such a connection says so, and others do not', async () => {
  const lossy = Array.from({ length: 20 }, (_, i) => {
    const at = 1 + i * 3_000;
    return `
      +.001 > P. ${at}:${at + 3_000}(3000) ack 1
      +.3   > P. ${at}:${at + 3_000}(3000) ack 1
      +.001 < .  1:1(0) ack ${at + 3_000}`;
  }).join('');
  const report = await diagnoseBytes(scriptCapture(`${handshake(0)}${lossy}`));
  expect(findingsOf(report, RULE)).toHaveLength(1);
  expect(findingsOf(report, 'packet-loss')[0]!.caveats.map((c) => c.code)).toContain(RULE);
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
});
