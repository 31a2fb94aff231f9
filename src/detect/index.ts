/** The rules, in the order of the report's list of verdicts. One line each. */
import type { Detector } from './detector.ts';

export const DETECTORS: readonly Detector[] = [];
