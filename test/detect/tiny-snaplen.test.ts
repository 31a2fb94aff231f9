/** Headers that the snap length cuts. */
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { pcapOf, type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, healthy } from '../support/traffic.ts';

const RULE = 'tiny-snaplen';
/** Ethernet, IPv4 and TCP without options. */
const FIXED = 14 + 20 + 20;

const cutTo = (octets: number, frames: readonly ScriptedFrame[]): Uint8Array => pcapOf(frames, 1, octets);

test('62 octets of real frames: TCP is whole in 271 of 276 packets, its options are not', async () => {
  const report = await diagnoseFixture('tiny_snaplen.pcap');
  const [finding] = findingsOf(report, RULE);
  expect(finding).toMatchObject({
    id: 'tiny-snaplen/capture',
    severity: 'info',
    atFault: null,
    metrics: { capturedOctets: 62, cutInOptions: 271 },
  });
  expect(finding!.summary).toContain('window scaling');
});

test('128 octets of real frames hold all headers, whatever they cut of the payload', async () => {
  expect(verdictOf(await diagnoseFixture('healthy_server_closes.pcap'), RULE).verdict).toBe('clear');
});

test('cut in the options of the SYNs; cut in the TCP header of all', async () => {
  const syns = findingsOf(await diagnoseBytes(cutTo(FIXED + 4, healthy)), RULE);
  expect(syns).toMatchObject([{ metrics: { cutInHeaders: 0, cutInOptions: 12, cutInPayload: 12, capturedOctets: FIXED + 4 } }]);
  const headers = findingsOf(await diagnoseBytes(cutTo(FIXED - 4, healthy)), RULE);
  expect(headers).toMatchObject([{ metrics: { cutInHeaders: healthy.length, cutInOptions: 0, capturedOctets: FIXED - 4 } }]);
  expect(headers[0]!.summary).toContain('in no connection');
});

test('payload alone: that is what a snap length is for', async () => {
  expect(verdictOf(await diagnoseBytes(cutTo(FIXED + 20, healthy)), RULE).verdict).toBe('clear');
});

test('open when the capture began, cut in the timestamps', async () => {
  const frames = scriptFrames(`
    +0    > P. 1:11(10) ack 1 <nop,nop,TS val 100 ecr 90>
    +.001 < .  1:1(0) ack 11 <nop,nop,TS val 200 ecr 100>`);
  expect(findingsOf(await diagnoseBytes(cutTo(FIXED + 6, frames)), RULE)).toMatchObject([{ metrics: { cutInOptions: 2 } }]);
});

test('an empty capture: not applicable', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf()), RULE).verdict).toBe('not-applicable');
});

test('a finding that would ask the options says that they are missing', async () => {
  const loss = await diagnoseFixture('packet_loss.pcap.gz'); // snap 96, IPv6: SACK blocks are cut
  expect(findingsOf(loss, RULE)).toHaveLength(1);
  expect(findingsOf(loss, 'packet-loss')[0]!.caveats.map((c) => c.code)).toContain(RULE);
});
