/** Connections of a service by when they began or what preceded their end, straight from the columns. */
import { type ConnId, type ConnIds, type Nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Pair, pairOf, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';

export function answeredAround(
  census: Census,
  ids: ConnIds,
  from: Nanos,
  to: Nanos,
): { before: ConnId | null; between: number; after: ConnId | null } {
  const { cores, firstTimes } = census.tracker.tables;
  const start = (id: ConnId): number => firstTimes.of(id);
  const answered = (id: ConnId): boolean =>
    (cores.page(id)[cores.offset(id) + Core.STATE]! & Trait.SAW_SYN_ACK) !== 0 && !census.isScan(id);
  // Ids are in order of time: look outwards from the two moments.
  const first = firstWhere(ids.length, (i) => start(ids.at(i)!) >= from);
  const last = firstWhere(ids.length, (i) => start(ids.at(i)!) > to);
  let before: ConnId | null = null;
  for (let i = first - 1; i >= 0 && before === null; i--) if (answered(ids.at(i)!)) before = ids.at(i)!;
  let after: ConnId | null = null;
  for (let i = last; i < ids.length && after === null; i++) if (answered(ids.at(i)!)) after = ids.at(i)!;
  let between = 0;
  for (let i = first; i < last; i++) if (answered(ids.at(i)!)) between++;
  return { before, between, after };
}

/** The first of the indexes below `length` for which `test` holds, as it does for all behind it; `length` if for none. */
export function firstWhere(length: number, test: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function closedWhenIdle(census: Census, ids: readonly ConnId[], minSeconds: number): ConnId[] {
  const { cores, pairs } = census.tracker.tables;
  return ids.filter((id) => {
    const ref = pairOf(cores.page(id), cores.offset(id));
    if (ref === 0) return false;
    if (pairs.double(ref - 1, Pair.QUIET) >= minSeconds * NANOS_PER_SECOND) return true;
    return ((pairs.word(ref - 1, Half.FLAGS) | pairs.word(ref - 1, HALF_STRIDE + Half.FLAGS)) & HalfFlag.TLS) !== 0;
  });
}
