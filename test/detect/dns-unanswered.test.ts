/** Connects that waited for a name. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { dnsAnswer, dnsQuery, type TimedFrame, timedCapture } from '../support/dns.ts';
import { scriptFrames } from '../support/script.ts';
import { wholeConnection } from '../support/traffic.ts';

const RULE = 'dns-unanswered';
const name = 'db.example.com';

const connects = (at: number): readonly TimedFrame[] => scriptFrames(wholeConnection(at));
const verdict = async (...frames: (readonly TimedFrame[])[]) => verdictOf(await diagnoseBytes(timedCapture(...frames)), RULE).verdict;

test('glibc asks the second server after 5 s, and the SYN follows its answer', async () => {
  const report = await diagnoseBytes(
    timedCapture(
      [
        dnsQuery({ at: 0, name }),
        dnsQuery({ at: 5.005, name, server: '10.0.0.54', clientPort: 50001 }),
        dnsAnswer({ at: 5.006, name, server: '10.0.0.54', clientPort: 50001 }),
      ],
      connects(5.007),
    ),
  );
  expect(findingsOf(report, RULE)).toMatchObject([
    {
      id: 'dns-unanswered/10.0.0.53:53',
      severity: 'notice',
      atFault: null,
      count: 1,
      connections: [0],
      evidence: [{ frame: 1 }, { frame: 3 }, { frame: 4 }],
      metrics: { longestWaitSeconds: 5.006, answersOfServer: 0 },
    },
  ]);
});

test('the same server answers the second try', async () => {
  const report = await diagnoseBytes(
    timedCapture([dnsQuery({ at: 0, name }), dnsQuery({ at: 5, name }), dnsAnswer({ at: 5.001, name })], connects(5.002)),
  );
  expect(findingsOf(report, RULE)).toMatchObject([{ count: 1, metrics: { queriesToServer: 2, answersOfServer: 1 } }]);
});

describe('silent', () => {
  test('for an answer that took 3 s without a second try', async () => {
    expect(await verdict([dnsQuery({ at: 0, name }), dnsAnswer({ at: 3, name })], connects(3.001))).toBe('clear');
  });

  test('when no connect follows at once', async () => {
    expect(await verdict([dnsQuery({ at: 0, name }), dnsQuery({ at: 5, name }), dnsAnswer({ at: 5.001, name })], connects(8))).toBe(
      'clear',
    );
  });

  test('when another host connects', async () => {
    const client = '10.0.0.77';
    const frames = [dnsQuery({ at: 0, name, client }), dnsQuery({ at: 5, name, client }), dnsAnswer({ at: 5.001, name, client })];
    expect(await verdict(frames, connects(5.002))).toBe('clear');
  });

  test('when the second query is a new one, with a number of its own', async () => {
    expect(
      await verdict([dnsQuery({ at: 0, name }), dnsQuery({ at: 5, name, id: 2 }), dnsAnswer({ at: 5.001, name, id: 2 })], connects(5.002)),
    ).toBe('clear');
  });

  test('when the answer alone is in the capture', async () => {
    expect(await verdict([dnsQuery({ at: 0, name: 'other.example.com' }), dnsAnswer({ at: 5.001, name })], connects(5.002))).toBe('clear');
  });
});

test('real captures: a flood holds up nobody, and without DNS it does not apply', async () => {
  expect(verdictOf(await diagnoseFixture('dns_flood.pcap.gz'), RULE).verdict).toBe('clear');
  expect(verdictOf(await diagnoseFixture('refused.pcapng'), RULE).verdict).toBe('not-applicable');
});
