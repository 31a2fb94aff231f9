/**
 * How the words of two records of one connection become one, where the second is what a later capture saw of it (continuation.ts). Words
 * that are not named are the earlier record's.
 */
import { Copied, Delay, Half, HALF_STRIDE, Trouble, TROUBLE_HALF } from './layout.ts';

interface Sums {
  /** Counts, saturating. */
  readonly sums?: readonly number[];
  /** The same, float64. */
  readonly doubleSums?: readonly number[];
  readonly largest?: readonly number[];
  /** The earlier one's, or where that has none the later one's. */
  readonly first?: readonly number[];
  /** The later one's. */
  readonly last?: readonly number[];
  readonly lastDoubles?: readonly number[];
}

const MOST = 0x7fffffff;

export function addWords(into: Int32Array, at: number, from: Int32Array, there: number, kinds: Sums): void {
  const doubles = floatsOf(into);
  const others = floatsOf(from);
  for (const w of kinds.sums ?? []) into[at + w] = Math.min(MOST, into[at + w]! + from[there + w]!);
  for (const w of kinds.doubleSums ?? []) doubles[(at + w) >> 1] = doubles[(at + w) >> 1]! + others[(there + w) >> 1]!;
  for (const w of kinds.largest ?? []) into[at + w] = Math.max(into[at + w]!, from[there + w]!);
  for (const w of kinds.first ?? []) if (into[at + w] === 0) into[at + w] = from[there + w]!;
  for (const w of kinds.last ?? []) into[at + w] = from[there + w]!;
  for (const w of kinds.lastDoubles ?? []) doubles[(at + w) >> 1] = others[(there + w) >> 1]!;
}

export const floatsOf = (page: Int32Array): Float64Array => new Float64Array(page.buffer, page.byteOffset, page.length / 2);

/** An end has said anything later. What is to be seen of it only with payload, with an acknowledgment or in its state is not here. */
export const HALF_SUMS: Sums = {
  sums: [Half.PACKETS, Half.RTT_COUNT, Half.FIN, Half.RETRANSMISSIONS, Half.SYN, Half.SYN_ACK, Half.RST, Half.MISSED, Half.ZERO_WINDOWS],
  doubleSums: [Half.IP_BYTES, Half.PAYLOAD, Half.RTT_SUM],
  largest: [Half.RTT_MAX, Half.MAX_IN_FLIGHT, Half.LARGEST],
  first: [Half.FIRST_FIN, Half.FIRST_SYN, Half.FIRST_SYN_ACK, Half.FIRST_RST],
};

/** Of one end. */
export const TROUBLE_SUMS: Sums = {
  sums: [
    Trouble.FAST,
    Trouble.TAIL_PROBES,
    Trouble.SPURIOUS,
    Trouble.DUP_ACKS,
    Trouble.SACKS,
    Trouble.DSACKS,
    Trouble.ZERO_EPISODES,
    Trouble.WINDOW_PROBES,
    Trouble.WINDOW_FULL,
    Trouble.KEEP_ALIVES,
    Trouble.KEEP_ALIVES_ANSWERED,
    Trouble.UNSEEN_ACKS,
    Trouble.FILLS,
    Trouble.OUT_OF_ORDER,
    Trouble.GAP,
  ],
  doubleSums: [Trouble.LOST_TIME, Trouble.ZERO_TOTAL],
  largest: [Trouble.LONGEST_FULL_RUN, Trouble.MAX_DISTANCE],
  last: [
    Trouble.EXPECTED_DSACKS,
    Trouble.REPAIR,
    Trouble.RECOVER,
    Trouble.FULL_RUN,
    Trouble.LAST_FULL_UNA,
    Trouble.DUP_RUN,
    Trouble.DUP_ACK,
    Trouble.KEEP_ALIVES_IN_VAIN,
    Trouble.DOUBT_FROM,
    Trouble.HISTORY_COUNTS,
  ],
};

/** Where the later capture saw this end send again. */
export const REPEAT_SUMS: Sums = {
  last: [Trouble.LAST_UNA, Trouble.LAST_SEQ, Trouble.LAST_KIND, Trouble.LAST_FRAME, Trouble.VAIN_RUN, Trouble.VAIN_FRAME],
  lastDoubles: [Trouble.LAST_WAIT, Trouble.LAST_TIME, Trouble.VAIN_SINCE],
};

export const KEEP_ALIVE_SUMS: Sums = {
  last: [Trouble.KEEP_ALIVE_FRAME],
  lastDoubles: [Trouble.KEEP_ALIVE_TIME, Trouble.KEEP_ALIVE_INTERVAL],
};

export const COPIED_SUMS: Sums = {
  sums: [Copied.COUNT, Copied.SYN, Copied.SYN_ACK, Copied.FIN, Copied.RST].flatMap((word) => [word, word + 1]),
  doubleSums: [Copied.IP_BYTES, Copied.PAYLOAD].flatMap((word) => [word, word + 2]),
};

export const DELAY_SUMS: Sums = {
  sums: [Delay.LONG, Delay.LONG_ACKED, Delay.DRIPS, Delay.DRIP_OCTETS, Delay.STALLS_SHORT, Delay.STALLS_LONG, Delay.STALLS_OF_CLIENT],
  doubleSums: [Delay.STALL_TIME],
};

/** The two ends of a pair record change places. */
export function swapEnds(pair: Int32Array, p: number): void {
  for (const [from, to] of [
    [Half.NXT, HALF_STRIDE],
    [Half.STATE_TIME, Half.STATE_TIME + HALF_STRIDE],
    [Half.SYN, Half.AFTER_PEER_FIN + 1],
  ] as const)
    for (let word = from; word < to; word++) swap(pair, p + word, p + word + HALF_STRIDE);
}

/** The same of a trouble record. */
export function swapTroubles(trouble: Int32Array, t: number): void {
  for (let word = 0; word < TROUBLE_HALF; word++) swap(trouble, t + word, t + word + TROUBLE_HALF);
}

/** And of a record of copies: its words are [client, server], but that of the last one. */
export function swapCopied(copied: Int32Array, at: number): void {
  const doubles: readonly number[] = [Copied.IP_BYTES, Copied.PAYLOAD];
  for (const word of [Copied.COUNT, Copied.SYN, Copied.SYN_ACK, Copied.FIN, Copied.RST]) swap(copied, at + word, at + word + 1);
  for (const word of doubles) for (const n of [0, 1]) swap(copied, at + word + n, at + word + 2 + n);
}

function swap(words: Int32Array, a: number, b: number): void {
  const word = words[a]!;
  words[a] = words[b]!;
  words[b] = word;
}
