/** Columns of a flood that take less room than its connections would need. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Entry, mostAtOnce } from '../../src/collect/half-open.ts';
import { NarrowColumn } from '../../src/collect/narrow-column.ts';
import { Scratch } from '../../src/collect/scratch.ts';
import { Starts } from '../../src/collect/starts.ts';
import { peakOf } from '../../src/collect/stays.ts';
import { Twice } from '../../src/collect/twice.ts';
import { connId } from '../../src/model/units.ts';
import { FirstTimes } from '../../src/track/first-times.ts';
import { CORE_STRIDE } from '../../src/track/layout.ts';
import { RecordPages } from '../../src/track/pages.ts';
import { addBegun } from '../support/records.ts';

describe('a column of small numbers', () => {
  test('keeps what was set, however large it becomes', () => {
    const value = fc.oneof(fc.nat(3), fc.nat(15), fc.nat(255), fc.nat(70_000), fc.nat(2 ** 31 - 1));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(99), value)), (entries) => {
        const column = new NarrowColumn(100, new Scratch(), 1);
        const expected = new Array<number>(100).fill(0);
        for (const [at, number] of entries) {
          column.set(at, number);
          expected[at] = number;
        }
        expect(expected.map((_, at) => column.get(at))).toEqual(expected);
      }),
    );
  });
});

describe('values that come again', () => {
  test('are all named', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })), (values) => {
        const column = [...values, ...values.slice(0, 3)];
        const twice = new Twice(new Int32Array(Twice.words(column.length)).fill(-1), new Scratch());
        for (const value of column) twice.add(value);
        for (const value of values.slice(0, 3)) expect(twice.may(value)).toBe(true);
        expect(twice.again).toBeGreaterThanOrEqual(column.length - new Set(column).size);
      }),
    );
  });

  test('are few where all differ', () => {
    const n = 100_000;
    const twice = new Twice(new Int32Array(Twice.words(n)), new Scratch());
    for (let i = 0; i < n; i++) twice.add(i * 4_096); // sequence numbers of a stack that counts in steps
    let named = 0;
    for (let i = 0; i < n; i++) if (twice.may(i * 4_096)) named++;
    expect(named).toBeLessThan(n / 8);
  });
});

describe('entries at once', () => {
  test('are at their most what sorted columns of their times say', () => {
    const time = fc.integer({ min: -50, max: 1_100 });
    fc.assert(
      fc.property(fc.array(fc.tuple(time, fc.nat(200)), { minLength: 1, maxLength: 400 }), (stays) => {
        const entries = stays.map(([since, length]) => [since, since + length] as const);
        const expected = peakOf(
          Float64Array.from(entries, ([since]) => since),
          Float64Array.from(entries, ([, until]) => until),
        );
        const walk = (entry: Entry, take: () => void): void => {
          for (const [since, until] of entries) {
            Object.assign(entry, { since, until });
            take();
          }
        };
        expect(mostAtOnce(walk, entries.length, 1_000, new Scratch())).toEqual(expected);
      }),
    );
  });

  test('are none where the clock was set back during each of them', () => {
    const walk = (entry: Entry, take: () => void): void => {
      Object.assign(entry, { since: 900, until: 100 });
      for (let i = 0; i < 40; i++) take();
    };
    expect(mostAtOnce(walk, 40, 1_000, new Scratch())).toEqual({ peak: 0, at: null });
  });

  test('are none of none', () => {
    expect(mostAtOnce(() => undefined, 0, 0, new Scratch())).toEqual({ peak: 0, at: null });
  });
});

describe('starts within a span', () => {
  test('are at their most what a look at each of them says, in order or not', () => {
    const cores = new RecordPages(CORE_STRIDE, 10);
    const firstTimes = new FirstTimes(cores);
    const gaps = fc.array(fc.oneof(fc.nat(3), fc.nat(100), fc.integer({ min: -5, max: 0 })), { minLength: 1, maxLength: 900 });
    fc.assert(
      fc.property(gaps, fc.nat(400), fc.nat(20_000), (list, span, until) => {
        cores.truncate(0);
        let now = 0;
        const begun = list.map((gap) => (now += gap));
        const ids = begun.map((time) => connId(addBegun(cores, firstTimes, time)));
        const times = begun.sort((a, b) => a - b);
        const expected = times
          .filter((t) => t <= until)
          .map((t, i) => ({ count: times.slice(0, i + 1).filter((s) => s >= t - span).length, from: times.find((s) => s >= t - span)! }))
          .reduce((best, it) => (it.count > best.count ? it : best), { count: 0, from: 0 });
        const starts = new Starts(firstTimes, ids);
        expect(starts.peakWithin(span, until)).toEqual(expected);
        expect([starts.first, starts.last]).toEqual([times[0], times.at(-1)]);
      }),
    );
  });
});
