import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdBits, IdCursor, IdList } from '../../src/collect/id-bits.ts';
import { connId } from '../../src/model/units.ts';

const CONNECTIONS = 10_000;
const ids = fc.uniqueArray(fc.integer({ min: 0, max: CONNECTIONS - 1 }), { maxLength: 2_000 }).map((list) => list.sort((a, b) => a - b));

function listOf(values: readonly number[], connections = CONNECTIONS): IdList {
  const list = new IdList(connections);
  for (const id of values) list.add(id);
  return list;
}

describe('a list of ids', () => {
  test('says what an array of them says, few or many', () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: -2_100, max: 2_100 }), fc.integer({ min: -2_100, max: 2_100 }), (values, from, to) => {
        const list = listOf(values).ids;
        expect([...list]).toEqual(values);
        expect(list.length).toBe(values.length);
        expect(list.at(from)).toBe(values.at(from));
        expect([...list.slice(from, to)]).toEqual(values.slice(from, to));
        expect([...list.slice(from)]).toEqual(values.slice(from));
        expect([...list.filter((id) => id % 3 === 0)]).toEqual(values.filter((id) => id % 3 === 0));
        expect(list.some((id) => id > 9_000)).toBe(values.some((id) => id > 9_000));
        const visited: number[] = [];
        list.forEach((id) => visited.push(id));
        expect(visited).toEqual(values);
      }),
    );
  });

  test('is a column while its ids are few, and then bits, which tell every place', () => {
    expect(listOf([1, 5, 9]).ids).not.toBeInstanceOf(IdBits);
    const odd = Array.from({ length: CONNECTIONS / 2 }, (_, i) => 2 * i + 1);
    const bits = listOf(odd).ids;
    expect(bits).toBeInstanceOf(IdBits);
    expect(odd.map((_, i) => bits.at(i))).toEqual(odd);
    expect([bits.at(odd.length), bits.at(-1), bits.at(-odd.length), bits.at(-odd.length - 1)]).toEqual([undefined, 9_999, 1, undefined]);
    expect(bits instanceof IdBits && [4_711, 4_712, 20_001].map((id) => bits.has(id))).toEqual([true, false, false]);
  });

  test('is walked from any place on', () => {
    fc.assert(
      fc.property(ids, fc.nat(2_000), (values, from) => {
        for (const list of [listOf(values).ids, values.map(connId)]) {
          const cursor = new IdCursor(list, from);
          const left: number[] = [];
          for (let id = cursor.next(); id >= 0; id = cursor.next()) left.push(id);
          expect(left).toEqual(values.slice(from));
        }
      }),
    );
  });
});
