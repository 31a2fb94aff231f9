/**
 * Which connection of one capture is which of the other: by tuple; behind an address translator by the initial sequence numbers, which it leaves
 * alone; behind one that changes those, too, by the octets that were sent.
 */
import { Flag } from '../../model/flags.ts';
import { otherSide, Side } from '../../model/state.ts';
import type { Segment, SegmentTable } from './segments.ts';

/** Ends of a connection as texts: `10.0.0.1:54200`. */
export interface Ends {
  readonly client: string;
  readonly server: string;
}

export interface Pair {
  readonly client: number;
  readonly server: number;
  readonly by: 'tuple' | 'numbers' | 'content';
  /** The roles are told otherwise in the server's capture (a connection whose beginning it lacks). */
  readonly flipped: boolean;
  /** By side: what is added to its sequence numbers on the way, modulo 2^32. */
  readonly shift: readonly [number, number];
}

/** Segments with the same octets that two connections must share; one is enough where it is this long. */
const ENOUGH = 2;
const TELLING = 64;
/** Connections behind one piece of content: more, and it tells nothing. */
const MOST = 8;

interface Numbers {
  /** By side. */
  readonly isn: readonly [number | null, number | null];
}

export function pairConnections(
  a: SegmentTable,
  b: SegmentTable,
  ends: { readonly a: (id: number) => Ends; readonly b: (id: number) => Ends },
): readonly Pair[] {
  const pairs: Pair[] = [];
  const left = new Set(b.byConnection.keys());
  const take = (pair: Pair): void => {
    pairs.push(pair);
    left.delete(pair.server);
    open.delete(pair.client);
  };
  const open = new Set(a.byConnection.keys());
  const numbersA = numbersOf(a);
  const numbersB = numbersOf(b);

  const byTuple = groups([...left], (id) => tupleOf(ends.b(id)));
  for (const id of [...open]) {
    const mine = ends.a(id);
    const candidates = (byTuple.get(tupleOf(mine)) ?? []).filter((other) => left.has(other));
    const found = candidates.find((other) => {
      const flipped = ends.b(other).client !== mine.client;
      return agrees(numbersA.get(id)!, numbersB.get(other)!, flipped) ?? shares(a, b, id, other, flipped);
    });
    if (found !== undefined) take({ client: id, server: found, by: 'tuple', flipped: ends.b(found).client !== mine.client, shift: [0, 0] });
  }

  const byNumber = groups([...left], (id) => numbersB.get(id)!.isn[Side.CLIENT]?.toString() ?? '');
  for (const id of [...open]) {
    const isn = numbersA.get(id)!.isn[Side.CLIENT];
    if (isn === null) continue;
    const candidates = (byNumber.get(isn.toString()) ?? []).filter(
      (other) => left.has(other) && agrees(numbersA.get(id)!, numbersB.get(other)!, false) === true,
    );
    if (candidates.length === 1) take({ client: id, server: candidates[0]!, by: 'numbers', flipped: false, shift: [0, 0] });
  }

  if (open.size > 0 && left.size > 0) for (const pair of byContent(a, b, open, left)) take(pair);
  return pairs.sort((x, y) => x.client - y.client);
}

const tupleOf = ({ client, server }: Ends): string => (client < server ? `${client} ${server}` : `${server} ${client}`);

function groups(ids: readonly number[], key: (id: number) => string): ReadonlyMap<string, readonly number[]> {
  const out = new Map<string, number[]>();
  for (const id of ids) {
    const k = key(id);
    const list = out.get(k);
    if (list === undefined) out.set(k, [id]);
    else list.push(id);
  }
  return out;
}

function numbersOf({ byConnection }: SegmentTable): ReadonlyMap<number, Numbers> {
  return new Map(
    [...byConnection].map(([id, segments]) => {
      const isn = (side: Side): number | null => segments.find((s) => s.side === side && (s.flags & Flag.SYN) !== 0)?.seq ?? null;
      return [id, { isn: [isn(Side.CLIENT), isn(Side.SERVER)] }];
    }),
  );
}

/** null: neither end's number is known on both sides. */
function agrees(a: Numbers, b: Numbers, flipped: boolean): boolean | null {
  let known = false;
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const [x, y] = [a.isn[side], b.isn[flipped ? otherSide(side) : side]];
    if (x == null || y == null) continue;
    if (x !== y) return false;
    known = true;
  }
  return known ? true : null;
}

/** Has a segment of the one been seen in the other? */
function shares(a: SegmentTable, b: SegmentTable, one: number, other: number, flipped: boolean): boolean {
  const key = (s: Segment, turn: boolean): string => `${turn ? otherSide(s.side) : s.side} ${s.seq} ${s.length} ${s.flags & 7}`;
  const seen = new Set(a.byConnection.get(one)!.map((s) => key(s, false)));
  return b.byConnection.get(other)!.some((s) => seen.has(key(s, flipped)));
}

function byContent(a: SegmentTable, b: SegmentTable, open: ReadonlySet<number>, left: ReadonlySet<number>): readonly Pair[] {
  const key = (s: Segment): string => `${s.side} ${s.hash} ${s.length}`;
  const where = new Map<string, Segment[]>();
  for (const id of left)
    for (const s of b.byConnection.get(id)!) {
      if (s.hash === 0) continue;
      const list = where.get(key(s)) ?? [];
      if (list.length < MOST) where.set(key(s), [...list, s]);
    }
  const pairs: Pair[] = [];
  const taken = new Set<number>();
  for (const id of open) {
    const votes = new Map<number, { count: number; longest: number; readonly shift: [number, number] }>();
    for (const s of a.byConnection.get(id)!)
      for (const other of s.hash === 0 ? [] : (where.get(key(s)) ?? [])) {
        const vote = votes.get(other.connection) ?? { count: 0, longest: 0, shift: [0, 0] as [number, number] };
        vote.count++;
        vote.longest = Math.max(vote.longest, s.length);
        vote.shift[s.side] = (other.seq - s.seq) >>> 0;
        votes.set(other.connection, vote);
      }
    const [best, second] = [...votes].filter(([other]) => !taken.has(other)).sort((x, y) => y[1].count - x[1].count);
    if (best === undefined || best[1].count === second?.[1].count) continue;
    const [server, { count, longest, shift }] = best;
    if (count < ENOUGH && longest < TELLING) continue;
    taken.add(server);
    pairs.push({ client: id, server, by: 'content', flipped: false, shift });
  }
  return pairs;
}
