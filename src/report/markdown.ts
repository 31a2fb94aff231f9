/**
 * `report -f markdown`: the incident, ready to be pasted into a postmortem, an issue or a wiki. What happened when, each cause with what
 * follows from it, the frames that prove it, what to do; then what was read, what was checked, and how to make this page again.
 *
 * A paragraph is one line, since GitHub's comments break where the text does. Nothing is nested and no HTML is used, since what is pasted
 * into a wiki keeps neither. Everything from the capture passes `markdown-text.ts`.
 */
import type { Finding } from '../model/finding.ts';
import type { CaptureFacts, Report } from '../model/report.ts';
import { sequenceDiagram } from './connection-mermaid.ts';
import { condensed, eventsOf, evidenceShown, exhibits, inFull, type IncidentDocument, type IncidentEvent } from './incident.ts';
import { code, fenced, markdownTable, prose } from './markdown-text.ts';
import { nameOriginsText, withNames } from './names.ts';
import {
  bytesText,
  captureLine,
  clause,
  countText,
  faultText,
  likelihoodWord,
  nothingWrongText,
  type PlacedFinding,
  plural,
  saidLabel,
  saidTexts,
  SEVERITY_MARK,
  severityCounts,
  silence,
  type Unsaid,
  vantageText,
  whenText,
} from './narrate.ts';
import { documentTitle, momentText, relativeText, sentence, unsummedText } from './incident-words.ts';

/** Lines of a sequence diagram: one of these still fits a screen, and GitLab draws the first unasked (2,000 characters). */
const DIAGRAM_ITEMS = 16;

export function* markdownReport(incident: IncidentDocument): Generator<string> {
  const { report } = incident;
  const { full, rest } = inFull(report);
  yield `# ${prose(documentTitle(report.capture))}\n\n`;
  yield* overview(report, full);
  yield* timetable(report, full);
  if (full.length > 0) yield '## Findings\n\n';
  const drawings = new Drawings(incident);
  for (const placed of full) yield* findingParts(placed, report.capture, drawings);
  yield* titlesOnly(rest);
  yield* captureParts(incident);
  yield* checkedParts(report);
  yield* origin(incident);
}

const paragraph = (text: string): string => `${text}\n\n`;
const labelled = (label: string, text: string): string => paragraph(`**${label}:** ${text}`);
const label = (words: string): string => paragraph(`**${words}:**`);
const list = (items: readonly string[]): string => (items.length === 0 ? '' : `${items.map((item) => `- ${item}\n`).join('')}\n`);
const markText = ({ severity }: Finding): string => `${SEVERITY_MARK[severity].glyph} ${SEVERITY_MARK[severity].word}`;

function* overview(report: Report, full: readonly PlacedFinding[]): Generator<string> {
  const { capture, findings } = report;
  yield paragraph(prose(captureLine(capture)) + (capture.packets === 0 ? '' : '.'));
  const nothing = nothingWrongText(report);
  if (nothing !== null) yield paragraph(prose(nothing));
  if (findings.length === 0) return;
  yield paragraph(`${plural(findings.length, 'finding')}: ${prose(severityCounts(findings))}.`);
  yield markdownTable(
    [{ right: 'No.' }, 'Severity', 'What', 'At fault', 'Follows from'],
    full.map(({ finding: f, number }) => [
      String(number),
      markText(f),
      prose(withNames(f.title, capture.names)),
      prose(faultText({ ...f, faultBecause: null })),
      causeText(f, full),
    ]),
  );
}

/** The number of the cause, or its id where it is not in the document. */
function causeText({ explainedBy }: Finding, full: readonly PlacedFinding[]): string {
  if (explainedBy === null) return '';
  const cause = full.find(({ finding }) => finding.id === explainedBy);
  return cause === undefined ? code(explainedBy) : String(cause.number);
}

const EVENT_WORDS: Readonly<Record<IncidentEvent['what'], string>> = {
  'capture begins': 'The capture begins',
  'capture ends': 'The capture ends',
  begins: 'begins',
  ends: 'ends',
  happens: 'happens',
};

function* timetable(report: Report, full: readonly PlacedFinding[]): Generator<string> {
  const events = eventsOf(report, full);
  if (events.length === 0) return;
  yield '## What happened when\n\n';
  yield markdownTable(
    ['Time (UTC)', 'Since the first packet', 'What'],
    events.map(({ time, at, what, placed }) => [
      prose(momentText(time)),
      relativeText(at),
      placed === null
        ? EVENT_WORDS[what]
        : `${String(placed.number)} ${EVENT_WORDS[what]}: ${prose(withNames(placed.finding.title, report.capture.names))}`,
    ]),
  );
}

/** Which connections are drawn, each once. */
class Drawings {
  readonly #incident: IncidentDocument;
  readonly #exhibits: ReadonlyMap<string, number>;
  /** Number of the finding at which a connection was drawn. */
  readonly #drawn = new Map<number, number>();

  constructor(incident: IncidentDocument) {
    this.#incident = incident;
    this.#exhibits = exhibits(incident.report);
  }

  *of({ finding, number }: PlacedFinding): Generator<string> {
    const id = this.#exhibits.get(finding.id);
    if (id === undefined) return;
    const detail = this.#incident.connections.get(id);
    if (detail === undefined) return;
    const before = this.#drawn.get(id);
    if (before !== undefined) {
      yield labelled('Exemplary connection', `${String(id)}, which is drawn at finding ${String(before)}`);
      return;
    }
    this.#drawn.set(id, number);
    yield labelled(
      'Exemplary connection',
      `${String(id)}${finding.count > 1 ? `, one of ${countText(finding.count)}` : ''}, as it passed the capture point`,
    );
    yield fenced('mermaid', [...sequenceDiagram(detail, condensed(detail, DIAGRAM_ITEMS))].join('').trimEnd());
  }
}

function* findingParts(placed: PlacedFinding, capture: CaptureFacts, drawings: Drawings): Generator<string> {
  const { finding: f, number, depth } = placed;
  const named = (text: string): string => prose(withNames(text, capture.names));
  yield `${depth === 0 ? '###' : '####'} ${String(number)}. ${markText(f)}: ${named(f.title)}\n\n`;
  if (f.explainedBy !== null) yield labelled('Follows from', `${code(f.explainedBy)}; mend that first.`);
  yield paragraph(named(f.summary));
  yield labelled('At fault', `${named(faultText(f))}.`);
  const when = whenText(f, capture.end);
  if (when !== null) yield labelled('When', `${prose(when)}.`);
  if (f.confidence !== 'high') yield labelled('Confidence', `${f.confidence}.`);
  yield* evidenceParts(f, capture);
  if (f.lastSaid) yield label(saidLabel(f.lastSaid)) + list(saidTexts(f.lastSaid, f.count).map((text) => prose(text)));
  yield* drawings.of(placed);
  if (f.causes.length > 0)
    yield (
      label('What to check: possible causes, and what speaks for each') +
      list(f.causes.map((c) => `${likelihoodWord(c.likelihood)}: ${prose(clause(c.text))} (${prose(clause(c.because))})`))
    );
  if (f.remedies.length > 0) yield label('What to do');
  for (const { text, command, appliesTo } of f.remedies) {
    yield paragraph(`${prose(sentence(clause(text)))}${appliesTo === '' ? '' : ` (${prose(appliesTo)})`}${command === null ? '.' : ':'}`);
    if (command !== null) yield fenced('sh', command);
  }
  yield* f.caveats.map((c) => labelled('But', prose(c.text)));
}

function* evidenceParts(f: Finding, capture: CaptureFacts): Generator<string> {
  const { shown, more } = evidenceShown(f);
  const several = capture.files.length > 1;
  yield paragraph(`**Evidence** (${code(f.id)}):`);
  yield markdownTable(
    [{ right: 'Frame' }, ...(several ? ['File', { right: 'Its frame' }] : []), 'Time (UTC)', 'What it shows'],
    shown.map((e) => [
      String(e.frame),
      ...(several ? [code(capture.files[e.file ?? -1]?.path ?? ''), String(e.fileFrame ?? '')] : []),
      prose(momentText(e.time)),
      prose(e.note),
    ]),
  );
  if (more > 0) yield paragraph(`${plural(more, 'more frame')} in ${code('report -f json')}.`);
  if (f.displayFilter !== '') yield label('Display filter for Wireshark') + fenced('text', f.displayFilter);
}

function* titlesOnly(rest: readonly PlacedFinding[]): Generator<string> {
  if (rest.length === 0) return;
  yield '### More findings\n\n';
  yield paragraph(
    `${plural(rest.length, 'more finding')}, by title; ${code('report -f json')} has them in full, ${code('--only RULE')} those of one rule.`,
  );
  yield markdownTable(
    [{ right: 'No.' }, 'Severity', 'What'],
    rest.map(({ finding: f, number }) => [String(number), markText(f), prose(f.title)]),
  );
}

function* captureParts({ report: { capture }, anonymous }: IncidentDocument): Generator<string> {
  yield '## The capture\n\n';
  yield markdownTable(
    ['File', 'Format', 'Link layer', { right: 'Packets' }, { right: 'Size' }, 'SHA-256'],
    capture.files.map((f) => [
      f.path === '-' ? 'standard input' : code(f.path),
      prose(`${f.format}${f.truncated ? ', breaks off or is damaged' : ''}`),
      prose(f.linkTypes.join(', ')),
      countText(f.packets),
      bytesText(f.bytes),
      f.sha256 === null ? unsummedText({ anonymous }) : code(f.sha256),
    ]),
  );
  const vantage = vantageText(capture.vantage);
  if (vantage !== null) yield paragraph(`${prose(withNames(vantage, capture.names))}.`);
  const origins = nameOriginsText(capture);
  if (origins !== null) yield paragraph(`${prose(origins)}.`);
  if (capture.caveats.length > 0) yield paragraph('What to know about it:') + list(capture.caveats.map((c) => prose(c.text)));
}

function* checkedParts({ capture, rules }: Report): Generator<string> {
  const { clear, unsure, notApplicable } = silence(rules);
  if (capture.packets === 0 || clear.length + unsure.length + notApplicable.length === 0) return;
  yield '## What was checked\n\n';
  if (unsure.length > 0) yield paragraph('These rules could not tell:') + rulesTable(unsure);
  if (notApplicable.length > 0) yield paragraph('These did not apply:') + rulesTable(notApplicable);
  if (clear.length > 0) yield labelled('Checked and clear', `${clear.map((id) => prose(id)).join(', ')}.`);
}

const rulesTable = (rules: readonly Unsaid[]): string =>
  markdownTable(
    ['Rule', 'Because'],
    rules.map(({ id, because }) => [prose(id), prose(because)]),
  );

function* origin({ report, command, lacking }: IncidentDocument): Generator<string> {
  const { name, version } = report.tool;
  yield '## How this was made\n\n';
  if (lacking !== null) yield paragraph(`Connections are not drawn: ${prose(lacking)}.`);
  yield paragraph(`By ${name} ${version}, format ${String(report.schemaVersion)}, with`);
  yield fenced('sh', command).trimEnd() + '\n';
}
