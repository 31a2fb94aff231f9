/** `report -f csv`: one row per finding, for a spreadsheet; what a finding has lists of is in the other formats. */
import type { Finding } from '../model/finding.ts';
import type { Report } from '../model/report.ts';
import { csv, type CsvField } from './csv.ts';

/** The contract's names, dotted where they are nested; `number` is the one that the text report counts by. */
const FIELDS: readonly CsvField<readonly [finding: Finding, number: number]>[] = [
  ['number', ([, number]) => number],
  ['id', ([f]) => f.id],
  ['rule', ([f]) => f.rule],
  ['severity', ([f]) => f.severity],
  ['confidence', ([f]) => f.confidence],
  ['title', ([f]) => f.title],
  ['summary', ([f]) => f.summary],
  ['subject.host', ([f]) => f.subject.host ?? null],
  ['subject.role', ([f]) => f.subject.role ?? null],
  ['subject.port', ([f]) => f.subject.port ?? null],
  ['subject.peer', ([f]) => f.subject.peer ?? null],
  ['subject.peerPort', ([f]) => f.subject.peerPort ?? null],
  ['subject.subnet', ([f]) => f.subject.subnet ?? null],
  ['atFault', ([f]) => f.atFault],
  ['faultBecause', ([f]) => f.faultBecause],
  ['explainedBy', ([f]) => f.explainedBy],
  ['since', ([f]) => f.since],
  ['until', ([f]) => f.until],
  ['count', ([f]) => f.count],
  ['evidence.frames', ([f]) => f.evidence.map(({ frame }) => frame).join(' ')],
  ['displayFilter', ([f]) => f.displayFilter],
];

export const findingCsv = ({ findings }: Report): Generator<string> =>
  csv(
    FIELDS,
    findings.map((finding, i) => [finding, i + 1] as const),
  );
