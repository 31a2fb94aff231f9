/** `report -f ndjson`: the report as lines, the capture first, then the findings in report order, then what every rule concluded. */
import type { Report } from '../model/report.ts';
import { orderedCapture, orderedFinding } from './json.ts';
import { safeJson } from './safe-json.ts';

export function* ndjsonReport(report: Report): Generator<string> {
  const { schemaVersion, tool, series } = report;
  yield `${safeJson({ type: 'capture', status: 'final', schemaVersion, tool, ...orderedCapture(report.capture), series })}\n`;
  for (const finding of report.findings) yield `${safeJson({ type: 'finding', status: 'final', ...orderedFinding(finding) })}\n`;
  for (const rule of report.rules) yield `${safeJson({ type: 'rule', ...rule })}\n`;
}

/** One object per line, for rows that are already what the contract says. */
export function* ndjsonRows(rows: Iterable<object>): Generator<string> {
  for (const row of rows) yield `${safeJson(row)}\n`;
}
