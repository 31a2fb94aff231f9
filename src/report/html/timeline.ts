/** What happened when, drawn: the findings as bars, the sockets of all hosts by state, and how many SYNs and RSTs a second. */
import type { Report, Series } from '../../model/report.ts';
import { type StatesOverTime } from '../incident.ts';
import { momentText } from '../incident-words.ts';
import { countText, durationText, plural, secondsBetween, SEVERITY_MARK, type PlacedFinding } from '../narrate.ts';
import { type Markup, markup, NOTHING, px } from './markup.ts';
import { countTicks, cut, sansChars, timeTicks } from './scale.ts';

const WIDTH = 960;
const LEFT = 190;
const RIGHT = 918;
const ROW = 19;
const STATES_HEIGHT = 170;
const RATES_HEIGHT = 90;
const GAP = 30;
const FONT = 11.5;

interface Frame {
  readonly start: string;
  readonly duration: number;
}
const xOf = ({ duration }: Frame, seconds: number): number =>
  duration <= 0 ? LEFT : LEFT + (Math.max(0, Math.min(duration, seconds)) / duration) * (RIGHT - LEFT);

/** null: there is nothing to draw. */
export function timeline(report: Report, placed: readonly PlacedFinding[], states: StatesOverTime | null): Markup | null {
  const { start, durationSeconds: duration } = report.capture;
  if (start === null || duration <= 0 || (states === null && placed.length === 0)) return null;
  const frame = { start, duration };
  const bars = placed.filter(({ finding }) => finding.since !== null || finding.until !== null);
  const barsTop = 8;
  const statesTop = barsTop + bars.length * ROW + (bars.length === 0 ? 0 : GAP - 8);
  const ratesTop = statesTop + (states === null ? 0 : STATES_HEIGHT + GAP);
  const rates = ratesOf(report.series);
  const bottom = ratesTop + (rates.length === 0 ? -GAP : RATES_HEIGHT);
  return markup`<figure>
<div class="scroll"><svg class="wide" viewBox="0 0 ${WIDTH} ${px(bottom + 42)}" role="img" aria-labelledby="timeline-title timeline-desc">
<title id="timeline-title">What happened when</title>
<desc id="timeline-desc">${describe(bars, states)}</desc>
${timeAxis(frame, barsTop, bottom)}
${bars.map((one, i) => findingBar(one, frame, barsTop + i * ROW))}
${states === null ? NOTHING : statesArea(states, frame, statesTop)}
${rates.length === 0 ? NOTHING : rateLines(rates, report.series, frame, ratesTop)}
</svg></div>
${states === null ? NOTHING : statesLegend(states)}
${rates.length === 0 ? NOTHING : ratesLegend(rates)}
<figcaption>Findings by number and rule, from when to when; sockets of all hosts by state, as inferred from the capture; segments a second.</figcaption>
</figure>`;
}

const describe = (bars: readonly PlacedFinding[], states: StatesOverTime | null): string =>
  `${plural(bars.length, 'finding')} on a time axis` +
  (states === null
    ? '.'
    : `, and below them the number of sockets in each state: ${states.counts.map((c) => `${c.state} up to ${countText(peak(c.sockets))}`).join(', ')}. The tables below have the same.`);

const peak = (values: readonly number[]): number => values.reduce((most, n) => Math.max(most, n), 0);

function timeAxis(frame: Frame, top: number, bottom: number): Markup {
  const clock = (seconds: number): string => clockAt(frame, seconds);
  return markup`${timeTicks(frame.duration).map((s) => {
    const x = px(xOf(frame, s));
    return markup`<path class="grid" d="M${x} ${px(top)}V${px(bottom)}"/><text class="middle" x="${x}" y="${px(bottom + 16)}">+${durationText(s)}</text><text class="soft middle" x="${x}" y="${px(bottom + 31)}">${clock(s)}</text>`;
  })}<path class="axis" d="M${LEFT} ${px(bottom)}H${RIGHT}"/><text class="soft end" x="${LEFT - 50}" y="${px(bottom + 31)}">UTC</text>`;
}

/** `09:13:02`, with tenths where the ticks need them; empty where the start is no calendar time. */
function clockAt({ start, duration }: Frame, seconds: number): string {
  const whole = Date.parse(start.replace(/(\.\d{3})\d*Z$/, '$1Z'));
  if (Number.isNaN(whole)) return '';
  const text = new Date(whole + seconds * 1_000).toISOString();
  return duration < 8 ? text.slice(11, 23) : text.slice(11, 19);
}

function findingBar({ finding: f, number }: PlacedFinding, frame: Frame, y: number): Markup {
  const at = (time: string | null, otherwise: number): number =>
    time === null ? otherwise : (secondsBetween(frame.start, time) ?? otherwise);
  const from = xOf(frame, at(f.since, 0));
  const to = Math.max(from + 3, xOf(frame, at(f.until, frame.duration)));
  const label = cut(`${String(number)}  ${f.rule}`, sansChars(LEFT - 14, FONT));
  const open = f.until === null ? markup`<path class="${f.severity}" d="M${px(to)} ${px(y + 2)}l6 5.5l-6 5.5z"/>` : NOTHING;
  return markup`<g><title>${SEVERITY_MARK[f.severity].word}: ${f.title}</title><text class="end" x="${LEFT - 8}" y="${px(y + 11.5)}">${label}</text><rect class="${f.severity}" x="${px(from)}" y="${px(y + 3)}" width="${px(to - from)}" height="9" rx="1.5"/>${open}</g>
`;
}

function scaleMarks(ticks: readonly number[], top: number, height: number, text: (n: number) => string): Markup {
  const most = ticks.at(-1) ?? 1;
  return markup`${ticks.map((n) => {
    const y = px(top + height - (n / most) * height);
    return markup`<path class="grid" d="M${LEFT} ${y}H${RIGHT}"/><text class="soft end" x="${LEFT - 8}" y="${px(Number(y) + 4)}">${text(n)}</text>`;
  })}`;
}

function statesArea(states: StatesOverTime, frame: Frame, top: number): Markup {
  const { counts, moments, everySeconds } = states;
  const ticks = countTicks(peak(moments.map((_, i) => counts.reduce((sum, { sockets }) => sum + (sockets[i] ?? 0), 0))));
  const most = ticks.at(-1) ?? 1;
  const y = (n: number): number => top + STATES_HEIGHT - (n / most) * STATES_HEIGHT;
  const below = moments.map(() => 0);
  const areas = counts.map(({ state, sockets }) => {
    const lower = [...below];
    sockets.forEach((n, i) => (below[i] = (below[i] ?? 0) + n));
    // A count holds from its moment to the next.
    const edge = (values: readonly number[]): string[] =>
      values.flatMap((n, i) => [i, i + 1].map((k) => `${px(xOf(frame, k * everySeconds))} ${px(y(n))}`));
    return markup`<path class="area ${state}" d="M${[...edge(below), ...edge(lower).reverse()].join('L')}Z"><title>${state}, up to ${countText(peak(sockets))}</title></path>
`;
  });
  return markup`<text class="soft end" x="${LEFT - 60}" y="${px(top + 4)}">sockets</text>${scaleMarks(ticks, top, STATES_HEIGHT, countText)}${areas}`;
}

const swatch = (name: string): Markup =>
  markup`<svg viewBox="0 0 22 12" aria-hidden="true"><rect class="${name}" width="22" height="12" rx="2"/></svg>`;
const stroke = (name: string): Markup => markup`<svg viewBox="0 0 22 12" aria-hidden="true"><path class="line ${name}" d="M0 6H22"/></svg>`;

const statesLegend = ({ counts }: StatesOverTime): Markup =>
  markup`<ul class="legend">${counts.map(({ state, sockets }) => markup`<li>${swatch(state)}${state} (up to ${countText(peak(sockets))})</li>`)}</ul>
`;

interface Rate {
  readonly name: string;
  readonly label: string;
  readonly counts: readonly number[];
}

const ratesOf = ({ syn, completed, rst, retransmissions }: Series): readonly Rate[] =>
  [
    { name: 'syn', label: 'SYNs', counts: syn },
    { name: 'completed', label: 'handshakes completed', counts: completed },
    { name: 'reset', label: 'RSTs', counts: rst },
    { name: 'again', label: 'retransmissions', counts: retransmissions },
  ].filter(({ counts }) => peak(counts) > 0);

function rateLines(rates: readonly Rate[], { bucketSeconds }: Series, frame: Frame, top: number): Markup {
  const highest = peak(rates.map(({ counts }) => peak(counts))) / bucketSeconds;
  const ticks = highest >= 1 ? countTicks(highest, 3) : [0, highest];
  const most = ticks.at(-1) ?? 1;
  const lines = rates.map(({ name, label, counts }) => {
    const points = counts.flatMap((n, i) =>
      [i, i + 1].map((k) => `${px(xOf(frame, k * bucketSeconds))} ${px(top + RATES_HEIGHT - (n / bucketSeconds / most) * RATES_HEIGHT)}`),
    );
    return markup`<path class="line ${name}" d="M${points.join('L')}"><title>${label}, up to ${rateText(peak(counts) / bucketSeconds)} a second</title></path>
`;
  });
  return markup`<text class="soft end" x="${LEFT - 60}" y="${px(top + 4)}">a second</text>${scaleMarks(ticks, top, RATES_HEIGHT, rateText)}${lines}`;
}

const rateText = (n: number): string => (Number.isInteger(n) ? countText(n) : String(Number(n.toPrecision(2))));

const ratesLegend = (rates: readonly Rate[]): Markup =>
  markup`<ul class="legend">${rates.map(({ name, label, counts }) => markup`<li>${stroke(name)}${label} (${countText(counts.reduce((a, b) => a + b, 0))})</li>`)}</ul>
`;

/** Rows of the table beside the drawing; what lies between is left out, and the caption says so. */
const STATE_ROWS = 40;

/** The drawing as a table, for whoever does not see it or wants its numbers. */
export function statesTable({ counts, moments, everySeconds }: StatesOverTime): Markup {
  const every = Math.ceil(moments.length / STATE_ROWS);
  const shown = moments.map((at, i) => ({ at, i })).filter(({ i }) => i % every === 0);
  return markup`<div class="scroll"><table>
<caption>Sockets of all hosts by state, every ${durationText(every * everySeconds)}</caption>
<thead><tr><th scope="col">Time (UTC)</th>${counts.map(({ state }) => markup`<th scope="col" class="num">${state}</th>`)}</tr></thead>
<tbody>
${shown.map(
  ({
    at,
    i,
  }) => markup`<tr><th scope="row" class="keep">${momentText(at)}</th>${counts.map(({ sockets }) => markup`<td class="num">${countText(sockets[i] ?? 0)}</td>`)}</tr>
`,
)}</tbody></table></div>
`;
}
