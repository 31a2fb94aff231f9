/**
 * Is a service under a SYN flood? Shared by the rule that says so and by those that must not mistake a flood for their own
 * symptom. What the attempts looked like is counted in collect; here is the judgement.
 *
 * An attempt counts when nothing follows it: no third ACK, and none of the retries that a kernel makes of itself. Attempts
 * younger than a kernel's first retry cannot be told from real ones, so they never decide.
 */
import type { CaptureView, DeadAttempts, PeakOfAttempts, ServiceView } from '../model/capture-view.ts';
import { Side } from '../model/state.ts';
import { type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { examples } from './evidence.ts';

/** A kernel repeats its SYN after 1 s (RFC 6298 §2.1), late by 3 % and 30 ms at most (measured on Linux 6.18). */
const FIRST_RETRY_SECONDS = 1.1;
/** Share of something that counts as "all of them". */
const UNIFORM = 0.95;
/** Kernels choose client ports from 32768 up; a fifth below it is no kernel's choice. */
const FORGED_PORT_SHARE = 0.2;
/** Attempts whose RSTs are looked at. */
const SAMPLE = 50;
/** Repeated SYN-ACKs in this share of the answered attempts prove that their third ACK never came. */
const REPEATED_SHARE = 0.3;

export interface FloodThresholds {
  readonly minAttempts: number;
  readonly windowSeconds: number;
  readonly ratio: number;
  readonly minHalfOpen: number;
}
export const FLOOD_DEFAULTS: FloodThresholds = { minAttempts: 100, windowSeconds: 10, ratio: 3, minHalfOpen: 128 };

export interface Flood {
  readonly service: ServiceView;
  readonly attempts: DeadAttempts;
  readonly peak: PeakOfAttempts;
}

/** A flood, a reason why this capture cannot tell, or null. */
export function floodOf(capture: CaptureView, service: ServiceView, thresholds = FLOOD_DEFAULTS): Flood | string | null {
  if (service.unfinished < thresholds.minAttempts) return null;
  const { deadAttempts: attempts } = service;
  if (attempts.count < thresholds.minAttempts) return null;
  const decided = nanos(capture.end - FIRST_RETRY_SECONDS * NANOS_PER_SECOND);
  const peak = attempts.peakWithin(thresholds.windowSeconds, decided);
  const fast = peak.count >= thresholds.minAttempts && peak.count >= thresholds.ratio * peak.completed;
  // A slow one fills the queue as well: its SYN-ACKs are repeated, so its third ACKs are not only late.
  const full = attempts.answeredAgain >= thresholds.minHalfOpen && service.peakHalfOpen >= thresholds.minHalfOpen;
  if (!fast && !full) return null;
  return doubt(capture, attempts) ?? { service, attempts, peak };
}

/** Why these attempts may be ordinary ones whose other segments are not in the capture. */
function doubt(capture: CaptureView, attempts: DeadAttempts): string | null {
  const { quality } = capture;
  const total = attempts.count;
  const seen = attempts.ids.length;
  if (quality.flagsOnly)
    return 'only segments with SYN, FIN or RST are in the capture, so a completed handshake looks like one that never was';
  if (quality.oneDirection) return 'only one direction of each connection is in the capture, so answers and third ACKs cannot be seen';
  const answered = attempts.answeredOnce + attempts.answeredAgain;
  if (answered + attempts.reset > total / 20) {
    if (quality.plain > 0) return null;
    return answered <= total / 20 || attempts.answeredAgain >= REPEATED_SHARE * answered
      ? null
      : 'no segment without SYN, FIN or RST is in the capture, so it does not show whether the handshakes were completed';
  }
  // Nobody answers. Clients that give up within a second, or answers that were not captured, look the same but for the forger's hand.
  const uniform = (attempts.ttls[0]?.attack ?? 0) >= UNIFORM * seen && (attempts.lengths[0]?.attack ?? 0) >= UNIFORM * seen;
  const forged = attempts.lowPorts >= FORGED_PORT_SHARE * total || attempts.withoutOptions >= UNIFORM * total;
  if (forged && (uniform || quality.plain > 0)) return null;
  return 'no SYN is answered, and the SYNs look like those of real clients: an answer that was not captured or a short connect timeout explains them as well';
}

/** Same judgement for rules that only want to know whether to keep out of it. */
export const isFlooded = (capture: CaptureView, service: ServiceView): boolean => {
  const flood = floodOf(capture, service);
  return flood !== null && typeof flood !== 'string';
};

export const floodEnd = (capture: CaptureView, attempts: DeadAttempts): Nanos | null =>
  attempts.last !== null && capture.end - attempts.last > FLOOD_OVER_SECONDS * NANOS_PER_SECOND ? attempts.last : null;
/** Without a new SYN for so long, the flood is over. */
const FLOOD_OVER_SECONDS = 1;

/** Do the owners of the source addresses refuse the SYN-ACKs from another distance than the SYNs came? Then the sources are forged and real hosts. */
export function ownersAnswer(capture: CaptureView, a: DeadAttempts): boolean {
  if (a.reset <= a.count / 2) return false;
  const resets = examples(a.ids, SAMPLE).flatMap((id) =>
    capture.connection(id).marks.filter((m) => m.rst !== null && m.side === Side.CLIENT),
  );
  return resets.filter((m) => m.rst?.ttlDiffers === true).length > resets.length / 2;
}
