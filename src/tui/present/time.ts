/** The time machine's rows: the moment, the states over the whole capture as stacked columns, and the sockets of the moment. */
import type { Moment, SocketPage, StateChart } from '../../engine/protocol.ts';
import { Clock, parseTimeArgument, resolveTime } from '../../model/clock.ts';
import type { Finding } from '../../model/finding.ts';
import type { SocketRow } from '../../model/report.ts';
import { SS_NAMES, STATE_NAMES } from '../../model/state.ts';
import { nanos, secondsOf } from '../../model/units.ts';
import { secondsBetween, SEVERITY_MARK } from '../../report/narrate.ts';
import { SEVERITIES } from '../../model/finding.ts';
import { severityLabel } from '../theme.ts';
import type { TimeView } from '../time-view.ts';
import { mark } from './findings.ts';
import { count, duration, plural, timeOfDay } from './format.ts';
import { bodyRows, type Size } from './layout.ts';
import { fitLine, fitSpan, type Line, type Span, span, spread, stateStyle, type Style } from './line.ts';
import { fit } from './text.ts';

/** Left of the columns: how many sockets the highest stands for. */
const AXIS_WIDTH = 7;
export const chartWidth = (width: number): number => Math.max(1, width - AXIS_WIDTH - 1);

export interface TimeLayout {
  readonly chartRows: number;
  readonly listRows: number;
}
/** The moment, its counts, the axis, the findings on it, the note, the hosts, and the head of the table. */
const OTHER_ROWS = 7;
const CHART_SHARE = 0.3;
const HIGHEST_CHART = 14;
export function timeLayout(size: Size): TimeLayout {
  const body = bodyRows(size);
  const chartRows = Math.max(2, Math.min(HIGHEST_CHART, Math.floor(body * CHART_SHARE)));
  return { chartRows, listRows: Math.max(1, body - chartRows - OTHER_ROWS) };
}

/** How `ss` spells a state. */
const ssName = (state: string): string => SS_NAMES[STATE_NAMES.findIndex((name) => name === state)] ?? state;

/** What a state's part of a column is made of: also without colour, each kind of state has a pattern of its own. */
const PATTERN: Readonly<Partial<Record<Style, string>>> = {
  stateStuck: '▓',
  stateOpen: '█',
  stateClosing: '▚',
  stateGone: '░',
  stateOpening: '▒',
};
/** From the ground up: what is stuck stands lowest, what comes and goes with a flood on top. */
const STACK = Object.keys(PATTERN) as readonly Style[];
const patternOf = (state: string): string => PATTERN[stateStyle(state)] ?? '█';

export const clockOf = ({ origin }: StateChart): Clock => new Clock(origin.seconds, origin.nanos);

/** Everything above the table of sockets. */
export function timeHead(
  { at, host, moment, pages }: Pick<TimeView, 'at' | 'host' | 'moment' | 'pages'>,
  chart: StateChart,
  findings: readonly Finding[],
  { chartRows, width }: { readonly chartRows: number; readonly width: number },
): Line[] {
  const clock = clockOf(chart);
  return [
    momentLine(chart, clock, at, pages.answer, host, width),
    countsLine(pages.answer, width),
    ...chartLines(chart, at, chartRows, width),
    ...axisLines(chart, clock, at, findings, width),
    noteLine(chart, clock, at, moment, findings, width),
    hostsLine(pages.answer, host, width),
  ];
}

/** `09:13:09.192384123  +16.028 s of 20.2 s` and how many sockets there are. */
function momentLine(chart: StateChart, clock: Clock, at: number, page: SocketPage | null, host: string | null, width: number): Line {
  const when = nanos(Math.min(at, chart.last));
  const sockets = page === null ? 'counting …' : plural(page.total, 'socket');
  return spread(
    [
      span(` ${timeOfDay(clock.text(when), 6)} UTC`, 'heading'),
      span(`  +${secondsOf(when - chart.first).toFixed(6)} of ${duration(secondsOf(chart.last - chart.first))}`, 'dim'),
    ],
    [span(`${sockets}${host === null ? '' : ` of ${host}`} `, 'bold')],
    width,
  );
}

/** The counts of the moment, which are the key to the patterns, too. */
function countsLine(page: SocketPage | null, width: number): Line {
  if (page === null) return fitLine([], width);
  const states = STATE_NAMES.filter((state) => (page.counts[state] ?? 0) > 0).sort(
    (a, b) => STACK.indexOf(stateStyle(a)) - STACK.indexOf(stateStyle(b)),
  );
  if (states.length === 0) return fitLine([span(' no socket at this moment', 'dim')], width);
  return fitLine(
    states.flatMap((state) => [
      span(` ${patternOf(state)} `, stateStyle(state)),
      span(count(page.counts[state] ?? 0), 'bold'),
      span(` ${ssName(state)} `, stateStyle(state)),
    ]),
    width,
  );
}

/** Which column a moment stands in. */
export function columnOf(chart: StateChart, at: number, width: number): number {
  const span = chart.last - chart.first;
  if (span <= 0) return 0;
  return Math.max(0, Math.min(width - 1, Math.floor(((Math.min(at, chart.last) - chart.first) / span) * width)));
}

/** Sockets by kind of state for each column: those of the busiest of the moments that share it, so that a short peak is seen. */
export function stackedColumns(chart: StateChart, width: number): ReadonlyMap<Style, number>[] {
  return Array.from({ length: width }, (_, column) => {
    const from = Math.min(chart.moments - 1, Math.floor((column * chart.moments) / width));
    const to = Math.max(from + 1, Math.floor(((column + 1) * chart.moments) / width));
    let busiest = from;
    let most = -1;
    for (let i = from; i < to; i++) {
      const total = chart.states.reduce((sum, { sockets }) => sum + (sockets[i] ?? 0), 0);
      if (total > most) [busiest, most] = [i, total];
    }
    const kinds = new Map<Style, number>();
    for (const { state, sockets } of chart.states) {
      const n = sockets[busiest] ?? 0;
      if (n > 0) kinds.set(stateStyle(state), (kinds.get(stateStyle(state)) ?? 0) + n);
    }
    return kinds;
  });
}

/** Cells per kind, from the ground up. No kind that is there is left out while there is a cell for it: one stuck socket among thousands is news. */
export function stack(kinds: ReadonlyMap<Style, number>, peak: number, rows: number): Style[] {
  const present = STACK.filter((style) => kinds.has(style));
  const total = present.reduce((sum, style) => sum + (kinds.get(style) ?? 0), 0);
  if (total === 0) return [];
  const height = Math.min(rows, Math.max(1, Math.round((total / peak) * rows)));
  const cells = present.map((style) => Math.max(1, Math.round(((kinds.get(style) ?? 0) / total) * height)));
  for (let sum = cells.reduce((a, b) => a + b, 0); sum > height; sum--) {
    const largest = cells.indexOf(Math.max(...cells));
    if ((cells[largest] ?? 0) > 1) cells[largest]!--;
    else cells.pop(); // fewer cells than kinds: the lowest are the gravest
  }
  for (let sum = cells.reduce((a, b) => a + b, 0); sum < height; sum++) cells[cells.indexOf(Math.max(...cells))]!++;
  return cells.flatMap((n, i) => Array.from({ length: n }, () => present[i]!));
}

/** The chart, from the top. The column of the moment is inverse. */
function chartLines(chart: StateChart, at: number, rows: number, width: number): Line[] {
  const columns = stackedColumns(chart, chartWidth(width));
  const peak = Math.max(1, ...columns.map((kinds) => [...kinds.values()].reduce((a, b) => a + b, 0)));
  const stacks = columns.map((kinds) => stack(kinds, peak, rows));
  const current = columnOf(chart, at, columns.length);
  return Array.from({ length: rows }, (_, row) => {
    const level = rows - 1 - row;
    const label = row === 0 ? count(peak) : level === 0 ? '0' : '';
    const cells = stacks.map((cells, column): Span => {
      const style = cells[level];
      const pattern = style === undefined ? ' ' : (PATTERN[style] ?? '█');
      return span(pattern, column === current ? 'highlight' : (style ?? 'plain'));
    });
    return fitLine([fitSpan(label, AXIS_WIDTH, 'dim', 'right'), span('│', 'dim'), ...joined(cells)], width);
  });
}

/** Neighbours of one style as one span. */
function joined(cells: readonly Span[]): Span[] {
  const out: Span[] = [];
  for (const cell of cells) {
    const before = out.at(-1);
    if (before?.style === cell.style) out[out.length - 1] = span(before.text + cell.text, cell.style);
    else out.push(cell);
  }
  return out;
}

/** The axis with the moment on it, and below it where findings begin. */
function axisLines(chart: StateChart, clock: Clock, at: number, findings: readonly Finding[], width: number): Line[] {
  const columns = chartWidth(width);
  const current = columnOf(chart, at, columns);
  const [from, to] = [chart.first, chart.last].map((t) => timeOfDay(clock.text(nanos(t)), 0));
  const axis = Array.from({ length: columns }, (_, column) => (column === current ? '┻' : '─')).join('');
  const marks = Array.from({ length: columns }, (): Span => span(' '));
  for (const severity of SEVERITIES.toReversed()) {
    for (const finding of findings) {
      if (finding.severity !== severity || finding.since === null) continue;
      const offset = offsetOf(finding.since, clock);
      if (offset !== null) marks[columnOf(chart, offset, columns)] = span(SEVERITY_MARK[severity].glyph, severity);
    }
  }
  // The times stand where no mark is.
  const put = (text: string, column: number): void => {
    if (!marks.slice(column, column + text.length).every(({ text: cell }) => cell === ' ')) return;
    Array.from(text).forEach((char, i) => (marks[column + i] = span(char, 'dim')));
  };
  put(from ?? '', 0);
  put(to ?? '', columns - (to ?? '').length);
  const lead = ' '.repeat(AXIS_WIDTH);
  return [
    fitLine(
      [span(lead), span('└', 'dim'), ...joined(Array.from(axis, (char, column) => span(char, column === current ? 'bold' : 'dim')))],
      width,
    ),
    fitLine([span(`${lead} `), ...joined(marks)], width),
  ];
}

export function offsetOf(time: string, clock: Clock): number | null {
  const parsed = parseTimeArgument(time);
  return parsed === undefined ? null : resolveTime(parsed, clock);
}

/** What happened at this moment: the change by which one came, or the finding that begins or ends here. */
function noteLine(chart: StateChart, clock: Clock, at: number, moment: Moment | null, findings: readonly Finding[], width: number): Line {
  const event = moment?.events[0];
  if (event) {
    const more = moment.events.length - 1;
    return fitLine(
      [
        span(event.frame === null ? ' timer ' : ` #${event.frame} `, 'accent'),
        span(`${event.local}→${event.remote} `),
        span(event.from, stateStyle(event.from)),
        span(' → '),
        span(event.to, stateStyle(event.to)),
        span(more > 0 ? `: ${event.cause} (and ${count(more)} more)` : `: ${event.cause}`, 'dim'),
      ],
      width,
    );
  }
  const columns = chartWidth(width);
  const here = columnOf(chart, at, columns);
  const isHere = (time: string | null): boolean => {
    const offset = time === null ? null : offsetOf(time, clock);
    return offset !== null && columnOf(chart, offset, columns) === here;
  };
  const finding = findings.find((f) => isHere(f.since)) ?? findings.find((f) => isHere(f.until));
  if (!finding) return fitLine([], width);
  const what = isHere(finding.since) ? 'begins' : 'ends';
  return fitLine([span(` ${severityLabel(finding.severity)}`, finding.severity), span(` ${what}: `, 'dim'), span(finding.title)], width);
}

/** All hosts, then those with the most sockets; the one whose sockets are shown is marked. */
function hostsLine(page: SocketPage | null, host: string | null, width: number): Line {
  const entry = (text: string, current: boolean): Span[] => [span(current ? ` [${text}]` : `  ${text} `, current ? 'bold' : 'dim')];
  const hosts = page?.hosts ?? [];
  return fitLine(
    [
      ...entry('all hosts', host === null),
      ...hosts.flatMap((h) => entry(`${h.host}${h.name === undefined ? '' : ` ${h.name}`} ${count(h.sockets)}`, h.host === host)),
      ...(host !== null && !hosts.some((h) => h.host === host) ? entry(`${host} 0`, true) : []),
    ],
    width,
  );
}

const MARK_WIDTH = 2;
const STATE_WIDTH = 10;
const FOR_WIDTH = 8;
const SINCE_WIDTH = 13;
const ID_WIDTH = 8;
/** Rows wider than this also say since when, and what the other end is called. */
const SINCE_FROM = 90;
const NAME_FROM = 110;
const NAME_WIDTH = 24;

interface Columns {
  readonly endpoint: number;
  readonly since: number;
  readonly name: number;
}
function columnsFor(width: number): Columns {
  const since = width >= SINCE_FROM ? SINCE_WIDTH : 0;
  const name = width >= NAME_FROM ? NAME_WIDTH : 0;
  const endpoint = Math.floor((width - MARK_WIDTH - STATE_WIDTH - 1 - FOR_WIDTH - ID_WIDTH - since - name - 2) / 2);
  return { endpoint, since, name };
}

function cells(
  c: Columns,
  lead: Span,
  values: readonly [state: Span, local: string, remote: string, since: string, age: string, id: string, name: string],
  width: number,
  style: Style,
): Line {
  const [state, local, remote, since, age, id, name] = values;
  return fitLine(
    [
      lead,
      fitSpan(state.text, STATE_WIDTH, state.style),
      span(' '),
      span(fit(local, c.endpoint, 'left', 'start'), style),
      span(' '),
      span(fit(remote, c.endpoint, 'left', 'start'), style),
      ...(c.since > 0 ? [fitSpan(since, c.since, style, 'right')] : []),
      fitSpan(age, FOR_WIDTH, style, 'right'),
      fitSpan(id, ID_WIDTH, style, 'right'),
      ...(c.name > 0 ? [span(' '), fitSpan(name, c.name - 1, 'dim')] : []),
    ],
    width,
  );
}

export const socketsHeader = (width: number): Line =>
  cells(columnsFor(width), span('  '), [span('STATE', 'dim'), 'LOCAL', 'PEER', 'SINCE', 'FOR', 'CONN', 'NAME'], width, 'dim');

/** `stale`: of a moment that has been left; the table of the new one is on its way. */
export function socketLine(row: SocketRow, options: { width: number; current: boolean; stale: boolean }): Line {
  const age = secondsBetween(row.since, row.at);
  const style = options.stale ? 'dim' : 'plain';
  return cells(
    columnsFor(options.width),
    span(mark(options.current)),
    [
      span(ssName(row.state), options.stale ? 'dim' : stateStyle(row.state)),
      row.local,
      row.remote,
      timeOfDay(row.since),
      age === null ? '' : duration(age),
      String(row.connection),
      row.remoteName ?? row.localName ?? '',
    ],
    options.width,
    style,
  );
}
