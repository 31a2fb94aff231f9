/**
 * The report with what only a second reading of the capture tells. That the capture cannot be gone back to is a caveat: what the rules have
 * found stands without it.
 */
import { TcpdiagError } from '../model/errors.ts';
import type { Report } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import type { Decoder } from '../decode/index.ts';
import { readSaid, type SaidPlan, withLastSaid } from './last-said.ts';
import type { SecondPass } from './second-pass.ts';

/** What is needed of the analysis. */
export interface Unfinished {
  readonly decoder: Decoder;
  /** null: nobody asks what was said, or nobody may know. */
  saidPlan(): SaidPlan | null;
}

/** @throws whatever the signal of the pass was aborted with */
export async function completed(report: Report, analysis: Unfinished, pass: SecondPass): Promise<Report> {
  const plan = analysis.saidPlan();
  if (plan === null) return report;
  try {
    return { ...report, findings: withLastSaid(report.findings, plan, await readSaid(plan, pass, analysis.decoder)) };
  } catch (error) {
    if (pass.aborted) throw error;
    const why = error instanceof TcpdiagError ? error.message : 'it could not be read a second time';
    const text = `what the connections said last is not shown: ${sanitise(why)}`;
    return { ...report, capture: { ...report.capture, caveats: [...report.capture.caveats, { code: 'not-read-again', text, count: 1 }] } };
  }
}
