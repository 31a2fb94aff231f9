/** Tags and tunnels are part of a connection's identity, until a segment proves that two of them hold one connection. */
import { describe, expect, test } from 'vitest';
import { State } from '../../src/model/state.ts';
import { see, type Sight, twice } from '../support/sights.ts';

const life: readonly Sight[] = [
  { at: 0, from: 'client', flags: 'S', seq: 100, id: 1000 },
  { at: 1, from: 'server', flags: 'S.', seq: 500, ack: 101, id: 0 },
  { at: 2, from: 'client', flags: '.', seq: 101, ack: 501, id: 1001 },
  { at: 3, from: 'client', flags: 'P.', seq: 101, ack: 501, payload: 'GET /', id: 1002 },
  { at: 4, from: 'server', flags: 'P.', seq: 501, ack: 106, payload: 'answer', id: 7001 },
  { at: 5, from: 'client', flags: 'F.', seq: 106, ack: 507, id: 1003 },
  { at: 6, from: 'server', flags: 'F.', seq: 507, ack: 107, id: 7002 },
  { at: 7, from: 'client', flags: '.', seq: 107, ack: 508, id: 1004 },
];
const v6 = (sights: readonly Sight[]): readonly Sight[] => sights.map((s) => ({ ...s, id: undefined }));

/** Each direction under its own tag; undefined: untagged. */
const tagged = (sights: readonly Sight[], client: number | undefined, server: number | undefined): readonly Sight[] =>
  sights.map((s) => {
    const tag = s.from === 'client' ? client : server;
    return tag === undefined ? s : { ...s, vlan: tag };
  });

describe('each direction under its own tag is one connection', () => {
  test.each([
    ['two VLANs', 10, 20],
    ['the answers without a tag', 10, undefined],
    ['the requests without a tag', undefined, 20],
  ])('%s', (_, client, server) => {
    for (const sights of [life, v6(life)]) {
      const { connections, only } = see(tagged(sights, client, server));
      expect(connections).toHaveLength(1);
      expect([only.outcome, only.basis, only.client.packets, only.server.packets]).toEqual(['ok', 'handshake', 5, 3]);
      expect(only.encapsulation).toEqual(client === undefined ? [] : [`vlan:${client}`]);
    }
  });

  test('begun before the capture', () => {
    const { connections, only } = see(tagged(life.slice(3), 10, 20));
    expect(connections).toHaveLength(1);
    expect([only.basis, only.server.packets, only.client.packets]).toEqual(['midstream', 2, 3]);
  });

  test('the SYN was not captured', () => {
    const { connections } = see(tagged(life.slice(1), 10, 20));
    expect(connections).toHaveLength(1);
  });

  test('a refusal', () => {
    const refusal: Sight = { at: 1, from: 'server', flags: 'R.', seq: 0, ack: 101, window: 0, id: 0 };
    const { connections, only } = see(tagged([life[0]!, refusal], 10, 20));
    expect(connections).toHaveLength(1);
    expect(only.outcome).toBe('refused');
  });

  test('and so is the next connection of the same ports', () => {
    const next = life.map((s) => ({ ...s, at: s.at + 70_000, seq: s.seq + 5000, ...(s.ack === undefined ? {} : { ack: s.ack + 5000 }) }));
    const { connections } = see(tagged([...life, ...next], 10, 20));
    expect(connections.map((c) => [c.outcome, c.client.packets, c.server.packets])).toEqual([
      ['ok', 5, 3],
      ['ok', 5, 3],
    ]);
  });
});

describe('the same addresses and ports in two VLANs are two connections', () => {
  test('one after the other', () => {
    const other = life.map((s) => ({
      ...s,
      at: s.at + 10,
      seq: s.seq + 70_000_000,
      ...(s.ack === undefined ? {} : { ack: s.ack + 70_000_000 }),
    }));
    const { connections } = see([...tagged(life, 5, 5), ...tagged(other, 6, 6)]);
    expect(connections.map((c) => [c.encapsulation.join(), c.outcome])).toEqual([
      ['vlan:5', 'ok'],
      ['vlan:6', 'ok'],
    ]);
  });

  test('at the same time, both unanswered at first', () => {
    const other = life.map((s) => ({ ...s, seq: s.seq + 70_000_000, ...(s.ack === undefined ? {} : { ack: s.ack + 70_000_000 }) }));
    const sights = life.flatMap((s, i) => [
      { ...s, vlan: 5 },
      { ...other[i]!, at: s.at + 0.5, vlan: 6 },
    ]);
    const { connections } = see(sights);
    expect(connections.map((c) => [c.encapsulation.join(), c.outcome, c.copies])).toEqual([
      ['vlan:5', 'ok', 0],
      ['vlan:6', 'ok', 0],
    ]);
  });

  test('an answer whose numbers do not fit', () => {
    const { connections } = see([
      { ...life[0]!, vlan: 5 },
      { ...life[1]!, ack: 777, vlan: 6 },
    ]);
    expect(connections).toHaveLength(2);
    expect(connections[0]!.client.state).toBe(State.SYN_SENT);
  });
});

describe('a segment with and without its tag is one segment', () => {
  test.each<[string, Partial<Sight>, Partial<Sight>]>([
    ['untagged inside, tagged outside', {}, { vlan: 10 }],
    ['routed from one VLAN to another', { vlan: 10 }, { vlan: 20, ttl: 63 }],
  ])('%s', (_, first, second) => {
    for (const sights of [life, v6(life)]) {
      const { connections, only, tracker } = see(
        twice(
          sights.map((s) => ({ ...s, ...first })),
          second,
        ),
      );
      expect(connections).toHaveLength(1);
      expect([only.copies, only.outcome, only.client.packets, only.client.retransmissions]).toEqual([8, 'ok', 5, 0]);
      expect(tracker.copies.counts.otherEncapsulation).toBe(8);
    }
  });
});

test('a capture of many asymmetric connections', () => {
  const sights = Array.from({ length: 500 }, (_, i) => life.map((s) => ({ ...s, at: s.at + i * 10, clientPort: 2000 + i }))).flat();
  const { connections } = see(tagged(sights, 10, 20));
  expect(connections).toHaveLength(500);
  expect(connections.every((c) => c.outcome === 'ok')).toBe(true);
});
