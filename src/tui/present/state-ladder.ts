/** The states that both ends of a connection went through, as a short ladder: only what changed them, between the same two lanes. */
import type { ConnectionRow, TransitionRow } from '../../model/report.ts';
import { secondsBetween } from '../../report/narrate.ts';
import { count, duration } from './format.ts';
import { fitLine, fitSpan, type Line, span } from './line.ts';
import { stateCell } from './ladder.ts';

interface Step {
  readonly frame: number | null;
  readonly at: number;
  readonly texts: readonly string[];
  readonly client: string;
  readonly server: string;
  readonly before: { readonly client: string; readonly server: string };
}

/** Both ends' changes by one frame are one step. */
function stepsOf({ transitions, start, client, server }: ConnectionRow): Step[] {
  const first = (end: 'client' | 'server', now: string): string => transitions.find(({ endpoint }) => endpoint === end)?.from ?? now;
  let states = { client: first('client', client.state), server: first('server', server.state) };
  const steps: Step[] = [];
  transitions.forEach((t, i) => {
    const before = states;
    states = { ...states, [t.endpoint]: t.to };
    const last = steps.at(-1);
    const joins = last !== undefined && t.frame !== null && transitions[i - 1]?.frame === t.frame;
    if (joins) steps[steps.length - 1] = { ...last, ...states, texts: [...last.texts, textOf(t)] };
    else steps.push({ frame: t.frame, at: secondsBetween(start, t.time) ?? 0, texts: [textOf(t)], ...states, before });
  });
  return steps;
}

const textOf = ({ endpoint, cause, assumed }: TransitionRow): string => `${endpoint} ${cause}${assumed === true ? ' (assumed)' : ''}`;

const FRAME_WIDTH = 9;
const TIME_WIDTH = 13;
const STATE_WIDTH = 11;

/** Exactly `height` rows; of more steps than that the first and the last. */
export function stateLadder(row: ConnectionRow, width: number, height: number): Line[] {
  const steps = stepsOf(row);
  const room = width - FRAME_WIDTH - TIME_WIDTH - 2 * (STATE_WIDTH + 2);
  const lineOf = (step: Step, first: boolean): Line => [
    fitSpan(step.frame === null ? '  timer' : `  #${step.frame}`, FRAME_WIDTH, step.frame === null ? 'dim' : 'accent'),
    fitSpan(`+${step.at.toFixed(6)} `, TIME_WIDTH, 'plain', 'right'),
    ...stateCell(step.client, step.before.client, first, 'right'),
    fitSpan(` ${step.texts.join('; ')}`, room),
    ...stateCell(step.server, step.before.server, first, 'left'),
  ];
  const lines = steps.map((step, i) => lineOf(step, i === 0));
  const hidden = lines.length - height;
  if (hidden > 0) {
    const head = Math.floor(height / 2);
    lines.splice(head, hidden + 1, fitLine([span(`  ⋮ ${count(hidden + 1)} more changes`, 'dim')], width));
  }
  if (lines.length === 0) lines.push(fitLine([span(`  no change of a state in ${duration(row.duration)}`, 'dim')], width));
  while (lines.length < height) lines.push(fitLine([], width));
  return lines;
}
