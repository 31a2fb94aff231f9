/** Everything about one finding as lines: what, whose fault and why, proof, causes, remedies, filter, figures, caveats. */
import type { Finding } from '../../model/finding.ts';
import { likelihoodWord, saidLabel, saidTexts } from '../../report/narrate.ts';
import type { CaptureFacts } from '../../model/report.ts';
import { withNames } from '../../report/names.ts';
import { severityLabel } from '../theme.ts';
import { count, metric, timeOfDay } from './format.ts';
import { fitLine, type Line, type Span, span, type Style } from './line.ts';
import { wrap } from './text.ts';

export interface DetailLine {
  readonly line: Line;
  /** Index into the finding's evidence when the line shows one. */
  readonly evidence: number | null;
}

/** Evidence lines shown here; the rest is one `e` and the connection's own ladder away. */
const EVIDENCE_LINES = 40;
/** `less likely` and a blank. */
const CAUSE_WIDTH = 12;

interface DetailOptions {
  readonly width: number;
  /** When it was no longer so (RFC 3339, null: not known); undefined: it is. */
  readonly over?: string | null | undefined;
  readonly names?: CaptureFacts['names'];
}

export function detailLines(finding: Finding, all: readonly Finding[], { width, over, names }: DetailOptions): DetailLine[] {
  const out: DetailLine[] = [];
  const room = Math.max(10, width - 1);
  const push = (line: Line, evidence: number | null = null): void => void out.push({ line: fitLine(line, width), evidence });
  const text = (value: string, style: Style = 'plain', indent = ''): void => {
    for (const line of wrap(value, room - indent.length)) push([span(indent), span(line, style)]);
  };
  const heading = (title: string, value = '', style: Style = 'bold'): void => {
    push([]);
    push([span(title, 'heading'), span(value === '' ? '' : `  ${value}`, style)]);
  };
  /** A bullet before the first line, blanks before the others. */
  const item = (bullet: string, value: string, style: Style = 'plain'): void => {
    wrap(value, room - bullet.length).forEach((line, i) => push([span(i === 0 ? bullet : ' '.repeat(bullet.length)), span(line, style)]));
  };

  const label = severityLabel(finding.severity);
  wrap(finding.title, room - label.length - 2).forEach((line, i) =>
    push([i === 0 ? span(label, finding.severity) : span(' '.repeat(label.length)), span(`  ${line}`, 'bold')]),
  );
  text([finding.rule, `confidence ${finding.confidence}`, ...period(finding, over)].join(' · '), 'dim');
  if (over !== undefined) text('It is over; this is what was known last.', 'warning');
  push([]);
  text(withNames(finding.summary, names));

  heading('AT FAULT', withNames(finding.atFault ?? 'nobody, or it cannot be told from this capture', names));
  if (finding.faultBecause !== null) text(withNames(`because ${finding.faultBecause}`, names));
  const cause = all.find((other) => other.id === finding.explainedBy);
  if (cause) {
    heading('EXPLAINED BY');
    text(cause.title);
  }
  if (finding.evidence.length > 0) {
    heading('EVIDENCE', 'e opens the frame', 'dim');
    finding.evidence.slice(0, EVIDENCE_LINES).forEach((evidence, index) => {
      const lead: Span[] = [span(`#${evidence.frame}`.padEnd(9), 'accent'), span(`${timeOfDay(evidence.time)}  `, 'dim')];
      const used = 9 + timeOfDay(evidence.time).length + 2;
      wrap(evidence.note, room - used).forEach((line, i) =>
        push(i === 0 ? [...lead, span(line)] : [span(' '.repeat(used)), span(line)], index),
      );
    });
    if (finding.evidence.length > EVIDENCE_LINES) text(`… ${count(finding.evidence.length - EVIDENCE_LINES)} more frames`, 'dim');
  }
  if (finding.lastSaid) heading(saidLabel(finding.lastSaid).toUpperCase());
  for (const sentence of finding.lastSaid ? saidTexts(finding.lastSaid, finding.count) : []) text(sentence);
  if (finding.causes.length > 0) heading('CAUSES');
  for (const { text: what, likelihood, because } of finding.causes) {
    item(likelihoodWord(likelihood).padEnd(CAUSE_WIDTH), what);
    if (because !== '') text(`because ${because}`, 'dim', ' '.repeat(CAUSE_WIDTH));
  }
  if (finding.remedies.length > 0) heading('WHAT TO DO');
  finding.remedies.forEach((remedy, i) => {
    item(`${i + 1}. `, remedy.appliesTo === '' ? remedy.text : `${remedy.text} (${remedy.appliesTo})`);
    if (remedy.command !== null) text(`$ ${remedy.command}`, 'command', '   ');
  });
  heading('WIRESHARK DISPLAY FILTER');
  text(finding.displayFilter, 'command');
  heading('FIGURES');
  const known = Object.entries(finding.metrics).flatMap(([key, value]) => (value === null ? [] : [metric(key, value)]));
  text([`count: ${count(finding.count)}`, ...known].join(' · '));
  if (finding.caveats.length > 0) heading('CAVEATS');
  for (const caveat of finding.caveats) item('▲ ', caveat.text);
  return out;
}

function period({ since, until }: Finding, over: string | null | undefined): string[] {
  if (since === null) return [];
  const end = over ?? until;
  return [`since ${timeOfDay(since)}${end !== null ? `, until ${timeOfDay(end)}` : over === undefined ? ', still so' : ''}`];
}
