/**
 * What an incident document shows beside the report: which connection stands for each finding, segment by segment, and how states and
 * figures went. Markdown and HTML are two ways to write the same document; what stands in it, and how much, is decided here.
 */
import type { Finding } from '../model/finding.ts';
import type { Distribution, Report } from '../model/report.ts';
import type { StateName } from '../model/state.ts';
import { type ConnectionDetail, type LadderItem, ladderItems } from './connection-detail.ts';
import { placeFindings, type PlacedFinding, secondsBetween } from './narrate.ts';

export interface IncidentDocument {
  readonly report: Report;
  /** As it was typed, quoted for a shell. */
  readonly command: string;
  /** Nothing in it may say which capture it is about. */
  readonly anonymous: boolean;
  /** By id of the connection, those of `exhibits`; their findings are those of the report, so that numbers are the report's. */
  readonly connections: ReadonlyMap<number, ConnectionDetail>;
  /** Why connections are lacking; null: none is. */
  readonly lacking: string | null;
  /** Sockets by state over the capture; null: there is none. */
  readonly states: StatesOverTime | null;
  readonly distributions: readonly Distribution[];
  /** What was tracked, for other processes. */
  readonly partial: () => AsyncIterable<Uint8Array>;
}

/** Sockets of all hosts together, at moments of equal distance from the first packet on. */
export interface StatesOverTime {
  readonly everySeconds: number;
  readonly moments: readonly string[];
  /** States that occur, in RFC 9293's order; as many counts as moments. */
  readonly counts: readonly { readonly state: StateName; readonly sockets: readonly number[] }[];
}

/** Findings told in full; more pages than this nobody reads, and they come first that weigh most. */
const FINDINGS_IN_FULL = 30;
/** Frames shown of a finding. */
const EVIDENCE_SHOWN = 8;
/** Connections shown segment by segment; each costs a drawing. */
const CONNECTIONS_SHOWN = 12;
/** Segments read of either end of such a connection, before they are condensed. */
export const SEGMENTS_READ = 500;

/** Findings in their places: those told in full, and those of which there is only the title. */
export function inFull(report: Pick<Report, 'findings'>): {
  readonly full: readonly PlacedFinding[];
  readonly rest: readonly PlacedFinding[];
} {
  const placed = placeFindings(report.findings);
  return { full: placed.slice(0, FINDINGS_IN_FULL), rest: placed.slice(FINDINGS_IN_FULL) };
}

/** The frames shown of a finding, and how many are left out. */
export const evidenceShown = ({ evidence }: Pick<Finding, 'evidence'>): { readonly shown: Finding['evidence']; readonly more: number } => {
  return { shown: evidence.slice(0, EVIDENCE_SHOWN), more: Math.max(0, evidence.length - EVIDENCE_SHOWN) };
};

/**
 * By finding, the connection that shows it best: the one of which most frames are cited. Findings that share one share a drawing;
 * what would need more drawings than there may be has none.
 */
export function exhibits(report: Pick<Report, 'findings'>): ReadonlyMap<string, number> {
  const chosen = new Map<string, number>();
  const drawn = new Set<number>();
  for (const { finding } of inFull(report).full) {
    const connection = exemplary(finding);
    if (connection === null || (drawn.size === CONNECTIONS_SHOWN && !drawn.has(connection))) continue;
    drawn.add(connection);
    chosen.set(finding.id, connection);
  }
  return chosen;
}

function exemplary(finding: Finding): number | null {
  const frames = new Map<number, number>();
  for (const { connection } of evidenceShown(finding).shown)
    if (connection !== null) frames.set(connection, (frames.get(connection) ?? 0) + 1);
  const most = Math.max(0, ...frames.values());
  return [...frames].find(([, count]) => count === most)?.[0] ?? finding.connections[0] ?? null;
}

/** Something that began or ended. */
export interface IncidentEvent {
  readonly time: string;
  /** Seconds since the first packet; null where that cannot be said. */
  readonly at: number | null;
  readonly what: 'capture begins' | 'begins' | 'ends' | 'happens' | 'capture ends';
  readonly placed: PlacedFinding | null;
}

/** In order of time; of what happens at once, in order of the report. */
export function eventsOf({ capture }: Report, placed: readonly PlacedFinding[]): readonly IncidentEvent[] {
  const { start, end } = capture;
  if (start === null || end === null) return [];
  const event = (time: string, what: IncidentEvent['what'], one: PlacedFinding | null): IncidentEvent => {
    return { time, at: secondsBetween(start, time), what, placed: one };
  };
  const events = placed.flatMap((one) => {
    const { since, until } = one.finding;
    if (since !== null && since === until) return [event(since, 'happens', one)];
    return [...(since === null ? [] : [event(since, 'begins', one)]), ...(until === null ? [] : [event(until, 'ends', one)])];
  });
  events.sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  return [event(start, 'capture begins', null), ...events, event(end, 'capture ends', null)];
}

/** A ladder's items reduced to about `limit`: what proves something or changes a state, how it begins and ends, and its silences. */
export function condensed(detail: ConnectionDetail, limit: number): readonly LadderItem[] {
  const items = ladderItems(detail);
  if (items.length <= limit) return items;
  const weights = items.map((item, i) => weightOf(item, Math.min(i, items.length - 1 - i)));
  const order = items.map((_, i) => i).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  const kept = new Set(order.slice(0, limit));
  // A line that says that one segment is left out is no shorter than the segment.
  items.forEach((item, i) => {
    if (item.kind === 'row' && kept.has(i - 1) && kept.has(i + 1)) kept.add(i);
  });
  const out: LadderItem[] = [];
  items.forEach((item, i) => {
    if (kept.has(i)) out.push(item);
    else if (item.kind !== 'silence') leaveOut(out, item);
  });
  return out;
}

/** @param fromEdge how many items lie between it and the nearer end */
function weightOf(item: LadderItem, fromEdge: number): number {
  const edge = 1 / (1 + fromEdge);
  if (item.kind === 'silence') return 2 + edge;
  if (item.kind === 'omitted') return 10;
  if (item.proofs.length > 0) return 5 + edge;
  if (item.changes.length > 0) return 4.1 + edge;
  return (item.row.frame !== null && item.row.notes.length > 0 ? 0.5 : 0) + (fromEdge < 3 ? 4 : edge);
}

/** Its changes of state are told where it would have stood. */
function leaveOut(out: LadderItem[], item: Exclude<LadderItem, { kind: 'silence' }>): void {
  const segments = item.kind === 'omitted' ? item.segments : item.row.frame === null ? 0 : 1;
  const last = out.at(-1);
  if (last?.kind !== 'omitted') out.push({ kind: 'omitted', segments, changes: item.changes });
  else out[out.length - 1] = { kind: 'omitted', segments: last.segments + segments, changes: [...last.changes, ...item.changes] };
}
