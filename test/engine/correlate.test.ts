/** Two captures of the same traffic: what became of it on the way. The truth is the log of the lab's cable, or written by hand. */
import { describe, expect, test } from 'vitest';
import type { Analysis } from '../../src/engine/analysis.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { clockLine, type Passage } from '../../src/engine/correlate/clocks.ts';
import { correlate } from '../../src/engine/correlate/index.ts';
import { matchSegments } from '../../src/engine/correlate/matching.ts';
import { pairConnections } from '../../src/engine/correlate/pairing.ts';
import type { Segment, SegmentTable } from '../../src/engine/correlate/segments.ts';
import type { Correlation } from '../../src/model/correlation.ts';
import { Flag } from '../../src/model/flags.ts';
import { Side } from '../../src/model/state.ts';
import { pcapOf, type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { merged } from '../support/traffic.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;

async function correlated(client: string, server: string): Promise<Correlation> {
  const both = [];
  for (const name of [client, server]) both.push(await analyse([FIXTURES + name], {}, { keep: true, said: false }));
  return correlate(both[0]!, both[1]!);
}
const twoPoints = (name: string): Promise<Correlation> => correlated(`two_points_${name}.client.pcap`, `two_points_${name}.server.pcap`);

describe('a path that loses (two_points_loss)', () => {
  test('loses exactly what the cable lost, and is to blame', async () => {
    const c = await twoPoints('loss');
    expect(c.directions).toMatchObject([
      { from: 'client', lost: 0, appeared: 0, injectedResets: 0 },
      { from: 'server', lost: 3, appeared: 0, injectedResets: 0, missedByCapture: 0 },
    ]);
    // Sequence numbers as the cable noted them when it lost the segments.
    const notes = c.incidents.flatMap(({ evidence }) => evidence.map(({ note }) => /seq (\d+)/.exec(note)?.[1]));
    expect(notes).toEqual(['291257360', '3704321011', '3704325355']);
    expect(c.verdict).toEqual({
      atFault: 'path',
      text: 'The path loses 3 of 81 segments from the server (3.7 %); of what the client sends, nothing is lost.',
    });
  });

  test('the clocks: the server was set 3.25 s ahead, and the delay is the 12 ms of the cable', async () => {
    const { clock, directions } = await twoPoints('loss');
    expect(Math.abs(clock!.offsetSeconds - 3.25)).toBeLessThan(0.0005);
    expect(clock!.uncertaintySeconds).toBeGreaterThan(0.012);
    for (const { delaySeconds } of directions) {
      expect(delaySeconds!.min).toBeGreaterThan(0.012);
      expect(delaySeconds!.median).toBeLessThan(0.015);
    }
  });
});

describe('a device that resets (two_points_reset)', () => {
  test('its RSTs are told from those of the hosts, in either name, with their TTL', async () => {
    const c = await twoPoints('reset');
    expect(c.verdict).toMatchObject({ atFault: 'path', text: expect.stringContaining('RSTs arrive that nobody sent') as string });
    const forged = c.incidents.filter(({ kind }) => kind === 'injected-reset');
    expect(forged.map(({ from, segments, connections }) => [from, segments, connections])).toEqual([
      ['client', 2, 2],
      ['server', 2, 2],
    ]);
    for (const { evidence } of forged)
      for (const { note } of evidence) expect(note).toContain('TTL 55 where its other segments arrive with 64');
  });

  test('and the requests that it swallowed are lost', async () => {
    const { directions } = await twoPoints('reset');
    expect(directions.map(({ lost }) => lost)).toEqual([2, 0]);
  });
});

describe('a translator that clamps the MSS (two_points_nat)', () => {
  test('connections are found behind it by their numbers', async () => {
    const { connections, directions, verdict } = await twoPoints('nat');
    expect(connections).toEqual({ matched: 5, byTuple: 0, byNumbers: 5, byContent: 0, onlyClient: 0, onlyServer: 0 });
    expect(directions).toMatchObject([
      { lost: 0, hops: 3 },
      { lost: 0, hops: 3 },
    ]);
    expect(verdict.atFault).toBe(null);
  });

  test('and what it changes is told with the frames on both sides', async () => {
    const { changes, clock } = await twoPoints('nat');
    expect(changes.map(({ what, from, text, connections }) => [what, from, text, connections])).toEqual([
      ['address', 'client', '172.28.221.174 becomes 172.28.221.97, with other ports', 5],
      ['mss', 'client', 'MSS 1460 becomes 1380', 5],
      ['mss', 'server', 'MSS 1460 becomes 1380', 5],
    ]);
    expect(changes[0]!.evidence[0]).toMatchObject({ capture: 'client', frame: 3 });
    expect(Math.abs(clock!.offsetSeconds + 120.5)).toBeLessThan(0.001);
  });
});

test('the same capture twice: nothing between them', async () => {
  const c = await correlated('close_wait_leak.pcap', 'close_wait_leak.pcap');
  expect(c.clock).toMatchObject({ offsetSeconds: 0, driftPpm: 0, uncertaintySeconds: 0 });
  expect(c.directions).toMatchObject([
    { lost: 0, appeared: 0, hops: 0 },
    { lost: 0, appeared: 0, hops: 0 },
  ]);
  expect(c.changes).toEqual([]);
});

test('captures of other traffic have nothing in common, and nobody is blamed', async () => {
  const c = await correlated('refused.pcapng', 'zero_window.pcap');
  expect(c).toMatchObject({ clock: null, connections: { matched: 0 }, incidents: [], verdict: { atFault: null } });
});

test('named the wrong way round: said', async () => {
  const { caveats } = await correlated('two_points_loss.server.pcap', 'two_points_loss.client.pcap');
  expect(caveats.join()).toContain('the wrong way round');
});

describe('clocks', () => {
  /** A path of 10 ms and up to 5 ms more, and a clock that is 1.5 s ahead and gains 40 ppm. */
  const passages = (sign: 1 | -1, seconds: number): readonly Passage[] =>
    Array.from({ length: 400 }, (_, i) => {
      const time = (i / 400) * seconds * 1e9;
      const delay = 10e6 + ((i * 7919) % 1000) * 5e3;
      return { time, difference: 1.5e9 + 40e-6 * time + sign * delay };
    });

  test('drift is measured where the captures are long', () => {
    const line = clockLine(passages(1, 600), passages(-1, 600))!;
    expect(line.offset).toBeCloseTo(1.5e9, -5.5);
    expect(Math.abs(line.slope - 40e-6)).toBeLessThan(0.5e-6);
    expect(line.margin).toBeGreaterThan(9.9e6);
    expect(line.margin).toBeLessThan(10.2e6);
  });

  test('and not made up where they are short', () => expect(clockLine(passages(1, 5), passages(-1, 5))!.slope).toBe(0));

  test('one way alone tells nothing', () => expect(clockLine(passages(1, 600), [])).toBe(null));
});

const segment = (part: Partial<Segment>): Segment => ({
  connection: 0,
  frame: 1,
  time: 0,
  side: Side.CLIENT,
  seq: 1_000,
  ack: 1,
  flags: Flag.ACK,
  length: 0,
  ipId: 1,
  ttl: 64,
  ts: -1,
  hash: 0,
  syn: null,
  ...part,
});
const data = (seq: number, length: number, ipId = seq): Segment => segment({ seq, length, ipId });
const NONE = { seq: 0, ack: 0 };

describe('segments', () => {
  test('a repeat is told from what it repeats by the IP identification: the first was lost', () => {
    const [first, again] = [data(1, 100, 7), data(1, 100, 8)];
    const m = matchSegments([first, again], [data(1, 100, 8)], NONE);
    expect(m.missing).toEqual([first]);
    expect(m.matched[0]!.sent).toBe(again);
  });

  test('glued together by the sender, in pieces at the receiver: all there', () => {
    const m = matchSegments([data(1, 4344)], [data(1, 1448), data(1449, 1448), data(2897, 1448)], NONE);
    expect([m.resized.length, m.missing, m.extra]).toEqual([1, [], []]);
  });

  test('in pieces at the sender, glued together by the receiver: all there', () => {
    const m = matchSegments([data(1, 1448), data(1449, 1448), data(2897, 1448)], [data(1, 4344)], NONE);
    expect([m.resized.length, m.missing, m.extra]).toEqual([3, [], []]);
  });

  test('a piece that is missing is missing', () => {
    const m = matchSegments([data(1, 4344)], [data(1, 1448), data(2897, 1448)], NONE);
    expect([m.resized.length, m.missing.length, m.extra.length]).toEqual([0, 1, 2]);
  });

  test('what came twice and was sent once is a duplicate', () => {
    expect(matchSegments([data(1, 10, 3)], [data(1, 10, 3), data(1, 10, 3)], NONE).duplicates).toHaveLength(1);
  });

  test('behind a device that changes the numbers', () => {
    const m = matchSegments([data(1, 10, 3)], [{ ...data(1_000_001, 10, 3), ack: 501 }], { seq: 1_000_000, ack: 500 });
    expect(m.matched).toHaveLength(1);
  });
});

describe('connections behind a device that changes addresses and numbers', () => {
  const table = (...segments: readonly Segment[]): SegmentTable => ({
    byConnection: new Map([...new Set(segments.map((s) => s.connection))].map((id) => [id, segments.filter((s) => s.connection === id)])),
    first: 0,
    last: 1e9,
    oneIn: 1,
    cutAt: null,
    thinned: () => table(...segments),
  });
  const ends = { a: () => ({ client: '10.0.0.1:5', server: '10.0.0.9:80' }), b: () => ({ client: '192.0.2.1:6', server: '192.0.2.9:80' }) };
  const said = (connection: number, seq: number, hash: number): Segment => segment({ connection, seq, hash, length: 40 });

  test('are found by what was sent', () => {
    const a = table(said(0, 100, 11), said(0, 140, 12));
    const b = table(said(7, 5_000, 99), said(8, 70_100, 11), said(8, 70_140, 12));
    expect(pairConnections(a, b, ends)).toEqual([{ client: 0, server: 8, by: 'content', flipped: false, shift: [70_000, 0] }]);
  });

  test('and not by what everybody sends', () => {
    const a = table(said(0, 100, 11), said(0, 140, 12));
    const b = table(said(7, 500, 11), said(7, 540, 12), said(8, 900, 11), said(8, 940, 12));
    expect(pairConnections(a, b, ends)).toEqual([]);
  });
});

describe('more segments than are compared', () => {
  /** 64 connections; what the server's side lacks is every tenth request. Behind a translator the addresses differ, and nothing else. */
  const path = async (translated: boolean, connections = 64): Promise<readonly [Analysis, Analysis]> => {
    const script = `
      +0    > S  0:0(0)
      +.010 < S. 0:0(0) ack 1
      +.010 > .  1:1(0) ack 1
      +.010 > P. 1:101(100) ack 1
      +.300 > P. 1:101(100) ack 1
      +.010 < .  1:1(0) ack 101
      +.010 > F. 101:101(0) ack 1
      +.010 < F. 1:1(0) ack 102
      +.010 > .  102:102(0) ack 2`;
    const side = (clientIp: string, lacks: (i: number, frame: number) => boolean): ScriptedFrame[] =>
      Array.from({ length: connections }, (_, i) =>
        scriptFrames(script, {
          clientIp,
          clientPort: 40_000 + i,
          clientIsn: Math.imul(i + 1, 0x9e3779b1) >>> 0,
          serverIsn: Math.imul(i + 7, 0x85ebca6b) >>> 0,
        }).filter((_frame, n) => !lacks(i, n)),
      ).flat();
    const client = side('10.0.0.1', () => false);
    const server = side(translated ? '192.0.2.7' : '10.0.0.1', (i, n) => n === 3 && i % 10 === 0);
    return [
      await analyse([[pcapOf(merged(client))]], {}, { keep: true, said: false }),
      await analyse([[pcapOf(merged(server))]], {}, { keep: true, said: false }),
    ];
  };

  test.each([false, true])(
    'the same connections of both are taken, and of these everything is as it is with all (translated: %s)',
    async (translated) => {
      const [client, server] = await path(translated);
      const whole = await correlate(client, server);
      expect(whole).toMatchObject({ sampledOneIn: 1, connections: { matched: 64 }, directions: [{ sent: 6 * 64, lost: 7 }, { lost: 0 }] });
      const sample = await correlate(client, server, 400);
      expect(sample.sampledOneIn).toBe(2);
      expect(sample.connections).toMatchObject({ onlyClient: 0, onlyServer: 0 });
      expect(sample.pairs.length).toBeGreaterThan(16);
      expect(sample.pairs.length).toBeLessThan(48);
      expect(sample.pairs).toEqual(whole.pairs.filter(({ client: id }) => sample.pairs.some((p) => p.client === id)));
      expect(sample.caveats[0]).toMatch(/^there are too many segments to compare all: what is said is of 1 in 2 connections/);
    },
  );

  test('one connection that has more than half of what all may have is compared as far as it was read', async () => {
    const [client, server] = await path(false, 1);
    const { caveats, sampledOneIn } = await correlate(client, server, 5);
    expect(sampledOneIn).toBe(1);
    expect(caveats).toContain(
      "a single connection has too many segments to compare them all: the client's capture is compared up to its frame 6",
    );
  });
});
