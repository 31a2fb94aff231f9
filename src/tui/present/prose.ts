/** Screens that are read rather than chosen from: a rule's explanation and the help. */
import type { Explanation } from '../../engine/protocol.ts';
import type { LineCommand } from '../command-line.ts';
import { type Context, type KeyRow, keyCap } from '../keymap.ts';
import type { Finding } from '../../model/finding.ts';
import { count, metric } from './format.ts';
import { fitLine, type Line, span } from './line.ts';
import { wrap } from './text.ts';

/** Lines longer than this are hard to read, cells. */
const MEASURE = 100;

/** The rule's own text, and before it what it has found here, with its numbers. */
export function explanationLines(explanation: Explanation, finding: Finding, width: number): Line[] {
  const room = Math.min(width, MEASURE) - 4;
  const lines: Line[] = [[], [span('  '), span(explanation.title, 'bold'), span(`  ${explanation.rule}`, 'dim')]];
  lines.push([], [span('  '), span('IN THIS CAPTURE', 'heading')]);
  const numbers = Object.entries(finding.metrics).flatMap(([key, value]) => (value === null ? [] : [metric(key, value)]));
  const here = [finding.summary, [`count: ${count(finding.count)}`, `confidence: ${finding.confidence}`, ...numbers].join(' · ')];
  for (const line of here.flatMap((text) => wrap(text, room))) lines.push([span('  '), span(line)]);
  for (const { heading, text } of explanation.sections) {
    lines.push([], [span('  '), span(heading.toUpperCase(), 'heading')]);
    for (const line of wrap(text, room)) lines.push([span('  '), span(line)]);
  }
  return lines.map((line) => fitLine(line, width));
}

const SCREEN_NAMES: Readonly<Record<Context, string>> = {
  findings: 'the findings',
  finding: 'a finding',
  connections: 'the connections',
  ladder: 'one connection',
  packet: 'one packet',
  explain: 'an explanation',
  time: 'the time machine',
  capture: 'the facts of the capture',
  peers: 'hosts and services',
  help: 'the help',
  follow: 'a conversation',
  menu: 'a menu',
  typing: 'the line that is typed into',
};

const LEGEND: readonly string[] = [
  'Severity: ✖ CRIT act now · ▲ WARN look at it · ◆ NOTE worth knowing · ● INFO nothing wrong.',
  '○ OVER it was so while packets came, and is no longer. ✓ marked for the report.',
  'Ladder: ★ a frame that proves a finding · ↻ sent before, or too late · ✗ something before it is missing · timer a change that no packet shows · seq and ack count from each end’s first.',
  'Every state is inferred from the packets that passed the capture point.',
];

const KEYS_WIDTH = 28;

/** The keys of one screen, then those of the filter line, the commands behind `:`, and what the signs mean. */
export function helpLines(context: Context, width: number, keymap: readonly KeyRow[], commands: readonly LineCommand[]): Line[] {
  const lines: Line[] = [];
  const entry = (name: string, text: string): void => {
    wrap(text, width - KEYS_WIDTH).forEach((line, i) =>
      lines.push([span((i === 0 ? `  ${name}` : '').padEnd(KEYS_WIDTH), 'accent'), span(line)]),
    );
  };
  const filters = keymap.some((row) => (row.command === 'filter' || row.command === 'search') && row.when.includes(context));
  for (const shown of filters ? ([context, 'typing'] as const) : [context]) {
    lines.push([], [span(`  Keys in ${SCREEN_NAMES[shown]}`, 'heading')]);
    for (const row of keymap.filter((r) => r.when.includes(shown))) {
      entry(row.keys.map(keyCap).join('  '), row.label);
    }
  }
  lines.push([], [span('  Commands, which may be cut short', 'heading')]);
  for (const { name, takes, text } of commands) entry(`:${name} ${takes}`, text);
  lines.push([], [span('  Signs', 'heading')]);
  for (const text of LEGEND) for (const line of wrap(text, width - 4)) lines.push([span(`  ${line}`)]);
  return lines.map((line) => fitLine(line, width));
}
