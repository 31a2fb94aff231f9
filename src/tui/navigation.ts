/**
 * The stack of screens: what each one shows, how long it is, how the cursor moves in it. Pure functions on plain values;
 * the store owns the stack and the questions to the session.
 */
import type { ConnectionSort, Explanation, Ladder, PacketDetail, Snapshot } from '../engine/protocol.ts';
import { endpointText } from '../model/address.ts';
import type { Finding, RuleVerdict } from '../model/finding.ts';
import { captureLines } from './present/capture.ts';
import { detailLines, type DetailLine } from './present/finding-detail.ts';
import { matchesFinding } from './present/findings.ts';
import { count, ruleLabel } from './present/format.ts';
import { type LadderItem, ladderItems } from './present/ladder.ts';
import {
  bodyRows,
  connectionRows,
  drawnWidth,
  findingsLayout,
  type FindingsLayout,
  followRows,
  ladderLayout,
  packetLayout,
  peerRows,
  type PacketLayout,
  scroll,
  type Size,
} from './present/layout.ts';
import type { KeyRow } from './keymap.ts';
import type { Menu } from './menu.ts';
import type { PastFinding } from './news.ts';
import { packetTree } from './present/packet.ts';
import { explanationLines } from './present/prose.ts';
import { timeLayout } from './present/time.ts';
import type { PeersView } from './peers-view.ts';
import type { Preview } from './preview.ts';
import type { TimeView } from './time-view.ts';
import { type FollowView, linesOfFollow } from './follow-view.ts';
import type { Writing } from './writing.ts';
import { lineText } from './present/line.ts';
import type { Prompt } from './prompt.ts';
import type { ConnectionPages } from './pages.ts';

/** An answer that may still be on its way, or never come. */
export interface Loaded<T> {
  readonly value: T | null;
  readonly error: string | null;
}
export const WAITING = { value: null, error: null } as const;

interface Window {
  readonly cursor: number;
  readonly top: number;
}
export interface FindingsView extends Window {
  readonly kind: 'findings';
  /**
   * The finding under the cursor by id: the list grows and is sorted anew while the capture is read. Null until the user
   * has moved or done something with a finding: so long the cursor stays on the first row, which is the gravest.
   */
  readonly key: string | null;
  readonly filter: string;
  readonly paneTop: number;
}
export interface FindingView extends Window {
  readonly kind: 'finding';
  readonly finding: Finding;
}
export interface ConnectionsView extends Window {
  readonly kind: 'connections';
  readonly finding: string | null;
  readonly key: number | null;
  readonly filter: string;
  readonly sort: ConnectionSort;
  readonly descending: boolean;
  readonly pages: ConnectionPages;
}
export interface LadderView extends Window {
  readonly kind: 'ladder';
  readonly connection: number;
  readonly filter: string;
  /** The finding by which one came here: the cursor starts at its proof, where this connection holds one. */
  readonly finding: string | null;
  /** The frame to which the cursor goes as soon as the rows are there; or the last row at this time (RFC 3339). */
  readonly jump: number | string | null;
  /** Of a long connection the segments around this frame are shown; null: the first and the last. */
  readonly around: number | null;
  readonly data: Loaded<Ladder>;
}
export interface PacketView extends Window {
  readonly kind: 'packet';
  readonly frame: number;
  /** Layers, by index, whose fields are not shown. */
  readonly closed: ReadonlySet<number>;
  readonly data: Loaded<PacketDetail>;
}
export interface ExplainView extends Window {
  readonly kind: 'explain';
  readonly rule: string;
  /** Whose numbers stand with the rule. */
  readonly finding: Finding;
  readonly data: Loaded<Explanation>;
}
/** All that is known of the capture itself. */
export interface CaptureView extends Window {
  readonly kind: 'capture';
}
export type View =
  FindingsView | FindingView | ConnectionsView | LadderView | PacketView | ExplainView | TimeView | CaptureView | FollowView | PeersView;

export interface TuiState {
  readonly snapshot: Snapshot;
  /** Live: findings that are over, newest first. */
  readonly past: readonly PastFinding[];
  /** Known at the end: what each rule concluded. */
  readonly rules: readonly RuleVerdict[] | null;
  readonly size: Size;
  /** Never empty; the last one is on the screen. */
  readonly views: readonly View[];
  /** The line that is being typed into. */
  readonly prompt: Prompt | null;
  /** What was searched for in a text, and is marked there. */
  readonly search: string;
  /** The line of the match that one is at. */
  readonly found: number | null;
  /** A choice over the screen. */
  readonly menu: Menu | null;
  /** A file that is about to be written. */
  readonly writing: Writing | null;
  /** Digits typed before a movement. */
  readonly count: string;
  /** The screen stands still while the analysis goes on. */
  readonly frozen: boolean;
  /** Findings for the report, by id, with what the user notes about them. */
  readonly marks: ReadonlyMap<string, string>;
  readonly settings: Settings;
  readonly keymap: readonly KeyRow[];
  /** Of the row under the cursor, where there is room; the newest that came. */
  readonly preview: Preview | null;
  /** First row of the help when it is open. */
  readonly help: number | null;
  /** No key has been pressed: whoever sees this for the first time is told how to begin. */
  readonly untouched: boolean;
  /** One sentence in place of the hints, until the next key. */
  readonly notice: string | null;
}

/** What the user may change while it runs. */
export interface Settings {
  readonly color: boolean;
  /** Nothing but ASCII is drawn. */
  readonly ascii: boolean;
  /** Wheel and clicks come to us; the terminal cannot select text without Shift then. */
  readonly mouse: boolean;
}

export const topView = (state: TuiState): View => state.views.at(-1)!;

type Known = Pick<TuiState, 'snapshot' | 'past'>;

/** Those that are so, then those that were. */
export const allFindings = ({ snapshot, past }: Known): readonly Finding[] =>
  past.length === 0 ? snapshot.findings : [...snapshot.findings, ...past.map(({ finding }) => finding)];

export const shownFindings = (known: Known, filter: string): readonly Finding[] =>
  filter === '' ? allFindings(known) : allFindings(known).filter((finding) => matchesFinding(finding, filter));

/** When it was no longer so; undefined: it is. */
export const overSince = ({ past }: Pick<TuiState, 'past'>, finding: Finding): string | null | undefined =>
  past.find((other) => other.finding === finding)?.over;

export const findingsLayoutOf = (state: TuiState): FindingsLayout => findingsLayout(state.size, allFindings(state).length);

export const selectedFinding = (state: TuiState, view: FindingsView): Finding | undefined => shownFindings(state, view.filter)[view.cursor];

/** Rows of a ladder, kept as long as the ladder and the filter are the same. */
const itemCache = new WeakMap<Ladder, { filter: string; items: readonly LadderItem[] }>();
export function itemsOf(view: LadderView): readonly LadderItem[] {
  const ladder = view.data.value;
  if (ladder === null) return [];
  const kept = itemCache.get(ladder);
  if (kept?.filter === view.filter) return kept.items;
  const items = ladderItems(ladder, view.filter);
  itemCache.set(ladder, { filter: view.filter, items });
  return items;
}

const detailCache = new WeakMap<Finding, { width: number; over: string | null | undefined; lines: readonly DetailLine[] }>();
export function detailOf(finding: Finding, state: TuiState, width: number): readonly DetailLine[] {
  const over = overSince(state, finding);
  const kept = detailCache.get(finding);
  if (kept?.width === width && kept.over === over) return kept.lines;
  const { findings, capture } = state.snapshot;
  const lines = detailLines(finding, findings, { width, over, names: capture.names });
  detailCache.set(finding, { width, over, lines });
  return lines;
}
/** The mark of the cursor stands left of the lines. */
export const DETAIL_MARGIN = 2;

/** Is the answer still on its way that this screen, or opening the row under its cursor, needs? */
export function isWaiting(view: View, opening: boolean): boolean {
  switch (view.kind) {
    case 'findings':
    case 'finding':
    case 'capture':
      return false;
    case 'time':
      return view.stepping || view.pages.total === null || (opening && view.pages.total > 0 && view.pages.idAt(view.cursor) === undefined);
    case 'peers':
      return view.pages.total === null || (opening && view.pages.total > 0 && !view.pages.isCurrent);
    case 'connections':
      return view.pages.total === null || (opening && view.pages.total > 0 && view.pages.idAt(view.cursor) === undefined);
    case 'ladder':
    case 'packet':
    case 'explain':
    case 'follow':
      return view.data.value === null && view.data.error === null;
  }
}

/** Rows of the whole list. */
export function lengthOf(view: View, state: TuiState): number {
  switch (view.kind) {
    case 'findings':
      return shownFindings(state, view.filter).length;
    case 'finding':
      return detailOf(view.finding, state, drawnWidth(state.size) - DETAIL_MARGIN).length;
    case 'connections':
    case 'time':
    case 'peers':
      return view.pages.total ?? 0;
    case 'ladder':
      return itemsOf(view).length;
    case 'follow':
      return linesOfFollow(view, state).length;
    case 'packet':
      return view.data.value === null ? 0 : packetTree(view.data.value, view.closed).length;
    case 'capture':
      return captureLines(state.snapshot, state.rules, drawnWidth(state.size)).length;
    case 'explain':
      return view.data.value === null ? 0 : explanationLines(view.data.value, view.finding, drawnWidth(state.size)).length;
  }
}

/** Rows of it on the screen. */
export function heightOf(view: View, state: TuiState): number {
  switch (view.kind) {
    case 'findings':
      return findingsLayoutOf(state).listRows;
    case 'finding':
    case 'explain':
    case 'capture':
      return bodyRows(state.size);
    case 'connections':
      return connectionRows(state.size);
    case 'ladder':
      return ladderLayout(state.size).listRows;
    case 'follow':
      return followRows(state.size);
    case 'time':
      return timeLayout(state.size).listRows;
    case 'peers':
      return peerRows(state.size);
    case 'packet':
      return packetLayoutOf(view.data.value, state.size).treeRows;
  }
}

export const packetLayoutOf = (detail: PacketDetail | null, size: Size): PacketLayout =>
  packetLayout(size, { byteCount: detail?.bytes.length ?? 0, noted: (detail?.notes.length ?? 0) > 0 });

/** Cursor inside the list, window around the cursor. A text has no cursor: its window is moved. */
export function settled<V extends View>(view: V, state: TuiState): V {
  const total = lengthOf(view, state);
  const height = heightOf(view, state);
  if (view.kind === 'explain' || view.kind === 'capture') {
    const top = Math.max(0, Math.min(view.cursor, total - height));
    return { ...view, cursor: top, top };
  }
  const cursor = Math.max(0, Math.min(view.cursor, total - 1));
  return { ...view, cursor, top: scroll(view.top, cursor, height, total) };
}

/** A screen that is read as a text, line by line; null: it is a list. */
export function textLines(view: View, state: TuiState): readonly string[] | null {
  switch (view.kind) {
    case 'finding':
      return detailOf(view.finding, state, drawnWidth(state.size) - DETAIL_MARGIN).map(({ line }) => lineText(line));
    case 'explain':
      return view.data.value === null ? [] : explanationLines(view.data.value, view.finding, drawnWidth(state.size)).map(lineText);
    case 'capture':
      return captureLines(state.snapshot, state.rules, drawnWidth(state.size)).map(lineText);
    case 'follow':
      return linesOfFollow(view, state).map(({ line }) => lineText(line));
    default:
      return null;
  }
}

/** How far a command moves the cursor; undefined: it is not a movement. */
export function movement(command: string, height: number): number | undefined {
  const page = Math.max(1, height - 1);
  const half = Math.max(1, Math.floor(height / 2));
  const steps: Readonly<Record<string, number>> = {
    down: 1,
    up: -1,
    'page-down': page,
    'page-up': -page,
    'half-down': half,
    'half-up': -half,
    first: -Number.MAX_SAFE_INTEGER,
    last: Number.MAX_SAFE_INTEGER,
  };
  return steps[command];
}

export function crumbs(state: TuiState): string[] {
  return state.views.flatMap((view, at) => {
    switch (view.kind) {
      case 'findings':
        return 'Findings';
      case 'finding':
        if (state.snapshot.findings.some((known) => known.id === view.finding.id)) return findingLabel(view.finding);
        return `${findingLabel(view.finding)}, ${overSince(state, view.finding) === undefined ? 'withdrawn' : 'over'}`;
      case 'connections': {
        const { finding } = view;
        if (finding === null) return `All connections (${count(state.snapshot.capture.connections)})`;
        // Behind the finding itself the list needs no name of its own once one is deeper.
        if (state.views[at - 1]?.kind === 'finding') return at === state.views.length - 1 ? 'connections' : [];
        const known = state.snapshot.findings.find((other) => other.id === finding);
        return known ? findingLabel(known) : finding;
      }
      case 'ladder': {
        const row = view.data.value?.connection;
        return row
          ? `${endpointText(row.client.ip, row.client.port)}→${endpointText(row.server.ip, row.server.port)}`
          : `connection ${view.connection}`;
      }
      case 'follow':
        return 'conversation';
      case 'packet':
        return `#${view.frame}`;
      case 'explain':
        return `rule ${view.rule}`;
      case 'time':
        return 'Time machine';
      case 'peers':
        return 'Hosts and services';
      case 'capture':
        return 'Capture';
    }
  });
}
const findingLabel = (finding: Finding): string => `${ruleLabel(finding.rule)} (${count(finding.count)})`;
