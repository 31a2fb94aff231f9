/**
 * How far the clock of one capture is ahead of that of the other. A segment that goes there takes its delay plus the difference, one that
 * comes back its delay minus the difference: the fastest of each way leave a band in which the difference lies, and the middle
 * of the band is right where the fastest take equally long both ways. By how much it can be wrong is half the width of the band.
 */
import { NANOS_PER_SECOND } from '../../model/units.ts';

/** One segment in both captures: when, and how much later by the other clock. Nanoseconds. */
export interface Passage {
  readonly time: number;
  readonly difference: number;
}

/** The difference as a line: at `time` the server's clock is ahead by offset + slope × (time - at). */
export interface ClockLine {
  readonly at: number;
  readonly offset: number;
  readonly slope: number;
  /** Half of the width of the band. */
  readonly margin: number;
}

export const aheadAt = ({ at, offset, slope }: ClockLine, time: number): number => offset + slope * (time - at);

/** Points that are looked at of each direction: the fastest of each slice of time. */
const SLICES = 256;
/** Crystals are within 100 ppm; a virtual machine that is being corrected may be further off. */
const MAX_SLOPE = 500e-6;
/** Over less, jitter looks like drift. */
const MIN_SPAN = 20 * NANOS_PER_SECOND;
/** A slope must widen the band by so much to be believed. */
const GAIN = 1.05;
const STEPS = 60;

/** null: nothing went one of the ways. @param there to the server @param back to the client */
export function clockLine(there: readonly Passage[], back: readonly Passage[]): ClockLine | null {
  const out = fastest(there, 1);
  const home = fastest(back, -1);
  if (out.length === 0 || home.length === 0) return null;
  const all = [...out, ...home];
  const at = Math.min(...all.map(({ time }) => time));
  const span = Math.max(...all.map(({ time }) => time)) - at;
  const fit = (slope: number): ClockLine => {
    const above = Math.min(...out.map(({ time, difference }) => difference - slope * (time - at)));
    const below = Math.min(...home.map(({ time, difference }) => slope * (time - at) - difference));
    return { at, offset: (above - below) / 2, slope, margin: (above + below) / 2 };
  };
  const level = fit(0);
  if (span < MIN_SPAN) return level;
  // The margin is a concave function of the slope: the sum of two minima of lines.
  let [low, high] = [-MAX_SLOPE, MAX_SLOPE];
  for (let i = 0; i < STEPS; i++) {
    const [one, two] = [low + (high - low) / 3, high - (high - low) / 3];
    if (fit(one).margin < fit(two).margin) low = one;
    else high = two;
  }
  const tilted = fit((low + high) / 2);
  return level.margin <= 0 || tilted.margin > level.margin * GAIN ? tilted : level;
}

/** @param sign 1: the smallest difference is the fastest passage; -1: the largest is */
function fastest(passages: readonly Passage[], sign: 1 | -1): readonly Passage[] {
  if (passages.length === 0) return [];
  let first = Infinity;
  let last = -Infinity;
  for (const { time } of passages) {
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  const slices: Passage[] = [];
  for (const p of passages) {
    const slice = Math.min(SLICES - 1, Math.floor(((p.time - first) / Math.max(1, last - first)) * SLICES));
    const best = slices[slice];
    if (best === undefined || sign * p.difference < sign * best.difference) slices[slice] = p;
  }
  return slices.filter((p) => p !== undefined);
}
