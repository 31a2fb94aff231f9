/** Answers to an address that asked for none. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { dnsAnswer, dnsQuery, type Message, type TimedFrame, timedCapture } from '../support/dns.ts';
import { ethernet, icmp, ipv4, type Upper, udp } from '../support/frames.ts';
import { DEFAULT_START } from '../support/script.ts';
import { connections, wholeConnection } from '../support/traffic.ts';

const RULE = 'reflection';

const messages = (count: number, of: (i: number) => Partial<Message> = () => ({})): readonly Message[] =>
  Array.from({ length: count }, (_, i) => ({
    at: i * 0.01,
    id: i,
    name: 'example.com',
    client: '10.0.0.1',
    clientPort: 1024 + i,
    server: `198.51.100.${String(i % 12)}`,
    ...of(i),
  }));
const packets = (count: number, src: (i: number) => string, dst: string, upper: (i: number) => Upper): readonly TimedFrame[] =>
  Array.from({ length: count }, (_, i) => ({
    seconds: DEFAULT_START,
    nanos: i * 10_000_000,
    bytes: ethernet(ipv4({ src: src(i), dst }, upper(i))),
  }));
/** The receiver's own traffic: three connections to somebody else. */
const heard = connections(3, (i) => wholeConnection(i));
const server = (i: number): string => `198.51.100.${String(i % 12)}`;

const run = async (...frames: (readonly TimedFrame[])[]): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(timedCapture(...frames)), RULE);
const verdict = async (...frames: (readonly TimedFrame[])[]): Promise<string> =>
  verdictOf(await diagnoseBytes(timedCapture(...frames)), RULE).verdict;

test('forged for a real kernel, which refuses all: 254 DNS answers, 43 SYN-ACKs', async () => {
  const report = await diagnoseFixture('reflection.pcap.gz');
  const [finding, ...more] = findingsOf(report, RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'reflection/192.168.13.233',
    severity: 'warning',
    confidence: 'high',
    atFault: 'attacker',
    count: 297,
    // tshark: 254 ICMP port unreachable, 43 RSTs
    metrics: { answers: 254, synAcks: 43, senders: 24, refused: 297 },
    displayFilter: 'ip.dst==192.168.13.233 && (udp.srcport in {53} || (tcp.flags.syn==1 && tcp.flags.ack==1))',
  });
  expect(findingsOf(report, 'backscatter')).toEqual([]);
});

describe('found', () => {
  test('fifty DNS answers of twelve servers to a host whose connections are in the capture', async () => {
    expect(await run(messages(50).map(dnsAnswer), heard)).toMatchObject([
      { count: 50, confidence: 'medium', metrics: { senders: 12, synAcks: 0 } },
    ]);
  });

  test('memcached', async () => {
    const answers = packets(60, server, '10.0.0.1', (i) => udp({ srcPort: 11211, dstPort: 2000 + i, payload: new Uint8Array(1400) }));
    const [finding] = await run(answers, heard);
    expect(finding!.title).toContain('60 memcached answers of 12 servers');
    expect(finding!.metrics.octets).toBe(60 * (20 + 8 + 1400));
  });

  test('echo replies of a broadcast ping in its name (smurf)', async () => {
    const replies = packets(60, server, '10.0.0.1', (i) => icmp(0, 0, new Uint8Array(56), (7 << 16) | i));
    expect((await run(replies, heard))[0]!.title).toContain('60 ICMP echo replies');
  });

  test('SYN-ACKs of twenty services, three each, that it refuses', async () => {
    const answers = connections(
      60,
      (i) => `+${(i * 0.1).toFixed(6)} < S. 0:0(0) ack 1\n  +.001 > R 1:1(0) win 0`,
      (i) => ({ clientPort: 2000 + i, serverIp: `203.0.113.${String(i % 20)}`, serverPort: 443 }),
    );
    expect(await run(answers)).toMatchObject([{ count: 60, confidence: 'high', metrics: { answers: 0, synAcks: 60, senders: 20 } }]);
  });
});

describe('silent', () => {
  test('forty-nine answers, or nine servers', async () => {
    expect(await run(messages(49).map(dnsAnswer), heard)).toEqual([]);
    expect(await run(messages(90, (i) => ({ server: `198.51.100.${String(i % 9)}` })).map(dnsAnswer), heard)).toEqual([]);
  });

  test('every answer was asked for', async () => {
    const asked = messages(200);
    expect(
      await run(
        asked.map(dnsQuery),
        asked.map((m) => dnsAnswer({ ...m, at: m.at + 0.02 })),
        heard,
      ),
    ).toEqual([]);
  });

  test('a few answers whose questions were lost, among many that were asked', async () => {
    const asked = messages(1000);
    const lost = messages(60, (i) => ({ clientPort: 60_000 + i }));
    expect(
      await run(
        asked.map(dnsQuery),
        asked.map((m) => dnsAnswer({ ...m, at: m.at + 0.02 })),
        lost.map(dnsAnswer),
        heard,
      ),
    ).toEqual([]);
  });

  test('a multicast question is answered by others (SSDP)', async () => {
    const question = packets(
      1,
      () => '10.0.0.1',
      '239.255.255.250',
      () => udp({ srcPort: 50_000, dstPort: 1900 }),
    );
    const answers = packets(60, server, '10.0.0.1', () => udp({ srcPort: 1900, dstPort: 50_000 }));
    expect(await run(question, answers, heard)).toEqual([]);
  });

  test('a ping to many, with one identifier', async () => {
    const asked = packets(
      60,
      () => '10.0.0.1',
      '198.51.100.9',
      (i) => icmp(8, 0, new Uint8Array(8), (7 << 16) | i),
    );
    const replies = packets(60, server, '10.0.0.1', (i) => icmp(0, 0, new Uint8Array(8), (7 << 16) | i));
    expect(await run(asked, replies, heard)).toEqual([]);
  });

  test('NTP between servers: both ports are 123', async () => {
    expect(
      await run(
        packets(80, server, '10.0.0.1', () => udp({ srcPort: 123, dstPort: 123 })),
        heard,
      ),
    ).toEqual([]);
  });

  test.each(['dns_flood.pcap.gz', 'midstream_capture.pcapng', 'syn_flood_rst_answers.pcap.gz', 'icmp_reject.pcap'])('%s', async (name) => {
    expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
  });
});

describe('inconclusive', () => {
  test('nothing that the receiver sends is in the capture: its questions may take another way', async () => {
    expect(await verdict(messages(80).map(dnsAnswer))).toBe('inconclusive');
  });

  test('one direction of everything', async () => {
    const answers = heard.filter((f) => f.segment.from === 'server');
    expect(await verdict(messages(80).map(dnsAnswer), answers)).toBe('inconclusive');
  });
});
