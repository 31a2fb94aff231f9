/** What the user must know about the capture before believing a result: one sentence each, on stderr, whatever the format. */
import type { CaptureFacts } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { plural } from '../report/narrate.ts';

/** More would hide the result; the report has them all. */
const MAX_WARNINGS = 8;

/** What the capture holds, not what is wrong with reading it: stands in the report, and is no warning. */
const FACTS = new Set(['icmp-errors', 'one-sided', 'reading-ended', 'report-filtered']);

export function captureWarnings(capture: CaptureFacts): readonly string[] {
  const warnings = capture.caveats.filter((c) => !FACTS.has(c.code)).map((c) => sanitise(c.text));
  if (!capture.caveats.some((c) => c.code === 'truncated-file')) {
    for (const file of capture.files.filter((f) => f.truncated))
      warnings.push(`${sanitise(file.path)} breaks off in the middle; everything before that was read`);
  }
  if (warnings.length <= MAX_WARNINGS) return warnings;
  const more = warnings.length - MAX_WARNINGS;
  return [...warnings.slice(0, MAX_WARNINGS), `and ${plural(more, 'more note')} about this capture; tcpdiag check lists them`];
}
