/** The states that both ends of a connection went through, as a short ladder: only what changed them, between the same two lanes. */
import type { ConnectionRow, TransitionRow } from '../../model/report.ts';
import { secondsBetween } from '../../report/narrate.ts';
import { bytes, count, duration, plural } from './format.ts';
import { fitLine, fitSpan, type Line, type Span, span } from './line.ts';
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

/** `  #` and a blank; and what a frame's number has at least. */
const AROUND_FRAME = 4;
const FRAME_DIGITS = 5;
const TIME_WIDTH = 13;
const STATE_WIDTH = 11;

/** What each end sent, and what was wrong with it: no state tells of that. */
export function figuresLine({ client, server, handshakeRtt, findings }: ConnectionRow, width: number): Line {
  const some = (n: number, what: string): string[] => (n === 0 ? [] : [`${count(n)} ${what}`]);
  const ofEnd = (name: string, end: ConnectionRow['client']): Span[] => {
    const trouble = [
      ...some(end.retransmissions, 'sent again'),
      ...some(end.outOfOrder, 'out of order'),
      ...some(end.rst, 'RST'),
      ...some(end.missedBytes, 'octets not captured'),
    ];
    return [
      span(`  ${name} `, 'dim'),
      span(`${plural(end.packets, 'packet')}, ${bytes(end.payloadBytes)}`),
      ...(trouble.length === 0 ? [] : [span(`, ${trouble.join(', ')}`, 'warning')]),
    ];
  };
  return fitLine(
    [
      ...ofEnd('client', client),
      ...ofEnd('server', server),
      ...(handshakeRtt === null ? [] : [span('  handshake ', 'dim'), span(duration(handshakeRtt))]),
      ...(findings.length === 0 ? [] : [span('  in ', 'dim'), span(rulesOf(findings).join(', '), 'accent')]),
    ],
    width,
  );
}
/** `close-wait-stuck/10.0.0.1@10.0.0.9:3306`: the rule stands first in an id. */
const rulesOf = (ids: readonly string[]): string[] => [...new Set(ids.map((id) => id.replace(/\/.*/, '')))];

/** Exactly `height` rows; of more steps than that the first and the last. */
export function stateLadder(row: ConnectionRow, width: number, height: number): Line[] {
  const steps = stepsOf(row);
  const frameWidth = AROUND_FRAME + Math.max(FRAME_DIGITS, String(row.lastFrame).length);
  const room = width - frameWidth - TIME_WIDTH - 2 * (STATE_WIDTH + 2);
  const lineOf = (step: Step, first: boolean): Line => [
    fitSpan(step.frame === null ? '  timer' : `  #${step.frame}`, frameWidth, step.frame === null ? 'dim' : 'accent'),
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
