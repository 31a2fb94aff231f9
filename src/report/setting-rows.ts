/** `config`: every setting, what it is, and who said so. */
import type { Page } from './layout.ts';
import { sanitise } from '../model/sanitise.ts';
import { safeJson } from './safe-json.ts';
import { table, type Column } from './table.ts';

/** One object of `config -f json`. */
export interface SettingRow {
  /** As docs/config.md spells it: `hosts["10.0.0.5"].role`; `config` is the file itself. */
  readonly key: string;
  /** null: nothing is set. Sizes are octets. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly from: 'command line' | 'configuration' | 'working directory' | 'default';
  /** What it would be otherwise; of thresholds and the screen. */
  readonly default?: number | boolean;
}

/** What it means that nothing is set. */
const UNSET: Readonly<Record<string, string>> = {
  config: 'none',
  only: 'all rules',
  skip: 'none',
  set: 'none: tcpdiag rules lists the thresholds',
  profile: 'guessed from the SYNs of each host',
  failOn: 'never',
  maxMemory: 'no limit',
  rules: 'none of your own',
  hosts: 'none',
  services: 'none',
  'tui.keys': 'as docs/tui.md has them',
};

const COLUMNS: readonly Column<SettingRow>[] = [
  { title: 'SETTING', cell: ({ key }) => key },
  { title: 'VALUE', cell: valueText },
  { title: 'FROM', cell: ({ from }) => from },
  { title: 'DEFAULT', importance: 1, hideEmpty: true, cell: (row) => (row.default === undefined ? '' : String(row.default)) },
];

export function settingTable(rows: Iterable<SettingRow>, page: Page): Iterable<string> {
  return table(COLUMNS, rows, page);
}

/** One array, one setting per line. */
export function* settingJson(rows: Iterable<SettingRow>): Generator<string> {
  let separator = '[\n';
  for (const row of rows) {
    yield separator + safeJson(row);
    separator = ',\n';
  }
  yield '\n]\n';
}

function valueText({ key, value }: SettingRow): string {
  if (value === null) return UNSET[key] ?? '-';
  if (key === 'maxMemory') return `${(Number(value) / 2 ** 20).toFixed(0)} MiB`;
  return sanitise(typeof value === 'object' ? value.join(', ') : String(value));
}
