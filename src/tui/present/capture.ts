/** All that is known of the capture itself: its files, where it was taken, what to keep in mind, and what each rule concluded. */
import type { Snapshot } from '../../engine/protocol.ts';
import type { RuleVerdict } from '../../model/finding.ts';
import { nameOriginsText } from '../../report/names.ts';
import { captureLine, silence, type Unsaid, vantageText } from '../../report/narrate.ts';
import { bytes, plural } from './format.ts';
import { fitLine, type Line, span, type Style } from './line.ts';
import { wrap } from './text.ts';

/** Lines longer than this are hard to read, cells. */
const MEASURE = 100;

export function captureLines({ capture, findings, error }: Snapshot, rules: readonly RuleVerdict[] | null, width: number): Line[] {
  const room = Math.min(width, MEASURE) - 4;
  const lines: Line[] = [];
  const heading = (title: string): void => void lines.push([], [span(`  ${title}`, 'heading')]);
  const say = (text: string, style: Style = 'plain'): void => {
    for (const line of wrap(text, room)) lines.push([span('  '), span(line, style)]);
  };
  heading('CAPTURE');
  say(captureLine(capture));
  if (error !== null) say(`✖ ${error}`, 'critical');
  const vantage = vantageText(capture.vantage);
  if (vantage !== null) {
    heading('WHERE IT WAS TAKEN');
    say(vantage);
    for (const { text } of capture.vantage.evidence) say(`· ${text}`, 'dim');
  }
  if (capture.files.length > 0) heading('FILES');
  for (const file of capture.files) {
    const facts = [
      file.format,
      bytes(file.bytes),
      plural(file.packets, 'packet'),
      file.linkTypes.join(', '),
      file.truncated ? 'damaged or cut off' : '',
    ];
    say(`${file.path}: ${facts.filter((fact) => fact !== '').join(' · ')}`);
  }
  if (capture.caveats.length > 0) heading('CAVEATS');
  for (const caveat of capture.caveats) say(`▲ ${caveat.text}`, 'warning');
  const named = Object.entries(capture.names ?? {});
  if (named.length > 0) {
    heading('NAMES');
    say(nameOriginsText(capture) ?? '', 'dim');
    for (const [address, { name, from }] of named) say(`${address}  ${name}  (${from})`);
  }
  heading('RULES');
  if (rules === null) {
    say('What each rule concluded is known once the whole capture has been read.', 'dim');
  } else {
    const { clear, unsure, notApplicable } = silence(rules);
    const found = new Set(findings.map(({ rule }) => rule));
    if (found.size > 0) say(`Found something: ${[...found].join(', ')}`);
    if (clear.length > 0) say(`Checked and clear: ${clear.join(', ')}`);
    const each = (what: string, list: readonly Unsaid[]): void => {
      for (const { id, because } of list) say(`${what} ${id}: ${because}`, 'dim');
    };
    each('Could not tell', unsure);
    each('Did not apply', notApplicable);
  }
  return lines.map((line) => fitLine(line, width));
}
