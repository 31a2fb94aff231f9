import { describe, expect, test } from 'vitest';
import { firstTimeIn, FirstTimes, moveFirstTimes } from '../../src/track/first-times.ts';
import { CORE_STRIDE } from '../../src/track/layout.ts';
import { RecordPages } from '../../src/track/pages.ts';
import { generator } from '../support/random.ts';
import { addBegun } from '../support/records.ts';

/** Two pages of core records and a bit. */
const CONNECTIONS = 9_000;

type Clock = (i: number) => number;
const CLOCKS: readonly (readonly [name: string, clock: Clock])[] = [
  ['a flood, in microseconds', (i) => 5 + i * 1_000],
  ['a flood, in nanoseconds', (i) => i * 7],
  ['fractions of them', (i) => i * 0.5],
  ['a connection every three seconds', (i) => i * 3e9],
  ['a pause of a minute now and then', (i) => i * 1_000 + Math.floor(i / 1_000) * 60e9],
  ['a clock that jumps a day ahead and back', (i) => (i === 5_000 ? 86_400e9 : i * 1_000)],
  ['a clock that is set back before the first packet', (i) => (i < 100 ? i * 1e6 : i * 1e6 - 7_200e9)],
  ['a capture of years', (i) => 2 ** 57 + i * 1_000_000],
];

function tracked(clock: Clock): { cores: RecordPages; times: FirstTimes } {
  const cores = new RecordPages(CORE_STRIDE, 12);
  const times = new FirstTimes(cores);
  for (let i = 0; i < CONNECTIONS; i++) addBegun(cores, times, clock(i));
  return { cores, times };
}

/** Ids whose time is not what it should be. */
const wrong = (times: FirstTimes, expected: readonly number[]): readonly number[] =>
  [...expected.keys()].filter((id) => times.of(id) !== expected[id]);

describe('when connections began', () => {
  test.each(CLOCKS)('is kept exactly: %s', (_, clock) => {
    const { times } = tracked(clock);
    const expected = Array.from({ length: CONNECTIONS }, (_unused, i) => clock(i));
    expect(wrong(times, expected)).toEqual([]);
  });

  test('costs a moment for 64 of them where they come in thirty a second, and a column where they do not', () => {
    const pages = Math.ceil(CONNECTIONS / 4_096);
    const dense = tracked((i) => i * 33e6).times.octets;
    expect(dense).toBeLessThan(CONNECTIONS);
    expect(tracked((i) => i * 3e9).times.octets - dense).toBe(pages * 4_096 * 8);
    expect(tracked((i) => (i < 5_000 ? i : i + 60e9)).times.octets - dense).toBe(4_096 * 8); // one page has a pause
  });

  test.each(CLOCKS)('stays so where those that are left close up, and others follow: %s', (_, clock) => {
    for (const kept of [1, 2, 40, 1_000]) {
      const random = generator(kept);
      const { cores, times } = tracked(clock);
      const expected: number[] = [];
      for (let id = 0; id < CONNECTIONS; id++) {
        if (random(kept + 1) === 0) continue;
        const to = expected.push(clock(id)) - 1;
        if (to === id) continue;
        cores.move(id, to);
        times.move(id, to);
      }
      cores.truncate(expected.length);
      for (let i = 0; i < 5_000; i++) {
        addBegun(cores, times, clock(CONNECTIONS + i));
        expected.push(clock(CONNECTIONS + i));
      }
      expect(wrong(times, expected)).toEqual([]);
    }
  });

  test.each(CLOCKS)('is told to others, also where all of it is later: %s', (_, clock) => {
    const { cores, times } = tracked(clock);
    const read = (id: number): number => firstTimeIn(times.columns, id, cores.bits, cores.page(id), cores.offset(id));
    expect(Array.from({ length: CONNECTIONS }, (_unused, id) => read(id))).toEqual(
      Array.from({ length: CONNECTIONS }, (_unused, id) => clock(id)),
    );
    moveFirstTimes(times.columns, 2 ** 40);
    expect([0, 70, 8_999].map(read)).toEqual([0, 70, 8_999].map((id) => clock(id) + 2 ** 40));
  });
});
