/** Whatever is in a record, packed it is the same, word by word; and who reads it need not know whether it is packed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HALF_STRIDE, Half, Pair, PAIR_STRIDE, Sequel, SEQUEL_STRIDE } from '../../src/track/layout.ts';
import { PACKED, PackedRecords } from '../../src/track/packed-records.ts';
import { RecordPages } from '../../src/track/pages.ts';
import { ofSequel, PAIR_SHAPE, TROUBLE_SHAPE } from '../../src/track/shapes.ts';

/** Words as they are in records: mostly zero or small, often near another. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  fc.nat(255),
  fc.integer({ min: -40_000, max: 70_000 }),
  fc.constantFrom(0xffff, 0x1_0000, -1, 0x7fff_ffff, -0x8000_0000, 0x1234_0000),
  fc.integer(),
);
/** Nanoseconds, counts, and what no field ever is. */
const double = fc.oneof(
  fc.constantFrom(0, -0, -1, 1e9, 2 ** 53, 0.1, Infinity, -Infinity, Number.MIN_VALUE),
  fc.nat(2 ** 31 - 1),
  fc.double({ noNaN: true }),
);
const doublesOf = ({ openDoubles, doubles }: typeof PAIR_SHAPE): readonly number[] => [...openDoubles, ...doubles].map(({ word }) => word);
const recordOf = (shape: typeof PAIR_SHAPE): fc.Arbitrary<Int32Array> =>
  fc
    .tuple(fc.array(word, { minLength: shape.stride, maxLength: shape.stride }), fc.array(double, { minLength: 40, maxLength: 40 }))
    .map(([words, doubles]) => {
      const record = Int32Array.from(words);
      const floats = new Float64Array(record.buffer);
      doublesOf(shape).forEach((at, i) => (floats[at >> 1] = doubles[i]!));
      return record;
    });

/** Records of a pair, with its sequel beside. */
class Records {
  readonly all: PackedRecords;
  readonly #beside: number[] = [];

  constructor(shape = PAIR_SHAPE, recent = 2) {
    const beside = shape === PAIR_SHAPE ? new RecordPages(SEQUEL_STRIDE, 4) : null;
    this.all = new PackedRecords(shape, 4, undefined, beside, recent);
  }

  add(words: Int32Array): number {
    const { live, beside } = this.all;
    const ref = this.all.add();
    live.page(ref).set(words.subarray(0, live.stride), live.offset(ref));
    if (beside !== null) {
      const besides = (this.#beside[ref] = beside.add());
      beside.page(besides).set(words.subarray(live.stride), beside.offset(besides));
    }
    return ref;
  }

  pack(ref: number): number {
    return this.all.pack(ref, this.#beside[ref]);
  }

  unpack(ref: number): number {
    const live = this.all.unpack(ref);
    this.#beside[live] = this.all.unpackedBeside;
    return live;
  }

  release(ref: number): void {
    if (ref < PACKED) this.all.beside?.release(this.#beside[ref]!);
    this.all.release(ref);
  }

  /** All words of it, the sequel's behind the pair's. */
  contents(ref: number): Int32Array {
    const { live, beside } = this.all;
    const at = this.all.offset(ref);
    const words = live.stride + (beside?.stride ?? 0);
    if (ref >= PACKED || beside === null) return this.all.page(ref).slice(at, at + words);
    const besides = this.#beside[ref]!;
    const s = beside.offset(besides);
    return Int32Array.of(...this.all.page(ref).subarray(at, at + live.stride), ...beside.page(besides).subarray(s, s + beside.stride));
  }
}

describe.each([
  ['pair', PAIR_SHAPE],
  ['trouble', TROUBLE_SHAPE],
])('a %s record', (_, shape) => {
  test('is the same packed and unpacked', () => {
    const records = new Records(shape);
    fc.assert(
      fc.property(recordOf(shape), (words) => {
        const packed = records.pack(records.add(words));
        expect(records.contents(packed)).toEqual(words);
        const ref = packed < PACKED ? packed : records.unpack(packed);
        expect(records.contents(ref)).toEqual(words);
        records.release(ref);
      }),
    );
    expect(records.all.inUse).toBe(0);
    expect(records.all.octetsInUse).toBe(0);
  });

  test('is read word by word as it is', () => {
    const records = new Records(shape);
    const doubles = new Set(doublesOf(shape).flatMap((at) => [at, at + 1]));
    fc.assert(
      fc.property(recordOf(shape), (words) => {
        const ref = records.pack(records.add(words));
        const floats = new Float64Array(words.buffer);
        const { length } = ref < PACKED ? records.all.live.page(0).subarray(0, records.all.live.stride) : words;
        words.subarray(0, length).forEach((value, at) => {
          if (!doubles.has(at)) expect(records.all.word(ref, at)).toBe(value);
        });
        for (const at of doublesOf(shape)) if (at < length) expect(records.all.double(ref, at)).toBe(floats[at >> 1]);
        records.release(ref);
      }),
    );
  });
});

test('records come and go, and those that stay are what they were', () => {
  const step = fc.record({
    what: fc.constantFrom('add', 'pack', 'pack', 'unpack', 'release', 'read'),
    which: fc.nat(),
    words: recordOf(PAIR_SHAPE),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const records = new Records();
      const known: { ref: number; words: Int32Array }[] = [];
      for (const { what, which, words } of steps) {
        const one = known[which % Math.max(1, known.length)];
        if (what === 'add' || one === undefined) known.push({ ref: records.add(words), words });
        else if (what === 'pack' && one.ref < PACKED) one.ref = records.pack(one.ref);
        else if (what === 'unpack' && one.ref >= PACKED) one.ref = records.unpack(one.ref);
        else if (what === 'release') {
          records.release(one.ref);
          known.splice(known.indexOf(one), 1);
        } else if (what === 'read') records.contents(one.ref);
        expect(records.all.inUse).toBe(known.length);
      }
      for (const { ref, words } of known) expect(records.contents(ref)).toEqual(words);
    }),
    { numRuns: 200 },
  );
});

/** A record with times that a microsecond divides, as most captures have them. */
function regular(last = 5e9): { words: Int32Array; floats: Float64Array } {
  const words = new Int32Array(PAIR_STRIDE + SEQUEL_STRIDE);
  const floats = new Float64Array(words.buffer);
  floats[ofSequel(Sequel.LAST_TIME) >> 1] = last;
  floats[Half.STATE_TIME >> 1] = last - 2e6;
  return { words, floats };
}

test.each([
  ['on a microsecond', 5e9, 65e9],
  ['of a capture with nanoseconds', 5e9 + 1, 65e9 + 7],
])('a time that stays open is written in its place, and nothing else changes: %s', (_, last, due) => {
  const records = new Records();
  const { words, floats } = regular(last);
  const ref = records.pack(records.add(words));
  expect(ref).toBeGreaterThanOrEqual(PACKED);
  records.contents(ref);
  expect(records.all.setDouble(ref, HALF_STRIDE + Half.STATE_TIME, due)).toBe(true);
  floats[(HALF_STRIDE + Half.STATE_TIME) >> 1] = due;
  expect(records.contents(ref)).toEqual(words);
  expect(records.contents(records.unpack(ref))).toEqual(words);
});

test('a time for which there is no room is not written', () => {
  const records = new Records();
  const { words } = regular();
  const ref = records.pack(records.add(words));
  expect(records.all.setDouble(ref, Half.STATE_TIME, 65e9 + 7)).toBe(false); // not a microsecond
  expect(records.all.setDouble(ref, Half.STATE_TIME, 5e15)).toBe(false); // 58 days later
  expect(records.contents(ref)).toEqual(words);
});

test('open words are written where they lie', () => {
  const records = new Records();
  const { words } = regular();
  const ref = records.pack(records.add(words));
  records.contents(ref);
  records.all.change(ref);
  records.all.openPage(ref)[records.all.openOffset(ref) + Sequel.TAIL - Sequel.ARMED] = 77;
  words[ofSequel(Sequel.TAIL)] = 77;
  expect(records.contents(ref)).toEqual(words);
});

test.each([1, 200, 300, 70_000])('the connection before, %i, gets a lower id', (before) => {
  const records = new Records();
  const { words } = regular();
  words[ofSequel(Sequel.PREVIOUS)] = before;
  words[ofSequel(Sequel.SYN_TIMESTAMP)] = -1;
  const ref = records.pack(records.add(words));
  records.contents(ref);
  records.all.lower(ref, ofSequel(Sequel.PREVIOUS), Math.ceil(before / 2));
  words[ofSequel(Sequel.PREVIOUS)] = Math.ceil(before / 2);
  expect(records.contents(ref)).toEqual(words);
});

test('what most records have takes no room from the second page on, and records of the first are what they were', () => {
  const records = new Records(PAIR_SHAPE, 512);
  const { words } = regular();
  words[Pair.HISTORY] = 0x1234_5678;
  words[Half.WINDOW_TTL] = 0x4040_ffff;
  const odd = regular().words;
  odd[Half.WINDOW_TTL] = 0x8080_0001;
  const refs = Array.from({ length: 3_000 }, (_, i) => ({ i, ref: records.pack(records.add(i % 5 === 0 ? odd : words)) }));
  for (const { i, ref } of refs) expect(records.contents(ref)).toEqual(i % 5 === 0 ? odd : words);
  expect(records.all.octetsOf(refs.at(-1)!.ref)).toBeLessThan(records.all.octetsOf(refs[1]!.ref));
  const again = records.pack(records.unpack(refs[1]!.ref));
  expect(records.contents(again)).toEqual(words);
  expect(records.all.octetsOf(again)).toBe(records.all.octetsOf(refs.at(-1)!.ref));
});

test('a record whose times are no whole distance apart stays as it is', () => {
  const records = new Records();
  const { words, floats } = regular();
  floats[Half.LAST_TIME >> 1] = 0.1;
  floats[(HALF_STRIDE + Half.LAST_TIME) >> 1] = 2 ** 60;
  const ref = records.add(words);
  expect(records.pack(ref)).toBe(ref);
  expect(records.contents(ref)).toEqual(words);
});

test('what was read stays while a few others are', () => {
  const records = new Records(PAIR_SHAPE, 8);
  const all = Array.from({ length: 8 }, (_, i) => {
    const { words } = regular();
    words[Half.PACKETS] = i + 1;
    return words;
  });
  const refs = all.map((words) => records.pack(records.add(words)));
  const offsets = refs.map((ref) => records.all.offset(ref));
  const page = records.all.page(refs[0]!);
  offsets.forEach((at, i) => expect(page.slice(at, at + PAIR_STRIDE + SEQUEL_STRIDE)).toEqual(all[i]));
});
