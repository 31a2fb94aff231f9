/**
 * The segments of one direction of one connection, as their sender's side and as their receiver's side saw them: which is which. Equal
 * numbers make two candidates, the IP identification and the TCP timestamp tell a repeat from what it repeats. Segments that a network card
 * cut or glued together are found by the octets that they cover.
 */
import { Flag } from '../../model/flags.ts';
import type { Segment } from './segments.ts';

export interface Matched {
  readonly sent: Segment;
  readonly arrived: Segment;
  /** No other segment of either side looks like it: its times may be compared. */
  readonly unmistakable: boolean;
}

export interface Matching {
  readonly matched: readonly Matched[];
  /** Sent, and covered by segments of other sizes. */
  readonly resized: readonly Segment[];
  /** In one capture alone. */
  readonly missing: readonly Segment[];
  readonly extra: readonly Segment[];
  /** Came again although sent once. */
  readonly duplicates: readonly Segment[];
}

const COUNTED = Flag.SYN | Flag.FIN | Flag.RST;

/** What is added to the sequence and acknowledgment numbers on the way, modulo 2^32. */
export interface Shift {
  readonly seq: number;
  readonly ack: number;
}

export function matchSegments(sent: readonly Segment[], arrived: readonly Segment[], shift: Shift): Matching {
  const exact = (s: Segment, by: Shift): string =>
    `${(s.seq + by.seq) >>> 0} ${(s.flags & Flag.ACK) === 0 ? '' : (s.ack + by.ack) >>> 0} ${s.length} ${s.flags & COUNTED} ${s.ts}`;
  const loose = (s: Segment, by: Shift): string => `${(s.seq + by.seq) >>> 0} ${s.length} ${s.flags & COUNTED}`;
  const first = round(sent, arrived, shift, exact);
  // Something on the way may have changed an acknowledgment or taken out a timestamp.
  const second = round(first.missing, first.extra.filter(carries), shift, loose);
  const extra = [...first.extra.filter((s) => !carries(s)), ...second.extra];
  const { resized, covered } = resizedSegments(second.missing, extra, shift);
  const matched = [...first.matched, ...second.matched.map((m) => ({ ...m, unmistakable: false }))];
  const keys = new Set(matched.map((m) => exact(m.arrived, NONE)));
  const rest = extra.filter((s) => !covered.has(s));
  return {
    matched,
    resized: [...resized],
    missing: second.missing.filter((s) => !resized.has(s)),
    extra: rest.filter((s) => !keys.has(exact(s, NONE))),
    duplicates: rest.filter((s) => keys.has(exact(s, NONE))),
  };
}

const NONE: Shift = { seq: 0, ack: 0 };
/** Bare acknowledgments look alike: only an exact match means anything. */
const carries = (s: Segment): boolean => s.length > 0 || (s.flags & COUNTED) !== 0;

interface Round {
  readonly matched: readonly Matched[];
  readonly missing: readonly Segment[];
  readonly extra: readonly Segment[];
}

function round(sent: readonly Segment[], arrived: readonly Segment[], shift: Shift, key: (s: Segment, by: Shift) => string): Round {
  const waiting = new Map<string, Segment[]>();
  for (const s of sent) {
    const k = key(s, shift);
    const list = waiting.get(k);
    if (list === undefined) waiting.set(k, [s]);
    else list.push(s);
  }
  const total = new Map([...waiting].map(([k, list]) => [k, list.length]));
  const came = new Map<string, number>();
  for (const s of arrived) came.set(key(s, NONE), (came.get(key(s, NONE)) ?? 0) + 1);
  const matched: Matched[] = [];
  const extra: Segment[] = [];
  for (const r of arrived) {
    const k = key(r, NONE);
    const list = waiting.get(k) ?? [];
    const same = list.findIndex((s) => s.ipId === r.ipId);
    // Of several that look alike the one with the same number; of one that differs in it, the one.
    const at = same >= 0 ? same : list.length > 0 && list.length >= (came.get(k) ?? 0) ? 0 : -1;
    if (at < 0) {
      extra.push(r);
      came.set(k, (came.get(k) ?? 1) - 1);
      continue;
    }
    const [s] = list.splice(at, 1);
    came.set(k, (came.get(k) ?? 1) - 1);
    matched.push({ sent: s!, arrived: r, unmistakable: total.get(k) === 1 });
  }
  return { matched, missing: [...waiting.values()].flat().sort((a, b) => a.frame - b.frame), extra };
}

/** Sent segments whose octets came in pieces of other sizes, and those pieces: large send and large receive offload. */
function resizedSegments(
  missing: readonly Segment[],
  extra: readonly Segment[],
  shift: Shift,
): { readonly resized: ReadonlySet<Segment>; readonly covered: ReadonlySet<Segment> } {
  const resized = new Set<Segment>();
  const covered = new Set<Segment>();
  const data = (s: Segment): boolean => s.length > 0 && (s.flags & Flag.RST) === 0;
  const small = extra.filter(data).sort((a, b) => (a.seq - b.seq) | 0 || a.frame - b.frame);
  for (const s of missing.filter(data)) {
    const parts = small.filter((r) => !covered.has(r) && within(r, (s.seq + shift.seq) >>> 0, s.length));
    if (!covers(parts, (s.seq + shift.seq) >>> 0, s.length, 0)) continue;
    resized.add(s);
    for (const r of parts) covered.add(r);
  }
  const pieces = missing.filter((s) => data(s) && !resized.has(s)).sort((a, b) => (a.seq - b.seq) | 0 || a.frame - b.frame);
  for (const r of small.filter((one) => !covered.has(one))) {
    const parts = pieces.filter((s) => !resized.has(s) && within(s, (r.seq - shift.seq) >>> 0, r.length));
    if (!covers(parts, r.seq, r.length, shift.seq)) continue;
    covered.add(r);
    for (const s of parts) resized.add(s);
  }
  return { resized, covered };
}

const within = (s: Segment, seq: number, length: number): boolean => {
  const from = (s.seq - seq) | 0;
  return from >= 0 && from + s.length <= length;
};

/** Do segments in the order of their numbers leave no gap? */
function covers(parts: readonly Segment[], seq: number, length: number, shift: number): boolean {
  let reached = 0;
  for (const p of parts) {
    const from = ((p.seq + shift - seq) | 0) >>> 0;
    if (from > reached) return false;
    reached = Math.max(reached, from + p.length);
  }
  return parts.length > 0 && reached >= length;
}
