/** Findings that come and go while packets come as they happen: the newest change in one sentence, and the list of those that are over. */
import type { Snapshot } from '../engine/protocol.ts';
import type { Finding } from '../model/finding.ts';
import { timeOfDay } from './present/format.ts';
import { clean } from './present/text.ts';

/** A finding that was so, and is no longer. */
export interface PastFinding {
  readonly finding: Finding;
  /** Time of the packet at which it was not found any more, RFC 3339. */
  readonly over: string | null;
}

/** Nobody reads on; the oldest leave. */
const PAST_LIMIT = 100;

/** What a file says before it has been read to its end is provisional, and its going no news. */
const isLive = ({ progress }: Snapshot): boolean => progress.quietSeconds !== undefined;
const idsOf = ({ findings }: Snapshot): ReadonlySet<string> => new Set(findings.map(({ id }) => id));

/** Newest first. */
export function pastAfter(past: readonly PastFinding[], before: Snapshot, now: Snapshot): readonly PastFinding[] {
  if (!isLive(before) || now.findings === before.findings) return past;
  const still = idsOf(now);
  const gone = before.findings.filter(({ id, severity }) => !still.has(id) && severity !== 'info');
  const kept = past.filter(({ finding }) => !still.has(finding.id));
  if (gone.length === 0 && kept.length === past.length) return past;
  return [...gone.map((finding) => ({ finding, over: now.capture.end })), ...kept].slice(0, PAST_LIMIT);
}

export function newsOf(before: Snapshot, now: Snapshot): string | null {
  if (!isLive(before) || now.findings === before.findings) return null;
  const [known, still] = [idsOf(before), idsOf(now)];
  const at = now.capture.end === null ? '' : `${timeOfDay(now.capture.end, 0)} `;
  const come = now.findings.find(({ id, severity }) => !known.has(id) && severity !== 'info');
  if (come !== undefined) return `${at}New: ${clean(come.title)}`;
  const gone = before.findings.find(({ id, severity }) => !still.has(id) && severity !== 'info');
  return gone === undefined ? null : `${at}No longer so: ${clean(gone.title)}`;
}
