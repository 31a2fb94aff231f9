/** Frames as proofs, and moments as sentences name them. */
import type { CaptureView } from '../model/capture-view.ts';
import type { ConnId, FrameNo, Listed, Nanos } from '../model/units.ts';
import type { EvidenceDraft } from './detector.ts';

/** Proofs of one connection from whatever of them was captured: parts without a frame or a time are left out. */
export function proofs(
  connection: ConnId,
  parts: readonly (readonly [frame: FrameNo | null, time: Nanos | null, note: string])[],
): EvidenceDraft[] {
  return parts.flatMap(([frame, time, note]) => (frame === null || time === null ? [] : [{ connection, frame, time, note }]));
}

/** contract.md: a finding lists its first 1,000 connections, and its evidence must come from them. */
const LISTED = 1_000;

/** A few of the listed connections to show as examples: the first, and then evenly over the rest. */
export function examples<T>(members: Listed<T>, count: number): readonly T[] {
  const listed = Math.min(members.length, LISTED);
  if (listed <= count) return Array.from({ length: listed }, (_, i) => members.at(i)!);
  return Array.from({ length: count }, (_, i) => members.at(Math.floor((i * (listed - 1)) / Math.max(1, count - 1)))!);
}

/** `10:22:25.593 UTC`: precise enough to find the frame, short enough for a sentence. */
export function clock(capture: CaptureView, t: Nanos): string {
  const text = capture.timeText(t);
  const time = /T(\d\d:\d\d:\d\d\.\d{3})/.exec(text);
  return time ? `${time[1]!} UTC` : text;
}

/** `at 10:22:25.593 UTC`, `between 10:22:25.593 UTC and 10:22:27.001 UTC`. */
export function period(capture: CaptureView, from: Nanos, to: Nanos): string {
  const [first, last] = [clock(capture, from), clock(capture, to)];
  return first === last ? `at ${first}` : `between ${first} and ${last}`;
}
