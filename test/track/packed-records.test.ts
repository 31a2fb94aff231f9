/** Whatever is in a record, packed it is the same, word by word; and who reads it need not know whether it is packed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HALF_STRIDE, Half, PAIR_STRIDE } from '../../src/track/layout.ts';
import { PACKED, PackedRecords } from '../../src/track/packed-records.ts';
import { PAIR_SHAPE, TROUBLE_SHAPE } from '../../src/track/shapes.ts';

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
const doublesOf = ({ open, nearDoubles }: typeof PAIR_SHAPE): readonly number[] => [...new Set([...open, ...nearDoubles.flat()])];
const recordOf = (shape: typeof PAIR_SHAPE): fc.Arbitrary<Int32Array> =>
  fc
    .tuple(fc.array(word, { minLength: shape.stride, maxLength: shape.stride }), fc.array(double, { minLength: 20, maxLength: 20 }))
    .map(([words, doubles]) => {
      const record = Int32Array.from(words);
      const floats = new Float64Array(record.buffer);
      doublesOf(shape).forEach((at, i) => (floats[at >> 1] = doubles[i]!));
      return record;
    });

function add(records: PackedRecords, words: Int32Array): number {
  const ref = records.add();
  records.live.page(ref).set(words, records.live.offset(ref));
  return ref;
}

const contents = (records: PackedRecords, ref: number): Int32Array => {
  const at = records.offset(ref);
  return records.page(ref).slice(at, at + records.stride);
};

describe.each([
  ['pair', PAIR_SHAPE],
  ['trouble', TROUBLE_SHAPE],
])('a %s record', (_, shape) => {
  test('is the same packed and unpacked', () => {
    const records = new PackedRecords(shape, 4, undefined, 2);
    fc.assert(
      fc.property(recordOf(shape), (words) => {
        const packed = records.pack(add(records, words));
        expect(contents(records, packed)).toEqual(words);
        const ref = packed < PACKED ? packed : records.unpack(packed);
        expect(contents(records, ref)).toEqual(words);
        records.release(ref);
      }),
    );
    expect(records.inUse).toBe(0);
    expect(records.octetsInUse).toBe(0);
  });

  test('is read word by word as it is', () => {
    const records = new PackedRecords(shape, 4, undefined, 2);
    const doubles = new Set(doublesOf(shape).flatMap((at) => [at, at + 1]));
    fc.assert(
      fc.property(recordOf(shape), (words) => {
        const ref = records.pack(add(records, words));
        const floats = new Float64Array(words.buffer);
        words.forEach((value, at) => {
          if (!doubles.has(at)) expect(records.word(ref, at)).toBe(value);
        });
        for (const at of doublesOf(shape)) expect(records.double(ref, at)).toBe(floats[at >> 1]);
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
      const records = new PackedRecords(PAIR_SHAPE, 4, undefined, 2);
      const known: { ref: number; words: Int32Array }[] = [];
      for (const { what, which, words } of steps) {
        const one = known[which % Math.max(1, known.length)];
        if (what === 'add' || one === undefined) known.push({ ref: add(records, words), words });
        else if (what === 'pack' && one.ref < PACKED) one.ref = records.pack(one.ref);
        else if (what === 'unpack' && one.ref >= PACKED) one.ref = records.unpack(one.ref);
        else if (what === 'release') {
          records.release(one.ref);
          known.splice(known.indexOf(one), 1);
        } else if (what === 'read') contents(records, one.ref);
        expect(records.inUse).toBe(known.length);
      }
      for (const { ref, words } of known) expect(contents(records, ref)).toEqual(words);
    }),
    { numRuns: 200 },
  );
});

test('a time that stays open is written in its place, and nothing else changes', () => {
  const records = new PackedRecords(PAIR_SHAPE, 4);
  const words = Int32Array.from({ length: PAIR_STRIDE }, (_, i) => i);
  const ref = records.pack(add(records, words));
  expect(ref).toBeGreaterThanOrEqual(PACKED);
  contents(records, ref);
  records.setOpen(ref, HALF_STRIDE + Half.STATE_TIME, 60e9);
  new Float64Array(words.buffer)[(HALF_STRIDE + Half.STATE_TIME) >> 1] = 60e9;
  expect(contents(records, ref)).toEqual(words);
  expect(contents(records, records.unpack(ref))).toEqual(words);
});

test('a record whose times are no whole distance apart stays as it is', () => {
  const records = new PackedRecords(PAIR_SHAPE, 4);
  const words = new Int32Array(PAIR_STRIDE);
  const floats = new Float64Array(words.buffer);
  floats[Half.LAST_TIME >> 1] = 0.1;
  floats[(HALF_STRIDE + Half.LAST_TIME) >> 1] = 2 ** 60;
  const ref = add(records, words);
  expect(records.pack(ref)).toBe(ref);
  expect(contents(records, ref)).toEqual(words);
});

test('what was read stays while a few others are', () => {
  const records = new PackedRecords(PAIR_SHAPE, 4, undefined, 8);
  const all = Array.from({ length: 8 }, (_, i) => new Int32Array(PAIR_STRIDE).fill(i + 1));
  const refs = all.map((words) => records.pack(add(records, words)));
  const offsets = refs.map((ref) => records.offset(ref));
  const page = records.page(refs[0]!);
  offsets.forEach((at, i) => expect(page.slice(at, at + PAIR_STRIDE)).toEqual(all[i]));
});
