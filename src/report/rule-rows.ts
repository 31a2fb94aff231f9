/** `rules`: what is looked for, with every threshold that `--set` can change. */
import type { Category, Detector } from '../detect/detector.ts';
import type { Severity } from '../model/finding.ts';
import { csv, type CsvField } from './csv.ts';
import type { Page } from './layout.ts';
import { safeJson } from './safe-json.ts';
import { table, type Column } from './table.ts';

/** One object of `rules -f json`. */
export interface RuleRow {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly category: Category;
  readonly parameters: readonly { readonly name: string; readonly default: number; readonly text: string }[];
}

interface RuleLine {
  readonly rule: string;
  readonly severity: string;
  readonly category: string;
  readonly parameter: string;
  readonly title: string;
}

const COLUMNS: readonly Column<RuleLine>[] = [
  { title: 'RULE', cell: (r) => r.rule },
  { title: 'SEVERITY', importance: 3, cell: (r) => r.severity },
  { title: 'CATEGORY', importance: 1, cell: (r) => r.category },
  { title: 'PARAMETER', cell: (r) => r.parameter },
  { title: 'TITLE', importance: 2, cell: (r) => r.title },
];

export function* ruleTable(rules: Iterable<Detector>, page: Page): Generator<string> {
  const lines: RuleLine[] = [];
  for (const rule of rules) {
    const params = Object.entries(rule.params).map(([name, p]) => `${name}=${String(p.default)}`);
    lines.push({ rule: rule.id, severity: rule.severity, category: rule.category, parameter: params[0] ?? '-', title: rule.title });
    for (const parameter of params.slice(1)) lines.push({ rule: '', severity: '', category: '', parameter, title: '' });
  }
  yield* table(COLUMNS, lines, page);
}

/** One array, one rule per line. */
export function* ruleJson(rules: Iterable<Detector>): Generator<string> {
  let separator = '[\n';
  for (const { id, title, severity, category, params } of rules) {
    const parameters = Object.entries(params).map(([name, p]) => ({ name, default: p.default, text: p.text }));
    yield separator + safeJson({ id, title, severity, category, parameters } satisfies RuleRow);
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}

type Threshold = { readonly name: string; readonly default: number; readonly text: string } | null;

const CSV_FIELDS: readonly CsvField<readonly [rule: Detector, parameter: Threshold]>[] = [
  ['rule', ([rule]) => rule.id],
  ['title', ([rule]) => rule.title],
  ['severity', ([rule]) => rule.severity],
  ['category', ([rule]) => rule.category],
  ['parameter', ([, parameter]) => parameter?.name ?? null],
  ['default', ([, parameter]) => parameter?.default ?? null],
  ['text', ([, parameter]) => parameter?.text ?? null],
];

/** One row per threshold, and one for a rule that has none. */
export function ruleCsv(rules: Iterable<Detector>): Iterable<string> {
  const rows = Array.from(rules).flatMap((rule): readonly (readonly [Detector, Threshold])[] => {
    const thresholds = Object.entries(rule.params).map(([name, p]) => [rule, { name, default: p.default, text: p.text }] as const);
    return thresholds.length === 0 ? [[rule, null]] : thresholds;
  });
  return csv(CSV_FIELDS, rows);
}
