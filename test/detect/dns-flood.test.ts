/** Queries for names made up on the spot. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { dnsAnswer, dnsQuery, type Message, type TimedFrame, timedCapture } from '../support/dns.ts';
import { captureOf, healthy } from '../support/traffic.ts';

const RULE = 'dns-flood';

const messages = (count: number, of: (i: number) => Partial<Message>): readonly Message[] =>
  Array.from({ length: count }, (_, i) => ({ at: i * 0.002, id: i, name: 'www.example.com', ...of(i) }));
const random = (i: number): string => `x${String((i * 7919) % 65536)}.example.com`;
const source = (i: number): string => `10.7.${String(i % 40)}.1`;

const verdict = async (...frames: (readonly TimedFrame[])[]) => verdictOf(await diagnoseBytes(timedCapture(...frames)), RULE).verdict;

describe('real captures', () => {
  test('2,456 queries for random names from 399 forged addresses; nobody answers', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('dns_flood.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'dns-flood/172.28.100.243:53',
      severity: 'critical',
      atFault: 'attacker',
      count: 2456,
      metrics: { answers: 0, zone: 'example.com', differentQuestions: 2456 },
      caveats: [{ code: 'no-answers' }],
    });
  });

  test('without DNS it does not apply', async () => {
    expect(verdictOf(await diagnoseFixture('healthy_server_closes.pcap'), RULE).verdict).toBe('not-applicable');
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('not-applicable');
  });
});

test('random names that are answered with NXDOMAIN', async () => {
  const asked = messages(600, (i) => ({ name: random(i), client: source(i) }));
  const report = await diagnoseBytes(
    timedCapture(
      asked.map(dnsQuery),
      asked.map((m) => dnsAnswer({ ...m, at: m.at + 0.001, rcode: 3 })),
    ),
  );
  expect(findingsOf(report, RULE)).toMatchObject([
    {
      id: 'dns-flood/10.0.0.53:53',
      count: 600,
      confidence: 'high',
      caveats: [],
      metrics: { answers: 600, errorAnswers: 600, sources: 40 },
    },
  ]);
});

test('one address that asks half of all in vain', async () => {
  const loop = messages(700, (i) => ({ client: '10.9.9.9', name: `a${String(i % 50)}.example.net` }));
  const users = messages(30, (i) => ({ client: `10.7.1.${String(i)}`, name: `b${String(i)}.example.org` }));
  const report = await diagnoseBytes(
    timedCapture(
      loop.map(dnsQuery),
      users.map(dnsQuery),
      users.map((m) => dnsAnswer({ ...m, at: m.at + 0.001 })),
    ),
  );
  expect(findingsOf(report, RULE)).toMatchObject([{ count: 730, atFault: '10.9.9.9' }]);
});

describe('silent', () => {
  test('for a busy resolver that answers', async () => {
    const asked = messages(1000, (i) => ({ name: `n${String(i % 200)}.zone${String(i % 30)}.org`, client: source(i) }));
    expect(
      await verdict(
        asked.map(dnsQuery),
        asked.map((m) => dnsAnswer({ ...m, at: m.at + 0.001 })),
      ),
    ).toBe('clear');
  });

  test('for random names that are answered, as tunnels and reputation lists are', async () => {
    const asked = messages(1000, (i) => ({ name: random(i), client: source(i) }));
    expect(
      await verdict(
        asked.map(dnsQuery),
        asked.map((m) => dnsAnswer({ ...m, at: m.at + 0.001 })),
      ),
    ).toBe('clear');
  });

  test('where only the queries of a busy resolver were captured', async () => {
    expect(
      await verdict(messages(1000, (i) => ({ name: `n${String(i % 200)}.zone${String(i % 30)}.org`, client: source(i) })).map(dnsQuery)),
    ).toBe('clear');
  });

  test('for 50 random names a second, half of minPerSecond', async () => {
    expect(await verdict(messages(600, (i) => ({ name: random(i), client: source(i), at: i * 0.02 })).map(dnsQuery))).toBe('clear');
  });
});

test('a name cut by the snap length is not counted, and breaks nothing', async () => {
  const cut = messages(600, (i) => ({ name: random(i) })).map((m) => {
    const whole = dnsQuery(m);
    return { ...whole, bytes: whole.bytes.subarray(0, 60) };
  });
  expect(await verdict(cut)).toBe('not-applicable');
});
