/**
 * Which formats exist. A new one is a file and a line here: `--format`, its help and its error message derive from these tables.
 * The first of each table is what a person gets; `machine` is what `--json` stands for.
 */
import type { Detector } from '../detect/detector.ts';
import type { Correlation } from '../model/correlation.ts';
import type { Comparison } from '../model/comparison.ts';
import type { ConnectionRow, Report, SocketDiffRow, SocketRow } from '../model/report.ts';
import { checkJson, checkText, type CaptureCheck } from './check.ts';
import { comparisonJson, comparisonMarkdown, comparisonText } from './comparison.ts';
import { connLog } from './conn-log.ts';
import { connectionJson, connectionText, type ConnectionDetail } from './connection-detail.ts';
import { connectionMermaid } from './connection-mermaid.ts';
import { connectionCsv, connectionTable } from './connection-rows.ts';
import { findingCsv } from './finding-rows.ts';
import { htmlReport } from './html/document.ts';
import { correlationJson, correlationText } from './correlation.ts';
import type { IncidentDocument } from './incident.ts';
import { jsonReport } from './json.ts';
import type { Page } from './layout.ts';
import { markdownReport } from './markdown.ts';
import { ndjsonReport, ndjsonRows } from './ndjson.ts';
import { connectionParquet, socketParquet } from './parquet.ts';
import { partialReport } from './partial.ts';
import { ruleCsv, ruleJson, ruleTable } from './rule-rows.ts';
import { settingJson, type SettingRow, settingTable } from './setting-rows.ts';
import { socketDiffCsv, socketDiffNdjson, socketDiffTable } from './socket-diff.ts';
import { socketCsv, socketTable, stateCountCsv, stateCountTable, type StateCountsView } from './socket-table.ts';
import { textReport } from './text.ts';

/** Pieces of the document, in order; the writer decides how many go out at once. */
export type Pieces = Iterable<string> | AsyncIterable<Uint8Array>;
export type Formatter<T, P extends Pieces = Iterable<string>> = (value: T, page: Page) => P;

export interface Formats<T, P extends Pieces = Iterable<string>> {
  readonly byName: Readonly<Record<string, Formatter<T, P>>>;
  readonly standard: string;
  readonly machine: string;
  /** Those that are no text, and nothing for a terminal. */
  readonly binary?: readonly string[];
}

/**
 * What the end of a file's name asks for where `-f` is not given: the first of these that the command has. A `.log` is a conn.log
 * where there is one.
 */
export const FORMATS_BY_EXTENSION: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    txt: ['text', 'table'],
    log: ['zeek', 'text', 'table'],
    md: ['markdown'],
    markdown: ['markdown'],
    html: ['html'],
    htm: ['html'],
    json: ['json', 'ndjson'],
    ndjson: ['ndjson'],
    jsonl: ['ndjson'],
    csv: ['csv'],
    parquet: ['parquet'],
    mmd: ['mermaid'],
    mermaid: ['mermaid'],
    partial: ['partial'],
  }),
);

const ofReport =
  (format: Formatter<Report>): Formatter<IncidentDocument> =>
  ({ report }, page) =>
    format(report, page);

export const reportFormats: Formats<IncidentDocument, Pieces> = {
  byName: {
    text: ofReport(textReport),
    markdown: markdownReport,
    html: htmlReport,
    json: ofReport(jsonReport),
    ndjson: ofReport(ndjsonReport),
    csv: ofReport(findingCsv),
    partial: partialReport,
  },
  standard: 'text',
  machine: 'json',
  binary: ['partial'],
};

/** A report for formats that show nothing else. */
export const plainDocument = (report: Report, partial: IncidentDocument['partial']): IncidentDocument => {
  return { report, command: '', anonymous: false, connections: new Map(), lacking: null, states: null, distributions: [], partial };
};

/** Those that show more than the report: connections segment by segment, checksums. */
export const isIncident = (format: Formatter<IncidentDocument, Pieces>): boolean => format === markdownReport || format === htmlReport;

export const comparisonFormats: Formats<Comparison> = {
  byName: { text: comparisonText, markdown: comparisonMarkdown, json: comparisonJson },
  standard: 'text',
  machine: 'json',
};

export const checkFormats: Formats<CaptureCheck> = {
  byName: { text: checkText, json: checkJson },
  standard: 'text',
  machine: 'json',
};

export const correlationFormats: Formats<Correlation> = {
  byName: { text: correlationText, json: correlationJson },
  standard: 'text',
  machine: 'json',
};

export const connectionFormats: Formats<Iterable<ConnectionRow>, Pieces> = {
  byName: { table: connectionTable, ndjson: ndjsonRows, csv: connectionCsv, zeek: connLog, parquet: connectionParquet },
  standard: 'table',
  machine: 'ndjson',
  binary: ['parquet'],
};

export const connectionDetailFormats: Formats<ConnectionDetail> = {
  byName: { text: connectionText, json: connectionJson, mermaid: connectionMermaid },
  standard: 'text',
  machine: 'json',
};

export const socketDiffFormats: Formats<Iterable<SocketDiffRow>> = {
  byName: { table: socketDiffTable, ndjson: socketDiffNdjson, csv: socketDiffCsv },
  standard: 'table',
  machine: 'ndjson',
};

export const stateFormats: Formats<Iterable<SocketRow>, Pieces> = {
  byName: { table: socketTable, ndjson: ndjsonRows, csv: socketCsv, parquet: socketParquet },
  standard: 'table',
  machine: 'ndjson',
  binary: ['parquet'],
};

/** `states --every`; the same names as `stateFormats`. */
export const stateCountFormats: Formats<StateCountsView> = {
  byName: { table: stateCountTable, ndjson: ({ rows }) => ndjsonRows(rows), csv: stateCountCsv },
  standard: 'table',
  machine: 'ndjson',
};

export const ruleFormats: Formats<Iterable<Detector>> = {
  byName: { table: ruleTable, json: ruleJson, csv: ruleCsv },
  standard: 'table',
  machine: 'json',
};

export const settingFormats: Formats<Iterable<SettingRow>> = {
  byName: { table: settingTable, json: settingJson },
  standard: 'table',
  machine: 'json',
};

export { partialReport };
export { explanationText } from './explanation.ts';
export type { CaptureCheck, IncidentDocument };
