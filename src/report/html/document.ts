/**
 * `report -f html`: the incident as one file, for a browser or on paper. It holds no script and asks for nothing: a policy in its head forbids
 * every source but its own style sheet. What folds does so by itself (`details`), and is open in print. Every drawing has its numbers as a
 * table beside it. Text from outside can only be put in through `markup.ts`.
 */
import type { Finding } from '../../model/finding.ts';
import type { CaptureFacts, Report } from '../../model/report.ts';
import { condensed, eventsOf, evidenceShown, exhibits, inFull, type IncidentDocument, type IncidentEvent } from '../incident.ts';
import { documentTitle, momentText, relativeText, sentence, unsummedText } from '../incident-words.ts';
import { nameOriginsText, withNames } from '../names.ts';
import {
  bytesText,
  clause,
  countText,
  durationText,
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
  spanText,
  type Unsaid,
  vantageText,
  whenText,
} from '../narrate.ts';
import { histograms } from './histogram.ts';
import { ladderDrawing, ladderTable } from './ladder.ts';
import { type Markup, markup, NOTHING, phrase } from './markup.ts';
import { cut } from './scale.ts';
import { STYLE, STYLE_HASH } from './style.ts';
import { statesTable, timeline } from './timeline.ts';

/** Rows of a ladder before it is condensed. */
const LADDER_ITEMS = 32;
/** Longer titles are cut by whoever shows them. */
const TITLE_CHARS = 70;
/** A display filter of more characters is folded. */
const SHORT_FILTER = 300;

const POLICY = `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

export function* htmlReport(incident: IncidentDocument): Generator<string> {
  const { report } = incident;
  const { full, rest } = inFull(report);
  yield head(report);
  yield overview(report, full).text;
  yield whenSection(incident, full).text;
  if (full.length > 0) yield '<section aria-labelledby="findings">\n<h2 id="findings">Findings</h2>\n';
  const drawings = new Drawings(incident);
  for (const placed of full) yield article(placed, report.capture, drawings).text;
  yield titlesOnly(rest).text;
  if (full.length > 0) yield '</section>\n';
  yield spreadSection(incident).text;
  yield captureSection(incident).text;
  yield checkedSection(report).text;
  yield originSection(incident).text;
  yield '</main>\n</body>\n</html>\n';
}

/** The style is ours, and its hash is that of these very characters: it is put in as it is. */
const head = ({ capture, tool }: Report): string =>
  markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="${tool.name} ${tool.version}">
<title>${cut(documentTitle(capture), TITLE_CHARS)}</title>
`.text + `<style>${STYLE}</style>\n</head>\n<body>\n<main>\n`;

const markOf = ({ severity }: Finding): Markup =>
  markup`<span class="mark ${severity}">${SEVERITY_MARK[severity].glyph} ${SEVERITY_MARK[severity].word}</span>`;

const linkTo = ({ number }: PlacedFinding): Markup => markup`<a href="#finding-${number}">${number}</a>`;

function overview(report: Report, full: readonly PlacedFinding[]): Markup {
  const { capture, findings } = report;
  const [kind, name] = splitTitle(documentTitle(capture));
  const nothing = nothingWrongText(report);
  return markup`<header>
<p class="over">${kind}</p>
<h1>${name}</h1>
<dl class="facts">
${capture.start === null || capture.end === null ? NOTHING : fact('When', markup`${spanText(capture.start, capture.end)} (${durationText(capture.durationSeconds)})`)}${fact('What was read', markup`${plural(capture.packets, 'packet')}${capture.packets === capture.tcpPackets ? '' : `, ${countText(capture.tcpPackets)} of them TCP`}, ${plural(capture.connections, 'connection')}`)}${vantageFact(capture)}</dl>
${
  nothing === null
    ? NOTHING
    : markup`<p class="verdict${capture.packets > 0 && findings.every((f) => f.severity === 'info') ? ' good' : ''}">${nothing}</p>
`
}${findings.length === 0 ? NOTHING : findingsTable(report, full)}</header>
`;
}

const splitTitle = (title: string): readonly [string, string] => {
  const [kind = '', ...rest] = title.split(': ');
  return [kind, rest.join(': ')];
};

const fact = (label: string, text: Markup): Markup => markup`<dt>${label}</dt><dd>${text}</dd>
`;

function vantageFact(capture: CaptureFacts): Markup {
  const text = vantageText(capture.vantage);
  return text === null ? NOTHING : fact('Where', phrase(withNames(text, capture.names)));
}

const findingsTable = ({ capture, findings }: Report, full: readonly PlacedFinding[]): Markup => markup`<div class="scroll"><table>
<caption>${plural(findings.length, 'finding')}: ${severityCounts(findings)}</caption>
<thead><tr><th scope="col" class="num">No.</th><th scope="col">Severity</th><th scope="col">What</th><th scope="col">At fault</th><th scope="col">Follows from</th></tr></thead>
<tbody>
${full.map((placed) => {
  const { finding: f } = placed;
  return markup`<tr><th scope="row" class="num">${linkTo(placed)}</th><td>${markOf(f)}</td><td>${phrase(withNames(f.title, capture.names))}</td><td>${phrase(faultText({ ...f, faultBecause: null }))}</td><td>${causeOf(f, full)}</td></tr>
`;
})}</tbody></table></div>
`;

/** The number of the cause, or its id where it is not in the document. */
function causeOf({ explainedBy }: Finding, full: readonly PlacedFinding[]): Markup {
  if (explainedBy === null) return NOTHING;
  const cause = full.find(({ finding }) => finding.id === explainedBy);
  return cause === undefined ? markup`<code>${explainedBy}</code>` : linkTo(cause);
}

const EVENT_WORDS: Readonly<Record<IncidentEvent['what'], string>> = {
  'capture begins': 'The capture begins',
  'capture ends': 'The capture ends',
  begins: 'begins',
  ends: 'ends',
  happens: 'happens',
};

function whenSection({ report, states }: IncidentDocument, full: readonly PlacedFinding[]): Markup {
  const events = eventsOf(report, full);
  if (events.length === 0) return NOTHING;
  return markup`<section aria-labelledby="when">
<h2 id="when">What happened when</h2>
${timeline(report, full, states) ?? NOTHING}<div class="scroll"><table>
<caption>Events in order of time</caption>
<thead><tr><th scope="col">Time (UTC)</th><th scope="col" class="num">Since the first packet</th><th scope="col">What</th></tr></thead>
<tbody>
${events.map(
  ({
    time,
    at,
    what,
    placed,
  }) => markup`<tr><th scope="row" class="keep">${momentText(time)}</th><td class="num">${relativeText(at)}</td><td>${
    placed === null
      ? EVENT_WORDS[what]
      : markup`${linkTo(placed)} ${EVENT_WORDS[what]}: ${phrase(withNames(placed.finding.title, report.capture.names))}`
  }</td></tr>
`,
)}</tbody></table></div>
${states === null ? NOTHING : folded('Sockets by state as a table', statesTable(states))}</section>
`;
}

const folded = (summary: string, content: Markup): Markup => markup`<details><summary>${summary}</summary>
${content}</details>
`;

/** Which connections are drawn, each once. */
class Drawings {
  readonly #incident: IncidentDocument;
  readonly #exhibits: ReadonlyMap<string, number>;
  /** The finding at which a connection was drawn. */
  readonly #drawn = new Map<number, PlacedFinding>();

  constructor(incident: IncidentDocument) {
    this.#incident = incident;
    this.#exhibits = exhibits(incident.report);
  }

  of(placed: PlacedFinding): Markup {
    const id = this.#exhibits.get(placed.finding.id);
    const detail = id === undefined ? undefined : this.#incident.connections.get(id);
    if (id === undefined || detail === undefined) return NOTHING;
    const before = this.#drawn.get(id);
    if (before !== undefined)
      return markup`${label('Exemplary connection')}<p>${id}, which is drawn at finding ${linkTo(before)}.</p>
`;
    this.#drawn.set(id, placed);
    const { count } = placed.finding;
    const items = condensed(detail, LADDER_ITEMS);
    return markup`${label('Exemplary connection')}<figure>
<figcaption>Connection ${id}${count > 1 ? `, one of ${countText(count)}` : ''}, as it passed the capture point.</figcaption>
${ladderDrawing(detail, items, `connection-${String(id)}`)}</figure>
${folded('The same as a table', ladderTable(items, id))}`;
  }
}

const label = (text: string): Markup => markup`<p class="label">${text}</p>
`;

function article(placed: PlacedFinding, capture: CaptureFacts, drawings: Drawings): Markup {
  const { finding: f, number, depth } = placed;
  const named = (text: string): Markup => phrase(withNames(text, capture.names));
  const when = whenText(f, capture.end);
  const title = markup`${markOf(f)} ${String(number)}. ${named(f.title)}`;
  return markup`<article class="${f.severity}${depth === 0 ? '' : ' follows'}" id="finding-${number}">
${depth === 0 ? markup`<h3>${title}</h3>` : markup`<h4>${title}</h4>`}
<p>${named(f.summary)}</p>
<dl>
${f.explainedBy === null ? NOTHING : fact('Follows from', markup`<code>${f.explainedBy}</code>; mend that first`)}${fact('At fault', named(faultText(f)))}${when === null ? NOTHING : fact('When', phrase(when))}${f.confidence === 'high' ? NOTHING : fact('Confidence', markup`${f.confidence}`)}${fact('Id', markup`<code>${f.id}</code>`)}</dl>
${evidenceTable(f, capture)}${f.displayFilter === '' ? NOTHING : filterBlock(f.displayFilter)}${
    f.lastSaid === undefined
      ? NOTHING
      : markup`${label(saidLabel(f.lastSaid))}<ul>
${saidTexts(f.lastSaid, f.count).map(
  (text) => markup`<li>${phrase(text)}</li>
`,
)}</ul>
`
  }${drawings.of(placed)}${causes(f)}${remedies(f)}${f.caveats.map(
    (c) => markup`<p class="caveat">But: ${phrase(c.text)}</p>
`,
  )}</article>
`;
}

function filterBlock(filter: string): Markup {
  const block = markup`<pre>${filter}</pre>
`;
  return filter.length > SHORT_FILTER
    ? folded('Display filter for Wireshark', block)
    : markup`${label('Display filter for Wireshark')}${block}`;
}

function evidenceTable(f: Finding, capture: CaptureFacts): Markup {
  const { shown, more } = evidenceShown(f);
  if (shown.length === 0) return NOTHING;
  const several = capture.files.length > 1;
  return markup`<div class="scroll"><table>
<caption>Evidence${more > 0 ? `; ${plural(more, 'more frame')} in report -f json` : ''}</caption>
<thead><tr><th scope="col" class="num">Frame</th>${several ? markup`<th scope="col">File</th><th scope="col" class="num">Its frame</th>` : NOTHING}<th scope="col">Time (UTC)</th><th scope="col">What it shows</th></tr></thead>
<tbody>
${shown.map(
  (
    e,
  ) => markup`<tr><th scope="row" class="num">${e.frame}</th>${several ? markup`<td><code>${capture.files[e.file ?? -1]?.path ?? ''}</code></td><td class="num">${String(e.fileFrame ?? '')}</td>` : NOTHING}<td class="keep">${momentText(e.time)}</td><td>${phrase(e.note)}</td></tr>
`,
)}</tbody></table></div>
`;
}

const causes = ({ causes: all }: Finding): Markup =>
  all.length === 0
    ? NOTHING
    : markup`${label('What to check: possible causes, and what speaks for each')}<ul>
${all.map(
  (
    c,
  ) => markup`<li>${sentence(likelihoodWord(c.likelihood))}: ${phrase(clause(c.text))} <span class="soft">(${phrase(clause(c.because))})</span></li>
`,
)}</ul>
`;

const remedies = ({ remedies: all }: Finding): Markup =>
  all.length === 0
    ? NOTHING
    : markup`${label('What to do')}<ol>
${all.map(
  ({
    text,
    command,
    appliesTo,
  }) => markup`<li>${phrase(sentence(clause(text)))}${appliesTo === '' ? NOTHING : markup` <span class="soft">(${phrase(appliesTo)})</span>`}${
    command === null
      ? '.'
      : markup`:
<pre>${command.split('\n').map((line, i) => markup`${i === 0 ? '' : NEW_LINE}${line}`)}</pre>`
  }</li>
`,
)}</ol>
`;

/** Inside of `pre`; what is put into a template as a value has none. */
const NEW_LINE = markup`
`;

const titlesOnly = (rest: readonly PlacedFinding[]): Markup =>
  rest.length === 0
    ? NOTHING
    : markup`<h3>More findings</h3>
<div class="scroll"><table>
<caption>${plural(rest.length, 'more finding')}, by title; report -f json has them in full, --only RULE those of one rule</caption>
<thead><tr><th scope="col" class="num">No.</th><th scope="col">Severity</th><th scope="col">What</th></tr></thead>
<tbody>
${rest.map(
  ({ finding: f, number }) => markup`<tr><th scope="row" class="num">${number}</th><td>${markOf(f)}</td><td>${phrase(f.title)}</td></tr>
`,
)}</tbody></table></div>
`;

function spreadSection({ distributions }: IncidentDocument): Markup {
  const drawn = histograms(distributions);
  return drawn === NOTHING
    ? NOTHING
    : markup`<section aria-labelledby="spread">
<h2 id="spread">Connections in numbers</h2>
${drawn}</section>
`;
}

function captureSection({ report: { capture }, anonymous }: IncidentDocument): Markup {
  const origins = nameOriginsText(capture);
  const { evidence } = capture.vantage;
  return markup`<section aria-labelledby="capture">
<h2 id="capture">The capture</h2>
<div class="scroll"><table>
<caption>${plural(capture.files.length, 'file')}</caption>
<thead><tr><th scope="col">File</th><th scope="col">Format</th><th scope="col">Link layer</th><th scope="col" class="num">Packets</th><th scope="col" class="num">Size</th><th scope="col">SHA-256</th></tr></thead>
<tbody>
${capture.files.map(
  (
    f,
  ) => markup`<tr><th scope="row">${f.path === '-' ? 'standard input' : markup`<code>${f.path}</code>`}</th><td>${f.format}${f.truncated ? ', breaks off or is damaged' : ''}</td><td>${f.linkTypes.join(', ')}</td><td class="num">${countText(f.packets)}</td><td class="num">${bytesText(f.bytes)}</td><td class="hash">${f.sha256 === null ? unsummedText({ anonymous }) : markup`<code>${f.sha256}</code>`}</td></tr>
`,
)}</tbody></table></div>
${
  evidence.length === 0
    ? NOTHING
    : markup`<p>What shows where it was taken:</p>
<ul>
${evidence.map(
  (e) => markup`<li>${phrase(e.text)}</li>
`,
)}</ul>
`
}${
    origins === null
      ? NOTHING
      : markup`<p>${origins}.</p>
`
  }${
    capture.caveats.length === 0
      ? NOTHING
      : markup`<p>What to know about it:</p>
<ul>
${capture.caveats.map(
  (c) => markup`<li>${phrase(c.text)}</li>
`,
)}</ul>
`
  }</section>
`;
}

function checkedSection({ capture, rules }: Report): Markup {
  const { clear, unsure, notApplicable } = silence(rules);
  if (capture.packets === 0 || clear.length + unsure.length + notApplicable.length === 0) return NOTHING;
  return markup`<section aria-labelledby="checked">
<h2 id="checked">What was checked</h2>
${reasons('Rules that could not tell', unsure)}${reasons('Rules that did not apply', notApplicable)}${
    clear.length === 0
      ? NOTHING
      : folded(
          `Checked and clear: ${plural(clear.length, 'rule')}`,
          markup`<ul class="rules">
${clear.map(
  (id) => markup`<li>${id}</li>
`,
)}</ul>
`,
        )
  }</section>
`;
}

const reasons = (caption: string, rules: readonly Unsaid[]): Markup =>
  rules.length === 0
    ? NOTHING
    : markup`<div class="scroll"><table>
<caption>${caption}</caption>
<thead><tr><th scope="col">Rule</th><th scope="col">Because</th></tr></thead>
<tbody>
${rules.map(
  ({ id, because }) => markup`<tr><th scope="row" class="keep">${id}</th><td>${phrase(because)}</td></tr>
`,
)}</tbody></table></div>
`;

const originSection = ({ report, command, lacking }: IncidentDocument): Markup => markup`<section aria-labelledby="origin">
<h2 id="origin">How this was made</h2>
${
  lacking === null
    ? NOTHING
    : markup`<p>Connections are not drawn: ${phrase(lacking)}.</p>
`
}<p>By ${report.tool.name} ${report.tool.version}, format ${report.schemaVersion}, with</p>
<pre>${command}</pre>
</section>
`;
