/** A capture, from bytes or from fixtures/, to its report: what the rules' tests look at. */
import { readCaptures, readStream } from '../../src/capture/index.ts';
import type { RawRecord } from '../../src/capture/reader.ts';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import type { Finding, RuleVerdict } from '../../src/model/finding.ts';
import type { Report } from '../../src/model/report.ts';

export async function diagnoseBytes(bytes: Uint8Array, options: AnalysisOptions = {}): Promise<Report> {
  const analyzer = new Analyzer(options);
  const facts = await readStream([bytes], { record: (record) => analyzer.record(record, 0) });
  return analyzer.finish([facts]);
}

type Keep = (record: RawRecord) => boolean;

/**
 * @param name a file in fixtures/
 * @param keep the packets that a filter would have let through
 */
export async function diagnoseFixture(name: string, options: AnalysisOptions = {}, keep?: Keep): Promise<Report> {
  return diagnoseFile(new URL(`../../fixtures/${name}`, import.meta.url).pathname, options, keep);
}

export async function diagnoseFile(path: string, options: AnalysisOptions = {}, keep: Keep = () => true): Promise<Report> {
  const analyzer = new Analyzer(options);
  const files = await readCaptures([path], { record: (record, file) => !keep(record) || analyzer.record(record, file) });
  return analyzer.finish(files);
}

export const findingsOf = (report: Report, rule: string): readonly Finding[] => report.findings.filter((f) => f.rule === rule);

export function verdictOf(report: Report, rule: string): RuleVerdict {
  const verdict = report.rules.find((r) => r.id === rule);
  if (!verdict) throw new Error(`there is no rule ${rule} in the report`);
  return verdict;
}
