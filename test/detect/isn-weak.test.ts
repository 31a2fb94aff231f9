/** Initial sequence numbers that can be guessed. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame, ScriptOptions } from '../support/script.ts';
import { captureOf, connections, healthy, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'isn-weak';

/** 32 random bits: the fractional part of i times the golden ratio would be a counter; its sine is not. */
const random = (i: number): number =>
  Math.floor((Math.sin(i * 12.9898 + 4.1) * 43758.5453 - Math.floor(Math.sin(i * 12.9898 + 4.1) * 43758.5453)) * 2 ** 32);
const whole = (count: number, options: (i: number) => ScriptOptions, every = 0.5): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => wholeConnection(i * every),
    (i) => ({ clientIsn: random(i), serverIsn: random(i + 1000), ...options(i) }),
  );
const run = async (frames: readonly ScriptedFrame[]): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(frames)), RULE);

test('real: a client whose numbers go up by about 64,000; the Linux server draws its own', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('isn_weak_counter.pcap.gz'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'isn-weak/10.89.79.186',
    severity: 'warning',
    atFault: '10.89.79.186',
    count: 20,
    metrics: { kind: 'counter', compared: 19 },
  });
  expect(finding!.metrics.largestStep).toBeLessThan(64_200);
});

describe('found', () => {
  test('a server that always begins with the same number', async () => {
    const [finding, ...more] = await run(whole(10, () => ({ serverIsn: 1 })));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'isn-weak/10.0.0.2:80', count: 10, metrics: { kind: 'fixed', number: 1 } });
  });

  test('four connections of sixteen with one number', async () => {
    expect(await run(whole(16, (i) => (i % 4 === 0 ? { clientIsn: 7777 } : {})))).toMatchObject([
      { count: 4, metrics: { kind: 'repeated' } },
    ]);
  });

  test('the clock of RFC 793, 250,000 per second, across the wrap', async () => {
    expect(await run(whole(12, (i) => ({ clientIsn: (2 ** 32 - 400_000 + i * 125_000) % 2 ** 32 })))).toMatchObject([
      { count: 12, metrics: { kind: 'counter', compared: 11 } },
    ]);
  });
});

describe('silent', () => {
  test('random numbers', async () => {
    const report = await diagnoseBytes(captureOf(whole(40, () => ({}))));
    expect(verdictOf(report, RULE).verdict).toBe('clear');
  });

  test('three connections with one number among random ones', async () => {
    expect(await run(whole(16, (i) => (i < 3 ? { clientIsn: 7777 } : {})))).toEqual([]);
  });

  test('Linux before 3.0: the highest 8 bits are the same, the others random', async () => {
    expect(await run(whole(40, (i) => ({ clientIsn: 0x42000000 + (random(i) & 0xffffff) + i * 500_000 })))).toEqual([]);
  });

  test('a counter whose connections are minutes apart', async () => {
    expect(await run(whole(12, (i) => ({ clientIsn: 1000 + i * 64_000 }), 60))).toEqual([]);
  });

  test('one tuple again and again: its numbers follow by design (RFC 6528)', async () => {
    expect(await run(whole(12, (i) => ({ clientPort: 40000, clientIsn: 1000 + i * 65_537 })))).toEqual([]);
  });

  test('SYNs that nobody completes: a scanner chooses as it likes', async () => {
    const syns = connections(
      30,
      (i) => `+${i * 0.1} > S 0:0(0)\n  +.001 < S. 0:0(0) ack 1\n  +.001 > R 1:1(0) win 0`,
      (i) => ({ clientIsn: 1, serverIsn: random(i) }),
    );
    expect(await run(syns)).toEqual([]);
  });

  test.each([
    'time_wait_again.pcap',
    'ephemeral_reuse.pcap.gz',
    'port_reuse_server_tw.pcap',
    'forwarding_any.pcap',
    'reconnect_storm.pcap.gz',
    'healthy_server_closes.pcap',
    'sequence_wrap.pcap',
  ])('%s', async (name) => {
    expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
  });
});

test.each([
  ['six connections are too few', healthy],
  [
    'one direction: none is known to be completed',
    sentBy(
      'client',
      whole(20, () => ({ clientIsn: 5 })),
    ),
  ],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});

test('begun before the capture: no SYN, no number', async () => {
  expect(verdictOf(await diagnoseFixture('midstream_capture.pcapng'), RULE).verdict).toBe('inconclusive');
});
