/** Where a capture was taken: each clue by itself, and what the kernel's captures say that were taken at a known place. */
import { describe, expect, test } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import type { Vantage } from '../../src/model/vantage.ts';
import { NANOSECONDS, pcapFile, pcapngFile, section } from '../support/capture-bytes.ts';
import { diagnoseBytes, diagnoseFixture } from '../support/diagnose.ts';
import { sll, sll2 } from '../support/frames.ts';
import { type ScriptedFrame, scriptFrames, type ScriptOptions } from '../support/script.ts';

const CLIENT = '10.0.0.1';
const SERVER = '10.0.0.2';
const LINKTYPE_LINUX_SLL = 113;
const LINKTYPE_LINUX_SLL2 = 276;

/** A handshake and a request; how long each end takes to answer, seconds. */
const exchange = (client: number, server: number): string => `
  +0          > S  0:0(0)
  +${server.toFixed(6)} < S. 0:0(0) ack 1
  +${client.toFixed(6)} > .  1:1(0) ack 1
  +0          > P. 1:101(100) ack 1
  +${server.toFixed(6)} < .  1:1(0) ack 101`;

/** One after the other, each from a port of its own. */
const exchanges = (count: number, client: number, server: number, options: ScriptOptions = {}): ScriptedFrame[] =>
  Array.from({ length: count }, (_, i) =>
    scriptFrames(exchange(client, server), { clientPort: 40_000 + i, start: 1_000 + i, ...options }),
  ).flat();

const isFromClient = (f: ScriptedFrame): boolean => f.segment.from === 'client';

/** @param change a frame as the capturing machine would have seen it */
async function taken(
  frames: readonly ScriptedFrame[],
  change: (bytes: Uint8Array, f: ScriptedFrame) => Uint8Array = (b) => b,
  linkType = 1,
): Promise<Vantage> {
  const records = frames.map((f) => ({ seconds: f.seconds, fraction: f.nanos, bytes: change(f.bytes.slice(), f) }));
  return (await diagnoseBytes(pcapFile({ magic: NANOSECONDS, linkType }, records))).capture.vantage;
}

const hostsOf = (v: Vantage): string[] => v.hosts.map((h) => `${h.ip} ${h.role}`);
const textOf = (v: Vantage, clue: string): string | undefined => v.evidence.find((e) => e.clue === clue)?.text;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const withTtl = (bytes: Uint8Array, ttl: number): Uint8Array => {
  bytes[14 + 8] = ttl;
  return bytes;
};

/** RFC 9293 §3.1: the pseudo-header is both addresses, zero and protocol, and the TCP length. */
function withPartialChecksum(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes);
  const length = view.getUint16(14 + 2) - 20;
  let sum = 6 + length;
  for (let at = 14 + 12; at < 14 + 20; at += 2) sum += view.getUint16(at);
  view.setUint16(14 + 20 + 16, (sum & 0xffff) + (sum >>> 16));
  return bytes;
}

const padded = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(Math.max(60, bytes.length));
  out.set(bytes);
  return out;
};

describe('round-trip times', () => {
  test('an end that answers at once, while the other takes a network, is where the capture was made', async () => {
    const client = await taken(exchanges(14, 0.000_04, 0.0145));
    expect([client.kind, client.confidence, hostsOf(client)]).toEqual(['client', 'medium', [`${CLIENT} client`]]);
    expect(textOf(client, 'round-trip')).toBe('14 of 14 handshakes: 10.0.0.1 answered within 40 µs, the other end took 14.5 ms (median)');
    expect([client.clientDelaySeconds, client.serverDelaySeconds]).toEqual([0.00002, 0.00725]);

    const server = await taken(exchanges(3, 0.02, 0.00001));
    expect([server.kind, server.confidence, hostsOf(server)]).toEqual(['server', 'medium', [`${SERVER} server`]]);
  });

  test('a host that opens some connections and accepts others is both', async () => {
    const incoming = exchanges(3, 0.02, 0.00001, { clientIp: '10.9.9.9', serverIp: CLIENT });
    const v = await taken([...exchanges(3, 0.00001, 0.02), ...incoming].sort((a, b) => a.seconds - b.seconds));
    expect([v.kind, hostsOf(v)]).toEqual(['both', [`${CLIENT} both`]]);
  });

  test('two ends that take their time lie on both sides of the capture point', async () => {
    expect((await taken(exchanges(3, 0.004, 0.006))).kind).toBe('between');
  });

  test('two ends that answer at once cannot be told apart, nor two within a local network', async () => {
    expect((await taken(exchanges(20, 0.000_01, 0.000_02))).kind).toBe('unknown');
    expect((await taken(exchanges(20, 0.000_03, 0.000_2))).kind).toBe('unknown');
  });

  test('a clock of milliseconds says nothing', async () => {
    expect((await taken(exchanges(5, 0, 0.02))).kind).toBe('unknown');
  });

  test('SYNs that cross, or one without an answer, say nothing', async () => {
    const crossing = scriptFrames('+0 > S 0:0(0)\n+.02 < S 0:0(0)\n+.00001 > S. 0:0(0) ack 1\n+.02 < S. 0:0(0) ack 1\n');
    expect((await taken(crossing)).kind).toBe('unknown');
    expect((await taken(scriptFrames('+0 > S 0:0(0)\n+1 > S 0:0(0)'))).kind).toBe('unknown');
  });

  test('an end whose TTL routers have lowered is not here, however fast it answers', async () => {
    const v = await taken(exchanges(5, 0.000_02, 0.02), (b, f) => withTtl(b, isFromClient(f) ? 63 : 64));
    expect([v.kind, v.hosts]).toEqual(['unknown', []]);
  });
});

describe('TTLs', () => {
  test('lowered at both ends: routers lie on both sides', async () => {
    const v = await taken(exchanges(4, 0.000_2, 0.000_25), (b) => withTtl(b, 61));
    expect(v.kind).toBe('between');
  });

  test('each segment with two TTLs, one apart: both sides of a router', async () => {
    const frames = exchanges(4, 0.004, 0.006).flatMap((f) => [f, f]);
    let copy = 0;
    const v = await taken(frames, (b) => withTtl(b, copy++ % 2 === 0 ? 64 : 63));
    expect(v.kind).toBe('forwarding');
  });
});

describe('checksums that the network card has yet to fill in', () => {
  test('are of the capturing host', async () => {
    const v = await taken(exchanges(2, 0.000_1, 0.000_1), (b, f) => (isFromClient(f) ? withPartialChecksum(b) : b));
    expect([v.kind, v.confidence, hostsOf(v)]).toEqual(['client', 'high', [`${CLIENT} client`]]);
    expect(textOf(v, 'checksums')).toContain('4 of 4 sampled segments of 10.0.0.1 without payload');
  });

  test('at both ends: both are on one machine, and which of them is not known', async () => {
    const v = await taken(exchanges(2, 0.000_1, 0.000_1), withPartialChecksum);
    expect(v.kind).toBe('unknown');
    expect(textOf(v, 'checksums')).toContain('both are on one machine');
  });

  test('with payload say nothing: receive offload leaves them too', async () => {
    const v = await taken(exchanges(4, 0.000_1, 0.000_1), (b, f) =>
      f.segment.kind === 'tcp' && f.segment.length > 0 ? withPartialChecksum(b) : b,
    );
    expect(v.kind).toBe('unknown');
  });
});

describe('short Ethernet frames', () => {
  test('not yet padded at one end only are of the capturing host', async () => {
    const v = await taken(exchanges(2, 0.000_1, 0.000_1), (b, f) => (isFromClient(f) ? padded(b) : b));
    expect([v.kind, v.confidence, hostsOf(v)]).toEqual(['server', 'high', [`${SERVER} server`]]);
  });

  test('padded or not at both ends say nothing', async () => {
    expect((await taken(exchanges(2, 0.000_1, 0.000_1))).kind).toBe('unknown');
    expect((await taken(exchanges(2, 0.000_1, 0.000_1), padded)).kind).toBe('unknown');
  });
});

describe('the direction that the link layer tells', () => {
  const HOST = 0;
  const OTHER_HOST = 3;
  const OUTGOING = 4;
  const slow = exchanges(2, 0.000_1, 0.000_1);
  const cooked = (frame: Uint8Array, packetType: number): Uint8Array => sll2(frame.subarray(14), { packetType });

  test('decides, with the first segment', async () => {
    const v = await taken(slow, (b, f) => cooked(b, isFromClient(f) ? HOST : OUTGOING), LINKTYPE_LINUX_SLL2);
    expect([v.kind, v.confidence, hostsOf(v)]).toEqual(['server', 'high', [`${SERVER} server`]]);
    expect(textOf(v, 'direction')).toBe(
      'the link layer marks 4 of 4 sampled segments of 10.0.0.2 as sent by this machine, 6 of 6 to it as received',
    );
    const v1 = await taken(slow, (b, f) => sll(b.subarray(14), { packetType: isFromClient(f) ? OUTGOING : HOST }), LINKTYPE_LINUX_SLL);
    expect(hostsOf(v1)).toEqual([`${CLIENT} client`]);
  });

  test('both ways for the same hosts: the machine forwards', async () => {
    const frames = slow.flatMap((f) => [f, f]);
    let copy = 0;
    const v = await taken(frames, (b) => cooked(b, copy++ % 2 === 0 ? HOST : OUTGOING), LINKTYPE_LINUX_SLL2);
    expect([v.kind, v.hosts]).toEqual(['forwarding', []]);
  });

  test('for other machines: the capture was made in passing', async () => {
    const v = await taken(slow, (b) => cooked(b, OTHER_HOST), LINKTYPE_LINUX_SLL2);
    expect(v.kind).toBe('between');
  });

  test('is also read from epb_flags', async () => {
    const s = section();
    const flags = (f: ScriptedFrame): Uint8Array => s.u32(isFromClient(f) ? 2 : 1);
    const blocks = slow.map((f) =>
      s.packet(0, BigInt(f.seconds) * 1_000_000n + BigInt(f.nanos / 1_000), f.bytes, { list: [[2, flags(f)]] }),
    );
    const report: Report = await diagnoseBytes(pcapngFile([s.header(), s.interface(), ...blocks]));
    expect([report.capture.vantage.kind, report.capture.vantage.confidence]).toEqual(['client', 'high']);
  });
});

/** Where the kernel's captures were taken, as those who made them wrote down. `null`: nothing in the packets shows it; docs/states.md says why. */
test.each([
  ['close_wait_leak.pcap', 'client'],
  ['close_wait_leak_server.pcap', 'server'],
  ['healthy_client_closes.pcap', 'client'],
  ['healthy_pcapng.pcapng', 'server'],
  ['lost_third_ack.pcap', 'server'],
  ['portscan_syn.pcap', 'server'],
  ['rst_challenge_ack.pcap', 'server'],
  ['midstream_capture.pcapng', 'client'],
  ['timers_run_out.pcap', 'server'],
  ['vlan_ipv6.pcap', 'between'],
  ['healthy_offload.pcap', null],
  ['ephemeral_exhaustion.pcap', null],
  ['refused.pcapng', null],
])('%s was taken at: %s', async (file, kind) => {
  const { vantage } = (await diagnoseFixture(file)).capture;
  expect(vantage.kind).toBe(kind ?? 'unknown');
});
