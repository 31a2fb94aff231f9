/** `states --every` against `states --at`: the same sockets, counted in one sweep and listed moment by moment. */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MAX_HOSTS, Moments } from '../../src/collect/state-counts.ts';
import { analyse } from '../../src/engine/analyse.ts';
import type { Analysis } from '../../src/engine/analysis.ts';
import { socketsAt } from '../../src/engine/sockets.ts';
import { stateCounts } from '../../src/engine/state-counts.ts';
import { ipv4Text } from '../../src/model/address.ts';
import { Clock, parseDurationArgument, parseTimeArgument } from '../../src/model/clock.ts';
import type { StateCountRow } from '../../src/model/report.ts';
import { State } from '../../src/model/state.ts';
import { nanos, nanosOf } from '../../src/model/units.ts';
import { Core, CORE_STRIDE, Trait } from '../../src/track/layout.ts';
import type { Views } from '../../src/track/views.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;
const captures = readdirSync(FIXTURES).filter((name) => /\.pcap(ng)?(\.gz)?$/.test(name));

/** Odd, so that no kernel's timer keeps step with it. */
const MOMENTS = 23.7;
const everyOf = ({ report }: Analysis): number => Math.max(1e-6, report.capture.durationSeconds / MOMENTS);

type Counts = Record<string, Record<string, number>>;

function listed(analysis: Analysis, at: string, apart: ReadonlySet<string>): Counts {
  const counts: Counts = {};
  for (const { host, state } of analysis.sockets(parseTimeArgument(at))) {
    const of = (counts[apart.has(host) ? host : 'others'] ??= {});
    of[state] = (of[state] ?? 0) + 1;
  }
  return counts;
}

function byMoment(rows: Iterable<StateCountRow>): Map<string, Counts> {
  const moments = new Map<string, Counts>();
  for (const { at, host, counts } of rows) {
    const of = moments.get(at) ?? {};
    if (Object.keys(counts).length > 0) of[host] = { ...counts };
    moments.set(at, of);
  }
  return moments;
}

describe('at every moment the counts are those of the sockets listed there', () => {
  test.each(captures)('%s', async (name) => {
    const analysis = await analyse([FIXTURES + name]);
    const rows = [...analysis.stateCounts(nanosOf(everyOf(analysis))).rows];
    if (analysis.report.capture.connections === 0) {
      expect(rows).toEqual([]);
      return;
    }
    const apart = new Set(rows.map(({ host }) => host));
    const moments = byMoment(rows);
    expect(moments.size).toBe(Math.floor(MOMENTS) + 1);
    for (const [at, counts] of moments) expect({ at, counts }).toEqual({ at, counts: listed(analysis, at, apart) });
  });
});

/**
 * Histories that no tracker would tell, on one tuple that is used again and again: ends that outlive what came after them, clocks that
 * step back, roles that change, an end that talks to itself. Both ways must still agree on which socket gave way to which.
 */
describe('sockets that give way to younger ones of their tuple', () => {
  const clock = new Clock(1_795_163_580, 0);

  test.each(Array.from({ length: 60 }, (_, seed) => seed))('history %i', (seed) => {
    const random = lehmer(seed + 1);
    const connections = 2 + random(6);
    const views = historyOf(connections, random);
    // All of them, and some of the connections alone: what is left out still makes place for nobody.
    for (const shown of [() => true, (id: number) => id % 2 === 0]) agree(views, connections, shown);
  });

  function agree(views: Views, connections: number, shown: (id: number) => boolean): void {
    const moments = new Moments(nanos(0), nanos(40), nanos(1));
    const rows = [...stateCounts(views, connections, moments, { connections: shown }, clock).rows];
    for (let at = 0; at <= 40; at++) {
      const now = rows.filter((r) => r.at === clock.text(nanos(at)));
      const expected: Counts = {};
      for (const { host, state } of socketsAt(views, connections, nanos(at), clock, undefined, shown)) {
        const of = (expected[host] ??= {});
        of[state] = (of[state] ?? 0) + 1;
      }
      expect({ at, counts: byMoment(now).get(clock.text(nanos(at))) ?? {} }).toEqual({ at, counts: expected });
    }
  }
});

/** Park and Miller's generator: the same histories on every run. */
function lehmer(seed: number): (below: number) => number {
  let state = seed * 7_919;
  return (below) => (state = (state * 48_271) % 0x7fffffff) % below;
}

function historyOf(connections: number, random: (below: number) => number): Views {
  const ips = random(5) === 0 ? ['10.0.0.1', '10.0.0.1'] : ['10.0.0.1', '10.0.0.2'];
  const core = new Int32Array(connections * CORE_STRIDE);
  const history = Array.from({ length: connections }, (_, id) => {
    const swapped = random(4) === 0;
    core[id * CORE_STRIDE + Core.ADDR_A] = 0x0a000001;
    core[id * CORE_STRIDE + Core.ADDR_B] = ips[0] === ips[1] ? 0x0a000001 : 0x0a000002;
    core[id * CORE_STRIDE + Core.STATE] = swapped ? Trait.CLIENT_IS_B : 0;
    const end = (which: 0 | 1): object => ({ ip: ips[which], port: 1, name: `${ips[which]!}:1` });
    let time = 3 * id;
    const transitions = Array.from({ length: random(8) }, () => {
      time = Math.max(0, time + random(8) - 1);
      return { side: random(2), to: random(3) === 0 ? State.CLOSED : 2 + random(9), time };
    });
    return {
      id,
      client: end(swapped ? 1 : 0),
      server: end(swapped ? 0 : 1),
      start: 3 * id,
      transitions,
      previous: id === 0 ? null : id - 1,
      basis: 'handshake',
    };
  });
  const tables = {
    cores: { page: () => core, offset: (id: number) => id * CORE_STRIDE },
    addresses: { text: (word: number) => ipv4Text(word) },
  };
  return { tables, connection: (id: number) => history[id] } as unknown as Views;
}

describe('incident.pcap, a flood of forged sources', () => {
  const opened = analyse([`${FIXTURES}incident.pcap`]);

  test('what the flood brought is counted together, the hosts of the incident apart', async () => {
    const counts = (await opened).stateCounts(parseDurationArgument('5s')!);
    const rows = [...counts.rows];
    const hosts = new Set(rows.map(({ host }) => host));
    expect(counts.hosts).toBeLessThanOrEqual(MAX_HOSTS);
    expect(hosts.size).toBe(counts.hosts + 1);
    expect([...hosts].at(-1)).toBe('others');
    expect(new Set(rows.map((r) => r.hosts))).toEqual(new Set([undefined, counts.others]));
  });

  test('one host alone', async () => {
    const { hosts, others, rows, states } = (await opened).stateCounts(parseDurationArgument('5s')!, '10.87.55.161');
    expect({ hosts, others, states }).toEqual({ hosts: 1, others: 0, states: ['SYN_RCVD', 'ESTABLISHED'] });
    expect([...rows].map(({ host }) => host)).toEqual(Array<string>(5).fill('10.87.55.161'));
  });

  test('too many moments: the shortest distance that is named works, and no shorter one', async () => {
    const analysis = await opened;
    const named = (every: string): string => {
      try {
        analysis.stateCounts(parseDurationArgument(every)!);
        return '';
      } catch (error) {
        return /is (\S+)\.$/.exec((error as { hint?: string }).hint ?? '')?.[1] ?? 'no hint';
      }
    };
    const shortest = parseDurationArgument(named('1us'))!;
    expect(named(`${String(shortest)}ns`)).toBe('');
    expect(parseDurationArgument(named(`${String(shortest - 1)}ns`))).toBe(shortest);
  });

  test('a list of sockets goes host by host', async () => {
    const hosts = Array.from((await opened).sockets(), ({ host }) => host);
    const changes = hosts.filter((host, i) => host !== hosts[i - 1]);
    expect(changes).toHaveLength(new Set(hosts).size);
  });
});

test.each([
  ['10', 10e9],
  ['1s', 1e9],
  ['1.5s', 1.5e9],
  ['500ms', 5e8],
  ['201.915us', 201_915],
  ['1m', 60e9],
  ['2h', 7_200e9],
  ['0', undefined],
  ['0.1ns', undefined],
  ['-1', undefined],
  ['1 s', undefined],
  ['1e3', undefined],
  ['5 minutes', undefined],
  ['s', undefined],
  ['', undefined],
])('the duration %j is %s ns', (text, expected) => expect(parseDurationArgument(text)).toBe(expected));
