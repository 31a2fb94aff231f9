/** Checksums that do not fit: damaged on the path, or wrong in the capture only. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { pcapOf, type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, handshake, healthy } from '../support/traffic.ts';

const RULE = 'bad-checksums';
const IP = 14;
const TCP = IP + 20;

/** The frame with one bit of an octet turned; counted from the end where negative. */
const turned = (f: ScriptedFrame, octet: number): ScriptedFrame => {
  const bytes = f.bytes.slice();
  const at = octet < 0 ? bytes.length + octet : octet;
  bytes[at] = bytes[at]! ^ 0x10;
  return { ...f, bytes };
};
/** With another TCP checksum. */
const withSum = (f: ScriptedFrame, sum: number): ScriptedFrame => {
  const bytes = f.bytes.slice();
  new DataView(bytes.buffer).setUint16(TCP + 16, sum);
  return { ...f, bytes };
};

describe('real captures', () => {
  test('six segments damaged on the way: the kernel of the server counted six (TcpInCsumErrors), and got all six again', async () => {
    const [finding] = findingsOf(await diagnoseFixture('damaged_segments.pcap.gz'), RULE);
    expect(finding).toMatchObject({
      id: 'bad-checksums/capture',
      severity: 'info',
      count: 6,
      atFault: null,
      metrics: { wrong: 6, droppedAndRepeated: 6, acknowledged: 0 },
    });
    // What `tshark -o tcp.check_checksum:TRUE -Y tcp.checksum.status==0` lists.
    expect(finding!.evidence.map((e) => e.frame)).toEqual([8, 13, 14, 29, 30, 31]);
  });

  test.each(['healthy_any_cooked.pcap', 'close_wait_leak.pcap', 'forwarding_any.pcap', 'loopback.pcapng', 'vlan_ipv6.pcap'])(
    'whatever offload left in %s is not wrong',
    async (name) => {
      expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
    },
  );

  test('payload cut at 96 octets: only bare segments could be verified', async () => {
    expect(verdictOf(await diagnoseFixture('healthy_offload.pcap'), RULE)).toMatchObject({ verdict: 'inconclusive' });
  });
});

test('right sums: clear; no TCP: not applicable', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  expect(verdictOf(await diagnoseBytes(captureOf()), RULE).verdict).toBe('not-applicable');
});

/** The first data segment comes twice: the server acknowledges after the second. */
const resent = scriptFrames(`${handshake(0)}
  +.001 > P. 1:101(100) ack 1
  +.3   > P. 1:101(100) ack 1
  +.001 < .  1:1(0) ack 101`);
const damaged = resent.map((f, i) => (i === 3 ? turned(f, -10) : f));

test('damaged, dropped, sent again', async () => {
  expect(findingsOf(await diagnoseBytes(pcapOf(damaged)), RULE)).toMatchObject([
    { count: 1, evidence: [{ frame: 4 }], metrics: { droppedAndRepeated: 1, acknowledged: 0 } },
  ]);
});

test('the same segment acknowledged as it was: right on the wire', async () => {
  const [finding] = findingsOf(await diagnoseBytes(pcapOf(damaged.filter((_, i) => i !== 4))), RULE);
  expect(finding).toMatchObject({ count: 1, metrics: { droppedAndRepeated: 0, acknowledged: 1 } });
  expect(finding!.summary).toContain('The network is not to blame');
});

test('a repeat of what had been acknowledged before proves nothing about the wrong one', async () => {
  const frames = scriptFrames(`${handshake(0)}
    +.001 > P. 1:101(100) ack 1
    +.001 < .  1:1(0) ack 101
    +.3   > P. 1:101(100) ack 1
    +.001 < .  1:1(0) ack 101`).map((f, i) => (i === 5 ? turned(f, -10) : f));
  expect(findingsOf(await diagnoseBytes(pcapOf(frames)), RULE)).toMatchObject([
    { metrics: { droppedAndRepeated: 0, acknowledged: 0, fateUnknown: 1 } },
  ]);
});

test('an IPv4 header whose sum is wrong', async () => {
  const frames = resent.map((f, i) => (i === 3 ? turned(f, IP + 8) : f)); // TTL
  expect(findingsOf(await diagnoseBytes(pcapOf(frames)), RULE)).toMatchObject([{ metrics: { wrongIpHeader: 1, droppedAndRepeated: 1 } }]);
});

test('left to the network card: the sum of the pseudo-header, with or without the length, or nothing at all', async () => {
  const { bytes } = resent[3]!;
  const words = (from: number, to: number): number[] =>
    Array.from({ length: (to - from) / 2 }, (_, i) => new DataView(bytes.buffer).getUint16(from + 2 * i));
  const folded = (sum: number): number => (sum & 0xffff) + (sum >>> 16);
  const unsized = [...words(IP + 12, IP + 20), 6].reduce((a, b) => a + b);
  for (const left of [folded(unsized + bytes.length - TCP), folded(unsized), 0]) {
    const frames = resent.map((f, i) => (i === 3 ? withSum(f, left) : f));
    expect(verdictOf(await diagnoseBytes(pcapOf(frames)), RULE).verdict).toBe('clear');
  }
});

test('open when the capture began', async () => {
  const frames = scriptFrames(`
    +0    > P. 1:101(100) ack 1
    +.3   > P. 1:101(100) ack 1
    +.001 < .  1:1(0) ack 101`).map((f, i) => (i === 0 ? turned(f, -10) : f));
  expect(findingsOf(await diagnoseBytes(pcapOf(frames)), RULE)).toMatchObject([{ metrics: { droppedAndRepeated: 1 } }]);
});

test('cut segments cannot be verified', async () => {
  expect(verdictOf(await diagnoseBytes(pcapOf(damaged, 1, TCP + 20)), RULE)).toMatchObject({ verdict: 'inconclusive' });
});

test('IPv6, an odd number of octets', async () => {
  const frames = scriptFrames(`${handshake(0)}\n  +.001 > P. 1:100(99) ack 1\n  +.001 < .  1:1(0) ack 100`, { family: 6 });
  expect(verdictOf(await diagnoseBytes(pcapOf(frames)), RULE).verdict).toBe('clear');
  const wrong = frames.map((f, i) => (i === 3 ? turned(f, -1) : f));
  expect(findingsOf(await diagnoseBytes(pcapOf(wrong)), RULE)).toMatchObject([{ count: 1, metrics: { acknowledged: 1 } }]);
});

test('a loss that is damage says so', async () => {
  const segments = Array.from({ length: 12 }, (_, i) => {
    const at = 1 + i * 100;
    return `
      +.001 > P. ${at}:${at + 100}(100) ack 1
      +.3   > P. ${at}:${at + 100}(100) ack 1
      +.001 < .  1:1(0) ack ${at + 100}`;
  });
  const frames = scriptFrames(`${handshake(0)}${segments.join('')}`).map((f, i) => (i % 3 === 0 && i > 2 ? turned(f, -10) : f));
  const report = await diagnoseBytes(pcapOf(frames));
  expect(findingsOf(report, RULE)).toMatchObject([{ metrics: { droppedAndRepeated: 12 } }]);
  expect(findingsOf(report, 'packet-loss')[0]!.caveats.map((c) => c.code)).toContain(RULE);
});
