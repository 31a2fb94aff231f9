/**
 * A rule that finds the same thing at two hundred places tells of the largest of them and says how many more there are:
 * nobody reads two hundred findings, and each costs time to write.
 */
import { plural } from '../model/wording.ts';
import type { Draft } from './detector.ts';

/** Findings of one rule that a person still reads as a list. */
const MOST = 16;

/** Drafts of the groups with the largest `size`, in the order of the groups; each says how many were left out. */
export function draftLargest<T>(groups: readonly T[], size: (group: T) => number, draft: (group: T) => Draft, what: string): Draft[] {
  const left = groups.length - MOST;
  if (left <= 0) return groups.map((g) => draft(g));
  const wanted = new Set(groups.toSorted((a, b) => size(b) - size(a)).slice(0, MOST));
  const text = `${plural(left, `smaller ${what}`)} with the same ${left === 1 ? 'is' : 'are'} not listed`;
  return groups.flatMap((g) => {
    if (!wanted.has(g)) return [];
    const d = draft(g);
    return [{ ...d, caveats: [...(d.caveats ?? []), { code: 'more-groups', text, count: left }] }];
  });
}
