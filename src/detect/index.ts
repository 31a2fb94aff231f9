/** The rules, in the order of the report's list of verdicts. One line each. */
import { closeWaitStuck } from './close-wait-stuck.ts';
import type { Detector } from './detector.ts';
import { idleTimeoutPattern } from './idle-timeout-pattern.ts';
import { synFlood } from './syn-flood.ts';
import { acceptQueueOverflow } from './accept-queue-overflow.ts';
import { connectionRefused } from './connection-refused.ts';
import { synUnanswered } from './syn-unanswered.ts';

export const DETECTORS: readonly Detector[] = [
  closeWaitStuck,
  idleTimeoutPattern,
  synFlood,
  acceptQueueOverflow,
  connectionRefused,
  synUnanswered,
];
