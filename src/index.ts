/**
 * The library (docs/library.md): a capture analysed to its end, a session that is asked while it is read, the way to write a rule, the
 * errors, and the types of what comes out. Nothing else is promised.
 */
export { analyze, openSession } from './engine/library.ts';
export type { AnalyzeOptions, Input, SessionOptions } from './engine/library.ts';
export type { Analysis, AnalysisOptions, StateCounts } from './engine/analysis.ts';
export type * from './engine/protocol.ts';
export { defineDetector, found } from './detect/detector.ts';
export type { Category, Detection, Detector, Draft, EvidenceDraft, Neighbours, Parameter, RuleDocs } from './detect/detector.ts';
export type * from './model/capture-view.ts';
export type * from './model/close-wait.ts';
export type * from './model/syn-facts.ts';
export type * from './model/unasked.ts';
export { type Clock, parseTimeArgument, type TimeArgument } from './model/clock.ts';
export * from './model/connection.ts';
export * from './model/errors.ts';
export * from './model/finding.ts';
export * from './model/report.ts';
export { Side, SIDE_NAMES, type SideName, State, STATE_NAMES, stateName, type StateName } from './model/state.ts';
export * from './model/units.ts';
