/** One packet: its layers and fields as a tree, and its bytes with those of the chosen field marked. */
import type { PacketDetail } from '../../engine/protocol.ts';
import { count, timeOfDay } from './format.ts';
import { mark } from './findings.ts';
import { hexBytesPerRow } from './layout.ts';
import { fitLine, type Line, type Span, span, spread } from './line.ts';
import { clean } from './text.ts';

export interface TreeRow {
  readonly layer: boolean;
  /** Of the layer that it is, or belongs to. */
  readonly index: number;
  /** A layer whose fields are not shown. */
  readonly closed: boolean;
  readonly name: string;
  readonly value: string;
  readonly offset: number;
  readonly length: number;
}

/** @param closed layers, by index, whose fields are not shown */
export const packetTree = (detail: PacketDetail, closed: ReadonlySet<number> = new Set()): TreeRow[] =>
  detail.layers.flatMap(({ name, summary, offset, length, fields }, index) => {
    const isClosed = closed.has(index) && fields.length > 0;
    const shown = isClosed ? [] : fields;
    return [
      { layer: true, index, closed: isClosed, name, value: summary, offset, length },
      ...shown.map((field) => ({ layer: false, index, closed: false, ...field })),
    ];
  });

/** One row about the frame; a second one where there is something to note. */
export function packetHeader(detail: PacketDetail, width: number): Line[] {
  const size =
    detail.capturedLength < detail.originalLength
      ? `${count(detail.capturedLength)} of ${count(detail.originalLength)} bytes captured`
      : `${count(detail.originalLength)} bytes`;
  const facts = [span(` #${detail.frame}`, 'accent'), span(`  ${timeOfDay(detail.time, 9)}`)];
  const first = spread(facts, [span(clean(`${detail.linkType}, ${size} `), 'dim')], width);
  return detail.notes.length === 0 ? [first] : [first, fitLine([span(` ${detail.notes.join(' · ')}`, 'warning')], width)];
}

const NAME_WIDTH = 22;

export function treeRow(row: TreeRow, options: { width: number; current: boolean }): Line {
  const lead = span(mark(options.current));
  if (row.layer)
    return fitLine([lead, span(row.closed ? '+ ' : '- ', 'dim'), span(row.name, 'heading'), span(`  ${row.value}`)], options.width);
  const name = clean(row.name);
  return fitLine([lead, span('    '), span(name.padEnd(NAME_WIDTH), 'dim'), span(' '), span(row.value)], options.width);
}

/** `rows` rows of the dump, scrolled so that the chosen bytes are on the screen. */
export function hexLines(
  bytes: Uint8Array,
  chosen: { offset: number; length: number } | null,
  options: { width: number; rows: number },
): Line[] {
  const perRow = hexBytesPerRow(options.width);
  const total = Math.ceil(bytes.length / perRow);
  const first = chosen === null ? 0 : Math.floor(chosen.offset / perRow);
  const last = chosen === null ? 0 : Math.floor((chosen.offset + Math.max(1, chosen.length) - 1) / perRow);
  // Everything chosen if it fits, else its beginning.
  const wanted = last < options.rows ? 0 : last - first + 1 > options.rows ? first : last - options.rows + 1;
  const top = Math.max(0, Math.min(wanted, total - options.rows));
  const lines: Line[] = [];
  for (let row = top; row < Math.min(total, top + options.rows); row++)
    lines.push(fitLine(hexRow(bytes, row * perRow, perRow, chosen), options.width));
  while (lines.length < options.rows) lines.push(fitLine([], options.width));
  return lines;
}

function hexRow(bytes: Uint8Array, at: number, perRow: number, chosen: { offset: number; length: number } | null): Line {
  const inside = (i: number): boolean => chosen !== null && i >= chosen.offset && i < chosen.offset + chosen.length;
  const hex: Span[] = [];
  const text: Span[] = [];
  for (let i = at; i < at + perRow; i++) {
    const value = bytes[i];
    // The blank between two chosen bytes is marked too, so that a field looks like one piece.
    hex.push(span(value === undefined ? '  ' : value.toString(16).padStart(2, '0'), inside(i) ? 'highlight' : 'plain'));
    const middle = i === at + perRow / 2 - 1;
    hex.push(span(middle ? '  ' : ' ', inside(i) && inside(i + 1) && i + 1 < at + perRow ? 'highlight' : 'plain'));
    text.push(
      span(value === undefined ? ' ' : value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : '.', inside(i) ? 'highlight' : 'dim'),
    );
  }
  return [span(`${at.toString(16).padStart(4, '0')}  `, 'dim'), ...merge(hex), span('  '), ...merge(text)];
}

/** Neighbours of one style as one span: a row of the dump is a handful of pieces, not fifty. */
function merge(spans: readonly Span[]): Span[] {
  const out: Span[] = [];
  for (const s of spans) {
    const before = out.at(-1);
    if (before?.style === s.style) out[out.length - 1] = span(before.text + s.text, s.style);
    else out.push(s);
  }
  return out;
}
