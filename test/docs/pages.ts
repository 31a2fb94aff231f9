/**
 * The documents that are made from the program: a page per rule, their index, the formats, the incident document with its example, the manual
 * page, the keys of the TUI, the schemas of what is printed as JSON and of the configuration. `npm run docs` writes them; a test says when they are
 * out of date.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { CONFIG_SCHEMA } from '../../src/commands/config-schema.ts';
import type { Category, Detector } from '../../src/detect/detector.ts';
import { DETECTORS } from '../../src/detect/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { explain, type RuleExample } from '../../src/engine/explain.ts';
import { type Finding, SEVERITIES } from '../../src/model/finding.ts';
import { formats } from './formats.ts';
import { reports } from './reports.ts';
import { man } from './man.ts';
import { schemas } from './schemas.ts';
import { withKeys } from './tui-keys.ts';

/** In the order of the index. `field-notes.md` is written by hand. */
const FAMILIES: Readonly<Record<Category, string>> = {
  close: 'Stuck and badly closed connections',
  'time-wait': 'TIME_WAIT and ports',
  open: 'Opening a connection',
  flood: 'Floods, scans, abuse',
  reset: 'Resets',
  path: 'Path and flow',
  capture: 'The capture itself',
};

const NOTE = '<!-- Made by `npm run docs` from the rule itself. -->';

interface Example {
  readonly fixture: string;
  readonly finding: Finding;
}

/** Path below the repository's root → text. @param root with a slash at its end */
export async function pages(root: string): Promise<ReadonlyMap<string, string>> {
  const examples = await examplesIn(root);
  const out = new Map<string, string>();
  out.set('src/engine/rule-examples.json', ruleExamples(examples));
  out.set('docs/rules/README.md', index());
  for (const rule of DETECTORS) out.set(`docs/rules/${rule.id}.md`, page(rule, examples.get(rule.id)));
  out.set('docs/formats.md', formats());
  out.set('docs/reports.md', await reports(root));
  out.set('docs/tcpdiag.1', man());
  out.set('docs/tui.md', withKeys(readFileSync(`${root}docs/tui.md`, 'utf8')));
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'tcpdiag.config.json', ...CONFIG_SCHEMA };
  out.set('docs/schema/config.schema.json', `${JSON.stringify(schema, null, 2)}\n`);
  for (const [file, outputs] of schemas(root)) out.set(`docs/schema/${file}`, `${JSON.stringify(outputs, null, 2)}\n`);
  return out;
}

/** Of each rule the weightiest finding in the fixtures. */
async function examplesIn(root: string): Promise<ReadonlyMap<string, Example>> {
  const best = new Map<string, Example>();
  const names = readdirSync(`${root}fixtures`).filter((name) => /\.pcap(ng)?(\.gz)?$/.test(name));
  for (const fixture of names.sort()) {
    const { report } = await analyse([`${root}fixtures/${fixture}`]);
    for (const finding of report.findings) {
      const kept = best.get(finding.rule);
      if (kept === undefined || weight(finding) < weight(kept.finding)) best.set(finding.rule, { fixture, finding });
    }
  }
  return best;
}

/** What `explain` shows: one rule a line. */
function ruleExamples(examples: ReadonlyMap<string, Example>): string {
  const lines = DETECTORS.flatMap(({ id }) => {
    const example = examples.get(id);
    if (example === undefined) return [];
    const { severity, title, summary, causes, remedies } = example.finding;
    const shown: RuleExample = { fixture: example.fixture, severity, title, summary, causes, remedies };
    return [`${JSON.stringify(id)}: ${JSON.stringify(shown)}`];
  });
  return `{\n${lines.sort().join(',\n')}\n}\n`;
}

/** Less is weightier; of equals the first fixture's stays. */
const weight = ({ severity, confidence }: Finding): number =>
  SEVERITIES.indexOf(severity) * 3 + ['high', 'medium', 'low'].indexOf(confidence);

function index(): string {
  const families = Object.entries(FAMILIES).map(([category, title]) => {
    const rules = DETECTORS.filter((r) => r.category === category).map(
      (r) => `| [\`${r.id}\`](${r.id}.md) | ${escaped(r.title)} | ${r.severity} |`,
    );
    return rules.length === 0 ? '' : `## ${title}\n\n| rule | what | usually |\n|---|---|---|\n${rules.sort().join('\n')}\n`;
  });
  return [
    `${NOTE}\n# The rules\n`,
    'Every rule answers `found`, `clear`, `inconclusive` or `not-applicable`, the last two with the reason. `tcpdiag explain RULE` prints the same pages;',
    '`--set RULE.PARAM=VALUE` changes a threshold, `--only` and `--skip` choose rules. [Rules of your own](../own-rules.md) stand beside them.\n',
    ...families.filter((text) => text !== ''),
  ].join('\n');
}

function page(rule: Detector, example: Example | undefined): string {
  const { title, sections } = explain(DETECTORS, rule.id);
  const parts = sections.map(({ heading, text }) => `## ${heading}\n\n${body(rule, heading, text)}\n`);
  return [
    `${NOTE}\n# \`${rule.id}\`: ${escaped(title)}\n`,
    `Usually ${rule.severity}. ${FAMILIES[rule.category]}.\n`,
    ...parts,
    ...exampleParts(example),
  ].join('\n');
}

function body({ params }: Detector, heading: string, text: string): string {
  if (heading === 'Parameters') {
    const rows = Object.entries(params).map(([name, p]) => `| \`${name}\` | ${String(p.default)} | ${escaped(p.text)} |`);
    return `| name | default | what it is |\n|---|---|---|\n${rows.join('\n')}`;
  }
  if (heading === 'References')
    return text
      .split('\n')
      .map((line) => `- ${escaped(line)}`)
      .join('\n');
  return escaped(text);
}

function exampleParts(example: Example | undefined): readonly string[] {
  if (example === undefined) return [];
  const { fixture, finding } = example;
  const causes = finding.causes.map((c) => `- ${escaped(c.text)} (${c.likelihood}: ${escaped(c.because)})`);
  const remedies = finding.remedies.map((r) => {
    const where = r.appliesTo === '' ? '' : ` (${escaped(r.appliesTo)})`;
    return `- ${escaped(r.text)}${where}${r.command === null ? '' : `\n\n  \`\`\`sh\n  ${r.command}\n  \`\`\`\n`}`;
  });
  return [
    `## Example\n\nIn \`fixtures/${fixture}\`: **${escaped(finding.title)}** (${finding.severity})\n\n${escaped(finding.summary)}\n`,
    ...(causes.length === 0 ? [] : [`Causes that it names:\n\n${causes.join('\n')}\n`]),
    ...(remedies.length === 0 ? [] : [`What it says to do:\n\n${remedies.join('\n')}\n`]),
  ];
}

/** Markdown leaves text as it is, but for these. */
const escaped = (text: string): string => text.replace(/[\\*<>|[\]]/g, '\\$&');
