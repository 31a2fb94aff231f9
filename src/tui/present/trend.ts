/** The capture over time in five rows: when did it begin, is it growing, did it stop. Only on tall terminals. */
import type { Series } from '../../model/report.ts';
import { count, duration } from './format.ts';
import { fitLine, fitSpan, type Line, span, type Style } from './line.ts';

const BARS = '▁▂▃▄▅▆▇█';

/**
 * Values as bars, the highest as a full block; each column shows the highest of the values that share it, so that a short peak
 * is not averaged away. Zero is a blank.
 */
export function sparkline(values: readonly number[], width: number): string {
  const columns = Math.min(width, values.length);
  const peak = Math.max(0, ...sampled(values, columns));
  return sampled(values, columns)
    .map((value) => (value <= 0 ? ' ' : (BARS[Math.min(BARS.length - 1, Math.ceil((value / peak) * BARS.length) - 1)] ?? ' ')))
    .join('');
}

function sampled(values: readonly number[], columns: number): number[] {
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns));
    let highest = 0;
    for (let i = from; i < to; i++) highest = Math.max(highest, values[i] ?? 0);
    return highest;
  });
}

const LABEL_WIDTH = 12;
const PEAK_WIDTH = 14;

export function trendLines(series: Series, width: number): Line[] {
  const rows: readonly (readonly [string, readonly number[], Style])[] = [
    ['SYN', series.syn, 'stateOpening'],
    ['half-open', series.halfOpen, 'stateOpening'],
    ['CLOSE_WAIT', series.closeWait, 'stateStuck'],
    ['TIME_WAIT', series.timeWait, 'stateGone'],
    ['RST', series.rst, 'critical'],
  ];
  const room = width - LABEL_WIDTH - PEAK_WIDTH - 2;
  return rows.map(([label, values, style]) => {
    let peak = 0;
    for (const value of values) peak = Math.max(peak, value);
    return fitLine(
      [
        fitSpan(` ${label}`, LABEL_WIDTH, 'dim'),
        fitSpan(sparkline(values, room), room, style),
        span(peak === 0 ? '  –' : `  peak ${count(peak)}`, 'dim'),
      ],
      width,
    );
  });
}

export const trendTitle = (series: Series): string =>
  series.syn.length === 0 ? '' : `above: the whole capture, ${duration(series.bucketSeconds)} a step`;
