/** A finished analyzer as commands and the library see it. */
import type { Report } from '../model/report.ts';
import type { Analysis } from './analysis.ts';
import type { Analyzer } from './analyzer.ts';
import { readSegmentTable } from './correlate/segments.ts';
import { extract } from './extract.ts';
import { readLadder, readLadders } from './queries.ts';
import type { SecondPass } from './second-pass.ts';

export const analysisOf = (
  analyzer: Analyzer,
  pass: SecondPass,
  report: Report,
  { partial, close }: Pick<Analysis, 'partial' | 'close'>,
): Analysis => ({
  clock: analyzer.clock,
  report,
  connections: () => analyzer.rows(),
  sockets: (at) => analyzer.sockets(at),
  stateCounts: (every, host) => analyzer.stateCounts(every, host),
  ladder: (id) => readLadder(analyzer, pass, id, report.findings),
  segments: (origin, most) => readSegmentTable(analyzer, pass, origin, most),
  extract: (wanted, write) => extract(analyzer, pass, wanted, write),
  ladders: (ids, kept) => readLadders(analyzer, pass, ids, report.findings, kept),
  distributions: () => analyzer.distributions(),
  footprint: () => analyzer.footprint,
  partial,
  close,
});
