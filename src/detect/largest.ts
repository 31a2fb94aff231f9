/**
 * A rule that finds the same thing at two hundred places tells of the largest of them and says how many more there are:
 * nobody reads two hundred findings, and each costs time to write.
 */
import { plural } from '../model/wording.ts';
import type { Draft } from './detector.ts';

/** Findings of one rule that a person still reads as a list. */
const MOST = 16;

/** Drafts of the groups with the largest `size`, in the order of the groups; each says how many were left out. Of the others nothing is kept. */
export function draftLargest<T>(groups: Iterable<T>, size: (group: T) => number, draft: (group: T) => Draft, what: string): Draft[] {
  const wanted: { readonly group: T; readonly size: number }[] = [];
  let left = 0;
  for (const group of groups) {
    wanted.push({ group, size: size(group) });
    if (wanted.length <= MOST) continue;
    left++;
    // Of the smallest the last one.
    let least = 0;
    for (let i = 1; i <= MOST; i++) if (wanted[i]!.size <= wanted[least]!.size) least = i;
    wanted.splice(least, 1);
  }
  if (left === 0) return wanted.map(({ group }) => draft(group));
  const text = `${plural(left, `smaller ${what}`)} with the same ${left === 1 ? 'is' : 'are'} not listed`;
  return wanted.map(({ group }) => {
    const d = draft(group);
    return { ...d, caveats: [...(d.caveats ?? []), { code: 'more-groups', text, count: left }] };
  });
}
