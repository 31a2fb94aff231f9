/**
 * A list of any length, of which only the pages around the window are ever here.
 *
 * Old rows stay until their successors have come, so that nothing flickers while the capture grows or the order changes.
 * One question at a time: what was asked for while it was on its way is decided anew when the answer is there, which makes
 * a held key and a fast typist cost one question per answer and not one per key.
 */
import type { ConnectionSort, ConnectionSummary, Session } from '../engine/protocol.ts';

export interface ConnectionQuery {
  readonly finding: string | null;
  /** The filter language; empty: no filter. */
  readonly where: string;
  readonly sort: ConnectionSort;
  readonly descending: boolean;
}

/** Rows per page: several screens, far below what would be felt crossing a thread (60 rows: 1 ms). */
export const PAGE_ROWS = 200;
/** Pages kept: a few thousand rows, about 2 MB. */
const KEPT_PAGES = 16;

/** A page, and whatever else the session says of the whole list. */
interface Answer<Row> {
  readonly total: number;
  readonly rows: readonly Row[];
}

interface Page<Row> {
  readonly rows: readonly Row[];
  /** Which query, and which state of the analysis, it answers. */
  readonly generation: number;
  readonly revision: number;
}

export class Pages<Query, Row, A extends Answer<Row> = Answer<Row>> {
  /** Rows that match; null until the first answer. */
  total: number | null = null;
  /** The newest answer, whichever page it was. */
  answer: A | null = null;
  /** One sentence when the last question could not be answered. */
  error: string | null = null;

  #query: Query;
  #generation = 0;
  #revision = 0;
  /** The revision of the newest answer. */
  #answered = 0;
  #answeredGeneration = -1;
  #pages = new Map<number, Page<Row>>();
  #asking = false;
  #top = 0;
  #height = 1;
  readonly #ask: (query: Query, offset: number, limit: number) => Promise<A>;
  readonly #idOf: (row: Row) => number;
  readonly #changed: () => void;

  constructor(
    ask: (query: Query, offset: number, limit: number) => Promise<A>,
    idOf: (row: Row) => number,
    query: Query,
    changed: () => void,
  ) {
    this.#ask = ask;
    this.#idOf = idOf;
    this.#query = query;
    this.#changed = changed;
  }

  /** Does `answer` answer the question asked last? */
  get isCurrent(): boolean {
    return this.#answeredGeneration === this.#generation;
  }

  row(index: number): Row | undefined {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.rows[index % PAGE_ROWS];
  }

  /** The connection at a row, once that row answers the question asked last: an old row may be shown, but not acted upon. */
  idAt(index: number): number | undefined {
    const row = this.#pages.get(Math.floor(index / PAGE_ROWS))?.generation === this.#generation ? this.row(index) : undefined;
    return row === undefined ? undefined : this.#idOf(row);
  }

  /** Where a connection stands among the rows of the newest answers. */
  indexOf(id: number): number | undefined {
    for (const [page, { rows, revision }] of this.#pages) {
      if (revision !== this.#answered) continue;
      const at = rows.findIndex((row) => this.#idOf(row) === id);
      if (at >= 0) return page * PAGE_ROWS + at;
    }
    return undefined;
  }

  /** Another filter or order. The old rows stay until the first answer. */
  setQuery(query: Query): void {
    this.#query = query;
    this.#generation++;
    this.#fetch();
  }

  /** The analysis went on: what is on the screen may have changed. */
  refresh(): void {
    this.#revision++;
    this.#fetch();
  }

  /** What is on the screen now. */
  look(top: number, height: number): void {
    this.#top = top;
    this.#height = height;
    this.#fetch();
  }

  #fetch(): void {
    if (this.#asking) return;
    const page = this.#wanted();
    if (page === undefined) return;
    const generation = this.#generation;
    const revision = this.#revision;
    this.#asking = true;
    this.#ask(this.#query, page * PAGE_ROWS, PAGE_ROWS)
      .then(
        (answer) => {
          if (generation !== this.#generation) return;
          this.error = null;
          this.answer = answer;
          this.#answeredGeneration = generation;
          this.total = answer.total;
          this.#keep(page, { rows: answer.rows, generation, revision });
        },
        (error: unknown) => {
          if (generation !== this.#generation) return;
          this.error = error instanceof Error ? error.message : String(error);
          // An answer of its kind: not asked again until something changes.
          this.total ??= 0;
          this.#keep(page, { rows: [], generation, revision });
        },
      )
      .finally(() => {
        this.#asking = false;
        this.#changed();
        this.#fetch();
      });
  }

  /** The most urgent page: on the screen and missing, on the screen and old, then the neighbours. */
  #wanted(): number | undefined {
    const first = Math.floor(this.#top / PAGE_ROWS);
    const last = Math.floor((this.#top + this.#height - 1) / PAGE_ROWS);
    const end = this.total === null ? 0 : Math.max(0, Math.ceil(this.total / PAGE_ROWS) - 1);
    const seen: number[] = [];
    for (let page = first; page <= Math.min(last, end); page++) seen.push(page);
    if (seen.length === 0) seen.push(end);
    const missing = (page: number): boolean => this.#pages.get(page)?.generation !== this.#generation;
    const old = (page: number): boolean => this.#pages.get(page)?.revision !== this.#revision;
    const neighbours = [last + 1, first - 1].filter((page) => page >= 0 && page <= end);
    return seen.find(missing) ?? seen.find(old) ?? neighbours.find(missing);
  }

  #keep(page: number, content: Page<Row>): void {
    this.#answered = content.revision;
    for (const [number, { generation }] of this.#pages) if (generation !== this.#generation) this.#pages.delete(number);
    this.#pages.delete(page);
    this.#pages.set(page, content);
    // A Map iterates in order of insertion: the first is the longest untouched.
    for (const number of this.#pages.keys()) {
      if (this.#pages.size <= KEPT_PAGES) break;
      if (Math.abs(number - Math.floor(this.#top / PAGE_ROWS)) > 2) this.#pages.delete(number);
    }
  }
}

export class ConnectionPages extends Pages<ConnectionQuery, ConnectionSummary> {
  constructor(ask: Session['ask'], query: ConnectionQuery, changed: () => void) {
    super(
      (q, offset, limit) => ask('connections', { ...q, offset, limit }),
      ({ id }) => id,
      query,
      changed,
    );
  }
}
