/** Order statistics for rules: robust against the few that differ, and the same whatever the order of the input. */
import type { ConnId, ConnIds, Listed } from '../model/units.ts';

/** The value below which the share `q` (0 … 1) of the values lies, nearest rank; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** The largest value, -Infinity of none. Not `Math.max(...values)`: a flood has more values than a call may have arguments. */
export const largest = (values: readonly number[]): number => values.reduce((most, v) => (v > most ? v : most), -Infinity);

/** From the smallest to the largest value; 0 of none. */
export const spread = (values: readonly number[]): number =>
  values.length === 0 ? 0 : largest(values) - values.reduce((least, v) => (v < least ? v : least), Infinity);

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** At most `count` of the items, spread evenly, the first among them. For facts that a sample tells as well as all. */
export function sample<T>(items: Listed<T> & Iterable<T>, count: number): readonly T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items.at(Math.floor((i * items.length) / count))!);
}

/** The same of what passes of some lists of ids, one list behind the other. Of large lists no copy is made. */
export function sampleOf(lists: readonly ConnIds[], count: number, passes: (id: ConnId) => boolean = () => true): ConnId[] {
  let length = 0;
  for (const ids of lists) ids.forEach((id) => void (length += passes(id) ? 1 : 0));
  const wanted = Math.min(count, length);
  const out: ConnId[] = [];
  let at = 0;
  let next = 0;
  const take = (id: ConnId): void => {
    if (out.length === wanted || !passes(id) || at++ < next) return;
    out.push(id);
    next = Math.floor((out.length * length) / wanted);
  };
  for (const ids of lists) ids.forEach(take);
  return out;
}
