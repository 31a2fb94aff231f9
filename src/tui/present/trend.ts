/** The capture over time in a few rows: when did it begin, is it growing, did it stop. */
import type { Series } from '../../model/report.ts';
import { count, duration } from './format.ts';
import { fitLine, fitSpan, type Line, span, type Style } from './line.ts';

const BARS = '▁▂▃▄▅▆▇█';

/**
 * Values as bars over the whole width, the highest as a full block; each column shows the highest of the values that share it, so that
 * a short peak is not averaged away. Zero is a blank.
 */
export function sparkline(values: readonly number[], width: number): string {
  const columns = values.length === 0 ? 0 : width;
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

interface Trend {
  readonly label: string;
  readonly values: readonly number[];
  readonly style: Style;
  /** Lower numbers stay where there are few rows; those that are zero all the time go before. */
  readonly rank: number;
}

/** @param height rows; of five those are shown that say most */
export function trendLines(series: Series, width: number, height: number): Line[] {
  const trends: readonly Trend[] = [
    { label: 'SYN', values: series.syn, style: 'stateOpening', rank: 0 },
    { label: 'half-open', values: series.halfOpen, style: 'stateOpening', rank: 2 },
    { label: 'CLOSE_WAIT', values: series.closeWait, style: 'stateStuck', rank: 1 },
    { label: 'TIME_WAIT', values: series.timeWait, style: 'stateGone', rank: 4 },
    { label: 'RST', values: series.rst, style: 'critical', rank: 3 },
  ];
  const chosen = trends.toSorted((a, b) => Number(isFlat(a)) - Number(isFlat(b)) || a.rank - b.rank).slice(0, height);
  const room = width - LABEL_WIDTH - PEAK_WIDTH - 2;
  return trends
    .filter((trend) => chosen.includes(trend))
    .map(({ label, values, style }) => {
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

const isFlat = ({ values }: Trend): boolean => values.every((value) => value === 0);

export const trendTitle = (series: Series): string =>
  series.syn.length === 0 ? '' : `above: the whole capture, ${duration(series.bucketSeconds)} a step`;
