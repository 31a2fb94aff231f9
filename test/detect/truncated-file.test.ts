/** Files that break off. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, handshake, healthy, wholeConnection } from '../support/traffic.ts';

const RULE = 'truncated-file';
/** Octets of a pcap record before its frame. */
const RECORD = 16;

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));

test('a real capture of which the last four kibibytes were never written, as of a tcpdump that was killed', async () => {
  const whole = fixture('close_wait_leak.pcap');
  const cut = whole.subarray(0, whole.length - 4_096);
  const report = await diagnoseBytes(cut);
  expect(findingsOf(report, RULE)).toMatchObject([
    { id: 'truncated-file/capture', severity: 'info', atFault: null, count: 1, metrics: { packetsBefore: report.capture.packets } },
  ]);
  const ongoing = report.findings.filter((f) => f.rule !== RULE && f.since !== null && f.until === null);
  expect(ongoing.length).toBeGreaterThan(0);
  for (const f of ongoing) expect(f.caveats.map((c) => c.code)).toContain(RULE);
});

test('the whole file is whole', async () => {
  expect(verdictOf(await diagnoseFixture('close_wait_leak.pcap'), RULE).verdict).toBe('clear');
});

test('cut inside a frame, inside a record header, between two records', async () => {
  const bytes = captureOf(healthy);
  const last = healthy.at(-1)!.bytes.length;
  expect(findingsOf(await diagnoseBytes(bytes.subarray(0, -1)), RULE)).toMatchObject([{ metrics: { packetsBefore: healthy.length - 1 } }]);
  expect(findingsOf(await diagnoseBytes(bytes.subarray(0, -last - 1)), RULE)).toMatchObject([
    { metrics: { packetsBefore: healthy.length - 1, fileOffset: bytes.length - last - RECORD } },
  ]);
  expect(verdictOf(await diagnoseBytes(bytes.subarray(0, -last - RECORD)), RULE).verdict).toBe('clear');
});

test('a record that no frame can have, near the end: what is behind it is not guessed at', async () => {
  const bytes = captureOf(healthy).slice();
  const before = healthy.slice(0, -10);
  const at = 24 + before.reduce((sum, frame) => sum + RECORD + frame.bytes.length, 0);
  new DataView(bytes.buffer).setUint32(at + 8, 0x7fffffff, true);
  expect(findingsOf(await diagnoseBytes(bytes), RULE)).toMatchObject([{ metrics: { packetsBefore: before.length, fileOffset: at } }]);
});

test('the same far from the end: the file does not break off there, and what was skipped is told', async () => {
  const bytes = captureOf(healthy).slice();
  new DataView(bytes.buffer).setUint32(24 + RECORD + healthy[0]!.bytes.length + 8, 0x7fffffff, true);
  const report = await diagnoseBytes(bytes);
  expect(verdictOf(report, RULE).verdict).toBe('clear');
  expect(report.capture.packets).toBe(healthy.length - 1);
  expect(report.capture.caveats.map((c) => c.text).join()).toContain('damaged bytes were skipped');
});

test('what ended before the file broke off has no doubt hung on it', async () => {
  const refused = scriptFrames('+0 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1', { serverPort: 81 });
  const bytes = captureOf(
    refused,
    connections(3, (i) => wholeConnection(1 + i)),
    scriptFrames(handshake(9), { clientPort: 50_000 }),
  );
  const report = await diagnoseBytes(bytes.subarray(0, -5));
  expect(findingsOf(report, RULE)).toHaveLength(1);
  const ended = report.findings.filter((f) => f.until !== null);
  expect(ended.flatMap((f) => f.caveats.map((c) => c.code))).not.toContain(RULE);
});

test('a file that breaks off before its first packet has no frame to filter for', async () => {
  const bytes = new Uint8Array([...captureOf([]), ...new Uint8Array(4096)]);
  const [finding] = findingsOf(await diagnoseBytes(bytes), RULE);
  expect(finding).toMatchObject({ metrics: { packetsBefore: 0 } });
  expect(finding!.displayFilter).not.toContain('{0}');
});
