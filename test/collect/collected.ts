/** Scripted connections, side by side in one capture, as rules see them. */
import { Census } from '../../src/collect/census.ts';
import { Encapsulations } from '../../src/decode/index.ts';
import { Clock } from '../../src/model/clock.ts';
import { nanos } from '../../src/model/units.ts';
import { Views } from '../../src/track/views.ts';
import { playFrames } from '../support/play.ts';
import { DEFAULT_START, type ScriptedFrame, scriptFrames, type ScriptOptions } from '../support/script.ts';

export interface Life extends ScriptOptions {
  readonly script: string;
  /** Begins so many seconds after the capture. */
  readonly at?: number;
  /** The first data of each end begins with a TLS record of type handshake (RFC 8446 §5.1). */
  readonly tls?: boolean;
}

/** @param until the end of observation, seconds */
export function collected(lives: readonly Life[], until: number): Census {
  const frames = lives
    .flatMap(({ script, at = 0, tls = false, ...options }) =>
      scriptFrames(script, options).map((f) => ({
        ...f,
        bytes: tls ? withTlsHandshake(f) : f.bytes,
        segment: { ...f.segment, at: f.segment.at + at * 1e9 },
      })),
    )
    .sort((a, b) => a.segment.at - b.segment.at);
  const { tracker } = playFrames(frames, { until });
  const views = new Views(tracker.tables, new Encapsulations());
  return new Census(tracker, views, new Clock(DEFAULT_START, 0), nanos(until * 1e9), {
    packets: frames.length,
    cutHeaders: 0,
    fragments: 0,
    reassembled: 0,
    cutAt: 0,
    damagedFiles: [],
  });
}

function withTlsHandshake({ bytes, segment }: ScriptedFrame): Uint8Array {
  if (segment.kind !== 'tcp' || segment.seq !== 1 || segment.length === 0) return bytes;
  const out = bytes.slice();
  out.set([22, 3, 1], out.length - segment.length);
  return out;
}
