/** A finished analyzer as commands and the library see it. What reads the capture again is loaded by those who ask for it. */
import type { Report } from '../model/report.ts';
import type { Analysis } from './analysis.ts';
import type { Analyzer } from './analyzer.ts';
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
  ladder: async (id) => (await import('./queries.ts')).readLadder(analyzer, pass, id, report.findings),
  segments: async (origin, most) => (await import('./correlate/segments.ts')).readSegmentTable(analyzer, pass, origin, most),
  extract: async (wanted, write) => (await import('./extract.ts')).extract(analyzer, pass, wanted, write),
  ladders: async (ids, kept) => (await import('./queries.ts')).readLadders(analyzer, pass, ids, report.findings, kept),
  distributions: () => analyzer.distributions(),
  footprint: () => analyzer.footprint,
  partial,
  close,
});
