/** What became of the segments of one direction, over all pairs of connections. */
import { Flag } from '../../model/flags.ts';
import type { Delays, DirectionFacts } from '../../model/correlation.ts';
import { SIDE_NAMES, type Side, otherSide } from '../../model/state.ts';
import { NANOS_PER_SECOND, tidySeconds } from '../../model/units.ts';
import { aheadAt, type ClockLine } from './clocks.ts';
import type { Matched, Matching } from './matching.ts';
import type { Pair } from './pairing.ts';
import type { Segment, SegmentTable } from './segments.ts';

/** The segments of one direction of one pair. */
export interface Flow {
  readonly pair: Pair;
  /** Who sent them. */
  readonly side: Side;
  readonly matching: Matching;
  /** By its acknowledgments, what the receiver has had: the highest number behind, as its own capture shows it. */
  readonly acknowledged: number | null;
  /** Of the sender, in its own capture. */
  readonly sent: readonly Segment[];
}

/** What is counted of a direction, with the segments that prove it. */
export interface Account {
  readonly facts: DirectionFacts;
  readonly lost: readonly (readonly [Flow, Segment])[];
  readonly injectedResets: readonly (readonly [Flow, Segment])[];
  readonly droppedResets: readonly (readonly [Flow, Segment])[];
  readonly appeared: readonly (readonly [Flow, Segment])[];
}

/**
 * How long a segment may need to the other capture without being lost: nothing is concluded from the last of a capture. So many times
 * the slowest that came; nanoseconds where nothing did.
 */
const PATIENCE = 2;
const BLIND_PATIENCE = NANOS_PER_SECOND;

/** While the receiver's capture ran, by the clock of the sender's. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export function account(flows: readonly Flow[], side: Side, receiver: SegmentTable, line: ClockLine | null): Account {
  /** Of the receiver's clock against the sender's. */
  const ahead = (time: number): number => (line === null ? 0 : side === 0 ? aheadAt(line, time) : -aheadAt(line, time));
  const delays: number[] = [];
  const hops: number[] = [];
  let [sent, arrived, missedByCapture, duplicated, overtaken] = [0, 0, 0, 0, 0];
  const out = { lost: [], injectedResets: [], droppedResets: [], appeared: [] } as Record<
    'lost' | 'injectedResets' | 'droppedResets' | 'appeared',
    (readonly [Flow, Segment])[]
  >;
  for (const { matching } of flows) {
    const { matched, resized, duplicates } = matching;
    arrived += matched.length + resized.length;
    duplicated += duplicates.length;
    overtaken += overtakenOf(matched);
    for (const { sent: s, arrived: r, unmistakable } of matched) {
      if (unmistakable && line !== null) delays.push(r.time - s.time - ahead(s.time));
      hops.push(s.ttl - r.ttl);
    }
  }
  const slowest = delays.reduce((most, d) => Math.max(most, d), 0);
  const last = receiver.last - (delays.length > 0 ? PATIENCE * slowest : BLIND_PATIENCE);
  for (const flow of flows) {
    for (const s of flow.matching.missing) {
      const due = s.time + ahead(s.time);
      if (due < receiver.first || due > last) continue;
      if (wasHad(flow, s)) missedByCapture++;
      else if ((s.flags & Flag.RST) !== 0) out.droppedResets.push([flow, s]);
      else out.lost.push([flow, s]);
    }
    for (const r of flow.matching.extra) ((r.flags & Flag.RST) !== 0 ? out.injectedResets : out.appeared).push([flow, r]);
  }
  sent = arrived + missedByCapture + out.lost.length + out.droppedResets.length;
  const facts: DirectionFacts = {
    from: SIDE_NAMES[side],
    sent,
    arrived,
    lost: out.lost.length,
    missedByCapture,
    duplicated,
    overtaken,
    appeared: out.appeared.length,
    injectedResets: out.injectedResets.length,
    delaySeconds: delaysOf(delays),
    hops: commonest(hops),
  };
  return { facts, ...out };
}

/** Acknowledged although it never came, and not because it was sent again. */
function wasHad({ matching, acknowledged }: Flow, s: Segment): boolean {
  if (s.length === 0 || acknowledged === null || ((acknowledged - s.seq - s.length) | 0) < 0) return false;
  const again = (other: Segment): boolean =>
    other.length > 0 && ((other.seq - s.seq) | 0) <= 0 && ((other.seq + other.length - s.seq - s.length) | 0) >= 0;
  return !matching.matched.some((m) => again(m.sent)) && !matching.resized.some(again);
}

/** Segments that came after one that was sent later. */
function overtakenOf(matched: readonly Matched[]): number {
  let latest = -Infinity;
  let count = 0;
  for (const { arrived } of [...matched].sort((x, y) => x.sent.frame - y.sent.frame)) {
    if (arrived.frame < latest) count++;
    else latest = arrived.frame;
  }
  return count;
}

function delaysOf(nanos: readonly number[]): Delays | null {
  if (nanos.length === 0) return null;
  const sorted = Float64Array.from(nanos).sort();
  const at = (share: number): number =>
    tidySeconds(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]! / NANOS_PER_SECOND);
  return { min: at(0), median: at(0.5), p95: at(0.95), max: at(1) };
}

/** null: no value is that of more than half. */
export function commonest(values: readonly number[]): number | null {
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  const [best] = [...counts].sort((x, y) => y[1] - x[1]);
  return best !== undefined && best[1] * 2 > values.length ? best[0] : null;
}

/** The sender's segments and the receiver's of a pair, in one direction. */
export function flowOf(
  pair: Pair,
  side: Side,
  a: SegmentTable,
  b: SegmentTable,
  match: (s: readonly Segment[], r: readonly Segment[], pair: Pair, side: Side) => Matching,
): Flow {
  const inA = a.byConnection.get(pair.client)!;
  const inB = b.byConnection.get(pair.server)!;
  const sideInB = pair.flipped ? otherSide(side) : side;
  const fromA = inA.filter((s) => s.side === side);
  const fromB = inB.filter((s) => s.side === sideInB);
  const [sent, arrived] = side === 0 ? [fromA, fromB] : [fromB, fromA];
  // The receiver's own words, where it sent them.
  const answers = side === 0 ? inB.filter((s) => s.side !== sideInB) : inA.filter((s) => s.side !== side);
  const back = side === 0 ? pair.shift[0] : -pair.shift[1];
  let acknowledged: number | null = null;
  for (const s of answers) {
    if ((s.flags & (Flag.ACK | Flag.RST)) !== Flag.ACK) continue;
    const ack = (s.ack - back) >>> 0;
    if (acknowledged === null || ((ack - acknowledged) | 0) > 0) acknowledged = ack;
  }
  return { pair, side, matching: match(sent, arrived, pair, side), acknowledged, sent };
}
