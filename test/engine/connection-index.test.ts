import { describe, expect, test } from 'vitest';
import { ConnectionIndex } from '../../src/engine/connection-index.ts';
import { endpointKeys } from '../../src/engine/endpoint-order.ts';
import type { ConnectionSort, ConnectionSummary, Questions } from '../../src/engine/protocol.ts';
import type { Finding } from '../../src/model/finding.ts';

const LEAK = 'close-wait-stuck/10.0.0.1@10.0.0.9:3306';

const summary = (id: number, facts: Partial<ConnectionSummary> = {}): ConnectionSummary => ({
  id,
  client: `10.0.0.${String(id)}:40000`,
  server: '10.0.1.1:80',
  clientState: 'CLOSED',
  serverState: 'CLOSED',
  outcome: 'ok',
  startSeconds: id,
  duration: 1,
  packets: 10,
  bytes: 1000,
  retransmissions: 0,
  connectSeconds: 0.01,
  basis: 'handshake',
  findings: [],
  ...facts,
});

const finding = (id: string, connections: readonly number[]): Finding => ({
  id,
  rule: id.split('/')[0]!,
  severity: 'critical',
  confidence: 'high',
  title: 'Sockets never closed by their application',
  summary: '',
  subject: {},
  atFault: null,
  faultBecause: null,
  explainedBy: null,
  since: null,
  until: null,
  count: connections.length,
  connections,
  evidence: [],
  metrics: {},
  causes: [],
  remedies: [],
  displayFilter: '',
  caveats: [],
});

/** Counts how often a row is built: what an answer costs. */
class Source {
  built = 0;
  shown: ((id: number) => boolean) | null = null;
  readonly rows: ConnectionSummary[];
  constructor(rows: ConnectionSummary[]) {
    this.rows = rows;
  }
  get connections(): number {
    return this.rows.length;
  }
  summary(id: number): ConnectionSummary {
    this.built++;
    return this.rows[id]!;
  }
  /** Not the language, which has tests of its own: a client's address. */
  test(where: string): (id: number) => boolean {
    return (id) => this.rows[id]!.client.startsWith(where);
  }
}

type Ask = Questions['connections']['ask'];
const ASK: Ask = { finding: null, where: '', sort: 'id', descending: false, offset: 0, limit: 100 };
const DONE = { revision: 1, findings: [] as readonly Finding[], final: true };

function idsOf(rows: ConnectionSummary[], ask: Partial<Ask>, state = DONE): number[] {
  return new ConnectionIndex(new Source(rows), () => 0).page({ ...ASK, ...ask }, state).rows.map(({ id }) => id);
}

describe('the order', () => {
  const rows = [
    summary(0, { client: '10.0.0.10:1', duration: 5, connectSeconds: null, clientState: 'ESTABLISHED' }),
    summary(1, { client: '10.0.0.9:2', duration: 9, connectSeconds: 3, clientState: 'CLOSE_WAIT' }),
    summary(2, { client: '[2001:db8::1]:1', duration: 5, connectSeconds: 1, clientState: 'SYN_SENT' }),
    summary(3, { client: '10.0.0.9:10', duration: 1, connectSeconds: 2, clientState: 'TIME_WAIT' }),
  ];
  test.each<[string, ConnectionSort, boolean, number[]]>([
    ['by id, newest first', 'id', true, [3, 2, 1, 0]],
    ['longest first, equals by id', 'duration', true, [1, 0, 2, 3]],
    ['shortest first, equals by id', 'duration', false, [3, 0, 2, 1]],
    ['slowest connect first; unknown last', 'connect', true, [1, 3, 2, 0]],
    ['fastest connect first; unknown last too', 'connect', false, [2, 3, 1, 0]],
    ['addresses as numbers, IPv4 before IPv6, then ports', 'client', false, [1, 3, 0, 2]],
    ['states as a connection meets them', 'state', false, [2, 0, 1, 3]],
  ])('%s', (_name, sort, descending, expected) => expect(idsOf(rows, { sort, descending })).toEqual(expected));

  test('IPv6 addresses are compared as numbers, however they are abbreviated', () => {
    const inOrder = [
      '9.255.255.255:65535',
      '10.0.0.0:0',
      '255.255.255.255:65535',
      '[::]:0',
      '[::1]:80',
      '[2001:db8::1]:9',
      '[2001:db8::1]:443',
      '[2001:db8::1:1]:1',
      '[2001:db8:0:1::]:1',
    ];
    expect([...endpointKeys(inOrder)]).toEqual([...endpointKeys(inOrder)].toSorted((a, b) => a - b));
    expect(new Set(endpointKeys(inOrder)).size).toBe(inOrder.length);
    expect(new Set(endpointKeys(['[::1]:80', '[::1]:80'])).size).toBe(1);
  });
});

describe('the filter', () => {
  const rows = [
    summary(0, { clientState: 'CLOSE_WAIT', outcome: 'leaked', findings: [LEAK] }),
    summary(1, { server: '10.0.0.9:3306', clientState: 'CLOSE_WAIT' }),
    summary(2, { outcome: 'reset' }),
  ];
  const state = { ...DONE, findings: [finding(LEAK, [0])] };
  test.each<[string, Partial<Ask>, number[]]>([
    ['those that pass its test', { where: '10.0.0.2' }, [2]],
    ['nothing fits', { where: 'zzz' }, []],
    ['blanks are no filter', { where: '   ' }, [0, 1, 2]],
    ['the connections of a finding', { finding: LEAK }, [0]],
    ['of a finding, and more', { finding: LEAK, where: '10.0.0.2' }, []],
    ['a finding that has been withdrawn', { finding: 'syn-flood/10.0.0.1:80' }, []],
  ])('%s', (_name, ask, expected) => expect(idsOf(rows, ask, state)).toEqual(expected));

  test('a finding that lists only its first 1,000 ids still has all its connections', () => {
    const many = Array.from({ length: 1_500 }, (_, id) => summary(id, { findings: id === 7 ? [] : [LEAK] }));
    const listed = many
      .map(({ id }) => id)
      .filter((id) => id !== 7)
      .slice(0, 1_000);
    const index = new ConnectionIndex(new Source(many), () => 0);
    const page = index.page({ ...ASK, finding: LEAK, offset: 998, limit: 3 }, { ...DONE, findings: [finding(LEAK, listed)] });
    expect(page.total).toBe(1_499);
    expect(page.rows.map(({ id }) => id)).toEqual([999, 1000, 1001]);
  });
});

describe('the cost of an answer', () => {
  const rows = Array.from({ length: 5_000 }, (_, id) => summary(id, { duration: (id * 7919) % 5_000 }));

  test('a page of the plain list builds its own rows and no other', () => {
    const source = new Source(rows);
    expect(new ConnectionIndex(source, () => 0).page({ ...ASK, offset: 4_990, limit: 60 }, DONE)).toMatchObject({
      total: 5_000,
      rows: { length: 10 },
    });
    expect(source.built).toBe(10);
  });

  test('the next page of a sorted list does not look at the rest again, nor does going back to it', () => {
    const source = new Source(rows);
    const index = new ConnectionIndex(source, () => 0);
    const sorted = { ...ASK, sort: 'duration' as const, limit: 10 };
    index.page(sorted, DONE);
    expect(source.built).toBe(5_010);
    index.page({ ...sorted, offset: 10 }, DONE);
    index.page({ ...sorted, where: 'nothing' }, DONE);
    source.built = 0;
    index.page(sorted, DONE);
    expect(source.built).toBe(10);
  });

  test('while reading, an order is kept for ten times what it cost; the last one is exact', () => {
    const source = new Source([...rows]);
    let now = 0;
    const index = new ConnectionIndex(source, () => (now += 25)); // each sort takes 25 ms by this clock
    const sorted = { ...ASK, sort: 'duration' as const, descending: true, limit: 1 };
    const top = (revision: number, final: boolean): number => index.page(sorted, { revision, findings: [], final }).rows[0]!.duration;
    expect(top(1, false)).toBe(4_999);
    source.rows.push(summary(5_000, { duration: 9_000 }));
    expect(top(2, false)).toBe(4_999); // a little old
    now += 250;
    expect(top(2, false)).toBe(9_000);
    source.rows.push(summary(5_001, { duration: 9_001 }));
    expect(top(3, true)).toBe(9_001);
  });

  test('offsets and limits that make no sense give what there is', () => {
    const index = new ConnectionIndex(new Source(rows), () => 0);
    const page = (offset: number, limit: number): number => index.page({ ...ASK, offset, limit }, DONE).rows.length;
    expect([page(-5, 2), page(NaN, 2), page(0, Infinity), page(0, 1e9), page(9_999, 5), page(4_999.5, 5)]).toEqual([2, 2, 0, 1_000, 0, 1]);
  });
});
