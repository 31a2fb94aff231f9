/** `report -f ndjson`: the report as lines, the capture first, then the findings in report order, then what every rule concluded. */
import type { Finding } from '../model/finding.ts';
import type { CaptureLine, FindingLine, LineStatus, Report, RuleLine } from '../model/report.ts';
import { orderedCapture, orderedFinding } from './json.ts';
import { safeJson } from './safe-json.ts';

export function* ndjsonReport(report: Report): Generator<string> {
  yield captureLine(report, 'final');
  for (const finding of report.findings) yield findingLine(finding, 'final');
  for (const rule of report.rules) yield `${safeJson({ type: 'rule', ...rule } satisfies RuleLine)}\n`;
}

export function captureLine({ schemaVersion, tool, series, capture }: Omit<Report, 'findings' | 'rules'>, status: LineStatus): string {
  const line: CaptureLine = { type: 'capture', status, schemaVersion, tool, ...orderedCapture(capture), series };
  return `${safeJson(line)}\n`;
}

export const findingLine = (finding: Finding, status: LineStatus): string =>
  `${safeJson({ type: 'finding', status, ...orderedFinding(finding) } satisfies FindingLine)}\n`;

/** One object per line, for rows that are already what the contract says. */
export function* ndjsonRows(rows: Iterable<object>): Generator<string> {
  for (const row of rows) yield `${safeJson(row)}\n`;
}
