/** JSON Schemas of everything that is printed as JSON, made from the types that the program is checked against. */
import { createGenerator } from 'ts-json-schema-generator';

interface Output {
  readonly path: string;
  readonly type: string;
  readonly title: string;
}

/** By file below docs/schema. */
export const OUTPUTS: Readonly<Record<string, Output>> = {
  'report.schema.json': { path: 'src/model/report.ts', type: 'Report', title: 'tcpdiag report -f json' },
  'report-line.schema.json': { path: 'src/model/report.ts', type: 'ReportLine', title: 'one line of tcpdiag report -f ndjson' },
  'connection-row.schema.json': { path: 'src/model/report.ts', type: 'ConnectionRow', title: 'one line of tcpdiag connections -f ndjson' },
  'socket-row.schema.json': { path: 'src/model/report.ts', type: 'SocketRow', title: 'one line of tcpdiag states -f ndjson' },
  'socket-diff-row.schema.json': {
    path: 'src/model/report.ts',
    type: 'SocketDiffRow',
    title: 'one line of tcpdiag states --diff -f ndjson',
  },
  'state-count-row.schema.json': {
    path: 'src/model/report.ts',
    type: 'StateCountRow',
    title: 'one line of tcpdiag states --every -f ndjson',
  },
  'connection.schema.json': { path: 'src/report/connection-detail.ts', type: 'ConnectionDocument', title: 'tcpdiag connection -f json' },
  'comparison.schema.json': { path: 'src/model/comparison.ts', type: 'Comparison', title: 'tcpdiag compare -f json' },
  'check.schema.json': { path: 'src/report/check.ts', type: 'CaptureCheck', title: 'tcpdiag check -f json' },
  'correlation.schema.json': { path: 'src/model/correlation.ts', type: 'Correlation', title: 'tcpdiag correlate -f json' },
  'setting-row.schema.json': { path: 'src/report/setting-rows.ts', type: 'SettingRow', title: 'one element of tcpdiag config -f json' },
  'rule-row.schema.json': { path: 'src/report/rule-rows.ts', type: 'RuleRow', title: 'one element of tcpdiag rules -f json' },
};

/**
 * File → schema. Objects may have keys that are not in it: shapes grow by new keys only.
 *
 * @param root with a slash at its end
 */
export function schemas(root: string): ReadonlyMap<string, object> {
  const out = new Map<string, object>();
  const generators = new Map<string, ReturnType<typeof createGenerator>>();
  for (const [file, { path, type, title }] of Object.entries(OUTPUTS)) {
    // The compiler has checked the types already.
    const how = { path: root + path, tsconfig: `${root}tsconfig.json`, skipTypeCheck: true, additionalProperties: true } as const;
    const generator = generators.get(path) ?? createGenerator(how);
    generators.set(path, generator);
    const { $schema, ...schema } = generator.createSchema(type);
    out.set(file, { $schema, title, ...schema });
  }
  return out;
}
