/** The whole capture in one sentence, above everything else; and where it was taken, with what is to be kept in mind. */
import type { Snapshot } from '../../engine/protocol.ts';
import type { Finding, RuleVerdict } from '../../model/finding.ts';
import { nothingWrongText, severityCounts, SEVERITY_MARK, vantageText } from '../../report/narrate.ts';
import { withNames } from '../../report/names.ts';
import { plural } from './format.ts';
import { fitLine, type Line, span, type Style } from './line.ts';
import { wrap } from './text.ts';

export interface Verdict {
  readonly text: string;
  readonly style: Style;
}

/** Null while nobody can say: a moment at the end of reading. */
export function verdictOf({ findings, capture, progress, error }: Snapshot, rules: readonly RuleVerdict[] | null): Verdict | null {
  const worst = findings.find(({ severity }) => severity !== 'info');
  if (worst === undefined && error !== null) return { text: '✖ The capture could not be read to its end.', style: 'critical' };
  if (worst === undefined && progress.phase === 'reading') return { text: 'Nothing found so far; still reading …', style: 'dim' };
  if (worst === undefined) {
    const text = rules === null ? null : nothingWrongText({ capture, findings, rules });
    return text === null ? null : { text, style: 'bold' };
  }
  const { glyph, word } = SEVERITY_MARK[worst.severity];
  const rest = severityCounts(findings.filter((finding) => finding !== worst));
  const sentence = [`${glyph} ${word}: ${withNames(worst.title, capture.names)}`, faultOf(worst), rest === '' ? '' : `besides: ${rest}`];
  const soFar = progress.phase === 'reading' ? 'so far: ' : '';
  return { text: `${soFar}${sentence.filter((part) => part !== '').join('; ')}.`, style: worst.severity };
}

function faultOf({ atFault }: Finding): string {
  switch (atFault) {
    case null:
      return '';
    case 'path':
      return 'the path between the ends is at fault';
    case 'attacker':
      return 'an attacker is at fault';
    default:
      return `${atFault} is at fault`;
  }
}

/** Exactly `rows` rows, so that nothing below moves when the sentence grows. */
export function verdictLines(verdict: Verdict | null, rows: number, width: number): Line[] {
  const wrapped = verdict === null ? [] : wrap(verdict.text, width - 2);
  const shown = wrapped.slice(0, rows);
  // What is cut off is said by the mark that `cut` leaves.
  if (wrapped.length > rows) shown[rows - 1] = wrapped.slice(rows - 1).join(' ');
  return Array.from({ length: rows }, (_, i) => fitLine([span(' '), span(shown[i] ?? '', verdict?.style ?? 'plain')], width));
}

/** Where it was taken, and the first of the caveats. */
export function factsLine({ capture }: Snapshot, width: number): Line {
  const vantage = vantageText(capture.vantage);
  const [first] = capture.caveats;
  const more = capture.caveats.length - 1;
  return fitLine(
    [
      span(vantage === null ? ' ' : ` ${withNames(vantage, capture.names)}  `, 'dim'),
      ...(first ? [span(`▲ ${more > 0 ? `${plural(capture.caveats.length, 'caveat')} (i): ` : ''}${first.text}`, 'warning')] : []),
    ],
    width,
  );
}
