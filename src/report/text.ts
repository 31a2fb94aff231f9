/**
 * The page that an engineer pastes at three in the morning: what was read, what is wrong, who is at fault, the frames that
 * prove it and what to do; then what was checked and found clear, and what could not be decided.
 *
 * Commands and display filters are never wrapped: they are there to be copied. Lists are cut to what a person reads; the
 * machine formats have the rest.
 */
import type { Caveat, Evidence, Finding, Severity } from '../model/finding.ts';
import type { CaptureFacts, CaptureFile, Report } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { nameOriginsText, withNames } from './names.ts';
import { hang, paint, textWidth, wrap, type Page, type Style } from './layout.ts';
import {
  captureLine,
  clause,
  clockText,
  faultText,
  likelihoodWord,
  nothingWrongText,
  placeFindings,
  plural,
  saidLabel,
  saidTexts,
  severityCounts,
  SEVERITY_MARK,
  silence,
  type Unsaid,
  vantageText,
  whenText,
  type PlacedFinding,
} from './narrate.ts';

const SEVERITY_STYLE: Readonly<Record<Severity, readonly Style[]>> = {
  critical: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  notice: ['bold', 'cyan'],
  info: ['blue'],
};

/** More pages than this nobody reads; they come first that weigh most. */
const FINDINGS_IN_FULL = 30;
/** Frames shown per finding: enough to see the pattern, few enough to stay on the screen. */
const EVIDENCE_SHOWN = 8;
/** File names in the heading before it only counts them. */
const FILES_NAMED = 3;
/** `Confidence` and two spaces: the widest label of a finding. */
const LABEL_WIDTH = 12;

export function* textReport(report: Report, page: Page): Generator<string> {
  const width = textWidth(page.width);
  yield* block(heading(report, page, width));
  yield* block(captureNotes(report.capture, width));
  const nothing = nothingWrongText(report);
  if (nothing !== null) yield* block(wrap(nothing, width));
  yield* findingBlocks(report.findings, report.capture, page, width);
  yield* block(silenceLines(report, width), false);
}

/** The findings with all that belongs to them, consequences below their cause; of many, the last only by title. */
export function* findingBlocks(findings: readonly Finding[], capture: CaptureFacts, page: Page, width: number): Generator<string> {
  const placed = placeFindings(findings);
  for (const one of placed.slice(0, FINDINGS_IN_FULL)) yield* block(findingLines(one, capture, page, width));
  const rest = placed.slice(FINDINGS_IN_FULL);
  if (rest.length === 0) return;
  yield* block([
    `${plural(rest.length, 'more finding')}, by title; report -f json has them in full, --only RULE those of one rule:`,
    ...rest.flatMap(({ finding: f, number }) => hang(`${String(number)}. ${markText(f)}  `, sanitise(f.title), width)),
  ]);
}

const markText = ({ severity }: Finding): string => `${SEVERITY_MARK[severity].glyph} ${SEVERITY_MARK[severity].word}`;

/** Lines, and an empty one after them; nothing at all when there are none. */
function* block(lines: readonly string[], gap = true): Generator<string> {
  if (lines.length > 0) yield `${lines.join('\n')}\n${gap ? '\n' : ''}`;
}

function heading(report: Report, page: Page, width: number): string[] {
  const names = fileNames(report.capture.files);
  const lines = [paint(page, `${report.tool.name} ${report.tool.version}: ${names}`, 'bold'), ...wrap(captureLine(report.capture), width)];
  const vantage = vantageText(report.capture.vantage);
  if (vantage !== null) lines.push(...wrap(sanitise(withNames(vantage, report.capture.names)), width));
  const origins = nameOriginsText(report.capture);
  if (origins !== null) lines.push(...wrap(origins, width));
  if (report.findings.length > 0) {
    const counts = severityCounts(report.findings);
    lines.push(`${plural(report.findings.length, 'finding')}: ${counts}`);
  }
  return lines;
}

/** `-` is standard input. */
export const fileName = (path: string): string => (path === '-' ? 'standard input' : sanitise(path));

/** `a.pcap`, `a.pcap, b.pcap`, `a.pcap and 4 more files`. */
function fileNames(files: readonly Pick<CaptureFile, 'path'>[]): string {
  const names = files.map((f) => fileName(f.path));
  if (names.length <= FILES_NAMED) return names.join(', ');
  return `${names[0] ?? ''} and ${plural(names.length - 1, 'more file')}`;
}

function captureNotes(capture: CaptureFacts, width: number): string[] {
  return capture.caveats.flatMap((c) => hang('Note: ', caveatText(c), width));
}

const caveatText = (c: Caveat): string => sanitise(c.text);

function findingLines({ finding: f, number, depth }: PlacedFinding, capture: CaptureFacts, page: Page, width: number): string[] {
  const indent = '    '.repeat(Math.min(depth, 4));
  const inner = width - indent.length;
  const tag = markText(f);
  const lead = `${String(number)}. ${tag}  `;
  const named = (text: string): string => withNames(text, capture.names);
  const title = hang(lead, sanitise(named(f.title)), inner);
  title[0] =
    paint(page, `${String(number)}. `, 'bold') +
    paint(page, tag, ...SEVERITY_STYLE[f.severity]) +
    paint(page, (title[0] ?? '').slice(lead.length - 2), 'bold');
  const lines = [...title, ...wrap(sanitise(named(f.summary), 4_000), inner - 3).map((l) => `   ${l}`), ''];
  const say = (label: string, ...paragraphs: string[]): void => {
    paragraphs.forEach((p, i) => lines.push(...hang(`   ${(i === 0 ? label : '').padEnd(LABEL_WIDTH)}`, p, inner)));
  };

  if (f.explainedBy !== null) say('Follows', `from ${sanitise(f.explainedBy)}: mend that first`);
  say('At fault', sanitise(named(faultText(f))));
  const when = whenText(f, capture.end);
  if (when !== null) say('When', when);
  if (f.confidence !== 'high') say('Confidence', f.confidence);
  lines.push(...evidenceLines(f, capture, inner));
  if (f.lastSaid) say(saidLabel(f.lastSaid), ...saidTexts(f.lastSaid, f.count).map((t) => sanitise(t, 2_000)));
  say('Causes', ...f.causes.map((c) => sanitise(`${likelihoodWord(c.likelihood)}: ${clause(c.text)} (${clause(c.because)})`, 2_000)));
  f.remedies.forEach((r, i) => {
    say(i === 0 ? 'What to do' : '', sanitise(`${ended(r.text)}${r.appliesTo === '' ? '' : ` (${r.appliesTo})`}`, 2_000));
    if (r.command !== null) lines.push(`   ${' '.repeat(LABEL_WIDTH)}    ${paint(page, `$ ${sanitise(r.command, 2_000)}`, 'cyan')}`);
  });
  if (f.displayFilter !== '') lines.push(`   ${'Wireshark'.padEnd(LABEL_WIDTH)}${sanitise(f.displayFilter, 4_000)}`);
  say('But', ...f.caveats.map(caveatText));
  return lines.map((l) => (l === '' ? l : indent + l));
}

/** As a sentence of its own. */
const ended = (text: string): string => (/[.!?:]$/.test(text) ? text : `${text}.`);

/** `frame 400  08:33:01.123  FIN from 10.0.0.9:3306`, in columns. */
function evidenceLines(f: Finding, capture: CaptureFacts, width: number): string[] {
  const shown = f.evidence
    .slice(0, EVIDENCE_SHOWN)
    .map((e) => [String(e.frame), `${whereText(e, capture)}${clockText(e.time)}`, sanitise(e.note)] as const);
  const frameWidth = Math.max(...shown.map(([frame]) => frame.length));
  const whereWidth = Math.max(...shown.map(([, where]) => where.length));
  const label = (i: number): string => `   ${(i === 0 ? 'Evidence' : '').padEnd(LABEL_WIDTH)}`;
  const lines = shown.flatMap(([frame, where, note], i) =>
    hang(`${label(i)}frame ${frame.padEnd(frameWidth)}  ${where.padEnd(whereWidth)}  `, note, width),
  );
  const more = f.evidence.length - shown.length;
  if (more > 0) lines.push(`${label(1)}and ${plural(more, 'more frame')} in report -f json`);
  return lines;
}

/** With several files: where the frame is in its own file. */
function whereText(e: Evidence, capture: CaptureFacts): string {
  const file = e.file === undefined ? undefined : capture.files[e.file];
  return file === undefined || e.fileFrame === undefined ? '' : `(${sanitise(file.path)} frame ${String(e.fileFrame)})  `;
}

/** What was checked and found clear, what could not be decided and why. */
export function silenceLines(report: Pick<Report, 'capture' | 'rules'>, width: number): string[] {
  if (report.capture.packets === 0) return [];
  const { clear, unsure, notApplicable } = silence(report.rules);
  const lines: string[] = [];
  if (clear.length > 0) lines.push(...hang('Checked and clear: ', clear.join(', '), width));
  for (const one of grouped(unsure)) lines.push(...hang('Could not tell: ', sanitise(`${one.ids} (because ${one.because})`), width));
  if (notApplicable.length > 0) lines.push(...hang('Did not apply: ', sanitise(byReason(notApplicable), 4_000), width));
  return lines;
}

/** Rules that miss the same share a line. */
function grouped(reasons: readonly Unsaid[]): readonly { readonly ids: string; readonly because: string }[] {
  const byReason = new Map<string, string[]>();
  for (const { id, because } of reasons) {
    const ids = byReason.get(because);
    if (ids) ids.push(id);
    else byReason.set(because, [id]);
  }
  return [...byReason].map(([because, ids]) => ({ ids: ids.join(', '), because }));
}

const byReason = (reasons: readonly Unsaid[]): string =>
  grouped(reasons)
    .map(({ ids, because }) => `${ids} (${because})`)
    .join('; ');
