import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressBook } from '../../src/track/address-book.ts';
import { FlowTable } from '../../src/track/flow-table.ts';
import { hash as tupleHash } from '../../src/track/hash.ts';
import { Core, CORE_STRIDE } from '../../src/track/layout.ts';
import { RecordPages } from '../../src/track/pages.ts';

interface Tuple {
  readonly a: number;
  readonly b: number;
  readonly ports: number;
  readonly meta: number;
}

/** The table beside a Map, both told the same. */
class Both {
  readonly cores = new RecordPages(CORE_STRIDE, 12);
  readonly table = new FlowTable(this.cores);
  readonly map = new Map<string, number>();

  readonly #hash: typeof tupleHash;

  constructor(hash = tupleHash) {
    this.#hash = hash;
  }

  find({ a, b, ports, meta }: Tuple): number {
    return this.table.find(this.#hash(a, b, ports, meta), a, b, ports, meta);
  }

  /** A new connection of that tuple, which becomes its newest. */
  open(tuple: Tuple): void {
    const { a, b, ports, meta } = tuple;
    const previous = this.find(tuple);
    const id = this.cores.add();
    const core = this.cores.page(id);
    const at = this.cores.offset(id);
    core[at + Core.ADDR_A] = a;
    core[at + Core.ADDR_B] = b;
    core[at + Core.PORTS] = ports;
    core[at + Core.META] = meta;
    this.table.set(this.#hash(a, b, ports, meta), id, previous);
    this.map.set(key(tuple), id);
  }
}

const key = ({ a, b, ports, meta }: Tuple): string => `${a} ${b} ${ports} ${meta}`;
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Few values, so that tuples come again and differ in one field only. */
const few = fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000);
const tuple: fc.Arbitrary<Tuple> = fc.record({
  a: fc.oneof(few, int32),
  b: fc.oneof(few, int32),
  ports: fc.oneof(few, int32),
  meta: fc.nat(3),
});

describe('the flow table', () => {
  test('finds what a Map finds, whatever is opened and asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), tuple), { maxLength: 300 }), (steps) => {
        const both = new Both();
        for (const [open, t] of steps) {
          if (open) both.open(t);
          expect(both.find(t)).toBe(both.map.get(key(t)) ?? -1);
        }
      }),
    );
  });

  test('finds it also when many tuples have one hash', () => {
    fc.assert(
      fc.property(fc.array(tuple, { maxLength: 200 }), (tuples) => {
        const both = new Both((_a, _b, ports) => ports & 3);
        tuples.forEach((t) => both.open(t));
        for (const t of tuples) expect(both.find(t)).toBe(both.map.get(key(t)));
      }),
    );
  });

  test('grows far beyond its first size and keeps everything', () => {
    const both = new Both();
    for (let i = 0; i < 50_000; i++) both.open({ a: i & 0xff, b: i >>> 8, ports: (i * 40_503) | 0, meta: 0 });
    for (let i = 0; i < 50_000; i += 7) {
      const t = { a: i & 0xff, b: i >>> 8, ports: (i * 40_503) | 0, meta: 0 };
      expect(both.find(t)).toBe(both.map.get(key(t)));
    }
    expect(both.find({ a: -5, b: -6, ports: -7, meta: 0 })).toBe(-1);
  });

  test('has room for ids that leave none for anything but the hash, and keeps everything', () => {
    const both = new Both();
    const tuples = Array.from({ length: 1_000 }, (_, i): Tuple => ({ a: i, b: 1, ports: 2, meta: 0 }));
    tuples.forEach((t) => both.open(t));
    // Three quarters of 2^26 slots.
    both.table.set(tupleHash(9, 9, 9, 0), 50_331_648, -1);
    expect(both.table.octets).toBe(4 * 2 ** 27);
    expect(tuples.map((t) => both.find(t))).toEqual(tuples.map((t) => both.map.get(key(t))));
  });

  test('says after its memory was lent what it said before', () => {
    fc.assert(
      fc.property(fc.array(tuple, { maxLength: 300 }), (tuples) => {
        const both = new Both();
        tuples.forEach((t) => both.open(t));
        const { octets, load } = both.table;
        new Int32Array(both.table.lend()).fill(-1);
        expect([both.table.octets, both.table.load]).toEqual([octets, load]);
        both.table.recover();
        for (const t of tuples) expect(both.find(t)).toBe(both.map.get(key(t)));
        expect([both.table.octets, both.table.load]).toEqual([octets, load]);
      }),
    );
  });

  test('the newest connection of a tuple takes the slot of the one before: reuse does not fill the table', () => {
    const both = new Both();
    for (let i = 0; i < 20_000; i++) both.open({ a: 1, b: 2, ports: 3, meta: 0 });
    expect(both.find({ a: 1, b: 2, ports: 3, meta: 0 })).toBe(19_999);
  });
});

describe('the address book', () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.constantFrom(0, 1, 255).map((last) => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? last : 0))),
  );

  test('gives equal addresses one id, different ones different ids, in order of appearance', () => {
    fc.assert(
      fc.property(fc.array(address, { maxLength: 400 }), (addresses) => {
        const book = new AddressBook();
        const ids = new Map<string, number>();
        for (const bytes of addresses) {
          const name = bytes.join();
          const expected = ids.get(name) ?? ids.size;
          ids.set(name, expected);
          // At an odd offset: addresses stand anywhere in a frame.
          const frame = new Uint8Array(19);
          frame.set(bytes, 3);
          expect(book.intern(new DataView(frame.buffer), 3)).toBe(expected);
        }
        expect(book.length).toBe(ids.size);
      }),
    );
  });

  test('grows past its first size, and still says each address', () => {
    const book = new AddressBook();
    const view = new DataView(new ArrayBuffer(16));
    view.setUint32(0, 0x20010db8);
    for (let i = 0; i < 3000; i++) {
      view.setUint32(12, i);
      expect(book.intern(view, 0)).toBe(i);
    }
    view.setUint32(12, 17);
    expect(book.intern(view, 0)).toBe(17);
    expect(book.text(17, true)).toBe('2001:db8::11');
    expect(book.text(0x0a000001, false)).toBe('10.0.0.1');
    expect(book.text(0xc0a80001 | 0, false)).toBe('192.168.0.1');
  });
});
