import { expect, test } from 'vitest';
import { Encap, Encapsulations } from '../../src/decode/encapsulations.ts';

test('the same list has the same id, and its texts read outermost first', () => {
  const all = new Encapsulations();
  const outer = all.child(Encapsulations.NONE, Encap.VLAN, 100);
  const inner = all.child(outer, Encap.VLAN, 7);
  expect(all.child(all.child(Encapsulations.NONE, Encap.VLAN, 100), Encap.VLAN, 7)).toBe(inner);
  expect(all.texts(inner)).toEqual(['vlan:100', 'vlan:7']);
  expect(all.texts(outer)).toEqual(['vlan:100']);
  expect(all.texts(Encapsulations.NONE)).toEqual([]);
});

test('order, kind and number tell lists apart', () => {
  const all = new Encapsulations();
  const a = all.child(all.child(0, Encap.VLAN, 1), Encap.VLAN, 2);
  const b = all.child(all.child(0, Encap.VLAN, 2), Encap.VLAN, 1);
  const ids = [
    a,
    b,
    all.child(0, Encap.GRE, 0),
    all.child(0, Encap.GRE_WITH_KEY, 0),
    all.child(0, Encap.IP_IN_IP, 0),
    all.child(0, Encap.PPPOE, 1),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.slice(2).map((id) => all.texts(id))).toEqual([['gre'], ['gre:0'], ['ipip'], ['pppoe:1']]);
});

test('a flood of tunnels shares one id once the table is full, and known lists stay known', () => {
  const all = new Encapsulations();
  const first = all.child(0, Encap.GRE_WITH_KEY, 1);
  for (let key = 2; key < 100_000; key++) all.child(0, Encap.GRE_WITH_KEY, key);
  const late = all.child(0, Encap.GRE_WITH_KEY, 99_999);
  expect(late).toBe(Encapsulations.OTHER);
  expect(all.child(late, Encap.VLAN, 7)).toBe(Encapsulations.OTHER);
  expect(all.texts(late)).toEqual(['other']);
  expect(all.child(0, Encap.GRE_WITH_KEY, 1)).toBe(first);
  expect(all.texts(all.child(0, Encap.GRE_WITH_KEY, 4000))).toEqual(['gre:4000']);
});
