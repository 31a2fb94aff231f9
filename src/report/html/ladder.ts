/**
 * One connection as it passed the capture point: its segments as arrows between two life lines, which have the colour of the state that each
 * end was in; every change of state with its cause, every silence, every frame that proves a finding.
 */
import { endpointText } from '../../model/address.ts';
import type { LadderRow, LadderSegment } from '../../model/ladder.ts';
import type { TransitionRow } from '../../model/report.ts';
import { causeText, type ConnectionDetail, type LadderItem, omittedText, silenceText } from '../connection-detail.ts';
import { countText } from '../narrate.ts';
import { wrap } from '../layout.ts';
import { segmentForms } from '../segment-words.ts';
import { type Markup, markup, NOTHING, px } from './markup.ts';
import { cut, monoChars, sansChars } from './scale.ts';

const WIDTH = 880;
/** Right edges of the frame's number and of its time. */
const FRAME_END = 52;
const TIME_END = 140;
/** Life lines: the inner edge of each, and how wide they are. */
const CLIENT = 262;
const SERVER = 770;
const BAR = 8;
const MIDDLE = (CLIENT + SERVER) / 2;
const FONT = 11.5;
const SEGMENT_HEIGHT = 25;
const LINE_HEIGHT = 15;
const BETWEEN_HEIGHT = 26;
const TOP = 46;

type End = 'client' | 'server';

interface Stay {
  readonly from: number;
  readonly to: number;
  readonly state: string;
}

/** Collects what is drawn from top to bottom. */
class Drawing {
  y = TOP;
  readonly parts: Markup[] = [];
  readonly stays: Record<End, Stay[]> = { client: [], server: [] };
  readonly #since: Record<End, { y: number; state: string }>;

  constructor(client: string, server: string) {
    this.#since = { client: { y: TOP - 6, state: client }, server: { y: TOP - 6, state: server } };
    this.#name('client', TOP + 4);
    this.#name('server', TOP + 4);
    this.y += 10;
  }

  change(end: End, to: string): void {
    const before = this.#since[end];
    if (before.state === to) return;
    this.stays[end].push({ from: before.y, to: this.y, state: before.state });
    this.#since[end] = { y: this.y, state: to };
    this.#name(end, this.y + 10);
  }

  finish(): void {
    for (const end of ['client', 'server'] as const) {
      const { y, state } = this.#since[end];
      this.stays[end].push({ from: y, to: this.y + 4, state });
    }
  }

  /** Words on the side of the end that they are about. */
  aside(end: End, words: string, name: string): void {
    for (const line of wrap(words, sansChars(SERVER - CLIENT - 40, FONT))) {
      const x = end === 'client' ? CLIENT + 14 : SERVER - 14;
      this.parts.push(markup`<text class="${name}${end === 'server' ? ' end' : ''}" x="${x}" y="${px(this.y + 10.5)}">${line}</text>
`);
      this.y += LINE_HEIGHT;
    }
  }

  between(words: string): void {
    const y = this.y + BETWEEN_HEIGHT / 2;
    const half = words.length * 3.4 + 14;
    this.parts
      .push(markup`<path class="dots" d="M${CLIENT + 10} ${px(y)}H${px(MIDDLE - half)}M${px(MIDDLE + half)} ${px(y)}H${SERVER - 10}"/><text class="soft middle" x="${MIDDLE}" y="${px(y + 4)}">${words}</text>
`);
    this.y += BETWEEN_HEIGHT;
  }

  #name(end: End, y: number): void {
    const { state } = this.#since[end];
    const x = end === 'client' ? CLIENT - BAR - 8 : SERVER + BAR + 8;
    this.parts.push(markup`<text class="${end === 'client' ? 'bold end' : 'bold'}" x="${x}" y="${px(y)}">${state}</text>
`);
  }
}

/** @param id of the drawing in the page */
export function ladderDrawing(detail: ConnectionDetail, items: readonly LadderItem[], id: string): Markup {
  const { connection: c, rows } = detail.ladder;
  const initial = (end: End): string =>
    c.transitions.find(({ endpoint }) => endpoint === end)?.from ?? rows[0]?.[`${end}State`] ?? c[end].state;
  const drawing = new Drawing(initial('client'), initial('server'));
  for (const item of items) draw(drawing, item);
  drawing.finish();
  const height = drawing.y + 14;
  const bars = (end: End): readonly Markup[] =>
    drawing.stays[end].map(
      ({ from, to, state }) =>
        markup`<rect class="${state}" x="${end === 'client' ? CLIENT - BAR : SERVER}" y="${px(from)}" width="${BAR}" height="${px(Math.max(0, to - from))}"><title>${end}: ${state}</title></rect>`,
    );
  return markup`<div class="scroll"><svg class="wide" viewBox="0 0 ${WIDTH} ${px(height)}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">Connection ${c.id}</title>
<desc id="${id}-desc">${endpointText(c.client.ip, c.client.port)} on the left, ${endpointText(c.server.ip, c.server.port)} on the right, time goes down. The table below the drawing says the same.</desc>
<text class="soft end" x="${FRAME_END}" y="14">frame</text><text class="soft end" x="${TIME_END}" y="14">seconds</text>
<text class="bold middle" x="${CLIENT}" y="14">client</text><text class="mono middle" x="${CLIENT}" y="29">${endpointText(c.client.ip, c.client.port)}</text>
<text class="bold middle" x="${SERVER}" y="14">server</text><text class="mono middle" x="${SERVER}" y="29">${endpointText(c.server.ip, c.server.port)}</text>
${bars('client')}${bars('server')}
${drawing.parts}</svg></div>
`;
}

function draw(drawing: Drawing, item: LadderItem): void {
  if (item.kind === 'silence') {
    drawing.between(silenceText(item.seconds, item.last));
    return;
  }
  if (item.kind === 'omitted') {
    if (item.segments > 0) drawing.between(omittedText(item.segments));
  } else if (item.row.frame === null) drawing.parts.push(eventLead(drawing.y, eventName(item.row, item.changes), item.row.at));
  else {
    drawing.parts.push(segment(drawing.y, item.row, item.proofs.length > 0));
    drawing.y += SEGMENT_HEIGHT;
    for (const proof of item.proofs) drawing.aside(item.row.from, `★ ${proof}`, 'proven');
    if (item.proofs.length > 0 && item.changes.length === 0) drawing.y += 4;
  }
  for (const t of item.changes) {
    drawing.change(t.endpoint, t.to);
    drawing.aside(t.endpoint, causeText(t), 'soft');
  }
  if (item.changes.length > 0) drawing.y += 4;
}

/** A change without a segment of the connection: a timer's, or by a frame of another kind. */
function eventName(row: LadderRow, [change]: readonly TransitionRow[]): string {
  const frame = row.frame ?? change?.frame ?? null;
  return frame === null ? 'timer' : countText(frame);
}

const eventLead = (y: number, name: string, at: number): Markup =>
  markup`<text class="soft end" x="${FRAME_END}" y="${px(y + 10.5)}">${name}</text><text class="soft mono end" x="${TIME_END}" y="${px(y + 10.5)}">+${at.toFixed(6)}</text>
`;

function segment(y: number, row: LadderSegment, proves: boolean): Markup {
  const line = y + 18;
  const [tail, head, back] = row.from === 'client' ? [CLIENT + 3, SERVER - 3, -7] : [SERVER - 3, CLIENT + 3, 7];
  const kind = row.flags.includes('R') ? ' rst' : '';
  const mark = proves
    ? markup`<rect class="proof" x="${CLIENT + 3}" y="${px(y + 1)}" width="${SERVER - CLIENT - 6}" height="${SEGMENT_HEIGHT - 3}"/>`
    : NOTHING;
  return markup`${mark}<text class="end" x="${FRAME_END}" y="${px(y + 21)}">${proves ? '★ ' : ''}${row.frame}</text><text class="soft mono end" x="${TIME_END}" y="${px(y + 21)}">+${row.at.toFixed(6)}</text><text class="mono middle" x="${MIDDLE}" y="${px(y + 13)}">${label(row)}</text><path class="arrow${kind}" d="M${tail} ${px(line)}H${head}"/><path class="head${kind}" d="M${head} ${px(line)}l${back} -3.5v7z"/>
`;
}

/** Flags, numbers, and what is remarkable about it, in the longest form that fits. */
function label(row: LadderSegment): string {
  const room = monoChars(SERVER - CLIENT - 20, FONT);
  const notes = row.notes.length === 0 ? '' : ` (${row.notes.join(', ')})`;
  const forms = segmentForms(row, room).map(([flags, numbers]) => flags + numbers + notes);
  return forms.find((text) => text.length <= room) ?? cut(row.flags + notes, room);
}

/** The same as a table. */
export function ladderTable(items: readonly LadderItem[], connection: number): Markup {
  const rows = items.map((item) => {
    if (item.kind === 'silence') return between(silenceText(item.seconds, item.last));
    const changes = item.changes.map((t) => `${t.endpoint} ${t.from} → ${t.to}: ${causeText(t)}`);
    if (item.kind === 'omitted') return between([omittedText(item.segments), ...changes].join('; '));
    const { row, proofs } = item;
    const what =
      row.frame === null ? '' : (segmentForms(row, Infinity)[1] ?? [row.flags, '']).join('') + row.notes.map((n) => `, ${n}`).join('');
    return markup`<tr><th scope="row" class="num">${eventName(row, item.changes)}</th><td class="num">+${row.at.toFixed(6)}</td><td>${row.frame === null ? 'nobody' : row.from}</td><td>${[what, ...proofs.map((p) => `★ ${p}`), ...changes].filter((text) => text !== '').join('; ')}</td></tr>
`;
  });
  return markup`<div class="scroll"><table>
<caption>Connection ${connection}, segment by segment</caption>
<thead><tr><th scope="col" class="num">Frame</th><th scope="col" class="num">Seconds</th><th scope="col">From</th><th scope="col">What</th></tr></thead>
<tbody>
${rows}</tbody></table></div>
`;
}

const between = (text: string): Markup => markup`<tr><td colspan="4" class="soft">${text}</td></tr>
`;
