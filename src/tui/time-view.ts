/** The time machine: one moment of the capture, how one moves to another, and what is asked of the session for it. */
import type { Moment, SocketPage, StateChart } from '../engine/protocol.ts';
import { parseTimeArgument, resolveTime, type TimeArgument } from '../model/clock.ts';
import type { Finding } from '../model/finding.ts';
import type { SocketRow } from '../model/report.ts';
import { nanos } from '../model/units.ts';
import type { Command } from './keymap.ts';
import { type Loaded, topView, WAITING } from './navigation.ts';
import { Pages } from './pages.ts';
import { drawnWidth } from './present/layout.ts';
import { chartWidth, clockOf } from './present/time.ts';
import type { Store } from './store.ts';

interface SocketQuery {
  readonly at: number;
  readonly host: string | null;
  readonly connection: number | null;
}
export type SocketPages = Pages<SocketQuery, SocketRow, SocketPage>;

export interface TimeView {
  readonly kind: 'time';
  readonly cursor: number;
  readonly top: number;
  /** Nanoseconds since the first packet; Infinity: the end, wherever that is. */
  readonly at: number;
  /** The moment for which one came, until the chart says where the capture begins and ends. */
  readonly wanted: TimeArgument | null;
  /** Its sockets alone. */
  readonly host: string | null;
  /** Whose socket the cursor follows from moment to moment. */
  readonly connection: number | null;
  readonly chart: Loaded<StateChart>;
  /** What happened at this moment, where one came by a change of a state. */
  readonly moment: Moment | null;
  readonly pages: SocketPages;
  /** The next change is being looked for; keys wait for it. */
  readonly stepping: boolean;
}

/** Finer than any screen is wide: a short peak between two columns is not lost. */
const CHART_MOMENTS = 1_000;
/** What `H` and `L` move by, columns. */
const STRIDE = 10;

/** @param time RFC 3339; null: the end of the capture */
export function openTime(store: Store, time: string | null, connection: number | null): void {
  const pages: SocketPages = new Pages<SocketQuery, SocketRow, SocketPage>(
    (query, offset, limit) => store.ask('sockets', { ...query, offset, limit }),
    (row) => row.connection,
    { at: Infinity, host: null, connection },
    () => store.change((view) => (view.kind === 'time' && view.pages === pages ? onSockets(view) : view)),
  );
  const wanted = time === null ? null : (parseTimeArgument(time) ?? null);
  store.push({
    kind: 'time',
    cursor: 0,
    top: 0,
    at: Infinity,
    wanted,
    host: null,
    connection,
    chart: WAITING,
    moment: null,
    pages,
    stepping: false,
  });
  askChart(store, pages, null);
}

/** The capture went on. */
export function refreshTime(store: Store, view: TimeView): void {
  askChart(store, view.pages, view.host);
  view.pages.refresh();
}

function askChart(store: Store, pages: SocketPages, host: string | null): void {
  const arrive = (chart: Loaded<StateChart>): void =>
    store.change((view) => {
      if (view.kind !== 'time' || view.pages !== pages || view.host !== host) return view;
      if (chart.value === null) return view.chart.value === null ? { ...view, chart } : view;
      if (view.wanted === null) return { ...view, chart };
      return movedTo({ ...view, chart, wanted: null }, resolveTime(view.wanted, clockOf(chart.value)), null);
    });
  store.ask('chart', { host, moments: CHART_MOMENTS }).then(
    (value) => arrive({ value, error: null }),
    (error: unknown) => arrive({ value: null, error: error instanceof Error ? error.message : String(error) }),
  );
}

/** The same screen at another moment; the old table stays until the new one has come. */
function movedTo(view: TimeView, at: number, moment: Moment | null): TimeView {
  const chart = view.chart.value;
  const inside = chart === null ? at : Math.max(chart.first, Math.min(chart.last, at));
  const connection = moment?.events[0]?.connection ?? view.connection;
  view.pages.setQuery({ at: inside, host: view.host, connection });
  return { ...view, at: inside, moment, connection, stepping: false };
}

/** The table came: the cursor goes to the socket that it follows. */
function onSockets(view: TimeView): TimeView {
  const { pages } = view;
  if (!pages.isCurrent || view.connection === null) return view;
  const followed = pages.answer?.at ?? null;
  return followed === null || pages.idAt(view.cursor) === view.connection ? view : { ...view, cursor: followed };
}

/** The cursor was moved by the user: from now on it follows another connection. */
export const onTimeCursor = (view: TimeView, cursor: number): TimeView => ({
  ...view,
  cursor,
  connection: view.pages.idAt(cursor) ?? view.connection,
});

export const TIME_COMMANDS: Readonly<Partial<Record<Command, (store: Store, view: TimeView) => void>>> = {
  earlier: (store, view) => scrub(store, view, -1),
  later: (store, view) => scrub(store, view, 1),
  'much-earlier': (store, view) => scrub(store, view, -STRIDE),
  'much-later': (store, view) => scrub(store, view, STRIDE),
  'capture-start': (store, view) => scrub(store, view, -Infinity),
  'capture-end': (store, view) => scrub(store, view, Infinity),
  'next-change': (store, view) => step(store, view, 1, null),
  'previous-change': (store, view) => step(store, view, -1, null),
  'next-own-change': (store, view) => stepOwn(store, view, 1),
  'previous-own-change': (store, view) => stepOwn(store, view, -1),
  'next-finding': (store, view) => toFinding(store, view, 1),
  'previous-finding': (store, view) => toFinding(store, view, -1),
  'next-host': (store, view) => otherHost(store, view, 1),
  'previous-host': (store, view) => otherHost(store, view, -1),
};

/** A command of this screen, if it is on top. */
export function runTimeCommand(store: Store, command: Command): boolean {
  const view = topView(store.state());
  const run = view.kind === 'time' ? TIME_COMMANDS[command] : undefined;
  if (view.kind !== 'time' || run === undefined) return false;
  run(store, view);
  return true;
}

function scrub(store: Store, view: TimeView, columns: number): void {
  const chart = view.chart.value;
  if (chart === null) return;
  const column = Math.max(1, (chart.last - chart.first) / chartWidth(drawnWidth(store.state().size)));
  const from = Math.min(view.at, chart.last);
  const at = Math.round(Number.isFinite(columns) ? from + columns * column : columns);
  store.replace(movedTo(view, at, null));
}

function step(store: Store, view: TimeView, direction: 1 | -1, connection: number | null): void {
  const chart = view.chart.value;
  if (chart === null) return;
  const arrive = (then: (view: TimeView) => TimeView): void =>
    store.change((v) => (v.kind === 'time' && v.pages === view.pages && v.stepping ? then({ ...v, stepping: false }) : v));
  store.replace({ ...view, stepping: true });
  store.ask('moment', { from: Math.min(view.at, chart.last), step: direction, host: view.host, connection }).then(
    (moment) => {
      if (moment !== null) arrive((v) => movedTo(v, moment.offset, moment));
      else {
        store.say(direction > 0 ? 'No state changes after this moment.' : 'No state changed before this moment.');
        arrive((v) => v);
      }
    },
    (error: unknown) => {
      store.say(error instanceof Error ? error.message : String(error));
      arrive((v) => v);
    },
  );
}

function stepOwn(store: Store, view: TimeView, direction: 1 | -1): void {
  // Whose socket is gone at this moment is followed all the same.
  const connection = view.connection ?? view.pages.idAt(view.cursor) ?? null;
  if (connection === null) store.say('There is no socket whose changes could be followed.');
  else step(store, view, direction, connection);
}

/** Offsets at which findings begin and end, in order, each once. */
export function findingMoments(chart: StateChart, findings: readonly Finding[]): number[] {
  const clock = clockOf(chart);
  const times = findings
    .flatMap(({ since, until }) => [since, until])
    .flatMap((text) => (text === null ? [] : (parseTimeArgument(text) ?? [])));
  return [...new Set(times.map((time) => resolveTime(time, clock)))].sort((a, b) => a - b);
}

function toFinding(store: Store, view: TimeView, direction: 1 | -1): void {
  const chart = view.chart.value;
  if (chart === null) return;
  const moments = findingMoments(chart, store.state().snapshot.findings);
  const from = Math.min(view.at, chart.last);
  const at = direction > 0 ? moments.find((m) => m > from) : moments.findLast((m) => m < from);
  if (at === undefined)
    store.say(direction > 0 ? 'No finding begins or ends after this moment.' : 'No finding begins or ends before this moment.');
  else store.replace(movedTo(view, at, null));
}

function otherHost(store: Store, view: TimeView, direction: 1 | -1): void {
  const hosts = [null, ...(view.pages.answer?.hosts ?? []).map(({ host }) => host)];
  const now = Math.max(0, hosts.indexOf(view.host));
  const host = hosts[(now + direction + hosts.length) % hosts.length] ?? null;
  const next = { ...view, host, cursor: 0, top: 0 };
  store.replace(movedTo(next, view.at, view.moment));
  askChart(store, view.pages, host);
}

/** Goes to a time that was typed: RFC 3339, seconds since the epoch, or `+SECONDS`. */
export function goToTime(store: Store, view: TimeView, text: string): void {
  const chart = view.chart.value;
  const time = parseTimeArgument(text);
  if (chart === null || time === undefined) return;
  const clock = clockOf(chart);
  const at = resolveTime(time, clock);
  store.replace(movedTo(view, at, null));
  if (at < chart.first || at > chart.last)
    store.say(`The capture goes from ${clock.text(nanos(chart.first))} to ${clock.text(nanos(chart.last))}.`);
}
