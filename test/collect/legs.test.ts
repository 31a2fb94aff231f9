/** A connection before and behind an address translator is one connection. A real one: fixtures/forwarding_any.pcap. */
import { describe, expect, test } from 'vitest';
import { Census } from '../../src/collect/census.ts';
import { Clock } from '../../src/model/clock.ts';
import { connId, nanos } from '../../src/model/units.ts';
import { diagnoseFixture } from '../support/diagnose.ts';
import { see, type Sight } from '../support/sights.ts';
import { DEFAULT_START } from '../support/script.ts';

/** What a client of a service sends and gets, on its own side of the translator. */
const BEFORE: Partial<Sight> = { client: '10.1.0.7', server: '10.96.0.10', serverPort: 80, on: 1 };
/** The same behind it: the source is the translator's, the destination a backend's. */
const BEHIND: Partial<Sight> = { client: '10.2.0.1', clientPort: 61_000, server: '10.2.0.9', serverPort: 8080, on: 2 };

const life: readonly Sight[] = [
  { at: 0, from: 'client', flags: 'S', seq: 100, id: 1000, mss: 1460 },
  { at: 1, from: 'server', flags: 'S.', seq: 500, ack: 101, id: 0, mss: 1460 },
  { at: 2, from: 'client', flags: '.', seq: 101, ack: 501, id: 1001 },
  { at: 3, from: 'client', flags: 'P.', seq: 101, ack: 501, payload: 'GET /', id: 1002 },
  { at: 4, from: 'server', flags: 'P.', seq: 501, ack: 106, payload: 'answer', id: 7001 },
  { at: 5, from: 'client', flags: 'F.', seq: 106, ack: 507, id: 1003 },
  { at: 6, from: 'server', flags: 'F.', seq: 507, ack: 107, id: 7002 },
  { at: 7, from: 'client', flags: '.', seq: 107, ack: 508, id: 1004 },
];

/** Each segment first on the side where it comes from, and 0.02 ms later, a hop further, on the other. */
function translated(sights: readonly Sight[], before = BEFORE, behind = BEHIND): readonly Sight[] {
  return sights.flatMap((s) => {
    const [near, far] = s.from === 'client' ? [before, behind] : [behind, before];
    return [
      { ...s, ...near },
      { ...s, ...far, at: s.at + 0.02, ttl: 63 },
    ];
  });
}

function census(sights: readonly Sight[]): Census {
  const { tracker, views } = see(sights);
  const end = nanos(Math.max(...sights.map((s) => s.at)) * 1e6);
  return new Census(tracker, views, new Clock(DEFAULT_START, 0), end, {
    packets: sights.length,
    cutHeaders: 0,
    fragments: 0,
    reassembled: 0,
    cutAt: 0,
    damagedFiles: [],
  });
}

const legs = (c: Census): unknown[] => Array.from({ length: c.tracker.connections }, (_, id) => c.legs.of(id));

describe('joined', () => {
  test('source and destination translated: the row before is leg 0, and the only one that is counted', () => {
    const c = census(translated(life));
    expect(legs(c)).toEqual([
      { leg: 0, sameAs: null },
      { leg: 1, sameAs: 0 },
    ]);
    expect(c.services.map((s) => [s.name, s.total, s.completed])).toEqual([['10.96.0.10:80', 1, 1]]);
    expect(c.quality.connections).toBe(1);
    expect(c.serviceOf(connId(1)).name).toBe('10.96.0.10:80');
    expect([...c.services[0]!.all()]).toEqual([0]);
  });

  test('only the destination translated, by a balancer that leaves the TTL alone', () => {
    const sights = translated(life, BEFORE, { ...BEHIND, client: BEFORE.client!, clientPort: 40_000 });
    expect(legs(census(sights.map((s) => ({ ...s, ttl: 64 }))))).toEqual([
      { leg: 0, sameAs: null },
      { leg: 1, sameAs: 0 },
    ]);
  });

  test('through two translators', () => {
    const third: Partial<Sight> = { client: '10.3.0.1', clientPort: 1025, server: '10.3.0.9', serverPort: 9000, on: 3 };
    const sights = life.flatMap((s) => {
      const way = s.from === 'client' ? [BEFORE, BEHIND, third] : [third, BEHIND, BEFORE];
      return way.map((point, i) => ({ ...s, ...point, at: s.at + i / 100, ttl: 64 - i }));
    });
    expect(legs(census(sights))).toEqual([
      { leg: 0, sameAs: null },
      { leg: 1, sameAs: 0 },
      { leg: 2, sameAs: 0 },
    ]);
  });

  test('SYNs alone: what the answer would have been is not in the capture', () => {
    const syn = life[0]!;
    const c = census(translated([syn, { ...syn, at: 1000, id: 1001 }]));
    expect(legs(c)).toEqual([
      { leg: 0, sameAs: null },
      { leg: 1, sameAs: 0 },
    ]);
    expect(c.services.map((s) => [s.total, s.syns])).toEqual([[1, 2]]);
  });

  test('what was lost between: the SYN-ACK came back to the translator and not out of it', () => {
    const [syn, synAck] = life as [Sight, Sight];
    const tries = [0, 1000, 3000].flatMap((at, i) => [
      { ...syn, at, id: 1000 + i },
      { ...synAck, at: at + 1 },
    ]);
    const c = census(translated(tries).filter((s) => s.from === 'client' || s.on === 2));
    const [losses] = c.legsOf(connId(0));
    expect(losses?.id).toBe(1);
    expect(losses?.onThisOnly.map((end) => end.synAck)).toEqual([0, 3]);
    expect(losses?.onFirstOnly.map((end) => end.syn)).toEqual([0, 0]);
  });

  test('what was lost between: a request and its retransmissions', () => {
    const request = life[3]!;
    const tries = [3, 203, 603].map((at, i) => ({ ...request, at, id: 1002 + i }));
    const c = census([...translated(life.slice(0, 3)), ...tries.map((s) => ({ ...s, ...BEFORE }))]);
    expect(c.legsOf(connId(0))[0]?.onFirstOnly[0]).toMatchObject({ packets: 3, payloadBytes: 15, syn: 0 });
  });
});

describe('not joined', () => {
  const alone = (n: number): null[] => Array.from({ length: n }, () => null);

  test('a proxy: it answers with a number of its own', () => {
    const own = translated(life).map((s) =>
      s.on === 1 && s.from === 'server' ? { ...s, seq: s.seq + 9000 } : s.on === 1 && s.ack !== undefined ? { ...s, ack: s.ack + 9000 } : s,
    );
    expect(legs(census(own))).toEqual(alone(2));
  });

  test('a stack that always begins with the same number, one connection after the other', () => {
    const second = life.map((s) => ({ ...s, at: s.at + 20, ttl: 63, clientPort: 40_001 }));
    expect(legs(census([...life, ...second]))).toEqual(alone(2));
  });

  test('a flood with one sequence number: more tuples share it than a way has legs', () => {
    const syns = Array.from({ length: 20 }, (_, i) => ({ ...life[0]!, at: i, ttl: 64 - i, clientPort: 2000 + i }));
    expect(legs(census(syns))).toEqual(alone(20));
  });

  test('two forged SYNs without options', () => {
    const bare: Sight = { at: 0, from: 'client', flags: 'S', seq: 100, id: 1000 };
    expect(legs(census([bare, { ...bare, at: 1, ttl: 63, clientPort: 2000 }]))).toEqual(alone(2));
  });

  test('another kernel: the options differ', () => {
    const syn = life[0]!;
    expect(legs(census([syn, { ...syn, at: 1, ttl: 63, clientPort: 2000, tsVal: 7 }]))).toEqual(alone(2));
  });
});

test('the kernel takes back one translation before the other: 8 connections under 20 tuples', async () => {
  const report = await diagnoseFixture('forwarding_any.pcap');
  expect(report.capture.connections).toBe(20);
  expect(report.findings.map((f) => f.rule)).toEqual(['duplicate-capture', 'offload-segments']);
});
