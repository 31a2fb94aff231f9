/**
 * The timestamps of SYNs, by client address and service (RFC 7323 §3): on how many lines they lie, and which of them are
 * older than what the server remembers of another connection of that address. Straight from the columns.
 */
import type { OlderSyn, SynTimestamps, TimestampClock } from '../model/syn-facts.ts';
import { type ConnId, NANOS_PER_SECOND } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, pairOf, SynOption, Trait } from '../track/layout.ts';
import { countsOf, lastTimeOf, optionsOf, previousOf, synTimestampOf } from '../track/sequel.ts';
import type { Census } from './census.ts';

/** Ticks per second of the clocks in use: Linux 1000 (250 and 100 before 4.13), Windows and BSD 1000, 100 or 10, 4.4BSD 2. RFC 7323 §5.4 allows 1 to 1000. */
const RATES = [1000, 250, 100, 10, 2] as const;
/** How far a SYN may lie from its line: the wait before it passed here, seconds; and what two crystals differ by. */
const JITTER_SECONDS = 0.25;
const DRIFT = 200e-6;
/** SYNs that make a clock, and the time over which they must be spread: at another rate they would leave the line. */
const MIN_SYNS = 3;
const MIN_SPREAD_SECONDS = 2;
/** SYNs looked at for clocks; of more, the first. */
const MOST = 4_096;
const WRAP = 2 ** 32;

/** linux before 4.12, TCP_PAWS_MSL and TCP_PAWS_WINDOW: how long a timestamp is remembered, seconds; how much older is too old, ticks. */
const REMEMBERED_SECONDS = 60;
const PAWS_WINDOW = 1;
/** A SYN so shortly before the end of observation may still be answered. */
const UNDECIDED = NANOS_PER_SECOND;

/** One SYN; times are seconds. */
interface Syn {
  readonly id: ConnId;
  readonly at: number;
  /** int32 */
  readonly timestamp: number;
  readonly fate: 'answered' | 'dropped' | 'other';
  /** When the server had closed the connection in order, and was left in TIME_WAIT; null: it was not. */
  readonly closedAt: number | null;
  /** The tuple was used before: an offset that is drawn for each tuple (Linux) makes a line of its connections, and no host. */
  readonly again: boolean;
}

export function synTimestamps(census: Census, minimum: number): readonly SynTimestamps[] {
  return census.clientGroups(minimum).flatMap(({ client, service, ids }) => {
    const syns = ids.flatMap((id) => read(census, id) ?? []);
    if (syns.length < minimum) return [];
    const looked = syns.filter((s) => !s.again).slice(0, MOST);
    if (looked.length === 0) return [];
    const clocks = concurrent(
      RATES.map((hertz) => clocksOf(looked, hertz)).reduce((best, it) => (onLines(it) > onLines(best) ? it : best)),
    );
    const loose = looked.length - clocks.reduce((n, c) => n + c.syns.length, 0);
    const lines: TimestampClock[] = clocks.map((c) => ({ hertz: c.hertz, ids: c.syns.map((s) => s.id) }));
    return [{ client, service, syns: syns.length, clocks: lines, loose, ...recycled(syns) }];
  });
}

function read(census: Census, id: ConnId): Syn | null {
  const { tables } = census.tracker;
  const { cores, pairs } = tables;
  const core = cores.page(id);
  const c = cores.offset(id);
  const word = core[c + Core.STATE]!;
  if ((word & Trait.SAW_SYN) === 0 || (optionsOf(tables, core, c, 0) & SynOption.TIMESTAMPS) === 0) return null;
  const start = tables.firstTimes.of(id);
  const last = lastTimeOf(tables, id);
  const ref = pairOf(core, c);
  let syns = ref === 0 ? countsOf(tables, core, c) & 0xffff : 0;
  let fins = 0;
  if (ref !== 0) {
    const pair = pairs.page(ref - 1);
    const client = pairs.offset(ref - 1);
    syns = pair[client + Half.SYN]!;
    fins = Math.min(pair[client + Half.FIN]!, pair[client + HALF_STRIDE + Half.FIN]!);
  }
  const silent = (word & (Trait.SAW_SYN_ACK | Trait.REFUSED | Trait.ICMP_ERROR | Trait.HAS_RST)) === 0;
  const answered = (word & Trait.SAW_SYN_ACK) !== 0;
  const closed = fins > 0 && (word & (Trait.CLOSED_BY_SERVER | Trait.CLOSED_BY_CLIENT | Trait.HAS_RST)) === Trait.CLOSED_BY_SERVER;
  return {
    id,
    at: start / NANOS_PER_SECOND,
    timestamp: synTimestampOf(tables, core, c),
    // A SYN that had to come again was dropped, whatever became of its copies.
    fate: answered && syns === 1 ? 'answered' : (silent || (answered && syns > 1)) && census.end - start > UNDECIDED ? 'dropped' : 'other',
    again: previousOf(tables, core, c) !== 0,
    closedAt: closed ? last / NANOS_PER_SECOND : null,
  };
}

interface Line {
  readonly hertz: number;
  readonly syns: readonly Syn[];
}

const onLines = (lines: readonly Line[]): number => lines.reduce((n, line) => n + line.syns.length, 0);

/** The lines of that rate on which several SYNs lie, spread over some time. */
function clocksOf(syns: readonly Syn[], hertz: number): Line[] {
  const [first, last] = [syns[0]!.at, syns.at(-1)!.at];
  const tolerance = 1 + hertz * (JITTER_SECONDS + DRIFT * (last - first));
  const zero = (s: Syn): number => (((s.timestamp - hertz * (s.at - first)) % WRAP) + WRAP) % WRAP;
  const sorted = syns.map((syn) => ({ syn, zero: zero(syn) })).sort((a, b) => a.zero - b.zero);
  const groups: Syn[][] = [];
  let before = -Infinity;
  for (const { syn, zero: at } of sorted) {
    if (at - before > tolerance) groups.push([]);
    groups.at(-1)!.push(syn);
    before = at;
  }
  // The line that lies on both sides of the wrap.
  if (groups.length > 1 && sorted[0]!.zero + WRAP - sorted.at(-1)!.zero <= tolerance) groups[0]!.push(...groups.pop()!);
  return groups
    .map((group) => ({ hertz, syns: group.sort((a, b) => a.at - b.at) }))
    .filter((line) => line.syns.length >= MIN_SYNS && line.syns.at(-1)!.at - line.syns[0]!.at >= MIN_SPREAD_SECONDS);
}

/** The most lines that were in use at one moment: one after the other they may be one clock that was set anew. */
function concurrent(lines: readonly Line[]): readonly Line[] {
  let most: readonly Line[] = [];
  for (const line of lines) {
    const { at } = line.syns[0]!;
    const running = lines.filter((other) => other.syns[0]!.at <= at && other.syns.at(-1)!.at >= at);
    if (running.length > most.length) most = running;
  }
  return most.toSorted((a, b) => b.syns.length - a.syns.length);
}

/**
 * What tcp_peer_is_proven() of Linux before 4.12 would have said of each SYN. It compared with the newest timestamp that
 * the address had shown in a connection which the server closed; the SYN's of that connection is a lower bound of it.
 */
function recycled(syns: readonly Syn[]): Pick<SynTimestamps, 'olderDropped' | 'olderAnswered' | 'newerDropped' | 'newerAnswered'> {
  const olderDropped: OlderSyn[] = [];
  let [olderAnswered, newerDropped, newerAnswered] = [0, 0, 0];
  const closes = syns.filter((s) => s.closedAt !== null).sort((a, b) => a.closedAt! - b.closedAt!);
  let next = 0;
  let saved: Syn | null = null;
  for (const syn of syns.toSorted((a, b) => a.at - b.at)) {
    for (; next < closes.length && closes[next]!.closedAt! < syn.at; next++) {
      const close = closes[next]!;
      const stale: boolean = saved === null || close.closedAt! - saved.closedAt! > REMEMBERED_SECONDS;
      if (stale || ((close.timestamp - saved!.timestamp) | 0) >= 0) saved = close;
    }
    if (syn.fate === 'other') continue;
    const behind = saved !== null && syn.at - saved.closedAt! < REMEMBERED_SECONDS ? (saved.timestamp - syn.timestamp) | 0 : 0;
    if (behind > PAWS_WINDOW) {
      if (syn.fate === 'dropped') olderDropped.push({ id: syn.id, closed: saved!.id, behind });
      else olderAnswered++;
    } else if (syn.fate === 'dropped') newerDropped++;
    else newerAnswered++;
  }
  return { olderDropped, olderAnswered, newerDropped, newerAnswered };
}
