/** `compare`: what got worse and what got better between two captures, as text, as Markdown and as JSON. */
import type { Comparison, FindingBrief, FindingChange, ServiceSummary, TrafficSummary } from '../model/comparison.ts';
import { OUTCOMES } from '../model/connection.ts';
import { sanitise } from '../model/sanitise.ts';
import { STATE_NAMES } from '../model/state.ts';
import { hang, type Page, paint, textWidth } from './layout.ts';
import { code, markdownTable, prose } from './markdown-text.ts';
import { countText, durationText, plural, SEVERITY_MARK } from './narrate.ts';
import { safeJson } from './safe-json.ts';
import { table, type Column } from './table.ts';

const TITLES: readonly (readonly [FindingChange['change'], string])[] = [
  ['appeared', 'Appeared'],
  ['worse', 'Got worse'],
  ['vanished', 'Vanished'],
  ['better', 'Got better'],
  ['same', 'As before'],
];

export function* comparisonText(c: Comparison, page: Page): Generator<string> {
  const width = textWidth(page.width);
  const lines = (lead: string, text: string): string => `${hang(lead, text, width).join('\n')}\n`;
  yield lines('', paint(page, sanitise(c.verdict), 'bold'));
  for (const [side, { path }] of [['before', c.before] as const, ['after', c.after] as const])
    yield lines(`  ${side.padEnd(7)}`, sanitise(path));
  for (const [change, title] of TITLES) {
    const group = c.findings.filter((f) => f.change === change);
    if (group.length === 0) continue;
    yield `\n${paint(page, title, 'bold')}\n`;
    for (const f of group) {
      for (const [i, text] of findingTexts(f).entries()) yield lines(i === 0 ? '  - ' : '    ', sanitise(text, 2_000));
    }
  }
  if (c.findingsLeftOut > 0) yield `\n  and ${plural(c.findingsLeftOut, 'finding')} more\n`;
  yield '\n';
  yield* table(FIGURE_COLUMNS, figures(c), { ...page, width });
  if (c.services.length > 0) yield '\n';
  yield* table(SERVICE_COLUMNS, c.services, { ...page, width });
  if (c.servicesLeftOut > 0) yield `and ${plural(c.servicesLeftOut, 'service')} more in -f json\n`;
}

export function* comparisonMarkdown(c: Comparison): Generator<string> {
  yield '# TCP diagnosis: before and after\n\n';
  yield `**${prose(c.verdict)}**\n\n`;
  yield markdownTable(
    ['', 'Capture'],
    [
      ['before', code(c.before.path)],
      ['after', code(c.after.path)],
    ],
  );
  for (const [change, title] of TITLES) {
    const group = c.findings.filter((f) => f.change === change);
    if (group.length === 0) continue;
    yield `## ${title}\n\n`;
    for (const f of group) yield `- ${findingTexts(f).map(prose).join('; ')}\n`;
    yield '\n';
  }
  if (c.findingsLeftOut > 0) yield `And ${plural(c.findingsLeftOut, 'finding')} more.\n\n`;
  yield '## Figures\n\n';
  yield markdownTable(
    ['', { right: 'Before' }, { right: 'After' }],
    figures(c).map(({ name, before, after }) => [prose(name), cellOf(before), cellOf(after)]),
  );
  yield markdownTable(
    SERVICE_COLUMNS.map(({ title }, i) => (i === 0 ? title : { right: title })),
    c.services.map((service) => SERVICE_COLUMNS.map(({ cell }) => cellOf(cell(service)))),
  );
  if (c.servicesLeftOut > 0) yield `And ${plural(c.servicesLeftOut, 'service')} more.\n`;
}

/** What a capture does not have is an empty cell. */
const cellOf = (text: string): string => (text === '-' ? '' : prose(text));

export function* comparisonJson(c: Comparison): Generator<string> {
  yield `${safeJson(c)}\n`;
}

function findingTexts({ id, before, after, change, unanswered }: FindingChange): readonly string[] {
  const shown = after ?? before;
  if (shown === null) return [id];
  const out = [`${worded(shown)}: ${shown.title} (${id})`];
  if (before !== null && after !== null && change !== 'same') out.push(`before: ${worded(before)}: ${before.title}`);
  if (unanswered !== null) out.push(`it may be there still: ${unanswered}`);
  return out;
}

const worded = ({ severity }: FindingBrief): string => `${SEVERITY_MARK[severity].glyph} ${SEVERITY_MARK[severity].word}`;

interface Figure {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

const FIGURE_COLUMNS: readonly Column<Figure>[] = [
  { title: 'FIGURE', cell: (f) => f.name },
  { title: 'BEFORE', align: 'right', cell: (f) => f.before },
  { title: 'AFTER', align: 'right', cell: (f) => f.after },
];

/** What is in neither capture has no row. */
function figures({ before, after }: Comparison): readonly Figure[] {
  const figure = (name: string, read: (t: TrafficSummary) => string | null): readonly Figure[] => {
    const [a, b] = [read(before), read(after)];
    return a === null && b === null ? [] : [{ name, before: a ?? '-', after: b ?? '-' }];
  };
  return [
    ...figure('observed', (t) => durationText(t.seconds)),
    ...figure('packets', (t) => countText(t.packets)),
    ...figure('connections', (t) => countText(t.connections)),
    ...figure('connections a second', (t) =>
      t.connectionsPerSecond === null ? null : String(Number(t.connectionsPerSecond.toPrecision(3))),
    ),
    ...figure('refused, unanswered, reset, half-open or leaked', (t) => shareText(t.troubledShare)),
    ...figure('segments sent again', (t) => shareText(t.retransmittedShare)),
    ...(['p50', 'p90', 'p99'] as const).flatMap((q) => figure(`connect(), ${q}`, (t) => secondsText(t.connectSeconds[q]))),
    ...(['p50', 'p99'] as const).flatMap((q) => figure(`duration, ${q}`, (t) => secondsText(t.durationSeconds[q]))),
    ...OUTCOMES.flatMap((o) => figure(`outcome ${o}`, (t) => optionalCount(t.outcomes[o]))),
    ...STATE_NAMES.flatMap((s) => figure(`at the end in ${s}`, (t) => optionalCount(t.endStates[s]))),
  ];
}

const optionalCount = (n: number | undefined): string | null => (n === undefined ? null : countText(n));
const secondsText = (seconds: number | null): string | null => (seconds === null ? null : durationText(seconds));
const shareText = (share: number | null): string | null => (share === null ? null : `${String(Number((share * 100).toPrecision(3)))} %`);

const of = (summary: ServiceSummary | null, read: (s: ServiceSummary) => string | null): string =>
  summary === null ? '-' : (read(summary) ?? '-');

const SERVICE_COLUMNS: readonly Column<Comparison['services'][number]>[] = [
  { title: 'SERVICE', cell: (s) => sanitise(s.service) },
  { title: 'CONNECTIONS BEFORE', align: 'right', cell: (s) => of(s.before, (b) => countText(b.connections)) },
  { title: 'AFTER', align: 'right', cell: (s) => of(s.after, (a) => countText(a.connections)) },
  { title: 'TROUBLED BEFORE', align: 'right', importance: 3, cell: (s) => of(s.before, (b) => countText(b.troubled)) },
  { title: 'AFTER', align: 'right', importance: 3, cell: (s) => of(s.after, (a) => countText(a.troubled)) },
  { title: 'CONNECT P99 BEFORE', align: 'right', importance: 2, cell: (s) => of(s.before, (b) => secondsText(b.connectSeconds.p99)) },
  { title: 'AFTER', align: 'right', importance: 2, cell: (s) => of(s.after, (a) => secondsText(a.connectSeconds.p99)) },
];
