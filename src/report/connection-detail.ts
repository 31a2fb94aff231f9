/**
 * `connection <id>`: what one connection went through. The facts and the findings that name it, then the ladder: the client's states
 * on the left, the server's on the right, the segments between; every change of state with its cause, every long silence and
 * every timer on a row of its own.
 */
import { endpointText } from '../model/address.ts';
import type { Finding } from '../model/finding.ts';
import type { Ladder, LadderEvidence, LadderRow, LadderSegment, LadderTimer } from '../model/ladder.ts';
import type { ConnectionRow, EndpointRow, SynOptions, TransitionRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { SIDE_NAMES } from '../model/state.ts';
import { DEFAULT_WIDTH, hang, paint, type Page, type Style, wrap } from './layout.ts';
import {
  bytesText,
  clockText,
  countText,
  durationText,
  faultText,
  plural,
  secondsBetween,
  SEVERITY_MARK,
  spanText,
  wordsText,
} from './narrate.ts';
import { safeJson } from './safe-json.ts';
import { segmentForms } from './segment-words.ts';

export interface ConnectionDetail {
  readonly ladder: Ladder;
  /** Those that name this connection, in report order. */
  readonly findings: readonly Finding[];
  /** End of observation. */
  readonly captureEnd: string | null;
}

/** `connection ID -f json`. */
export interface ConnectionDocument {
  readonly type: 'connection-detail';
  readonly connection: ConnectionRow;
  readonly segments: readonly LadderSegment[];
  /** `beforeSegment`: index in `segments` before which it fired. */
  readonly timers: readonly (LadderTimer & { readonly beforeSegment: number })[];
  /** Segments that the bound left out, and before which of `segments` they stood; null: none. */
  readonly omitted: number;
  readonly omittedBefore: number | null;
  readonly findings: readonly Pick<Finding, 'id' | 'rule' | 'severity' | 'title' | 'atFault' | 'faultBecause'>[];
  readonly evidence: readonly LadderEvidence[];
}

/** What stands in the ladder, one after the other: rows, and what is to be said between them. */
export type LadderItem =
  | { readonly kind: 'row'; readonly row: LadderRow; readonly changes: readonly TransitionRow[]; readonly proofs: readonly string[] }
  | { readonly kind: 'silence'; readonly seconds: number; readonly last: boolean }
  | { readonly kind: 'omitted'; readonly segments: number; readonly changes: readonly TransitionRow[] };

/** Nobody waits for less, and a delayed ACK or a slow answer is not a silence; seconds. */
const SILENCE = 1;

export function ladderItems({ ladder, findings, captureEnd }: ConnectionDetail): LadderItem[] {
  const { connection, rows, omitted, omittedAt, evidence } = ladder;
  const told = rows.reduce((sum, { transitions }) => sum + transitions.length, 0);
  const items: LadderItem[] = [];
  let next = 0;
  /** Rows tell the connection's transitions in their order. */
  const take = (count: number): readonly TransitionRow[] => connection.transitions.slice(next, (next += count));
  rows.forEach((row, i) => {
    const before = rows[i - 1];
    if (omitted > 0 && i === omittedAt)
      items.push({ kind: 'omitted', segments: omitted, changes: take(connection.transitions.length - told) });
    else if (before && row.at - before.at >= SILENCE) items.push({ kind: 'silence', seconds: row.at - before.at, last: false });
    const proofs = evidence
      .filter(({ frame }) => frame === row.frame)
      .map(({ finding, note }) => `proves finding ${String(findings.findIndex(({ id }) => id === finding) + 1)}: ${sanitise(note)}`);
    items.push({ kind: 'row', row, changes: take(row.transitions.length), proofs });
  });
  const last = rows.at(-1);
  const rest = last && captureEnd !== null ? (secondsBetween(last.time, captureEnd) ?? 0) : 0;
  const over = last?.clientState === 'CLOSED' && last.serverState === 'CLOSED';
  if (rest >= SILENCE && !over) items.push({ kind: 'silence', seconds: rest, last: true });
  return items;
}

export const omittedText = (segments: number): string => `… ${plural(segments, 'segment')} left out`;
export const silenceText = (seconds: number, last: boolean): string =>
  last ? `silence to the end of the capture: ${durationText(seconds)}` : `${durationText(seconds)} of silence`;
export const causeText = ({ cause, assumed }: TransitionRow): string => `${cause}${assumed === true ? ' (assumed)' : ''}`;

export function* connectionText(detail: ConnectionDetail, page: Page): Generator<string> {
  const width = pageWidth(page);
  yield `${[...factLines(detail.ladder.connection, page, width), ...lastWords(detail.ladder, width)].join('\n')}\n\n`;
  yield `${findingLines(detail.findings, page, width).join('\n')}\n\n`;
  yield* ladderLines(detail, page, width);
}

/** Below this there is no room for an arrow between two states, above it the arrows only get longer. */
const pageWidth = ({ width }: Page): number => (Number.isFinite(width) ? Math.max(60, Math.min(140, width)) : DEFAULT_WIDTH);

const LABEL_WIDTH = 15;

function factLines(c: ConnectionRow, page: Page, width: number): string[] {
  const { client, server } = c;
  const end = ({ ip, port, name }: EndpointRow): string => `${endpointText(ip, port)}${name === undefined ? '' : ` (${name})`}`;
  const title = `Connection ${String(c.id)}: ${end(client)} → ${end(server)}`;
  const lines = [paint(page, sanitise(title), 'bold')];
  const say = (label: string, text: string): void => {
    lines.push(...hang(label.padEnd(LABEL_WIDTH), sanitise(text), width));
  };
  say('Outcome', `${c.outcome}${closedText(c.closedBy)}`);
  say('When', `${spanText(c.start, c.end)} (${durationText(c.duration)}), frames ${countText(c.firstFrame)} to ${countText(c.lastFrame)}`);
  say('At the end', `client ${stateText(client)}; server ${stateText(server)}`);
  say('Sent', `client ${trafficText(client)}; server ${trafficText(server)}`);
  const times = roundTripText(c);
  if (times !== '') say('Round trip', times);
  if (client.options ?? server.options) say('Options', `client ${optionsText(client.options)}; server ${optionsText(server.options)}`);
  if (c.encapsulation.length > 0) say('Encapsulation', c.encapsulation.join(', '));
  if (c.leg !== undefined) say('Leg', legText(c.leg, c.sameAs));
  if (c.copies !== undefined) say('Copies', `${plural(c.copies, 'packet')} captured again, counted once except under Sent`);
  if (c.basis !== 'handshake') say('Basis', `${c.basis}: ${BASIS_TEXT[c.basis] ?? ''}`);
  if (c.rolesFrom !== 'handshake') say('Roles', ROLES_TEXT[c.rolesFrom] ?? c.rolesFrom);
  say('Zeek', `conn_state ${c.connState}, history ${c.history}`);
  return lines;
}

/** The last words of either end, with the frame that has them. */
function lastWords({ rows }: Ladder, width: number): string[] {
  const texts = SIDE_NAMES.flatMap((side) => {
    const row = rows.findLast((r): r is LadderSegment => r.frame !== null && r.from === side && r.said !== undefined);
    return row?.said === undefined ? [] : [`${side} ${wordsText(row.said)} in frame ${String(row.frame)}`];
  });
  return texts.length === 0 ? [] : hang('Last said'.padEnd(LABEL_WIDTH), texts.join('; '), width);
}

const BASIS_TEXT: Readonly<Record<string, string>> = {
  midstream: 'it began before the capture, so what came before its first frame is not known',
  'one-sided': "only one end's segments are in the capture, so the other end is inferred from them",
};
const ROLES_TEXT: Readonly<Record<string, string>> = {
  port: 'which end is the client is guessed from the ports: no SYN was captured',
  'first-seen': 'which end is the client is a guess, the first that was seen: no SYN was captured',
};

const legText = (leg: number, sameAs: number | undefined): string =>
  sameAs === undefined
    ? 'the first of the tuples that one connection has before and behind an address translator'
    : `${String(leg)}: the same connection as ${String(sameAs)}, on another side of an address translator`;

function closedText(closedBy: string | null): string {
  if (closedBy === null) return '; nobody closed it';
  return closedBy === 'both' ? '; both ends closed it at once' : `; closed first by the ${closedBy}`;
}

const stateText = (e: EndpointRow): string => `${e.state}${e.stateSince === null ? '' : ` since ${clockText(e.stateSince)}`}`;

function trafficText(e: EndpointRow): string {
  if (e.packets === 0) return 'nothing';
  const facts = [plural(e.packets, 'packet'), `${bytesText(e.payloadBytes)} of payload`];
  if (e.retransmissions > 0) facts.push(plural(e.retransmissions, 'retransmission'));
  if (e.outOfOrder > 0) facts.push(`${countText(e.outOfOrder)} out of order`);
  if (e.missedBytes > 0) facts.push(`${bytesText(e.missedBytes)} not captured`);
  return facts.join(', ');
}

function roundTripText({ handshakeRtt, clientSideRtt, serverSideRtt, connectSeconds }: ConnectionRow): string {
  const facts: string[] = [];
  if (handshakeRtt !== null) facts.push(`${durationText(handshakeRtt)} in the handshake`);
  if (clientSideRtt !== null) facts.push(`${durationText(clientSideRtt)} between capture point and client`);
  if (serverSideRtt !== null) facts.push(`${durationText(serverSideRtt)} between capture point and server`);
  if (connectSeconds !== null) facts.push(`connect() took ${durationText(connectSeconds)}`);
  return facts.join(', ');
}

function optionsText(options: SynOptions | null): string {
  if (options === null) return 'not captured';
  const words = [
    ...(options.mss === null ? [] : [`MSS ${String(options.mss)}`]),
    ...(options.windowScale === null ? [] : [`window scale ${String(options.windowScale)}`]),
    ...(options.sackPermitted ? ['SACK'] : []),
    ...(options.timestamps ? ['timestamps'] : []),
    ...(options.fastOpen ? ['Fast Open'] : []),
    ...(options.mptcp ? ['MPTCP'] : []),
  ];
  return words.length === 0 ? 'none' : words.join(', ');
}

function findingLines(findings: readonly Finding[], page: Page, width: number): string[] {
  if (findings.length === 0) return ['No finding names this connection.'];
  return findings.flatMap((f, i) => {
    const mark = SEVERITY_MARK[f.severity];
    const lead = `${String(i + 1)}. `;
    const [first = '', ...rest] = hang(lead, sanitise(`${mark.glyph} ${mark.word}  ${f.title}`), width);
    return [
      paint(page, first, 'bold'),
      ...rest,
      ...hang('   At fault  ', sanitise(faultText(f), 2_000), width),
      ...hang('   Id        ', sanitise(f.id), width),
    ];
  });
}

interface Columns {
  /** `#12345` with a star before it. */
  readonly frame: number;
  readonly time: number;
  readonly delta: number;
  readonly arrow: number;
}
const STATE_WIDTH = 11;
/** Beside the arrow: two states, each with a blank and a bar. */
const ENDS = 2 * (STATE_WIDTH + 2);

function columnsOf({ rows }: Ladder, width: number): Columns {
  const widest = (cells: readonly string[]): number => Math.max(0, ...cells.map((cell) => cell.length));
  const frame = 2 + widest([...rows.slice(0, 1), ...rows.slice(-1)].map(({ frame }) => `#${String(frame ?? '')}`).concat('FRAME'));
  const time =
    width >= 76
      ? 1 +
        widest(
          rows
            .slice(-1)
            .map(({ at }) => secondsText(at))
            .concat('SECONDS'),
        )
      : 0;
  const delta = width >= 96 ? 9 : 0;
  return { frame, time, delta, arrow: width - frame - time - delta - 1 - ENDS };
}

const secondsText = (seconds: number): string => `+${seconds.toFixed(6)}`;

function* ladderLines(detail: ConnectionDetail, page: Page, width: number): Generator<string> {
  const { ladder } = detail;
  const columns = columnsOf(ladder, width);
  const { frame, time, delta, arrow } = columns;
  const lead = (cells: { readonly frame?: string; readonly time?: string; readonly delta?: string }): string =>
    `${(cells.frame ?? '').padEnd(frame)}${time > 0 ? (cells.time ?? '').padStart(time) : ''}${delta > 0 ? (cells.delta ?? '').padStart(delta) : ''} `;
  const line = (start: string, client: string, middle: string, server: string): string =>
    `${`${start}${client.padStart(STATE_WIDTH)} ┃${middle}┃ ${server}`.trimEnd()}\n`;
  const blank = lead({});

  yield `${paint(page, `${lead({ frame: '  FRAME', time: 'SECONDS', delta: 'AFTER' })}${'CLIENT IS'.padStart(STATE_WIDTH)}${' '.repeat(arrow + 4)}SERVER IS`, 'bold')}\n`;
  const [first] = ladder.connection.transitions.length === 0 ? ladder.rows : [];
  yield line(
    blank,
    first?.clientState ?? initial(ladder.connection, 'client'),
    ' '.repeat(arrow),
    first?.serverState ?? initial(ladder.connection, 'server'),
  );

  /** Text on the side of the end that it is about, on as many rows as it takes; the state on the first. */
  const aside = function* (end: 'client' | 'server', state: string, text: string, ...styles: Style[]): Generator<string> {
    for (const [i, words] of broken(text, arrow - 2).entries()) {
      const padded = end === 'client' ? ` ${words.padEnd(arrow - 2)} ` : ` ${words.padStart(arrow - 2)} `;
      const shown = i === 0 ? state : '';
      yield line(blank, end === 'client' ? shown : '', paint(page, padded, ...styles), end === 'server' ? shown : '');
    }
  };
  const between = function* (text: string): Generator<string> {
    for (const words of broken(text, arrow - 4)) yield line(blank, '', centre(` ${words} `, arrow, '·'), '');
  };

  for (const item of ladderItems(detail)) {
    if (item.kind === 'silence') yield* between(silenceText(item.seconds, item.last));
    else if (item.kind === 'omitted') {
      yield* between(omittedText(item.segments));
      for (const t of item.changes) yield* aside(t.endpoint, t.to, changeInGap(t));
    } else {
      const { row, changes, proofs } = item;
      const cells = { time: secondsText(row.at), delta: row.frame === null || row === ladder.rows[0] ? '' : durationText(row.delta) };
      const mark = proofs.length > 0 ? '★ ' : '  ';
      const start = lead({ ...cells, frame: `${mark}${eventName(row, changes)}` });
      if (row.frame === null) yield line(start, '', '·'.repeat(arrow), '');
      else yield line(start, '', paint(page, arrowText(row, arrow), ...arrowStyle(row)), '');
      if (row.frame !== null && row.said) yield* aside(row.from, '', wordsText(row.said), 'dim');
      for (const proof of proofs) yield* aside(row.from, '', `★ ${proof}`, 'yellow');
      for (const t of changes) yield* aside(t.endpoint, t.to, causeText(t));
    }
  }
}

/** A change without a segment of the connection: a timer's, or by a frame of another kind (an ICMP error). */
function eventName(row: LadderRow, [change]: readonly TransitionRow[]): string {
  const frame = row.frame ?? change?.frame ?? null;
  return frame === null ? 'timer' : `#${String(frame)}`;
}

/** Wrapped, and a word that is longer than the line broken: nothing may push the server's bar out of its column. */
const broken = (text: string, width: number): string[] =>
  wrap(text, width).flatMap((line) =>
    Array.from({ length: Math.ceil(line.length / width) }, (_, i) => line.slice(i * width, (i + 1) * width)),
  );

const changeInGap = (t: TransitionRow): string => `${causeText(t)}${t.frame === null ? '' : ` (frame ${String(t.frame)})`}`;

const initial = ({ transitions, ...ends }: ConnectionRow, end: 'client' | 'server'): string =>
  transitions.find(({ endpoint }) => endpoint === end)?.from ?? ends[end].state;

function centre(text: string, width: number, fill: string): string {
  const left = Math.floor((width - text.length) / 2);
  return fill.repeat(left) + text + fill.repeat(width - text.length - left);
}

/** `─ FIN ACK seq 90 ack 189 len 0 ──▶`. What is remarkable about the segment is kept before its numbers are. */
function arrowText(segment: LadderSegment, width: number): string {
  const room = width - 5; // `─ ` and ` ─▶`
  const notes = segment.notes.length === 0 ? '' : ` (${segment.notes.join(', ')})`;
  const fits = segmentForms(segment, room)
    .map(([flags, numbers]) => sanitise(flags + numbers + notes))
    .find((label) => label.length <= room);
  const label = fits ?? `${sanitise(segment.flags + notes).slice(0, room - 1)}…`;
  const filler = '─'.repeat(room - label.length);
  return segment.from === 'client' ? `─ ${label} ${filler}─▶` : `◀─${filler} ${label} ─`;
}

function arrowStyle({ flags }: LadderSegment): Style[] {
  if (flags.includes('R')) return ['red'];
  if (flags.includes('F')) return ['yellow'];
  return flags.includes('S') ? ['cyan'] : [];
}

/** One object; a segment per line, so that two connections can be compared with diff. */
export function* connectionJson({ ladder, findings }: ConnectionDetail): Generator<string> {
  const { connection, rows, omitted, omittedAt, evidence } = ladder;
  const segments: ConnectionDocument['segments'] = rows.filter((row) => row.frame !== null);
  const countBefore = (i: number): number => rows.slice(0, i).filter((row) => row.frame !== null).length;
  const timers: ConnectionDocument['timers'] = rows.flatMap((row, i) =>
    row.frame === null ? [{ ...row, beforeSegment: countBefore(i) }] : [],
  );
  yield `{"type":"connection-detail","connection":${safeJson(connection)},\n`;
  yield '"segments":[\n';
  for (const [i, segment] of segments.entries()) yield `${safeJson(segment)}${i < segments.length - 1 ? ',' : ''}\n`;
  yield `],\n"timers":${safeJson(timers)},\n`;
  yield `"omitted":${safeJson(omitted)},"omittedBefore":${safeJson(omitted > 0 ? countBefore(omittedAt) : null)},\n`;
  const about: ConnectionDocument['findings'] = findings.map(({ id, rule, severity, title, atFault, faultBecause }) => ({
    id,
    rule,
    severity,
    title,
    atFault,
    faultBecause,
  }));
  yield `"findings":${safeJson(about)},\n"evidence":${safeJson(evidence)}}\n`;
}
