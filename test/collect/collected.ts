/** Scripted connections, side by side in one capture, as rules see them. */
import { Census } from '../../src/collect/census.ts';
import { Encapsulations } from '../../src/decode/index.ts';
import { Clock } from '../../src/model/clock.ts';
import { nanos } from '../../src/model/units.ts';
import { Views } from '../../src/track/views.ts';
import { playFrames } from '../support/play.ts';
import { DEFAULT_START, scriptFrames, type ScriptOptions } from '../support/script.ts';

export interface Life extends ScriptOptions {
  readonly script: string;
  /** Begins so many seconds after the capture. */
  readonly at?: number;
}

/** @param until the end of observation, seconds */
export function collected(lives: readonly Life[], until: number): Census {
  const frames = lives
    .flatMap(({ script, at = 0, ...options }) =>
      scriptFrames(script, options).map((f) => ({ ...f, segment: { ...f.segment, at: f.segment.at + at * 1e9 } })),
    )
    .sort((a, b) => a.segment.at - b.segment.at);
  const { tracker } = playFrames(frames, { until });
  const views = new Views(tracker.tables, new Encapsulations());
  return new Census(tracker, views, new Clock(DEFAULT_START, 0), nanos(until * 1e9), { packets: frames.length, cutHeaders: 0, fragments: 0 });
}
