/** Rows of the list of findings, and what stands there when there are none. */
import type { Finding, RuleVerdict } from '../../model/finding.ts';
import type { Snapshot } from '../../engine/protocol.ts';
import { severityLabel } from '../theme.ts';
import { fitLine, fitSpan, type Line, span } from './line.ts';
import { wrap } from './text.ts';

const MARK_WIDTH = 2;
const SEVERITY_WIDTH = 8;
const FAULT_WIDTH = 17;
/** Below this the title needs the room, and the details say whose fault it is. */
const FAULT_FROM = 72;

/** `▸` where the cursor is: also without colour, also where inverse is hard to see. */
export const mark = (current: boolean): string => (current ? '▸ ' : '  ');

const faultText = (finding: Finding): string => finding.atFault ?? '–';

export function findingsHeader(width: number): Line {
  const withFault = width >= FAULT_FROM;
  const title = width - MARK_WIDTH - SEVERITY_WIDTH - (withFault ? FAULT_WIDTH + 1 : 0);
  const line = [fitSpan('', MARK_WIDTH), fitSpan('SEVERITY', SEVERITY_WIDTH, 'dim'), fitSpan(' FINDING', title, 'dim')];
  return withFault ? [...line, span(' '), fitSpan('AT FAULT', FAULT_WIDTH, 'dim')] : line;
}

/** Deeper than this a title has no room left. */
const DEEPEST = 4;

interface FindingRowOptions {
  readonly width: number;
  readonly current: boolean;
  /** How far it stands below the finding that explains it, which is in the list, above. */
  readonly depth: number;
  /** For the report. */
  readonly marked?: boolean;
  /** It was so, and is no longer. */
  readonly over?: boolean;
}

export function findingRow(finding: Finding, options: FindingRowOptions): Line {
  const withFault = options.width >= FAULT_FROM;
  const title = options.width - MARK_WIDTH - SEVERITY_WIDTH - (withFault ? FAULT_WIDTH + 1 : 0);
  const depth = Math.min(options.depth, DEEPEST);
  const lead = depth === 0 ? '' : `${'  '.repeat(depth - 1)}└ `;
  const titleStyle = options.over === true ? 'dim' : finding.severity === 'critical' ? 'bold' : 'plain';
  const line = [
    span(mark(options.current)),
    options.over === true
      ? fitSpan('○ OVER', SEVERITY_WIDTH, 'dim')
      : fitSpan(severityLabel(finding.severity), SEVERITY_WIDTH, finding.severity),
    fitSpan(`${options.marked === true ? '✓ ' : ''}${lead}${finding.title}`, title, titleStyle),
  ];
  return withFault ? [...line, span(' '), fitSpan(faultText(finding), FAULT_WIDTH, options.over === true ? 'dim' : 'plain')] : line;
}

/** All words must occur, in any case, somewhere in what identifies the finding. */
export function matchesFinding(finding: Finding, filter: string): boolean {
  const text = [finding.id, finding.title, finding.severity, finding.atFault ?? ''].join(' ').toLowerCase();
  return words(filter).every((word) => text.includes(word));
}
export const words = (filter: string): string[] =>
  filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');

/** What to say when the list is empty: still reading, nothing wrong, or nothing that could be judged. */
export function emptyFindings(snapshot: Snapshot, rules: readonly RuleVerdict[] | null, filter: string, width: number): Line[] {
  const say = (text: string, style: 'plain' | 'dim' = 'plain'): Line[] =>
    wrap(text, width - 4).map((line) => fitLine([span('  '), span(line, style)], width));
  if (snapshot.error !== null) return [...say(''), ...say(snapshot.error)];
  if (filter !== '') return [...say(''), ...say(`No finding matches “${filter}”. Esc clears the filter.`)];
  if (snapshot.progress.phase === 'reading' || rules === null) return []; // they come with the end of the analysis
  const lines = say('');
  if (snapshot.capture.connections > 0) lines.push(...say('Press c to see the connections.'));
  if (snapshot.capture.packets > 0) {
    const open = rules.filter((rule) => rule.verdict === 'inconclusive');
    if (open.length > 0) lines.push(...say(''), ...say('Could not be decided from this capture:'));
    for (const rule of open) lines.push(...say(`${rule.id}: ${rule.because ?? ''}`, 'dim'));
  }
  for (const caveat of snapshot.capture.caveats) lines.push(...say(`▲ ${caveat.text}`));
  return lines;
}
