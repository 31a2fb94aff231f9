/**
 * Pages of connections: filtered by finding and words, sorted by one column, `limit` rows at a time.
 *
 * An answer builds only the rows that it returns. Filtering and sorting look once at each connection and leave an array of ids, kept
 * for the next pages of the same question; while the capture is still being read, an order may be a little old, so that sorting
 * a growing table again and again does not take the time from reading it.
 */
import type { Finding } from '../model/finding.ts';
import { STATE_NAMES } from '../model/state.ts';
import { endpointKeys } from './endpoint-order.ts';
import type { ConnectionSort, ConnectionSummary, Questions } from './protocol.ts';

type Ask = Questions['connections']['ask'];
type Answer = Questions['connections']['answer'];

export interface ConnectionSource {
  readonly connections: number;
  /** Those that `--where` and `--from` select; null: all. */
  readonly shown: ((id: number) => boolean) | null;
  summary(id: number): ConnectionSummary;
  /** An expression of the filter language (model/where) as a test. @throws WhereError */
  test(where: string): (id: number) => boolean;
}

/** What the answer rests on, at the moment of the question. */
export interface IndexState {
  /** Changes when an older order may be wrong. */
  readonly revision: number;
  readonly findings: readonly Finding[];
  /** Nothing will change any more: an order of this revision is final. */
  readonly final: boolean;
}

/** Rows in one answer; a screen is a hundred lines high. */
const PAGE_LIMIT = 1_000;
/** Orders kept: going back from one finding to the other costs nothing. */
const KEPT_ORDERS = 8;
/** While reading: an order that took 50 ms is not made again within 500 ms. */
const REST_PER_COST = 10;
/** Findings list at most so many ids (contract.md); a shorter list is the whole list. */
const LISTED_IDS = 1_000;

interface Order {
  readonly key: string;
  readonly revision: number;
  readonly ids: Int32Array;
  readonly goodUntil: number;
}

export class ConnectionIndex {
  readonly #source: ConnectionSource;
  readonly #now: () => number;
  /** Newest last. */
  #orders: Order[] = [];

  constructor(source: ConnectionSource, now: () => number) {
    this.#source = source;
    this.#now = now;
  }

  page(ask: Ask, state: IndexState): Answer {
    const offset = wholeNumber(ask.offset);
    const limit = Math.min(PAGE_LIMIT, wholeNumber(ask.limit));
    const where = ask.where.trim();
    const total = this.#source.connections;
    if (ask.finding === null && where === '' && ask.sort === 'id' && this.#source.shown === null) {
      const rows = range(offset, Math.min(offset + limit, total), (i) => this.#source.summary(ask.descending ? total - 1 - i : i));
      return { total, rows };
    }
    const ids = this.#order(ask, where, state);
    return { total: ids.length, rows: range(offset, Math.min(offset + limit, ids.length), (i) => this.#source.summary(ids[i]!)) };
  }

  #order(ask: Ask, where: string, state: IndexState): Int32Array {
    const key = JSON.stringify([ask.finding, where, ask.sort, ask.descending]);
    const kept = this.#orders.find((order) => order.key === key);
    const start = this.#now();
    if (kept && (kept.revision === state.revision || (!state.final && start < kept.goodUntil))) return kept.ids;
    const ids = this.#sorted(ask, where, state.findings);
    const end = this.#now();
    const order = { key, revision: state.revision, ids, goodUntil: end + REST_PER_COST * (end - start) };
    this.#orders = [...this.#orders.filter((other) => other.key !== key), order].slice(-KEPT_ORDERS);
    return ids;
  }

  #sorted(ask: Ask, where: string, findings: readonly Finding[]): Int32Array {
    const finding = findings.find(({ id }) => id === ask.finding);
    if (ask.finding !== null && !finding) return new Int32Array(0); // withdrawn since the screen was drawn
    const test = where === '' ? null : this.#source.test(where);
    const listed = finding && finding.connections.length < LISTED_IDS ? finding.connections : null;
    const candidates = listed?.length ?? this.#source.connections;
    const ids = new Int32Array(candidates);
    const endpoints: string[] = [];
    const numbers = new Float64Array(candidates);
    let count = 0;
    for (let i = 0; i < candidates; i++) {
      const id = listed?.[i] ?? i;
      if (id >= this.#source.connections || this.#source.shown?.(id) === false || test?.(id) === false) continue;
      const row = this.#source.summary(id);
      if (finding && !listed && !row.findings.includes(finding.id)) continue;
      if (ask.sort === 'client' || ask.sort === 'server') endpoints.push(row[ask.sort]);
      else numbers[count] = sortKey(row, ask.sort);
      ids[count++] = id;
    }
    return inOrder(ids.subarray(0, count), endpoints.length > 0 ? endpointKeys(endpoints) : numbers, ask.descending);
  }
}

const range = <T>(from: number, to: number, at: (i: number) => T): T[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => at(from + i));
const wholeNumber = (n: number): number => (n >= 0 && Number.isFinite(n) ? Math.floor(n) : 0);

function sortKey(row: ConnectionSummary, sort: Exclude<ConnectionSort, 'client' | 'server'>): number {
  if (sort === 'connect') return row.connectSeconds ?? NaN;
  if (sort === 'state') return statePosition(row.clientState) * STATE_NAMES.length + statePosition(row.serverState);
  return row[sort];
}

/** States in the order of a connection's life, not of the alphabet. */
const statePosition = (state: string): number => STATE_NAMES.findIndex((name) => name === state);

/** Ids by key; equals by id. What has no key (NaN) stands last, whichever the direction. */
function inOrder(ids: Int32Array, keys: Float64Array, descending: boolean): Int32Array {
  const sign = descending ? -1 : 1;
  const positions = Int32Array.from(ids, (_, i) => i);
  positions.sort((a, b) => {
    const x = keys[a]!;
    const y = keys[b]!;
    if (x < y) return -sign;
    if (x > y) return sign;
    if (x !== y && Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return ids[a]! - ids[b]!;
  });
  return positions.map((position) => ids[position]!);
}
