/**
 * The capture at any of its moments: which sockets there were, how many of each state over time, and when the next of them changed.
 *
 * One walk over the connections notes when each had its last socket; a question then looks only at those that had one. While the
 * capture is still being read the note may be a little old, so that making it does not take the time from reading.
 */
import { hostOf, hostText } from '../collect/hosts.ts';
import type { Legs } from '../collect/legs.ts';
import { countStates, Moments } from '../collect/state-counts.ts';
import type { Clock } from '../model/clock.ts';
import type { ConnectionView, Transition } from '../model/connection.ts';
import { UsageError } from '../model/errors.ts';
import type { Names } from '../model/names.ts';
import type { SocketRow } from '../model/report.ts';
import { Side, State, STATE_NAMES, stateName } from '../model/state.ts';
import { type Nanos, nanos } from '../model/units.ts';
import type { Views } from '../track/views.ts';
import { Kept, type Standing } from './kept.ts';
import type { Moment, Questions, SocketEvent, SocketPage, StateChart } from './protocol.ts';
import { heldAt, hostByHost, socketRow, stateAt } from './sockets.ts';

/** What it looks at: the analysis as it stands. */
export interface SocketSource {
  readonly views: Views;
  readonly connections: number;
  readonly clock: Clock;
  readonly legs: Pick<Legs, 'of'> | undefined;
  readonly names: Names;
  /** Those that `--where` and `--from` select; null: all. */
  readonly shown: ((id: number) => boolean) | null;
  readonly first: Nanos;
  readonly last: Nanos;
}

/** Rows in one answer; a screen is a hundred lines high. */
const PAGE_LIMIT = 1_000;
/** A chart is some hundred columns wide. */
const MOMENTS_LIMIT = 2_000;
const HOSTS_NAMED = 50;
const EVENTS_NAMED = 100;

export class TimeMachine {
  readonly #source: () => SocketSource;
  readonly #standing: () => Standing;
  readonly #lives: Kept<Float64Array>;
  readonly #chart: Kept<StateChart>;
  readonly #held: Kept<Float64Array>;

  constructor(source: () => SocketSource, standing: () => Standing, now: () => number) {
    this.#source = source;
    this.#standing = standing;
    this.#lives = new Kept(now);
    this.#chart = new Kept(now);
    this.#held = new Kept(now);
  }

  chart({ host, moments: wanted }: Questions['chart']['ask']): StateChart {
    const source = this.#source();
    const count = Math.max(2, Math.min(MOMENTS_LIMIT, wholeNumber(wanted)));
    return this.#chart.get(`${String(host)} ${String(count)}`, this.#standing(), () => chartOf(source, host, count));
  }

  sockets(ask: Questions['sockets']['ask']): SocketPage {
    const source = this.#source();
    const when = inside(source, ask.at);
    const all = this.#held.get(String(when), this.#standing(), () => {
      const held = heldAt(source.views, this.#liveAt(source, when), when, source.shown);
      return hostByHost(source.views, held, source.connections);
    });
    const hosts = hostRanges(source, all);
    const range = ask.host === null ? { from: 0, to: all.length } : hosts.find(({ host }) => host === ask.host);
    const sockets = range === undefined ? new Float64Array(0) : all.subarray(range.from, range.to);
    const offset = wholeNumber(ask.offset);
    const rows: SocketRow[] = [];
    for (const socket of sockets.subarray(offset, offset + Math.min(PAGE_LIMIT, wholeNumber(ask.limit)))) {
      const row = socketRow(source.views, socket, when, source);
      if (row) rows.push(row);
    }
    const at = ask.connection === null ? -1 : sockets.findIndex((socket) => socket >> 1 === ask.connection);
    return {
      total: sockets.length,
      rows,
      at: at < 0 ? null : at,
      counts: countsOf(source, sockets, when),
      hosts: hosts
        .toSorted((a, b) => b.to - b.from - (a.to - a.from))
        .slice(0, HOSTS_NAMED)
        .map(({ host, from, to }) => {
          const name = source.names.host(host);
          return { host, sockets: to - from, ...(name === null ? {} : { name: name.name }) };
        }),
    };
  }

  moment(ask: Questions['moment']['ask']): Moment | null {
    const source = this.#source();
    const from = inside(source, ask.from);
    let best = ask.step > 0 ? Infinity : -Infinity;
    let events: SocketEvent[] = [];
    const isBetter = (time: number): boolean => (ask.step > 0 ? time > from && time <= best : time < from && time >= best);
    for (const id of this.#mayChange(source, from, ask, () => best)) {
      const c = source.views.connection(id);
      for (const t of c.transitions) {
        if (!isBetter(t.time) || t.time < source.first || t.time > source.last || !isOfHost(c, t, ask.host)) continue;
        if (t.time !== best) events = [];
        best = t.time;
        if (events.length < EVENTS_NAMED) events.push(eventOf(c, t));
      }
    }
    return Number.isFinite(best) ? { offset: best, events } : null;
  }

  /** Connections with a change of state in the wanted direction that may be nearer than `best`, which sinks meanwhile. */
  *#mayChange(source: SocketSource, from: Nanos, ask: { step: 1 | -1; connection: number | null }, best: () => number): Generator<number> {
    if (ask.connection !== null) {
      if (ask.connection >= 0 && ask.connection < source.connections) yield ask.connection;
      return;
    }
    const lives = this.#livesOf(source);
    for (let id = 0; id < source.connections; id++) {
      if (source.shown?.(id) === false) continue;
      const end = lives[id] ?? Infinity;
      if (ask.step > 0 ? end <= from : end < best()) continue;
      const { start } = source.views.connection(id);
      if (ask.step > 0 ? start > best() : start >= from) continue;
      yield id;
    }
  }

  *#liveAt(source: SocketSource, when: Nanos): Generator<number> {
    const lives = this.#livesOf(source);
    for (let id = 0; id < source.connections; id++) if ((lives[id] ?? Infinity) > when) yield id;
  }

  /** By connection: from when on neither end has a socket; Infinity: one of them still has. What came after it was made is not in it. */
  #livesOf(source: SocketSource): Float64Array {
    return this.#lives.get('', this.#standing(), () => {
      const lives = new Float64Array(source.connections);
      for (let id = 0; id < lives.length; id++) lives[id] = lifeOf(source.views.connection(id));
      return lives;
    });
  }
}

function lifeOf(c: ConnectionView): number {
  let end: number = c.start;
  const has = [false, false];
  for (const { side, to, time } of c.transitions) {
    has[side] = to !== State.CLOSED && to !== State.LISTEN;
    if (time > end) end = time;
  }
  return has[0] === true || has[1] === true ? Infinity : end;
}

function chartOf({ views, connections, shown, clock, first, last }: SocketSource, host: string | null, count: number): StateChart {
  // The last moment is the last of the capture, or just before it.
  const every = nanos(Math.max(1, Math.ceil((last - first) / (count - 1))));
  const moments = new Moments(first, last, every);
  const hosts = countStates(views, connections, moments, { host: host ?? undefined, connections: shown ?? undefined });
  return {
    origin: { seconds: clock.originSeconds, nanos: clock.originNanos },
    first,
    last,
    every,
    moments: moments.count,
    states: STATE_NAMES.flatMap((state, number) => {
      const columns = hosts.flatMap(({ sockets }) => sockets[number] ?? []);
      if (!columns.some((column) => column.some((n) => n > 0))) return [];
      return [{ state, sockets: Array.from({ length: moments.count }, (_, i) => columns.reduce((sum, column) => sum + column[i]!, 0)) }];
    }),
  };
}

function hostRanges({ views: { tables } }: SocketSource, sockets: Float64Array): { host: string; from: number; to: number }[] {
  const ranges: { host: string; from: number; to: number }[] = [];
  const hostAt = (i: number): number => hostOf(tables, sockets[i]! >> 1, sockets[i]! & 1 ? Side.SERVER : Side.CLIENT);
  for (let from = 0; from < sockets.length;) {
    const host = hostAt(from);
    let to = from + 1;
    while (to < sockets.length && hostAt(to) === host) to++;
    ranges.push({ host: hostText(tables, host), from, to });
    from = to;
  }
  return ranges;
}

function countsOf({ views }: SocketSource, sockets: Float64Array, when: Nanos): SocketPage['counts'] {
  const counts = new Int32Array(STATE_NAMES.length);
  for (const socket of sockets) {
    const held = stateAt(views.connection(socket >> 1), socket & 1 ? Side.SERVER : Side.CLIENT, when);
    if (held) counts[held.state] = counts[held.state]! + 1;
  }
  return Object.fromEntries(STATE_NAMES.flatMap((name, state) => (counts[state]! > 0 ? [[name, counts[state]!]] : [])));
}

const isOfHost = (c: ConnectionView, { side }: Transition, host: string | null): boolean => host === null || c.ends[side].ip === host;

function eventOf(c: ConnectionView, { side, from, to, cause, frame }: Transition): SocketEvent {
  const [mine, other] = side === Side.CLIENT ? [c.client, c.server] : [c.server, c.client];
  return { connection: c.id, local: mine.name, remote: other.name, from: stateName(from), to: stateName(to), cause, frame };
}

const inside = ({ first, last }: SocketSource, at: number): Nanos =>
  nanos(Math.max(first, Math.min(last, Number.isFinite(at) ? at : last)));

/** What a moment outside the capture is answered with. */
export function outside({ clock, first, last }: SocketSource, hint?: string): UsageError {
  const message = `that moment is outside the capture, which goes from ${clock.text(first)} to ${clock.text(last)}.`;
  return new UsageError(message, hint === undefined ? {} : { hint });
}

const wholeNumber = (n: number): number => (n >= 0 && Number.isFinite(n) ? Math.floor(n) : 0);
