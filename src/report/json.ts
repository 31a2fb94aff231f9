/**
 * `report -f json`: contract.md's object, keys in a fixed order, one finding and one rule per line, so that two reports can be
 * compared with diff and a large one never exists as one string.
 */
import type { Finding } from '../model/finding.ts';
import type { CaptureFacts, CaptureFile, Report } from '../model/report.ts';
import { inOrder, safeJson } from './safe-json.ts';

const FILE_KEYS = ['path', 'format', 'bytes', 'packets', 'linkTypes', 'truncated', 'sha256'] as const satisfies (keyof CaptureFile)[];
const CAPTURE_KEYS = [
  'files',
  'packets',
  'tcpPackets',
  'connections',
  'start',
  'end',
  'durationSeconds',
  'vantage',
  'caveats',
  'names',
] as const satisfies (keyof CaptureFacts)[];
const FINDING_KEYS = [
  'id',
  'rule',
  'severity',
  'confidence',
  'title',
  'summary',
  'subject',
  'atFault',
  'faultBecause',
  'explainedBy',
  'since',
  'until',
  'count',
  'connections',
  'evidence',
  'metrics',
  'causes',
  'remedies',
  'displayFilter',
  'caveats',
  'lastSaid',
] as const satisfies (keyof Finding)[];

export const orderedCapture = (capture: CaptureFacts): CaptureFacts =>
  inOrder({ ...capture, files: capture.files.map((f) => inOrder(f, FILE_KEYS)) }, CAPTURE_KEYS);
export const orderedFinding = (finding: Finding): Finding => inOrder(finding, FINDING_KEYS);

export function* jsonReport(report: Report): Generator<string> {
  yield `{"schemaVersion":${safeJson(report.schemaVersion)},\n"tool":${safeJson(report.tool)},\n`;
  yield `"capture":${safeJson(orderedCapture(report.capture))},\n`;
  yield `"series":${safeJson(report.series)},\n`;
  yield '"findings":[';
  yield* lines(report.findings.map(orderedFinding));
  yield '],\n"rules":[';
  yield* lines(report.rules);
  yield ']}\n';
}

function* lines(values: Iterable<unknown>): Generator<string> {
  let separator = '\n';
  for (const value of values) {
    yield separator + safeJson(value);
    separator = ',\n';
  }
}
