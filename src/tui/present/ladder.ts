/**
 * One connection as a sequence diagram: a row per segment, the client's state left, the server's right, an arrow between.
 * A state is written where it changes (and in the first row on the screen); between, its coloured bar goes on.
 */
import type { Ladder, LadderRow, LadderSegment } from '../../engine/protocol.ts';
import { endpointText } from '../../model/address.ts';
import { wordsText } from '../../report/narrate.ts';
import { flagWords, segmentForms } from '../../report/segment-words.ts';
import { count, duration, plural, timeOfDay } from './format.ts';
import { words } from './findings.ts';
import { fitLine, fitSpan, type Line, lineText, type Span, span, spread, stateStyle, type Style } from './line.ts';
import { clean, cut, fit, widthOf, wrap } from './text.ts';

export type LadderItem =
  | { readonly kind: 'row'; readonly row: LadderRow; readonly before: LadderRow | null }
  /** Nothing was seen for so many seconds; `before` is the row above. */
  | { readonly kind: 'silence'; readonly seconds: number; readonly before: LadderRow }
  /** `around`: the frame around which they can be asked for. */
  | { readonly kind: 'omitted'; readonly count: number; readonly around: number };

/** From here on a pause has a row of its own: longer than any retransmission timer's first step (RFC 6298 §2.1). Seconds. */
const SILENCE_SECONDS = 1;

/** Rows of the ladder with the gaps that the session's bound left. `before` is the row above in the connection, not on the screen. */
export function ladderItems(ladder: Ladder, filter: string): LadderItem[] {
  const terms = words(filter);
  const items: LadderItem[] = [];
  const omitted = (count: number | undefined, near: LadderRow | undefined): void => {
    if (count !== undefined && count > 0) items.push({ kind: 'omitted', count, around: near?.frame ?? ladder.connection.firstFrame });
  };
  ladder.rows.forEach((row, i) => {
    const above = ladder.rows[i - 1];
    const isSeam = ladder.omitted > 0 && i === ladder.omittedAt;
    if (isSeam) omitted(ladder.omitted, above ?? row);
    const seconds = above === undefined || isSeam ? 0 : row.at - above.at;
    if (terms.length === 0 && above && seconds >= SILENCE_SECONDS) items.push({ kind: 'silence', seconds, before: above });
    const text = terms.length === 0 ? '' : searchText(row);
    if (terms.every((term) => text.includes(term))) items.push({ kind: 'row', row, before: above ?? null });
  });
  if (ladder.omittedAt >= ladder.rows.length) omitted(ladder.omitted, ladder.rows.at(-1));
  omitted(
    ladder.omittedAfter,
    ladder.rows.findLast(({ frame }) => frame !== null),
  );
  return items;
}

function searchText(row: LadderRow): string {
  const own =
    row.frame === null ? 'timer' : `#${row.frame} ${flagWords(row.flags)} ${row.flags} ${row.notes.join(' ')} ${row.said?.text ?? ''}`;
  return `${own} ${row.from} ${row.clientState} ${row.serverState} ${row.transitions.join(' ')}`.toLowerCase();
}

interface Widths {
  readonly frame: number;
  readonly time: number;
  readonly delta: number;
  readonly arrow: number;
}
const MARK_WIDTH = 3;
/** `#999999` and a blank; more where the connection goes on behind it. */
const FRAME_WIDTH = 8;
const GAP = 1;
const STATE_WIDTH = 11;
const TIME_WIDTH = 12;
const DELTA_WIDTH = 9;

function widths(width: number, lastFrame: number): Widths {
  const frame = Math.max(FRAME_WIDTH, String(lastFrame).length + 2);
  const time = width >= 76 ? TIME_WIDTH : 0;
  const delta = width >= 96 ? DELTA_WIDTH : 0;
  // Both states with a blank and a bar each.
  return { frame, time, delta, arrow: width - MARK_WIDTH - frame - time - delta - GAP - 2 * (STATE_WIDTH + 2) };
}

/** Two rows: who the ends are, and what the columns mean. */
export function ladderHeader(ladder: Ladder, width: number): Line[] {
  const { connection: c } = ladder;
  const facts = [
    `outcome ${c.outcome}`,
    ...(c.basis === 'handshake' ? [] : [`seen ${c.basis}`]),
    ...(c.closedBy === null ? [] : [`closed first by ${c.closedBy}`]),
    `lasted ${duration(c.duration)}`,
    ...(c.handshakeRtt === null ? [] : [`handshake ${duration(c.handshakeRtt)}`]),
  ];
  const w = widths(width, c.lastFrame);
  const client = endpointText(c.client.ip, c.client.port);
  const server = endpointText(c.server.ip, c.server.port);
  const who = [span(' client '), span(clean(client), 'bold'), span('  server '), span(clean(server), 'bold')];
  const ends = w.arrow + 2;
  return [
    spread(who, [span(`${whole(facts, width - widthOf(lineText(who)) - 2)} `, 'dim')], width),
    fitLine(
      [
        fitSpan('   FRAME', MARK_WIDTH + w.frame, 'dim'),
        fitSpan(w.time > 0 ? 'SECONDS' : '', w.time, 'dim', 'right'),
        fitSpan(w.delta > 0 ? 'AFTER' : '', w.delta, 'dim', 'right'),
        span(' '.repeat(GAP)),
        fitSpan('CLIENT IS', STATE_WIDTH, 'dim', 'right'),
        span(' '),
        fitSpan('', ends),
        fitSpan(' SERVER IS', STATE_WIDTH + 1, 'dim'),
      ],
      width,
    ),
  ];
}

/** As many facts as fit; half a fact says nothing. */
function whole(facts: readonly string[], width: number): string {
  let text = '';
  for (const fact of facts) {
    const longer = clean(text === '' ? fact : `${text} · ${fact}`);
    if (widthOf(longer) > width) break;
    text = longer;
  }
  return text;
}

export interface LadderRowOptions {
  readonly width: number;
  readonly current: boolean;
  /** First row on the screen: both states are written, whatever they were before. */
  readonly first: boolean;
  readonly evidence: boolean;
  /** Of the connection, whose number is the longest. */
  readonly lastFrame: number;
}

export function ladderRow(item: LadderItem, options: LadderRowOptions): Line {
  const lead = options.current ? '▸' : ' ';
  if (item.kind === 'omitted')
    return [span(fit(`${lead}  ⋮ ${plural(item.count, 'segment')} left out here; Enter shows those next to it`, options.width), 'dim')];
  const w = widths(options.width, options.lastFrame);
  if (item.kind === 'silence') return silenceRow(item, w, lead, options.first);
  const { row, before } = item;
  const at = fitSpan(w.time > 0 ? `+${row.at.toFixed(6)}` : '', w.time, 'plain', 'right');
  const gap = row.frame === null ? 0 : row.delta;
  const delta = fitSpan(w.delta > 0 && row.frame !== null ? duration(row.delta) : '', w.delta, gap >= 1 ? 'bold' : 'dim', 'right');
  return [
    span(lead),
    span(options.evidence ? '★' : ' ', 'warning'),
    span(row.frame === null ? ' ' : troubleMark(row.notes), 'warning'),
    fitSpan(row.frame === null ? 'timer' : `#${row.frame}`, w.frame, row.frame === null ? 'dim' : options.evidence ? 'warning' : 'accent'),
    at,
    delta,
    span(' '.repeat(GAP)),
    ...stateCell(row.clientState, before?.clientState, options.first, 'right'),
    ...(row.frame === null ? timerArrow(row.transitions, w.arrow) : arrow(row, w.arrow)),
    ...stateCell(row.serverState, before?.serverState, options.first, 'left'),
  ];
}

/** Does it prove something, was it sent before, does something lack before it? */
export const isMarked = ({ row }: LadderItem & { kind: 'row' }, proving: ReadonlySet<number>): boolean =>
  row.frame !== null && (proving.has(row.frame) || troubleMark(row.notes) !== ' ');

/** `↻` it was sent before or came too late, `✗` something before it is missing: beside the words, for eyes that run down the screen. */
function troubleMark(notes: readonly string[]): string {
  if (notes.some((note) => /retransmission|out-of-order/.test(note))) return '↻';
  return notes.some((note) => /not captured|unseen/.test(note)) ? '✗' : ' ';
}

/** Both lanes go on while nothing passes between them. */
function silenceRow({ seconds, before }: LadderItem & { kind: 'silence' }, w: Widths, lead: string, first: boolean): Line {
  const text = cut(` ⋮ ${duration(seconds)} without a segment ⋮ `, w.arrow);
  const left = Math.floor((w.arrow - widthOf(text)) / 2);
  return [
    span(lead),
    span(' '.repeat(MARK_WIDTH - 1 + w.frame + w.time)),
    fitSpan(w.delta > 0 ? duration(seconds) : '', w.delta, 'bold', 'right'),
    span(' '.repeat(GAP)),
    ...stateCell(before.clientState, before.clientState, first, 'right'),
    span(' '.repeat(left)),
    span(text, 'dim'),
    span(' '.repeat(w.arrow - left - widthOf(text))),
    ...stateCell(before.serverState, before.serverState, first, 'left'),
  ];
}

/** The name of a state where it changes, and its lane. */
export function stateCell(state: string, before: string | undefined, first: boolean, align: 'left' | 'right'): Span[] {
  const style = stateStyle(state);
  const changed = state !== before;
  const name = fitSpan(changed || first ? state : '', STATE_WIDTH, changed ? style : 'dim', align);
  const bar = span('┃', style);
  return align === 'right' ? [name, span(' '), bar] : [bar, span(' '), name];
}

/**
 * `─ FIN ACK seq 90 ack 189 len 0 ──▶`: in words where there is room, else tcpdump's short form, `F. 90 ack 189`. What is wrong
 * with the segment is kept before its numbers are, and so is the beginning of what it says.
 */
function arrow(segment: LadderSegment, width: number): Span[] {
  const inner = width - ARROW_ENDS;
  const notes = clean(segment.notes.join(', '));
  const said = saidText(segment);
  const wanted = (notes === '' ? 0 : widthOf(notes) + 1) + (said === '' ? 0 : Math.min(SAID_WIDTH, widthOf(said)) + 1);
  const [flags, numbers] = segmentForms(segment, inner).find(([f, n]) => f.length + n.length + wanted <= inner) ?? [
    clean(segment.flags),
    '',
  ];
  let room = Math.max(0, inner - flags.length - numbers.length);
  const shownNotes = notes === '' ? '' : cut(` ${notes}`, room);
  room -= widthOf(shownNotes);
  const shownSaid = said === '' ? '' : cut(` ${said}`, room);
  const filler = '─'.repeat(Math.max(0, room - widthOf(shownSaid)));
  const line = flagStyle(segment.flags);
  const label: Span[] = [
    span(flags, line === 'dim' ? 'plain' : line),
    span(numbers),
    span(shownNotes, 'warning'),
    span(shownSaid, 'command'),
  ];
  return segment.from === 'client'
    ? [span('─ ', line), ...label, span(` ${filler}─▶`, line)]
    : [span(`◀─${filler} `, line), ...label, span(' ─', line)];
}
/** What an arrow needs beside its label: `─ `, ` ─▶`. */
const ARROW_ENDS = 5;

/** As much of what a segment says stands beside its flags before all its numbers do, cells. */
const SAID_WIDTH = 24;
/** Words, not remarks about octets. */
const NO_WORDS: ReadonlySet<string> = new Set(['none', 'cut', 'binary']);
const saidText = ({ said }: LadderSegment): string => (said === undefined || NO_WORDS.has(said.protocol) ? '' : clean(said.text));

function flagStyle(flags: string): Style {
  if (flags.includes('R')) return 'critical';
  if (flags.includes('F')) return 'stateClosing';
  if (flags.includes('S')) return 'stateOpening';
  return 'dim';
}

function timerArrow(transitions: readonly string[], width: number): Span[] {
  const sentences = transitions.join('; ');
  // Both states stand beside it: where the sentence is too long, its cause alone says what is new.
  const causes = transitions.map((sentence) => sentence.replace(/^[^:]*: /, '')).join('; ');
  const text = cut(` ${widthOf(clean(sentences)) + 6 <= width ? sentences : causes} `, width - 4);
  const left = Math.floor((width - widthOf(text)) / 2);
  return [span('·'.repeat(left), 'dim'), span(text, 'notice'), span('·'.repeat(Math.max(0, width - left - widthOf(text))), 'dim')];
}

/** About the row under the cursor: the whole truth in full numbers and sentences. */
export function ladderNotes(item: LadderItem | undefined, ladder: Ladder, width: number, rows: number): Line[] {
  const lines: Line[] = [];
  const add = (label: string, text: string, style: Style = 'plain'): void => {
    const wrapped = wrap(text, width - label.length - 2);
    wrapped.forEach((line, i) => lines.push([span(i === 0 ? ` ${label}` : ' '.repeat(label.length + 1), 'dim'), span(line, style)]));
  };
  if (item?.kind === 'omitted')
    add('', `${count(item.count)} segments are not shown; their effects on the states are counted. Enter shows those next to this row.`);
  if (item?.kind === 'silence')
    add(
      '',
      `${duration(item.seconds)} without a segment: the client in ${item.before.clientState}, the server in ${item.before.serverState}.`,
    );
  if (item?.kind === 'row') {
    const { row } = item;
    for (const { note } of row.frame === null ? [] : ladder.evidence.filter((e) => e.frame === row.frame))
      add('★ proves  ', note, 'warning');
    for (const sentence of row.transitions) add('state     ', sentence);
    if (row.frame === null) {
      add('timer     ', `${row.time} at the ${row.from}; no packet shows it`);
    } else {
      if (row.notes.length > 0) add('note      ', row.notes.join(', '), 'warning');
      const from = row.from === 'client' ? ladder.connection.client : ladder.connection.server;
      const ack = row.ack === null ? '' : `  ack ${row.ack}`;
      const after = item.before === null ? '' : `, ${duration(row.delta)} after the one before`;
      if (row.said) add('says      ', wordsText(row.said));
      add('segment   ', `${flagWords(row.flags)}  seq ${row.seq}${ack}  length ${row.length}  window ${row.window}`);
      add('sent      ', `${timeOfDay(row.time, 9)} by ${row.from} ${endpointText(from.ip, from.port)}${after}`);
    }
  }
  const shown = lines.slice(0, rows).map((line) => fitLine(line, width));
  while (shown.length < rows) shown.push(fitLine([], width));
  return shown;
}
