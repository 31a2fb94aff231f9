/** Who gets which rows and columns of the terminal. Pure arithmetic, so that keys (a page down) and drawing agree. */
import { fitLine, type Line, span } from './line.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export const SMALLEST: Size = { columns: 60, rows: 15 };
/** A frame of 400 columns costs Ink 60 ms, one of 200 costs 22 ms; nobody reads wider rows than this. */
const WIDEST = 200;

export const isTooSmall = (size: Size): boolean => size.columns < SMALLEST.columns || size.rows < SMALLEST.rows;
export const drawnWidth = (size: Size): number => Math.min(size.columns, WIDEST);

/** Breadcrumbs and status above, hints below. */
const CHROME_ROWS = 3;
export const bodyRows = (size: Size): number => Math.max(1, size.rows - CHROME_ROWS);

/** Columns from which details stand beside the list, and rows from which they stand below it. */
const SIDE_COLUMNS = 120;
const BELOW_ROWS = 24;

/** What stands above the findings, by the height of the terminal. */
interface Head {
  readonly verdictRows: number;
  /** Where it was taken, and the first caveat. */
  readonly facts: boolean;
  /** The capture over time. */
  readonly trendRows: number;
  /** A rule below it, with what it is. */
  readonly rule: boolean;
}
const HEADS: readonly (Head & { readonly fromRows: number })[] = [
  { fromRows: 40, verdictRows: 2, facts: true, trendRows: 5, rule: true },
  { fromRows: 30, verdictRows: 2, facts: true, trendRows: 3, rule: true },
  { fromRows: 22, verdictRows: 2, facts: false, trendRows: 2, rule: false },
  { fromRows: 0, verdictRows: 1, facts: false, trendRows: 0, rule: false },
];

export interface FindingsLayout extends Head {
  /** Rows below the head. */
  readonly bodyRows: number;
  readonly details: 'side' | 'below' | 'none';
  /** Rows of the list without its header. */
  readonly listRows: number;
  readonly listWidth: number;
  readonly detailRows: number;
  readonly detailWidth: number;
}

export function findingsLayout(size: Size, findings: number): FindingsLayout {
  const width = drawnWidth(size);
  const head = HEADS.find(({ fromRows }) => size.rows >= fromRows)!;
  const body = bodyRows(size) - head.verdictRows - (head.facts ? 1 : 0) - head.trendRows - (head.rule ? 1 : 0);
  if (width >= SIDE_COLUMNS) {
    const listWidth = Math.floor(width * 0.48);
    return {
      ...head,
      bodyRows: body,
      details: 'side',
      listRows: body - 1,
      listWidth,
      detailRows: body,
      detailWidth: width - listWidth - 2,
    };
  }
  if (size.rows >= BELOW_ROWS) {
    const listRows = Math.max(3, Math.min(findings, Math.floor(body * 0.4)));
    return { ...head, bodyRows: body, details: 'below', listRows, listWidth: width, detailRows: body - listRows - 2, detailWidth: width };
  }
  return { ...head, bodyRows: body, details: 'none', listRows: body - 1, listWidth: width, detailRows: 0, detailWidth: 0 };
}

/** Of a conversation, below one row that says whose it is. */
export const followRows = (size: Size): number => Math.max(1, bodyRows(size) - 1);

/** Below a list that is tall and wide enough: what the row under the cursor holds, with a rule above it. */
const PREVIEW_ROWS = 10;
const PREVIEW_SHARE = 0.28;
const PREVIEW_FROM: Size = { columns: 120, rows: 40 };
export const previewRows = ({ columns, rows }: Size): number =>
  columns >= PREVIEW_FROM.columns && rows >= PREVIEW_FROM.rows ? Math.max(PREVIEW_ROWS, Math.floor(rows * PREVIEW_SHARE)) : 0;

/** The list of connections has one header row. */
export const connectionRows = (size: Size): number => Math.max(1, bodyRows(size) - 1 - previewRows(size));

/** The groupings and the header. */
export const peerRows = (size: Size): number => Math.max(1, bodyRows(size) - 2);

export interface LadderLayout {
  readonly listRows: number;
  /** Rows about the selected segment, below a ruler. */
  readonly noteRows: number;
}
export function ladderLayout(size: Size): LadderLayout {
  const body = bodyRows(size);
  const noteRows = body >= 24 ? 6 : body >= 18 ? 4 : 2;
  // Two rows say who the ends are, one heads the columns, one rules off the notes.
  return { listRows: Math.max(1, body - noteRows - 4 - previewRows(size)), noteRows };
}

export interface PacketLayout {
  readonly hex: 'side' | 'below';
  readonly treeRows: number;
  readonly treeWidth: number;
  readonly hexRows: number;
  readonly hexWidth: number;
}
/** Offset, bytes in two groups, and the same as text. */
const hexWidth = (bytes: number): number => 4 + 2 + bytes * 3 + 1 + 2 + bytes;
export const hexBytesPerRow = (width: number): number => (width >= hexWidth(16) ? 16 : 8);
/** Below this a dump of 16 bytes a row beside the fields cuts what they say. */
const WIDE_HEX_FROM = 150;
/** Of a dump that stands beside something else. */
export const sideHexWidth = (width: number): number => hexWidth(width >= WIDE_HEX_FROM ? 16 : 8);

export function packetLayout(size: Size, packet: { readonly byteCount: number; readonly noted: boolean }): PacketLayout {
  const width = drawnWidth(size);
  const body = bodyRows(size) - (packet.noted ? 2 : 1); // what packet it is, and what is to be noted about it
  if (width >= SIDE_COLUMNS) {
    const hexWidth = sideHexWidth(width);
    return { hex: 'side', treeRows: body, treeWidth: width - hexWidth - 3, hexRows: body, hexWidth };
  }
  const hexRows = Math.max(1, Math.min(Math.ceil(packet.byteCount / hexBytesPerRow(width)), Math.floor((body - 1) * 0.4)));
  return { hex: 'below', treeRows: body - 1 - hexRows, treeWidth: width, hexRows, hexWidth: width };
}

/** First row of a window of `height` rows that shows `cursor`, moved as little as possible from `top`. */
export function scroll(top: number, cursor: number, height: number, total: number): number {
  const last = Math.max(0, total - height);
  let first = Math.min(Math.max(0, top), last);
  if (cursor < first) first = cursor;
  if (cursor >= first + height) first = cursor - height + 1;
  return Math.max(0, first);
}

/** A horizontal rule, with a title in it. */
export function ruler(title: string, width: number): Line {
  const lead = title === '' ? '' : `── ${title} `;
  return fitLine([span(lead + '─'.repeat(Math.max(0, width - lead.length)), 'dim')], width);
}
