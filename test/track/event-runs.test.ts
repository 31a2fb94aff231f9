/** Whatever a log holds, a run of it says the same: any code, any frames and times in any order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventRuns } from '../../src/track/event-runs.ts';

interface Event {
  readonly code: number;
  /** 0: no segment. */
  readonly frame: number;
  readonly time: number;
}
interface Log {
  readonly frame: number;
  readonly start: number;
  readonly inNanos: boolean;
  readonly events: readonly Event[];
}

/** Returns 0 where it is too long. */
function write(runs: EventRuns, { frame, start, inNanos, events }: Log): number {
  runs.time = start;
  runs.begin(frame, inNanos);
  for (const event of events) {
    Object.assign(runs, event);
    if (!runs.add()) return 0;
  }
  return runs.end();
}

function read(runs: EventRuns, run: number, { frame, start }: Log): Event[] {
  const events: Event[] = [];
  runs.time = start;
  runs.open(run, frame);
  while (runs.next()) events.push({ code: runs.code, frame: runs.frame, time: runs.time });
  return events;
}

const frame = fc.oneof(fc.nat(500), fc.nat(2 ** 31 - 1), fc.constant(0));
const time = fc.oneof(
  fc.nat(200_000_000).map((micros) => micros * 1_000),
  fc.nat(2 ** 31 - 1),
  fc.constantFrom(0, 2 ** 57 + 1_000_000, -1e9, 1e15),
  fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
);
const code = fc.oneof(fc.nat(20), fc.integer());
const log = (maxLength: number): fc.Arbitrary<Log> =>
  fc.record({
    frame: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    start: time,
    inNanos: fc.boolean(),
    events: fc.array(fc.record({ code, frame, time }), { minLength: 1, maxLength }),
  });

/** Six segments of a second, 20 frames apart, the clock in microseconds. */
const life: Log = {
  frame: 1_000_000,
  start: 86_400e9,
  inNanos: false,
  events: Array.from({ length: 6 }, (_, i) => ({ code: i * 1_000, frame: 1_000_020 + i * 20, time: 86_400e9 + (i + 1) * 150_000_000 })),
};

describe('a run', () => {
  test('says what was written, and takes no room once it is given back', () => {
    const runs = new EventRuns();
    fc.assert(
      fc.property(log(12), (one) => {
        const run = write(runs, one);
        expect(run).toBeGreaterThan(0);
        expect(read(runs, run, one)).toEqual(one.events);
        runs.release(run);
        expect([runs.length, runs.octetsInUse]).toEqual([0, 0]);
      }),
    );
  });

  test('of a regular life takes a length, and of each event an octet, one for the frames and three for the time', () => {
    const runs = new EventRuns();
    write(runs, life);
    expect(runs.octetsInUse).toBe(32); // 31, in words
  });

  test('of nanoseconds takes a fourth octet for the time', () => {
    const runs = new EventRuns();
    const odd = { ...life, inNanos: true, events: life.events.map((event) => ({ ...event, time: event.time + 1 })) };
    expect(read(runs, write(runs, odd), odd)).toEqual(odd.events);
    expect(runs.octetsInUse).toBe(40); // 1 + 6 × 6 = 37
  });

  test('is not there of a log that is too long', () => {
    const runs = new EventRuns();
    const events = Array.from({ length: 300 }, () => life.events[0]!);
    expect(write(runs, { ...life, events })).toBe(0);
    expect([runs.length, runs.octetsInUse]).toEqual([0, 0]);
    expect(read(runs, write(runs, life), life)).toEqual(life.events);
  });

  test('has codes in full, once more were seen than have a number', () => {
    const runs = new EventRuns();
    const logs = Array.from({ length: 200 }, (_, n): Log => ({
      ...life,
      events: life.events.map((event, i) => ({ ...event, code: ~(n * 6 + i) })),
    }));
    const written = logs.map((one) => write(runs, one));
    expect(written.map((run, n) => read(runs, run, logs[n]!))).toEqual(logs.map(({ events }) => events));
  });
});

test('runs come and go, and those that stay say what they said', () => {
  const step = fc.record({ isAdded: fc.boolean(), which: fc.nat(), one: log(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const runs = new EventRuns();
      const known: { run: number; one: Log }[] = [];
      for (const { isAdded, which, one } of steps) {
        if (isAdded || known.length === 0) {
          const run = write(runs, one);
          if (run !== 0) known.push({ run, one });
        } else runs.release(known.splice(which % known.length, 1)[0]!.run);
        expect(runs.length).toBe(known.length);
      }
      for (const { run, one } of known) expect(read(runs, run, one)).toEqual(one.events);
    }),
    { numRuns: 200 },
  );
});

test('pages are filled, one after the other, and what was given back is used again', () => {
  const runs = new EventRuns();
  const written = Array.from({ length: 20_000 }, () => write(runs, life));
  const { octets } = runs;
  expect(octets).toBeGreaterThan(20_000 * 32);
  for (const run of written.filter((_, i) => i % 2 === 0)) runs.release(run);
  for (let i = 0; i < 10_000; i++) write(runs, life);
  expect(runs.octets).toBe(octets);
  expect(read(runs, written[19_999]!, life)).toEqual(life.events);
});
