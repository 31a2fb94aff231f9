/** Connections of a service by when they began or what preceded their end, straight from the columns. */
import { type ConnId, type Nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Pair, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';

export function answeredAround(
  census: Census,
  ids: readonly ConnId[],
  from: Nanos,
  to: Nanos,
): { before: ConnId | null; between: number; after: ConnId | null } {
  const { cores } = census.tracker.tables;
  let before: ConnId | null = null;
  let between = 0;
  for (const id of ids) {
    const c = cores.offset(id);
    if ((cores.page(id)[c + Core.STATE]! & Trait.SAW_SYN_ACK) === 0 || census.isScan(id)) continue;
    const start = cores.floatPage(id)[(c + Core.FIRST_TIME) >> 1]!;
    if (start < from) before = id;
    else if (start <= to) between++;
    else return { before, between, after: id };
  }
  return { before, between, after: null };
}

export function closedWhenIdle(census: Census, ids: readonly ConnId[], minSeconds: number): ConnId[] {
  const { cores, pairs } = census.tracker.tables;
  return ids.filter((id) => {
    const ref = cores.page(id)[cores.offset(id) + Core.PAIR]!;
    if (ref === 0) return false;
    const p = pairs.offset(ref - 1);
    if (pairs.floatPage(ref - 1)[(p + Pair.QUIET) >> 1]! >= minSeconds * NANOS_PER_SECOND) return true;
    const pair = pairs.page(ref - 1);
    return ((pair[p + Half.FLAGS]! | pair[p + HALF_STRIDE + Half.FLAGS]!) & HalfFlag.TLS) !== 0;
  });
}
