/** A copy of a segment is not the segment sent again. What a copy looks like: fixtures/forwarding_any.pcap, RFC 6864. */
import { describe, expect, test } from 'vitest';
import { Mark } from '../../src/model/connection.ts';
import { State } from '../../src/model/state.ts';
import { frameOf, see, type Sight, twice } from '../support/sights.ts';

/** A whole life: handshake, request, answer, close by the server. `v4`: with identifications that count, as Linux has them. */
function life(v4: boolean): readonly Sight[] {
  const id = (n: number): { id?: number } => (v4 ? { id: n } : {});
  return [
    { at: 0, from: 'client', flags: 'S', seq: 100, ...id(1000) },
    { at: 1, from: 'server', flags: 'S.', seq: 500, ack: 101, ...id(0) },
    { at: 2, from: 'client', flags: '.', seq: 101, ack: 501, ...id(1001) },
    { at: 3, from: 'client', flags: 'P.', seq: 101, ack: 501, payload: 'GET /', ...id(1002) },
    { at: 4, from: 'server', flags: '.', seq: 501, ack: 106, ...id(7000) },
    { at: 5, from: 'server', flags: 'P.', seq: 501, ack: 106, payload: 'answer', ...id(7001) },
    { at: 6, from: 'client', flags: '.', seq: 106, ack: 507, ...id(1003) },
    { at: 7, from: 'server', flags: 'F.', seq: 507, ack: 106, ...id(7002) },
    { at: 8, from: 'client', flags: 'F.', seq: 106, ack: 508, ...id(1004) },
    { at: 9, from: 'server', flags: '.', seq: 508, ack: 107, ...id(7003) },
  ];
}

/** What must not depend on how often a segment was captured. */
function told(sights: readonly Sight[]): unknown {
  const { connections } = see(sights);
  return connections.map((c) => ({
    transitions: c.transitions.map(({ side, from, to }) => [side, from, to]),
    marks: c.marks.map((m) => m.mark),
    outcome: c.outcome,
    history: c.history,
    ends: c.ends.map((e) => ({
      packets: e.packets,
      payload: e.payloadBytes,
      counts: [e.syn, e.synAck, e.fin, e.rst],
      again: e.retransmissions,
      outOfOrder: e.outOfOrder,
      missed: e.missedBytes,
    })),
  }));
}

describe.each([
  ['IPv4', true],
  ['IPv6', false],
])('%s: every segment is counted once', (_, v4) => {
  const once = life(v4);

  test.each<[string, Partial<Sight>]>([
    ['on two interfaces of a bridge', { on: 2 }],
    ['before and behind a router', { on: 2, ttl: 63 }],
    ['at a mirror port that shows a routed segment twice', { ttl: 63 }],
  ])('%s', (_name, second) => {
    const sights = twice(once, second);
    expect(told(sights)).toEqual(told(once));
    const { only, tracker } = see(sights);
    expect(only.copies).toBe(once.length);
    expect(tracker.copies.counts.copies).toBe(once.length);
    expect(only.lastFrame).toBe(sights.length);
    expect(only.lastCopy).toEqual({ interfaceIndex: second.on ?? 1, hops: 64 - (second.ttl ?? 64) });
  });

  test('begun before the capture: hops are counted from where each end was seen first', () => {
    const { only } = see(twice(once.slice(3, 6), { on: 2, ttl: 63 }));
    expect(only.lastCopy).toEqual({ interfaceIndex: 2, hops: 1 });
  });

  test('on three: a pod, its bridge, the network card', () => {
    const sights = once.flatMap((s) => [s, { ...s, on: 2, at: s.at + 0.01 }, { ...s, on: 3, ttl: 63, at: s.at + 0.02 }]);
    expect(told(sights)).toEqual(told(once));
    expect(see(sights).only.copies).toBe(2 * once.length);
  });

  test('in batches: p1 p2 p1 p2', () => {
    const burst: readonly Sight[] = ['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd'].map((payload, i) => ({
      at: 3 + i / 1000,
      from: 'client',
      flags: '.',
      seq: 101 + 6 * i,
      ack: 501,
      payload,
      ...(v4 ? { id: 1002 + i } : {}),
    }));
    const open = once.slice(0, 3);
    const sights = [...twice(open, { on: 2 }), ...burst, ...burst.map((s) => ({ ...s, on: 2, at: s.at + 0.01 }))];
    expect(told(sights)).toEqual(told([...open, ...burst]));
  });

  test('a RST, and a SYN that is refused', () => {
    const id = (n: number): { id?: number } => (v4 ? { id: n } : {});
    const refused: readonly Sight[] = [
      { at: 0, from: 'client', flags: 'S', seq: 100, ...id(1000) },
      { at: 1, from: 'server', flags: 'R.', seq: 0, ack: 101, window: 0, ...id(0) },
    ];
    expect(told(twice(refused, { on: 2, ttl: 63 }))).toEqual(told(refused));
    const aborted: readonly Sight[] = [...once.slice(0, 6), { at: 6, from: 'client', flags: 'R.', seq: 106, ack: 507, ...id(1003) }];
    expect(told(twice(aborted, { on: 2, ttl: 63 }))).toEqual(told(aborted));
  });
});

describe('copies in a handshake that is not complete', () => {
  test('need no more memory than the handshake', () => {
    const { only, tracker } = see(twice(life(true).slice(0, 2), { on: 2, ttl: 63 }));
    expect(only.copies).toBe(2);
    expect([only.client.syn, only.server.synAck, only.client.retransmissions, only.server.retransmissions]).toEqual([1, 1, 0, 0]);
    expect(tracker.tables.pairs.inUse).toBe(0);
    expect(tracker.tables.series.counts(0)).toEqual([1]);
  });

  test('the SYN sent again is sent again, its copy is a copy', () => {
    const syn: Sight = { at: 0, from: 'client', flags: 'S', seq: 100, id: 1000 };
    const { only } = see(twice([syn, { ...syn, at: 1000, id: 1001 }, { ...syn, at: 3000, id: 1002 }], { on: 2, ttl: 63 }));
    expect(only.client.syn).toBe(3);
    expect(only.copies).toBe(3);
    expect(only.marks.filter((m) => m.mark === Mark.SYN_AGAIN)).toHaveLength(2);
    expect(only.client.state).toBe(State.SYN_SENT);
  });

  test('a SYN-ACK whose copy on the far side is captured first', () => {
    const [syn, synAck] = life(true) as [Sight, Sight];
    const near = { ...synAck, on: 2, at: synAck.at + 0.01 };
    const { only } = see([syn, { ...synAck, ttl: 63 }, near, ...life(true).slice(2)]);
    expect(only.copies).toBe(1);
    expect(only.server.synAck).toBe(1);
    expect(only.outcome).toBe('ok');
  });
});

describe('a segment sent again is not a copy', () => {
  const open = life(true).slice(0, 3);
  const data: Sight = { at: 3, from: 'client', flags: 'P.', seq: 101, ack: 501, payload: 'GET /', id: 1002 };

  test('a fast retransmission of Linux has a new identification', () => {
    const { only } = see([...open, data, { ...data, at: 3.2, id: 1003 }]);
    expect([only.copies, only.client.retransmissions]).toEqual([0, 1]);
  });

  test('on two interfaces: two of four are copies', () => {
    const { only } = see([...twice(open, { on: 2 }), ...twice([data, { ...data, at: 3.2, id: 1003 }], { on: 2 })]);
    expect([only.copies, only.client.retransmissions]).toEqual([5, 1]);
  });

  test('IPv6: it passes the first point again', () => {
    const six = life(false)[3]!;
    const start = life(false).slice(0, 3);
    const { only } = see([...twice(start, { on: 2 }), ...twice([six, { ...six, at: 6 }], { on: 2, ttl: 63 })]);
    expect([only.copies, only.client.retransmissions]).toEqual([5, 1]);
  });

  test('IPv6: duplicate ACKs that ask for it are no copies of each other', () => {
    const six = life(false)[3]!;
    const ack: Sight = { at: 4, from: 'server', flags: '.', seq: 501, ack: 101 };
    const acks = [ack, { ...ack, at: 4.01 }, { ...ack, at: 4.02 }];
    const { only } = see([...life(false).slice(0, 3), six, ...acks, { ...six, at: 4.03 }]);
    expect(only.server.packets).toBe(4);
    expect([only.copies, only.client.retransmissions]).toEqual([0, 1]);
  });

  test('no timestamps, a stack with one identification for all: after its timeout', () => {
    const same = data.id!;
    const { only } = see([...open.map((s) => ({ ...s, id: same })), data, { ...data, at: 203 }]);
    expect([only.copies, only.client.retransmissions]).toEqual([0, 1]);
  });

  test('another timestamp at the same point is another segment', () => {
    const stamped = { ...data, tsVal: 1000 };
    const { only } = see([...open, stamped, { ...stamped, at: 5, tsVal: 1002 }]);
    expect([only.copies, only.client.retransmissions]).toEqual([0, 1]);
  });

  test('RSTs without a socket answer each segment, with the same numbers', () => {
    const rst: Sight = { at: 10, from: 'server', flags: 'R', seq: 501, window: 0, id: 0 };
    const { only } = see([...open, data, rst, { ...rst, at: 10.01 }]);
    expect([only.copies, only.server.rst]).toEqual([0, 2]);
  });
});

test('the network doubles a frame: a copy at the same point', () => {
  const once = life(true);
  const doubled = [...once.slice(0, 4), { ...once[3]!, at: 3.005 }, ...once.slice(4)];
  expect(told(doubled)).toEqual(told(once));
  const { counts } = see(doubled).tracker.copies;
  expect([counts.copies, counts.samePoint, counts.otherInterface, counts.otherTtl]).toEqual([1, 1, 0, 0]);
});

test('the account says where and how far', () => {
  const { counts } = see(twice(life(true), { on: 7, ttl: 62 }, 5)).tracker.copies;
  expect([counts.otherInterface, counts.otherTtl, counts.hops]).toEqual([10, 10, 2]);
  expect([...counts.interfaces].sort()).toEqual([1, 7]);
  expect(counts.longest / 1e6).toBeCloseTo(5, 2);
});

test('the frames of these tests are what they say', () => {
  expect(frameOf({ at: 0, from: 'client', flags: 'S', seq: 1, id: 1, on: 9 })[7]).toBe(9);
});

test("Wireshark's completeness begins with the second segment, and to Wireshark a copy is one", () => {
  const segment: Sight = { at: 0, from: 'client', flags: 'P.', seq: 101, ack: 501, payload: 'GET /', id: 1002 };
  const completeness = (sights: readonly Sight[]): number[] => see(sights).connections.map((c) => c.completeness);
  expect(completeness([segment])).toEqual([0]);
  expect(completeness([segment, { ...segment, at: 0.5, on: 2 }])).toEqual([8]);
});

test('octets that are new are no copy, though the sum by which segments are compared is that of the segment before', () => {
  const data = (at: number, seq: number, window: number, id: number): Sight => ({
    at,
    from: 'client',
    flags: 'P.',
    seq,
    ack: 501,
    payload: 'GET /',
    window,
    id,
  });
  const [first, second] = [data(3, 101, 1_000, 2_000), data(3.2, 106, 38_990, 4_661)];
  const sum = ({ seq, window, id }: Sight): number => (Math.imul(seq, 0x9e3779b1) + Math.imul((window! << 16) | id!, 0x27d4eb2f)) | 0;
  expect(sum(second)).toBe(sum(first));
  const { only } = see([...life(true).slice(0, 3), first, second]);
  expect(only.copies).toBe(0);
  expect(only.client.payloadBytes).toBe(10);
});

test('an acknowledgment that was captured before the FIN that it acknowledges, and once more behind it, is one segment', () => {
  const all = life(true);
  const [fin, ack] = [all[8]!, all[9]!];
  const { tracker } = see([...all.slice(0, 8), { ...ack, at: 7.5 }, fin, ack]);
  expect(tracker.copies.counts.copies).toBe(1);
});
